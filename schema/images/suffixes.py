"""Which files are read as images, by name; apart from `formats` so that listing a folder needs no decoder."""

from typing import Final

IMAGE_SUFFIXES: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".dib", ".pgm", ".ppm", ".pnm", ".tif", ".tiff", ".dcm", ".dicom"}
)


def is_image_path(path: str) -> bool:
    """Whether a file is to be read as an image: by its suffix, hidden files left out."""
    name = path.rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    return bool(dot and stem) and not name.startswith(".") and f".{suffix.lower()}" in IMAGE_SUFFIXES
