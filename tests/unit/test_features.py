"""Features: they are what the backbone makes of the images and their views, whatever the batches; cached rightly."""

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from tfx import types
from tfx.types import standard_artifacts

from components import artifacts
from components.features import executor
from components.features.component import FeatureExtractor
from components.features.executor import BATCH_SIZE, Executor, augmented_views, compute_features
from components.features.store import ImageFeatures, join_features, read_features, write_features
from components.models.spec import InputShape
from components.models.weights import load_weights
from components.progress import LOGGER_NAME, RECORD_ATTRIBUTE
from components.settings import AugmentationSettings, FeatureSettings, ModelSettings
from components.trainer.augmentation import augmentation
from components.trainer.data import TransformedExamples, subset
from pipeline.config import load_config
from pipeline.graph import Platform, build_pipeline
from tests.training import (
    NO_AUGMENTATION,
    SIDE,
    TINY,
    base_of,
    examples_of,
    features_of,
    pictures,
    pretrained,
    write_examples,
)

WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights" / "mobilenet_7_5_224_tf_no_top.h5"
FINEST = 2e-3  # what float16 leaves of numbers up to 1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return pretrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def base(model: ModelSettings) -> keras.Model:
    network = TINY.build(model, InputShape(SIDE, SIDE, 3), 2)
    load_weights(network, TINY, model)
    return base_of(network)


@pytest.fixture(scope="module")
def examples() -> TransformedExamples:
    return examples_of(*pictures(BATCH_SIZE + 5))


def _images(examples: TransformedExamples) -> NDArray[np.float32]:
    return np.stack([examples.read(tf.constant(position))[0] for position in range(len(examples))])


@settings(max_examples=40)
@given(
    maps=hnp.arrays(
        np.float16,
        st.tuples(*[st.integers(0, 6), *[st.integers(1, 3)] * 4]),
        elements=st.floats(width=16, allow_nan=True, allow_infinity=True),
    ),
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=6, max_size=6),
    cuts=st.lists(st.integers(0, 6), max_size=4),
)
def test_what_is_written_is_read_whatever_the_batches(
    maps: NDArray[np.float16], names: list[str], cuts: list[int]
) -> None:
    sources = names[: len(maps)]
    with tempfile.TemporaryDirectory() as folder:
        directory = f"{folder}/new/Split-train"

        write_features(directory, sources, maps.shape[1:], np.split(maps, sorted(cuts)))
        found = read_features(directory)

        assert found.sources == tuple(sources)
        assert (len(found), found.views, found.maps.dtype) == (len(maps), maps.shape[1], np.float16)
        np.testing.assert_array_equal(found.maps, maps)


def test_maps_stay_on_disk(tmp_path: Path) -> None:
    write_features(str(tmp_path), ["a"], (1, 2, 2, 3), [np.ones((1, 1, 2, 2, 3), np.float16)])

    maps = read_features(str(tmp_path)).maps

    assert isinstance(maps, np.memmap)
    assert not maps.flags.writeable


def test_features_of_another_file_system_are_copied_first() -> None:
    maps = np.arange(24, dtype=np.float16).reshape(2, 1, 2, 2, 3)

    write_features("ram://features/Split-eval", ["a", "b"], maps.shape[1:], [maps])

    np.testing.assert_array_equal(read_features("ram://features/Split-eval").maps, maps)


def test_the_features_of_several_splits_become_those_of_one() -> None:
    first = ImageFeatures(("b", "a"), np.full((2, 3, 1, 1, 4), 1, np.float16))
    second = ImageFeatures(("c",), np.full((1, 3, 1, 1, 4), 2, np.float16))

    joined = join_features([first, second])

    assert (joined.sources, joined.views) == (("b", "a", "c"), 3)
    assert joined.maps[:, 0, 0, 0, 0].tolist() == [1, 1, 2]
    with pytest.raises(ValueError, match="dimension"):
        join_features([first, ImageFeatures(("c",), np.zeros((1, 1, 1, 1, 4), np.float16))])


@pytest.mark.parametrize("written", [0, 1, 3])
def test_another_number_of_maps_than_of_images_is_refused(tmp_path: Path, written: int) -> None:
    batches = [np.zeros((1, 1, 2, 2, 3), np.float16)] * written

    with pytest.raises(ValueError, match=rf"{written} maps for 2 images"):
        write_features(str(tmp_path), ["a", "b"], (1, 2, 2, 3), batches)


def test_the_first_view_is_what_the_base_makes_of_the_image_itself(
    base: keras.Model, examples: TransformedExamples
) -> None:
    features = features_of(base, examples, views=2, horizontal_flip=True, rotation_degrees=90.0)

    assert features.sources == tuple(examples.sources())
    assert (features.maps.shape, features.maps.dtype) == ((37, 3, 2, 2, 8), np.float16)
    expected = np.asarray(base(_images(examples)))
    assert np.abs(expected).max() < 1
    assert expected.std(axis=0).min() > 0.01  # they tell the images apart
    np.testing.assert_allclose(features.maps[:, 0], expected, atol=FINEST)


