"""The classes of a data set as a configuration uses them."""

from components.datasets.spec import DatasetSpec
from components.settings import DataSettings


def known_labels(spec: DatasetSpec, settings: DataSettings) -> tuple[str, ...]:
    """All classes after renaming, in the order of the data set; those of the settings where it names none."""
    return tuple(dict.fromkeys(settings.label_map.get(label, label) for label in spec.labels)) or settings.labels
