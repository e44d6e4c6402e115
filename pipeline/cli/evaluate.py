"""`breast-imaging evaluate`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from components.clinical_evaluator.content import EVALUATION_FILE, PREDICTIONS_FILE
from components.report.content import PAGE_FILE
from pipeline.cli.evaluation_tables import figures_table, load_evaluation, print_verdict, slices_table
from pipeline.cli.job import do_job
from pipeline.config import Config, load_config
from pipeline.events import Event
from pipeline.json_file import write_json
from pipeline.output import OutputFolder
from pipeline.sources import default_output
from pipeline.worker import EvaluationJob


def evaluate_command(
    model: Path,
    config_name: str,
    data: Path,
    output_path: Path | None,
    json_file: Path | None,
    overrides: Sequence[str],
    debug: bool,
) -> int:
    """Evaluates and prints the figures. Raises BreastImagingError as the exit codes say."""
    console = Console()
    # Apart from the run's own folder, whose next run must not take these images for its last accepted ones.
    own = default_output(None, load_config(config_name, overrides))
    output_folder = output_path or own.with_name(f"{own.name}-evaluation")

    def finish(config: Config, output: OutputFolder, events: Sequence[Event]) -> int:
        evaluation = load_evaluation(output)
        console.print(figures_table([evaluation], [evaluation.model]))
        if evaluation.slices:
            console.print(slices_table(evaluation))
        print_verdict(evaluation, console)
        for file in (EVALUATION_FILE, PREDICTIONS_FILE):
            console.print(str(output.evaluation / file), highlight=False, soft_wrap=True, markup=False)
        report = f"Report:    {output.report / PAGE_FILE}"
        console.print(report, highlight=False, soft_wrap=True, markup=False)
        if json_file:
            write_json(evaluation, json_file)
        return 0

    job = EvaluationJob(model=model.resolve())
    return do_job(job, config_name, data, output_folder, overrides, debug, console, finish)
