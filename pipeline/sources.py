"""Where a run takes its images from and leaves its results, by default."""

import shutil
from pathlib import Path

from components.datasets.registry import get_dataset
from pipeline.config import Config
from pipeline.output import OutputFolder
from schema.errors import ConfigurationError


def default_output(given: str | None, config: Config) -> Path:
    """The folder named, or `runs/<name>` below the current one."""
    return Path(given) if given else Path("runs") / config.name


def prepare_data(given: str | None, config: Config, output: OutputFolder) -> Path:
    """The data folder named, or, for a data set that can be made, one made in the output folder.

    Raises ConfigurationError where no folder is named, or the one named is not there.
    """
    if given:
        return _existing_folder(Path(given))
    dataset = get_dataset(config.data.dataset)
    if dataset.generate is None:
        raise ConfigurationError(
            f"No data folder is named, and the data set {dataset.name!r} has to be obtained by yourself.",
            fix=f"name its folder with --data DIR; layout: {dataset.layout}; source: {dataset.source}",
        )
    target = output.generated_data / f"{dataset.name}-seed-{config.data.seed}"
    if not target.is_dir():
        # Made aside and renamed, so that an interrupted run leaves no half of a data set behind.
        partial = target.with_name(f".{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        dataset.generate(partial, config.data.seed)
        partial.rename(target)
    return target


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ConfigurationError(f"The data folder {path} does not exist.", fix="name it with --data DIR")
    return path
