"""What a folder of images may hold: each fault is named with what to do, and what is merely unusual works."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.datasets.spec import ImageRecord
from components.image_example_gen import executor
from components.image_example_gen.files import list_folder
from components.image_example_gen.inspection import inspect_file
from components.manifest import ManifestEntry
from pipeline.failures import explain
from schema import contract
from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_DATA_REJECTED, BreastImagingError, ConfigurationError
from tests import images
from tests.ingestion import LABELS, ingest, run_data_gate

Files = dict[str, bytes | str]
PATIENTS = 4


def _picture(seed: int = 0, height: int = 20, width: int = 24) -> bytes:
    return images.encode(images.noise(height, width, seed=seed), "PNG")


def _sound() -> Files:
    """The images of four patients of each class."""
    return {
        f"{label}/{number}.png": _picture(seed=10 * position + number)
        for position, label in enumerate(LABELS)
        for number in range(PATIENTS)
    }


def _with_groups(files: Files) -> Files:
    """Adds a `groups.csv` in which each file is a patient's only one."""
    return files | {"groups.csv": images.groups_csv({path: f"patient of {path}" for path in files})}


def _refused(data: Path, output: Path, workers: int = 1, **settings: Any) -> BreastImagingError:
    """Runs ingestion and data gate, one of which must fail, and returns what the command would show."""
    # Beam wraps what a worker raises.
    with pytest.raises((BreastImagingError, RuntimeError)) as caught:
        run_data_gate(ingest(data, output / "ingested", workers=workers, **settings), output / "gate")
    return explain(caught.value)


def _not_ingested(tmp_path: Path, files: Files, **settings: Any) -> BreastImagingError:
    """What ingestion says of a folder of which nothing can be made."""
    data = images.write_files(tmp_path / "data", files)
    error = _refused(data, tmp_path / "output", **settings)
    assert error.exit_code == EXIT_DATA_REJECTED
    assert list((tmp_path / "output").rglob("*.tfrecord")) == []
    return error


def _gate_refuses(data: Path, output: Path, workers: int = 1, **settings: Any) -> dict[str, list[str]]:
    """What the data gate says, by the check."""
    error = _refused(data, output, workers, **settings)
    assert error.exit_code == EXIT_DATA_REJECTED
    assert not (output / "gate" / "gate.json").exists()
    return _reasons_by_check(error)


def _rejected(tmp_path: Path, files: Files, **settings: Any) -> dict[str, list[str]]:
    return _gate_refuses(images.write_files(tmp_path / "data", files), tmp_path / "output", **settings)


def _reasons_by_check(error: BreastImagingError) -> dict[str, list[str]]:
    """The findings below each heading; each heading says how to accept them."""
    findings: dict[str, list[str]] = {}
    for reason in error.reasons:
        heading = re.fullmatch(r"\S.+ \((\w+), \d+ found\): .+; or accept with --set data\.checks\.(\w+)=.+", reason)
        if heading:
            assert heading[1] == heading[2]
            findings[heading[1]] = []
        else:
            list(findings.values())[-1].append(reason.removeprefix("    "))
    return findings


def test_the_folder_that_the_others_damage_is_sound(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))

    ingested = ingest(data, tmp_path / "output")

    assert ingested.all_sources() == sorted(_sound())
    report = run_data_gate(ingested, tmp_path / "gate")
    assert {result.check: result.findings for result in report.results if result.findings} == {}


# Folders


def test_missing_folder(tmp_path: Path) -> None:
    error = _refused(tmp_path / "gone", tmp_path / "output")

    assert isinstance(error, ConfigurationError)
    assert error.exit_code == EXIT_BAD_CONFIGURATION
    assert str(error) == (f"The data folder {tmp_path}/gone does not exist.\nWhat to do: name it with --data DIR")


