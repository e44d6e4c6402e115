"""The lesions of tested images, from the mask files of the data folder."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.datasets.spec import DatasetSpec
from components.heat_map_evaluator.masks import read_masks
from components.image_example_gen.files import list_folder, read_file
from schema.images.formats import UnreadableImageError


@dataclass(frozen=True)
class Lesions:
    """Attributes:
    masks: by the path of the image, bool (HEAT_MAP_SIDE, HEAT_MAP_SIDE); none of them empty, as those of images
        without a lesion are.
    unreadable: mask files that are no images.
    """

    masks: Mapping[str, NDArray[np.bool_]]
    unreadable: Sequence[str]


def read_lesions(spec: DatasetSpec, root: str, sources: Collection[str]) -> Lesions:
    """Args:
    root: the data folder.
    sources: paths of the images whose masks are read.
    """
    files = spec.find_masks(list_folder(root)) if spec.find_masks else {}
    masks, unreadable = dict[str, NDArray[np.bool_]](), list[str]()
    for source in sorted(set(sources) & files.keys()):
        try:
            mask = read_masks([read_file(f"{root}/{path}") for path in files[source]])
        except UnreadableImageError:
            unreadable += files[source]
            continue
        if mask.any():
            masks[source] = mask
    return Lesions(masks, unreadable)
