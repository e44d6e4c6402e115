"""`breast-imaging data leakage-gap`."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from threadpoolctl import threadpool_limits

from components.image_example_gen.store import ImageStore
from components.leakage_gap import Interval, LeakageGap, measure_gap, thumbnail
from components.manifest import ManifestEntry
from pipeline.beam_here import work_folder
from pipeline.config import Config, load_config
from pipeline.display import make_display
from pipeline.events import TaskAdvanced
from pipeline.examination import Examination, examine
from pipeline.json_file import write_json
from schema.errors import ConfigurationError, DataRejectedError

TASK = "training twice for each seed"


def leakage_gap_command(
    config_name: str, data: Path, seeds: int, json_file: Path | None, overrides: Sequence[str]
) -> None:
    """Prints what a random split would have pretended. Raises DataRejectedError where too few groups are left."""
    if seeds < 2:
        raise ConfigurationError("--seeds: an interval takes at least two.", fix="give 2 or more")
    config = load_config(config_name, overrides)
    console = Console()
    with make_display(console) as display, work_folder(config.beam) as directory:
        store = ImageStore(directory, thumbnail)
        examined = examine(config, data, display.show, directory, store)
        entries, thumbnails = _usable_images(examined, store)
        _check_groups(entries, config)
        # On arrays this small, threads of the linear algebra wait for each other more than they work.
        with threadpool_limits(1):
            gap = measure_gap(
                entries,
                thumbnails,
                config.data.positive_label,
                config.data.split,
                [config.data.seed + number for number in range(seeds)],
                lambda: display.show(TaskAdvanced(task=TASK, advance=1, total=seeds, remark="")),
            )
    if json_file:
        write_json(gap, json_file)
    console.print(_table(gap, config))
    for line in _explain(gap):
        console.print(line, highlight=False, soft_wrap=True)


def _usable_images(examined: Examination, store: ImageStore) -> tuple[list[ManifestEntry], list[bytes]]:
    kept = [
        (entry, store.read(location))
        for entry, location in zip(examined.plan.entries, examined.inspection.locations, strict=True)
        if entry.usable and location
    ]
    return [entry for entry, _ in kept], [image for _, image in kept]


def _check_groups(entries: Sequence[ManifestEntry], config: Config) -> None:
    groups = {label: {entry.group for entry in entries if entry.label == label} for label in config.data.labels}
    reasons = [
        f"class {label!r}: {len(found)} of at least 2 groups" for label, found in groups.items() if len(found) < 2
    ]
    if reasons:
        raise DataRejectedError(
            "Too few groups to learn from some and to test on others.",
            reasons=reasons,
            fix="add images of further patients; `breast-imaging data audit` says which cannot be used",
        )


def _table(gap: LeakageGap, config: Config) -> Table:
    table = Table(title=f"{config.name}: one cheap model, {gap.seeds} seeds", box=box.SIMPLE, title_justify="left")
    for column in ("split", f"AUC of {config.data.positive_label}", "accuracy", "related"):
        table.add_column(escape(column))
    for name, scores in (("random, by image", gap.random), ("by group", gap.grouped)):
        table.add_row(name, _interval(scores.auc), _interval(scores.accuracy), f"{scores.related:.0%}")
    table.add_row("gap", _interval(gap.auc_gap), _interval(gap.accuracy_gap), "")
    return table


def _interval(interval: Interval) -> str:
    return escape(f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]")


def _explain(gap: LeakageGap) -> list[str]:
    gaps = (("AUC", gap.auc_gap), ("accuracy", gap.accuracy_gap))
    pretended = [f"{found.mean:.3f} of {metric}" for metric, found in gaps if found.low > 0]
    if pretended:
        verdict = f"A random split would have pretended {' and '.join(pretended)} that is not there."
    else:
        verdict = "No gap can be told from chance with these images and this model."
    return [
        f"{gap.images} images of {gap.groups} groups; 95 % intervals over the seeds, in brackets.",
        "Related: share of the test images of whose group the model has learnt from an image.",
        "The model takes the five nearest thumbnails; it shows what leaks, not what can be reached.",
        verdict,
    ]