def test_the_other_views_are_what_the_base_makes_of_augmented_images(
    base: keras.Model, examples: TransformedExamples
) -> None:
    chosen = AugmentationSettings(rotation_degrees=90.0)
    few = subset(examples, np.arange(BATCH_SIZE))
    first, second = (int(seed) % 2**31 for seed in np.random.SeedSequence(5).generate_state(2))

    features = features_of(base, few, 2, seed=5, **chosen.model_dump())

    for view, seed in ((1, first), (2, second)):
        expected = base(augmentation(chosen, seed)(_images(few), training=True))
        np.testing.assert_allclose(features.maps[:, view], np.asarray(expected), atol=FINEST)


def test_augmented_views_differ_from_the_image_and_each_other_and_depend_on_the_seed_alone(
    base: keras.Model, examples: TransformedExamples
) -> None:
    def maps(seed: int) -> NDArray[np.float16]:
        return features_of(base, examples, views=3, seed=seed, brightness=0.3, rotation_degrees=45.0).maps

    first, again, other = maps(1), maps(1), maps(2)

    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[:, 0], other[:, 0])
    for view in (1, 2, 3):
        changed = [
            np.abs(first[:, view] - elsewhere).max(axis=(1, 2, 3)) for elsewhere in (first[:, 0], other[:, view])
        ]
        assert min(np.median(each) for each in changed) > 0.01
    assert np.abs(first[:, 1] - first[:, 2]).max() > 0.01


def test_each_image_of_each_batch_is_changed_in_its_own_way(base: keras.Model) -> None:
    image, _ = pictures(1)

    maps = features_of(
        base, examples_of(image.repeat(BATCH_SIZE + 2, axis=0), [0] * (BATCH_SIZE + 2)), 1, zoom=0.4
    ).maps

    assert len(np.unique(maps[:, 0].reshape(BATCH_SIZE + 2, -1), axis=0)) == 1
    assert len(np.unique(maps[:, 1].reshape(BATCH_SIZE + 2, -1), axis=0)) == BATCH_SIZE + 2


def test_images_that_follow_change_nothing(base: keras.Model, examples: TransformedExamples) -> None:
    everything = features_of(base, examples, views=2, rotation_degrees=45.0)

    for count in (1, 5, BATCH_SIZE, BATCH_SIZE + 1):
        part = features_of(base, subset(examples, np.arange(count)), views=2, rotation_degrees=45.0)
        np.testing.assert_array_equal(part.maps, everything.maps[:count])


def test_progress_counts_views(
    base: keras.Model, examples: TransformedExamples, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = FeatureSettings(model=ModelSettings(), augmentation=NO_AUGMENTATION, seed=0, views_of_splits={})

    with caplog.at_level(logging.INFO, LOGGER_NAME):
        list(compute_features(base, examples, augmented_views(chosen, 1), total=99))

    reports = [getattr(record, RECORD_ATTRIBUTE) for record in caplog.records if hasattr(record, RECORD_ATTRIBUTE)]
    assert [(report.task, report.advance, report.total) for report in reports] == [
        ("computing features", 64, 99),
        ("computing features", 10, 99),
    ]


def _extract(
    chosen: FeatureSettings, splits: dict[str, TransformedExamples], folder: Path
) -> tuple[types.Artifact, dict[str, ImageFeatures]]:
    """Runs the step on examples that lie in reverse order; returns its artifact and the features by split."""
    transformed = standard_artifacts.Examples()
    transformed.uri, transformed.split_names = str(folder / "examples"), json.dumps(list(splits))
    for split, examples in splits.items():
        order = range(len(examples))[::-1]
        write_examples(folder / "examples" / f"Split-{split}" / "examples-00000-of-00001.gz", examples, order)
    features = artifacts.ImageFeatures()
    features.uri = str(folder / "features")

    Executor().Do({"examples": [transformed]}, {"features": [features]}, {"settings": chosen.model_dump_json()})

    return features, {split: read_features(f"{features.uri}/Split-{split}") for split in splits}


def test_the_step_writes_the_features_of_each_split_in_the_order_of_the_sources(
    model: ModelSettings,
    base: keras.Model,
    examples: TransformedExamples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "get_model", {"tiny": TINY}.__getitem__)
    evaluation = examples_of(*pictures(6, seed=9))
    chosen = FeatureSettings(
        model=model, augmentation=AugmentationSettings(), seed=3, views_of_splits={"train": 2, "eval": 0}
    )

    _, found = _extract(chosen, {"train": examples, "eval": evaluation}, tmp_path)

    assert {split: (len(each), each.views) for split, each in found.items()} == {"train": (37, 3), "eval": (6, 1)}
    for split, inputs in (("train", examples), ("eval", evaluation)):
        assert found[split].sources == tuple(sorted(inputs.sources()))
        np.testing.assert_allclose(found[split].maps[:, 0], np.asarray(base(_images(inputs))), atol=FINEST)


def test_a_network_without_backbone_has_no_features(examples: TransformedExamples, tmp_path: Path) -> None:
    chosen = FeatureSettings(
        model=ModelSettings(architecture="cnn", image_size=(32, 32)),
        augmentation=NO_AUGMENTATION,
        seed=0,
        views_of_splits={"train": 0},
    )

    with pytest.raises(ValueError, match="cnn has no backbone"):
        _extract(chosen, {"train": examples}, tmp_path)


@pytest.mark.real_data
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="../shared/weights is absent")
def test_the_features_of_mobilenet_are_those_of_keras(tmp_path: Path) -> None:
    digest = "a133bbba68bb55fe24631485a1abba1aae24113069c8bc26c11b58d4cd08a9b2"
    chosen = FeatureSettings(
        model=ModelSettings(
            architecture="mobilenet", image_size=(32, 40), weights=str(WEIGHTS), weights_sha256=digest
        ),
        augmentation=NO_AUGMENTATION,
        seed=0,
        views_of_splits={"eval": 0},
    )
    noise = np.random.default_rng(0).integers(0, 256, (3, 32, 40, 3)).astype(np.uint8)
    reference = keras.applications.MobileNet((32, 40, 3), alpha=0.75, include_top=False, weights=str(WEIGHTS))

    _, found = _extract(chosen, {"eval": examples_of(noise, [0, 1, 0])}, tmp_path)

    expected = np.asarray(reference(noise.astype(np.float32) / 127.5 - 1.0))
    assert expected.std() > 0.1
    np.testing.assert_allclose(found["eval"].maps[:, 0], expected, atol=1e-3, rtol=1e-3)


