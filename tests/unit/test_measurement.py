"""What is measured of pixels, against computations pixel by pixel."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from components.image_example_gen.measurement import Measures, measure
from schema.images.formats import CanonicalImage
from tests.images import noise

Pixels = NDArray[Any]


def measured(pixels: Pixels) -> Measures:
    return measure(CanonicalImage(np.ascontiguousarray(pixels), bit_depth=8))


def full(pixels: Pixels) -> int:
    return 255 if pixels.dtype == np.uint8 else 65535


def grey(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 2 else pixels[:, :, 1]


def steps(values: Pixels) -> Iterator[int]:
    """Differences of all neighbours, along rows and columns."""
    rows, columns = values.shape
    for row in range(rows):
        for column in range(columns):
            if column + 1 < columns:
                yield abs(int(values[row, column]) - int(values[row, column + 1]))
            if row + 1 < rows:
                yield abs(int(values[row, column]) - int(values[row + 1, column]))


def two_valued(pixels: Pixels) -> float:
    values = [int(value) for value in pixels.reshape(-1)]
    low, high = min(values), max(values)
    if high - low < (full(pixels) + 1) / 2:
        return 0.0
    near = (high - low) // 16
    return sum(value <= low + near or value >= high - near for value in values) / len(values)


def border(pixels: Pixels) -> float:
    values = grey(pixels)
    width = max(1, round(0.03 * min(values.shape)))
    rim = [
        int(value)
        for strip in (values[:width], values[::-1][:width], values.T[:width], values.T[::-1][:width])
        for value in strip.reshape(-1)
    ]
    return float(np.median(rim)) / full(pixels)


def markings(pixels: Pixels) -> float:
    values, size = grey(pixels), full(pixels) + 1
    down, across = (max(2, round(0.12 * side)) for side in values.shape)
    strips = (values[:down], values[-down:], values[:, :across], values[:, -across:])
    return max(
        0.0 if (strip > 0.15 * size).mean() > 0.5 else sum(step >= size / 2 for step in steps(strip)) / strip.size
        for strip in strips
    )


def wrapped(pixels: Pixels, levels: int) -> float:
    values, size = grey(pixels), full(pixels) + 1
    jumps = [abs(int(a) - int(b)) for row in values for a, b in pairwise(row)]
    if levels < 17 or not jumps:
        return 0.0
    whole = sum(jump > 0.75 * size for jump in jumps)
    middling = sum(0.125 * size < jump <= 0.75 * size for jump in jumps)
    return max(0.0, (whole - middling) / len(jumps))


@st.composite
def images(draw: st.DrawFn) -> Pixels:
    """Up to 127 rows, all of which are looked at: any values, few values, or bright spots on a dark ground."""
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 40)), *draw(st.sampled_from([(), (3,)])))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    highest = int(np.iinfo(dtype).max)
    drawn = np.random.default_rng(draw(st.integers(0, 2**32))).random(shape)
    kind = draw(st.sampled_from(["noise", "ramp", "two values", "spots", "dark", "arbitrary"]))
    if kind == "arbitrary":
        return draw(hnp.arrays(dtype, (*shape[:2][:1], min(shape[1], 6), *shape[2:])))
    values = {
        "noise": drawn,
        "ramp": (np.arange(shape[1]) * 37 % 256 / 255).reshape((1, -1) + (1,) * (len(shape) - 2)) + 0 * drawn,
        "two values": np.round(drawn),
        "spots": np.where(drawn > 0.9, drawn, 0.05),
        "dark": drawn / 20,
    }[kind]
    return np.rint(values * highest).astype(dtype)


@settings(max_examples=200)
@given(images())
def test_every_measure_is_that_of_the_pixels_one_by_one(pixels: Pixels) -> None:
    shares = pixels.astype(np.float64) / full(pixels)

    found = measured(pixels)

    assert found.mean == pytest.approx(shares.mean(), abs=1e-12)
    assert found.std == pytest.approx(shares.std(), abs=1e-9)
    assert found.highest == pytest.approx(shares.max(), abs=1e-12)
    assert found.two_valued == pytest.approx(two_valued(pixels), abs=1e-12)
    assert found.border == pytest.approx(border(pixels), abs=1e-12)
    assert found.markings == pytest.approx(markings(pixels), abs=1e-12)
    assert found.wrapped == pytest.approx(wrapped(pixels, found.levels), abs=1e-12)
    if pixels.ndim == 2:
        assert found.levels == len(np.unique(pixels))


def test_a_small_image_by_hand() -> None:
    pixels = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)

    assert measured(pixels) == Measures(
        mean=pytest.approx(0.5),
        std=pytest.approx(np.sqrt(35 / 12) / 5),
        highest=1.0,
        levels=6,
        two_valued=pytest.approx(2 / 6),
        border=pytest.approx(0.5),
        wrapped=0.0,
        markings=0.0,  # no margin is dark
    )


@pytest.mark.parametrize("value", [0, 100, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (40, 30), (1, 1, 3), (40, 30, 3)])
def test_a_blank_image(shape: tuple[int, ...], value: int) -> None:
    share = value / 255

    assert measured(np.full(shape, value, np.uint8)) == Measures(
        mean=pytest.approx(share),
        std=pytest.approx(0.0, abs=1e-12),
        highest=share,
        levels=1,
        two_valued=0.0,
        border=pytest.approx(share),
        wrapped=0.0,
        markings=0.0,
    )


@pytest.mark.parametrize("shape", [(1, 1, 3), (40, 30, 3)])
def test_a_blank_image_in_colour_has_one_level_too(shape: tuple[int, ...]) -> None:
    assert measured(np.full(shape, (240, 230, 235), np.uint8)).levels == 1


@pytest.mark.parametrize("value", [0, 1, 4095, 65535])
def test_a_single_pixel_of_16_bits(value: int) -> None:
    found = measured(np.array([[value]], np.uint16))

    assert (found.mean, found.std, found.highest, found.levels) == (
        pytest.approx(value / 65535),
        0.0,
        value / 65535,
        1,
    )


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_the_same_picture_in_16_bits_measures_the_same(pixels: Pixels) -> None:
    eight, sixteen = measured(pixels), measured(pixels.astype(np.uint16) * 257)

    assert (eight.mean, eight.std, eight.highest, eight.border) == pytest.approx(
        (sixteen.mean, sixteen.std, sixteen.highest, sixteen.border), abs=1e-9
    )
    assert eight.levels == sixteen.levels


def _ramp(bits: int, *, cut: bool, noisy: int = 0) -> Pixels:
    """From black to white in so many bits, or the lower eight of them."""
    values = np.tile(np.linspace(0, 2**bits - 1, 400), (300, 1)) + noise(300, 400, values=1 + noisy)
    values = np.clip(values, 0, 2**bits - 1).astype(np.int64)
    return (values & 255).astype(np.uint8) if cut else (values >> (bits - 8)).astype(np.uint8)


@pytest.mark.parametrize("noisy", [0, 3])
@pytest.mark.parametrize(("bits", "jumps"), [(10, 3), (12, 15)])
def test_bits_that_were_cut_off_show_as_jumps_from_white_to_black(bits: int, jumps: int, noisy: int) -> None:
    assert measured(_ramp(bits, cut=True, noisy=noisy)).wrapped == pytest.approx(jumps / 399, rel=0.2)
    assert measured(_ramp(bits, cut=False, noisy=noisy)).wrapped == 0.0


def test_noise_and_sharp_edges_are_no_cut_off_bits() -> None:
    edges = np.where(np.arange(300) // 7 % 2, 255, noise(300, 300, values=20)).astype(np.uint8)

    assert measured(noise(300, 300)).wrapped == 0.0
    assert measured(np.where(edges > 128, noise(300, 300, seed=1) // 2 + 128, edges // 2)).wrapped == 0.0


def _blurred_mask(height: int, width: int) -> Pixels:
    """A white disc on black with an edge that is two pixels wide."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height / 2, columns - width / 2)
    return np.rint(np.clip((height / 3 - distance) / 2 + 0.5, 0, 1) * 255).astype(np.uint8)


