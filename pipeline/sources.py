"""Where a run takes its images from and leaves its results, by default."""

import tempfile
from pathlib import Path

from components.datasets.registry import get_dataset
from pipeline.config import Config
from pipeline.local_path import check_local
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
        return _check_folder(Path(given), output)
    dataset = get_dataset(config.data.dataset)
    if dataset.generate is None:
        raise ConfigurationError(
            f"No data folder is named, and the data set {dataset.name!r} has to be obtained by yourself.",
            fix=f"name its folder with --data DIR; layout: {dataset.layout}; source: {dataset.source}",
        )
    target = output.generated_data / f"{dataset.name}-seed-{config.data.seed}"
    if not target.is_dir():
        # Made aside and renamed, so that an interrupted run leaves no half of a data set behind.
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as partial:
            made = Path(partial) / target.name
            dataset.generate(made, config.data.seed)
            if not target.exists():  # another run may have been faster
                made.rename(target)
    return target


def _check_folder(path: Path, output: OutputFolder) -> Path:
    check_local(path, "The data folder")
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise ConfigurationError(f"The data folder {path} {what}.", fix="name it with --data DIR")
    if output.root.is_relative_to(path.resolve()):
        raise ConfigurationError(
            f"The output folder {output.root} lies in the data folder {path}, whose files it would change.",
            fix="name another one with --output DIR",
        )
    return path
