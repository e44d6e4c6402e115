"""Tables for the terminal."""

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from components.report.content import SplitCount


def counts_table(title: str, labels: Sequence[str], splits: Sequence[SplitCount]) -> Table:
    """Images by split and class, and groups."""
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    table.add_column("split")
    for label in labels:
        table.add_column(escape(label), justify="right")
    table.add_column("groups", justify="right")
    for split in splits:
        table.add_row(split.split, *(str(split.images[label]) for label in labels), str(split.groups))
    return table
