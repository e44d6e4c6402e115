"""Which files of the data folder are used, and under which class."""

from collections.abc import Sequence
from dataclasses import replace

from components.datasets.spec import DatasetSpec, ImageRecord, Listing
from components.labels import known_labels
from components.settings import DataSettings
from schema.errors import DataRejectedError


def select_records(spec: DatasetSpec, listing: Listing, settings: DataSettings) -> Sequence[ImageRecord]:
    """The images that the settings ask for, sorted by path, with their classes renamed.

    Classes of the data set that the settings do not use are left out, and so are images whose attributes `where`
    excludes. An attribute that the data set does not know may yet be in the file's header, so that such images stay,
    and so do images without a known class, for the data gate to judge.

    Raises DataRejectedError where no image is left.
    """
    known = set(known_labels(spec, settings))
    records = [_renamed(record, settings) for record in spec.find_records(listing)]
    selected = [
        record
        for record in sorted(records, key=lambda record: record.path)
        if (record.label in settings.labels or record.label not in known) and _wanted(record, settings)
    ]
    if not selected:
        asked = f" with {settings.where}" if settings.where else ""
        raise DataRejectedError(
            f"The data folder holds no image of the classes {', '.join(settings.labels)}{asked}.",
            fix=f"check the folder; the expected layout is {spec.layout}",
        )
    return selected


def _renamed(record: ImageRecord, settings: DataSettings) -> ImageRecord:
    if record.label is None:
        return record
    return replace(record, label=settings.label_map.get(record.label, record.label))


def _wanted(record: ImageRecord, settings: DataSettings) -> bool:
    return all(record.attributes.get(name, values[0]) in values for name, values in settings.where.items())
