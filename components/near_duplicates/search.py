"""Finds near-duplicate images from their fingerprints.

Near duplicates are one picture saved twice (rescaled, compressed again, with other gain, mirrored, rotated,
slightly cropped, with calipers or text) and neighbouring frames of one scene.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.candidates import propose_layouts, propose_turns
from components.near_duplicates.comparison import Match, match_layouts, match_turns, resembling
from components.near_duplicates.descriptors import CHUNK, Descriptions, describe
from components.near_duplicates.disk_rows import Rows
from components.near_duplicates.fingerprints import has_structure
from components.near_duplicates.threads import in_threads

# Similarities are those of `correlation`: how far the best match rises above all others.
# Certainly the same picture. Of different women's films in MIAS no pair has more than 0.29, of the two films of
# one woman none more than 0.34, of different patients' patches in IDC none more than 0.18; 95 of 100 changed
# copies have more than 0.4.
COPY_SIMILARITY: Final = 0.4
# The same scene. All pairs of BUSI above it that were looked at show one scene; from 0.116 down some do not.
CONFIRMED_SIMILARITY: Final = 0.13
# In a set of one layout, such as films, unrelated pairs are alike too: there a pair must stand out from them.
STANDING_OUT: Final = 14.0  # times the similarity that pairs of the set usually have
LARGEST_CONFIRMED_SIMILARITY: Final = 0.5  # copies reach it; sets that are alike beyond hold copies

TURN_MARGIN: Final = 0.05  # by which a turn by any angle must be the better explanation
LEAST_PROMISE: Final = 0.15  # nine of ten unrelated candidates have less, all near-duplicates looked at more
EVERY_PROMISE: Final = -1.0
USUAL_PAIRS: Final = 512
SMALLEST_SET: Final = 8  # below, too few pairs show what is usual
BLOCK_IMAGES: Final = 32  # with some 300 pairs
CHECKSUM_BYTES: Final = 16  # of SHA-256: enough for any number of images


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two images of one scene.

    Attributes:
        first, second: rows of the fingerprints, first < second.
        similarity: 0 to 1.
        change: how the second differs from the first in geometry, such as 'mirrored', 'rotated 90', 'mirrored
            and rotated 270', 'rotated by -12 degrees' (counter-clockwise); '' for nothing but shift, scale or crop.
    """

    first: int
    second: int
    similarity: float
    change: str


@dataclass(frozen=True)
class _Candidates:
    """Pairs that may show the same: (n, 2) positions, the smaller one first, sorted.

    Attributes: layouts: but for a symmetry of the square and a crop; turns: but for a turn by any angle.
    """

    layouts: Rows[np.int32]
    turns: Rows[np.int32]

    def blocks(self, images: int) -> Iterator["_Block"]:
        """Parts, each with all pairs of some first images."""
        for start in range(0, images, BLOCK_IMAGES):
            yield _Block(*(_of_first(pairs, start, start + BLOCK_IMAGES) for pairs in (self.layouts, self.turns)))


@dataclass(frozen=True)
class _Block:
    """Some of the candidates, in memory."""

    layouts: NDArray[np.int32]
    turns: NDArray[np.int32]


def find_near_duplicates(fingerprints: Rows[np.uint8]) -> list[NearDuplicate]:
    """All near-duplicate pairs, but of images with equal fingerprints only those with the first of them.

    Args:
        fingerprints: (images, FINGERPRINT_LENGTH), possibly on disk; read in chunks.

    Returns:
        Sorted by `first` and `second`. The set of pairs does not depend on the order of the images.
    """
    rows, found = _distinct(fingerprints)
    if len(rows) > 1:
        images = describe(fingerprints, rows)
        candidates = _Candidates(propose_layouts(images), propose_turns(images))
        least = _least_similarity(images)
        found += [_near_duplicate(rows, match) for match in _confirmed(images, candidates, least)]
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def _distinct(fingerprints: Rows[np.uint8]) -> tuple[NDArray[np.intp], list[NearDuplicate]]:
    """The first of each set of equal fingerprints, and its pairs with the others.

    Returns:
        (n,) rows in the order of their checksums, which is the same for every order of the images; the pairs.
    """
    checksums = np.fromiter(_checksums(fingerprints), f"S{CHECKSUM_BYTES}", len(fingerprints))
    _, rows, places = np.unique(checksums, return_index=True, return_inverse=True)
    firsts = rows[places]
    later = np.flatnonzero(firsts != np.arange(len(firsts)))
    # All images of one colour are alike, which makes none of them a copy of another.
    return rows, [
        NearDuplicate(first, row, 1.0 if structured else CONFIRMED_SIMILARITY, "")
        for first, row, structured in zip(
            firsts[later].tolist(), later.tolist(), _structured(fingerprints, later), strict=True
        )
    ]


