"""The cards as Markdown."""

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from components.clinical_evaluator.figure_rows import figure_rows
from components.model_card.content import DataCard, ModelCard

_MODEL_CARD: Final = "model_card.md.jinja"
_DATA_CARD: Final = "data_card.md.jinja"


def render_model_card(card: ModelCard) -> str:
    images = sum(card.evaluation.cohort.images.values())
    return (
        _environment().get_template(_MODEL_CARD).render(card=card, images=images, rows=figure_rows(card.evaluation))
    )


def render_data_card(card: DataCard) -> str:
    return _environment().get_template(_DATA_CARD).render(card=card)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("components.model_card", package_path="."),
        autoescape=False,  # noqa: S701  Markdown; what could end a cell of a table is taken care of by `cell`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(cell=_cell, number=_number)
    return environment


def _cell(text: str) -> str:
    """In one line, and without what separates the cells of a table."""
    return " ".join(text.replace("|", "\\|").split())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
