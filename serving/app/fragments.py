"""Pieces of the page in HTML. What comes from outside is escaped."""

from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from schema import contract
from schema.errors import BreastImagingError
from serving.app.asking import Answered
from serving.app.pictures import picture_uri
from serving.app.reading import read_prediction
from serving.app.table import Row

_STYLE: Final = "page.css"


def style() -> str:
    return f"<style>{(files(__package__) / _STYLE).read_text()}</style>"


def heading() -> str:
    return _render("heading", disclaimer=contract.RESEARCH_ONLY)


def note(text: str) -> str:
    return _render("note", text=text)


def failure(error: BreastImagingError, name: str = "") -> str:
    """What went wrong and what to do. Args: name: of the file that it is about."""
    return _render("failure", error=error, name=name)


def standing(model: str, address: str, versions: tuple[int, ...]) -> str:
    return _render("standing", model=model, address=address, versions=versions)


def answer(answered: Answered) -> str:
    """The class, the side of the threshold and all probabilities."""
    return _render(
        "answer", reading=read_prediction(answered.explanation.prediction), said=answered.explanation.prediction
    )


def picture(answered: Answered, opacity: float) -> str:
    """The image under its heat map. Args: opacity: of the map at its peak, in [0, 1]."""
    shown = "as it was sent" if opacity == 0 else f"under its heat map, {opacity:.0%} opaque"
    return _render(
        "picture",
        answered=answered,
        uri=picture_uri(answered, opacity),
        shown=shown,
        opacity=opacity,
        is_empty=not answered.explanation.heat_map.any(),
    )


def table(rows: list[Row]) -> str:
    return _render("table", rows=rows)


def _render(template: str, /, **values: Any) -> str:
    return _environment().get_template(f"{template}.html.jinja").render(**values)


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
