"""Groups near-duplicate images, so that no split separates them.

Near duplicates are one frame saved twice (rescaled, compressed again, with other gain, mirrored, slightly
cropped, with calipers or text) and neighbouring frames. `fingerprint` looks at one image at a time;
`near_duplicate_groups` sees fingerprints only.

Method: normalised cross-correlation of band-pass thumbnails (Lewis, "Fast normalized cross-correlation",
1995), local contrast normalised, with dark background left out by normalised convolution (Knutsson and
Westin, 1993). Pairs are proposed by a coarse thumbnail and confirmed by a fine one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image
from scipy import fft
from scipy.ndimage import gaussian_filter, minimum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Thumbnail:
    """How a thumbnail is made; lengths in its own pixels.

    Attributes:
        side: height and width; the aspect ratio is dropped.
        inner_sigma, outer_sigma: standard deviations of the two Gaussians of the band-pass. The inner one
            makes the correlation tolerant of shifts by half a pixel.
        contrast_sigma: standard deviation of the window of the local contrast.
        background: share of the grey range that counts as dark background; 0 counts nothing.
        rim: width of the border of the background that is left out too, because an outline (the breast on a
            film) is alike in many patients.
    """

    side: int
    inner_sigma: float
    outer_sigma: float
    contrast_sigma: float
    background: float
    rim: int


COARSE: Final = Thumbnail(side=18, inner_sigma=0.5, outer_sigma=1.25, contrast_sigma=3.0, background=0.0, rim=0)
FINE: Final = Thumbnail(side=56, inner_sigma=0.75, outer_sigma=1.2, contrast_sigma=5.0, background=0.05, rim=1)
COARSE_LENGTH: Final = COARSE.side**2
FINE_LENGTH: Final = FINE.side**2
FINGERPRINT_LENGTH: Final = COARSE_LENGTH + FINE_LENGTH + 1  # the last entry tells constant images apart

# Chance-corrected similarities (see `_required`). Of the pairs of BUSI looked at, all above 0.105 show one
# scene; the margin is for films and tissue patches, where unrelated pairs reach 0.2.
CANDIDATE_SIMILARITY: Final = 0.3
CONFIRMED_SIMILARITY: Final = 0.165

MAXIMUM_CANDIDATES: Final = 16  # per image, so that a set of look-alikes costs no quadratic number of checks
COARSE_SHIFTS: Final = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))
FINE_SHIFT: Final = 5  # pixels of the fine thumbnail, 9 % of the side
# Share of the side that is compared, of the first and of the second image: either may be the cropped one.
CROPS: Final = ((1.0, 1.0), (0.93, 1.0), (1.0, 0.93))

COHORT: Final = 256
SMALLEST_COHORT: Final = 32
USUAL_QUANTILE: Final = 0.6
USUAL_SIMILARITY: Final = 0.2  # of unrelated ultrasound images, for sets too small to tell
LARGEST_USUAL_SIMILARITY: Final = 0.7  # of unrelated films; sets that are alike beyond that hold duplicates

SATURATION: Final = 2.0
CONTRAST_FLOOR: Final = 0.3  # share of the image's mean contrast that damps noise in flat regions
NOISE_FLOOR: Final = 1e-4  # share of the grey range below which there is no structure
ZERO_CODE: Final = 128
CODE_SCALE: Final = 127.0
BLOCK_ELEMENTS: Final = 2**23  # of the similarity matrix held at a time: 32 MiB
CHUNK_PAIRS: Final = 256


def fingerprint(pixels: np.ndarray) -> np.ndarray:
    """Describes an image by two band-pass thumbnails.

    Args:
        pixels: (height, width) or (height, width, 3), uint8 or uint16, at least 1 x 1.

    Returns:
        (FINGERPRINT_LENGTH,) uint8: the coarse thumbnail, the fine one (128 is zero), then 0 for a constant
        image and 1 for any other.
    """
    constant = bool((pixels == pixels[0, 0]).all())
    grey = pixels.astype(np.float32) if pixels.ndim == 2 else pixels.mean(axis=2, dtype=np.float32)
    grey -= grey.min()  # a constant image is exactly zero from here on, without rounding
    grey_range = float(grey.max())
    codes = [_encode(_band_pass(grey, kind, grey_range)).ravel() for kind in (COARSE, FINE)]
    return np.concatenate([*codes, np.array([not constant], np.uint8)])


def near_duplicate_groups(
    fingerprints: np.ndarray,
    candidate_similarity: float = CANDIDATE_SIMILARITY,
    confirmed_similarity: float = CONFIRMED_SIMILARITY,
) -> list[int]:
    """Connected components of the near-duplicate relation.

    Args:
        fingerprints: (images, FINGERPRINT_LENGTH) uint8.
        candidate_similarity, confirmed_similarity: least similarity of the coarse and of the fine thumbnails,
            0 (as alike as images of this set usually are) to 1 (the same).

    Returns:
        For each image the index of the first member of its group. The groups do not depend on the order.
    """
    rows = [row.tobytes() for row in np.asarray(fingerprints, np.uint8)]
    # Sorted distinct rows: equal images always meet, and rounding is the same for every order of the input.
    distinct = sorted(set(rows))
    if not distinct:
        return []
    codes = np.frombuffer(b"".join(distinct), np.uint8).reshape(len(distinct), FINGERPRINT_LENGTH)
    pairs = _near_duplicate_pairs(codes, candidate_similarity, confirmed_similarity)
    shape = (len(distinct), len(distinct))
    graph = coo_array((np.ones(len(pairs), np.uint8), (pairs[:, 0], pairs[:, 1])), shape=shape)
    _, components = connected_components(graph, directed=False)
    component_of = dict(zip(distinct, components.tolist(), strict=True))
    first: dict[int, int] = {}
    return [first.setdefault(component_of[row], index) for index, row in enumerate(rows)]


def _band_pass(grey: np.ndarray, kind: Thumbnail, grey_range: float) -> np.ndarray:
    """(height, width) float32 -> (side, side) float32 in -1..1, 0 in the background."""
    size = (kind.side, kind.side)
    thumbnail = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX), np.float32)
    darkest, brightest = np.percentile(thumbnail, (1, 99))
    inside = (thumbnail >= darkest + kind.background * (brightest - darkest)) | (kind.background == 0)
    weight = inside.astype(np.float32)
    band = _weighted_blur(thumbnail, weight, kind.inner_sigma) - _weighted_blur(thumbnail, weight, kind.outer_sigma)
    weight = minimum_filter(weight, 2 * kind.rim + 1, mode="nearest")
    energy = weight * band**2
    contrast = np.sqrt(_weighted_blur(energy, weight, kind.contrast_sigma))
    mean_contrast = np.sqrt(energy.sum() / max(weight.sum(), 1.0))
    floor = CONTRAST_FLOOR * mean_contrast + NOISE_FLOOR * grey_range + np.finfo(np.float32).tiny
    # Saturation keeps a caliper or a bright edge from outweighing the tissue.
    signal = weight * np.tanh(SATURATION * band / (contrast + floor))
    # Without a mean, the shape of the foreground alone does not correlate.
    return weight * (signal - signal.sum() / max(weight.sum(), 1.0))


def _weighted_blur(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean of the values where the weight (0 or 1) is 1, of the shape of `values`."""
    total = gaussian_filter(values * weight, sigma, mode="nearest", truncate=3.0)
    share = gaussian_filter(weight, sigma, mode="nearest", truncate=3.0)
    return total / np.maximum(share, 1e-3)


