"""Compares the two images of a pair under the likeliest change of geometry, first roughly, then finely.

Most candidates are unrelated, and `resembling` tells them from the others by a first look.

There are two explanations of a pair: the second image is a symmetry of the square of the first, and one of the
two may be cropped (`match_layouts`); or it is the first one turned by any angle (`match_turns`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.near_duplicates.correlation import Window, correlations, prominence, spectrum
from components.near_duplicates.descriptors import ANGLES, Descriptions, Maps, angular_spectra
from components.near_duplicates.disk_rows import Rows
from components.near_duplicates.geometry import (
    SYMMETRIES,
    Geometry,
    Turn,
    apply_symmetry,
    cropped,
    disk,
    geometry_of,
    turned,
)

HALF_WINDOW: Final = Window(shift=3, reach=9, guard=2)
FINE_WINDOW: Final = Window(shift=5, reach=16, guard=3)

WHOLE: Final = (1.0, 1.0)  # shares of height and width
# What is left whole, by a crop at one side, at the other, at a corner, and all around.
LEFT: Final = (WHOLE, (0.94, 1.0), (1.0, 0.94), (0.95, 0.95), (0.9, 0.9), (0.85, 0.85))
# Of the first and of the second image, since either may be the cropped one.
CROPS: Final = tuple((one, other) for one in LEFT for other in LEFT if WHOLE in (one, other))

LOOK_SHIFT: Final = 2
# At a first look. Of near-duplicates in BUSI, MIAS and IDC and of copies of them with up to 15 % cropped, none has
# less than 0.39 and 1 in 500 less than 0.45; of unrelated candidates in IDC and BUSI, 5 and 24 of 100 have more.
LEAST_LIKENESS: Final = 0.37


MATCH_TYPE: Final = np.dtype(
    [("first", "<i4"), ("second", "<i4"), ("similarity", "<f8"), ("mirrored", "?"), ("degrees", "<i2")]
)


@dataclass(frozen=True)
class Match:
    """What makes the first image of a pair like the second.

    Attributes:
        first, second: positions in the descriptions.
        similarity: how far the match rises above others, 0 to 1.
        geometry: from the first to the second.
    """

    first: int
    second: int
    similarity: float
    geometry: Geometry


def to_table(matches: Sequence[Match]) -> NDArray[np.void]:
    """(n,) of MATCH_TYPE, which can be written to a file."""
    return np.array(
        [
            (match.first, match.second, match.similarity, match.geometry.mirrored, match.geometry.degrees)
            for match in matches
        ],
        MATCH_TYPE,
    )


def from_table(table: NDArray[np.void]) -> list[Match]:
    return [
        Match(first, second, similarity, Geometry(mirrored, degrees))
        for first, second, similarity, mirrored, degrees in table.tolist()
    ]


def resembling(images: Descriptions, pairs: NDArray[np.int32]) -> NDArray[np.int32]:
    """Those of the pairs that may be symmetries of the square of each other, by a first look.

    Args:
        pairs: (n, 2), positions in the descriptions.

    Returns:
        (kept, 2), in their order.
    """
    if not len(pairs):
        return pairs
    symmetries = _best_symmetries(*_both(images.coarse, pairs))
    first, second = _both(images.looks, pairs)
    first = _symmetric(first, symmetries)
    whole, other = spectrum(first[:, 0]), spectrum(second[:, 0])
    looks = ((whole, other), (spectrum(first[:, 1]), other), (whole, spectrum(second[:, 1])))
    likeness = np.max([correlations(*look, LOOK_SHIFT).max(axis=(1, 2)) for look in looks], axis=0)
    return pairs[likeness >= LEAST_LIKENESS]


def match_layouts(images: Descriptions, pairs: NDArray[np.int32], promise: float) -> list[Match]:
    """Compares pairs as symmetries of the square.

    Args:
        pairs: (n, 2), positions in the descriptions.
        promise: similarity of maps of half the side that a pair must have to be compared finely.
    """
    if not len(pairs):
        return []
    symmetries = _best_symmetries(*_both(images.coarse, pairs))
    first, second = _both(images.halves, pairs)
    crops, promises = _best_crops(_symmetric(first, symmetries), second)
    kept = np.flatnonzero(promises >= promise)
    if not len(kept):
        return []
    first, seen = _both(images.fine, pairs[kept])
    upright = _symmetric(first, symmetries[kept])
    of_upright, of_seen = zip(*(crops[pair] for pair in kept), strict=True)
    similarities = np.maximum(
        prominence(spectrum(upright), spectrum(seen), FINE_WINDOW),
        prominence(spectrum(_cropped(upright, of_upright)), spectrum(_cropped(seen, of_seen)), FINE_WINDOW),
    )
    return [
        Match(first, second, similarity, SYMMETRIES[symmetry])
        for (first, second), similarity, symmetry in zip(
            pairs[kept].tolist(), _in_range(similarities), symmetries[kept].tolist(), strict=True
        )
    ]


def match_turns(images: Descriptions, pairs: NDArray[np.int32], promise: float) -> list[Match]:
    """Compares pairs as turned by any angle, mirrored or not, inside the largest disk of the second image.

    Args:
        pairs: (n, 2), positions in the descriptions.
        promise: similarity of maps of half the side that a pair must have to be compared finely.
    """
    if not len(pairs):
        return []
    first, second = _both(images.halves, pairs)
    aspects = images.aspects[pairs.reshape(-1).astype(np.intp)].reshape(pairs.shape)
    turns = _best_turns(first, second, aspects)
    promises = _prominence_in_disk(first, second, turns, HALF_WINDOW)
    kept = np.flatnonzero(promises >= promise)
    if not len(kept):
        return []
    turns = [turns[pair] for pair in kept]
    similarities = _prominence_in_disk(*_both(images.fine, pairs[kept]), turns, FINE_WINDOW)
    return [
        Match(first, second, similarity, geometry_of(turn.mirrored, turn.degrees))
        for (first, second), similarity, turn in zip(
            pairs[kept].tolist(), _in_range(similarities), turns, strict=True
        )
    ]


def _both(maps: Rows[np.float16] | Rows[np.int8], pairs: NDArray[np.int32]) -> tuple[Maps, Maps]:
    """The maps of the first and of the second image of each of (n, 2) pairs: (n, ..., side, side) each.

    Most images are in several pairs of a chunk, so each is read once.
    """
    images, places = np.unique(pairs, return_inverse=True)
    found = maps[images.astype(np.intp)].astype(np.float32)
    first, second = places.reshape(pairs.shape).T
    return found[first], found[second]


def _in_range(similarities: NDArray[np.float32]) -> list[float]:
    return [float(similarity) for similarity in similarities.clip(0.0, 1.0)]


def _best_symmetries(first: Maps, second: Maps) -> NDArray[np.intp]:
    """(n, side, side) twice -> (n,): for each pair which of SYMMETRIES makes the first most like the second."""
    products = [np.einsum("nij,nij->n", apply_symmetry(first, symmetry), second) for symmetry in SYMMETRIES]
    return np.argmax(products, axis=0)


def _best_crops(
    first: Maps, second: Maps
) -> tuple[list[tuple[tuple[float, float], tuple[float, float]]], NDArray[np.float32]]:
    """(n, HALF_SIDE, HALF_SIDE) twice -> for each pair the best of CROPS, and how good it is."""
    ones = {left: spectrum(cropped(first, left)) for left in LEFT}
    others = {left: spectrum(cropped(second, left)) for left in LEFT}
    gains = np.stack([prominence(ones[one], others[other], HALF_WINDOW) for one, other in CROPS])
    return [CROPS[best] for best in gains.argmax(axis=0)], gains.max(axis=0)


def _best_turns(first: Maps, second: Maps, shapes: NDArray[np.float64]) -> list[Turn]:
    """For each of n pairs the turn that makes the first image most like the second, by correlation along circles.

    Args:
        first, second: (n, HALF_SIDE, HALF_SIDE).
        shapes: (n, 2), height / width of the first and of the second image.
    """
    one, other = angular_spectra(first, shapes[:, 0]), angular_spectra(second, shapes[:, 1])
    # Mirrored about the vertical axis, the angle t is pi - t: harmonic m becomes its conjugate times (-1)^m.
    signs = (-1.0) ** np.arange(one.shape[2])
    images = np.stack([one, one.conj() * signs], axis=1)
    correlation = fft.irfft((images * other.conj()[:, None]).sum(axis=2), ANGLES)  # (n, 2, ANGLES)
    mirrored, sample = np.divmod(correlation.reshape(len(one), -1).argmax(axis=1), ANGLES)
    # The angle is read between samples, off the parabola through the best one and its neighbours.
    before, best, after = (
        correlation[np.arange(len(one)), mirrored, (sample + step) % ANGLES] for step in (-1, 0, 1)
    )
    offset = 0.5 * (before - after) / np.minimum(before - 2 * best + after, -1e-9)
    degrees = (sample + offset) * (360.0 / ANGLES)
    columns = (mirrored.astype(np.bool_), degrees, shapes[:, 0], shapes[:, 1])
    return [Turn(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def _prominence_in_disk(first: Maps, second: Maps, turns: Sequence[Turn], window: Window) -> NDArray[np.float32]:
    """(n, side, side) twice, and the turn of each first one -> (n,)."""
    side = second.shape[-1]
    inside = np.stack([disk(side, turn.new_aspect) for turn in turns])
    return prominence(spectrum(turned(first, turns) * inside), spectrum(second * inside), window)


def _symmetric(maps: Maps, symmetries: NDArray[np.intp]) -> Maps:
    """(n, ..., side, side), and for each of n which of SYMMETRIES to apply."""
    moved = np.empty_like(maps)
    for number, symmetry in enumerate(SYMMETRIES):
        chosen = symmetries == number
        moved[chosen] = apply_symmetry(maps[chosen], symmetry)
    return moved


def _cropped(maps: Maps, shares: Sequence[tuple[float, float]]) -> Maps:
    return np.stack([cropped(values, left) for values, left in zip(maps, shares, strict=True)])
