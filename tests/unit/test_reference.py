"""Reference predictions: they survive JSON, and anything else is refused."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from serving.reference import ReferencePredictions, reference_images

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(["images", "probabilities", "threshold"]), children, max_size=3)
    ),
    max_leaves=8,
)


@given(
    images=st.lists(st.binary(max_size=40), max_size=4),
    probabilities=st_numpy.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(0, 1, width=32)
    ),
    threshold=st.floats(0, 1),
)
def test_json_round_trip_is_exact(
    images: list[bytes], probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]], threshold: float
) -> None:
    again = ReferencePredictions.from_json(ReferencePredictions(tuple(images), probabilities, threshold).to_json())

    assert again.images == tuple(images)
    assert again.probabilities.dtype == np.float32
    np.testing.assert_array_equal(again.probabilities, probabilities)
    assert again.threshold == threshold


def test_a_value_that_is_no_number_survives_so_that_the_check_of_a_model_can_see_it() -> None:
    reference = ReferencePredictions((b"x",), np.array([[np.nan, 0.5]], np.float32), 0.5)

    again = ReferencePredictions.from_json(reference.to_json())

    np.testing.assert_array_equal(again.probabilities, reference.probabilities)


GOOD = {"images": ["AAEC"], "probabilities": [[0.25, 0.75]], "threshold": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"images"',
        "{}",
        json.dumps(GOOD | {"images": 5}),
        json.dumps(GOOD | {"images": [5]}),
        json.dumps(GOOD | {"images": ["not base64!"]}),
        json.dumps(GOOD | {"probabilities": [[0.1], [0.1, 0.2]]}),
        json.dumps(GOOD | {"probabilities": {"a": 1}}),
        json.dumps(GOOD | {"threshold": None}),
        json.dumps(GOOD | {"threshold": "high"}),
        json.dumps(GOOD | {"threshold": 10**400}),
    ],
)
def test_anything_else_raises_value_error_or_key_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        ReferencePredictions.from_json(text)


@given(JSON_VALUES)
def test_no_json_value_raises_another_error(value: object) -> None:
    try:
        ReferencePredictions.from_json(json.dumps(value))
    except (ValueError, KeyError):
        return
    assert isinstance(value, dict)
    assert set(value) == {"images", "probabilities", "threshold"}


def test_the_reference_images_are_always_the_same_four_grey_pictures() -> None:
    first, second = reference_images(), reference_images()
    pictures = [Image.open(io.BytesIO(image)) for image in first]

    assert first == second
    assert [(picture.height, picture.width) for picture in pictures] == [(64, 64), (48, 96), (160, 120), (33, 57)]
    for picture in pictures:
        pixels = np.asarray(picture)
        assert pixels.dtype == np.uint8
        height, width = pixels.shape
        middle = pixels[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8]
        assert middle.mean() < 0.7 * pixels.mean()  # the dark ellipse


def test_the_reference_images_differ_from_each_other() -> None:
    assert len(set(reference_images())) == 4
