"""The store of encoded images: what goes in comes out, from any place in any order."""

import io
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from components.image_example_gen.store import ImageStore, Location, Locations, NoStore
from schema.images.formats import CanonicalImage, Pixels, encode_png
from tests.images import noise


def image(pixels: Pixels) -> CanonicalImage:
    return CanonicalImage(pixels, bit_depth=8)


def raw(image: CanonicalImage) -> bytes:
    return image.pixels.tobytes()


@given(st.lists(st.lists(st.binary(max_size=20), max_size=6), max_size=4), st.randoms(use_true_random=False))
def test_every_image_comes_back_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], random: Random
) -> None:
    store = ImageStore(str(tmp_path_factory.mktemp("store")), raw)
    kept: list[tuple[Location, bytes]] = []
    for number, contents in enumerate(batches):
        with store.open_batch(number) as batch:
            kept += [(batch.add(image(np.frombuffer(data, np.uint8)[None])), data) for data in contents]
    random.shuffle(kept)

    assert [store.read(location) for location, _ in kept] == [data for _, data in kept]
    assert [location.length for location, _ in kept] == [len(data) for _, data in kept]


def test_images_of_a_batch_lie_one_after_the_other_in_one_file(tmp_path: Path) -> None:
    with ImageStore(str(tmp_path), raw).open_batch(7) as batch:
        locations = [batch.add(image(np.full((1, size), size, np.uint8))) for size in (3, 1, 2)]

    assert locations == [Location(7, 0, 3), Location(7, 3, 1), Location(7, 4, 2)]
    assert [path.name for path in tmp_path.iterdir()] == ["images-000007.bin"]
    assert (tmp_path / "images-000007.bin").read_bytes() == bytes([3, 3, 3, 1, 2, 2])


def test_a_store_of_another_process_reads_the_same(tmp_path: Path) -> None:
    with ImageStore(str(tmp_path), raw).open_batch(0) as batch:
        batch.add(image(noise(2, 2)))
        second = batch.add(image(noise(3, 3, seed=1)))

    assert ImageStore(str(tmp_path)).read(second) == noise(3, 3, seed=1).tobytes()


@pytest.mark.parametrize("pixels", [noise(5, 7), noise(5, 7, 3), noise(5, 7, values=65536)])
def test_images_are_kept_as_png_unless_asked_otherwise(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    store = ImageStore(str(tmp_path))
    with store.open_batch(0) as batch:
        location = batch.add(image(pixels))

    data = store.read(location)

    assert data == encode_png(pixels)
    with Image.open(io.BytesIO(data)) as read:
        assert read.format == "PNG"
        assert np.array_equal(np.asarray(read), pixels)


def test_a_batch_that_failed_is_not_there_until_another_worker_has_done_it(tmp_path: Path) -> None:
    store = ImageStore(str(tmp_path), raw)
    with pytest.raises(KeyError), store.open_batch(0) as batch:
        batch.add(image(noise(2, 3)))
        raise KeyError
    assert not (tmp_path / "images-000000.bin").exists()

    with store.open_batch(0) as batch:
        location = batch.add(image(noise(2, 3)))
    assert store.read(location) == noise(2, 3).tobytes()


def test_looking_without_ingesting_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with NoStore().open_batch(3) as batch:
        locations = [batch.add(image(noise(2, 2))) for _ in range(2)]

    assert locations == [Location(3, 0, 0)] * 2
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.none() | st.builds(Location, *[st.integers(0, 2**40)] * 3), max_size=8))
def test_locations_are_kept_as_they_are(places: list[Location | None]) -> None:
    kept = Locations(places)

    assert list(kept) == places
    assert [kept[position] for position in range(-len(places), 0)] == places
    assert list(kept[1:-1]) == places[1:-1]
    with pytest.raises(IndexError):
        kept[len(places)]
