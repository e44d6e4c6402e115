"""The plan of an ingestion: classes, groups, what is left out, splits."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.data_checks.registry import CHECKS
from components.datasets.spec import ANY_MODALITY, MAMMOGRAPHY, DatasetSpec
from components.image_example_gen import planning
from components.image_example_gen.inspection import Inspection
from components.image_example_gen.planning import Plan, evidence_of, plan
from components.image_example_gen.split import assign_splits
from components.image_example_gen.store import Locations
from components.manifest import PATIENT, SIMILARITY, ManifestEntry, SimilarPair
from components.near_duplicates import COPY_SIMILARITY, NearDuplicate, fingerprint
from components.settings import DataSettings, SplitSettings
from schema import contract
from schema.errors import EXIT_DATA_REJECTED, DataRejectedError
from tests.images import noise
from tests.manifests import inspected_image

LABELS = ("a", "b")
LAYOUT = "<class>/*.png"
CHECK = {check.name: check for check in CHECKS}
TITLE = {check.name: check.title for check in CHECKS}
CERTAIN, UNCERTAIN = COPY_SIMILARITY, COPY_SIMILARITY - 1e-6

Pair = tuple[str, str, float] | tuple[str, str, float, str]


def spec(modality: str = ANY_MODALITY) -> DatasetSpec:
    return DatasetSpec("x", "X", modality, "nowhere", LAYOUT, LABELS, "b", lambda listing: ())


def data_settings(**values: Any) -> DataSettings:
    return DataSettings(**({"dataset": "x", "labels": LABELS, "positive_label": "b"} | values))


def inspected(source: str, **changes: Any) -> ManifestEntry:
    """An image without fault, unlike all others, of the class that its folder names."""
    return inspected_image(source, **({"label": source.partition("/")[0]} | changes))


def patients(images: int = 8, each: int = 2) -> list[ManifestEntry]:
    """Images of both classes, some of each patient."""
    return [
        inspected(f"{label}/{number}.png", patient=f"{label}{number // each}")
        for label in LABELS
        for number in range(images)
    ]


def planned(entries: Sequence[ManifestEntry], *pairs: Pair, modality: str = ANY_MODALITY, **values: Any) -> Plan:
    """The plan for images of which the given pairs, by sources, are near-duplicates."""
    rows = {entry.source: row for row, entry in enumerate(entries)}
    found = [NearDuplicate(rows[one], rows[two], value, *(change or [""])) for one, two, value, *change in pairs]
    inspection = Inspection(list(entries), Locations([None] * len(entries)), np.zeros((len(entries), 1), np.uint8))
    with patch.object(planning, "find_near_duplicates", lambda fingerprints, workers: found):
        return plan(spec(modality), inspection, data_settings(**values))


def by_source(made: Plan) -> dict[str, ManifestEntry]:
    return {entry.source: entry for entry in made.entries}


def dropped(made: Plan) -> dict[str, str]:
    return {entry.source: entry.dropped for entry in made.entries if entry.dropped}


def left_in(made: Plan, check: str, modality: str = ANY_MODALITY, **values: Any) -> list[str]:
    """What the data gate will find."""
    evidence = evidence_of(made, spec(modality), data_settings(**values))
    return [finding.message for finding in CHECK[check].find(evidence)]


def test_an_entry_keeps_what_was_seen_in_its_order_and_groups_stay_together() -> None:
    entries = patients()

    found = planned(entries).entries

    assert [replace(e, group="", split="", grouped_by="") for e in found] == entries
    assert [e.group for e in found] == [e.patient for e in entries]
    assert {e.grouped_by for e in found} == {PATIENT}
    assert {e.split for e in found} == set(contract.SPLITS)
    assert len({(e.group, e.split) for e in found}) == len({e.group for e in found}) == 8


def test_the_splits_are_those_of_the_shares_and_the_seed() -> None:
    shares = SplitSettings(train=0.5, eval=0.25, test=0.25)

    results = [{e.group: e.split for e in planned(patients(), split=shares, seed=seed).entries} for seed in range(4)]

    for splits in results:
        counts = {split: list(splits.values()).count(split) for split in contract.SPLITS}
        assert counts == {"train": 4, "eval": 2, "test": 2}
    assert any(splits != results[0] for splits in results)
    assert {e.group: e.split for e in planned(patients(), split=shares).entries} == results[0]


def test_images_without_a_class_or_of_an_unknown_one_are_told_apart() -> None:
    entries = [*patients(), inspected("x.png", label=""), inspected("c/y.png")]

    found = by_source(planned(entries))

    assert found["x.png"].unlabelled == f"nothing says its class; the expected layout is {LAYOUT}"
    assert found["c/y.png"].unlabelled == "the class 'c' is none of a, b"
    assert (found["x.png"].split, found["c/y.png"].split) == ("", "")
    assert all(found[e.source].unlabelled == "" and found[e.source].split for e in patients())


def test_known_classes_are_those_after_renaming() -> None:
    entries = [*patients(), inspected("c/y.png"), inspected("b/z.png")]
    renamed = [replace(e, label="c") if e.label == "b" else e for e in entries[:-1]]

    found = by_source(planned([*renamed, entries[-1]], label_map={"b": "c"}, labels=("a", "c"), positive_label="c"))

    assert {e.source: e.unlabelled for e in found.values() if e.unlabelled} == {
        "b/z.png": "the class 'b' is none of a, c"
    }


@pytest.mark.parametrize("changes", [{"fault": "torn"}, {"label": ""}])
def test_what_cannot_be_used_is_in_no_split_and_stays_for_the_gate(changes: dict[str, str]) -> None:
    entries = [*patients(), inspected("a/x.png", split="train", **changes)]

    found = planned(entries)

    assert (by_source(found)["a/x.png"].split, by_source(found)["a/x.png"].dropped) == ("", "")
    assert [len(left_in(found, name)) for name in ("unreadable", "unlabelled")] == (
        [1, 0] if "fault" in changes else [0, 1]
    )


# Check, what is added, near-duplicates, sources that go.
DROPS = {
    "unreadable": ("unreadable", [inspected("a/x.png", fault="torn")], [], {"a/x.png"}),
    "class missing": ("unlabelled", [inspected("x.png", label="")], [], {"x.png"}),
    "class unknown": ("unlabelled", [inspected("c/x.png")], [], {"c/x.png"}),
    "mask by name": ("annotations", [inspected("a/x_mask.png", patient="a0")], [], {"a/x_mask.png"}),
    "mask by pixels": ("annotations", [inspected("a/x.png", two_valued=1.0)], [], {"a/x.png"}),
    "negative": ("inverted", [inspected("a/x.png", border=0.9)], [], {"a/x.png"}),
    "blank": ("bit_depth", [inspected("a/x.png", levels=1)], [], {"a/x.png"}),
    "wrapped": ("bit_depth", [inspected("a/x.png", wrapped=0.1)], [], {"a/x.png"}),
    "dark": ("bit_depth", [inspected("a/x.png", bit_depth=16, highest=0.06)], [], {"a/x.png"}),
    "text": ("burned_in", [inspected("a/x.png", markings=0.1)], [], {"a/x.png"}),
    "conflict of pixels": (
        "label_conflicts",
        [inspected("b/x.png", patient="a0", pixel_sha256="pixels of a/0.png")],
        [],
        {"b/x.png", "a/0.png"},
    ),
    "conflict of frames": (
        "label_conflicts",
        [inspected("a/x.png"), inspected("b/x.png")],
        [("a/x.png", "b/x.png", UNCERTAIN)],
        {"a/x.png", "b/x.png"},
    ),
    "conflict of a patient": (
        "label_conflicts",
        [inspected("b/x.png", patient="a0")],
        [("a/0.png", "b/x.png", CERTAIN)],
        {"a/0.png", "b/x.png"},
    ),
    "mirrored": (
        "augmented_copies",
        [inspected("a/x.png", patient="a0")],
        [("a/0.png", "a/x.png", CERTAIN, "mirrored")],
        {"a/x.png"},
    ),
    "rotated": (
        "augmented_copies",
        [inspected("a/x.png", patient="a0")],
        [("a/0.png", "a/x.png", CERTAIN, "rotated by 180 degrees")],
        {"a/x.png"},
    ),
    "larger": (
        "augmented_copies",
        [inspected("a/x.png", patient="a0", height=90, width=120)],
        [("a/0.png", "a/x.png", CERTAIN)],
        {"a/0.png"},
    ),
    "shared": (
        "shared_pictures",
        [inspected("a/x.png", patient="somebody else")],
        [("a/0.png", "a/x.png", CERTAIN)],
        {"a/0.png", "a/x.png"},
    ),
}


@pytest.mark.parametrize(("check", "more", "pairs", "gone"), DROPS.values(), ids=DROPS)
def test_faulty_images_are_dropped_on_request_and_kept_for_the_gate_otherwise(
    check: str, more: list[ManifestEntry], pairs: list[Pair], gone: set[str]
) -> None:
    entries = [*patients(), *more]

    asked = planned(entries, *pairs, modality=MAMMOGRAPHY, checks={check: "drop"})
    kept = planned(entries, *pairs, modality=MAMMOGRAPHY)

    assert dropped(asked) == dict.fromkeys(gone, TITLE[check])
    assert all(bool(e.split) is (e.source not in gone) for e in asked.entries)
    assert [e.source for e in asked.entries] == [e.source for e in entries]
    assert dropped(kept) == {}
    assert left_in(asked, check, MAMMOGRAPHY) == []
    assert len(left_in(kept, check, MAMMOGRAPHY)) == 1


def test_each_policy_that_drops_is_tested_here() -> None:
    droppable = {
        name
        for name, schema in DataSettings.model_json_schema()["$defs"]["CheckSettings"]["properties"].items()
        if "drop" in schema.get("enum", ())
    }

    assert droppable == {check for check, *_ in DROPS.values()} | {"leakage"}


@pytest.mark.parametrize(
    ("splits", "gone"),
    [
        (("train", "eval"), {"train"}),
        (("train", "test"), {"train"}),
        (("eval", "test"), {"eval"}),
        (("train", "eval", "test"), {"train", "eval"}),
    ],
)
def test_leaking_images_are_dropped_from_train_then_from_eval_and_never_from_test(
    splits: tuple[str, ...], gone: set[str]
) -> None:
    entries = [
        *(inspected(f"{label}/{split}.png", patient=label + split, split=split)
          for label in LABELS for split in contract.SPLITS),
        *(inspected(f"a/leak {split}{n}.png", patient="leak", split=split) for split in splits for n in range(2)),
    ]  # fmt: skip

    found = planned(entries, checks={"leakage": "drop"})

    assert dropped(found) == {f"a/leak {split}{n}.png": TITLE["leakage"] for split in gone for n in range(2)}
    assert {e.source: e.split for e in found.entries} == {
        e.source: "" if e.source in dropped(found) else e.split for e in entries
    }
    assert left_in(found, "leakage") == []


def test_a_picture_dropped_for_one_fault_is_no_fault_of_the_next() -> None:
    entries = [*patients(), inspected("b/x_mask.png", patient="b0", pixel_sha256="pixels of a/0.png")]

    found = planned(entries, checks={"annotations": "drop", "label_conflicts": "drop"})

    assert dropped(found) == {"b/x_mask.png": TITLE["annotations"]}


def test_an_image_is_dropped_for_the_first_of_its_faults() -> None:
    entries = [*patients(), inspected("x.png", label="", fault="torn")]

    found = planned(entries, checks={"unreadable": "drop", "unlabelled": "drop"})

    assert dropped(found) == {"x.png": TITLE["unreadable"]}


def test_the_largest_of_many_copies_stays() -> None:
    copies = [
        inspected("a/copy 1.png", patient="a0"),
        inspected("a/copy 2.png", patient="a0", height=120, width=160),
        inspected("a/copy 3.png", patient="a0"),
    ]
    pairs = [(f"a/copy {n}.png", f"a/copy {n + 1}.png", CERTAIN, "mirrored") for n in (1, 2)]

    found = planned([*patients(), *copies], *pairs, checks={"augmented_copies": "drop"})

    assert set(dropped(found)) == {"a/copy 1.png", "a/copy 3.png"}


def owned(*rows: tuple[str, str, str]) -> list[ManifestEntry]:
    """Images from source, patient and split."""
    return [inspected(source, patient=patient, split=split) for source, patient, split in rows]


def test_the_owners_splits_are_respected() -> None:
    entries = [replace(e, split=contract.SPLITS[int(e.patient[1:]) % 3]) for e in patients(16)]

    for seed in range(3):
        assert [e.split for e in planned(entries, seed=seed).entries] == [e.split for e in entries]


def test_splits_for_some_images_only_are_refused() -> None:
    entries = owned(("a/1.png", "1", "train"), ("a/2.png", "2", ""), ("b/3.png", "3", "test"), ("b/4.png", "4", ""))

    with pytest.raises(DataRejectedError) as caught:
        planned(entries)

    assert caught.value.what == "2 images have no split, and the others do."
    assert caught.value.reasons == ("a/2.png", "b/4.png")
    assert caught.value.exit_code == EXIT_DATA_REJECTED


def test_images_that_cannot_be_used_need_no_split() -> None:
    entries = owned(("a/1.png", "1", "train"), ("b/2.png", "2", "eval"), ("b/3.png", "3", "test"))
    unusable = [inspected("a/4.png", fault="torn"), inspected("c/5.png"), inspected("a/6_mask.png")]

    found = by_source(planned([*entries, *unusable], checks={"annotations": "drop"}))

    assert {source: entry.split for source, entry in found.items()} == {
        **{e.source: e.split for e in entries},
        **dict.fromkeys(("a/4.png", "c/5.png", "a/6_mask.png"), ""),
    }


def test_images_that_cannot_be_used_get_no_split_by_their_patient_either() -> None:
    entries = [replace(e, split="train") for e in patients()] + [inspected("b/test.png", patient="t", split="test")]
    torn = [inspected(f"a/{e.patient}.png", patient=e.patient, fault="torn") for e in entries[::2]]

    found = by_source(planned([*entries, *torn]))

    assert {found[e.source].split for e in torn} == {""}
    assert {found[e.source].split for e in entries} == set(contract.SPLITS)


def test_splits_of_unusable_images_alone_are_nobodys_splits() -> None:
    entries = [*patients(), inspected("a/x.png", fault="torn", split="test")]

    assert {e.split for e in planned(entries).entries if e.usable} == set(contract.SPLITS)


def test_without_an_eval_of_the_owner_a_part_of_train_becomes_it() -> None:
    train = [replace(e, split="train") for e in patients(40)]
    test = [
        inspected(f"{label}/test{n}.png", patient=f"{label}t{n // 2}", split="test")
        for label in LABELS
        for n in range(6)
    ]
    wanted = SplitSettings(train=0.6, eval=0.2, test=0.2)

    found = planned([*train, *test], split=wanted).entries

    assert [e.split for e in found[len(train) :]] == ["test"] * len(test)
    for label in LABELS:
        splits = [e.split for e in found[: len(train)] if e.label == label]
        assert {split: splits.count(split) for split in set(splits)} == {"train": 30, "eval": 10}
    assert len({(e.group, e.split) for e in found}) == len({e.group for e in found})


PLACES = st.tuples(st.sampled_from(LABELS), st.integers(0, 8), st.sampled_from([contract.TRAIN, contract.TEST]))


@given(st.lists(PLACES, min_size=1, max_size=40), st.integers(0, 50))
def test_eval_is_made_of_whole_groups_of_train_and_nothing_of_test_moves(
    places: list[tuple[str, int, str]], seed: int
) -> None:
    entries = [
        inspected(f"{label}/{n}.png", patient=f"p{patient}", split=split)
        for n, (label, patient, split) in enumerate(places)
    ]
    tested = {e.patient for e in entries if e.split == contract.TEST}
    learnt = {e.patient for e in entries} - tested

    found = planned(entries, seed=seed).entries

    assert [e.split for e in found if e.patient in tested] == [e.split for e in entries if e.patient in tested]
    splits = {patient: {e.split for e in found if e.patient == patient} for patient in learnt}
    assert all(split in ({contract.TRAIN}, {contract.EVAL}) for split in splits.values())
    images = {split: sum(e.split == split and e.patient in learnt for e in found) for split in contract.SPLITS}
    assert images[contract.TRAIN] >= (1 if learnt else 0)


def test_the_owners_train_and_eval_get_no_test() -> None:
    entries = owned(("a/1.png", "1", "train"), ("b/2.png", "2", "train"), ("a/3.png", "3", "eval"))

    found = planned(entries)

    assert [e.split for e in found.entries] == ["train", "train", "eval"]
    assert [line.partition(" images")[0] for line in left_in(found, "classes")] == [
        "split 'eval' has 0",
        "split 'test' has 0",
        "split 'test' has 0",
    ]


def groups(made: Plan) -> dict[str, str]:
    return {entry.source: entry.group for entry in made.entries}


def test_images_of_one_patient_form_a_group() -> None:
    found = planned([inspected("a/1.png", patient="P"), inspected("b/2.png", patient="P"), inspected("b/3.png")])

    assert groups(found) == {"a/1.png": "P", "b/2.png": "P", "b/3.png": "like:b/3.png"}
    assert [e.grouped_by for e in found.entries] == [PATIENT, PATIENT, SIMILARITY]


def test_pages_of_one_file_form_a_group() -> None:
    pages = [inspected(f"a/1.tif#page={n}") for n in (1, 2, 3)]
    named = [inspected(f"a/2.tif#page={n}", patient="P") for n in (1, 2)]
    alone = [inspected("a/1.tif.png"), inspected("b/1.tif")]

    assert groups(planned([*pages, *named, *alone])) == {
        **{e.source: "like:a/1.tif#page=1" for e in pages},
        **{e.source: "P" for e in named},
        **{e.source: f"like:{e.source}" for e in alone},
    }


@pytest.mark.parametrize("patients", [("", ""), ("P", "Q")])
def test_images_equal_to_the_pixel_form_a_group(patients: tuple[str, str]) -> None:
    entries = [
        inspected("a/1.png", pixel_sha256="same", patient=patients[0]),
        inspected("a/2.png"),
        inspected("a/3.png", pixel_sha256="same", patient=patients[1]),
    ]

    name = "P and Q" if all(patients) else "like:a/1.png"
    assert list(groups(planned(entries)).values()) == [name, "like:a/2.png", name]


def test_files_that_cannot_be_read_form_no_group() -> None:
    torn = [inspected(f"a/{n}.png", sha256="", pixel_sha256="", levels=0, fault="torn") for n in (1, 2)]

    assert list(groups(planned(torn, ("a/1.png", "a/2.png", 1.0))).values()) == ["like:a/1.png", "like:a/2.png"]


@pytest.mark.parametrize("similarity", [CERTAIN, UNCERTAIN])
def test_near_duplicates_of_nobody_form_a_group_named_after_its_first_image(similarity: float) -> None:
    entries = [inspected(f"a/{n}.png") for n in range(5)]

    found = planned(entries, ("a/1.png", "a/3.png", similarity), ("a/3.png", "a/4.png", similarity))

    assert list(groups(found).values()) == [f"like:a/{n}.png" for n in (0, 1, 2, 1, 1)]
    assert {e.grouped_by for e in found.entries} == {SIMILARITY}
    assert found.pairs == [
        SimilarPair("a/1.png", "a/3.png", similarity, "", similarity == CERTAIN),
        SimilarPair("a/3.png", "a/4.png", similarity, "", similarity == CERTAIN),
    ]


def test_patients_are_united_by_a_certain_picture_and_not_by_an_uncertain_one() -> None:
    entries = [
        inspected("a/1.png", patient="Q"),
        inspected("a/2.png", patient="P"),
        inspected("a/3.png", patient="Q"),
        inspected("a/4.png", patient="R"),
    ]

    united = planned(entries, ("a/1.png", "a/2.png", CERTAIN), ("a/3.png", "a/4.png", UNCERTAIN))

    assert list(groups(united).values()) == ["P and Q", "P and Q", "P and Q", "R"]
    assert united.pairs == [SimilarPair("a/1.png", "a/2.png", CERTAIN, "", True)]
    assert [e.patient for e in united.entries] == ["Q", "P", "Q", "R"]


def test_an_image_of_nobody_joins_a_patient_by_a_certain_picture_only() -> None:
    entries = [inspected("a/1.png", patient="P"), inspected("a/2.png"), inspected("a/3.png")]

    found = planned(entries, ("a/1.png", "a/2.png", CERTAIN, "mirrored"), ("a/1.png", "a/3.png", UNCERTAIN))

    assert list(groups(found).values()) == ["P", "P", "like:a/3.png"]
    assert [e.grouped_by for e in found.entries] == [PATIENT, SIMILARITY, SIMILARITY]
    assert found.pairs == [SimilarPair("a/1.png", "a/2.png", CERTAIN, "mirrored", True)]


@pytest.mark.parametrize("patient", ["", "P"])
def test_blank_images_that_look_alike_unite_nobody(patient: str) -> None:
    entries = [
        inspected("a/1.png", patient=patient, levels=1, pixel_sha256="0"),
        inspected("a/2.png", patient=patient and "Q", levels=1, pixel_sha256="0"),
        inspected("a/3.png", patient=patient and "R"),
    ]

    found = planned(entries, ("a/1.png", "a/2.png", 1.0), ("a/1.png", "a/3.png", 1.0))

    assert len(set(groups(found).values())) == 3
    assert found.pairs == []


@pytest.mark.parametrize("patient", ["", "P"])
def test_blank_images_equal_to_the_byte_unite_nobody(patient: str) -> None:
    entries = [
        inspected("a/1.png", patient=patient, levels=1, pixel_sha256="0", sha256="one file"),
        inspected("a/2.png", patient=patient and "Q", levels=1, pixel_sha256="0", sha256="one file"),
    ]

    assert len(set(groups(planned(entries)).values())) == 2


def _scene(seed: int) -> NDArray[np.uint8]:
    """Smooth structure without symmetry."""
    coarse = noise(12, 12, seed=seed).astype(np.float64)
    return np.kron(coarse, np.ones((12, 12))).astype(np.uint8)


def _inspection(pictures: Sequence[NDArray[np.uint8]]) -> Inspection:
    entries = [
        inspected(f"{LABELS[number % 2]}/{number}.png", height=picture.shape[0], width=picture.shape[1])
        for number, picture in enumerate(pictures)
    ]
    return Inspection(
        entries, Locations([None] * len(entries)), np.stack([fingerprint(picture) for picture in pictures])
    )


CHANGES = {
    "mirrored": np.fliplr,
    "upside down": np.flipud,
    "rotated by 90 degrees": np.rot90,
    "rotated by 180 degrees": lambda picture: np.rot90(picture, 2),
    "rotated by 270 degrees": lambda picture: np.rot90(picture, 3),
    "twice the size": lambda picture: np.kron(picture, np.ones((2, 2), np.uint8)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_augmented_copies_are_found_by_their_pixels_and_dropped(change: Callable[[Any], Any]) -> None:
    scenes = [_scene(number) for number in range(8)]
    inspection = _inspection([*scenes, change(scenes[2])])
    larger = inspection.entries[-1].height > scenes[2].shape[0]

    found = plan(spec(), inspection, data_settings(checks={"augmented_copies": "drop"}))

    assert [(pair.first, pair.second, pair.same_picture) for pair in found.pairs] == [("a/2.png", "a/8.png", True)]
    assert set(dropped(found)) == {"a/2.png" if larger else "a/8.png"}
    assert groups(found)["a/8.png"] == "like:a/2.png"


def test_different_pictures_are_no_copies() -> None:
    found = plan(spec(), _inspection([_scene(number) for number in range(8)]), data_settings())

    assert found.pairs == []
    assert len(set(groups(found).values())) == 8


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(LABELS)), min_size=1, max_size=20), st.integers(0, 9))
def test_splits_are_made_over_the_groups_of_usable_images(rows: list[tuple[int, str]], seed: int) -> None:
    entries = [
        inspected(f"{label}/{n}.png", patient=f"p{patient}", fault="torn" if n % 4 == 3 else "")
        for n, (patient, label) in enumerate(rows)
    ]
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for e in entries:
        if not e.fault:
            labels[e.patient][e.label] += 1
    expected = assign_splits(labels, {"train": 0.7, "eval": 0.15, "test": 0.15}, seed)

    found = planned(entries, seed=seed).entries

    assert [e.split for e in found] == ["" if e.fault else expected[e.patient] for e in entries]


def test_the_gate_sees_what_was_not_dropped() -> None:
    found = planned([*patients(), inspected("a/x_mask.png")], checks={"annotations": "drop"})

    evidence = evidence_of(found, spec(MAMMOGRAPHY), data_settings())

    assert [e.source for e in evidence.entries] == [e.source for e in patients()]
    assert (evidence.pairs, evidence.modality, evidence.settings.labels) == ([], MAMMOGRAPHY, LABELS)


def test_images_that_where_excludes_by_their_header_are_left_out_before_anything_is_decided() -> None:
    views = [
        inspected(f"{label}/{number}.dcm", patient=f"{label}{number}", attributes={"view": view})
        for label in LABELS
        for number, view in enumerate(["CC", "MLO", "CC", "CC"])
    ]
    unknown = inspected("a/9.dcm", patient="nobody knows")

    found = planned([*views, unknown], where={"view": ["CC"]}).entries

    assert {entry.source: entry.dropped for entry in found if entry.dropped} == {
        **{f"{label}/1.dcm": "left out by data.where" for label in LABELS},
        "a/9.dcm": "left out by data.where",
    }
    assert {entry.split for entry in found if entry.dropped} == {""}
    assert {entry.split for entry in found if not entry.dropped} == set(contract.SPLITS)
