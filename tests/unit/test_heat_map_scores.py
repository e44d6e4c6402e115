"""Heat maps against masks, masks from files, how alike two maps are, and in which order weights are shuffled."""

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from components.heat_map_evaluator.localisation import Localisation, localise
from components.heat_map_evaluator.masks import read_masks
from components.heat_map_evaluator.randomisation import stages
from components.heat_map_evaluator.similarity import compare
from components.heat_map_evaluator.weight_levels import weight_levels
from schema import contract
from schema.images.formats import UnreadableImageError, encode_png
from tests.images import encode

SIDE = contract.HEAT_MAP_SIDE


def upper_half(count: int = 1) -> NDArray[np.bool_]:
    masks = np.zeros((count, 4, 4), bool)
    masks[:, :2] = True
    return masks


def maps_of(*rows: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


INSIDE = [[0, 1, 0, 0], [0, 0.5, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0]]  # the peak and 3/4 of the sum in the upper half
OUTSIDE = [[0, 0.25, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]  # neither the peak nor more than 1/5 of the sum


def test_the_peak_and_the_sum_in_the_mask() -> None:
    found = localise(maps_of(INSIDE, OUTSIDE), upper_half(2))

    assert found.pointing == 0.5
    assert found.energy == pytest.approx((0.75 + 0.2) / 2)
    assert found.chance == 0.5
    assert (found.scored, found.silent, found.unmarked) == (2, 0, 0)


@given(st.integers(1, 15), st.floats(0.125, 1.0, width=32))
def test_a_uniform_map_gets_what_chance_gives(marked: int, value: float) -> None:
    mask = (np.arange(16) < marked).reshape(1, 4, 4)

    found = localise(np.full((1, 4, 4), value, np.float32), mask)

    assert found.chance == marked / 16
    assert found.pointing == pytest.approx(found.chance, rel=1e-12)
    assert found.energy == pytest.approx(found.chance, rel=1e-12)


def test_of_a_peak_of_several_places_the_share_within_the_mask_counts() -> None:
    tied = [[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]

    assert localise(maps_of(tied), upper_half()).pointing == 0.5


def test_maps_without_evidence_and_images_without_a_lesion_are_counted_apart() -> None:
    silent = np.zeros((4, 4)).tolist()
    masks = upper_half(4)
    masks[2:] = False

    found = localise(maps_of(INSIDE, silent, OUTSIDE, silent), masks)

    assert found == Localisation(pointing=1.0, energy=0.75, chance=0.5, scored=1, silent=1, unmarked=2)


def test_of_no_image_there_are_no_figures() -> None:
    found = localise(np.zeros((1, 4, 4), np.float32), upper_half())

    assert np.isnan([found.pointing, found.energy, found.chance]).all()
    assert (found.scored, found.silent, found.unmarked) == (0, 1, 0)


def test_other_shapes_and_other_values_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), the masks \(2, 4, 4\)"):
        localise(maps_of(INSIDE), upper_half(2))
    for value in (np.nan, np.inf, -0.1):
        with pytest.raises(ValueError, match="below 0 or that are no finite numbers"):
            localise(np.full((1, 4, 4), value), upper_half())


# Masks.


def mask_file(rows: slice, columns: slice, height: int = 128, width: int = 256) -> NDArray[np.uint8]:
    pixels = np.zeros((height, width), np.uint8)
    pixels[rows, columns] = 255
    return pixels


def test_several_masks_are_united_and_stretched() -> None:
    first = encode_png(mask_file(slice(0, 32), slice(0, 64)))  # a quarter of each side
    second = encode_png(mask_file(slice(48, 64), slice(32, 64), 64, 64))  # of another size

    found = read_masks([first, second])

    expected = np.zeros((SIDE, SIDE), bool)
    expected[: SIDE // 4, : SIDE // 4] = True
    expected[SIDE * 3 // 4 :, SIDE // 2 :] = True
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["grey", "colour", "16 bits", "1 bit", "JPEG"])
def test_a_mask_may_be_of_any_kind(kind: str) -> None:
    pixels = mask_file(slice(64, 128), slice(0, 128))
    files = {
        "grey": encode_png(pixels),
        "colour": encode_png(np.stack([pixels, 0 * pixels, 0 * pixels], axis=2)),
        "16 bits": encode_png(pixels.astype(np.uint16) * 257),
        "1 bit": encode(pixels > 0, "PNG"),
        "JPEG": encode(pixels, "JPEG"),
    }

    found = read_masks([files[kind]])

    expected = np.zeros((SIDE, SIDE), bool)
    expected[SIDE // 2 :, : SIDE // 2] = True
    np.testing.assert_array_equal(found, expected)


def test_a_mask_smaller_than_a_heat_map_is_repeated() -> None:
    found = read_masks([encode_png(np.array([[0, 255], [255, 0]], np.uint8))])

    half = SIDE // 2
    np.testing.assert_array_equal(found, np.kron([[0, 1], [1, 0]], np.ones((half, half))).astype(bool))


def test_what_is_no_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="no mask"):
        read_masks([])
    with pytest.raises(UnreadableImageError):
        read_masks([b"nothing"])


# How alike maps are.


def random_maps(count: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0, 1, (count, 6, 5)).astype(np.float32)


def test_equal_maps_are_exactly_alike() -> None:
    maps = np.maximum(random_maps(7, 0) - 0.5, 0.0)  # half of the places are tied at 0

    found = compare(maps, maps.copy())

    assert (found.rank_correlation, found.overlap, found.compared) == (1.0, 1.0, 7)


def test_the_rank_correlation_is_spearmans_and_the_overlap_the_common_share() -> None:
    maps, others = np.maximum(random_maps(5, 1) - 0.4, 0.0), random_maps(5, 2)

    found = compare(maps, others)

    ranks = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(maps, others, strict=True)]
    assert found.rank_correlation == pytest.approx(np.mean(ranks), abs=1e-9)
    shares = [np.minimum(one / one.sum(), other / other.sum()).sum() for one, other in zip(maps, others, strict=True)]
    assert found.overlap == pytest.approx(np.mean(shares), abs=1e-6)


def test_opposite_maps_and_maps_that_share_no_place() -> None:
    rising = np.arange(12.0).reshape(1, 3, 4)
    apart = np.array([[[1.0, 0.0, 2.0, 0.0]]]), np.array([[[0.0, 3.0, 0.0, 1.0]]])

    assert compare(rising, rising[:, ::-1, ::-1]).rank_correlation == pytest.approx(-1.0)
    assert compare(*apart).overlap == 0.0


def test_maps_that_are_the_same_everywhere_are_left_out() -> None:
    maps = random_maps(3, 3)
    others = maps.copy()
    others[0], others[1] = 0.0, 1.0

    found = compare(maps, others)

    assert (found.rank_correlation, found.overlap, found.compared) == (1.0, 1.0, 1)
    nothing = compare(maps[:1], others[:1])
    assert np.isnan([nothing.rank_correlation, nothing.overlap]).all()
    assert nothing.compared == 0


# The order of the weights.


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(1, [0, 1]), (2, [0, 1, 2]), (5, [0, 1, 2, 4, 5]), (28, [0, 1, 7, 14, 21, 28])],
)
def test_the_stages_go_from_the_output_to_all_layers(layers: int, expected: list[int]) -> None:
    assert stages(layers) == expected


