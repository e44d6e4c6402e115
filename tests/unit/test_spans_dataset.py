"""Spans as one data set."""

from pathlib import Path

from components.datasets.registry import get_dataset
from components.datasets.spec import ANY_MODALITY, DatasetSpec, ImageRecord, Listing
from components.image_example_gen.files import list_folder
from components.spans.dataset import in_spans, list_spans, span_of


def test_each_folder_is_read_as_a_data_folder_of_its_own(tmp_path: Path) -> None:
    for span, patient in (("span-1", "p"), ("span-2", "q"), ("span-3", "r")):
        (tmp_path / span / "benign").mkdir(parents=True)
        (tmp_path / span / "benign" / "1.png").write_bytes(b"")
        (tmp_path / span / "groups.csv").write_text(f"path,group\nbenign/1.png,{patient}\n")

    records = in_spans(get_dataset("image_folder"), ["span-2", "span-1"]).find_records(list_folder(str(tmp_path)))

    assert sorted((record.path, record.label, record.group) for record in records) == [
        ("span-1/benign/1.png", "benign", "p"),
        ("span-2/benign/1.png", "benign", "q"),
    ]


def test_only_these_folders_are_listed(tmp_path: Path) -> None:
    for path in ("span-1/a.png", "span-2/b.png", "span-3.partial/c.png"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(path)
    listing = list_spans(str(tmp_path), ["span-2", "span-1"])
    assert listing.paths == ["span-1/a.png", "span-2/b.png"]
    assert listing.read_text("span-2/b.png") == "span-2/b.png"
    assert len(list_spans(str(tmp_path), []).paths) == 3


def test_masks_are_found_below_their_span() -> None:
    spec = DatasetSpec(
        name="x",
        title="X",
        modality=ANY_MODALITY,
        source="",
        layout="",
        labels=(),
        positive_label="",
        find_records=lambda listing: [ImageRecord("a.png", "a")],
        find_masks=lambda listing: {"a.png": [path for path in listing.paths if "mask" in path]},
    )
    find_masks = in_spans(spec, ["s"]).find_masks
    assert find_masks is not None
    found = find_masks(Listing(["s/a.png", "s/a_mask.png", "t/b_mask.png"], str))
    assert found == {"s/a.png": ["s/a_mask.png"]}


def test_without_folders_it_is_the_data_set_itself() -> None:
    spec = get_dataset("busi")
    assert in_spans(spec, ()) is spec


def test_the_span_of_an_image() -> None:
    assert span_of("2026-01/benign/x.png") == "2026-01"
