"""Models that were exported or published, as they lie in a folder."""

from pathlib import Path
from typing import Final

from components.publisher.releases import versions
from pipeline.config import Config
from pipeline.local_path import check_local
from schema.errors import ConfigurationError
from serving.extras import Classes, read_description
from serving.saved_model import UnusableModelError

_SAVED_MODEL: Final = "saved_model.pb"


def published_model(folder: Path) -> Path:
    """The folder of the SavedModel: the one named, or the latest of the versions in it.

    Raises ConfigurationError where there is neither.
    """
    check_local(folder, "The model")
    if (folder / _SAVED_MODEL).is_file():
        return folder.resolve()
    latest = versions(folder)[-1:]
    for version in latest:
        if (folder / str(version) / _SAVED_MODEL).is_file():
            return (folder / str(version)).resolve()
    raise ConfigurationError(
        f"There is no model in {folder}.",
        fix="name the folder of a version, or the one that holds the versions: runs/NAME/serving/MODEL",
    )


def check_classes(model: Path, config: Config) -> None:
    """Raises ConfigurationError where the model does not tell the configuration's classes apart, in that order."""
    try:
        description = read_description(str(model))
    except UnusableModelError as error:
        raise ConfigurationError(
            f"The classes of the model in {model} cannot be read: {error.what}",
            fix="name one that this pipeline exported",
        ) from error
    if description.classes != Classes(tuple(config.data.labels), config.data.positive_label):
        raise ConfigurationError(
            f"The model tells {list(description.labels)} apart (positive: {description.positive_label}); the"
            f" configuration names {list(config.data.labels)} (positive: {config.data.positive_label}).",
            fix="choose the configuration that it was trained with, or --set data.labels=[...],"
            " data.positive_label=NAME and data.label_map={...}",
        )
