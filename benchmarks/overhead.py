"""What TFX adds to a plain script that does the same work, and where.

    python -m benchmarks.overhead
    python -m benchmarks.overhead --epochs 800 --repetitions 1

`breast-imaging run` and `benchmarks.run_without_tfx` train the same network on the same images, each time from
nothing, and have to give the same answers to the test images. What TFX adds to a component is the time that the run
shows for it less that of the step in the script; `start and end` is all time outside of components.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, TypeAdapter
from rich import box
from rich.table import Table

from benchmarks.command_cost import cost_of_command
from benchmarks.figures import AtMost, Figure, Progress, figure_of
from benchmarks.measuring import ProcessCost, ratios
from benchmarks.synthetic_images import make_images
from benchmarks.table import table_console
from components.clinical_evaluator.content import PREDICTIONS_FILE
from pipeline.config import Config, load_config
from pipeline.json_file import write_json
from pipeline.output import OutputFolder
from schema.errors import BreastImagingError

BENCHMARK: Final = "overhead"
REPETITIONS: Final = 2
EPOCHS: Final = 5  # training is the same function in both ways, so that more of them only add noise
TEN_MINUTES: Final = 600.0
ASKED: Final = AtMost(1.15)  # of a run of ten minutes
START_AND_END: Final = "start and end"
TOLERANCE: Final = 1e-4  # of probabilities: threads may add up in another order
# Imports cost the script what they cost the run.
_SCRIPT: Final = """
from pipeline.heavy_imports import heavy_imports
with heavy_imports():
    from benchmarks import run_without_tfx
