"""How two pictures of one scene differ in geometry, and how to undo it.

A picture is square, but the image it was made of need not be: `aspect` is the height / width of the image.
"""

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
    down, right = (_stretch(maps.shape[-1], share) for share in shares)
    return np.matmul(down @ maps, right.T, dtype=np.float32)


def turned(values: NDArray[np.float32], turn: Turn) -> NDArray[np.float32]:
    """(side, side) map of an image -> that of the turned image."""
    cosine, sine = np.cos(np.radians(turn.degrees)), np.sin(np.radians(turn.degrees))
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    back = np.diag(_half_extent(turn.aspect)) @ rotation @ np.diag(1.0 / _half_extent(turn.new_aspect))
    if turn.mirrored:
        back[0] *= -1.0
    middle = np.full(2, (len(values) - 1) / 2)
    matrix = np.column_stack([back, middle - back @ middle])
    moved = cv2.warpAffine(values, matrix, values.shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(moved, np.float32)


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


def _half_extent(aspect: float) -> NDArray[np.float64]:
    """(2,): half the shorter side of the image as a share of half its width and of half its height."""
    return np.array([min(1.0, aspect), min(1.0, 1.0 / aspect)])


@cache
def _stretch(side: int, share: float) -> NDArray[np.float32]:
    """(side, side): the matrix that stretches the middle `share` of a line to its full length, linearly."""
    middle = (side - 1) / 2
    positions = middle + (np.arange(side) - middle) * share
    return np.stack([np.interp(positions, np.arange(side), unit) for unit in np.eye(side)], axis=1, dtype=np.float32)
