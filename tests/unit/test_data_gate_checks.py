"""The data gate's checks: each finds its fault, by value, and nothing in clean data."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data_gate.checks import check_anomalies, check_classes, check_groups, check_label_conflicts
from components.image_example_gen.manifest import ManifestEntry
from schema import contract

LABELS = ("benign", "malignant")


def entry(source: str, label: str, split: str, group: str, pixels: str = "") -> ManifestEntry:
    return ManifestEntry(source, label, group, split, f"file {source}", pixels or f"pixels {source}", 64, 64, 1, 8)


def clean() -> list[ManifestEntry]:
    """Two images of one patient for each class and split."""
    return [
        entry(f"{label}/{split}{number}.png", label, split, f"patient {label} {split}")
        for label in LABELS
        for split in contract.SPLITS
        for number in range(2)
    ]


def dropped(item: ManifestEntry) -> ManifestEntry:
    return replace(item, split="", dropped="because")


def all_findings(manifest: list[ManifestEntry]) -> list[str]:
    return check_label_conflicts(manifest) + check_groups(manifest) + check_classes(manifest, LABELS)


def test_a_clean_manifest_gives_no_finding() -> None:
    assert all_findings(clean()) == []
    assert check_anomalies({split: anomalies_pb2.Anomalies() for split in contract.SPLITS}) == []


def test_the_same_pixels_with_two_labels_are_found() -> None:
    manifest = [*clean(), entry("x.png", "malignant", "train", "patient benign train", "pixels benign/train0.png")]

    assert check_label_conflicts(manifest) == [
        "same picture, different labels: benign/train0.png (benign), x.png (malignant)"
    ]


def test_the_same_pixels_with_one_label_in_one_split_are_no_fault() -> None:
    manifest = [*clean(), entry("x.png", "benign", "train", "patient benign train", "pixels benign/train0.png")]

    assert all_findings(manifest) == []


def test_a_group_in_two_splits_is_found() -> None:
    manifest = [*clean(), entry("x.png", "benign", "test", "patient benign train")]

    assert check_groups(manifest) == ["group 'patient benign train' is in the splits test, train"]


def test_the_same_pixels_in_two_splits_are_found_even_in_different_groups() -> None:
    manifest = [*clean(), entry("x.png", "benign", "eval", "somebody else", "pixels benign/train0.png")]

    assert check_groups(manifest) == ["same pixels in the splits eval, train: benign/train0.png, x.png"]


@pytest.mark.parametrize(("images", "findings"), [(0, ["no image of class 'malignant' in split 'test'"]), (1, [])])
def test_a_class_that_a_split_lacks_is_found_and_one_image_suffices(images: int, findings: list[str]) -> None:
    manifest = [e for e in clean() if (e.label, e.split) != ("malignant", "test")]
    manifest += [entry(f"{n}.png", "malignant", "test", "p") for n in range(images)]

    assert check_classes(manifest, LABELS) == findings


def test_a_split_without_images_lacks_every_class() -> None:
    manifest = [e for e in clean() if e.split != "eval"]

    assert check_classes(manifest, LABELS) == [
        "no image of class 'benign' in split 'eval'",
        "no image of class 'malignant' in split 'eval'",
    ]


def test_dropped_images_are_no_fault_and_fill_no_split() -> None:
    conflicting = dropped(entry("x.png", "malignant", "train", "patient benign train", "pixels benign/test0.png"))
    elsewhere = dropped(entry("y.png", "benign", "test", "patient benign train", "pixels malignant/eval0.png"))
    assert all_findings([*clean(), conflicting, elsewhere]) == []

    without = [e for e in clean() if (e.label, e.split) != ("malignant", "test")]
    assert check_classes([*without, conflicting], LABELS) == ["no image of class 'malignant' in split 'test'"]


@settings(deadline=None)
@given(st.data())
def test_any_single_image_moved_to_another_split_leaks(data: st.DataObject) -> None:
    manifest = clean()
    row = data.draw(st.integers(0, len(manifest) - 1))
    moved = data.draw(st.sampled_from([split for split in contract.SPLITS if split != manifest[row].split]))
    both = ", ".join(sorted((manifest[row].split, moved)))
    manifest[row] = replace(manifest[row], split=moved)

    assert check_groups(manifest) == [f"group {manifest[row].group!r} is in the splits {both}"]


def test_everything_that_tfdv_reports_is_named_by_split_and_feature() -> None:
    train, test = anomalies_pb2.Anomalies(), anomalies_pb2.Anomalies()
    train.anomaly_info["image/mean"].description = "Values above 1."
    train.anomaly_info["label"].short_description = "Column dropped"
    test.dataset_anomaly_info.description = "Too few examples."

    findings = check_anomalies({"train": train, "eval": anomalies_pb2.Anomalies(), "test": test})

    assert sorted(findings) == [
        "split 'test', feature '(data set)': Too few examples.",
        "split 'train', feature 'image/mean': Values above 1.",
        "split 'train', feature 'label': Column dropped",
    ]