@pytest.mark.parametrize("files", [{}, {".DS_Store": b"x"}], ids=["nothing", "a hidden file"])
def test_empty_folder(tmp_path: Path, files: Files) -> None:
    (tmp_path / "data").mkdir()

    assert str(_not_ingested(tmp_path, files)) == (
        f"The data folder {tmp_path}/data is empty.\nWhat to do: name another one with --data DIR"
    )


@pytest.mark.parametrize("content", [{}, {"malignant/scan.nii": b"x"}], ids=["no files", "no image files"])
def test_class_without_images(tmp_path: Path, content: Files) -> None:
    benign = {path: file for path, file in _sound().items() if path.startswith("benign/")}
    (tmp_path / "data" / "malignant").mkdir(parents=True)

    assert _rejected(tmp_path, _with_groups(benign) | content) == {"classes": _lacking("malignant", 0)}


def _lacking(label: str, groups: int, splits: Sequence[str] = contract.SPLITS) -> list[str]:
    return [
        f"split {split!r} has 0 images of class {label!r}, and at least 1 are needed (the class has {groups} groups"
        " in all, which are never divided)"
        for split in splits
    ]


def test_no_class_has_images(tmp_path: Path) -> None:
    files: Files = {"README.txt": "about these images", "benign/scan.nii": b"x"}

    assert str(_not_ingested(tmp_path, files)) == (
        "The data folder holds no image of the classes benign, malignant.\n"
        "What to do: check the folder; the expected layout is <class>/ with images (deeper folders allowed),"
        " optional groups.csv"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a.png", "nothing says its class; the expected layout is <class>/ with images (deeper folders allowed), "),
        ("other/a.png", "the class 'other' is none of benign, malignant"),
        ("Benign/a.png", "the class 'Benign' is none of benign, malignant"),
        ("images/benign/a.png", "the class 'images' is none of benign, malignant"),
    ],
)
def test_image_outside_the_class_folders(tmp_path: Path, path: str, reason: str) -> None:
    findings = _rejected(tmp_path, _with_groups(_sound() | {path: _picture(99)}))

    assert list(findings) == ["unlabelled"]
    (finding,) = findings["unlabelled"]
    assert finding.startswith(f"{path}: {reason}")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    Path(os.fsdecode(os.fsencode(data) + b"/benign/M\xfcller.png")).write_bytes(_picture())

    error = _refused(data, tmp_path / "output")

    assert error.exit_code == EXIT_DATA_REJECTED
    assert "not valid UTF-8" in error.what
    assert r"M\xfcller.png" in str(error)
    assert error.fix.startswith("rename")


