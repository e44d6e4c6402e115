"""Files that are replaced in one step."""

import os
import stat
from pathlib import Path

import pytest

from schema.durable_files import replace_text


def test_text_takes_the_place_of_a_file_and_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    file.chmod(0o640)

    replace_text(file, "sein Übermut\n")

    assert file.read_bytes() == "sein Übermut\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    usual, file = tmp_path / "usual", tmp_path / "new"
    usual.touch()

    replace_text(file, "")

    assert file.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_where_it_fails_the_old_content_stays_and_nothing_else(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(step, fail)
    with pytest.raises(OSError, match="No space left"):
        replace_text(file, "new")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
