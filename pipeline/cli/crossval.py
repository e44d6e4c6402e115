"""`breast-imaging crossval`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.cross_validation.content import (
    PREDICTIONS_FILE,
    SUMMARY_FILE,
    CrossValidationSummary,
    Figure,
)
from pipeline.cli.job import do_job
from pipeline.config import Config
from pipeline.events import Event
from pipeline.json_file import write_json
from pipeline.output import OutputFolder
from pipeline.worker import CrossValidationJob
from schema.errors import ConfigurationError


def crossval_command(
    config_name: str,
    data: Path | None,
    output_path: Path | None,
    folds: int,
    json_file: Path | None,
    overrides: Sequence[str],
    debug: bool,
) -> int:
    """Cross-validates and prints the pooled figures. Raises BreastImagingError as the exit codes say."""
    if folds < 2:
        raise ConfigurationError("--folds: a cross-validation takes at least two.", fix="give 2 or more")
    console = Console()

    def finish(config: Config, output: OutputFolder, events: Sequence[Event]) -> int:
        file = output.cross_validation / SUMMARY_FILE
        summary = CrossValidationSummary.model_validate_json(file.read_text("utf-8"))
        console.print(figures_table(config.name, summary))
        predictions = output.cross_validation / PREDICTIONS_FILE
        console.print(f"Predictions: {predictions}", highlight=False, soft_wrap=True, markup=False)
        if json_file:
            write_json(summary, json_file)
        return 0

    job = CrossValidationJob(folds=folds)
    return do_job(job, config_name, data, output_path, overrides, debug, console, finish)


def figures_table(name: str, summary: CrossValidationSummary) -> Table:
    """The pooled figures with their intervals, and beside them those of each fold."""
    title = (
        f"{name}: {summary.images} images of {summary.groups} groups, each judged by a model that never saw its group"
    )
    table = Table("figure", "pooled", "95 % interval", title=title, title_justify="left", box=None)
    for number in range(1, len(summary.folds) + 1):
        table.add_column(f"fold {number}", justify="right")
    for figure, pooled in summary.pooled.items():
        folds = [_shown(fold.figures[figure]) for fold in summary.folds]
        table.add_row(figure, _shown(pooled.value), _interval(pooled), *folds)
    table.caption = (
        f"Intervals: {summary.replicates:,} bootstrap replicates by group. Epoch, temperature and threshold were "
        "chosen on the eval part of each fold."
    )
    table.caption_justify = "left"
    return table


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "-"
    return f"{figure.low:.3f} to {figure.high:.3f}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
