"""The benchmarks measure what they say: both sides of a ratio do the same work, and each still runs."""

from pathlib import Path

import pytest
import tensorflow as tf

from benchmarks import ingestion, training_step, transform
from benchmarks.figures import Figure
from schema import contract

IMAGES = 16
SIDE = 32


@pytest.mark.slow
def test_the_plain_loop_writes_what_transform_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform, "SIDE", SIDE)
    plain_loop, step = transform.ready(tmp_path, 5 * IMAGES)

    plain_loop()
    step()

    written = {example for split in transform.SPLITS for example in _examples(_transformed(tmp_path, split))}
    assert 2 * IMAGES < len(written) < 5 * IMAGES  # without the test split
    assert set(_examples([tmp_path / transform.PLAIN_FILE])) == written


@pytest.mark.slow
def test_each_way_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ingestion, training_step):
        monkeypatch.setattr(module, "IMAGES", IMAGES)
        monkeypatch.setattr(module, "SIDE", SIDE)
        monkeypatch.setattr(module, "REPETITIONS", 1)

    _check(ingestion.measure(_made(tmp_path / "ingestion"), print), "ingestion", 2)
    _check(training_step.measure(_made(tmp_path / "training_step"), print), "training_step", 2)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _check(figures: list[Figure], benchmark: str, count: int) -> None:
    assert len(figures) == count
    for figure in figures:
        assert (figure.benchmark, figure.repetitions) == (benchmark, 1)
        assert figure.least == figure.ratio == figure.most > 0
        assert figure.raw["images"] == IMAGES


def _transformed(folder: Path, split: str) -> list[Path]:
    return sorted((folder / "Transform" / "transformed_examples" / f"Split-{split}").iterdir())


def _examples(files: list[Path]) -> list[tuple[bytes, bytes, int]]:
    """Source, image and label of each."""
    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP")
    examples = [tf.train.Example.FromString(record).features.feature for record in records.as_numpy_iterator()]
    return [
        (
            features[contract.TRANSFORMED_SOURCE].bytes_list.value[0],
            features[contract.TRANSFORMED_IMAGE].bytes_list.value[0],
            features[contract.TRANSFORMED_LABEL].int64_list.value[0],
        )
        for features in examples
    ]
