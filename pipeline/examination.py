"""Looks at a data folder as ingestion would, without writing examples."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.data_checks.spec import Evidence
from components.datasets.registry import get_dataset
from components.image_example_gen.files import list_folder
from components.image_example_gen.inspection import Inspection, hand_out, inspect_images
from components.image_example_gen.planning import Plan, evidence_of, plan
from components.image_example_gen.selection import select_records
from components.image_example_gen.store import ImageStore, NoStore
from pipeline.beam_check import check_engine
from pipeline.beam_here import beam_here
from pipeline.config import Config
from pipeline.events import Event


@dataclass(frozen=True)
class Examination:
    """What ingestion would make of a folder."""

    inspection: Inspection
    plan: Plan
    evidence: Evidence


def examine(
    config: Config, data: Path, show: Callable[[Event], None], directory: str, store: ImageStore | NoStore
) -> Examination:
    """Reads all images and decides on classes, groups and splits; works in `directory`. Raises as ingestion does.

    Raises ConfigurationError where the engine is not there, or cannot see the folders.
    """
    spec, settings, root = get_dataset(config.data.dataset), config.data, str(data.resolve())
    check_engine(config.beam, [root, directory])
    handed_out = hand_out(select_records(spec, list_folder(str(data)), settings), directory)
    with beam_here(config.beam, show) as make_pipeline:
        inspection = inspect_images(make_pipeline, handed_out, root, settings.minimum_side, store)
    planned = plan(spec, inspection, settings)
    return Examination(inspection, planned, evidence_of(planned, spec, settings))
