"""`breast-imaging compare`."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.clinical_evaluator.comparison import Baseline, compare
from components.clinical_evaluator.content import PREDICTIONS_FILE, ClinicalEvaluation, Comparison
from components.clinical_evaluator.predictions_table import parse_predictions
from components.clinical_evaluator.scored_images import ScoredImages
from components.settings import ClinicalSettings
from pipeline.cli.evaluation_tables import figures_table, load_evaluation, shown
from pipeline.json_file import write_json
from pipeline.output import OutputFolder
from schema.errors import ConfigurationError


class PairedComparison(BaseModel):
    """One run less the first.

    Attributes:
        images: that both were tested on, under the same label.
        difference: absent where there are none, or the two tell other classes apart.
        remark: why it is absent; empty where it is not.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    baseline: str
    images: int
    difference: Comparison | None
    remark: str


class RunComparison(BaseModel):
    """All that `compare` shows. Attributes: runs: by their folders."""

    model_config = ConfigDict(frozen=True)

    runs: dict[str, ClinicalEvaluation]
    differences: list[PairedComparison]


def compare_command(runs: Sequence[Path], json_file: Path | None) -> None:
    """Prints the runs side by side. Raises ConfigurationError where one cannot be read."""
    if len(runs) < 2:
        raise ConfigurationError("There is one run, and nothing to compare it with.", fix="name two folders or more")
    outputs = [OutputFolder(run.resolve()) for run in runs]
    names = [str(run) for run in runs]
    evaluations = [load_evaluation(output) for output in outputs]
    images = [_load_images(output, found) for output, found in zip(outputs, evaluations, strict=True)]
    differences = [
        compare_pair(name, each, names[0], images[0]) for name, each in zip(names[1:], images[1:], strict=True)
    ]
    console = Console()
    console.print(figures_table(evaluations, names))
    console.print(_differences_table(differences))
    if json_file:
        write_json(RunComparison(runs=dict(zip(names, evaluations, strict=True)), differences=differences), json_file)


def compare_pair(name: str, images: ScoredImages, baseline_name: str, baseline: ScoredImages) -> PairedComparison:
    """On the images that both have, by source and label."""
    mine, others = _rows(images), _rows(baseline)
    common = [key for key in mine if key in others]
    if tuple(images.labels) != tuple(baseline.labels) or images.positive != baseline.positive:
        remark = "they tell other classes apart"
    elif not common:
        remark = "they were tested on different images"
    else:
        candidate = images.take([mine[key] for key in common])
        answers = Baseline(baseline_name, baseline.take([others[key] for key in common]))
        found = compare(candidate, answers, ClinicalSettings())
        return PairedComparison(run=name, baseline=baseline_name, images=len(common), difference=found, remark="")
    return PairedComparison(run=name, baseline=baseline_name, images=len(common), difference=None, remark=remark)


def _rows(images: ScoredImages) -> dict[tuple[str, str], int]:
    """The place of each image, by its source and label."""
    return {
        (source, images.labels[truth]): row
        for row, (source, truth) in enumerate(zip(images.sources, images.truth, strict=True))
    }


def _load_images(output: OutputFolder, evaluation: ClinicalEvaluation) -> ScoredImages:
    file = output.evaluation / PREDICTIONS_FILE
    try:
        return parse_predictions(
            file.read_text("utf-8"),
            evaluation.labels,
            evaluation.positive_label,
            evaluation.operating_point.threshold,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"The predictions in {file} cannot be read ({type(error).__name__}: {error}).",
            fix="run or evaluate again",
        ) from error


def _differences_table(differences: Sequence[PairedComparison]) -> Table:
    table = Table("less the first", "common images", "AUC", "p (DeLong)", "recall", "specificity", box=None)
    for each in differences:
        found = each.difference
        if found is None:
            table.add_row(escape(each.run), str(each.images), escape(each.remark), "", "", "")
            continue
        table.add_row(
            escape(each.run),
            str(each.images),
            shown(found.auc),
            "-" if found.p_value is None else f"{found.p_value:.3g}",
            shown(found.recall),
            shown(found.specificity),
        )
    return table
