"""What is compared: band-pass maps of the pictures, and descriptors for the index.

Band-pass maps with equal local contrast do not change with brightness, contrast and gain.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.disk_rows import DiskRows, Rows
from components.near_duplicates.fingerprints import SIDE, aspects, pictures
from components.near_duplicates.geometry import circles, stretching
from components.near_duplicates.threads import in_threads
from components.near_duplicates.workers import Workers

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
LOOK_SIDE: Final = 16
LOOK_CROP: Final = 0.9  # share of height and width: middling among the crops that near-duplicates may have
RADII: Final = tuple(np.linspace(0.12, 0.88, 8).tolist())  # of circles, in halves of the image's shorter side
ANGLES: Final = 128  # samples on each circle
HARMONICS: Final = 8  # of the circles, for the invariants
INVARIANTS_LENGTH: Final = len(RADII) * (len(RADII) + 1) // 2 * HARMONICS

CHUNK: Final = 1024  # images at a time
FEW: Final = 32  # whose maps stay in the cache of a core while they are made

_PIXELS: Final = (1, 2)  # axes of maps
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
        looks: (n, 2, LOOK_SIDE, LOOK_SIDE) float16, norm 1: the halves smaller still, whole and cropped to LOOK_CROP.
        halves: (n, HALF_SIDE, HALF_SIDE) int8, 127 is 1.
        fine: (n, SIDE, SIDE) int8, 127 is 1; 0 in the dark background of a film.
        aspects: (n,) float64, height / width.
    """

    coarse: Rows[np.float16]
    looks: Rows[np.float16]
    halves: Rows[np.int8]
    fine: Rows[np.int8]
    aspects: Rows[np.float64]

    def shared_by(self, workers: Workers) -> "Descriptions":
        """The same, where these workers can read them."""
        return Descriptions(
            coarse=workers.share(self.coarse),
            looks=workers.share(self.looks),
            halves=workers.share(self.halves),
            fine=workers.share(self.fine),
            aspects=workers.share(self.aspects),
        )


@dataclass(frozen=True)
class _Few:
    """The same of some images, in memory."""

    coarse: NDArray[np.float16]
    looks: NDArray[np.float16]
    halves: NDArray[np.int8]
    fine: NDArray[np.int8]
    aspects: NDArray[np.float64]


def describe(fingerprints: Rows[np.uint8], rows: NDArray[np.intp]) -> Descriptions:
    """Describes the images in these rows of fingerprints; what it finds is on disk, but for the aspects."""
    coarse = DiskRows((COARSE_SIDE, COARSE_SIDE), np.float16)
    looks = DiskRows((2, LOOK_SIDE, LOOK_SIDE), np.float16)
    halves = DiskRows((HALF_SIDE, HALF_SIDE), np.int8)
    fine = DiskRows((SIDE, SIDE), np.int8)
    chunks = (rows[start : start + FEW] for start in range(0, len(rows), FEW))
    shapes = [np.empty(0)]
    for few in in_threads(lambda chunk: _describe_few(fingerprints[chunk]), chunks):
        coarse.append(few.coarse)
        looks.append(few.looks)
        halves.append(few.halves)
        fine.append(few.fine)
        shapes.append(few.aspects)
    return Descriptions(coarse, looks, halves, fine, np.concatenate(shapes))


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


def _describe_few(images: NDArray[np.uint8]) -> _Few:
    """(n, FINGERPRINT_LENGTH)."""
    whole = pictures(images)
    small = _on_both_axes(_shrinking(SIDE, HALF_SIDE), whole)
    halves = _band_pass(small, HALF)
    return _Few(
        coarse=scaled(_on_both_axes(_shrinking(HALF_SIDE, COARSE_SIDE), _band_pass(small, COARSE))),
        looks=np.stack([scaled(_look(halves, share)) for share in (1.0, LOOK_CROP)], axis=1),
        halves=_to_int8(halves),
        fine=_to_int8(_foreground_band_pass(whole, FINE)),
        aspects=aspects(images),
    )


