"""What a report was made from: code, libraries, artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final

from tfx import types

_LIBRARIES: Final = ("tfx", "tensorflow", "keras", "tensorflow-data-validation", "tensorflow-model-analysis")


@dataclass(frozen=True)
class Origin:
    """Attributes:
    configuration: of the run, as YAML.
    code_hash: SHA-256 of the code and the libraries of this step; empty where the platform does not tell.
    commit: of the code; empty where it is not known.
    """

    configuration: str
    code_hash: str
    commit: str


def lineage(origin: Origin, artifacts: Mapping[str, types.Artifact | None]) -> dict[str, str]:
    """Names and values; what is not known is left out."""
    code = {"commit": origin.commit, "code hash (SHA-256)": origin.code_hash}
    versions = {library: metadata.version(library) for library in ("breast-imaging", *_LIBRARIES)}
    identities = {f"{name} artifact": str(artifact.id) for name, artifact in artifacts.items() if artifact}
    return {name: value for name, value in code.items() if value} | versions | identities


def tuned(training: Mapping[str, Any]) -> dict[str, str]:
    """What was trained with in the place of the configuration, which the report shows as it is."""
    return {f"tuned {key}": str(value) for key, value in training.get("tuned", {}).items()}
