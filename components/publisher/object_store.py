"""Version folders of a served model in an object store (`gs://`), which knows no rename.

A server that takes the latest version would see one that is still being written, so it has to be told which to load:
the version policy `specific`, as `breast-imaging release` writes it. Then a version counts once a release names it.
"""

import hashlib
import os
import time
import uuid
from pathlib import Path
from typing import Final

import tensorflow as tf
from tfx.dsl.io import fileio

from components.publisher.checksums import FILE, checksums_of, read_checksums
from schema.errors import PublishingError

_CLAIMS: Final = "claims"
_COPY_BYTES: Final = 8 * 1024 * 1024


def is_object_store(base: str) -> bool:
    return "://" in base


def versions(base: str) -> list[int]:
    """The versions, ascending, unfinished ones too, whose numbers are used up."""
    if not fileio.exists(base):
        return []
    names = [name.rstrip("/") for name in fileio.listdir(base)]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def upload(staging: Path, base: str) -> int:
    """Copies a staged model to the next version, which nobody else writes to, and returns the version.

    The list of checksums comes last, and only once what is there is what was staged: a folder with it is whole.

    Raises PublishingError where the copy fails; what was published before is untouched.
    """
    try:
        version = _claim(base)
        target = f"{base}/{version}"
        for name in checksums_of(staging):
            _copy(staging / name, f"{target}/{name}")
        _verify(staging, target)
        _copy(staging / FILE, f"{target}/{FILE}")
    except (OSError, tf.errors.OpError) as error:
        raise PublishingError(
            f"The model cannot be copied to {base} ({error}).",
            fix="grant access there, and run again; the versions published before still serve",
        ) from error
    return version


def _claim(base: str) -> int:
    """A version of one's own.

    Each writes its claim before it looks for others', and gives way where it finds one; so of two, at most one stays.
    """
    identity = uuid.uuid4().hex
    version = max([int(time.time()), *(latest + 1 for latest in versions(base))])
    while True:
        claims = f"{base}/{_CLAIMS}/{version}"
        fileio.makedirs(claims)
        with fileio.open(f"{claims}/{identity}", "wb") as file:
            file.write(b"")
        rivals = sorted(name.rstrip("/") for name in fileio.listdir(claims))
        if rivals == [identity] and version not in versions(base):
            return version
        version += 1 + rivals.index(identity)  # a place for each, so that they do not meet again


def _copy(source: Path, target: str) -> None:
    fileio.makedirs(os.path.dirname(target))
    with source.open("rb") as reader, fileio.open(target, "wb") as writer:
        while block := reader.read(_COPY_BYTES):
            writer.write(block)


def _verify(staging: Path, target: str) -> None:
    for name, digest in read_checksums(staging).items():
        if _digest(f"{target}/{name}") != digest:
            raise OSError(f"{name} there differs from what was written")


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with fileio.open(path, "rb") as file:
        while block := file.read(_COPY_BYTES):
            digest.update(block)
    return digest.hexdigest()
