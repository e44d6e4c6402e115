"""Files of several images: each page by value and one at a time, and nothing that is no page."""

import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from schema import contract
from schema.images.formats import UnreadableImageError, read_image, read_pages
from tests import images
from tests.images import TiffPage

THUMBNAIL, PAGE, MASK = 0b001, 0b010, 0b100  # TIFF's subfile types


def _pages(data: bytes) -> list[NDArray[Any]]:
    return [image.pixels for image in read_pages(data)]


def _assert_pages(data: bytes, *expected: NDArray[Any]) -> None:
    pages = _pages(data)
    assert len(pages) == len(expected)
    for page, pixels in zip(pages, expected, strict=True):
        assert page.dtype == pixels.dtype
        np.testing.assert_array_equal(page, pixels)


def _refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        _pages(data)
    return str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda pixels: images.encode(pixels, "PNG"),
        lambda pixels: images.encode(pixels, "BMP"),
        lambda pixels: images.netpbm(pixels, 255),
        images.tiff,
        images.dicom,
    ],
    ids=["png", "bmp", "pgm", "tiff", "dicom"],
)
def test_a_file_of_one_image_has_one_page(make: Any) -> None:
    pixels = images.noise(9, 12)

    _assert_pages(make(pixels), pixels)
    np.testing.assert_array_equal(read_image(make(pixels)).pixels, pixels)


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_pages_of_a_tiff_may_differ_in_all(byte_order: str) -> None:
    grey, deep = images.noise(9, 12), images.noise(5, 7, values=2**16)
    colour, deep_colour = images.noise(8, 3, 3), images.noise(4, 6, 3, values=2**16)
    twelve = images.noise(6, 8, values=4096)
    file = images.tiff_of_pages(
        TiffPage(grey),
        TiffPage(deep_colour, photometric=images.TIFF_RGB),
        TiffPage(deep, photometric=images.MIN_IS_WHITE),
        TiffPage(twelve, bits=12),
        TiffPage(colour, photometric=images.TIFF_RGB),
        byte_order=byte_order,
    )

    _assert_pages(file, grey, deep_colour, ~deep, np.rint(twelve * (65535 / 4095)).astype(np.uint16), colour)
    assert [image.bit_depth for image in read_pages(file)] == [8, 16, 16, 12, 8]


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_pages_of_a_tiff(compression: str) -> None:
    pages = [images.noise(40, 30, seed=seed) for seed in range(3)]
    others = [Image.fromarray(page) for page in pages[1:]]

    _assert_pages(
        images.encode(pages[0], "TIFF", save_all=True, append_images=others, compression=compression), *pages
    )


def test_compressed_pages_of_16_bits_with_colour() -> None:
    pages = [images.noise(40, 30, 3, seed=seed, values=2**16) for seed in range(3)]
    _, file = cv2.imencodemulti(".tiff", [page[..., ::-1] for page in pages])

    _assert_pages(file.tobytes(), *pages)


def test_each_page_is_turned_by_its_own_orientation() -> None:
    upright = images.noise(5, 8)
    pages = [
        TiffPage(np.ascontiguousarray(stored_from(upright)), orientation=orientation)
        for orientation, stored_from in images.STORED_FROM_UPRIGHT.items()
    ]

    _assert_pages(images.tiff_of_pages(*pages), *[upright] * 8)


def test_thumbnails_and_masks_of_a_tiff_are_no_pages() -> None:
    first, second, small = images.noise(9, 12), images.noise(9, 12, seed=1), images.noise(3, 4)
    file = images.tiff_of_pages(
        TiffPage(small, subfile_type=THUMBNAIL),
        TiffPage(first, subfile_type=PAGE),
        TiffPage(small, subfile_type=THUMBNAIL | PAGE),
        TiffPage(first, subfile_type=MASK),
        TiffPage(second),
    )

    _assert_pages(file, first, second)


def test_an_image_with_a_thumbnail_is_one_image() -> None:
    pixels = images.noise(9, 12)
    file = images.tiff_of_pages(TiffPage(pixels), TiffPage(images.noise(3, 4), subfile_type=THUMBNAIL))

    np.testing.assert_array_equal(read_image(file).pixels, pixels)


def test_a_file_of_thumbnails_alone_is_refused() -> None:
    assert _refusal(images.tiff(images.noise(3, 4), subfile_type=THUMBNAIL)) == "the file holds no image"


def test_where_one_image_is_expected_several_are_refused() -> None:
    tiff = images.tiff_of_pages(*[TiffPage(images.noise(9, 12))] * 3)
    dicom = images.dicom(images.noise(4, 9, 12), frames=4)

    for file, count in ((tiff, 3), (dicom, 4)):
        with pytest.raises(UnreadableImageError, match=f"^the file holds {count} images; one is expected here$"):
            read_image(file)


def test_animations_are_refused() -> None:
    frames = [Image.fromarray(images.noise(9, 11, seed=seed)) for seed in range(2)]
    file = images.encode(frames[0], "PNG", save_all=True, append_images=frames[1:])

    assert _refusal(file) == "the file holds 2 images; one is expected here"


def test_frames_of_a_dicom_file() -> None:
    frames = images.noise(3, 9, 12, values=2**16)

    _assert_pages(images.dicom(frames, frames=3), *frames)


def test_more_pages_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tiff = images.tiff_of_pages(*[TiffPage(images.noise(2, 2))] * 3)
    dicom = images.dicom(images.noise(3, 2, 2), frames=3)
    monkeypatch.setattr(contract, "MAXIMUM_PAGES", 3)
    assert len(_pages(tiff)) == len(_pages(dicom)) == 3

    monkeypatch.setattr(contract, "MAXIMUM_PAGES", 2)
    assert _refusal(tiff) == _refusal(dicom) == "the file holds more than 2 images"


def test_a_tiff_whose_pages_follow_each_other_in_a_circle_ends() -> None:
    file = bytearray(images.tiff_of_pages(*[TiffPage(images.noise(9, 12, seed=seed)) for seed in range(2)]))
    file[-4:] = file[4:8]

    assert len(_pages(bytes(file))) == 2


def test_pages_before_a_damaged_one_are_read() -> None:
    pages = [images.noise(9, 12, seed=seed) for seed in range(2)]
    file = images.tiff_of_pages(*map(TiffPage, pages))
    offset = file.index(pages[1].tobytes())
    broken = bytearray(file)
    strip = broken.rindex(offset.to_bytes(4, "little"))
    broken[strip : strip + 4] = b"\xff\xff\xff\x7f"

    read = read_pages(bytes(broken))

    np.testing.assert_array_equal(next(read).pixels, pages[0])
    with pytest.raises(UnreadableImageError, match="damaged"):
        next(read)


@pytest.mark.parametrize("deep", [False, True], ids=["by Pillow", "by OpenCV"])
def test_pages_are_decoded_one_at_a_time(deep: bool) -> None:
    shape, count = (500, 400, 3) if deep else (1000, 1200), 30
    pages = [np.zeros(shape, np.uint16 if deep else np.uint8) for _ in range(count)]
    _, encoded = cv2.imencodemulti(".tiff", pages)
    data = encoded.tobytes()
    list(read_pages(data[:-1] + data[-1:]))  # whatever is kept for later is kept now

    tracemalloc.start()
    for image in read_pages(data):
        assert image.pixels.max() == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * pages[0].nbytes
