"""Copies that a tool for augmentation made: turned by any angle, mirrored or not."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.near_duplicates import COPY_SIMILARITY, NearDuplicate, find_near_duplicates, fingerprint
from components.near_duplicates.geometry import SYMMETRIES, Geometry, apply_symmetry, geometry_of
from tests.unit.test_near_duplicates import ultrasound

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
OTHERS = [fingerprint(ultrasound(seed)) for seed in range(1, 12)]


def rotated(image: np.ndarray, degrees: float, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """Counter-clockwise, on a canvas of the same size."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=border), np.uint8)


def pair_of(image: np.ndarray, changed: np.ndarray) -> NearDuplicate | None:
    """What is found of an image and its changed copy among others."""
    prints = np.stack([fingerprint(image), fingerprint(changed), *OTHERS])
    found = find_near_duplicates(prints)
    pairs = {(pair.first, pair.second): pair for pair in found}
    assert pairs.keys() <= {(0, 1)}
    return pairs.get((0, 1))


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_a_symmetry_of_the_square_is_found_and_named(symmetry: Geometry) -> None:
    image = ultrasound(0)
    pair = pair_of(image, np.ascontiguousarray(apply_symmetry(image, symmetry)))
    assert pair is not None
    assert pair.similarity >= COPY_SIMILARITY
    assert pair.change == str(symmetry)


def test_changes_in_words() -> None:
    assert [str(symmetry) for symmetry in SYMMETRIES] == [
        "",
        "rotated 90",
        "rotated 180",
        "rotated 270",
        "mirrored",
        "mirrored and rotated 90",
        "mirrored and rotated 180",
        "mirrored and rotated 270",
    ]
    assert str(geometry_of(False, -12.4)) == "rotated by -12 degrees"
    assert str(geometry_of(True, 359.0)) == "mirrored"
    assert str(geometry_of(True, 37.2)) == "mirrored and rotated by 37 degrees"


@pytest.mark.parametrize("degrees", [4, 10, 15, 30, 37, 45, 123, -30, -160])
@pytest.mark.parametrize("border", [cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE], ids=["black", "edge"])
def test_a_turn_by_any_angle_is_found_and_measured(degrees: int, border: int) -> None:
    image = ultrasound(0)
    pair = pair_of(image, rotated(image, degrees, border))
    assert pair is not None
    assert pair.similarity >= COPY_SIMILARITY
    assert pair.change in {f"rotated by {near} degrees" for near in (degrees - 1, degrees, degrees + 1)}


def test_a_mirrored_and_turned_copy_is_found_and_measured() -> None:
    image = ultrasound(0)
    pair = pair_of(image, rotated(np.ascontiguousarray(image[:, ::-1]), 37))
    assert pair is not None
    assert pair.similarity >= COPY_SIMILARITY
    assert pair.change in {f"mirrored and rotated by {degrees} degrees" for degrees in (36, 37, 38)}


@settings(max_examples=12)
@given(degrees=st.integers(0, 359), mirrored=st.booleans(), seed=st.integers(0, 5))
def test_a_turn_of_a_square_image_is_found(degrees: int, mirrored: bool, seed: int) -> None:
    image = ultrasound(seed + 100, 200, 200)
    source = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
    pair = pair_of(image, rotated(source, degrees))
    assert pair is not None
    assert pair.similarity >= COPY_SIMILARITY


def test_a_series_of_turns_is_one_chain() -> None:
    """One public mammogram project saved each film in steps of two degrees."""
    image = ultrasound(0)
    series = [fingerprint(rotated(image, degrees)) for degrees in range(0, 120, 6)]
    found = find_near_duplicates(np.stack([*series, *OTHERS]))
    assert {pair.second for pair in found} == set(range(1, len(series)))


@given(degrees=st.floats(-720, 720), mirrored=st.booleans())
def test_the_inverse_of_the_inverse_is_the_change(degrees: float, mirrored: bool) -> None:
    geometry = geometry_of(mirrored, degrees)
    assert -180 < geometry.degrees <= 180
    assert geometry.inverse().inverse() == geometry


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "mias").is_dir(), reason="../shared/data/mias is absent")
def test_no_film_is_taken_for_another() -> None:
    """Neither the films of two women nor the two breasts of one."""
    films = [np.asarray(Image.open(path)) for path in sorted((DATA / "mias").glob("*.pgm"))]
    assert len(films) == 258
    assert find_near_duplicates(np.stack([fingerprint(film) for film in films])) == []


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "idc").is_dir(), reason="../shared/data/idc is absent")
def test_no_patch_of_one_patient_is_a_copy_of_one_of_another() -> None:
    paths = sorted((DATA / "idc").glob("*/*/*.png"))
    patients = [path.name.split("_idx5")[0] for path in paths]
    found = find_near_duplicates(np.stack([fingerprint(np.asarray(Image.open(path))) for path in paths]))
    assert len(paths) == 7702
    across = [pair for pair in found if patients[pair.first] != patients[pair.second]]
    assert max((pair.similarity for pair in across), default=0.0) < COPY_SIMILARITY / 2
