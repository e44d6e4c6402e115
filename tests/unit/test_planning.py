"""The plan of an ingestion: groups, what is dropped, splits, and what is refused."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from components.datasets.spec import DatasetSpec, ImageRecord, Listing
from components.image_example_gen import planning
from components.image_example_gen.inspection import Inspection, new_fingerprints
from components.image_example_gen.planning import DROPPED_FOR_CONFLICT, check_readable, find_records, plan
from components.settings import DataSettings
from schema import contract
from schema.errors import DataRejectedError

LABELS = ("a", "b")
DROP = DataSettings(dataset="x", labels=LABELS, label_conflicts="drop")
FAIL = DataSettings(dataset="x", labels=LABELS)


def _spec(*records: ImageRecord) -> DatasetSpec:
    return DatasetSpec("x", "X", "any", "nowhere", "<class>/*.png", LABELS, "b", lambda listing, labels: records)


def _inspection(path: str, pixels: str = "") -> Inspection:
    return Inspection(path, f"file {path}", pixels or f"pixels {path}", height=20, width=30, channels=3, bit_depth=16)


def _records(group: bool = True) -> list[ImageRecord]:
    return [
        ImageRecord(f"{label}/{number}.png", label, f"{label}{number // 2}" if group else None)
        for label in LABELS
        for number in range(8)
    ]


def test_records_are_sorted_by_path() -> None:
    found = find_records(_spec(ImageRecord("z", "a"), ImageRecord("y", "b")), Listing((), str), LABELS)

    assert [record.path for record in found] == ["y", "z"]


def test_a_class_without_images_is_named() -> None:
    with pytest.raises(DataRejectedError) as caught:
        find_records(_spec(ImageRecord("z", "a")), Listing((), str), LABELS)

    assert caught.value.reasons == ("class 'b': no images",)
    assert caught.value.what == "The data folder lacks images of 1 of 2 classes."
    assert "<class>/*.png" in caught.value.fix


def test_every_unusable_image_is_named() -> None:
    good = _inspection("good.png")
    check_readable([good])

    with pytest.raises(DataRejectedError) as caught:
        check_readable([Inspection("1.png", fault="torn"), good, Inspection("2.png", fault="empty")])

    assert caught.value.what == "2 of 3 images cannot be used."
    assert caught.value.reasons == ("1.png: torn", "2.png: empty")


def test_an_entry_says_what_was_seen_and_groups_stay_together() -> None:
    records = _records()

    manifest = plan(records, [_inspection(r.path) for r in records], new_fingerprints(16), FAIL, LABELS)

    assert [e.source for e in manifest] == [r.path for r in records]
    first = manifest[0]
    assert (first.label, first.group, first.sha256, first.pixel_sha256) == (
        "a",
        "a0",
        "file a/0.png",
        "pixels a/0.png",
    )
    assert (first.height, first.width, first.channels, first.bit_depth, first.dropped) == (20, 30, 3, 16, "")
    assert {e.split for e in manifest} == set(contract.SPLITS)
    splits_of_group = {e.group: {other.split for other in manifest if other.group == e.group} for e in manifest}
    assert len(splits_of_group) == 8
    assert all(len(splits) == 1 for splits in splits_of_group.values())


def test_conflicting_images_are_dropped_on_request_and_kept_for_the_gate_otherwise() -> None:
    records = _records()
    inspections = [_inspection(r.path, "same" if r.path in {"a/0.png", "b/7.png"} else "") for r in records]

    dropped = plan(records, inspections, new_fingerprints(16), DROP, LABELS)
    kept = plan(records, inspections, new_fingerprints(16), FAIL, LABELS)

    assert {e.source: (e.split, e.dropped) for e in dropped if e.dropped} == {
        "a/0.png": ("", DROPPED_FOR_CONFLICT),
        "b/7.png": ("", DROPPED_FOR_CONFLICT),
    }
    assert all(e.split in contract.SPLITS for e in dropped if not e.dropped)
    assert len(dropped) == len(records)
    assert all(e.split in contract.SPLITS and not e.dropped for e in kept)


def test_a_class_that_loses_its_third_group_by_dropping_is_refused() -> None:
    records = [ImageRecord(f"a/{n}.png", "a", f"a{n}") for n in range(4)]
    records += [ImageRecord(f"b/{n}.png", "b", f"b{n}") for n in range(3)]
    inspections = [_inspection(r.path, "same" if r.path in {"a/0.png", "b/0.png"} else "") for r in records]

    assert len(plan(records, inspections, new_fingerprints(7), FAIL, LABELS)) == 7
    with pytest.raises(DataRejectedError) as caught:
        plan(records, inspections, new_fingerprints(7), DROP, LABELS)
    assert caught.value.reasons == ("class 'b': 2 of at least 3 groups",)


def test_where_no_group_is_known_near_duplicates_form_one_named_after_its_first_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [*_records(group=False), ImageRecord("a/known.png", "a", "patient 9")]
    fingerprints = new_fingerprints(17)
    fingerprints[:, 0] = [1, 1, 2, 3, 3, 3, 4, 5, 11, 12, 13, 14, 15, 16, 16, 17, 1]

    def by_first_number(given: NDArray[np.float32]) -> Sequence[int]:
        numbers = given[:, 0].tolist()
        return [numbers.index(number) for number in numbers]

    monkeypatch.setattr(planning, "near_duplicate_groups", by_first_number)

    manifest = plan(records, [_inspection(r.path) for r in records], fingerprints, FAIL, LABELS)

    groups = {e.source: e.group for e in manifest}
    assert groups["a/0.png"] == groups["a/1.png"] == "like:a/0.png"
    assert groups["a/3.png"] == groups["a/4.png"] == groups["a/5.png"] == "like:a/3.png"
    assert groups["b/5.png"] == groups["b/6.png"] == "like:b/5.png"
    assert groups["a/known.png"] == "patient 9"
    assert len(set(groups.values())) == 13