def _checksums(fingerprints: Rows[np.uint8]) -> Iterator[bytes]:
    for start in range(0, len(fingerprints), CHUNK):
        for code in np.ascontiguousarray(fingerprints[start : start + CHUNK]):
            yield hashlib.sha256(code).digest()[:CHECKSUM_BYTES]


def _structured(fingerprints: Rows[np.uint8], rows: NDArray[np.intp]) -> Iterator[bool]:
    """Whether the images in these rows have structure."""
    for start in range(0, len(rows), CHUNK):
        yield from has_structure(fingerprints[rows[start : start + CHUNK]]).tolist()


def _least_similarity(images: Descriptions) -> float:
    """What a pair of this set must reach, from the median of pairs taken at random."""
    count = len(images.aspects)
    if count < SMALLEST_SET:
        return CONFIRMED_SIMILARITY
    # Rows are in the order of their checksums, so that neighbours have nothing to do with each other.
    last = min(count - 1, USUAL_PAIRS)
    pairs = np.stack([np.arange(last), np.arange(1, last + 1)], axis=1, dtype=np.int32)
    blocks = _Candidates(pairs, pairs).blocks(count)
    found = in_threads(lambda block: _best_matches(images, block.layouts, block.turns, EVERY_PROMISE), blocks)
    usual = float(np.median([match.similarity for match in chain.from_iterable(found)]))
    return min(max(STANDING_OUT * usual, CONFIRMED_SIMILARITY), LARGEST_CONFIRMED_SIMILARITY)


def _confirmed(images: Descriptions, candidates: _Candidates, least: float) -> Iterator[Match]:
    """The candidates with at least this similarity."""

    def confirm(block: _Block) -> list[Match]:
        layouts = resembling(images, block.layouts)
        matches = _best_matches(images, layouts, block.turns, LEAST_PROMISE)
        return [match for match in matches if match.similarity >= least]

    return chain.from_iterable(in_threads(confirm, candidates.blocks(len(images.aspects))))


def _best_matches(
    images: Descriptions, layouts: NDArray[np.int32], turns: NDArray[np.int32], promise: float
) -> Iterable[Match]:
    """The better explanation of each pair, (n, 2) positions, that one promises to explain."""
    best = {(match.first, match.second): match for match in match_layouts(images, layouts, promise)}
    # A turn may explain better what a layout explains: by a few degrees, or by the middle of the image alone.
    explained = np.array(list(best), np.int32).reshape(-1, 2)
    for turn in match_turns(images, np.unique(np.concatenate([turns, explained]), axis=0), promise):
        pair = turn.first, turn.second
        best[pair] = _better(best[pair], turn) if pair in best else turn
    return best.values()


def _better(layout: Match, turn: Match) -> Match:
    """The match with the higher similarity, and a turn only if it explains clearly more than none."""
    if turn.similarity > layout.similarity + TURN_MARGIN:
        return turn
    return replace(layout, similarity=max(layout.similarity, turn.similarity))


def _of_first(pairs: Rows[np.int32], start: int, stop: int) -> NDArray[np.int32]:
    """The sorted pairs whose first image is one of these."""
    first, last = (
        bisect_left(range(len(pairs)), image, key=lambda row: pairs[row : row + 1][0, 0]) for image in (start, stop)
    )
    return pairs[first:last]


def _near_duplicate(rows: NDArray[np.intp], match: Match) -> NearDuplicate:
    one, other = int(rows[match.first]), int(rows[match.second])
    if one < other:
        return NearDuplicate(one, other, match.similarity, str(match.geometry))
    return NearDuplicate(other, one, match.similarity, str(match.geometry.inverse()))
