"""Compares two images under the likeliest changes of geometry, first roughly, then finely.

Two explanations are tried: the second image is a symmetry of the square of the first, with one of the two
cropped; or it is the first one turned by any angle, which the disk in the middle shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from components.near_duplicates.correlation import Window, prominence, spectrum
from components.near_duplicates.descriptors import ANGLES, Descriptions, Maps, angular_spectra, fine_maps
from components.near_duplicates.fingerprints import aspects
from components.near_duplicates.geometry import (
    SYMMETRIES,
    Geometry,
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
TURN_MARGIN: Final = 0.05  # by which a turn by any angle must be the better explanation


@dataclass(frozen=True)
class Alignment:
    """What makes the first image of a pair most like the second.

    Attributes:
        promise: how far that match rises above others in maps of half the side, at most 1.
        symmetry: of the square.
        crops: one of CROPS, given that symmetry.
        mirrored, degrees: the other explanation, a turn by any angle.
    """

    promise: float
    symmetry: Geometry
    crops: tuple[tuple[float, float], tuple[float, float]]
    mirrored: bool
    degrees: float


def align(descriptions: Descriptions, pairs: NDArray[np.intp]) -> list[Alignment]:
    """Looks for the best explanation of each pair in small maps.

    Args:
        pairs: (n, 2), positions in the descriptions.
    """
    first, second = descriptions[pairs[:, 0]], descriptions[pairs[:, 1]]
    symmetries = _best_symmetries(first.coarse, second.coarse)
    one, other = first.halves.astype(np.float32), second.halves.astype(np.float32)
    crops, by_symmetry = _best_crops(_symmetric(one, symmetries), other)
    mirrored, degrees = _best_turns(angular_spectra(first), angular_spectra(second))
    turned_one, inside = _turned(one, other, first.aspects, second.aspects, mirrored, degrees)
    by_turn = prominence(spectrum(turned_one), spectrum(inside), HALF_WINDOW)
    promise = np.maximum(by_symmetry, by_turn)
    columns = (promise.tolist(), symmetries, crops, mirrored.tolist(), degrees.tolist())
    return [Alignment(*values) for values in zip(*columns, strict=True)]


def compare(
    first: NDArray[np.uint8], second: NDArray[np.uint8], alignments: Sequence[Alignment]
) -> list[tuple[float, Geometry]]:
    """Similarity, 0 to 1, and geometry of pairs whose alignment is known.

    Args:
        first, second: (n, FINGERPRINT_LENGTH).
        alignments: n.
    """
    one, seen = fine_maps(first), fine_maps(second)
    upright = _symmetric(one, [alignment.symmetry for alignment in alignments])
    by_symmetry = np.maximum(
        prominence(spectrum(upright), spectrum(seen), FINE_WINDOW),
        prominence(
            spectrum(_cropped(upright, [alignment.crops[0] for alignment in alignments])),
            spectrum(_cropped(seen, [alignment.crops[1] for alignment in alignments])),
            FINE_WINDOW,
        ),
    )
    mirrored = np.array([alignment.mirrored for alignment in alignments], np.bool_)
    degrees = np.array([alignment.degrees for alignment in alignments])
    turned_one, inside = _turned(one, seen, aspects(first), aspects(second), mirrored, degrees)
    by_turn = prominence(spectrum(turned_one), spectrum(inside), FINE_WINDOW)
    geometries = [
        geometry_of(alignment.mirrored, alignment.degrees) if gain > TURN_MARGIN else alignment.symmetry
        for alignment, gain in zip(alignments, by_turn - by_symmetry, strict=True)
    ]
    similarities = np.maximum(by_symmetry, by_turn).clip(0.0, 1.0)
    return list(zip(similarities.tolist(), geometries, strict=True))


def _best_symmetries(first: NDArray[np.float16], second: NDArray[np.float16]) -> list[Geometry]:
    """(n, side, side) twice -> for each pair the symmetry that makes the first most like the second."""
    products = np.stack([(apply_symmetry(first, symmetry) * second).sum(axis=(1, 2)) for symmetry in SYMMETRIES])
    return [SYMMETRIES[best] for best in products.argmax(axis=0)]


def _best_crops(
    first: Maps, second: Maps
) -> tuple[list[tuple[tuple[float, float], tuple[float, float]]], NDArray[np.float32]]:
    """(n, HALF_SIDE, HALF_SIDE) twice -> for each pair the best of CROPS, and how good it is."""
    ones = {left: spectrum(cropped(first, left)) for left in LEFT}
    others = {left: spectrum(cropped(second, left)) for left in LEFT}
    gains = np.stack([prominence(ones[one], others[other], HALF_WINDOW) for one, other in CROPS])
    return [CROPS[best] for best in gains.argmax(axis=0)], gains.max(axis=0)


def _best_turns(
    first: NDArray[np.complex64], second: NDArray[np.complex64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Mirroring and turn that make the first image most like the second, by correlation along circles.

    Args:
        first, second: (n, len(RADII), ANGLES // 2 + 1).

    Returns:
        (n,) and (n,) degrees counter-clockwise, read between samples off the parabola through three of them.
    """
    # Mirrored about the vertical axis, the angle t is pi - t: harmonic m becomes its conjugate times (-1)^m.
    signs = (-1.0) ** np.arange(first.shape[2])
    images = np.stack([first, first.conj() * signs], axis=1)
    correlation = fft.irfft((images * second.conj()[:, None]).sum(axis=2), ANGLES)  # (n, 2, ANGLES)
    mirrored, sample = np.divmod(correlation.reshape(len(first), -1).argmax(axis=1), ANGLES)
    before, best, after = (
        correlation[np.arange(len(first)), mirrored, (sample + step) % ANGLES] for step in (-1, 0, 1)
    )
    offset = 0.5 * (before - after) / np.minimum(before - 2 * best + after, -1e-9)
    return mirrored.astype(np.bool_), (sample + offset) * (360.0 / ANGLES)


def _turned(
    first: Maps,
    second: Maps,
    first_aspects: NDArray[np.float64],
    second_aspects: NDArray[np.float64],
    mirrored: NDArray[np.bool_],
    degrees: NDArray[np.float64],
) -> tuple[Maps, Maps]:
    """(n, side, side) twice: the first images turned, and the second ones, both inside the disk of the second."""
    shapes = list(zip(first_aspects, second_aspects, strict=True))
    inside = np.stack([disk(second.shape[-1], aspect) for _, aspect in shapes])
    turns = [
        turned(values, mirror, angle, *shape)
        for values, mirror, angle, shape in zip(first, mirrored, degrees, shapes, strict=True)
    ]
    return np.stack(turns) * inside, second * inside


def _symmetric(maps: Maps, symmetries: Sequence[Geometry]) -> Maps:
    return np.stack([apply_symmetry(values, symmetry) for values, symmetry in zip(maps, symmetries, strict=True)])


def _cropped(maps: Maps, shares: Sequence[tuple[float, float]]) -> Maps:
    return np.stack([cropped(values, left) for values, left in zip(maps, shares, strict=True)])
