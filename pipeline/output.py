"""The layout of a run's output folder."""

import fcntl
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.local_path import check_local
from schema.errors import ConfigurationError


@dataclass(frozen=True)
class OutputFolder:
    """Attributes: root: an absolute path."""

    root: Path

    @property
    def metadata(self) -> Path:
        return self.root / "metadata.sqlite"

    @property
    def identity(self) -> Path:
        """Tells the folder from others in a metadata database that several share."""
        return self.root / ".identity"

    @property
    def pipeline_root(self) -> Path:
        return self.root / "pipeline_root"

    @property
    def serving(self) -> Path:
        return self.root / "serving"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    @property
    def cross_validation(self) -> Path:
        return self.root / "cross_validation"

    @property
    def retraining(self) -> Path:
        return self.root / "retraining"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    @property
    def generated_data(self) -> Path:
        """Where data sets that are made, not downloaded, are made."""
        return self.root / "data"


def open_output(path: Path) -> OutputFolder:
    """Makes the folder where it is missing.

    Raises ConfigurationError where it is a URI, or cannot be written to in all the ways that a run needs.
    """
    check_local(path, "The output folder")
    output = OutputFolder(path.resolve())
    try:
        output.logs.mkdir(parents=True, exist_ok=True)
        for folder in (output.logs, output.serving):  # the second may be a mount of its own
            if folder.is_dir():
                _try_file_system(folder)
    except OSError as error:
        raise ConfigurationError(
            f"The output folder {path} cannot be written to ({error.strerror or error}).",
            fix="choose another one with --output DIR: a file system with locks, fsync and renaming of folders",
        ) from error
    return output


def _try_file_system(folder: Path) -> None:
    """Does what publishing, SQLite and logs do, which mounts of object stores often cannot. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix=".probe-", dir=folder) as scratch:
        staged, published = Path(scratch) / "staged", Path(scratch) / "published"
        staged.mkdir()
        with (staged / "file").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(b"12")
            file.seek(0)
            file.write(b"3")
            file.flush()
            os.fsync(file.fileno())
        staged.rename(published)
