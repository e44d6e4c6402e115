"""Figures for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.figures import Figure

# How names of raw values end, the longer endings first, and what that is called.
_UNITS: Final = {
    "_processor_seconds": " s of processor",
    "_per_second": "/s",
    "_seconds": " s",
    "_ms": " ms",
    "_mib": " MiB",
    "_images": " images",
}
_VERDICTS: Final = {None: "", True: "met", False: "[red]not met[/red]"}
_FILE_WIDTH: Final = 160  # columns: what the widest table takes


def table_console() -> Console:
    """As wide as the terminal; into a file as wide as a table wants to be."""
    console = Console()
    return console if console.is_terminal else Console(width=_FILE_WIDTH)


def figures_table(figures: Sequence[Figure]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("benchmark", no_wrap=True)
    table.add_column("what, and what it is made of")
    for name in ("ratio", "least", "most", "of", "asked", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for figure in figures:
        table.add_row(
            escape(figure.benchmark),
            f"{escape(figure.what)}\n[dim]{escape(shown_raw(figure.raw))}[/dim]",
            f"{figure.ratio:.2f}",
            f"{figure.least:.2f}",
            f"{figure.most:.2f}",
            str(figure.repetitions),
            figure.asked or "",
            _VERDICTS[figure.met],
        )
    return table


def shown_raw(raw: Mapping[str, float]) -> str:
    """`ingestion 1.2 s, plain loop 3.4 s` of `{"ingestion_seconds": 1.2, "plain_loop_seconds": 3.4}`."""
    return ", ".join(_shown(name, value) for name, value in raw.items())


def _shown(name: str, value: float) -> str:
    ending = next((ending for ending in _UNITS if name.endswith(ending)), "")
    number = f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    return f"{name.removesuffix(ending).replace('_', ' ')} {number}{_UNITS.get(ending, '')}"
