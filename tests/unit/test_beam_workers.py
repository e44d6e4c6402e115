"""The search on Beam workers finds what the threads of this process find, bit for bit."""

import pickle
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.image_example_gen import beam_workers
from components.image_example_gen.beam_workers import BeamWorkers, SharedRows
from components.near_duplicates import THREADS, DiskRows, Workers, find_near_duplicates, fingerprint
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import LocalBeam
from tests.images import noise
from tests.unit.test_near_duplicates import cropped, ultrasound

IMAGES = 40


def pipelines(workers: int) -> Callable[[], beam.Pipeline]:
    return lambda: beam.Pipeline(options=PipelineOptions(beam_arguments(LocalBeam(workers=workers))))


@pytest.fixture(scope="module")
def prints() -> NDArray[np.uint8]:
    """(3 * IMAGES, FINGERPRINT_LENGTH): images, cropped and mirrored copies, and copies turned by 180 degrees."""
    images = [ultrasound(seed) for seed in range(IMAGES)]
    mirrored = [cropped(image, 0.03, 0.0, 0.02, 0.0)[:, ::-1] for image in images]
    turned = [image[::-1, ::-1] for image in images]
    return np.stack([fingerprint(image) for image in (*images, *mirrored, *turned)])


@pytest.mark.parametrize("workers", [1, 3])
def test_beam_workers_find_what_threads_find(workers: int, prints: NDArray[np.uint8], tmp_path: Path) -> None:
    with patch.object(beam_workers, "BLOCKS_PER_PART", 1):
        found = find_near_duplicates(prints, BeamWorkers(pipelines(workers), str(tmp_path)))

    assert found == find_near_duplicates(prints, THREADS)
    assert {(pair.first, pair.second) for pair in found} >= {(row, IMAGES + row) for row in range(IMAGES)}
    assert {pair.change for pair in found} >= {"mirrored", "rotated 180"}


@pytest.mark.parametrize("per_part", [1, 3, 16])
def test_results_come_in_the_order_of_the_blocks(per_part: int, tmp_path: Path) -> None:
    with patch.object(beam_workers, "BLOCKS_PER_PART", per_part):
        results = list(BeamWorkers(pipelines(2), str(tmp_path)).do(_squares, 7))

    assert np.concatenate(results).tolist() == [block**2 for block in range(7) for _ in range(block)]


def test_a_block_that_fails_fails_the_search(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="block 2"):
        list(BeamWorkers(pipelines(1), str(tmp_path)).do(_fails_at_two, 3))


def test_shared_rows_are_read_from_afar(tmp_path: Path) -> None:
    """A worker on another machine reads through the file system that TFX knows, once."""
    rows = DiskRows((3, 2), np.float16)
    rows.append(noise(3000, 3, 2).astype(np.float16))
    shared = BeamWorkers(pipelines(1), str(tmp_path)).share(rows)
    with patch.object(beam_workers, "Path", _Nowhere), patch.object(fileio, "open", wraps=fileio.open) as opened:
        sent = pickle.loads(pickle.dumps(shared))
        np.testing.assert_array_equal(sent[np.array([2999, 0, 2999])], rows[np.array([2999, 0, 2999])])
        np.testing.assert_array_equal(sent[:], rows[:])

    assert opened.call_count == 1
    assert len(sent) == 3000


def test_no_rows_can_be_shared(tmp_path: Path) -> None:
    shared = BeamWorkers(pipelines(1), str(tmp_path)).share(DiskRows((2,), np.int32))

    assert pickle.loads(pickle.dumps(shared))[0:0].shape == (0, 2)
    assert list(tmp_path.iterdir()) == []


def test_images_without_candidates_have_no_duplicates(tmp_path: Path) -> None:
    prints = np.stack([fingerprint(noise(20, 30, seed=seed)) for seed in range(2)])

    assert find_near_duplicates(prints, BeamWorkers(pipelines(1), str(tmp_path))) == []


def test_rows_are_sent_without_their_open_file(tmp_path: Path) -> None:
    workers: Workers = BeamWorkers(pipelines(1), str(tmp_path))
    shared = workers.share(np.arange(12, dtype=np.int32).reshape(6, 2))
    assert isinstance(shared, SharedRows)
    before = len(pickle.dumps(shared))

    assert shared[2:4].tolist() == [[4, 5], [6, 7]]
    assert len(pickle.dumps(shared)) == before


class _Nowhere:
    """The disk of a machine on which the file is not."""

    def __init__(self, path: str) -> None: ...

    def is_file(self) -> bool:
        return False


def _squares(block: int) -> NDArray[np.int64]:
    return np.full(block, block**2, np.int64)


def _fails_at_two(block: int) -> NDArray[np.int64]:
    if block == 2:
        raise ValueError(f"block {block}")
    return np.zeros(1, np.int64)