def _steps(*overrides: str) -> dict[str, Any]:
    backbone = ["model.architecture=mobilenet", "model.image_size=[64, 64]"]
    config = load_config("synthetic", [*backbone, *overrides])
    nodes = build_pipeline(config, Platform("/data", "1", "/root", "/serving")).components
    return {node.id: node for node in nodes}


def _cache_key(*overrides: str) -> dict[str, Any]:
    """All that TFX's cache compares besides the examples themselves."""
    step = _steps(*overrides)["FeatureExtractor"]
    assert isinstance(step, FeatureExtractor)
    return dict(step.exec_properties)


@pytest.mark.parametrize(
    "override",
    [
        "model.head=dense",
        "model.dropout=0.1",
        "train.seed=5",
        "train.epochs=3",
        "train.learning_rate=0.01",
        "train.members=3",
        "train.batch_size=8",
        "train.loss=focal",
        "train.fine_tuning.epochs=2",
        "prediction.views=4",
        "operating_point.rule=youden",
        "serving.model_name=other",
    ],
)
def test_what_comes_after_the_backbone_leaves_the_features_in_the_cache(override: str) -> None:
    assert _cache_key(override) == _cache_key()


@pytest.mark.parametrize(
    "override",
    [
        f"model.weights_sha256={'ab' * 32}",
        "model.image_size=[64, 96]",
        "model.architecture=vgg16",
        "train.feature_views=5",
        "train.augmentation.vertical_flip=true",
        "data.seed=9",
    ],
)
def test_what_decides_the_features_makes_them_anew(override: str) -> None:
    before, after = _cache_key(), _cache_key(override)

    assert before["settings"] != after["settings"]
    assert before["code_fingerprint"] == after["code_fingerprint"]


def test_the_settings_of_the_step_by_value() -> None:
    key = _cache_key("train.feature_views=4", "model.head=mlp", "model.dropout=0.2", "data.seed=6")
    found = FeatureSettings.model_validate_json(key["settings"])

    assert found == FeatureSettings(
        model=ModelSettings(architecture="mobilenet", image_size=(64, 64)),
        augmentation=AugmentationSettings(),
        seed=6,
        views_of_splits={"train": 4, "eval": 0},
    )


def test_the_trainer_takes_the_features_where_there_are_any() -> None:
    frozen, scratch = _steps(), _steps("model.weights=none")

    assert frozen["Trainer"].inputs["features"] is frozen["FeatureExtractor"].outputs["features"]
    assert "FeatureExtractor" not in scratch
    assert "features" not in scratch["Trainer"].inputs
    assert "FeatureExtractor" not in _steps("model.architecture=cnn")


def test_the_output_is_of_its_own_type() -> None:
    step = _steps()["FeatureExtractor"]

    assert step.outputs["features"].type is artifacts.ImageFeatures