def _look(halves: Maps, share: float) -> Maps:
    """The middle share of height and width, in LOOK_SIDE pixels."""
    return _on_both_axes(_shrinking(HALF_SIDE, LOOK_SIDE) @ stretching(HALF_SIDE, share), halves)


def _to_int8(values: Maps) -> NDArray[np.int8]:
    return np.rint(values.clip(-1, 1) * _INT8_SCALE).astype(np.int8)


def _band_pass(maps: Maps, band: Band) -> Maps:
    """Band-pass of (n, side, side) pictures with equal local contrast: the same shape, -1 to 1, mean 0."""
    difference = _blurred(maps, band.inner_sigma) - _blurred(maps, band.outer_sigma)
    energy = difference**2
    signal = _equalised(difference, _blurred(energy, band.contrast_sigma), energy.mean(axis=_PIXELS, keepdims=True))
    return signal - signal.mean(axis=_PIXELS, keepdims=True)


def _foreground_band_pass(maps: Maps, band: Band) -> Maps:
    """The same for the foreground alone, by normalised convolution (Knutsson and Westin, 1993)."""
    inside = _foreground(maps)
    difference = _mean_inside(maps, inside, band.inner_sigma) - _mean_inside(maps, inside, band.outer_sigma)
    inside = np.array([cv2.erode(each, _RIM) for each in inside], np.float32)
    energy = inside * difference**2
    area = inside.sum(axis=_PIXELS, keepdims=True).clip(1.0)
    contrast = _mean_inside(energy, inside, band.contrast_sigma)
    signal = inside * _equalised(difference, contrast, energy.sum(axis=_PIXELS, keepdims=True) / area)
    # Without a mean, the shape of the foreground alone does not correlate.
    return inside * (signal - signal.sum(axis=_PIXELS, keepdims=True) / area)


def _equalised(difference: Maps, local_energy: Maps, mean_energy: Maps) -> Maps:
    floor = _CONTRAST_FLOOR * np.sqrt(mean_energy) + _NOISE_FLOOR
    return np.tanh(_SATURATION * difference / (np.sqrt(local_energy) + floor), dtype=np.float32)


def _mean_inside(maps: Maps, inside: Maps, sigma: float) -> Maps:
    """Gaussian mean of the values where `inside` is 1."""
    share = _blurred(inside, sigma).clip(_LEAST_SHARE, 1.0)
    return _blurred(maps * inside, sigma) / share


def _foreground(maps: Maps) -> Maps:
    """(n, side, side) -> the same shape: 0 in the dark background, 1 elsewhere."""
    values = np.sort(maps.reshape(len(maps), -1), axis=1)
    darkest, brightest = (values[:, int(share * (values.shape[1] - 1)), None, None] for share in _SPREAD)
    return (maps >= darkest + _BACKGROUND * (brightest - darkest)).astype(np.float32)


def _blurred(maps: Maps, sigma: float) -> Maps:
    return _on_both_axes(_blurring(maps.shape[-1], sigma), maps)


@cache
def _blurring(side: int, sigma: float) -> NDArray[np.float32]:
    """(side, side): what blurs a column, with the values at the ends going on behind them."""
    units = np.eye(side, dtype=np.float32)
    columns = [cv2.GaussianBlur(unit[:, None], (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for unit in units]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _on_both_axes(matrix: NDArray[np.float32], maps: Maps) -> Maps:
    """(new, old), (n, old, old) -> (n, new, new): for so small maps faster than filters of each."""
    return np.matmul(matrix, maps @ matrix.T, dtype=np.float32)


@cache
def _shrinking(side: int, new_side: int) -> NDArray[np.float32]:
    """(new_side, side): what shrinks a column, by the area that pixels share."""
    units = np.eye(side, dtype=np.float32)
    return np.asarray(cv2.resize(units, (side, new_side), interpolation=cv2.INTER_AREA), np.float32)