run_without_tfx.main()
"""
_COMPONENT_LINE: Final = re.compile(r"^(\w+) +done in ([\d.]+) s$", re.MULTILINE)


class DifferentWorkError(BreastImagingError):
    """The two ways did not come to the same result, so that their times say nothing."""


class Trial(BaseModel):
    """One run, or one run of the script. Attributes: steps: seconds by component."""

    cost: ProcessCost
    steps: dict[str, float]

    @property
    def seconds(self) -> dict[str, float]:
        """Of everything: by component, and of what is outside of them."""
        return {**self.steps, START_AND_END: self.cost.seconds - sum(self.steps.values())}


class Pair(BaseModel):
    """The same work in both ways, one after the other."""

    with_tfx: Trial
    without_tfx: Trial

    @property
    def ten_minutes_ratio(self) -> float:
        """Of ten minutes of work with TFX to those without, where TFX adds no more to them than to this pair."""
        return 1 + (self.with_tfx.cost.seconds - self.without_tfx.cost.seconds) / TEN_MINUTES


class Pairs(BaseModel):
    """Attributes: pairs: repetitions."""

    pairs: list[Pair]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=1, help="hundreds of patients to make images of")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = table_console()
    try:
        with tempfile.TemporaryDirectory() as name, console.status("starting") as status:
            data = make_images(Path(name), options.parts)
            pairs = compare(configured(options.epochs), data, Path(name), options.repetitions, status.update)
        console.print(steps_table(pairs))
        for figure in summarize(pairs):
            console.print(f"{figure.what}: {figure.ratio:.3f} ({figure.least:.3f} to {figure.most:.3f})")
        if options.json:
            write_json(Pairs(pairs=pairs), options.json)
    except BreastImagingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def measure(work: Path, report: Progress) -> list[Figure]:
    """What TFX adds to a plain script that does the same work."""
    return summarize(compare(configured(EPOCHS), make_images(work, parts=1), work, REPETITIONS, report))


def configured(epochs: int) -> Config:
    """That of the quick start, where all epochs are trained and every model is published: the same work each time."""
    return load_config(
        "synthetic",
        [f"train.epochs={epochs}", f"train.patience={epochs}", "gate.minimum_auc=0", "gate.minimum_recall=0"],
    )


def compare(config: Config, data: Path, work: Path, repetitions: int, report: Progress) -> list[Pair]:
    """Both ways by turns. Raises DifferentWorkError where their answers differ."""
    configuration = work / "config.yaml"
    configuration.write_text(config.to_yaml())
    options = ["--config", str(configuration), "--data", str(data)]
    pairs = []
    for repetition in range(1, repetitions + 1):
        run, script = work / f"with-tfx-{repetition}", work / f"without-tfx-{repetition}"
        report(f"with TFX, {repetition} of {repetitions}")
        with_tfx = _run_with_tfx(options, run)
        report(f"without TFX, {repetition} of {repetitions}")
        without_tfx = _run_without_tfx(options, script)
        check_same_answers(OutputFolder(run).evaluation, script / "clinical_evaluation")
        pairs.append(Pair(with_tfx=with_tfx, without_tfx=without_tfx))
    return pairs


def _run_with_tfx(options: Sequence[str], output: Path) -> Trial:
    log = output.with_suffix(".log")
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "run", *options]
    cost = cost_of_command([*command, "--output", str(output)], log)
    return Trial(cost=cost, steps=component_seconds(log.read_text("utf-8")))


def component_seconds(printed: str) -> dict[str, float]:
    """From what `breast-imaging run` prints where it does not print to a terminal."""
    return {component: float(seconds) for component, seconds in _COMPONENT_LINE.findall(printed)}


def _run_without_tfx(options: Sequence[str], output: Path) -> Trial:
    steps = output.with_suffix(".json")
    command = [sys.executable, "-c", _SCRIPT, *options, "--output", str(output)]
    cost = cost_of_command([*command, "--steps", str(steps)], output.with_suffix(".log"))
    return Trial(cost=cost, steps=TypeAdapter(dict[str, float]).validate_json(steps.read_text("utf-8")))


def check_same_answers(folder: Path, other: Path) -> None:
    """Args: folder, other: of the answers to the test images. Raises DifferentWorkError where they differ."""
    answers, others = (
        pd.read_csv(each / PREDICTIONS_FILE, index_col="source").filter(like="probability").sort_index()
        for each in (folder, other)
    )
    if list(answers.index) != list(others.index) or not np.allclose(answers, others, rtol=0, atol=TOLERANCE):
        raise DifferentWorkError(
            "The run and the script without TFX give different answers to the test images.",
            fix="have benchmarks/run_without_tfx.py do what the graph does now",
        )


def summarize(pairs: Sequence[Pair]) -> list[Figure]:
    with_tfx, without_tfx = ([getattr(pair, way).cost for pair in pairs] for way in ("with_tfx", "without_tfx"))
    return [
        _cost_figure("time", "seconds", with_tfx, without_tfx),
        _cost_figure("processor time", "processor_seconds", with_tfx, without_tfx),
        _cost_figure("peak memory", "peak_mib", with_tfx, without_tfx),
        figure_of(
            BENCHMARK,
            "ten minutes and what TFX adds here / ten minutes",
            [pair.ten_minutes_ratio for pair in pairs],
            {"added_seconds": median((pair.ten_minutes_ratio - 1) * TEN_MINUTES for pair in pairs)},
            ASKED,
        ),
    ]


def _cost_figure(what: str, field: str, costs: Sequence[ProcessCost], others: Sequence[ProcessCost]) -> Figure:
    """Args: field: of the costs."""
    with_tfx, without_tfx = ([getattr(cost, field) for cost in each] for each in (costs, others))
    return figure_of(
        BENCHMARK,
        f"{what} with TFX / without",
        ratios(with_tfx, without_tfx),
        {f"with_tfx_{field}": median(with_tfx), f"without_{field}": median(without_tfx)},
    )


def steps_table(pairs: Sequence[Pair]) -> Table:
    """Means over the repetitions."""
    table = Table(box=box.SIMPLE)
    table.add_column("component")
    for name in ("s with TFX", "s without", "s added"):
        table.add_column(name, justify="right")
    with_tfx, without_tfx = ([getattr(pair, way).seconds for pair in pairs] for way in ("with_tfx", "without_tfx"))
    for component in with_tfx[0]:
        first, second = (_mean(each.get(component, 0.0) for each in trials) for trials in (with_tfx, without_tfx))
        table.add_row(component, f"{first:.1f}", f"{second:.1f}", f"{first - second:.1f}")
    totals = [_mean(sum(each.values()) for each in trials) for trials in (with_tfx, without_tfx)]
    table.add_section()
    table.add_row("all", f"{totals[0]:.1f}", f"{totals[1]:.1f}", f"{totals[0] - totals[1]:.1f}")
    return table


def _mean(seconds: Iterable[float]) -> float:
    return mean(list(seconds))


if __name__ == "__main__":
    sys.exit(main())
