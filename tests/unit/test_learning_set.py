"""What is learnt from: images and features joined by source, and batches of features."""

from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.features.store import ImageFeatures
from components.trainer import learning_set as learning_set_module
from components.trainer.data import LabelCoding, TransformedExamples
from components.trainer.learning_set import learning_set, targets_of
from tests.training import examples_of, pictures

VIEWS = 3


def _features(numbers: list[int], views: int = VIEWS) -> ImageFeatures:
    """A map says which image it is of, and which view it is."""
    maps = np.zeros((len(numbers), views, 2, 2, 2), np.float16)
    maps[..., 0] = np.array(numbers)[:, None, None, None]
    maps[..., 1] = np.arange(views)[None, :, None, None]
    return ImageFeatures(tuple(f"{number:03d}.png" for number in numbers), maps)


def _examples(count: int) -> TransformedExamples:
    return examples_of(*pictures(count))


@given(st.permutations(range(6)))
@settings(max_examples=20)
def test_each_image_gets_its_own_features_in_whatever_order_they_lie(order: list[int]) -> None:
    joined = learning_set(_examples(6), _features(order))

    assert len(joined) == 6
    assert joined.rows.tolist() == [order.index(number) for number in range(6)]
    assert joined.first_views()[:, 0, 0, 0].tolist() == list(range(6))
    assert set(joined.first_views()[..., 1].ravel().tolist()) == {0}
    assert joined.first_views().shape == (6, 2, 2, 2)


def test_features_of_other_images_are_left_aside() -> None:
    joined = learning_set(_examples(2), _features([7, 1, 5, 0]))

    assert joined.rows.tolist() == [3, 1]


def test_an_image_without_features_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"2 images have no features, 001\.png among them"):
        learning_set(_examples(4), _features([3, 0]))


def test_a_subset_keeps_images_labels_and_features_together() -> None:
    part = learning_set(_examples(6), _features([5, 4, 3, 2, 1, 0])).subset(np.array([4, 1, 3]))

    assert len(part) == 3
    assert part.examples.sources() == ["004.png", "001.png", "003.png"]
    assert part.examples.label_indices().tolist() == [0, 1, 1]
    assert part.first_views()[:, 0, 0, 0].tolist() == [4, 1, 3]


def test_without_features_there_are_images_alone() -> None:
    joined = learning_set(_examples(3), None)

    assert (len(joined), joined.features, joined.rows.tolist()) == (3, None, [0, 1, 2])
    for ask in (joined.first_views, lambda: joined.feature_batches(np.zeros(3), 2, seed=0)):
        with pytest.raises(ValueError, match="no features"):
            ask()


@pytest.mark.parametrize(
    ("coding", "dtype", "expected"),
    [
        (LabelCoding(2, 1), np.float32, [0.0, 1.0, 0.0]),
        (LabelCoding(2, 0), np.float32, [1.0, 0.0, 1.0]),
        (LabelCoding(3, 0), np.int64, [0, 1, 0]),
    ],
)
def test_targets_by_example(coding: LabelCoding, dtype: type, expected: list[float]) -> None:
    targets = targets_of(np.array([0, 1, 0]), coding)

    assert (targets.dtype, targets.tolist()) == (dtype, expected)


def _batches(count: int, batch_size: int, seed: int = 0, views: int = VIEWS) -> tf.data.Dataset:
    """The target of an image is ten times its number."""
    joined = learning_set(_examples(count), _features(list(range(count))[::-1], views))
    return joined.feature_batches(np.arange(count) * 10.0, batch_size, seed)


def _seen(batches: tf.data.Dataset) -> list[tuple[int, int]]:
    """Numbers of images and views of an epoch, in order; iterating draws the next one."""
    seen = []
    for maps, targets in batches.as_numpy_iterator():
        assert (maps.dtype, maps.shape[1:]) == (np.float32, (2, 2, 2))
        assert (maps[:, 0, 0, 0] * 10 == targets).all()
        assert (maps == maps[:, :1, :1]).all()
        seen += [(int(image), int(view)) for image, view in maps[:, 0, 0]]
    return seen


@settings(max_examples=20)
@given(count=st.integers(1, 12), batch_size=st.integers(1, 14), seed=st.integers(0, 2**32))
def test_an_epoch_holds_each_image_once_with_its_own_target(count: int, batch_size: int, seed: int) -> None:
    batches = _batches(count, batch_size, seed)

    for _ in range(2):
        sizes = [len(targets) for _, targets in batches.as_numpy_iterator()]
        assert len(sizes) == len(batches)
        assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
        assert 1 <= sizes[-1] <= batch_size
        assert sorted(image for image, _ in _seen(batches)) == list(range(count))


