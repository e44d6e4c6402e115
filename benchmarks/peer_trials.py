"""One training by the pipeline, or by the plain script: what it costs, and what its figures are worth."""

import csv
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel

from benchmarks.command_cost import cost_of_command
from benchmarks.measuring import ProcessCost
from benchmarks.peer_script import PREDICTIONS_FILE, SPLITS_FILE, class_of, read_splits, write_table
from benchmarks.split_leaks import KnownImages, Leaks
from components.clinical_evaluator import figures
from components.clinical_evaluator.content import EVALUATION_FILE, ClinicalEvaluation
from components.clinical_evaluator.scored_images import ScoredImages
from components.measures.group_bootstrap import Interval
from components.measures.proportions import proportion
from components.report.gather import read_scored_images
from components.settings import ClinicalSettings
from pipeline.config import Config
from pipeline.output import OutputFolder
from schema.errors import EXIT_NOT_BLESSED, EXIT_PUBLISHED, ConfigurationError

RUN: Final = "breast-imaging run"
SCRIPT: Final = "script, split at random"
SCRIPT_ON_RUN_SPLIT: Final = "script, split of the run"


class Scores(BaseModel):
    """Of the test images, each with its 95 % interval by group."""

    auc: Interval
    accuracy: Interval
    sensitivity: Interval


class Trial(BaseModel):
    """Attributes: way: RUN, SCRIPT or SCRIPT_ON_RUN_SPLIT; images: in all splits."""

    way: str
    images: int
    cost: ProcessCost
    scores: Scores
    leaks: Leaks


@dataclass(frozen=True)
class Task:
    """What all ways are given. Attributes: data: folder of images."""

    config: Config
    data: Path

    @cached_property
    def prefix(self) -> str:
        """From the data folder to the one that holds the folders of the classes, with a slash at the end; or empty.

        Raises ConfigurationError where there is none.
        """
        for folder in (self.data, *sorted(self.data.iterdir())):
            if all((folder / label).is_dir() for label in self.config.data.labels):
                return "" if folder == self.data else f"{folder.name}/"
        raise ConfigurationError(
            f"{self.data} has no folder for each of the classes {', '.join(self.config.data.labels)}.",
            fix="name a folder of class folders, or one that holds it, with --data DIR",
        )


def run_pipeline(task: Task, output: Path) -> Trial:
    """Args: output: a new folder."""
    configuration = output.with_suffix(".yaml")
    configuration.write_text(task.config.to_yaml())
    options = {"--config": configuration, "--data": task.data, "--output": output}
    command = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "run", *_words(options)]
    cost = cost_of_command(command, output.with_suffix(".log"), (EXIT_PUBLISHED, EXIT_NOT_BLESSED))
    known, folder = KnownImages.of_run(output), OutputFolder(output).evaluation
    clinical = ClinicalEvaluation.model_validate_json((folder / EVALUATION_FILE).read_text("utf-8"))
    return Trial(
        way=RUN,
        images=len(known.splits),
        cost=cost,
        scores=score(read_scored_images(str(folder), clinical)),
        leaks=known.leaks(known.splits),
    )


def run_script(task: Task, known: KnownImages, output: Path, seed: int) -> Trial:
    """On a split that it makes itself. Args: output: a new folder."""
    return _run_script(task, known, output, SCRIPT, {"--seed": seed})


def run_script_on_split(task: Task, known: KnownImages, output: Path) -> Trial:
    """On the split of the run. Args: output: a new folder."""
    table = output.with_suffix(".csv")
    rows = [(source.removeprefix(task.prefix), split) for source, split in known.splits.items()]
    write_table(table, ("path", "split"), rows)
    return _run_script(task, known, output, SCRIPT_ON_RUN_SPLIT, {"--splits": table})


def _run_script(task: Task, known: KnownImages, output: Path, way: str, options: Mapping[str, object]) -> Trial:
    assert task.config.model.image_size is not None
    settings = {
        "--positive": task.config.data.positive_label,
        "--side": task.config.model.image_size[0],
        "--epochs": task.config.train.epochs,
        "--batch-size": task.config.train.batch_size,
        "--learning-rate": task.config.train.learning_rate,
        "--output": output,
        **options,
    }
    command = [sys.executable, "-m", "benchmarks.peer_script", str(task.data / task.prefix), *_words(settings)]
    cost = cost_of_command(command, output.with_suffix(".log"))
    splits = {task.prefix + path: split for path, split in read_splits(output / SPLITS_FILE).items()}
    images = read_predictions(output / PREDICTIONS_FILE, task, known.groups)
    return Trial(way=way, images=len(splits), cost=cost, scores=score(images), leaks=known.leaks(splits))


def _words(options: Mapping[str, object]) -> list[str]:
    return [str(word) for option in options.items() for word in option]


def read_predictions(table: Path, task: Task, groups: Mapping[str, str]) -> ScoredImages:
    """What the script answered, decided for the most probable class. Args: groups: by source."""
    labels = task.config.data.labels
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    probabilities = np.array([[float(row[label]) for label in labels] for row in rows])
    sources = [task.prefix + row["path"] for row in rows]
    return ScoredImages(
        labels=labels,
        positive=labels.index(task.config.data.positive_label),
        sources=sources,
        groups=np.array([groups[source] for source in sources]),
        truth=np.array([labels.index(class_of(row["path"])) for row in rows]),
        probabilities=probabilities,
        decided=probabilities.argmax(axis=1),
        threshold=0.5,
        attributes={},
    )


def score(images: ScoredImages) -> Scores:
    intervals = figures.bootstrap(images, ClinicalSettings(), prevalence=float(images.is_positive.mean()))
    hits, groups = images.called_positive[images.is_positive], images.groups[images.is_positive]
    return Scores(
        auc=intervals[figures.AUC],
        accuracy=intervals[figures.ACCURACY],
        sensitivity=proportion(hits, groups).interval,
    )