def variable(name: str, *shape: int) -> tf.Tensor:
    return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=shape, shared_name=name, name=name)


def read(handle: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)


def test_the_level_of_a_weight_is_the_number_of_layers_behind_it() -> None:
    with tf.Graph().as_default() as graph:
        names = ("early", "bias", "shortcut", "late", "first_output", "second_output", "scale", "unused")
        early, bias, shortcut, late, first, second, scale, unused = (variable(name, 3, 3) for name in names)
        x = tf.compat.v1.placeholder(tf.float32, (None, 3))

        @tf.function
        def body(values: tf.Tensor) -> tf.Tensor:
            hidden = tf.nn.relu(tf.matmul(values, read(early)) + read(bias))
            return tf.matmul(hidden, tf.reshape(read(late), (3, 3))) + tf.matmul(values, read(shortcut))

        features = body(x) * read(scale)
        with tf.control_dependencies([tf.matmul(features, read(unused))]):
            tf.identity(tf.matmul(features, read(first)) + tf.matmul(features, read(second)), name="answer")

    found = weight_levels(graph.as_graph_def(), "answer:0")

    assert found == {
        "first_output": 0,
        "second_output": 0,
        "scale": 1,
        "late": 1,
        "shortcut": 1,
        "bias": 2,
        "early": 2,
    }
