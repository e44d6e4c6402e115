"""The files of an `ImageFeatures` artifact: for each split the maps, and the images that they are of."""

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

MAPS_FILE: Final = "maps.npy"
SOURCES_FILE: Final = "sources.json"


@dataclass(frozen=True)
class ImageFeatures:
    """Feature maps of the images of a split.

    Attributes:
        sources: one for each image.
        maps: float16 (images, views, rows, columns, channels), in the order of the sources, possibly on disk. The
            first view is the image itself, the others are augmented ones.
    """

    sources: tuple[str, ...]
    maps: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def views(self) -> int:
        return int(self.maps.shape[1])


def write_features(
    directory: str, sources: Sequence[str], shape: Sequence[int], batches: Iterable[NDArray[np.float16]]
) -> None:
    """Writes maps batch by batch.

    Args:
        directory: is made.
        shape: (views, rows, columns, channels).
        batches: of float16 (batch, *shape), in the order of the sources.

    Raises ValueError where there are not as many maps as sources.
    """
    tf.io.gfile.makedirs(directory)
    with tf.io.gfile.GFile(os.path.join(directory, SOURCES_FILE), "w") as file:
        file.write(json.dumps(list(sources)))
    with tf.io.gfile.GFile(os.path.join(directory, MAPS_FILE), "wb") as file:
        header = {"descr": np.dtype(np.float16).str, "fortran_order": False, "shape": (len(sources), *shape)}
        np.lib.format.write_array_header_2_0(file, header)
        written = 0
        for batch in batches:
            file.write(np.ascontiguousarray(batch, np.float16).tobytes())
            written += len(batch)
    if written != len(sources):
        raise ValueError(f"{written} maps for {len(sources)} images")


def read_features(directory: str) -> ImageFeatures:
    """The features of a split; the maps stay on disk and are read as they are asked for."""
    with tf.io.gfile.GFile(os.path.join(directory, SOURCES_FILE)) as file:
        sources = tuple(json.loads(file.read()))
    maps = np.load(_local(os.path.join(directory, MAPS_FILE)), mmap_mode="r", allow_pickle=False)
    return ImageFeatures(sources, maps)


def join_features(parts: Sequence[ImageFeatures]) -> ImageFeatures:
    """Those of all parts in one, which then are in memory. Raises ValueError where they differ in shape."""
    return ImageFeatures(
        tuple(source for part in parts for source in part.sources), np.concatenate([part.maps for part in parts])
    )


def _local(path: str) -> str:
    """The path itself where it is one of this machine's file system, and that of a copy elsewhere."""
    if Path(path).exists():
        return path
    copy = os.path.join(tempfile.mkdtemp(prefix="image-features-"), MAPS_FILE)
    tf.io.gfile.copy(path, copy)
    return copy
