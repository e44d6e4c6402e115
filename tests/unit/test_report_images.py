"""Which images the report shows, what they look like, and what other thresholds would have decided."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from components.clinical_evaluator.scored_images import ScoredImages
from components.report import threshold_counts as counting
from components.report.content import SampleImage
from components.report.gather import show_images
from components.report.picks import MOST_OF_A_KIND, Picks, pick_images
from components.report.threshold_counts import threshold_counts
from components.report.thumbnails import LONGER_SIDE, SAMPLES_OF_A_CLASS, data_uri, read_thumbnails, sample_images
from schema import contract
from schema.images.formats import encode_png
from tests.clinical import scored_images
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


def _write(folder: Path, *rows: tuple[str, str, NDArray[np.generic]]) -> list[str]:
    """Ingested examples of source, label and pixels; returns the patterns of their files."""
    folder.mkdir()
    for number, (source, label, pixels) in enumerate(rows):
        features = {
            contract.SOURCE: source.encode(),
            contract.LABEL: label.encode(),
            contract.IMAGE_ENCODED: encode_png(pixels),  # type: ignore[arg-type]
        }
        example = tf.train.Example(
            features=tf.train.Features(
                feature={
                    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                    for name, value in features.items()
                }
            )
        )
        with tf.io.TFRecordWriter(str(folder / f"images-{number}")) as writer:
            writer.write(example.SerializeToString())
    return [f"{folder}/*"]


def _decoded(uri: str) -> NDArray[np.uint8]:
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def test_a_small_image_keeps_its_pixels() -> None:
    for pixels in (noise(20, 30), noise(30, 20, 3)):
        np.testing.assert_array_equal(_decoded(data_uri(encode_png(pixels))), pixels)


def test_sixteen_bits_become_their_upper_eight() -> None:
    pixels = noise(20, 30, values=2**16)

    np.testing.assert_array_equal(_decoded(data_uri(encode_png(pixels))), pixels >> 8)


@pytest.mark.parametrize(("height", "width"), [(512, 256), (100, 1000)])
def test_a_large_image_is_bounded_and_keeps_its_shape(height: int, width: int) -> None:
    shown = _decoded(data_uri(encode_png(np.full((height, width), 77, np.uint8))))

    scale = LONGER_SIDE / max(height, width)
    assert shown.shape == (round(height * scale), round(width * scale))
    assert (shown == 77).all()


def test_thumbnails_by_source(tmp_path: Path) -> None:
    first, second = noise(8, 8, seed=1), noise(8, 8, seed=2)
    patterns = _write(tmp_path / "test", ("a.png", "benign", first), ("b.png", "malignant", second))

    found = read_thumbnails(patterns, ["b.png", "gone.png"])

    assert list(found) == ["b.png"]
    np.testing.assert_array_equal(_decoded(found["b.png"]), second)
    assert read_thumbnails(patterns, []) == {}
    assert read_thumbnails([str(tmp_path / "nothing" / "*")], ["a.png"]) == {}


def test_samples_are_the_first_images_of_each_class(tmp_path: Path) -> None:
    rows = [(f"{number}.png", ("malignant", "benign")[number % 4 == 0], noise(8, 8)) for number in range(30)]
    patterns = _write(tmp_path / "train", *rows[:10])

    found = sample_images(patterns, ("benign", "malignant", "absent"))

    assert [(each.label, each.source) for each in found] == [
        *[("benign", f"{number}.png") for number in (0, 4, 8)],
        *[("malignant", f"{number}.png") for number in (1, 2, 3, 5, 6, 7)],
    ]
    assert sum(each.label == "malignant" for each in found) == SAMPLES_OF_A_CLASS
    assert found[0] == SampleImage(source="0.png", label="benign", picture=data_uri(encode_png(rows[0][2])))


def test_picked_images_are_shown_with_their_answers(tmp_path: Path) -> None:
    images = _images([0.75, 0.25], truth=[0, 0])
    pixels = noise(8, 8)
    patterns = _write(tmp_path / "test", ("image 0.png", "benign", pixels))

    errors, uncertain, benign, malignant = show_images(images, patterns)

    (worst,) = errors.images
    assert (worst.source, worst.label, worst.decided, worst.probability) == (
        "image 0.png",
        "benign",
        "malignant",
        0.75,
    )
    np.testing.assert_array_equal(_decoded(worst.picture), pixels)
    assert worst.overlay == ""
    assert len(uncertain.images) == 2
    assert [image.picture for image in benign.images] == [""], "an image that is not found is shown without a picture"
    assert malignant.images == []