def _encode(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, -1.0, 1.0) * CODE_SCALE + ZERO_CODE).astype(np.uint8)


def _decode(codes: np.ndarray, kind: Thumbnail) -> np.ndarray:
    """(n, side * side) uint8 -> (n, side, side) float32."""
    return (codes.astype(np.float32) - ZERO_CODE).reshape(-1, kind.side, kind.side)


def _unit(maps: np.ndarray) -> np.ndarray:
    """(n, side, side) -> the same with norm 1; a map of zeros stays so and is similar to nothing."""
    norms = np.linalg.norm(maps, axis=(1, 2), keepdims=True)
    return maps / np.maximum(norms, 1e-6)


def _near_duplicate_pairs(codes: np.ndarray, candidate_similarity: float, confirmed_similarity: float) -> np.ndarray:
    """(n, FINGERPRINT_LENGTH) uint8 -> (pairs, 2) int."""
    coarse = _unit(_decode(codes[:, :COARSE_LENGTH], COARSE))
    fine = codes[:, COARSE_LENGTH:-1]
    usual = _usual_similarity(coarse)
    least = _required(usual, confirmed_similarity)
    confirmed = [np.empty((0, 2), np.intp)]
    for candidates, mirror in _candidates(coarse, _required(usual, candidate_similarity)):
        for start in range(0, len(candidates), CHUNK_PAIRS):
            chunk = candidates[start : start + CHUNK_PAIRS]
            similarity = _fine_similarity(fine, chunk, mirror)
            confirmed.append(chunk[similarity >= least[chunk].max(axis=1)])
    return np.concatenate(confirmed)


