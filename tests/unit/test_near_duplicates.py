"""Near-duplicate groups of images made in the test, and of BUSI where it is present."""

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from components.near_duplicates import (
    COPY_SIMILARITY,
    FINGERPRINT_LENGTH,
    NearDuplicate,
    find_near_duplicates,
    fingerprint,
    group_by_pairs,
)

BUSI = Path(__file__).resolve().parents[2] / "../shared/data/busi/Dataset_BUSI_with_GT"
UNRELATED = 60
PAN_STEP = 0.05  # share of the width between neighbouring frames


def ultrasound(seed: int, height: int = 160, width: int = 200) -> np.ndarray:
    """Layers, dark blobs and speckle, (height, width) uint8."""
    random = np.random.default_rng(seed)
    texture = sum(
        gaussian_filter(random.standard_normal((height, width)), sigma) * np.hypot(*sigma)
        for sigma in ((3, 9), (7, 14), (16, 24))
    )
    image = 110 + 45 * texture / texture.std()
    rows, columns = np.mgrid[:height, :width]
    for _ in range(3):
        row, column, radius = random.uniform((0, 0, 8), (height, width, 25))
        image[np.hypot(rows - row, (columns - column) / 1.5) < radius] -= 60
    return np.clip(image * random.gamma(12, 1 / 12, image.shape), 0, 255).astype(np.uint8)


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def with_gain(image: np.ndarray, gain: float, offset: float) -> np.ndarray:
    return np.clip(image * gain + offset, 0, 255).astype(np.uint8)


def cropped(image: np.ndarray, left: float, right: float, top: float, bottom: float) -> np.ndarray:
    height, width = image.shape
    return image[int(height * top) : height - int(height * bottom), int(width * left) : width - int(width * right)]


def shifted(image: np.ndarray, share: float) -> np.ndarray:
    down, right = (int(side * share) for side in image.shape)
    moved = np.zeros_like(image)
    moved[down:, right:] = image[: image.shape[0] - down, : image.shape[1] - right]
    return moved


def annotated(image: np.ndarray) -> np.ndarray:
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    for x, y in ((60, 60), (140, 80), (100, 40), (100, 110)):
        draw.line((x - 5, y, x + 5, y), fill=255)
        draw.line((x, y - 5, x, y + 5), fill=255)
    draw.line((60, 60, 140, 80), fill=255)
    draw.text((5, 140), "1 L 2.31 cm", fill=255)
    return np.asarray(canvas)


TRANSFORMATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the same": lambda image: image.copy(),
    "half the size": lambda image: resized(image, 100, 80),
    "twice the size": lambda image: resized(image, 400, 320),
    "another aspect ratio": lambda image: resized(image, 200, 200),
    "JPEG of quality 30": lambda image: compressed(image, 30),
    "less gain": lambda image: with_gain(image, 0.5, 0.0),
    "more gain": lambda image: with_gain(image, 1.5, 0.0),
    "brighter": lambda image: with_gain(image, 1.0, 40.0),
    "more contrast": lambda image: with_gain(image, 1.5, -50.0),
    "gamma": lambda image: (255 * (image / 255) ** 1.6).astype(np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "5 % cropped at the left": lambda image: cropped(image, 0.05, 0.0, 0.0, 0.0),
    "5 % cropped at a corner": lambda image: cropped(image, 0.05, 0.0, 0.05, 0.0),
    "5 % cropped at each side": lambda image: cropped(image, 0.05, 0.05, 0.05, 0.05),
    "shifted by 5 %": lambda image: shifted(image, 0.05),
    "calipers and text": annotated,
    "16 bits": lambda image: image.astype(np.uint16) * 257,
    "three channels": lambda image: np.stack([image] * 3, axis=2),
    "several at once": lambda image: compressed(
        with_gain(cropped(annotated(image), 0.04, 0.0, 0.0, 0.04), 0.8, 10.0)[:, ::-1], 50
    ),
}


def groups(fingerprints: np.ndarray) -> list[int]:
    pairs = find_near_duplicates(fingerprints)
    return group_by_pairs(len(fingerprints), [(pair.first, pair.second) for pair in pairs]).tolist()


def groups_of(images: list[np.ndarray]) -> list[int]:
    return groups(np.stack([fingerprint(image) for image in images]))


@pytest.fixture(scope="module")
def unrelated() -> np.ndarray:
    """(UNRELATED, FINGERPRINT_LENGTH) uint8."""
    return np.stack([fingerprint(ultrasound(seed)) for seed in range(UNRELATED)])


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_a_changed_copy_is_in_the_group_of_its_original(name: str, unrelated: np.ndarray) -> None:
    changed = np.stack([fingerprint(TRANSFORMATIONS[name](ultrasound(seed))) for seed in range(6)])
    assert groups(np.concatenate([unrelated, changed])) == [*range(UNRELATED), *range(6)]


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_a_changed_copy_is_found_in_a_set_of_three(name: str) -> None:
    assert groups_of([ultrasound(1), ultrasound(2), TRANSFORMATIONS[name](ultrasound(2))]) == [0, 1, 1]


def test_unrelated_images_stay_apart(unrelated: np.ndarray) -> None:
    assert groups(unrelated) == list(range(UNRELATED))


