"""`breast-imaging retrain`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from pipeline.alerts.journal import read_journal
from pipeline.cli.alert_commands import print_outcomes
from pipeline.cli.job import do_job
from pipeline.config import Config, load_config
from pipeline.events import Event
from pipeline.output import OutputFolder
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.record import RetrainingRecord
from pipeline.sources import default_output
from pipeline.worker import RetrainingJob
from schema.errors import EXIT_DATA_REJECTED, EXIT_FAILED, EXIT_NOT_BLESSED, EXIT_PUBLISHED

EXIT_CODES: Final = {
    "skipped": EXIT_PUBLISHED,
    "published": EXIT_PUBLISHED,
    "span_refused": EXIT_DATA_REJECTED,
    "rejected": EXIT_NOT_BLESSED,
    "failed": EXIT_FAILED,
}


def retrain_command(
    config_name: str, data: Path, output_path: Path | None, overrides: Sequence[str], debug: bool
) -> int:
    """Retrains and prints what was decided. Raises BreastImagingError as the exit codes say."""
    return retrain(config_name, data, output_path, overrides, debug, lambda record, _: EXIT_CODES[record.action])


def retrain(
    config_name: str,
    data: Path,
    output_path: Path | None,
    overrides: Sequence[str],
    debug: bool,
    conclude: Callable[[RetrainingRecord, RetrainingFolder], int],
) -> int:
    """As `retrain_command`. Args: conclude: what is left to do after a decision; it returns the exit code."""
    console = Console()
    journal = RetrainingFolder(_output(config_name, output_path, overrides).retraining).alerts_file
    told_before = len(read_journal(journal))

    def finish(config: Config, output: OutputFolder, events: Sequence[Event]) -> int:
        folder = RetrainingFolder(output.retraining)
        record = folder.history()[-1]
        _print_record(record, output, console)
        return conclude(record, folder)

    exit_code = do_job(RetrainingJob(), config_name, data, output_path, overrides, debug, console, finish)
    for entry in read_journal(journal)[told_before:]:
        print_outcomes(entry.outcomes, console)
    return exit_code


def status_command(config_name: str, output_path: Path | None, overrides: Sequence[str]) -> int:
    """Prints what earlier retrainings have decided; changes nothing."""
    console = Console()
    output = _output(config_name, output_path, overrides)
    history = RetrainingFolder(output.retraining).history()
    if not history:
        console.print(f"No retraining has ended in {output.root}.", highlight=False, soft_wrap=True, markup=False)
        return EXIT_PUBLISHED
    console.print(_history_table(history))
    _print_record(history[-1], output, console)
    return EXIT_PUBLISHED


def _output(config_name: str, output_path: Path | None, overrides: Sequence[str]) -> OutputFolder:
    root = default_output(str(output_path) if output_path else None, load_config(config_name, overrides))
    return OutputFolder(root.resolve())


def _history_table(history: Sequence[RetrainingRecord]) -> Table:
    table = Table(title="Retrainings", highlight=False)
    for column in ("", "started", "what", "new spans", "refused", "test AUC", "incumbent", "version"):
        table.add_column(column)
    for record in history:
        table.add_row(
            str(record.number),
            record.started[:16].replace("T", " "),
            record.action.replace("_", " "),
            ", ".join(record.spans_new),
            ", ".join(record.spans_refused),
            _figure(record.figures),
            _figure(record.incumbent_figures),
            str(record.published_version or ""),
        )
    return table


def _figure(figures: dict[str, float]) -> str:
    return f"{figures['test_auc']:.3f}" if "test_auc" in figures else ""


def _print_record(record: RetrainingRecord, output: OutputFolder, console: Console) -> None:
    folder = RetrainingFolder(output.retraining)
    lines = [
        f"Retraining {record.number}: {record.action.replace('_', ' ')}",
        *(f"  {reason}" for reason in record.reasons),
        *(f"Drift:     {text}" for text in record.drift),
        *([f"Published: version {record.published_version}"] if record.published_version else []),
        *([f"Report:    {output.root / record.report}"] if record.report else []),
        f"History:   {folder.history_file}",
        f"Page:      {folder.page_file}",
    ]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
