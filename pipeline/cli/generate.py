"""`breast-imaging data generate`."""

from collections.abc import Sequence
from pathlib import Path

from components.datasets.registry import get_dataset
from pipeline.config import load_config
from schema.errors import ConfigurationError


def generate_command(config_name: str, directory: Path, overrides: Sequence[str]) -> None:
    """Writes the data set. Raises ConfigurationError where it cannot be made, or not there."""
    config = load_config(config_name, overrides)
    dataset = get_dataset(config.data.dataset)
    if dataset.generate is None:
        raise ConfigurationError(
            f"The data set {dataset.name!r} cannot be made.", fix=f"obtain it from {dataset.source}"
        )
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise ConfigurationError(f"{directory} is not an empty folder.", fix="name a new one with --data DIR")
    try:
        dataset.generate(directory, config.data.seed)
    except OSError as error:
        raise ConfigurationError(
            f"The data set cannot be written to {directory} ({error.strerror}).",
            fix="name another folder with --data",
        ) from error
