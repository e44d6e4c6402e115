"""What all pages are made of: one HTML document that holds all it needs and loads nothing."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from components.report.figures.style import CONFIG
from components.report.page import text
from components.report.page.charts import Chart
from schema import contract

PACKAGE: Final = "components.report.page"
TEMPLATES: Final = "templates"
STYLE: Final = "page.css"


def make_environment(*packages: str) -> Environment:
    """Of the templates of these packages, and of `document.html.jinja` and the macros of this one."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, TEMPLATES) for package in (*packages, PACKAGE)]),
        # Everything is escaped, whatever the template is called: file names can hold anything.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=text.format_number,
        integer=text.format_integer,
        interval=text.format_interval,
        share=text.format_share,
    )
    return environment


def document_values(charts: Sequence[Chart]) -> dict[str, Any]:
    """What `document.html.jinja` needs for itself: style, scripts, the figures of the charts."""
    return {
        "disclaimer": contract.RESEARCH_ONLY,
        "style": own_file(STYLE),
        "plotly": Markup(get_plotlyjs()),  # noqa: S704  the library's own file
        "figures": {chart.identifier: chart.figure for chart in charts if chart.figure},
        "figure_config": CONFIG,
    }


def own_file(name: str) -> Markup:
    return Markup(files(PACKAGE).joinpath(name).read_text(encoding="utf-8"))  # noqa: S704  our own file
