"""What a client sends of a file is, byte for byte, what ingestion stores of it."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from schema import contract
from serving.client import BadImageError
from serving.client.conversion import read_png, to_png
from tests.images import (
    GREY,
    TiffPage,
    blocks,
    dicom,
    encode,
    exif_orientation,
    netpbm,
    noise,
    png,
    tiff,
    tiff_of_pages,
    write_files,
)
from tests.ingestion import ingest, value

FILES = {
    "plain.png": encode(noise(20, 30, seed=1), "PNG"),
    "colour.png": encode(noise(20, 30, 3, seed=2), "PNG"),
    "deep.png": png(noise(20, 30, seed=3, values=2**16), 16, GREY),
    "photograph.jpg": encode(blocks(24, 32, 3, seed=4), "JPEG", exif=exif_orientation(6)),
    "bitmap.bmp": encode(noise(20, 30, 3, seed=5), "BMP"),
    "twelve_bits.pgm": netpbm(noise(20, 30, seed=6, values=4096), 4095),
    "page.tif": tiff(noise(20, 30, seed=7, values=2**16)),
    "mammogram.dcm": dicom(noise(20, 30, seed=8, values=4096), bits=12, photometric="MONOCHROME1"),
    "compressed.dcm": dicom(noise(20, 30, seed=9), syntax=RLELossless),
}


@pytest.mark.slow
def test_every_format_is_sent_as_it_is_ingested(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_files(data, {f"benign/{name}": content for name, content in FILES.items()})
    others = {f"malignant/{number}.png": encode(noise(20, 30, seed=100 + number), "PNG") for number in range(9)}
    write_files(data, others)

    ingested = ingest(data, tmp_path / "output")

    stored = {
        value(example, contract.SOURCE).decode(): value(example, contract.IMAGE_ENCODED)
        for split in contract.SPLITS
        for example in ingested.examples(split)
    }
    sent = {source: read_png(data / source) for source in stored}
    assert sent == stored
    assert {f"benign/{name}" for name in FILES} <= set(stored)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"nonsense", "the content is not an image in a supported format"),
        (encode(noise(20, 30), "PNG")[:-30], "the image is damaged"),
        (
            tiff_of_pages(TiffPage(noise(8, 8)), TiffPage(noise(8, 8))),
            "the file holds 2 images; one is expected here",
        ),
        (dicom(np.stack([noise(8, 8)] * 3), frames=3), "the file holds 3 images; one is expected here"),
    ],
    ids=["empty", "nonsense", "cut", "pages", "frames"],
)
def test_files_that_hold_no_single_image(content: bytes, reason: str) -> None:
    with pytest.raises(BadImageError) as raised:
        to_png(content)

    assert raised.value.what.startswith(f"The image cannot be used: {reason}")
    assert raised.value.exit_code == 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadImageError) as raised:
        read_png(tmp_path)

    assert raised.value.what == "The file cannot be read (Is a directory)."
