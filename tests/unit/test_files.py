"""Files of a data folder: what is listed, and what is said about those that cannot be read."""

import os
from pathlib import Path

import pytest

from components.image_example_gen.files import list_folder, read_file, read_text
from schema.errors import ConfigurationError, DataRejectedError
from schema.images.formats import UnreadableImageError


def _write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


@pytest.mark.parametrize("ending", ["", "/"])
def test_every_file_is_listed_sorted_but_hidden_ones(tmp_path: Path, ending: str) -> None:
    _write(tmp_path, "b/2.png", "a.txt", "b/1 (ä, ß).png", "b/c/3", ".hidden", "b/.DS_Store", ".git/config")

    assert list(list_folder(f"{tmp_path}{ending}").paths) == ["a.txt", "b/1 (ä, ß).png", "b/2.png", "b/c/3"]


def test_listed_text_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text("päth", "utf-8")

    assert list_folder(str(tmp_path)).read_text("groups.csv") == "päth"


def test_a_missing_folder_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    _write(tmp_path, "file")

    for path in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="does not exist") as caught:
            list_folder(str(path))
        assert caught.value.fix == "name it with --data DIR"


@pytest.mark.parametrize("paths", [(), (".hidden",), (".git/config",)])
def test_a_folder_without_visible_files_is_empty(tmp_path: Path, paths: tuple[str, ...]) -> None:
    _write(tmp_path, *paths)

    with pytest.raises(DataRejectedError, match="is empty"):
        list_folder(str(tmp_path))


def test_a_name_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    _write(tmp_path, "good.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad-\xff.png")).write_bytes(b"1")

    with pytest.raises(DataRejectedError, match="not valid UTF-8") as caught:
        list_folder(str(tmp_path))

    assert r"bad-\xff.png" in str(caught.value) or r"bad-\udcff.png" in str(caught.value)


def test_content_is_read_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x00\r\n\xff")

    assert read_file(str(tmp_path / "x")) == b"\x00\r\n\xff"


def test_a_file_that_cannot_be_read_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "broken.png").symlink_to("gone.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "folder.png").mkdir()

    for name in ("gone.png", "broken.png", "loop.png", "folder.png"):
        with pytest.raises(UnreadableImageError, match=r"the file cannot be read|this is not a regular file"):
            read_file(str(tmp_path / name))


def test_text_that_cannot_be_read_is_rejected_by_name(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("ä".encode("latin-1"))
    (tmp_path / "broken.csv").symlink_to("gone.csv")

    for name in ("latin.csv", "broken.csv"):
        with pytest.raises(DataRejectedError, match=name):
            read_text(str(tmp_path), name)
