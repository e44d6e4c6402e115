"""Thumbnails of near-duplicate pairs: which pairs, which pixels, what the index says."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from components.image_example_gen.pair_images import (
    MOST_BYTES,
    MOST_PAIRS,
    PairedImage,
    PairImages,
    choose_pairs,
    make_thumbnail,
    read_pair_images,
    read_thumbnail,
    write_pair_images,
)
from components.image_example_gen.planning import Plan
from components.image_example_gen.store import ImageStore
from components.manifest import ManifestEntry, SimilarPair
from schema.images.formats import CanonicalImage, encode_png


def similar(first: str, second: str, similarity: float = 0.9, change: str = "") -> SimilarPair:
    return SimilarPair(first, second, similarity, change, same_picture=True)


def entries_of(*entries: ManifestEntry) -> dict[str, ManifestEntry]:
    return {entry.source: entry for entry in entries}


def decode(png: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


def test_pairs_come_in_order_of_the_harm_they_would_do() -> None:
    entries = entries_of(
        ManifestEntry("a", label="benign", split="train", patient="1"),
        ManifestEntry("b", label="malignant", split="train", patient="1"),
        ManifestEntry("c", label="benign", split="train", patient="2"),
        ManifestEntry("d", label="benign", split="train", patient="3"),
        ManifestEntry("e", label="benign", split="train"),
        ManifestEntry("f", label="benign", split="test"),
        ManifestEntry("g", label="benign", split="train"),
        ManifestEntry("h", label="benign", split="train"),
        ManifestEntry("i", label="benign", dropped="left out"),
        ManifestEntry("j", label="benign", split="train"),
    )
    labels, patients, splits = similar("a", "b"), similar("c", "d"), similar("e", "f")
    mirrored, unlike, alike = similar("g", "h", change="mirrored"), similar("i", "j", 0.6), similar("g", "j", 0.8)
    pairs = [alike, unlike, mirrored, splits, patients, labels]

    assert choose_pairs(pairs, entries) == [labels, patients, splits, mirrored, unlike, alike]
    assert choose_pairs(pairs[::-1], entries) == choose_pairs(pairs, entries)


def test_an_image_is_in_two_pairs_at_most() -> None:
    entries = entries_of(*(ManifestEntry(name) for name in "abcdef"))
    family = [similar(one, two) for one in "abcd" for two in "abcd" if one < two]

    chosen = choose_pairs([*family, similar("e", "f")], entries)

    assert [(pair.first, pair.second) for pair in chosen] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
        ("e", "f"),
    ]


def test_the_number_of_pairs_is_limited() -> None:
    entries = entries_of(*(ManifestEntry(f"{number:03d}") for number in range(200)))
    pairs = [similar(f"{number:03d}", f"{number + 1:03d}", number / 200) for number in range(0, 200, 2)]
    random.Random(0).shuffle(pairs)

    assert [pair.first for pair in choose_pairs(pairs, entries)] == [
        f"{2 * number:03d}" for number in range(MOST_PAIRS)
    ]


@pytest.mark.parametrize("shape", [(20, 30), (256, 1), (20, 30, 3)])
def test_small_images_keep_their_pixels(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    np.testing.assert_array_equal(decode(make_thumbnail(encode_png(pixels))), pixels)


@pytest.mark.parametrize("shape", [(2, 3), (2, 1, 3)])
def test_16_bits_become_8(shape: tuple[int, ...]) -> None:
    pixels = np.array([0, 255, 256, 511, 32768, 65535], np.uint16).reshape(shape)

    thumbnail = decode(make_thumbnail(encode_png(pixels)))

    assert thumbnail.dtype == np.uint8
    np.testing.assert_array_equal(thumbnail.ravel(), [0, 0, 1, 1, 128, 255])


def test_large_images_shrink_in_proportion() -> None:
    pixels = np.zeros((1024, 512), np.uint8)
    pixels[512:] = 200

    thumbnail = decode(make_thumbnail(encode_png(pixels)))

    assert thumbnail.shape == (256, 128)
    assert set(thumbnail[:124].ravel()) == {0}
    assert set(thumbnail[132:].ravel()) == {200}


@pytest.mark.parametrize(("shape", "side"), [((400, 400), 192), ((400, 400, 3), 128)])
def test_a_thumbnail_of_noise_is_as_small_as_it_must_be(shape: tuple[int, ...], side: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    thumbnail = make_thumbnail(encode_png(pixels))

    assert len(thumbnail) <= MOST_BYTES
    assert decode(thumbnail).shape[:2] == (side, side)


def test_a_thumbnail_holds_no_metadata() -> None:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), 7).save(buffer, "PNG", dpi=(72, 72), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")

    with Image.open(io.BytesIO(make_thumbnail(buffer.getvalue()))) as image:
        image.load()
        assert image.info == {}


def test_pairs_are_written_and_read(tmp_path: Path) -> None:
    pixels = [np.full((8, 8), value, np.uint8) for value in (10, 20, 30)]
    store = ImageStore(str(tmp_path))
    with store.open_batch(0) as batch:
        first, second, third = (batch.add(CanonicalImage(each, bit_depth=8)) for each in pixels)
    planned = Plan(
        [
            ManifestEntry("a.png", label="benign", split="train", patient="Jane Doe"),
            ManifestEntry("torn.png", fault="torn"),
            ManifestEntry("b.png", label="benign", dropped="a copy", patient="Joan Doe"),
            ManifestEntry("c.png", label="malignant", split="test"),
        ],
        [similar("a.png", "b.png", 0.75, "mirrored"), SimilarPair("a.png", "c.png", 0.5, "", same_picture=False)],
    )

    write_pair_images(planned, [first, None, second, third], store, str(tmp_path))

    found = read_pair_images(str(tmp_path))
    shown = PairedImage(source="a.png", label="benign", split="train", left_out="", file="01-first.png")
    assert found == [
        PairImages(
            first=shown,
            second=PairedImage(source="c.png", label="malignant", split="test", left_out="", file="01-second.png"),
            different_patients=False,
            similarity=0.5,
            change="",
            same_picture=False,
        ),
        PairImages(
            first=shown.model_copy(update={"file": "02-first.png"}),
            second=PairedImage(source="b.png", label="benign", split="", left_out="a copy", file="02-second.png"),
            different_patients=True,
            similarity=0.75,
            change="mirrored",
            same_picture=True,
        ),
    ]
    values = [
        int(decode(read_thumbnail(str(tmp_path), image)).mean())
        for pair in found
        for image in (pair.first, pair.second)
    ]
    assert values == [10, 30, 10, 20]
    assert not any(b"Doe" in path.read_bytes() for path in (tmp_path / "similar_pairs").iterdir())


def test_without_pairs_the_index_is_empty(tmp_path: Path) -> None:
    write_pair_images(Plan([ManifestEntry("a.png")], []), [None], ImageStore(str(tmp_path)), str(tmp_path))

    assert read_pair_images(str(tmp_path)) == []
