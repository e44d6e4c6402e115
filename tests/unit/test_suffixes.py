"""Which file names are taken for images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.images.suffixes import IMAGE_SUFFIXES, is_image_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.png", True),
        ("a/b/c.JPEG", True),
        ("a.b.tif", True),
        ("a b (1).Pgm", True),
        ("a/1-1.dcm", True),
        ("a.DICOM", True),
        ("bild-ä.jpg", True),
        (".png", False),
        ("a/.hidden.png", False),
        ("png", False),
        ("a.png/b", False),
        ("a.png ", False),
        ("a.png.txt", False),
        ("a.gif", False),
        ("", False),
        ("a/", False),
    ],
)
def test_by_example(path: str, expected: bool) -> None:
    assert is_image_path(path) is expected


@given(
    folder=st.text(alphabet="ab./", max_size=5),
    stem=st.text(alphabet="xyz (1)_", min_size=1, max_size=8),
    suffix=st.sampled_from(sorted(IMAGE_SUFFIXES)),
    upper=st.booleans(),
)
def test_folder_stem_and_case_do_not_matter(folder: str, stem: str, suffix: str, upper: bool) -> None:
    name = stem + (suffix.upper() if upper else suffix)

    assert is_image_path(f"{folder}/{name}")
    assert not is_image_path(f"{folder}/.{name}")
    assert not is_image_path(f"{folder}/{name}x")
