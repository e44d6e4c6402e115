"""`breast-imaging data describe`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from components.image_example_gen.store import NoStore
from components.manifest import Manifest, file_of
from components.report.gathered_data import count_splits
from pipeline.beam_here import work_folder
from pipeline.config import load_config
from pipeline.display import make_display
from pipeline.examination import examine
from pipeline.tables import counts_table


def describe_command(config_name: str, data: Path, overrides: Sequence[str]) -> None:
    """Prints what a run would ingest, faulty or not. Raises DataRejectedError where nothing can be ingested."""
    config = load_config(config_name, overrides)
    console = Console()
    with make_display(console) as display, work_folder(config.beam) as directory:
        manifest = examine(config, data, display.show, directory, NoStore()).plan.entries
    splits = count_splits(manifest, config.data.labels)
    console.print(counts_table("images by split and class", config.data.labels, splits))
    console.print("\n".join(_lines(manifest)), highlight=False, markup=False, soft_wrap=True)


def _lines(manifest: Manifest) -> list[str]:
    used = [entry for entry in manifest if entry.split]
    dropped = [entry for entry in manifest if entry.dropped]
    unusable = sum(bool(entry.fault or entry.unlabelled) for entry in manifest if not entry.dropped)
    return [
        *(_describe_used(used) if used else []),
        f"left out: {len(dropped)}" + "".join(f"\n  {entry.source}: {entry.dropped}" for entry in dropped),
        f"cannot be used: {unusable}",
        "`breast-imaging data audit` looks for faults.",
    ]


def _describe_used(used: Manifest) -> list[str]:
    sides = np.array([(entry.width, entry.height) for entry in used])
    low, middle, high = sides.min(axis=0), np.median(sides, axis=0).astype(int), sides.max(axis=0)
    formats = Counter(
        f"{_suffix(entry.source)}, {entry.bit_depth} bits, {'grey' if entry.channels == 1 else 'RGB'}"
        for entry in used
    )
    group_sizes = Counter(Counter(entry.group for entry in used).values())
    attributes = Counter(f"{name} {value}" for entry in used for name, value in entry.attributes.items())
    return [
        f"width x height: from {low[0]}x{low[1]}, median {middle[0]}x{middle[1]}, to {high[0]}x{high[1]} pixels",
        _counted("formats", formats),
        "images per group: " + ", ".join(f"{size}: {count} groups" for size, count in sorted(group_sizes.items())),
        *([_counted("attributes", attributes)] if attributes else []),
    ]


def _suffix(source: str) -> str:
    return Path(file_of(source)).suffix.lower().lstrip(".")


def _counted(title: str, counts: Counter[str]) -> str:
    return f"{title}: " + "; ".join(f"{name}: {count}" for name, count in counts.most_common())
