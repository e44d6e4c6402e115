"""What a data set's module exports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ImageRecord:
    """One image of a data set.

    Attributes:
        path: relative to the data folder, with forward slashes.
        label: class name.
        group: patient, or what stands for one; None where the data set names none, in which case
            near-duplicate images form a group.
        attributes: further facts by name, such as view or magnification.
    """

    path: str
    label: str
    group: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """The files of a data folder.

    Attributes:
        paths: every file below the folder, relative, with forward slashes, sorted.
        read_text: reads one of them as UTF-8 text; raises DataRejectedError where it cannot.
    """

    paths: Sequence[str]
    read_text: Callable[[str], str]


@dataclass(frozen=True)
class DatasetSpec:
    """A data set: how its folder is read, and what there is to say about it.

    Attributes:
        name: the key by which configurations name it.
        title: for people.
        modality: ultrasound, mammography or histopathology.
        source: where to get it, and how to cite it.
        layout: the expected folder layout, shown when nothing is found.
        labels: class names in the order of the model's outputs; empty where the configuration names them.
        positive_label: the class whose recall is gated; empty where the configuration names it.
        find_records: lists the images, given the files and the labels in use. It never opens an image.
            Raises DataRejectedError for a file that it cannot label.
        generate: for a data set that is made and not downloaded: writes it into an empty folder from a seed.
    """

    name: str
    title: str
    modality: str
    source: str
    layout: str
    labels: tuple[str, ...]
    positive_label: str
    find_records: Callable[[Listing, tuple[str, ...]], Sequence[ImageRecord]]
    generate: Callable[[Path, int], None] | None = None
