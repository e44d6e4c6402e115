"""Which images the report shows, what they look like, and what other thresholds would have decided."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from components.clinical_evaluator.scored_images import ScoredImages
from components.example_files import find_pictures
from components.report import threshold_counts as counting
from components.report.content import SampleImage
from components.report.overlays import MOST_OPAQUE, overlay_uri
from components.report.picks import MOST_OF_A_KIND, Picks, pick_images
from components.report.threshold_counts import threshold_counts
from components.report.thumbnails import LONGER_SIDE, SAMPLES_OF_A_CLASS, sample_images, thumbnail_uri
from schema.images.formats import encode_png
from tests.clinical import scored_images
from tests.examples import decoded, write_examples
from tests.images import noise


def _images(scores: Sequence[float], truth: Sequence[int], threshold: float = 0.5) -> ScoredImages:
    values = np.array(scores)
    return scored_images(
        len(values),
        truth=np.array(truth),
        probabilities=np.column_stack([1 - values, values]),
        decided=(values >= threshold).astype(int),
        threshold=threshold,
        attributes={},
    )


def _kinds(images: ScoredImages) -> dict[str, Picks]:
    return {kind.title: kind for kind in pick_images(images)}


def test_the_worst_errors_are_the_most_confident_wrong_answers() -> None:
    images = _images([0.9, 0.6, 0.1, 0.45, 0.99, 0.95], truth=[0, 0, 1, 1, 1, 0])

    # Called malignant at 0.95, called benign at 0.1 (so 0.9), called malignant at 0.9, ...
    assert [images.sources[row] for row in _kinds(images)["Worst errors"].rows] == [
        "image 5.png",
        *("image 0.png", "image 2.png"),
        "image 1.png",
        "image 3.png",
    ]


def test_of_many_errors_the_worst_are_kept() -> None:
    images = _images(np.linspace(0.5, 1.0, 50).tolist(), truth=[0] * 50)

    assert _kinds(images)["Worst errors"].rows == list(range(49, 49 - MOST_OF_A_KIND, -1))


def test_the_most_uncertain_lie_closest_to_the_threshold_and_not_to_a_half() -> None:
    images = _images([0.5, 0.21, 0.05, 0.18, 0.9], truth=[0, 1, 0, 1, 0], threshold=0.2)

    assert _kinds(images)["Most uncertain"].rows == [1, 3, 2, 0, 4]


def test_correct_answers_of_each_class_are_spread_by_confidence() -> None:
    scores = [0.01 * number for number in range(40)]
    images = _images([*scores, 0.9, 0.8], truth=[0] * 40 + [1, 1])
    kinds = _kinds(images)

    benign = kinds["Correct: benign"].rows
    assert (len(benign), benign[0], benign[-1]) == (MOST_OF_A_KIND, 0, 39)
    assert benign == sorted(benign)
    assert kinds["Correct: malignant"].rows == [40, 41]


def test_a_model_without_errors_shows_none() -> None:
    assert _kinds(_images([0.1, 0.9], truth=[0, 1]))["Worst errors"].rows == []


def test_of_three_classes_confidence_is_that_of_the_class_decided_on() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.05, 0.9, 0.05], [0.1, 0.2, 0.7]])
    images = scored_images(
        3,
        labels=("normal", "benign", "malignant"),
        positive=2,
        truth=np.array([1, 0, 2]),
        probabilities=probabilities,
        decided=np.array([0, 1, 2]),
        attributes={},
    )

    assert _kinds(images)["Worst errors"].rows == [1, 0]
    assert _kinds(images)["Correct: malignant"].rows == [2]


def test_counts_at_every_threshold() -> None:
    images = _images([0.2, 0.4, 0.4, 0.8], truth=[0, 0, 1, 1], threshold=0.3)

    found = threshold_counts(images)

    assert [
        (p.threshold, p.true_positives, p.false_positives, p.true_negatives, p.false_negatives) for p in found
    ] == [
        (0.0, 2, 2, 0, 0),
        (0.2, 2, 2, 0, 0),
        (0.3, 2, 1, 1, 0),
        (0.4, 2, 1, 1, 0),
        (0.8, 1, 0, 2, 1),
        (1.0, 0, 0, 2, 2),
    ]


def test_counts_at_the_frozen_threshold_are_those_of_the_decisions() -> None:
    images = scored_images(decided=(scored_images().scores >= 0.37).astype(int), threshold=0.37)

    (point,) = (each for each in threshold_counts(images) if each.threshold == 0.37)

    called, positive = images.called_positive, images.is_positive
    assert point.true_positives == (called & positive).sum()
    assert point.false_positives == (called & ~positive).sum()
    assert point.true_negatives == (~called & ~positive).sum()
    assert point.false_negatives == (~called & positive).sum()


def test_many_thresholds_are_thinned_and_keep_the_frozen_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_THRESHOLDS", 10)
    images = _images(np.linspace(0.001, 0.999, 500).tolist(), truth=[0, 1] * 250, threshold=0.4321)

    thresholds = [point.threshold for point in threshold_counts(images)]

    assert len(thresholds) == 13
    assert thresholds == sorted(thresholds)
    assert {0.0, 0.001, 0.4321, 0.999, 1.0} <= set(thresholds)


def test_a_small_image_keeps_its_pixels() -> None:
    for pixels in (noise(20, 30), noise(30, 20, 3)):
        np.testing.assert_array_equal(decoded(thumbnail_uri(encode_png(pixels))), pixels)


def test_sixteen_bits_become_their_upper_eight() -> None:
    pixels = noise(20, 30, values=2**16)

    np.testing.assert_array_equal(decoded(thumbnail_uri(encode_png(pixels))), pixels >> 8)


@pytest.mark.parametrize(("height", "width"), [(512, 256), (100, 1000)])
def test_a_large_image_is_bounded_and_keeps_its_shape(height: int, width: int) -> None:
    shown = decoded(thumbnail_uri(encode_png(np.full((height, width), 77, np.uint8))))

    scale = LONGER_SIDE / max(height, width)
    assert shown.shape == (round(height * scale), round(width * scale))
    assert (shown == 77).all()


def test_pictures_by_source(tmp_path: Path) -> None:
    first, second = noise(8, 8, seed=1), noise(8, 8, seed=2)
    patterns = write_examples(tmp_path / "test", ("a.png", "benign", first), ("b.png", "malignant", second))

    (found,) = find_pictures(patterns, ["b.png", "gone.png"])

    assert (found.source, found.label, found.png) == ("b.png", "malignant", encode_png(second))
    assert list(find_pictures(patterns, [])) == []
    assert list(find_pictures([str(tmp_path / "nothing" / "*")], ["a.png"])) == []


def test_a_heat_map_shines_where_it_is_high_and_leaves_the_rest_as_it_is() -> None:
    pixels = np.full((64, 128), 100, np.uint8)
    heat = np.zeros((64, 64), np.float32)
    heat[:, 32:] = 1.0

    shown = decoded(overlay_uri(encode_png(pixels), heat)).astype(float)

    assert shown.shape == (64, 128, 3)
    assert (shown[:, :60] == 100).all(), "the left half of a map that is stretched over the image"
    brightest = np.array([252, 255, 164])  # the end of the colour scale
    np.testing.assert_allclose(
        shown[:, 68:], np.broadcast_to(100 + MOST_OPAQUE * (brightest - 100), (64, 60, 3)), atol=1
    )


def test_an_overlay_has_the_size_of_the_thumbnail() -> None:
    for pixels in (noise(300, 200), noise(20, 30, 3), noise(500, 1000, values=2**16)):
        png = encode_png(pixels)
        overlay = decoded(overlay_uri(png, np.zeros((64, 64), np.float32)))
        thumbnail = decoded(thumbnail_uri(png))
        expected = thumbnail if thumbnail.ndim == 3 else np.repeat(thumbnail[..., None], 3, axis=2)
        np.testing.assert_array_equal(overlay, expected)


def test_samples_are_the_first_images_of_each_class(tmp_path: Path) -> None:
    rows = [(f"{number}.png", ("malignant", "benign")[number % 4 == 0], noise(8, 8)) for number in range(30)]
    patterns = write_examples(tmp_path / "train", *rows[:10])

    found = sample_images(patterns, ("benign", "malignant", "absent"))

    assert [(each.label, each.source) for each in found] == [
        *[("benign", f"{number}.png") for number in (0, 4, 8)],
        *[("malignant", f"{number}.png") for number in (1, 2, 3, 5, 6, 7)],
    ]
    assert sum(each.label == "malignant" for each in found) == SAMPLES_OF_A_CLASS
    assert found[0] == SampleImage(source="0.png", label="benign", picture=thumbnail_uri(encode_png(rows[0][2])))
