"""Each Beam step of a run done again on Flink: it writes the same."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
import tensorflow_transform as tft
from google.protobuf import json_format
from tfx.components.evaluator.executor import Executor as Evaluator
from tfx.components.statistics_gen.executor import Executor as StatisticsGen
from tfx.components.transform.executor import Executor as Transform

from components.batch_scoring.score import score_folder
from components.image_example_gen.executor import Executor as ImageExampleGen
from pipeline.beam_runners import beam_arguments
from pipeline.beam_settings import LocalBeam
from pipeline.output import OutputFolder
from tests.flink.artifact_files import files, folder
from tests.steps import outputs_of, redo

pytestmark = pytest.mark.flink

# Sums are taken in another order, in float64 by TFDV and in float32 by TFMA and the model.
SUMS = 1e-9
FIGURES = 1e-6


def records(root: Path, compression: str) -> dict[str, Counter[bytes]]:
    """Examples by split, whatever the order of them, of their files and of their features."""
    return {split.name: Counter(_examples(split, compression)) for split in root.iterdir()}


def _examples(split: Path, compression: str) -> Iterator[bytes]:
    files = sorted(str(path) for path in split.iterdir())
    for record in tf.data.TFRecordDataset(files, compression_type=compression).as_numpy_iterator():
        yield tf.train.Example.FromString(record).SerializeToString(deterministic=True)


def values(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All that is in nested dicts and lists, by where it is; features of statistics by their names."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from values(value, f"{path}/{key}")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            name = ".".join(value["path"]["step"]) if isinstance(value, dict) and "path" in value else number
            yield from values(value, f"{path}/{name}")
    else:
        yield path, found


def numbers_and_words(found: Any) -> tuple[dict[str, float], dict[str, Any]]:
    flat = dict(values(found))
    numbers = {path: float(value) for path, value in flat.items() if isinstance(value, int | float)}
    return numbers, {path: value for path, value in flat.items() if path not in numbers}


def assert_same(found: Any, expected: Any, tolerance: float) -> None:
    numbers, words = numbers_and_words(found)
    expected_numbers, expected_words = numbers_and_words(expected)
    assert words == expected_words
    assert numbers == pytest.approx(expected_numbers, rel=tolerance, abs=tolerance, nan_ok=True)


def test_examples_and_manifest_are_the_same_to_the_byte(
    local_run: OutputFolder, engine: list[str], tmp_path: Path
) -> None:
    local = outputs_of(local_run, "ImageExampleGen")
    remote = redo(local_run, "ImageExampleGen", ImageExampleGen, engine, tmp_path)

    for name in ("examples", "manifest"):
        assert files(folder(remote, name)) == files(folder(local, name))
    assert sum(records(folder(remote, "examples"), "")["Split-train"].values()) > 60


def test_statistics_are_the_same(local_run: OutputFolder, loopback_arguments: list[str], tmp_path: Path) -> None:
    local = outputs_of(local_run, "StatisticsGen")
    remote = redo(local_run, "StatisticsGen", StatisticsGen, loopback_arguments, tmp_path)

    for split in ("train", "eval", "test"):
        found, expected = (
            json_format.MessageToDict(
                tfdv.load_stats_binary(str(folder(run, "statistics") / f"Split-{split}" / "FeatureStats.pb"))
            )
            for run in (remote, local)
        )
        assert found["datasets"][0]["numExamples"] == expected["datasets"][0]["numExamples"] != "0"
        assert_same(found, expected, SUMS)


def test_transformed_examples_and_graph_are_the_same(
    local_run: OutputFolder, loopback_arguments: list[str], tmp_path: Path
) -> None:
    local = outputs_of(local_run, "Transform")
    remote = redo(local_run, "Transform", Transform, loopback_arguments, tmp_path)

    transformed = [records(folder(run, "transformed_examples"), "GZIP") for run in (remote, local)]
    assert transformed[0] == transformed[1]
    assert set(transformed[0]) == {"Split-train", "Split-eval"}
    example = next(iter(records(folder(outputs_of(local_run, "ImageExampleGen"), "examples"), "")["Split-test"]))
    found, expected = (_transform(folder(run, "transform_graph"), example) for run in (remote, local))
    assert found == expected


def _transform(graph: Path, example: bytes) -> dict[str, Any]:
    output = tft.TFTransformOutput(str(graph))
    raw = tf.io.parse_example([example], output.raw_feature_spec())
    return {name: tensor.numpy().tolist() for name, tensor in output.transform_raw_features(raw).items()}


def test_metrics_and_blessing_are_the_same(local_run: OutputFolder, engine: list[str], tmp_path: Path) -> None:
    local = outputs_of(local_run, "Evaluator")
    remote = redo(local_run, "Evaluator", Evaluator, engine, tmp_path)

    found, expected = (
        {str(key): metrics for key, metrics in tfma.load_eval_result(str(folder(run, "evaluation"))).slicing_metrics}
        for run in (remote, local)
    )
    assert any("auc" in path for path, _ in values(found))
    assert_same(found, expected, FIGURES)
    assert set(files(folder(remote, "blessing"))) == set(files(folder(local, "blessing"))) == {"BLESSED"}


def test_scores_are_the_same(local_run: OutputFolder, images: Path, engine: list[str], tmp_path: Path) -> None:
    [model] = [path for path in (local_run.serving / "small").iterdir() if path.name.isdigit()]
    paths = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.png"))
    found = []
    for name, arguments in (("flink", engine), ("local", beam_arguments(LocalBeam(workers=1)))):
        work = tmp_path / name
        work.mkdir()
        output = tmp_path / f"{name}.jsonl"
        make_pipeline = partial(beam.Pipeline, argv=arguments)
        assert score_folder(make_pipeline, str(model), str(images), paths, output, str(work)).images == len(paths)
        found.append([json.loads(line) for line in output.read_text().splitlines()])

    assert [row["source"] for row in found[0]] == paths
    assert_same(found[0], found[1], FIGURES)
