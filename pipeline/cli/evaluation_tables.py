"""Clinical evaluations for the terminal."""

from collections.abc import Sequence

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.clinical_evaluator.content import EVALUATION_FILE, ClinicalEvaluation, Figure
from components.clinical_evaluator.figure_rows import figure_rows
from pipeline.output import OutputFolder
from schema.errors import ConfigurationError


def load_evaluation(output: OutputFolder) -> ClinicalEvaluation:
    """The latest of an output folder. Raises ConfigurationError where there is none."""
    file = output.evaluation / EVALUATION_FILE
    try:
        return ClinicalEvaluation.model_validate_json(file.read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"{output.root} holds no evaluation that can be read ({file.relative_to(output.root)}).",
            fix="name the output folder of a finished run or evaluation, or run it again",
        ) from error


def figures_table(evaluations: Sequence[ClinicalEvaluation], names: Sequence[str]) -> Table:
    """Every figure, a column for each evaluation; they need not have the same figures."""
    columns = [{(row.title, row.method): row.figure for row in figure_rows(found)} for found in evaluations]
    table = Table("figure", "interval", box=None)
    for name, found in zip(names, evaluations, strict=True):
        table.add_column(
            escape(f"{name}\n{sum(found.cohort.images.values())} images of {found.cohort.groups} groups")
        )
    for title, method in dict.fromkeys(key for column in columns for key in column):
        table.add_row(escape(title), method, *(shown(column.get((title, method))) for column in columns))
    return table


def slices_table(evaluation: ClinicalEvaluation) -> Table:
    table = Table("slice", "images", "groups", "AUC", "recall", "specificity", box=None)
    for each in evaluation.slices:
        table.add_row(
            escape(f"{each.attribute}: {each.value}"),
            str(each.images),
            str(each.groups),
            shown(each.auc),
            shown(each.recall.figure),
            shown(each.specificity.figure),
        )
    return table


def print_verdict(evaluation: ClinicalEvaluation, console: Console) -> None:
    """What can be certified, and what not."""
    for criterion in evaluation.verdict.criteria:
        console.print(escape(criterion.reason), highlight=False, soft_wrap=True)


def shown(figure: Figure | None) -> str:
    """`0.912 (0.844 to 0.958)`, or a dash."""
    if figure is None or figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
