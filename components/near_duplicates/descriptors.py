"""What is compared: band-pass maps of the pictures, and descriptors for the index.

Band-pass maps with equal local contrast do not change with brightness, contrast and gain.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.disk_rows import DiskRows, Rows
from components.near_duplicates.fingerprints import SIDE, aspects, pictures
from components.near_duplicates.geometry import circles

Maps = NDArray[np.float32]


@dataclass(frozen=True)
class Band:
    """Standard deviations, in pixels, of the two Gaussians of a band-pass and of the window of its contrast."""

    inner_sigma: float
    outer_sigma: float
    contrast_sigma: float


FINE: Final = Band(inner_sigma=0.75, outer_sigma=1.2, contrast_sigma=5.0)
# These two see pictures of half the side: the smoother a map, the less a crop of some percent changes it.
HALF: Final = Band(inner_sigma=0.6, outer_sigma=1.5, contrast_sigma=3.5)
COARSE: Final = Band(inner_sigma=1.0, outer_sigma=2.5, contrast_sigma=6.0)

HALF_SIDE: Final = SIDE // 2
COARSE_SIDE: Final = 12
RADII: Final = tuple(np.linspace(0.12, 0.88, 8).tolist())  # of circles, in halves of the image's shorter side
ANGLES: Final = 128  # samples on each circle
HARMONICS: Final = 8  # of the circles, for the invariants
INVARIANTS_LENGTH: Final = len(RADII) * (len(RADII) + 1) // 2 * HARMONICS

CHUNK: Final = 1024  # images at a time

_INT8_SCALE: Final = 127.0
_BACKGROUND: Final = 0.05  # share of the grey range that counts as dark background
_SPREAD: Final = (0.01, 0.99)  # quantiles between which the grey range is taken
_LEAST_SHARE: Final = 1e-3  # of the foreground under a Gaussian
_RIM: Final = np.ones((5, 5), np.uint8)  # an outline is alike in many patients: its border is left out too
_SATURATION: Final = 2.0  # keeps a caliper or a bright edge from outweighing the tissue
_CONTRAST_FLOOR: Final = 0.3  # share of the mean contrast that damps noise in flat regions
_NOISE_FLOOR: Final = 1e-4  # share of the grey range below which there is no structure


@dataclass(frozen=True)
class Descriptions:
    """What the search goes by, of n images.

    Attributes:
        coarse: (n, COARSE_SIDE, COARSE_SIDE) float16, norm 1.
        halves: (n, HALF_SIDE, HALF_SIDE) int8, 127 is 1.
        fine: (n, SIDE, SIDE) int8, 127 is 1; 0 in the dark background of a film.
        aspects: (n,) float64, height / width.
    """

    coarse: Rows[np.float16]
    halves: Rows[np.int8]
    fine: Rows[np.int8]
    aspects: NDArray[np.float64]


def describe(fingerprints: Rows[np.uint8], rows: NDArray[np.intp]) -> Descriptions:
    """Describes the images in these rows of fingerprints; what it finds is on disk, but for the aspects."""
    coarse = DiskRows((COARSE_SIDE, COARSE_SIDE), np.float16)
    halves = DiskRows((HALF_SIDE, HALF_SIDE), np.int8)
    fine = DiskRows((SIDE, SIDE), np.int8)
    shapes = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        chunk = slice(start, start + CHUNK)
        images = fingerprints[rows[chunk]]
        whole = pictures(images)
        small = [_resized(picture, HALF_SIDE) for picture in whole]
        coarse.append(scaled(np.array([_resized(_band_pass(image, COARSE), COARSE_SIDE) for image in small])))
        halves.append(_to_int8(np.array([_band_pass(image, HALF) for image in small])))
        fine.append(_to_int8(np.array([_foreground_band_pass(picture, FINE) for picture in whole])))
        shapes[chunk] = aspects(images)
    return Descriptions(coarse, halves, fine, shapes)


def scaled(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """(n, ...) -> the same shape, each of norm 1; zeros stay zeros."""
    norms = np.sqrt((values**2).sum(axis=tuple(range(1, values.ndim)), keepdims=True))
    return (values / np.maximum(norms, 1e-6)).astype(np.float16)


def angular_spectra(halves: Maps, shapes: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Fourier transforms along circles: a turn of the image shifts their phases, a mirror image is conjugate.

    Args:
        halves: (n, HALF_SIDE, HALF_SIDE).
        shapes: (n,), height / width of the images.

    Returns:
        (n, len(RADII), ANGLES // 2 + 1), without the mean. Long circles weigh more.
    """
    samples = np.empty((len(halves), len(RADII), ANGLES), np.float32)
    for values, aspect, sampled in zip(halves, shapes, samples, strict=True):
        columns, rows = circles(HALF_SIDE, aspect, RADII, ANGLES)
        cv2.remap(values, columns, rows, cv2.INTER_LINEAR, dst=sampled, borderMode=cv2.BORDER_REPLICATE)
    spectra = np.fft.rfft(samples, axis=2) * np.sqrt(RADII)[:, None]
    spectra[:, :, 0] = 0.0
    return spectra.astype(np.complex64)