def _required(usual: np.ndarray, similarity: float) -> np.ndarray:
    """Least correlation whose chance-corrected value, (observed - usual) / (1 - usual), is `similarity`.

    The correction is that of Cohen's kappa. Without it films, which all show one outline, would chain.
    """
    return usual + (1.0 - usual) * similarity


def _usual_similarity(coarse: np.ndarray) -> np.ndarray:
    """(n, side, side) -> (n,) float32: how similar each image is to a sample of the set (USUAL_QUANTILE)."""
    if len(coarse) < SMALLEST_COHORT:
        return np.full(len(coarse), USUAL_SIMILARITY, np.float32)
    members = np.linspace(0, len(coarse) - 1, min(COHORT, len(coarse))).astype(int)
    cohort = coarse[members]
    both = np.maximum(_coarse_similarity(cohort, coarse), _coarse_similarity(cohort[:, :, ::-1], coarse))
    return np.minimum(np.quantile(both, USUAL_QUANTILE, axis=0), LARGEST_USUAL_SIMILARITY)


def _coarse_similarity(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(m, side, side) and (n, side, side), norm 1 -> (m, n) float32: largest correlation over shifts."""
    flat = columns.reshape(len(columns), -1).T
    largest = np.full((len(rows), len(columns)), -1.0, np.float32)
    for shift in COARSE_SHIFTS:
        np.maximum(largest, _unit(_shifted(rows, shift)).reshape(len(rows), -1) @ flat, out=largest)
    return largest


def _shifted(maps: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """Moves maps by at most one pixel down and right; zeros move in."""
    side = maps.shape[1]
    down, right = shift
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - down : 1 - down + side, 1 - right : 1 - right + side]


def _candidates(coarse: np.ndarray, least: np.ndarray) -> Iterator[tuple[np.ndarray, bool]]:
    """Pairs with similar coarse thumbnails, block by block: (pairs, 2) int, and whether one is mirrored."""
    count = len(coarse)
    start = 0
    while start < count:
        stop = min(count, start + max(1, BLOCK_ELEMENTS // (count - start)))
        for mirror in (False, True):
            rows = coarse[start:stop, :, ::-1] if mirror else coarse[start:stop]
            similarity = _coarse_similarity(rows, coarse[start:])
            similarity[(similarity < least[start:stop, None]) | (similarity < least[start:])] = 0.0
            yield _most_similar(np.triu(similarity, 1)) + start, mirror
        start = stop


def _most_similar(similarity: np.ndarray) -> np.ndarray:
    """(m, n), 0 for no candidate -> (pairs, 2) int: at most MAXIMUM_CANDIDATES of each row."""
    rows, columns = np.nonzero(similarity > 0)
    order = np.lexsort((columns, -similarity[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = rank < MAXIMUM_CANDIDATES
    return np.stack([rows[kept], columns[kept]], axis=1)


def _fine_similarity(fine: np.ndarray, pairs: np.ndarray, mirror: bool) -> np.ndarray:
    """Largest correlation over small shifts and crops, by the correlation theorem (shifts wrap around).

    Args:
        fine: (n, FINE_LENGTH) uint8.
        pairs: (m, 2) int.

    Returns:
        (m,) float32, -1 to 1.
    """
    first, second = (_decode(fine[pairs[:, side]], FINE) for side in (0, 1))
    if mirror:
        first = first[:, :, ::-1]
    largest = np.full(len(pairs), -1.0, np.float32)
    reach = np.r_[0 : FINE_SHIFT + 1, -FINE_SHIFT:0]
    for first_share, second_share in CROPS:
        spectrum = fft.rfft2(_unit(_crop(first, first_share))).conj()
        spectrum *= fft.rfft2(_unit(_crop(second, second_share)))
        correlation = fft.irfft2(spectrum, (FINE.side, FINE.side))
        np.maximum(largest, correlation[:, reach][:, :, reach].max(axis=(1, 2)), out=largest)
    return largest


def _crop(maps: np.ndarray, share: float) -> np.ndarray:
    """The middle of the maps, `share` of the side, stretched to the full side by linear interpolation."""
    if share == 1.0:
        return maps
    side = maps.shape[1]
    middle = (side - 1) / 2
    positions = middle + (np.arange(side) - middle) * share
    weights = np.stack([np.interp(positions, np.arange(side), unit) for unit in np.eye(side)], axis=1)
    weights = weights.astype(np.float32)
    return weights @ maps @ weights.T
