"""Publishing to a folder: versions only rise, appear whole or not at all, and outlive every failure."""

import errno
import hashlib
import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.publisher import releases
from components.publisher.checksums import FILE, checksums_of, read_checksums
from components.publisher.releases import publish, staged, versions
from schema.errors import PublishingError

CARDS = {"model_card.md": b"# Model card", "data_card.json": b"{}"}
FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"i", "assets.extra/model.json": b"{}"}

_copytree = shutil.copytree
LOCK = ".publishing.lock"
PUBLISHED = FILES | {f"assets.extra/{name}": content for name, content in CARDS.items()}


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _publish(model: Path, base: Path) -> int:
    with staged(model, model.parent / "cards", base) as staging:
        return publish(staging, base)


def _read(folder: Path) -> dict[str, bytes]:
    """Without the list of checksums."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if name != FILE}


def _entries(base: Path) -> list[str]:
    """Without the lock."""
    return sorted(entry.name for entry in base.iterdir() if entry.name != LOCK)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """With its cards beside it."""
    _write(tmp_path / "model", FILES)
    _write(tmp_path / "cards", CARDS)
    return tmp_path / "model"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Does not exist yet."""
    return tmp_path / "serving" / "breast_imaging"


def test_publishing_is_a_rename_of_the_whole_copy(model: Path, base: Path) -> None:
    before = int(time.time())
    with staged(model, model.parent / "cards", base) as staging:
        identity = staging.stat().st_ino
        assert versions(base) == []
        assert not staging.name.isdigit()
        assert staging.parent == base
        assert _read(staging) == PUBLISHED
        version = publish(staging, base)

    assert before <= version <= int(time.time())
    assert _entries(base) == [str(version)]
    assert (base / str(version)).stat().st_ino == identity
    assert _read(base / str(version)) == PUBLISHED
    assert _read(model) == FILES


def test_a_published_version_lists_the_checksums_of_its_files(model: Path, base: Path) -> None:
    version = base / str(_publish(model, base))

    assert read_checksums(version) == checksums_of(version)
    assert checksums_of(version)["saved_model.pb"] == hashlib.sha256(b"graph").hexdigest()
    finished = subprocess.run(["sha256sum", "-c", FILE], cwd=version, capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines() == [f"{name}: OK" for name in sorted(PUBLISHED)]


def test_what_is_staged_and_not_published_is_gone_afterwards(model: Path, base: Path) -> None:
    with pytest.raises(RuntimeError, match="refused"), staged(model, model.parent / "cards", base):
        raise RuntimeError("refused")

    assert _entries(base) == []


def test_what_a_killed_publisher_left_is_swept(model: Path, base: Path) -> None:
    _write(base / ".staging-1-2", {"saved_model.pb": b"half"})
    _write(base / "7", FILES)

    version = _publish(model, base)

    assert _entries(base) == sorted(["7", str(version)])
    assert _read(base / "7") == FILES


def test_what_another_publisher_is_staging_is_left_alone(model: Path, base: Path) -> None:
    second = threading.Thread(target=_publish, args=(model, base))
    with staged(model, model.parent / "cards", base) as staging:
        second.start()
        second.join(0.3)
        assert second.is_alive(), "it waits"
        assert _entries(base) == [staging.name]
        first = publish(staging, base)
    second.join()

    assert versions(base)[0] == first
    assert len(versions(base)) == 2


def test_a_copy_that_differs_is_not_published(model: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_and_flip(source: Path, target: Path, *arguments: object, **more: object) -> None:
        _copytree(source, target, *arguments, **more)  # type: ignore[arg-type]
        index = Path(target) / "variables" / "variables.index"
        if index.exists():
            index.write_bytes(b"I")

    monkeypatch.setattr(shutil, "copytree", copy_and_flip)
    with pytest.raises(PublishingError, match="the copy differs from the model"):
        _publish(model, base)
    assert _entries(base) == []


def test_versions_rise_within_a_second(model: Path, base: Path) -> None:
    published = [_publish(model, base) for _ in range(4)]

    assert published == sorted(set(published))
    assert versions(base) == published


@pytest.mark.parametrize("ahead", [10**6, 10**12])
def test_after_a_version_of_the_future_comes_the_next_one(model: Path, base: Path, ahead: int) -> None:
    future = int(time.time()) + ahead
    _write(base / str(future), {"old": b"1"})

    assert _publish(model, base) == future + 1
    assert _read(base / str(future)) == {"old": b"1"}


def test_a_version_without_content_is_not_filled(model: Path, base: Path) -> None:
    future = int(time.time()) + 1000
    (base / str(future)).mkdir(parents=True)

    assert _publish(model, base) == future + 1
    assert _read(base / str(future)) == {}


def test_after_a_version_of_the_past_comes_the_present_one(model: Path, base: Path) -> None:
    _write(base / "7", {"old": b"1"})

    assert _publish(model, base) >= int(time.time()) - 5
    assert versions(base)[0] == 7


def test_a_version_that_appears_meanwhile_is_not_touched(
    model: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged(model, model.parent / "cards", base) as staging:
        monkeypatch.setattr(releases, "time", SimpleNamespace(time=lambda: 1000.0))
        _write(base / "1000", {"theirs": b"1"})
        monkeypatch.setattr(releases, "versions", lambda base: [])  # read before theirs appeared
        assert publish(staging, base) == 1001

    assert _read(base / "1000") == {"theirs": b"1"}
    assert _read(base / "1001") == PUBLISHED


def test_publishers_at_once_get_different_versions(model: Path, base: Path) -> None:
    number = 8
    start = threading.Barrier(number)
    published: list[int] = []

    def work() -> None:
        start.wait()
        published.append(_publish(model, base))

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(published)) == number
    assert versions(base) == sorted(published)
    assert all(_read(base / str(version)) == PUBLISHED for version in published)
    assert len(_entries(base)) == number


@given(
    st.lists(st.text("0123456789²٣a.-_ ", min_size=1, max_size=5).filter(lambda name: name.strip(".")), unique=True)
)
def test_only_folders_with_plain_numbers_are_versions(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    base = tmp_path_factory.mktemp("base")
    for name in names:
        (base / name).mkdir()
    (base / "123456").write_bytes(b"a file")

    assert versions(base) == sorted(int(name) for name in names if set(name) <= set("0123456789"))


def test_a_base_that_is_no_folder_is_a_publishing_error(model: Path, tmp_path: Path) -> None:
    (tmp_path / "serving").write_bytes(b"a file")

    for base in (tmp_path / "serving", tmp_path / "serving" / "breast_imaging"):
        with pytest.raises(PublishingError, match="cannot be copied"):
            _publish(model, base)
    assert (tmp_path / "serving").read_bytes() == b"a file"


def test_a_model_that_is_gone_is_a_publishing_error(base: Path, tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="cannot be copied"):
        _publish(tmp_path / "gone", base)
    assert _entries(base) == []


def test_a_full_disk_leaves_the_old_versions_and_nothing_else(
    model: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(base / "7", FILES)

    def copy_half(source: Path, target: Path) -> None:
        _write(Path(target), {"saved_model.pb": b"gr"})
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", copy_half)

    with pytest.raises(PublishingError) as caught:
        _publish(model, base)

    assert str(base) in caught.value.what
    assert "No space left on device" in caught.value.what
    assert _entries(base) == ["7"]
    assert _read(base / "7") == FILES
