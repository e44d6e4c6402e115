"""`breast-imaging score`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from components.batch_scoring.rows import writer_for
from components.batch_scoring.score import Scored, score_folder
from components.datasets.registry import get_dataset
from components.image_example_gen.files import list_folder
from pipeline.beam_check import check_engine
from pipeline.beam_here import beam_here, work_folder
from pipeline.beam_settings import BeamSettings, LocalBeam
from pipeline.cli.quiet import quiet_imports
from pipeline.config import load_config
from pipeline.display import make_display
from pipeline.published import published_model
from schema.errors import EXIT_DATA_REJECTED, ConfigurationError, DataRejectedError
from schema.images.suffixes import is_image_path
from serving.servable import Servable


def choose_engine(workers: int | None, config_name: str | None, overrides: Sequence[str]) -> BeamSettings:
    """Threads of this process, or what a configuration says. Raises ConfigurationError where both are asked for."""
    if config_name is None and not overrides:
        return LocalBeam(workers=1 if workers is None else workers)
    if config_name is None or workers is not None:
        raise ConfigurationError(
            "--workers counts threads; --config, with --set, names an engine with workers of its own.",
            fix="give --workers, or --config and --set beam.workers=NUMBER",
        )
    return load_config(config_name, overrides).beam


def score_command(model: Path, data: Path, output: Path, dataset: str | None, beam: BeamSettings) -> int:
    """Scores a folder and says how many images there were. Raises BreastImagingError as the exit codes say."""
    console = Console()
    writer_for(output)
    folder, paths, root = published_model(model).resolve(), _paths(data, dataset), data.resolve()
    check_engine(beam, [str(folder), str(root)])
    with quiet_imports():  # what TensorFlow prints when it first loads a model; and better to know now than later
        Servable(str(folder)).close()
    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        make_display(console) as display,
        work_folder(beam) as directory,
        beam_here(beam, display.show) as make_pipeline,
    ):
        scored = score_folder(make_pipeline, str(folder), str(root), paths, output, directory)
    console.print(f"{scored.images} images scored with {folder}", highlight=False, soft_wrap=True, markup=False)
    console.print(f"Written to {output}. Research use only, not for diagnosis.", highlight=False, markup=False)
    return _exit_code(scored)


def _paths(data: Path, dataset: str | None) -> list[str]:
    listing = list_folder(str(data))
    if dataset:
        paths = [record.path for record in get_dataset(dataset).find_records(listing)]
    else:
        paths = [path for path in listing.paths if is_image_path(path)]
    if not paths:
        raise DataRejectedError(f"There are no images in {data}.", fix="name the folder that holds them")
    return paths


def _exit_code(scored: Scored) -> int:
    if not scored.failed:
        return 0
    files = "1 file" if scored.failed == 1 else f"{scored.failed} files"
    print(f"{files} could not be read; the column error says why.", file=sys.stderr)
    return EXIT_DATA_REJECTED
