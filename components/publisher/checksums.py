"""SHA-256 of the files of a model, in the format that `sha256sum -c` reads."""

import hashlib
from pathlib import Path
from typing import Final

from schema import contract

FILE: Final = f"{contract.EXTRA_ASSETS}/SHA256SUMS"


def checksums_of(folder: Path) -> dict[str, str]:
    """Hexadecimal digests by path relative to the folder, of every file but the list itself, sorted."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: _digest(files[name]) for name in sorted(files) if name != FILE}


def write_checksums(folder: Path, checksums: dict[str, str]) -> None:
    lines = (f"{digest}  {name}\n" for name, digest in checksums.items())
    (folder / FILE).parent.mkdir(exist_ok=True)
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


def read_checksums(folder: Path) -> dict[str, str]:
    """As `checksums_of` gave them when the model was published. Raises OSError where there is no list."""
    return parse_checksums((folder / FILE).read_text(encoding="utf-8"))


def parse_checksums(text: str) -> dict[str, str]:
    """Of the content of a list."""
    return {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
