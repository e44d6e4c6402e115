"""How far the best match of two maps rises above all others.

A match is a normalised cross-correlation (Lewis, "Fast normalized cross-correlation", 1995) at some shift.
Films that share an outline, and patches that share an edge, correlate at many shifts alike; two pictures of
one scene do so at a single one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft


@dataclass(frozen=True)
class Window:
    """Shifts in pixels, up and down, left and right.

    Attributes:
        shift: largest one of the best match.
        reach: largest one of the others.
        guard: distance from the best match up to which a match is its flank, and not another one.
    """

    shift: int
    reach: int
    guard: int


def spectrum(maps: NDArray[np.float32]) -> NDArray[np.complex64]:
    """(n, side, side), side even -> (n, side, side // 2 + 1), of maps scaled to norm 1; zeros stay zeros."""
    norms = np.linalg.norm(maps, axis=(1, 2), keepdims=True)
    return fft.rfft2(maps / np.maximum(norms, 1e-6))


def correlations(first: NDArray[np.complex64], second: NDArray[np.complex64], reach: int) -> NDArray[np.float32]:
    """Normalised cross-correlations, by the correlation theorem (shifts wrap around).

    Args:
        first, second: (n, side, side // 2 + 1), spectra.
        reach: largest shift up, down, left and right.

    Returns:
        (n, 2 * reach + 1, 2 * reach + 1), the shift of nothing in the middle; 0 for maps of zeros.
    """
    side = first.shape[1]
    shifts = np.arange(-reach, reach + 1)
    return fft.irfft2(first.conj() * second, (side, side))[:, shifts[:, None], shifts]


def prominence(first: NDArray[np.complex64], second: NDArray[np.complex64], window: Window) -> NDArray[np.float32]:
    """The highest correlation less the highest one elsewhere.

    Args:
        first, second: (n, side, side // 2 + 1), spectra.

    Returns:
        (n,), at most 1; 0 for maps of zeros.
    """
    shifts = np.arange(-window.reach, window.reach + 1)
    correlation = correlations(first, second, window.reach)
    near = slice(window.reach - window.shift, window.reach + window.shift + 1)
    matches = correlation[:, near, near].reshape(len(correlation), -1)
    down, right = np.divmod(matches.argmax(axis=1), 2 * window.shift + 1)
    flank_down = np.abs(shifts - (down - window.shift)[:, None]) <= window.guard
    flank_right = np.abs(shifts - (right - window.shift)[:, None]) <= window.guard
    elsewhere = np.where(flank_down[:, :, None] & flank_right[:, None, :], -1.0, correlation)
    return matches.max(axis=1) - elsewhere.max(axis=(1, 2))
