"""Finds near-duplicate images from their fingerprints.

Near duplicates are one picture saved twice (rescaled, compressed again, with other gain, mirrored, rotated,
slightly cropped, with calipers or text) and neighbouring frames of one scene.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from components.near_duplicates.candidates import propose_layouts, propose_turns
from components.near_duplicates.comparison import (
    Match,
    from_table,
    match_layouts,
    match_turns,
    resembling,
    to_table,
)
from components.near_duplicates.descriptors import CHUNK, Descriptions, describe
from components.near_duplicates.disk_rows import Rows
from components.near_duplicates.fingerprints import has_structure
from components.near_duplicates.threads import in_threads
from components.near_duplicates.workers import THREADS, Workers

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
PAIRS_AT_ONCE: Final = 65_536  # that are counted
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
class _Pairs:
    """Sorted pairs, (n, 2) positions, the smaller one first.

    Attributes:
        pairs: all of them.
        starts: (blocks + 1,) rows at which the pairs of each BLOCK_IMAGES first images begin.
    """

    pairs: Rows[np.int32]
    starts: Rows[np.int64]

    def of_block(self, number: int) -> NDArray[np.int32]:
        """All pairs of some first images."""
        start, stop = self.starts[number : number + 2].tolist()
        return self.pairs[start:stop]

    def shared_by(self, workers: Workers) -> "_Pairs":
        """The same, where these workers can read them."""
        return _Pairs(workers.share(self.pairs), workers.share(self.starts))


@dataclass(frozen=True)
class _Candidates:
    """Pairs that may show the same.

    Attributes: layouts: but for a symmetry of the square and a crop; turns: but for a turn by any angle.
    """

    layouts: _Pairs
    turns: _Pairs


def find_near_duplicates(fingerprints: Rows[np.uint8], workers: Workers = THREADS) -> list[NearDuplicate]:
    """All near-duplicate pairs, but of images with equal fingerprints only those with the first of them.

    Args:
        fingerprints: (images, FINGERPRINT_LENGTH), possibly on disk; read in chunks.
        workers: compare the candidates; who they are and how many changes nothing in what is found.

    Returns:
        Sorted by `first` and `second`. The set of pairs does not depend on the order of the images.
    """
    rows, found = _distinct(fingerprints)
    if len(rows) > 1:
        images = describe(fingerprints, rows)
        layouts, turns = propose_layouts(images), propose_turns(images)
        candidates = _Candidates(_in_blocks(layouts, len(rows)), _in_blocks(turns, len(rows)))
        least = _least_similarity(images)
        found += [_near_duplicate(rows, match) for match in _confirmed(images, candidates, least, workers)]
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
    blocks = (pairs[start : start + BLOCK_IMAGES] for start in range(0, last, BLOCK_IMAGES))
    found = in_threads(lambda block: _best_matches(images, block, block, EVERY_PROMISE), blocks)
    usual = float(np.median([match.similarity for match in chain.from_iterable(found)]))
    return min(max(STANDING_OUT * usual, CONFIRMED_SIMILARITY), LARGEST_CONFIRMED_SIMILARITY)


def _confirmed(images: Descriptions, candidates: _Candidates, least: float, workers: Workers) -> Iterator[Match]:
    """The candidates with at least this similarity."""
    shared = _Candidates(candidates.layouts.shared_by(workers), candidates.turns.shared_by(workers))
    confirm = _Confirm(images.shared_by(workers), shared, least)
    for matches in workers.do(confirm, len(candidates.layouts.starts) - 1):
        yield from from_table(matches)


@dataclass(frozen=True)
class _Confirm:
    """Compares the candidates of one block. It can be sent to another machine if its rows can."""

    images: Descriptions
    candidates: _Candidates
    least: float

    def __call__(self, block: int) -> NDArray[np.void]:
        """A table of `MATCH_TYPE`: the matches with at least the least similarity."""
        layouts = resembling(self.images, self.candidates.layouts.of_block(block))
        matches = _best_matches(self.images, layouts, self.candidates.turns.of_block(block), LEAST_PROMISE)
        return to_table([match for match in matches if match.similarity >= self.least])


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


def _in_blocks(pairs: Rows[np.int32], images: int) -> _Pairs:
    """Args: pairs: of so many images."""
    blocks = -(-images // BLOCK_IMAGES)
    counts = np.zeros(blocks, np.int64)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        counts += np.bincount(pairs[start : start + PAIRS_AT_ONCE][:, 0] // BLOCK_IMAGES, minlength=blocks)
    return _Pairs(pairs, np.concatenate([[0], np.cumsum(counts)]))


def _near_duplicate(rows: NDArray[np.intp], match: Match) -> NearDuplicate:
    one, other = int(rows[match.first]), int(rows[match.second])
    if one < other:
        return NearDuplicate(one, other, match.similarity, str(match.geometry))
    return NearDuplicate(other, one, match.similarity, str(match.geometry.inverse()))
