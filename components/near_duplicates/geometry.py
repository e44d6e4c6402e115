"""How two pictures of one scene differ in geometry, and how to undo it.

A picture is square, but the image it was made of need not be: `aspect` is the height / width of the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

_RIGHT_ANGLE: Final = 1.5  # degrees: nearer to a multiple of 90 it is that multiple
_DISK: Final = 0.95  # of half the shorter side: what a turn by any angle leaves inside the image

_Real = TypeVar("_Real", np.float16, np.float32)


@dataclass(frozen=True)
class Geometry:
    """The second image is the first one, mirrored or not, then turned counter-clockwise.

    Attributes:
        degrees: -180 < degrees <= 180.
    """

    mirrored: bool
    degrees: int

    def inverse(self) -> "Geometry":
        """From the second image to the first."""
        return self if self.mirrored else geometry_of(False, -self.degrees)

    def __str__(self) -> str:
        """In words; '' for no change."""
        if self.degrees % 90:
            turn = f"rotated by {self.degrees} degrees"
        else:
            turn = f"rotated {self.degrees % 360}" if self.degrees else ""
        return " and ".join(filter(None, ("mirrored" if self.mirrored else "", turn)))


@dataclass(frozen=True)
class Turn:
    """The same by any angle, of an image of one aspect into one of another."""

    mirrored: bool
    degrees: float
    aspect: float
    new_aspect: float


SYMMETRIES: Final = tuple(Geometry(mirrored, degrees) for mirrored in (False, True) for degrees in (0, 90, 180, -90))


def geometry_of(mirrored: bool, degrees: float) -> Geometry:
    """Rounds to whole degrees, and to a right angle where it is near one."""
    right_angle = 90 * round(degrees / 90)
    rounded = right_angle if abs(degrees - right_angle) < _RIGHT_ANGLE else round(degrees)
    return Geometry(mirrored, 180 - (180 - rounded) % 360)


def apply_symmetry(maps: NDArray[_Real], symmetry: Geometry) -> NDArray[_Real]:
    """(..., side, side) -> the same shape, mirrored and turned by right angles."""
    mirrored = maps[..., ::-1] if symmetry.mirrored else maps
    return np.rot90(mirrored, symmetry.degrees // 90, axes=(-2, -1))


def cropped(maps: NDArray[np.float32], shares: tuple[float, float]) -> NDArray[np.float32]:
    """The middle of (..., side, side) maps, these shares of height and width, stretched to the full side."""
    down, right = (stretching(maps.shape[-1], share) for share in shares)
    return np.matmul(down @ maps, right.T, dtype=np.float32)


@cache
def stretching(side: int, share: float) -> NDArray[np.float32]:
    """(side, side): what stretches the middle `share` of a column to its full length, linearly."""
    middle = (side - 1) / 2
    positions = middle + (np.arange(side) - middle) * share
    return np.stack([np.interp(positions, np.arange(side), unit) for unit in np.eye(side)], axis=1, dtype=np.float32)


def turned(maps: NDArray[np.float32], turns: Sequence[Turn]) -> NDArray[np.float32]:
    """(n, side, side) maps of images -> those of the turned images."""
    moved = np.empty_like(maps)
    for values, matrix, result in zip(maps, _ways_back(turns, maps.shape[-1]), moved, strict=True):
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(values, matrix, values.shape, dst=result, flags=how, borderMode=cv2.BORDER_CONSTANT)
    return moved


@cache
def disk(side: int, aspect: float) -> NDArray[np.bool_]:
    """(side, side): whether a pixel lies in the largest disk of the image, but for its rim."""
    position = (np.arange(side) - (side - 1) / 2) / (side / 2)
    right, down = _half_extent(aspect)
    return (position / right) ** 2 + (position[:, None] / down) ** 2 <= _DISK**2


@cache
def circles(
    side: int, aspect: float, radii: tuple[float, ...], angles: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows in a picture, (radii, angles) each, of circles around the middle of its image."""
    right, down = _half_extent(aspect) * side / 2
    around = 2 * np.pi * np.arange(angles) / angles
    columns = (side - 1) / 2 + right * np.outer(radii, np.cos(around))
    rows = (side - 1) / 2 + down * np.outer(radii, np.sin(around))
    return columns.astype(np.float32), rows.astype(np.float32)


def _ways_back(turns: Sequence[Turn], side: int) -> NDArray[np.float64]:
    """(turns, 2, 3): the affine matrices from pixels of the turned map to those of the map before."""
    angles = np.radians([turn.degrees for turn in turns])
    right, down = _half_extent(np.array([turn.aspect for turn in turns]))
    new_right, new_down = _half_extent(np.array([turn.new_aspect for turn in turns]))
    right = np.where([turn.mirrored for turn in turns], -right, right)
    back = np.empty((len(turns), 2, 3))
    back[:, 0, 0], back[:, 0, 1] = right * np.cos(angles) / new_right, -right * np.sin(angles) / new_down
    back[:, 1, 0], back[:, 1, 1] = down * np.sin(angles) / new_right, down * np.cos(angles) / new_down
    middle = (side - 1) / 2
    back[:, :, 2] = middle - back[:, :, :2].sum(axis=2) * middle
    return back


def _half_extent(aspects: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """(2, ...): half the shorter side of images as a share of half their width and of half their height."""
    return np.stack([np.minimum(1.0, aspects), np.minimum(1.0, np.reciprocal(aspects))])