@contextmanager
def _unprivileged() -> Iterator[None]:
    """The superuser may read anything, so tests of permissions run as another user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A sound folder that every user may read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield images.write_files(folder, _sound())


def test_folder_that_may_not_be_read(public_folder: Path) -> None:
    (public_folder / "benign").chmod(0)

    with _unprivileged(), pytest.raises(ConfigurationError) as caught:
        list_folder(str(public_folder))

    assert str(public_folder / "benign") in caught.value.what
    assert "Permission denied" in caught.value.what
    assert caught.value.fix == "allow this user to read it and all folders in it"


def test_file_that_may_not_be_read(public_folder: Path) -> None:
    (public_folder / "benign/0.png").chmod(0)

    with _unprivileged():
        unreadable = _inspected(public_folder, "benign/0.png")
        readable = _inspected(public_folder, "benign/1.png")

    assert unreadable.fault.startswith("the file cannot be read (")
    assert "Permission denied" in unreadable.fault
    assert readable.fault == ""


def _inspected(root: Path, path: str) -> ManifestEntry:
    (found,) = inspect_file(str(root), ImageRecord(path, "benign"), 16)
    return found.entry


# Images


TRUNCATED = _picture(height=60, width=60)[:2000]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the file is empty (0 bytes)"),
        (TRUNCATED, "the image is damaged or truncated ("),
        (images.encode(images.noise(60, 60), "JPEG")[:1500], "the image is damaged or truncated ("),
        (
            b"Not an image but text.",
            "the content is not an image in a supported format (PNG, JPEG, BMP, PGM, PPM, TIFF or",
        ),
        (_picture(height=1, width=1), "1x1 pixels, below data.minimum_side=16"),
        (_picture(height=15, width=400), "400x15 pixels, below data.minimum_side=16"),
        (images.tiff(np.ones((20, 20), np.float32), sample_format=images.FLOATING), "floating-point pixels are not"),
    ],
    ids=["no byte", "truncated png", "truncated jpeg", "text", "one pixel", "too flat", "floats"],
)
def test_one_image_that_cannot_be_used(tmp_path: Path, content: bytes, fault: str) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound() | {"malignant/odd one.png": content}))

    error = _refused(data, tmp_path / "output")

    first, heading, reason, fix = error.lines()
    assert first == "The data gate refuses these data: 1 finding of 1 kind."
    assert heading == (
        "  - Images that cannot be read (unreadable, 1 found): repair or remove these files; or accept with"
        " --set data.checks.unreadable=drop"
    )
    assert reason.startswith(f"  -     malignant/odd one.png: {fault}")
    assert fix.startswith("What to do: for each kind, correct the data or accept it, as said above")
    assert "`breast-imaging data audit`" in fix


@pytest.mark.parametrize("workers", [1, 4])
def test_all_images_that_cannot_be_used_are_named_at_once(tmp_path: Path, workers: int) -> None:
    bad = {
        "benign/a.png": b"",
        "benign/b.png": TRUNCATED,
        "malignant/c.jpg": b"text",
        "malignant/d.tif": _picture(1, 9),
    }

    findings = _rejected(tmp_path, _with_groups(_sound() | bad), workers=workers)

    assert list(findings) == ["unreadable"]
    assert [reason.split(": ")[0] for reason in findings["unreadable"]] == sorted(bad)


def test_faults_of_all_kinds_are_named_at_once(tmp_path: Path) -> None:
    sound: Files = {
        f"{label}/{number}.png": _picture(100 * len(label) + number) for label in LABELS for number in range(9)
    }
    bad: Files = {
        "benign/a.png": b"",
        "benign/0_mask.png": _picture(90),
        "elsewhere/b.png": _picture(91),
        "malignant/black.png": images.encode(np.zeros((20, 24), np.uint8), "PNG"),
        "malignant/of 0.png": sound["benign/0.png"],
    }

    findings = _rejected(tmp_path, _with_groups(sound | bad))

    assert {check: [reason.split(": ")[0] for reason in reasons] for check, reasons in findings.items()} == {
        "unreadable": ["benign/a.png"],
        "unlabelled": ["elsewhere/b.png"],
        "annotations": ["benign/0_mask.png"],
        "bit_depth": ["malignant/black.png"],
        "label_conflicts": ["benign/0.png (benign), malignant/of 0.png (malignant)"],
    }


def test_a_long_list_of_bad_images_is_cut_when_shown(tmp_path: Path) -> None:
    bad: Files = {f"benign/bad {number:03d}.png": b"" for number in range(100)}
    data = images.write_files(tmp_path / "data", _with_groups(_sound() | bad))

    error = _refused(data, tmp_path / "output")

    assert error.what == "The data gate refuses these data: 100 findings of 1 kind."
    shown = str(error).count("benign/bad ")
    assert 10 < shown < 50
    assert f"    ... and {100 - shown} more" in str(error)
    assert len(list(error.lines())) == shown + 4


def test_smallest_side_is_a_setting(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))  # 24x20 pixels

    assert len(ingest(data, tmp_path / "20", minimum_side=20).all_sources()) == 8
    findings = _gate_refuses(data, tmp_path / "21", minimum_side=21)
    assert findings["unreadable"] == [
        f"{path}: 24x20 pixels, below data.minimum_side=21" for path in sorted(_sound())
    ]
    assert findings["classes"], "nothing is left"


def test_link_to_nowhere(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    (data / "benign/0.png").unlink()
    (data / "benign/0.png").symlink_to("gone.png")

    (reason,) = _gate_refuses(data, tmp_path / "output")["unreadable"]

    assert reason.startswith("benign/0.png: the file cannot be read (")


# Patients


@pytest.mark.parametrize(("patients", "lacking"), [(1, ["eval", "test"]), (2, ["test"])])
def test_class_with_too_few_patients(tmp_path: Path, patients: int, lacking: list[str]) -> None:
    files = _sound()
    groups = {
        path: f"M{number % patients}" if path.startswith("malignant/") else f"B{number}"
        for number, path in enumerate(files)
    }

    findings = _rejected(tmp_path, files | {"groups.csv": images.groups_csv(groups)})

    assert findings == {"classes": _lacking("malignant", patients, lacking)}


def test_class_with_too_few_images(tmp_path: Path) -> None:
    files = {path: file for path, file in _sound().items() if path not in {"malignant/0.png", "malignant/1.png"}}

    assert _rejected(tmp_path, _with_groups(files)) == {"classes": _lacking("malignant", 2, ["test"])}


def test_class_of_which_dropping_leaves_too_few(tmp_path: Path) -> None:
    files = _sound()
    files["malignant/0.png"], files["malignant/1.png"] = files["benign/0.png"], files["benign/1.png"]

    findings = _rejected(tmp_path, _with_groups(files), checks={"label_conflicts": "drop"})

    assert findings == {"classes": [*_lacking("benign", 2, ["test"]), *_lacking("malignant", 2, ["test"])]}


# groups.csv

PATHS = list(_sound())


def _groups_text(*lines: str, header: str = "path,group") -> str:
    return "\n".join([header, *(f"{path},{number}" for number, path in enumerate(PATHS)), *lines]) + "\n"


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (
            _groups_text().replace("benign/2.png,2\n", ""),
            "groups.csv names no group for 1 images.\n"
            "  - benign/2.png\n"
            "What to do: add a line for each to groups.csv, or remove the file",
        ),
        (
            _groups_text("benign/2.png,another"),
            "groups.csv has 1 faulty lines.\n"
            "  - line 10: benign/2.png is in two groups, 2 and another\n"
            "What to do: correct groups.csv",
        ),
        (
            _groups_text("benign/2.png,", ",7"),
            "groups.csv has 2 faulty lines.\n"
            "  - line 10: path or group is empty\n"
            "  - line 11: path or group is empty\n"
            "What to do: correct groups.csv",
        ),
        (
            _groups_text(header="file,patient"),
            "groups.csv has the columns ['file', 'patient'].\n"
            "What to do: its first line must name the columns path, group, each once, separated by commas",
        ),
        (
            "",
            "groups.csv has the columns [].\n"
            "What to do: its first line must name the columns path, group, each once, separated by commas",
        ),
    ],
    ids=["missing row", "two groups", "empty cells", "other columns", "empty file"],
)
def test_faulty_groups(tmp_path: Path, groups: str, expected: str) -> None:
    assert str(_not_ingested(tmp_path, _sound() | {"groups.csv": groups})) == expected


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_groups_that_are_not_utf8(tmp_path: Path, encoding: str) -> None:
    text = _groups_text().replace(",0\n", ",Müller\n")

    error = _not_ingested(tmp_path, _sound() | {"groups.csv": text.encode(encoding)})

    assert error.what.startswith("groups.csv is not UTF-8 text (")
    assert error.fix == "save it as UTF-8"


def test_groups_with_a_repeated_row_and_a_byte_order_mark_work(tmp_path: Path) -> None:
    text = "\ufeff" + _groups_text("benign/2.png,2", "gone.png,5")
    data = images.write_files(tmp_path / "data", _sound() | {"groups.csv": text})

    entries = ingest(data, tmp_path / "output").manifest()

    assert [entry.group for entry in entries.values()] == [str(number) for number in range(8)]


# Files that do not stay as they are


def _remove(path: Path) -> None:
    path.unlink()


def _replace(path: Path) -> None:
    path.write_bytes(_picture(seed=77))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize("change", [_remove, _replace, _truncate])
def test_files_are_read_once_so_later_changes_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    expected = ingest(data, tmp_path / "unchanged").files()
    write_manifest = executor.write_manifest

    def write_and_change(*arguments: Any) -> None:
        write_manifest(*arguments)
        for path in _sound():
            change(data / path)

    monkeypatch.setattr(executor, "write_manifest", write_and_change)

    assert ingest(data, tmp_path / "changed", workers=2).files() == expected


def test_file_that_vanishes_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    select_records = executor.select_records

    def select_and_remove(*arguments: Any) -> Any:
        records = select_records(*arguments)
        (data / "malignant/2.png").unlink()
        return records

    monkeypatch.setattr(executor, "select_records", select_and_remove)

    (reason,) = _gate_refuses(data, tmp_path / "output")["unreadable"]

    assert reason.startswith("malignant/2.png: the file cannot be read (")


# What is unusual, and works


def test_names_of_all_kinds(tmp_path: Path) -> None:
    names = [
        "benign/with spaces (1).png",
        "benign/Müller, rechts, 2. Ebene.png",
        "benign/乳房 超声.png",
        "benign/\"quoted\", with comma; and 'more'.png",
        "benign/[1]*?{x}~$HOME%20#&|\\.png",
        "malignant/" + "x" * 251 + ".png",
        "malignant/" + "ü" * 125 + ".png",
        "malignant/a/b/c/d/e/f.png",
        "malignant/ leading space.png",
        "malignant/-dash.png",
        "malignant/line\nbreak.png",
    ]
    files: Files = {name: _picture(seed) for seed, name in enumerate(names)}
    data = images.write_files(tmp_path / "data (ä) [1]", _with_groups(files))

    ingested = ingest(data, tmp_path / "output", workers=2)

    assert ingested.all_sources() == sorted(names)
    assert {source: entry.group for source, entry in ingested.manifest().items()} == {
        name: f"patient of {name}" for name in names
    }


def test_formats_of_all_kinds(tmp_path: Path) -> None:
    grey, deep, rgba = images.noise(20, 24), images.noise(20, 24, values=2**16), images.noise(20, 24, 4)
    palette = Image.fromarray(images.noise(20, 24, 3)).quantize(16)
    kinds = {
        "cmyk.jpg": (images.encode(Image.fromarray(rgba, "CMYK"), "JPEG"), 3, 8),
        "progressive.JPEG": (images.encode(grey, "JPEG", progressive=True), 1, 8),
        "deep.png": (images.encode(deep, "PNG"), 1, 16),
        "palette.png": (images.encode(palette, "PNG", bits=4), 3, 4),
        "alpha.png": (images.encode(rgba, "PNG"), 3, 8),
        "deep.TIF": (images.tiff(deep), 1, 16),
        "deep.pgm": (images.netpbm(deep, 65535), 1, 16),
        "colour.ppm": (images.netpbm(images.noise(20, 24, 3), 255), 3, 8),
        "grey.BMP": (images.encode(grey, "BMP"), 1, 8),
        "jpeg under another name.png": (images.encode(grey, "JPEG"), 1, 8),
    }
    files = _sound() | {f"benign/{name}": file for name, (file, _, _) in kinds.items()}
    data = images.write_files(tmp_path / "data", _with_groups(files))

    ingested = ingest(data, tmp_path / "output")

    entries = ingested.manifest()
    read = {name: entries[f"benign/{name}"] for name in kinds}
    assert {name: (entry.channels, entry.bit_depth) for name, entry in read.items()} == {
        name: (channels, bit_depth) for name, (_, channels, bit_depth) in kinds.items()
    }
    assert ingested.all_sources() == sorted(files)


def test_hidden_files_and_files_that_are_no_images_are_left_out(tmp_path: Path) -> None:
    others: Files = {
        ".DS_Store": b"x",
        "benign/._0.png": b"not an image, but what a Mac leaves beside one",
        ".thumbnails/benign/0.png": _picture(),
        "Thumbs.db": b"x",
        "README.txt": "about these images",
        "benign/notes.csv": "a,b",
        "benign/scan.nii": b"x",
        "elsewhere/table.xlsx": b"x",
    }
    data = images.write_files(tmp_path / "data", _with_groups(_sound()) | others)

    ingested = ingest(data, tmp_path / "output")

    assert ingested.all_sources() == sorted(_sound())
    assert list(ingested.manifest()) == sorted(_sound())


def test_upper_case_suffixes_and_nested_folders(tmp_path: Path) -> None:
    files: Files = {
        path.replace("/", "/2024/clinic a/").replace(".png", ".PNG"): file for path, file in _sound().items()
    }
    data = images.write_files(tmp_path / "data", _with_groups(files))

    assert ingest(data, tmp_path / "output").all_sources() == sorted(files)


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    elsewhere = images.write_files(tmp_path / "elsewhere", _sound())
    data = tmp_path / "data"
    (data / "benign").mkdir(parents=True)
    for number in range(PATIENTS):
        (data / f"benign/{number}.png").symlink_to(elsewhere / f"benign/{number}.png")
    (data / "malignant").symlink_to(elsewhere / "malignant")
    (data / "groups.csv").write_text(str(_with_groups(_sound())["groups.csv"]))

    assert ingest(data, tmp_path / "output").all_sources() == sorted(_sound())


@pytest.mark.timeout(60)
def test_links_that_lead_back_are_not_followed(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _sound())
    (data / "benign/all").symlink_to(data)
    (data / "malignant/itself").symlink_to(".")
    (data / "malignant/others").symlink_to("../benign")

    listed = list(list_folder(str(data)).paths)

    assert listed == sorted([*_sound(), *(f"malignant/others/{number}.png" for number in range(PATIENTS))])


def test_the_smallest_data_set_has_one_image_of_each_class_in_each_split(tmp_path: Path) -> None:
    files = {path: file for path, file in _sound().items() if not path.endswith("3.png")}
    data = images.write_files(tmp_path / "data", _with_groups(files))

    ingested = ingest(data, tmp_path / "output", workers=4)

    assert len(ingested.all_sources()) == 6
    for split in contract.SPLITS:
        assert [source.split("/")[0] for source in sorted(ingested.sources(split))] == ["benign", "malignant"]


def test_a_pipe_named_like_an_image_does_not_hang(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    (data / "malignant/2.png").unlink()
    os.mkfifo(data / "malignant/2.png")

    findings = _gate_refuses(data, tmp_path / "output")

    assert findings == {"unreadable": ["malignant/2.png: this is not a regular file"]}


def test_pages_of_a_file_are_images_of_one_group(tmp_path: Path) -> None:
    pages = [images.noise(20, 24, seed=number) for number in range(3)]
    first, *others = (Image.fromarray(page) for page in pages)
    files = _sound() | {"benign/pages.tif": images.encode(first, "TIFF", save_all=True, append_images=others)}
    data = images.write_files(tmp_path / "data", files)

    entries = ingest(data, tmp_path / "output").manifest()

    read = [entries[f"benign/pages.tif#page={number}"] for number in (1, 2, 3)]
    assert len({entry.pixel_sha256 for entry in read}) == 3
    assert len({entry.sha256 for entry in read}) == 1
    assert {(entry.label, entry.group, entry.split) for entry in read} == {("benign", read[0].group, read[0].split)}
    assert len(entries) == len(_sound()) + 3


@pytest.mark.parametrize("name", ["Groups.csv", "GROUPS.CSV"])
def test_a_groups_file_of_another_case_is_not_passed_over(tmp_path: Path, name: str) -> None:
    error = _not_ingested(tmp_path, _sound() | {name: images.groups_csv({})})

    assert error.what == f"{name} is not read, because its name is not groups.csv."
