"""The pipeline beside a plain Keras script: same images, network and epochs; cost, figures, and what splits leak.

    python -m benchmarks.peer --config synthetic --parts 1 3
    python -m benchmarks.peer --config busi --data path/to/busi --epochs 20

The script (`benchmarks.peer_script`) splits images at random, as such scripts do, with another seed each time; once
more it is given the split of the run, to tell what the split does from what the rest does. Both train all epochs and
keep the best. The script decides for the most probable class, a run by the threshold that it chose on `eval`, which
moves accuracy and sensitivity, and not the AUC. Intervals are those of the pipeline: patients, or what stands for
them, are drawn anew.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from pydantic import BaseModel
from rich import box
from rich.table import Table

from benchmarks.figures import Figure, Progress, figure_of
from benchmarks.measuring import ProcessCost, ratios
from benchmarks.peer_trials import (
    RUN,
    SCRIPT,
    SCRIPT_ON_RUN_SPLIT,
    KnownImages,
    Task,
    Trial,
    run_pipeline,
    run_script,
    run_script_on_split,
)
from benchmarks.synthetic_images import make_images
from benchmarks.table import table_console
from components.measures.group_bootstrap import Interval
from pipeline.config import Config, load_config
from pipeline.json_file import write_json
from schema.errors import BreastImagingError, ConfigurationError

BENCHMARK: Final = "peer"
ARCHITECTURE: Final = "cnn"  # that of the script
REPETITIONS: Final = 2
EPOCHS: Final = 10  # of `measure`


class Trials(BaseModel):
    """Attributes: trials: of one or more sets of images."""

    trials: list[Trial]

    def of(self, way: str) -> list[Trial]:
        return [trial for trial in self.trials if trial.way == way]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="synthetic")
    parser.add_argument("--data", type=Path, help="folder of images; synthetic ones are made where none is named")
    parser.add_argument("--parts", type=int, nargs="+", default=[1], help="hundreds of patients to make images of")
    parser.add_argument("--epochs", type=int, help="those of the configuration where absent")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = table_console()
    try:
        config = configured(options.config, options.epochs)
        with tempfile.TemporaryDirectory() as name, console.status("starting") as status:
            folder = Path(name)
            sets = [options.data] if options.data else [make_images(folder, parts) for parts in options.parts]
            trials = [
                trial
                for number, data in enumerate(sets)
                for trial in compare(Task(config, data), folder / str(number), options.repetitions, status.update)
            ]
        console.print(trials_table(trials))
        if options.json:
            write_json(Trials(trials=trials), options.json)
    except BreastImagingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def measure(work: Path, report: Progress) -> list[Figure]:
    """Beside a plain Keras script that trains the same network: cost, and what its split leaks."""
    task = Task(configured("synthetic", EPOCHS), make_images(work, parts=1))
    return summarize(compare(task, work / "trials", REPETITIONS, report))


def configured(name: str, epochs: int | None) -> Config:
    """A configuration that trains all its epochs. Raises ConfigurationError where the script has no such network."""
    config = load_config(name, [f"train.epochs={epochs}"] if epochs else [])
    if config.model.architecture != ARCHITECTURE or config.model.image_size is None:
        raise ConfigurationError(
            f"The script has no network like that of the configuration {name!r}.",
            fix=f"name one with model.architecture {ARCHITECTURE} and a model.image_size",
        )
    return config.model_copy(update={"train": config.train.model_copy(update={"patience": config.train.epochs})})


def compare(task: Task, work: Path, repetitions: int, report: Progress) -> list[Trial]:
    """Run and script by turns, then the script once on the split of the run. Args: work: a new folder."""
    work.mkdir(parents=True)
    trials = []
    for repetition in range(repetitions):
        run = work / f"run-{repetition}"
        report(f"{RUN}, {repetition + 1} of {repetitions}")
        trials.append(run_pipeline(task, run))
        known = KnownImages.of_run(run)
        report(f"{SCRIPT}, {repetition + 1} of {repetitions}")
        trials.append(run_script(task, known, work / f"script-{repetition}", seed=repetition))
    report(SCRIPT_ON_RUN_SPLIT)
    trials.append(run_script_on_split(task, known, work / "script-on-split"))
    return trials


def summarize(trials: Sequence[Trial]) -> list[Figure]:
    """Args: trials: on one set of images."""
    found = Trials(trials=list(trials))
    runs, scripts, (honest,) = found.of(RUN), found.of(SCRIPT), found.of(SCRIPT_ON_RUN_SPLIT)
    run_costs, script_costs = ([trial.cost for trial in each] for each in (runs, scripts))
    return [
        _cost_figure("time", "seconds", run_costs, script_costs),
        _cost_figure("processor time", "processor_seconds", run_costs, script_costs),
        _cost_figure("peak memory", "peak_mib", run_costs, script_costs),
        figure_of(
            BENCHMARK,
            "script's test images of patients whom it trained on / all of them",
            [trial.leaks.related_share for trial in scripts],
            {
                "script_images": median(trial.leaks.of_known_groups for trial in scripts),
                "run_images": max(trial.leaks.of_known_groups for trial in runs),
            },
        ),
        figure_of(
            BENCHMARK,
            "script's test AUC, split at random / on the split of the run",
            [trial.scores.auc.value / honest.scores.auc.value for trial in scripts],
            {
                "split_at_random": median(trial.scores.auc.value for trial in scripts),
                "split_of_the_run": honest.scores.auc.value,
                "run": median(trial.scores.auc.value for trial in runs),
            },
        ),
    ]


def _cost_figure(what: str, field: str, runs: Sequence[ProcessCost], scripts: Sequence[ProcessCost]) -> Figure:
    """Args: field: of the costs."""
    of_runs, of_scripts = ([getattr(cost, field) for cost in costs] for costs in (runs, scripts))
    return figure_of(
        BENCHMARK,
        f"{what} of a run / of a plain Keras script",
        ratios(of_runs, of_scripts),
        {f"run_{field}": median(of_runs), f"script_{field}": median(of_scripts)},
    )


def trials_table(trials: Sequence[Trial]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("images", justify="right")
    table.add_column("way")
    for name in ("s", "s of processor", "peak MiB", "test images", "of known patients", "near-duplicates"):
        table.add_column(name, justify="right")
    for name in ("AUC", "accuracy", "sensitivity"):
        table.add_column(name)
    for trial in trials:
        cost, leaks, scores = trial.cost, trial.leaks, trial.scores
        table.add_row(
            f"{trial.images:,}",
            trial.way,
            f"{cost.seconds:.1f}",
            f"{cost.processor_seconds:.1f}",
            f"{cost.peak_mib:,.0f}",
            str(leaks.test_images),
            f"{leaks.of_known_groups} ({leaks.related_share:.0%})",
            str(leaks.near_duplicates),
            *(_with_ends(interval) for interval in (scores.auc, scores.accuracy, scores.sensitivity)),
        )
    return table


def _with_ends(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


if __name__ == "__main__":
    sys.exit(main())