def test_each_epoch_has_another_order_and_other_views_and_all_views_occur() -> None:
    batches = _batches(20, 6)
    epochs = [_seen(batches) for _ in range(60)]

    assert len({tuple(image for image, _ in epoch) for epoch in epochs}) == 60
    assert len({tuple(view for _, view in sorted(epoch)) for epoch in epochs}) == 60
    drawn = Counter(pair for epoch in epochs for pair in epoch)
    assert set(drawn) == {(image, view) for image in range(20) for view in range(VIEWS)}
    shares = Counter(view for epoch in epochs for _, view in epoch)
    assert all(abs(shares[view] / 1200 - 1 / VIEWS) < 0.06 for view in range(VIEWS))


def test_order_and_views_depend_on_the_seed_alone() -> None:
    def epochs(seed: int) -> list[list[tuple[int, int]]]:
        batches = _batches(12, 5, seed)
        return [_seen(batches), _seen(batches)]

    assert epochs(1) == epochs(1)
    assert epochs(1)[0] != epochs(2)[0]


def test_with_one_view_it_is_the_image_itself() -> None:
    assert {view for _, view in _seen(_batches(12, 5, views=1))} == {0}


def test_several_devices_get_full_batches_and_no_image_is_left_out_for_good() -> None:
    joined = learning_set(_examples(11), _features(list(range(11))[::-1], VIEWS))
    batches = joined.full_feature_batches(np.arange(11) * 10.0, 4, seed=0)

    epochs = [_seen(batches) for _ in range(60)]

    assert len(batches) == 2
    assert all(len({image for image, _ in epoch}) == len(epoch) == 8 for epoch in epochs)
    assert len({tuple(image for image, _ in epoch) for epoch in epochs}) == 60
    assert {pair for epoch in epochs for pair in epoch} == {
        (image, view) for image in range(11) for view in range(VIEWS)
    }
    shares = Counter(view for epoch in epochs for _, view in epoch)
    assert all(abs(shares[view] / 480 - 1 / VIEWS) < 0.09 for view in range(VIEWS))


def test_what_several_devices_get_depends_on_the_seed_alone() -> None:
    joined = learning_set(_examples(12), _features(list(range(12))[::-1], VIEWS))
    first, again, other = (joined.full_feature_batches(np.arange(12) * 10.0, 4, seed) for seed in (1, 1, 2))

    assert [_seen(first) for _ in range(2)] == [_seen(again) for _ in range(2)]
    assert _seen(first) != _seen(other)


def test_maps_too_large_for_memory_are_read_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [_seen(batches) for batches in [_batches(12, 5, seed=3)] for _ in range(2)]
    monkeypatch.setattr(learning_set_module, "HELD_BYTES", 0)

    assert [_seen(batches) for batches in [_batches(12, 5, seed=3)] for _ in range(2)] == held


def test_keras_takes_every_batch_of_every_epoch() -> None:
    batches = _batches(11, 4)
    epochs: list[list[int]] = []

    class Watch(keras.Model):
        def train_step(self, data: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
            epochs[-1].extend(data[0].numpy()[:, 0, 0, 0].astype(int).tolist())
            return {"loss": tf.constant(0.0)}

    model = Watch()
    model.compile(run_eagerly=True)
    begin = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append([]))

    model.fit(batches, epochs=3, callbacks=[begin], verbose=0)

    assert [sorted(epoch) for epoch in epochs] == [list(range(11))] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("held_bytes", [0, 10**9])
def test_maps_may_lie_on_disk(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(learning_set_module, "HELD_BYTES", held_bytes)
    path = tmp_path_factory.mktemp("maps") / "maps.npy"
    features = _features([1, 0])
    np.save(path, features.maps)
    on_disk: NDArray[np.float16] = np.load(path, mmap_mode="r")

    joined = learning_set(_examples(2), ImageFeatures(features.sources, on_disk))

    assert joined.first_views()[:, 0, 0, 0].tolist() == [0, 1]
    assert sorted(image for image, _ in _seen(joined.feature_batches(np.array([0.0, 10.0]), 2, seed=0))) == [0, 1]
