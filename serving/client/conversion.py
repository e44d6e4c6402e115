"""Makes of any image file that ingestion reads the PNG that ingestion makes of it, to be sent to a server."""

from pathlib import Path

from schema import contract
from schema.images.formats import UnreadableImageError, encode_image, read_image
from serving.client.errors import BadImageError


def to_png(data: bytes) -> bytes:
    """The content of a file of one image (PNG, JPEG, BMP, TIFF, PGM, DICOM) in canonical form, as PNG.

    Raises BadImageError, with the reason, for anything else.
    """
    try:
        return encode_image(read_image(data))
    except UnreadableImageError as error:
        raise BadImageError(
            f"The image cannot be used: {error}.", fix="leave the file out, or export it anew as a single image"
        ) from error


def read_png(path: Path) -> bytes:
    """As `to_png`, of a file. Raises BadImageError where it cannot be read, too."""
    try:
        with path.open("rb") as file:
            data = file.read(contract.MAXIMUM_FILE_BYTES + 1)  # one more than `to_png` takes
    except OSError as error:
        raise BadImageError(
            f"The file cannot be read ({error.strerror or error}).", fix="name a file that can be read"
        ) from error
    return to_png(data)
