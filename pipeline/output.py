"""The layout of a run's output folder."""

import os
from dataclasses import dataclass
from pathlib import Path

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
    """Makes the folder where it is missing. Raises ConfigurationError where it cannot be written to."""
    output = OutputFolder(path.resolve())
    try:
        output.logs.mkdir(parents=True, exist_ok=True)
        probe = output.logs / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"The output folder {path} cannot be written to ({error.strerror}).",
            fix="choose another one with --output DIR",
        ) from error
    return output
