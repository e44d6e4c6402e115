"""The versions of a served model, as a baseline for the next one, or as what its training starts from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

from components.history.files import copy_file, names_in
from components.publisher import object_store
from components.publisher.checksums import FILE, checksums_of, parse_checksums
from components.trainer.warm_start import WEIGHTS_FILE
from schema.errors import BreastImagingError
from serving.extras import Classes, read_description

_KEPT_WEIGHTS: Final = "weights.npz"


def versions_of(base: str, classes: Classes) -> Iterator[int]:
    """The whole versions that tell these classes apart, newest first. One without checksums is not whole yet."""
    for version in reversed(object_store.versions(base)):
        folder = f"{base}/{version}"
        if fileio.exists(f"{folder}/{FILE}") and read_description(folder).classes == classes:
            yield version


def latest_other_version(base: str, classes: Classes, candidate: str) -> int | None:
    """The newest whole version of these classes that is not the candidate; None where there is none.

    Args:
        base: holds the versions.
        candidate: folder of the SavedModel, on this machine.
    """
    files = checksums_of(Path(candidate))
    others = (version for version in versions_of(base, classes) if not _is_of(f"{base}/{version}", files))
    return next(others, None)


def fetch(base: str, version: int, model: standard_artifacts.Model) -> None:
    """Copies a version into an artifact, as the Trainer would have left it there.

    Raises BreastImagingError where the copy is not what was published.
    """
    target = path_utils.serving_model_dir(model.uri)
    io_utils.copy_dir(f"{base}/{version}", target)
    if checksums_of(Path(target)) != _published_checksums(target):
        raise BreastImagingError(
            f"Version {version} in {base} is not what was published: its files differ from their checksums.",
            fix="restore the folder, or remove it; then run again",
        )


def keep_weights(model: str, version: str, directory: str) -> None:
    """Keeps the weights that the Trainer left beside a model, for the training of the next; older ones are removed.

    Args:
        model: folder of the Trainer's artifact.
        version: under which the model was published.
        directory: of the weights of all versions.
    """
    copy_file(f"{model}/{WEIGHTS_FILE}", f"{directory}/{version}/{_KEPT_WEIGHTS}")
    for name in names_in(directory):
        if name.isascii() and name.isdigit() and int(name) < int(version):
            fileio.rmtree(f"{directory}/{name}")


def latest_version_with_weights(base: str, classes: Classes, directory: str) -> int | None:
    """The newest version of these classes whose weights were kept; None where there is none."""
    versions = versions_of(base, classes)
    return next((version for version in versions if fileio.exists(_kept_weights(directory, version))), None)


def fetch_weights(directory: str, version: int, model: standard_artifacts.Model) -> None:
    copy_file(_kept_weights(directory, version), f"{model.uri}/{WEIGHTS_FILE}")


def _kept_weights(directory: str, version: int) -> str:
    return f"{directory}/{version}/{_KEPT_WEIGHTS}"


def _is_of(folder: str, files: Mapping[str, str]) -> bool:
    """Whether all these files were published there. Cards were besides, which a run writes anew."""
    return files.items() <= _published_checksums(folder).items()


def _published_checksums(folder: str) -> dict[str, str]:
    return parse_checksums(io_utils.read_string_file(f"{folder}/{FILE}"))