def invariants(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """What neither turning nor mirroring changes: real parts of the products of two circles' harmonics.

    A turn multiplies harmonic m of all circles by one phase, which cancels in F_m(r) * conj(F_m(s)); the real
    part is that of the mirror image too. The signed root undoes the square of the contrast.

    Args:
        spectra: (n, len(RADII), ANGLES // 2 + 1).

    Returns:
        (n, INVARIANTS_LENGTH).
    """
    harmonics = spectra[:, :, 1 : HARMONICS + 1]
    one, other = np.triu_indices(len(RADII))
    products = (harmonics[:, one] * harmonics[:, other].conj()).real
    return (np.sign(products) * np.sqrt(np.abs(products))).reshape(len(spectra), INVARIANTS_LENGTH)


def _to_int8(values: Maps) -> NDArray[np.int8]:
    return np.rint(values.clip(-1, 1) * _INT8_SCALE).astype(np.int8)


def _band_pass(picture: Maps, band: Band) -> Maps:
    """Band-pass of a picture with equal local contrast: the same shape, -1 to 1, mean 0."""
    difference = _blurred(picture, band.inner_sigma) - _blurred(picture, band.outer_sigma)
    energy = difference**2
    signal = _equalised(difference, _blurred(energy, band.contrast_sigma), float(energy.mean()))
    return signal - signal.mean()


def _foreground_band_pass(picture: Maps, band: Band) -> Maps:
    """The same for the foreground alone, by normalised convolution (Knutsson and Westin, 1993)."""
    inside = _foreground(picture)
    difference = _mean_inside(picture, inside, band.inner_sigma) - _mean_inside(picture, inside, band.outer_sigma)
    if not inside.all():
        inside = np.asarray(cv2.erode(inside, _RIM), np.float32)
    energy = inside * difference**2
    area = max(float(inside.sum()), 1.0)
    contrast = _mean_inside(energy, inside, band.contrast_sigma)
    signal = inside * _equalised(difference, contrast, float(energy.sum()) / area)
    # Without a mean, the shape of the foreground alone does not correlate.
    return inside * (signal - np.float32(signal.sum() / area))


def _equalised(difference: Maps, local_energy: Maps, mean_energy: float) -> Maps:
    floor = np.float32(_CONTRAST_FLOOR * np.sqrt(mean_energy) + _NOISE_FLOOR)
    return np.tanh(_SATURATION * difference / (np.sqrt(local_energy) + floor), dtype=np.float32)


def _mean_inside(values: Maps, inside: Maps, sigma: float) -> Maps:
    """Gaussian mean of the values where `inside` is 1."""
    share = _blurred(inside, sigma).clip(_LEAST_SHARE, 1.0)
    return _blurred(values * inside, sigma) / share


def _blurred(values: Maps, sigma: float) -> Maps:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _foreground(picture: Maps) -> Maps:
    """(side, side) -> the same shape: 0 in the dark background, 1 elsewhere."""
    ranks = [int(share * (picture.size - 1)) for share in _SPREAD]
    darkest, brightest = np.partition(picture, ranks, axis=None)[ranks]
    return (picture >= darkest + _BACKGROUND * (brightest - darkest)).astype(np.float32)


def _resized(values: Maps, side: int) -> Maps:
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA), np.float32)
