"""Time, memory and recall of the near-duplicate search on sets of growing size.

    python benchmarks/near_duplicates.py 10000 30000 100000 --json near_duplicates.json

Images are small patches made from a seed: textures, each hundredth with a changed copy, and a share of blank
ones with a little noise, as histology has. Each size runs in a process of its own, so that its peak memory is
its own.
"""

import argparse
import json
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.changed_copies import Turn, compressed, mirrored, with_gain
from components.near_duplicates import FINGERPRINT_LENGTH, DiskRows, find_near_duplicates, fingerprint
from components.near_duplicates.candidates import propose_layouts
from components.near_duplicates.descriptors import describe

SIZES: Final = (3_000, 10_000, 30_000, 100_000)
SIDE: Final = 50
COPY_EVERY: Final = 100
BLANK_SHARE: Final = 0.2
SUBSAMPLE: Final = 20_000


@dataclass(frozen=True)
class Result:
    """One size.

    Attributes:
        images: how many.
        fingerprint_seconds: of all fingerprints, without making the images.
        search_seconds, search_cpu_seconds: of find_near_duplicates.
        peak_mib: resident memory, at most.
        pairs: near-duplicates found.
        copies_found: share of the changed copies that were found.
        index_recall: share of the pairs that an exact search proposes and the index does too, on a subsample.
    """

    images: int
    fingerprint_seconds: float
    search_seconds: float
    search_cpu_seconds: float
    peak_mib: float
    pairs: int
    copies_found: float
    index_recall: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table, and writes it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="numbers of images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    print("  images  fingerprints     search        cpu     memory    pairs  copies   index")
    results = []
    for size in options.sizes:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            result = pool.submit(measure, size, options.seed).result()
        results.append(result)
        print(
            f"{result.images:8d} {result.fingerprint_seconds:11.1f} s {result.search_seconds:8.1f} s "
            f"{result.search_cpu_seconds:8.1f} s {result.peak_mib:6.0f} MiB {result.pairs:8d} "
            f"{result.copies_found:7.3f} {result.index_recall:7.3f}",
            flush=True,
        )
    exponent = fitted_exponent(results)
    print(f"processor time of the search grows as images ^ {exponent:.2f}")
    if options.json:
        options.json.write_text(
            json.dumps({"exponent": exponent, "results": [asdict(row) for row in results]}, indent=2)
        )


def measure(size: int, seed: int) -> Result:
    """One size, in this process."""
    fingerprints, fingerprint_seconds = _make_fingerprints(size, seed)
    start, cpu_start = time.perf_counter(), time.process_time()
    found = find_near_duplicates(fingerprints)
    search_seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found_pairs = {(pair.first, pair.second) for pair in found}
    copies = [(row - 1, row) in found_pairs for row in range(1, size) if _is_copy(row)]
    return Result(
        images=size,
        fingerprint_seconds=fingerprint_seconds,
        search_seconds=search_seconds,
        search_cpu_seconds=cpu_seconds,
        peak_mib=peak,
        pairs=len(found),
        copies_found=float(np.mean(copies)),
        index_recall=_index_recall(fingerprints),
    )


def fitted_exponent(results: Sequence[Result]) -> float:
    """Slope of log(processor time of the search) over log(images); NaN for a single size."""
    if len(results) < 2:
        return float("nan")
    images, seconds = zip(*((row.images, row.search_cpu_seconds) for row in results), strict=True)
    return float(np.polyfit(np.log(images), np.log(seconds), 1)[0])


def _make_fingerprints(size: int, seed: int) -> tuple[DiskRows[np.uint8], float]:
    """(size, FINGERPRINT_LENGTH) on disk, and the seconds that the fingerprints took."""
    random = np.random.default_rng(seed)
    fingerprints = DiskRows((FINGERPRINT_LENGTH,), np.uint8)
    seconds = 0.0
    image = _texture(random)
    for row in range(size):
        image = _changed(image, random) if _is_copy(row) else _texture_or_blank(row, random)
        start = time.perf_counter()
        code = fingerprint(image)
        seconds += time.perf_counter() - start
        fingerprints.append(code[None])
    return fingerprints, seconds


def _is_copy(row: int) -> bool:
    return row % COPY_EVERY == COPY_EVERY - 1


def _texture_or_blank(row: int, random: np.random.Generator) -> NDArray[np.uint8]:
    copied_next = _is_copy(row + 1)
    return _texture(random) if copied_next or random.random() >= BLANK_SHARE else _blank(random)


def _texture(random: np.random.Generator) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3): coarse and fine blurred noise, as tissue has both."""
    fine, coarse = (_noise(random, sigma) for sigma in (1.0, random.uniform(2.0, 5.0)))
    return np.clip(150 + 25 * fine + 30 * coarse, 0, 255).astype(np.uint8)


def _noise(random: np.random.Generator, sigma: float) -> NDArray[np.float32]:
    """(SIDE, SIDE, 3), standard deviation 1."""
    smooth = cv2.GaussianBlur(random.standard_normal((SIDE, SIDE, 3), np.float32), (0, 0), sigma)
    return np.asarray(smooth / smooth.std(), np.float32)


def _blank(random: np.random.Generator) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3): white with a little noise."""
    return random.integers(235, 245, (SIDE, SIDE, 3), np.uint8)


def _changed(image: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Mirrored or not, turned by any angle, brighter or darker, compressed."""
    seen = mirrored(image) if random.random() < 0.5 else image
    turned = Turn(random.uniform(0, 360))(seen)
    return compressed(with_gain(turned, random.uniform(0.8, 1.2), 0), 70)


def _index_recall(fingerprints: DiskRows[np.uint8]) -> float:
    """Share of the pairs of an exact search that the index proposes too."""
    rows = np.linspace(0, len(fingerprints) - 1, min(SUBSAMPLE, len(fingerprints))).astype(np.intp)
    descriptions = describe(fingerprints, np.unique(rows))
    exact = {tuple(pair) for pair in propose_layouts(descriptions, exact_count=SUBSAMPLE)[:].tolist()}
    proposed = {tuple(pair) for pair in propose_layouts(descriptions)[:].tolist()}
    return len(exact & proposed) / max(len(exact), 1)


if __name__ == "__main__":
    main()
