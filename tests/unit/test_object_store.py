"""Publishing where there is no rename: a store of our own, that keeps its objects below a folder."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.io import fileio, filesystem_registry
from tfx.dsl.io.plugins.local import LocalFilesystem

from components.publisher import object_store
from components.publisher.checksums import FILE, checksums_of, write_checksums
from components.publisher.object_store import is_object_store, upload, versions
from schema.errors import PublishingError

FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"i", "assets.extra/model.json": b"{}"}
BASE = "fake://bucket/serving/breast_imaging"


def make_store(folder: Path) -> type[LocalFilesystem]:
    """A file system for `fake://` that looks into a folder."""

    def there(path: Any) -> str:
        return str(path).replace("fake://", f"{folder}/")

    class Store(LocalFilesystem):
        SUPPORTED_SCHEMES = ["fake://"]

        @staticmethod
        def open(name: Any, mode: str = "r") -> Any:
            return LocalFilesystem.open(there(name), mode)

        @staticmethod
        def exists(path: Any) -> bool:
            return bool(LocalFilesystem.exists(there(path)))

        @staticmethod
        def listdir(path: Any) -> Any:
            return LocalFilesystem.listdir(there(path))

        @staticmethod
        def makedirs(path: Any) -> None:
            LocalFilesystem.makedirs(there(path))

    return Store


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the store's objects below `BASE`."""
    registry = filesystem_registry.FilesystemRegistry()
    registry.register(make_store(tmp_path / "store"), 0)
    monkeypatch.setattr(filesystem_registry, "DEFAULT_FILESYSTEM_REGISTRY", registry)
    yield tmp_path / "store" / BASE.removeprefix("fake://")


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / "staging"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_checksums(folder, checksums_of(folder))
    return folder


def test_what_is_an_object_store() -> None:
    assert is_object_store("gs://bucket/models")
    assert not is_object_store("/srv/models")


def test_a_version_arrives_whole(staging: Path, bucket: Path) -> None:
    assert versions(BASE) == []

    version = upload(staging, BASE)

    assert versions(BASE) == [version]
    assert checksums_of(bucket / str(version)) == checksums_of(staging)
    assert (bucket / str(version) / FILE).read_bytes() == (staging / FILE).read_bytes()


def test_versions_rise(staging: Path, bucket: Path) -> None:
    (bucket / str(10**12)).mkdir(parents=True)

    assert [upload(staging, BASE) for _ in range(2)] == [10**12 + 1, 10**12 + 2]


def test_publishers_at_once_never_write_to_the_same_version(staging: Path, bucket: Path) -> None:
    start, published = threading.Barrier(8), list[int]()

    def work() -> None:
        start.wait()
        published.append(upload(staging, BASE))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(published)) == 8
    assert versions(BASE) == sorted(published)


def test_the_checksums_come_last(staging: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    copy = object_store._copy
    monkeypatch.setattr(object_store, "_copy", lambda source, target: (written.append(target), copy(source, target)))

    version = upload(staging, BASE)

    assert written[-1] == f"{BASE}/{version}/{FILE}"
    assert len(written) == len(FILES) + 1


def test_a_copy_that_differs_is_an_error_and_has_no_checksums(
    staging: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = object_store._copy

    def flip(source: Path, target: str) -> None:
        copy(source, target)
        if target.endswith("saved_model.pb"):
            with fileio.open(target, "wb") as file:
                file.write(b"grape")

    monkeypatch.setattr(object_store, "_copy", flip)
    with pytest.raises(PublishingError, match=r"saved_model\.pb there differs from what was written"):
        upload(staging, BASE)

    (version,) = versions(BASE)
    assert not (bucket / str(version) / FILE).exists()


def test_a_store_that_refuses_is_a_publishing_error(
    staging: Path, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(object_store, "_copy", refuse)
    with pytest.raises(PublishingError, match="Permission denied"):
        upload(staging, BASE)