def test_a_mask_with_a_soft_edge_and_the_noise_of_jpeg_has_two_values() -> None:
    mask = _blurred_mask(400, 400).astype(np.int64)
    noisy = np.clip(mask + noise(400, 400, values=13) - 6, 0, 255).astype(np.uint8)

    assert measured(mask.astype(np.uint8)).two_valued > 0.99
    assert measured(noisy).two_valued > 0.99
    assert measured((mask // 2).astype(np.uint8)).two_valued == 0.0  # half the range is no mask
    assert measured(noise(400, 400)).two_valued < 0.15


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_text_is_found_on_any_dark_margin_and_not_in_the_middle(side: str) -> None:
    blank = np.full((200, 200), 10, np.uint8)
    text = np.zeros((8, 60), np.uint8)
    text[:, ::3] = 240
    places = {"top": np.s_[5:13, 70:130], "bottom": np.s_[187:195, 70:130]}
    places |= {"left": np.s_[70:130, 5:13], "right": np.s_[70:130, 187:195]}
    marked, middle, bright = blank.copy(), blank.copy(), np.full((200, 200), 60, np.uint8)
    for pixels in (marked, bright):
        pixels[places[side]] = text if side in {"top", "bottom"} else text.T
    middle[96:104, 70:130] = text

    # 20 strokes of 8 pixels with two edges each, and their ends, on a strip of 24 x 200 pixels
    assert measured(marked).markings == pytest.approx((20 * 8 * 2 + 20 * 2) / (24 * 200), rel=0.02)
    assert measured(middle).markings == 0.0
    assert measured(bright).markings == 0.0


def test_of_a_large_image_some_rows_stand_for_all() -> None:
    pixels = np.tile(_ramp(12, cut=True), (4, 1))

    assert measured(pixels).wrapped == pytest.approx(measured(pixels[:100]).wrapped, rel=0.05)


def test_brightness_is_a_share_of_the_full_range() -> None:
    def brightness(pixels: Pixels) -> tuple[float, float]:
        found = measured(pixels)
        return found.mean, found.std

    assert brightness(np.array([[0, 255]], np.uint8)) == (0.5, 0.5)
    assert brightness(np.full((2, 2), 65535, np.uint16)) == (1.0, 0.0)
    assert brightness(np.full((2, 2, 3), 51, np.uint8)) == pytest.approx((0.2, 0.0))
