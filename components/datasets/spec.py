"""What a data set's module exports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ULTRASOUND: Final = "ultrasound"
MAMMOGRAPHY: Final = "mammography"
HISTOPATHOLOGY: Final = "histopathology"
ANY_MODALITY: Final = "any"
MODALITIES: Final = (ULTRASOUND, MAMMOGRAPHY, HISTOPATHOLOGY, ANY_MODALITY)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image file of a data set.

    Attributes:
        path: relative to the data folder, with forward slashes.
        label: the class as the data set names it; None where nothing says it.
        group: patient, or what stands for one; None where neither names nor tables say it.
        split: train, eval or test, where the owner of the data has split them; None elsewhere.
        attributes: further facts; the keys are some of `contract.ATTRIBUTES`.
    """

    path: str
    label: str | None
    group: str | None = None
    split: str | None = None
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
        modality: one of `MODALITIES`.
        source: where to get it, and how to cite it.
        layout: the expected folder layout, shown when nothing is found.
        labels: all class names of the data set, in the order of the model's outputs; empty where the
            configuration names them.
        positive_label: the class whose recall is gated; empty where the configuration names it.
        find_records: lists the images of the folder, all classes, annotation files such as lesion masks left out.
            It never opens an image. An image that it cannot label has the label None. Raises DataRejectedError
            where a table that comes with the images is missing or faulty.
        find_masks: names the lesion masks in the folder, all of an image, by the path of the image; None for a data
            set without masks.
        generate: for a data set that is made and not downloaded: writes it into an empty folder from a seed.
    """

    name: str
    title: str
    modality: str
    source: str
    layout: str
    labels: tuple[str, ...]
    positive_label: str
    find_records: Callable[[Listing], Sequence[ImageRecord]]
    find_masks: Callable[[Listing], Mapping[str, Sequence[str]]] | None = None
    generate: Callable[[Path, int], None] | None = None
