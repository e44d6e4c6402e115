"""`breast-imaging data describe`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from components.datasets.registry import get_dataset
from components.image_example_gen.files import list_folder
from components.image_example_gen.inspection import inspect_image, new_fingerprints
from components.image_example_gen.manifest import Manifest, groups_of, images_per_class, label_conflicts
from components.image_example_gen.planning import check_readable, find_records, plan
from components.near_duplicates import fingerprint
from pipeline.config import Config, load_config
from schema import contract


def describe_command(config_name: str, data: Path, overrides: Sequence[str]) -> None:
    """Prints what a run would ingest. Raises DataRejectedError as ingestion would; label conflicts are listed."""
    config = load_config(config_name, overrides)
    manifest = _make_manifest(config, data)
    console = Console()
    console.print(_counts_table(manifest, config.data.labels))
    console.print(_lines(manifest), highlight=False, markup=False, soft_wrap=True)


def _make_manifest(config: Config, data: Path) -> Manifest:
    root = str(data)
    records = find_records(get_dataset(config.data.dataset), list_folder(root), config.data.labels)
    inspections = []
    fingerprints = new_fingerprints(len(records))
    for row, record in enumerate(track(records, description="reading images", transient=True)):
        inspection, image = inspect_image(root, record.path, config.data.minimum_side)
        inspections.append(inspection)
        if image is not None and record.group is None:
            fingerprints[row] = fingerprint(image.pixels)
    check_readable(inspections)
    return plan(records, inspections, fingerprints, config.data, config.data.labels)


def _counts_table(manifest: Manifest, labels: Sequence[str]) -> Table:
    table = Table(title="images by split and class", box=box.SIMPLE, title_justify="left")
    table.add_column("split")
    for label in labels:
        table.add_column(escape(label), justify="right")
    table.add_column("groups", justify="right")
    for split in contract.SPLITS:
        counts = images_per_class(manifest, split, labels)
        table.add_row(split, *(str(counts[label]) for label in labels), str(len(groups_of(manifest, split))))
    return table


def _lines(manifest: Manifest) -> str:
    sides = np.array([(entry.width, entry.height) for entry in manifest])
    low, middle, high = sides.min(axis=0), np.median(sides, axis=0).astype(int), sides.max(axis=0)
    formats = Counter(
        f"{Path(entry.source).suffix.lower().lstrip('.')}, {entry.bit_depth} bits,"
        f" {'grey' if entry.channels == 1 else 'RGB'}"
        for entry in manifest
    )
    group_sizes = Counter(Counter(entry.group for entry in manifest).values())
    dropped = [entry for entry in manifest if entry.dropped]
    conflicts = label_conflicts(entry for entry in manifest if not entry.dropped)
    return "\n".join(
        [
            f"width x height: from {low[0]}x{low[1]}, median {middle[0]}x{middle[1]}, to {high[0]}x{high[1]} pixels",
            "formats: " + "; ".join(f"{name}: {count}" for name, count in formats.most_common()),
            "images per group: "
            + ", ".join(f"{size}: {count} groups" for size, count in sorted(group_sizes.items())),
            f"dropped: {len(dropped)}" + "".join(f"\n  {e.source}: {e.dropped}" for e in dropped),
            f"same picture, different labels: {len(conflicts)}"
            + "".join("\n  " + ", ".join(e.source for e in same) for same in conflicts),
        ]
    )