def film(seed: int) -> np.ndarray:
    """A bright half ellipse of nearly the same size on black, (256, 256) uint8; only the tissue differs."""
    tall, wide = np.random.default_rng(seed).uniform(0.93, 1.07, 2)
    rows, columns = np.mgrid[:256, :256]
    skin = np.clip(4 - 4 * np.hypot((rows - 128) / (160 * tall), columns / (90 * wide)), 0, 1)
    return np.clip(skin * (135 + ultrasound(seed, 256, 256) / 7), 0, 255).astype(np.uint8)


def test_images_of_one_layout_stay_apart() -> None:
    """One outline on black in every image must not chain them into a single group."""
    assert groups_of([film(seed) for seed in range(60)]) == list(range(60))


def test_a_set_of_copies_is_one_group() -> None:
    image = ultrasound(0)
    copies = [with_gain(cropped(image, 0.001 * step, 0.0, 0.0, 0.0), 1.0, step) for step in range(40)]
    assert set(groups_of(copies)) == {0}


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (16, 16, 3), (700, 300)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_equal_images_of_any_shape_are_one_group(shape: tuple[int, ...], dtype: type[np.unsignedinteger]) -> None:
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    first = fingerprint(image)
    assert first.shape == (FINGERPRINT_LENGTH,)
    assert first.dtype == np.uint8
    assert groups(np.stack([first, fingerprint(ultrasound(0)), fingerprint(image.copy())])) == [0, 1, 0]


def test_constant_images_stay_apart_from_others() -> None:
    flat = [np.full(shape, value, np.uint8) for shape, value in (((30, 40), 7), ((1, 1), 255), ((9, 9, 3), 0))]
    checkerboard = (np.indices((1008, 1008)).sum(axis=0) % 2 * 255).astype(np.uint8)
    nearly_flat = flat[0].copy()
    nearly_flat[3, 3] += 1
    assert groups_of([*flat, checkerboard, nearly_flat, ultrasound(0)]) == [0, 0, 0, 3, 4, 5]


def test_constant_images_are_no_proof_of_copying() -> None:
    """White patches of two patients must not merge the patients."""
    white = [fingerprint(np.full((50, 50, 3), 255, np.uint8))] * 3
    found = find_near_duplicates(np.stack(white))
    assert [(pair.first, pair.second) for pair in found] == [(0, 1), (0, 2)]
    assert all(pair.similarity < COPY_SIMILARITY for pair in found)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_smallest_sets(count: int) -> None:
    prints = np.stack([fingerprint(ultrasound(seed)) for seed in range(2)])[:count]
    assert find_near_duplicates(prints) == []


def test_a_set_of_two_copies() -> None:
    image = ultrasound(0)
    found = find_near_duplicates(np.stack([fingerprint(image), fingerprint(compressed(image, 50))]))
    assert [(pair.first, pair.second, pair.change) for pair in found] == [(0, 1, "")]
    assert found[0].similarity >= COPY_SIMILARITY


def test_equal_images_are_as_similar_as_can_be() -> None:
    prints = np.stack([fingerprint(ultrasound(seed)) for seed in (1, 0, 1)])
    assert find_near_duplicates(prints) == [NearDuplicate(0, 2, 1.0, "")]


@given(
    edges=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30),
)
def test_groups_are_what_pairs_connect(edges: list[tuple[int, int]]) -> None:
    members = [{index} for index in range(20)]
    for one, other in edges:
        union = members[one] | members[other]
        for index in union:
            members[index] = union
    assert group_by_pairs(20, edges).tolist() == [min(same) for same in members]


def test_groups_are_transitive() -> None:
    """The ends of a pan are too far apart to be alike; the frames between join them."""
    scene = ultrasound(3, 160, 400)
    pan = [scene[:, int(left) : int(left) + 200] for left in np.arange(0, 0.5, PAN_STEP) * 200]
    assert groups_of([pan[0], pan[-1]]) == [0, 1]
    assert set(groups_of(pan)) == {0}


@settings(max_examples=8)
@given(order=st.permutations(range(30)))
def test_pairs_do_not_depend_on_the_order(order: list[int], unrelated: np.ndarray) -> None:
    changed = [fingerprint(TRANSFORMATIONS["several at once"](ultrasound(seed))) for seed in range(6)]
    prints = np.concatenate([unrelated[:22], np.stack(changed), unrelated[:2]])
    expected = {frozenset((pair.first, pair.second)) for pair in find_near_duplicates(prints)}
    found = {frozenset((order[pair.first], order[pair.second])) for pair in find_near_duplicates(prints[order])}
    # Of equal images only one has pairs with others; which one, the order decides.
    twin = {28: 0, 29: 1}
    named = [{frozenset(twin.get(index, index) for index in pair) for pair in pairs} for pairs in (found, expected)]
    assert named[0] == named[1]


@pytest.mark.real_data
@pytest.mark.skipif(not BUSI.is_dir(), reason="../shared/data/busi is absent")
def test_groups_of_busi() -> None:
    paths = sorted(path for path in BUSI.glob("*/*.png") if "_mask" not in path.name)
    found = groups_of([np.asarray(Image.open(path)) for path in paths])
    sizes = Counter(found)
    several = {group for group, size in sizes.items() if size > 1}
    labels = {
        group: {path.parent.name for path, own in zip(paths, found, strict=True) if own == group} for group in several
    }
    assert len(paths) == 629
    assert len(several) == 121
    assert sum(sizes[group] for group in several) == 278
    assert max(sizes.values()) == 6
    assert sum(len(classes) > 1 for classes in labels.values()) == 8
    group_of = dict(zip((path.name for path in paths), found, strict=True))
    assert group_of["benign (433).png"] == group_of["malignant (145).png"]
