"""The part of the report that is about the data, from what ingestion and the data gate left behind."""

from collections.abc import Sequence
from typing import Final

from components.data_gate.report import GateReport, read_report
from components.datasets.registry import get_dataset
from components.image_example_gen.pair_images import PairedImage, read_pair_images, read_thumbnail
from components.manifest import Manifest, groups_of, images_per_class, read_manifest, read_pairs
from components.report.content import (
    Data,
    DataCheck,
    DataDifference,
    DroppedImage,
    SampleImage,
    ShownImage,
    ShownPair,
    SplitCount,
)
from components.settings import DataSettings
from schema import contract
from schema.images.thumbnails import png_data_uri

_DRIFT: Final = "drift"


def gather_data(manifest: str, data_gate: str, samples: list[SampleImage], settings: DataSettings) -> Data:
    """Args:
    manifest, data_gate: folders of the artifacts.
    """
    dataset, report, entries = get_dataset(settings.dataset), read_report(data_gate), read_manifest(manifest)
    return Data(
        title=dataset.title,
        modality=dataset.modality,
        source=dataset.source,
        splits=count_splits(entries, settings.labels),
        dropped=[DroppedImage(source=entry.source, reason=entry.dropped) for entry in entries if entry.dropped],
        checks=list_data_checks(report),
        differences=[DataDifference(**found.model_dump()) for found in report.differences],
        notes=report.notes,
        pairs_found=len(read_pairs(manifest)),
        pairs=show_pairs(manifest),
        samples=samples,
    )


def count_splits(manifest: Manifest, labels: Sequence[str]) -> list[SplitCount]:
    return [
        SplitCount(
            split=split,
            images=images_per_class(manifest, split, labels),
            groups=len(groups_of(manifest, split)),
        )
        for split in contract.SPLITS
    ]


def list_data_checks(report: GateReport) -> list[DataCheck]:
    drift_was_sought = any(difference.second == contract.TRAIN for difference in report.differences)
    return [
        DataCheck(
            check=result.check,
            title=result.title,
            policy=result.policy,
            made=drift_was_sought or result.check != _DRIFT,
            findings=result.findings,
            dropped=len(result.dropped),
            fix=result.fix,
        )
        for result in report.results
    ]


def show_pairs(directory: str) -> list[ShownPair]:
    """The pairs that ingestion chose, with their thumbnails."""
    return [
        ShownPair(
            first=_show(directory, pair.first),
            second=_show(directory, pair.second),
            different_patients=pair.different_patients,
            similarity=pair.similarity,
            change=pair.change,
            same_picture=pair.same_picture,
        )
        for pair in read_pair_images(directory)
    ]


def _show(directory: str, image: PairedImage) -> ShownImage:
    picture = png_data_uri(read_thumbnail(directory, image))
    return ShownImage(**image.model_dump(exclude={"file"}), picture=picture)
