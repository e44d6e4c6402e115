"""The checks on images and labels: each finds its fault, by message and sources, and nothing in clean data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data_checks.registry import CHECKS
from components.data_checks.same_picture import same_pictures, united
from components.data_checks.spec import Evidence, Finding
from components.datasets.spec import ANY_MODALITY, HISTOPATHOLOGY, MAMMOGRAPHY, MODALITIES, ULTRASOUND, ImageRecord
from components.image_example_gen.inspection import inspect_file
from components.manifest import ManifestEntry, SimilarPair
from components.settings import CheckSettings, DataSettings
from schema import contract
from tests.images import encode, noise, write_files

LABELS = ("benign", "malignant")
CHECK = {check.name: check for check in CHECKS}
TRAINED = "benign/train0.png"  # one of `clean`, of the patient TRAINED_PATIENT
TRAINED_PATIENT = "patient benign train"


def entry(source: str, label: str = "benign", split: str = "train", **changes: Any) -> ManifestEntry:
    """An image without fault, unlike all others."""
    values: dict[str, Any] = {
        "patient": f"patient of {source}",
        "pixel_sha256": f"pixels of {source}",
        "height": 60,
        "width": 80,
        "channels": 1,
        "bit_depth": 8,
        "mean": 0.3,
        "std": 0.2,
        "highest": 1.0,
        "levels": 200,
        "two_valued": 0.4,
        "border": 0.1,
    }
    values |= changes
    return ManifestEntry(source, label, split=split, **({"group": values["patient"] or f"like:{source}"} | values))


def unnamed(source: str, label: str = "benign", split: str = "train", **changes: Any) -> ManifestEntry:
    """An image of nobody knows whom."""
    return entry(source, label, split, patient="", **changes)


def clean() -> list[ManifestEntry]:
    """Two images of one patient for each class and split."""
    return [
        entry(f"{label}/{split}{number}.png", label, split, patient=f"patient {label} {split}")
        for label in LABELS
        for split in contract.SPLITS
        for number in range(2)
    ]


def certain(first: str, second: str, change: str = "") -> SimilarPair:
    return SimilarPair(first, second, 0.9, change, True)


def uncertain(first: str, second: str) -> SimilarPair:
    return SimilarPair(first, second, 0.5, "", False)


def find(
    name: str,
    entries: Sequence[ManifestEntry],
    pairs: Sequence[SimilarPair] = (),
    modality: str = ULTRASOUND,
    minimum: int = 1,
) -> list[Finding]:
    checks = CheckSettings(minimum_images_per_class=minimum)
    data = DataSettings(dataset="x", labels=LABELS, positive_label=LABELS[-1], checks=checks)
    return list(CHECK[name].find(Evidence(entries, pairs, modality, data)))


def sources(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    return [finding.sources for finding in findings]


@dataclass(frozen=True)
class Fault:
    """What is added to clean data, and what is to be said about it."""

    check: str
    entries: Sequence[ManifestEntry]
    message: str
    sources: tuple[str, ...]
    pairs: Sequence[SimilarPair] = ()
    modality: str = ULTRASOUND


FAULTS = {
    "unreadable": Fault("unreadable", [entry("x.png", fault="torn", split="")], "x.png: torn", ("x.png",)),
    "class missing": Fault(
        "unlabelled", [entry("x.png", "", "", unlabelled="nothing")], "x.png: nothing", ("x.png",)
    ),
    "class unknown": Fault(
        "unlabelled", [entry("x.png", "cyst", "", unlabelled="'cyst'?")], "x.png: 'cyst'?", ("x.png",)
    ),
    "mask by name": Fault(
        "annotations",
        [entry("b/1_mask.png")],
        "b/1_mask.png: the name is that of a mask or another annotation",
        ("b/1_mask.png",),
    ),
    "mask by pixels": Fault(
        "annotations",
        [entry("x.png", two_valued=0.993)],
        "x.png: 99.3% of the pixels are black or white, as in a mask",
        ("x.png",),
    ),
    "blank": Fault(
        "bit_depth",
        [entry("x.png", levels=1, highest=0.0)],
        "x.png: all pixels have the same value",
        ("x.png",),
    ),
    "12 bits wrapped into 8": Fault(
        "bit_depth",
        [entry("x.png", wrapped=0.025)],
        "x.png: 2.5% of the neighbouring pixels jump from white to black, as if upper bits were cut off",
        ("x.png",),
    ),
    "12 bits in 16": Fault(
        "bit_depth",
        [entry("x.png", bit_depth=16, highest=4095 / 65535), entry("y.png", bit_depth=16)],
        "x.png: the brightest pixel is at 0.0625 of the range of 16 bits",
        ("x.png",),
    ),
    "a set of 14 bits in 16": Fault(
        "bit_depth",
        [entry("x.png", bit_depth=16, highest=16383 / 65535)],
        "x.png: the brightest pixel is at 0.2500 of the range of 16 bits",
        ("x.png",),
    ),
    "negative film": Fault(
        "inverted",
        [entry("x.png", border=0.98, mean=0.7)],
        "x.png: the rim is bright (0.98) and the middle is darker, as in a negative",
        ("x.png",),
        modality=MAMMOGRAPHY,
    ),
    "negative among others": Fault(
        "inverted",
        [entry("x.png", border=0.98, mean=0.7)],
        "x.png: the rim is bright (0.98) and the middle is darker, as in a negative",
        ("x.png",),
        modality=ULTRASOUND,
    ),
    "text": Fault(
        "burned_in",
        [entry("x.png", markings=0.01)],
        "x.png: sharp bright marks on the dark margin, such as a frame or text",
        ("x.png",),
    ),
    "equal pixels with two labels": Fault(
        "label_conflicts",
        [entry("x.png", "malignant", patient=TRAINED_PATIENT, pixel_sha256=f"pixels of {TRAINED}")],
        f"{TRAINED} (benign), x.png (malignant)",
        (TRAINED, "x.png"),
    ),
    "near-duplicates of nobody with two labels": Fault(
        "label_conflicts",
        [unnamed("x.png", group="x"), unnamed("y.png", "malignant", group="x")],
        "x.png (benign), y.png (malignant)",
        ("x.png", "y.png"),
        [uncertain("x.png", "y.png")],
    ),
    "certain pair of a patient with two labels": Fault(
        "label_conflicts",
        [entry("x.png", patient="p"), entry("y.png", "malignant", patient="p")],
        "x.png (benign), y.png (malignant)",
        ("x.png", "y.png"),
        [certain("x.png", "y.png")],
    ),
    "mirrored copy": Fault(
        "augmented_copies",
        [entry("x.png", patient=TRAINED_PATIENT)],
        f"{TRAINED} and x.png (mirrored)",
        ("x.png",),
        [certain(TRAINED, "x.png", "mirrored")],
    ),
    "rotated copy": Fault(
        "augmented_copies",
        [entry("x.png", patient=TRAINED_PATIENT)],
        f"{TRAINED} and x.png (rotated by 90 degrees)",
        ("x.png",),
        [certain(TRAINED, "x.png", "rotated by 90 degrees")],
    ),
    "smaller copy": Fault(
        "augmented_copies",
        [entry("a.png", patient=TRAINED_PATIENT, height=30, width=40)],
        f"{TRAINED} and a.png (rescaled)",
        ("a.png",),
        [certain("a.png", TRAINED)],
    ),
    "picture of two patients": Fault(
        "shared_pictures",
        [entry("x.png", patient="Eve")],
        f"{TRAINED} ({TRAINED_PATIENT}) and x.png (Eve)",
        (TRAINED, "x.png"),
        [certain(TRAINED, "x.png")],
    ),
    "group in two splits": Fault(
        "leakage",
        [entry("x.png", split="eval", patient=TRAINED_PATIENT)],
        f"group {TRAINED_PATIENT!r} is in the splits eval, train, for example x.png, {TRAINED}",
        (TRAINED, "benign/train1.png"),
    ),
    "equal pixels in two splits": Fault(
        "leakage",
        [entry("x.png", split="test", pixel_sha256=f"pixels of {TRAINED}")],
        f"one picture is in the splits test, train, for example x.png, {TRAINED}",
        (TRAINED,),
    ),
    "near-duplicates in two splits": Fault(
        "leakage",
        [entry("x.png", split="test")],
        f"one picture is in the splits test, train, for example x.png, {TRAINED}",
        (TRAINED,),
        [certain(TRAINED, "x.png")],
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_each_check_finds_its_fault_in_otherwise_clean_data(fault: Fault) -> None:
    found = find(fault.check, [*clean(), *fault.entries], fault.pairs, fault.modality)

    assert found == [Finding(fault.message, fault.sources)]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_nothing_is_left_once_the_images_named_are_dropped(fault: Fault) -> None:
    entries = [
        replace(item, dropped="because", split="") if item.source in fault.sources else item
        for item in [*clean(), *fault.entries]
    ]
    left = [item for item in entries if not item.dropped]

    assert find(fault.check, left, fault.pairs, fault.modality) == []
    if fault.check not in {"unreadable", "unlabelled"}:  # they look at images that are in no split anyway
        assert find(fault.check, entries, fault.pairs, fault.modality) == []


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("name", CHECK)
def test_clean_data_pass_every_check(name: str, modality: str) -> None:
    assert find(name, clean(), [uncertain(TRAINED, "benign/train1.png")], modality) == []


@pytest.mark.parametrize("name", [name for name in CHECK if name != "classes"])
def test_no_images_no_findings(name: str) -> None:
    assert find(name, []) == []


def test_every_policy_on_images_belongs_to_a_check_and_the_reverse() -> None:
    of_the_statistics = {"schema_anomalies", "skew", "drift", "skew_limit", "drift_limit", "minimum_images_per_class"}

    assert set(CHECK) == set(CheckSettings.model_fields) - of_the_statistics
    assert len(CHECK) == len(CHECKS)
    assert len({check.title for check in CHECKS}) == len(CHECKS)  # a manifest tells by it why an image was dropped


@pytest.mark.parametrize(("side", "fault"), [(16, ""), (15, "40x15 pixels, below data.minimum_side=16")])
def test_too_small_is_a_fault_of_the_file(tmp_path: Path, side: int, fault: str) -> None:
    write_files(tmp_path, {"x.png": encode(noise(side, 40), "PNG")})

    (found,) = inspect_file(str(tmp_path), ImageRecord("x.png", "benign"), 16)

    assert found.entry.fault == fault
    assert sources(find("unreadable", [found.entry])) == ([("x.png",)] if fault else [])


@pytest.mark.parametrize("content", [b"", b"no image", encode(noise(40, 40), "PNG")[:-60]])
def test_files_that_cannot_be_decoded_are_named(tmp_path: Path, content: bytes) -> None:
    write_files(tmp_path, {"x.png": content})

    (found,) = inspect_file(str(tmp_path), ImageRecord("x.png", "benign"), 16)

    assert found.image is None
    assert sources(find("unreadable", [found.entry])) == [("x.png",)]


@pytest.mark.parametrize(
    "name",
    [
        "mask.png",
        "MASK1.PNG",
        "1_mask_2.png",
        "1-masks.tif",
        "case segmentation.png",
        "x_annotation.png",
        "x.annotated.png",
        "ground truth.png",
        "ground-truth_2.png",
        "x_ground_truth.png",
        "groundtruth.png",
        "1_gt.png",
        "GT7.png",
        "contour.png",
        "1_overlay.png",
        "heatmap (3).png",
        "x_mask.tif#page=2",
    ],
)
def test_names_of_annotations(name: str) -> None:
    assert sources(find("annotations", [entry(f"benign/{name}")])) == [(f"benign/{name}",)]


@pytest.mark.parametrize(
    "name", ["unmasked.png", "masked.png", "length.png", "overlaying.png", "contours.png", "maskGT.png", "1.png"]
)
@pytest.mark.parametrize("folder", ["benign", "mask", "ground truth"])
def test_parts_of_words_and_folders_are_no_names_of_annotations(folder: str, name: str) -> None:
    assert find("annotations", [entry(f"{folder}/{name}")]) == []


@pytest.mark.parametrize(
    ("check", "inside", "outside"),
    [
        ("annotations", {"two_valued": 0.99}, {"two_valued": 0.9899}),
        ("bit_depth", {"wrapped": 0.01}, {"wrapped": 0.0099}),
        ("bit_depth", {"levels": 1}, {"levels": 2}),
        ("bit_depth", {"highest": 15 / 255}, {"highest": 17 / 255}),
        ("bit_depth", {"bit_depth": 12, "highest": 16383 / 65535}, {"bit_depth": 12, "highest": 16500 / 65535}),
        ("burned_in", {"markings": 0.004}, {"markings": 0.0039}),
        ("inverted", {"border": 0.75, "mean": 0.74}, {"border": 0.74, "mean": 0.73}),
        ("inverted", {"border": 0.9, "mean": 0.89}, {"border": 0.9, "mean": 0.9}),
    ],
)
def test_thresholds(check: str, inside: dict[str, float], outside: dict[str, float]) -> None:
    assert sources(find(check, [entry("x.png", **inside)], modality=MAMMOGRAPHY)) == [("x.png",)]
    assert find(check, [entry("x.png", **outside)], modality=MAMMOGRAPHY) == []


def test_one_bright_image_shows_that_a_bit_depth_is_used_to_the_full() -> None:
    dim = [entry(f"{number}.png", bit_depth=16, highest=0.2) for number in range(3)]

    assert sources(find("bit_depth", dim)) == [("0.png",), ("1.png",), ("2.png",)]
    assert find("bit_depth", [*dim, entry("bright.png", bit_depth=16, highest=0.26)]) == []
    # Other depths show nothing of this one, and images of 8 bits may all be dim.
    assert len(find("bit_depth", [*dim, entry("bright.png", bit_depth=12)])) == 3
    assert find("bit_depth", [entry(f"{number}.png", bit_depth=8, highest=0.2) for number in range(3)]) == []


@pytest.mark.parametrize("modality", [ULTRASOUND, HISTOPATHOLOGY, ANY_MODALITY])
@pytest.mark.parametrize(("dark", "found"), [(8, [("x.png",)]), (7, [])])
def test_outside_mammography_negatives_are_exceptions_from_dark_rims(
    modality: str, dark: int, found: list[tuple[str, ...]]
) -> None:
    borders = [0.25] * dark + [0.26] * (9 - dark)
    images = [entry(f"{number}.png", border=border) for number, border in enumerate(borders)]

    assert sources(find("inverted", [*images, entry("x.png", border=0.8, mean=0.5)], modality=modality)) == found


def test_where_rims_are_usually_bright_none_is_a_negative_but_among_films_all_are() -> None:
    bright = [entry(f"{number}.png", border=0.9, mean=0.6) for number in range(4)]

    assert find("inverted", bright, modality=HISTOPATHOLOGY) == []
    assert len(find("inverted", bright, modality=MAMMOGRAPHY)) == 4


@pytest.mark.parametrize("images", [0, 1])
def test_a_class_that_a_split_lacks_is_found_and_one_image_suffices(images: int) -> None:
    manifest = [item for item in clean() if (item.label, item.split) != ("malignant", "test")]
    manifest += [entry(f"{number}.png", "malignant", "test") for number in range(images)]
    message = (
        "split 'test' has 0 images of class 'malignant', and at least 1 are needed"
        " (the class has 2 groups in all, which are never divided)"
    )

    assert find("classes", manifest) == ([] if images else [Finding(message)])


@pytest.mark.parametrize(("minimum", "lacking"), [(2, 0), (3, 6)])
def test_the_least_number_of_images_counts_in_each_split(minimum: int, lacking: int) -> None:
    found = find("classes", clean(), minimum=minimum)

    assert len(found) == lacking
    assert [finding.message.partition(",")[0] for finding in found] == [
        f"split {split!r} has 2 images of class {label!r}" for split in contract.SPLITS for label in LABELS
    ][:lacking]


def test_images_that_cannot_be_used_fill_no_split() -> None:
    without = [item for item in clean() if (item.label, item.split) != ("malignant", "eval")]
    unusable = [
        entry("1.png", "malignant", "eval", fault="torn"),
        entry("2.png", "malignant", "eval", dropped="why"),
        entry("3.png", "malignant", "eval", unlabelled="?"),
    ]

    assert len(find("classes", [*without, *unusable])) == 1


def test_a_split_without_images_lacks_every_class() -> None:
    found = find("classes", [item for item in clean() if item.split != "eval"])

    assert [finding.message.partition(",")[0] for finding in found] == [
        "split 'eval' has 0 images of class 'benign'",
        "split 'eval' has 0 images of class 'malignant'",
    ]


def test_the_same_pixels_with_one_label_in_one_split_are_no_fault() -> None:
    manifest = [*clean(), entry("x.png", patient=TRAINED_PATIENT, pixel_sha256=f"pixels of {TRAINED}")]

    assert [find(name, manifest) for name in CHECK] == [[] for _ in CHECK]


@pytest.mark.parametrize("patients", [("p", "p"), ("p", ""), ("", "p")])
def test_neighbouring_frames_of_named_patients_may_have_two_labels(patients: tuple[str, str]) -> None:
    first, second = patients
    images = [entry("x.png", patient=first), entry("y.png", "malignant", patient=second)]

    assert find("label_conflicts", images, [uncertain("x.png", "y.png")]) == []
    assert sources(find("label_conflicts", images, [certain("x.png", "y.png")])) == [("x.png", "y.png")]


def test_a_conflict_holds_all_that_is_connected() -> None:
    images = [unnamed("c.png"), unnamed("b.png"), unnamed("a.png", "malignant"), unnamed("d.png")]

    found = find("label_conflicts", images, [uncertain("c.png", "b.png"), uncertain("a.png", "b.png")])

    assert found == [Finding("a.png (malignant), b.png (benign), c.png (benign)", ("a.png", "b.png", "c.png"))]


@pytest.mark.parametrize(("images", "more"), [(6, ""), (7, " and 1 more"), (9, " and 3 more")])
def test_of_many_conflicting_images_some_are_named_with_one_of_each_label_first(images: int, more: str) -> None:
    same = [entry(f"{n}.png", "malignant" if n == images - 1 else "benign", pixel_sha256="0") for n in range(images)]

    (finding,) = find("label_conflicts", same)

    others = [f"{n}.png (benign)" for n in range(1, images - 1)][:4]
    assert finding.message == ", ".join(["0.png (benign)", f"{images - 1}.png (malignant)", *others]) + more
    assert finding.sources == tuple(sorted(item.source for item in same))


def test_blank_images_show_nothing_so_they_contradict_nothing() -> None:
    blank = [entry("x.png", pixel_sha256="0", levels=1), entry("y.png", "malignant", pixel_sha256="0", levels=1)]

    assert find("label_conflicts", blank) == []
    assert find("leakage", [blank[0], replace(blank[1], split="test")]) == []
    seen = [replace(item, levels=2) for item in blank]
    assert sources(find("label_conflicts", seen)) == [("x.png", "y.png")]


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ((63, 84), True),  # 1.05 of 60 x 80
        ((62, 83), False),
        ((60, 80), False),
        ((120, 160), True),
        ((120, 163), True),
        ((120, 157), True),
        ((120, 164), False),
        ((120, 156), False),
        ((120, 80), False),
        ((60, 160), False),
    ],
)
def test_a_rescaled_copy_has_another_size_and_the_same_shape(size: tuple[int, int], found: bool) -> None:
    images = [entry("x.png", height=60, width=80), entry("y.png", height=size[0], width=size[1])]

    assert bool(find("augmented_copies", images, [certain("x.png", "y.png")])) is found
    assert bool(find("augmented_copies", images, [certain("y.png", "x.png")])) is found


def test_neighbouring_frames_are_no_copies() -> None:
    images = [entry("x.png"), entry("y.png", height=120, width=160)]

    assert find("augmented_copies", images, [SimilarPair("x.png", "y.png", 0.79, "mirrored", False)]) == []


def test_of_copies_the_largest_is_the_original_and_of_equals_the_first() -> None:
    images = [entry("a.png"), entry("b.png", height=120, width=160), entry("c.png", height=120, width=160)]
    pairs = [certain("a.png", "b.png"), certain("b.png", "c.png", "mirrored")]

    assert find("augmented_copies", images, pairs) == [
        Finding("b.png and a.png, c.png (mirrored, rescaled)", ("a.png", "c.png"))
    ]
    equals = [entry("d.png"), entry("a.png")]
    assert sources(find("augmented_copies", equals, [certain("d.png", "a.png", "mirrored")])) == [("d.png",)]


@pytest.mark.parametrize(("copies", "more"), [(6, ""), (7, " and 1 more")])
def test_of_many_copies_some_are_named_and_all_are_meant(copies: int, more: str) -> None:
    images = [entry(f"{number}.png") for number in range(copies + 1)]
    pairs = [certain("0.png", item.source, "mirrored") for item in images[1:]]

    (finding,) = find("augmented_copies", images, pairs)

    assert finding.message == f"0.png and 1.png, 2.png, 3.png, 4.png, 5.png, 6.png{more} (mirrored)"
    assert finding.sources == tuple(item.source for item in images[1:])


def test_copies_of_two_pictures_are_two_findings() -> None:
    images = [entry(f"{name}.png") for name in "abcd"]
    pairs = [certain("a.png", "c.png", "mirrored"), certain("b.png", "d.png", "rotated")]

    assert find("augmented_copies", images, pairs) == [
        Finding("a.png and c.png (mirrored)", ("c.png",)),
        Finding("b.png and d.png (rotated)", ("d.png",)),
    ]


@pytest.mark.parametrize(
    ("patients", "pair", "found"),
    [
        (("A", "B"), certain("x.png", "y.png"), True),
        (("A", "B"), uncertain("x.png", "y.png"), False),
        (("A", "A"), certain("x.png", "y.png"), False),
        (("A", ""), certain("x.png", "y.png"), False),
        (("", "B"), certain("x.png", "y.png"), False),
    ],
)
def test_a_picture_is_shared_where_two_patients_are_named(
    patients: tuple[str, str], pair: SimilarPair, found: bool
) -> None:
    images = [entry("x.png", patient=patients[0]), entry("y.png", patient=patients[1])]

    assert bool(find("shared_pictures", images, [pair])) is found


@pytest.mark.parametrize(
    ("splits", "taken"),
    [
        (("train", "eval"), {"train"}),
        (("train", "test"), {"train"}),
        (("eval", "test"), {"eval"}),
        (("train", "eval", "test"), {"train", "eval"}),
    ],
)
@pytest.mark.parametrize("shared", ["patient", "pixel_sha256"])
def test_a_leak_is_stopped_by_taking_from_train_then_from_eval_and_never_from_test(
    splits: tuple[str, ...], taken: set[str], shared: str
) -> None:
    images = [
        entry(f"{split}{number}.png", split=split, **{shared: "the same"}) for split in splits for number in range(2)
    ]

    (finding,) = find("leakage", images)

    assert set(finding.sources) == {f"{split}{number}.png" for split in taken for number in range(2)}


def test_a_picture_of_a_leaking_group_is_not_named_twice() -> None:
    images = [entry(f"{split}.png", split=split, patient="p", pixel_sha256="0") for split in ("train", "test")]

    assert find("leakage", images) == [
        Finding("group 'p' is in the splits test, train, for example test.png, train.png", ("train.png",))
    ]


def test_neighbouring_frames_of_named_patients_do_not_leak() -> None:
    images = [entry("x.png"), entry("y.png", split="test")]

    assert find("leakage", images, [uncertain("x.png", "y.png")]) == []
    assert len(find("leakage", images, [certain("x.png", "y.png")])) == 1


@given(st.data())
def test_any_single_image_moved_to_another_split_leaks(data: st.DataObject) -> None:
    manifest = clean()
    row = data.draw(st.integers(0, len(manifest) - 1))
    moved = data.draw(st.sampled_from([split for split in contract.SPLITS if split != manifest[row].split]))
    both = ", ".join(sorted((manifest[row].split, moved)))
    manifest[row] = replace(manifest[row], split=moved)

    (finding,) = find("leakage", manifest)

    assert finding.message.startswith(f"group {manifest[row].group!r} is in the splits {both}, for example ")


NAMES = [f"{number}.png" for number in range(7)]
PAIRS = st.lists(st.tuples(st.sampled_from([*NAMES, "gone.png"]), st.sampled_from(NAMES)), max_size=8)


@given(PAIRS, st.permutations(NAMES))
def test_connected_images_form_one_set(pairs: list[tuple[str, str]], order: list[str]) -> None:
    reached = {name: {name} for name in NAMES}
    for _ in NAMES:
        for first, second in pairs:
            if "gone.png" not in (first, second):
                both = reached[first] | reached[second]
                for name in both:
                    reached[name] = both
    expected = {tuple(sorted(names)) for names in reached.values() if len(names) > 1}

    found = united([entry(name) for name in order], pairs)

    assert [tuple(item.source for item in same) for same in found] == sorted(expected)


@given(st.permutations(range(8)))
def test_the_sets_of_one_picture_do_not_depend_on_the_order(order: list[int]) -> None:
    images = [
        *(entry(f"{number}.png", pixel_sha256=f"{number // 2}") for number in range(4)),
        *(unnamed(f"{number}.png") for number in range(4, 8)),
    ]
    pairs = [certain("1.png", "5.png"), uncertain("6.png", "7.png"), uncertain("0.png", "2.png")]
    data = DataSettings(dataset="x", labels=LABELS)

    found = same_pictures(Evidence([images[row] for row in order], pairs, ULTRASOUND, data))

    names = [[item.source for item in same] for same in found]
    assert names == [["0.png", "1.png", "5.png"], ["2.png", "3.png"], ["6.png", "7.png"]]


def _ramp(height: int, width: int, highest: int) -> np.ndarray:
    return np.tile(np.linspace(0, highest, width).astype(np.uint16), (height, 1))


def _film() -> np.ndarray:
    """A breast on a dark ground."""
    rows, columns = np.mgrid[:200, :160]
    inside = np.hypot(rows - 100, columns - 80) < 60
    return np.where(inside, 90 + noise(200, 160, values=40), noise(200, 160, values=8)).astype(np.uint8)


def _with_text() -> np.ndarray:
    film = _film()
    film[4:16, 20:60:4] = 250
    film[10, 20:60] = 250
    return film


PICTURES = {
    "12 bits in 16": (encode(_ramp(64, 400, 4095), "PNG"), "bit_depth"),
    "12 bits wrapped into 8": (encode((_ramp(64, 400, 4095) & 255).astype(np.uint8), "PNG"), "bit_depth"),
    "blank": (encode(np.full((64, 64), 77, np.uint8), "PNG"), "bit_depth"),
    "blank in colour": (encode(np.full((64, 64, 3), (240, 230, 235), np.uint8), "PNG"), "bit_depth"),
    "mask": (encode(np.pad(np.full((20, 20), 255, np.uint8), 22), "PNG"), "annotations"),
    "negative": (encode(255 - _film(), "PNG"), "inverted"),
    "text": (encode(_with_text(), "PNG"), "burned_in"),
    "film": (encode(_film(), "PNG"), ""),
    "full range": (encode(_ramp(64, 400, 65535), "PNG"), ""),
}


@pytest.mark.parametrize(("content", "check"), PICTURES.values(), ids=PICTURES)
def test_faults_of_real_pixels_are_found_by_what_is_measured(tmp_path: Path, content: bytes, check: str) -> None:
    write_files(tmp_path, {"x.png": content})

    (found,) = inspect_file(str(tmp_path), ImageRecord("x.png", "benign", "p"), 16)
    entries = [found.entry, entry("full range.png", bit_depth=16)]

    by_pixels = ("bit_depth", "annotations", "inverted", "burned_in", "unreadable")
    finders = {name for name in by_pixels if find(name, entries, modality=MAMMOGRAPHY)}
    assert finders == ({check} if check else set())
