"""What a folder of images may hold: each fault is named with what to do, and what is merely unusual works."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.image_example_gen import executor
from components.image_example_gen.files import list_folder
from components.image_example_gen.inspection import inspect_image
from pipeline.failures import explain
from schema import contract
from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_DATA_REJECTED, BreastImagingError, ConfigurationError
from tests import images
from tests.ingestion import LABELS, Ingested, ingest

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
    """Runs the ingestion, which must fail, and returns what the command would show."""
    # Beam wraps what a worker raises.
    with pytest.raises((BreastImagingError, RuntimeError)) as caught:
        ingest(data, output, workers=workers, **settings)
    return explain(caught.value)


def _rejected(tmp_path: Path, files: Files, **settings: Any) -> BreastImagingError:
    data = images.write_files(tmp_path / "data", files)
    error = _refused(data, tmp_path / "output", **settings)
    assert error.exit_code == EXIT_DATA_REJECTED
    assert list((tmp_path / "output").rglob("*.tfrecord")) == []
    return error


def _ingested_sources(ingested: Ingested) -> list[str]:
    return sorted(source for split in contract.SPLITS for source in ingested.sources(split))


def test_the_folder_that_the_others_damage_is_sound(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))

    assert _ingested_sources(ingest(data, tmp_path / "output")) == sorted(_sound())


# Folders


def test_missing_folder(tmp_path: Path) -> None:
    error = _refused(tmp_path / "gone", tmp_path / "output")

    assert isinstance(error, ConfigurationError)
    assert error.exit_code == EXIT_BAD_CONFIGURATION
    assert str(error) == (f"The data folder {tmp_path}/gone does not exist.\nWhat to do: name it with --data DIR")


@pytest.mark.parametrize("files", [{}, {".DS_Store": b"x"}], ids=["nothing", "a hidden file"])
def test_empty_folder(tmp_path: Path, files: Files) -> None:
    (tmp_path / "data").mkdir()

    assert str(_rejected(tmp_path, files)) == (
        f"The data folder {tmp_path}/data is empty.\nWhat to do: name another one with --data DIR"
    )


@pytest.mark.parametrize("content", [{}, {"malignant/scan.dcm": b"DICM"}], ids=["no files", "no image files"])
def test_class_without_images(tmp_path: Path, content: Files) -> None:
    benign = {path: file for path, file in _sound().items() if path.startswith("benign/")}
    (tmp_path / "data" / "malignant").mkdir(parents=True)

    assert str(_rejected(tmp_path, benign | content)) == (
        "The data folder lacks images of 1 of 2 classes.\n"
        "  - class 'malignant': no images\n"
        "What to do: check the folder; the expected layout is <class>/*.png or .jpg (deeper folders allowed),"
        " optional groups.csv"
    )


@pytest.mark.parametrize("path", ["a.png", "other/a.png", "Benign/a.png", "images/benign/a.png"])
def test_image_outside_the_class_folders(tmp_path: Path, path: str) -> None:
    assert str(_rejected(tmp_path, _sound() | {path: _picture()})) == (
        "1 images lie outside the class folders (benign, malignant).\n"
        f"  - {path}\n"
        "What to do: move them into a class folder or away, or name all classes with --set data.labels=[...]"
    )


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
        unreadable, _ = inspect_image(str(public_folder), "benign/0.png", 16)
        readable, _ = inspect_image(str(public_folder), "benign/1.png", 16)

    assert unreadable.fault.startswith("the file cannot be read (")
    assert "Permission denied" in unreadable.fault
    assert readable.fault == ""


# Images


TRUNCATED = _picture(height=60, width=60)[:2000]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the file is empty (0 bytes)"),
        (TRUNCATED, "the image is damaged or truncated ("),
        (images.encode(images.noise(60, 60), "JPEG")[:1500], "the image is damaged or truncated ("),
        (b"Not an image but text.", "the content is not an image in a supported format (PNG, JPEG, BMP, PGM, PPM or"),
        (_picture(height=1, width=1), "1x1 pixels, below data.minimum_side=16"),
        (_picture(height=15, width=400), "400x15 pixels, below data.minimum_side=16"),
        (images.tiff(np.ones((20, 20), np.float32), sample_format=images.FLOATING), "floating-point pixels are not"),
    ],
    ids=["no byte", "truncated png", "truncated jpeg", "text", "one pixel", "too flat", "floats"],
)
def test_one_image_that_cannot_be_used(tmp_path: Path, content: bytes, fault: str) -> None:
    error = _rejected(tmp_path, _with_groups(_sound() | {"malignant/odd one.png": content}))

    first, reason, fix = error.lines()
    assert first == "1 of 9 images cannot be used."
    assert reason.startswith(f"  - malignant/odd one.png: {fault}")
    assert fix == "What to do: repair or remove these files"


@pytest.mark.parametrize("workers", [1, 4])
def test_all_images_that_cannot_be_used_are_named_at_once(tmp_path: Path, workers: int) -> None:
    bad = {
        "benign/a.png": b"",
        "benign/b.png": TRUNCATED,
        "malignant/c.jpg": b"text",
        "malignant/d.tif": _picture(1, 9),
    }

    error = _rejected(tmp_path, _with_groups(_sound() | bad), workers=workers)

    assert error.what == "4 of 12 images cannot be used."
    assert [reason.split(": ")[0] for reason in error.reasons] == sorted(bad)
    assert all(path in str(error) for path in bad)


def test_a_long_list_of_bad_images_is_cut_when_shown(tmp_path: Path) -> None:
    bad: Files = {f"benign/bad {number:03d}.png": b"" for number in range(100)}

    error = _rejected(tmp_path, _with_groups(_sound() | bad))

    assert error.what == "100 of 108 images cannot be used."
    assert len(error.reasons) == 100
    assert str(error).count("bad ") == 20
    assert "  ... and 80 more" in str(error)


def test_smallest_side_is_a_setting(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))  # 24x20 pixels

    assert len(_ingested_sources(ingest(data, tmp_path / "20", minimum_side=20))) == 8
    error = _refused(data, tmp_path / "21", minimum_side=21)
    assert error.what == "8 of 8 images cannot be used."
    assert error.reasons[0] == "benign/0.png: 24x20 pixels, below data.minimum_side=21"


def test_link_to_nowhere(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    (data / "benign/0.png").unlink()
    (data / "benign/0.png").symlink_to("gone.png")

    error = _refused(data, tmp_path / "output")

    assert error.what == "1 of 8 images cannot be used."
    assert error.reasons[0].startswith("benign/0.png: the file cannot be read (")


# Patients


@pytest.mark.parametrize("patients", [1, 2])
def test_class_with_too_few_patients(tmp_path: Path, patients: int) -> None:
    files = _sound()
    groups = {
        path: f"patient {number % patients if 'malignant' in path else number}" for number, path in enumerate(files)
    }

    assert str(_rejected(tmp_path, files | {"groups.csv": images.groups_csv(groups)})) == (
        "The data cannot be split into train, eval and test, because images of one group (patient, or set of"
        " near-duplicates) must stay together.\n"
        f"  - class 'malignant': {patients} of at least 3 groups\n"
        "What to do: add images of further patients to these classes"
    )


def test_class_with_too_few_images(tmp_path: Path) -> None:
    files = {path: file for path, file in _sound().items() if path not in {"malignant/0.png", "malignant/1.png"}}

    assert "  - class 'malignant': 2 of at least 3 groups\n" in str(_rejected(tmp_path, _with_groups(files)))


def test_class_of_which_dropping_leaves_too_few(tmp_path: Path) -> None:
    files = _sound()
    files["malignant/0.png"], files["malignant/1.png"] = files["benign/0.png"], files["benign/1.png"]

    error = _rejected(tmp_path, _with_groups(files), label_conflicts="drop")

    assert error.reasons == (
        "class 'benign': 2 of at least 3 groups",
        "class 'malignant': 2 of at least 3 groups",
    )


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
            "What to do: its first line must name the columns path, group, separated by commas",
        ),
        (
            "",
            "groups.csv has the columns [].\n"
            "What to do: its first line must name the columns path, group, separated by commas",
        ),
    ],
    ids=["missing row", "two groups", "empty cells", "other columns", "empty file"],
)
def test_faulty_groups(tmp_path: Path, groups: str, expected: str) -> None:
    assert str(_rejected(tmp_path, _sound() | {"groups.csv": groups})) == expected


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_groups_that_are_not_utf8(tmp_path: Path, encoding: str) -> None:
    text = _groups_text().replace(",0\n", ",Müller\n")

    error = _rejected(tmp_path, _sound() | {"groups.csv": text.encode(encoding)})

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


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize(
    ("change", "how"),
    [
        (_remove, "the file cannot be read ("),
        (_replace, "its content is another one now"),
        (_truncate, "its content is another one now"),
    ],
)
def test_file_that_changes_between_the_two_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], how: str, workers: int
) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    write_manifest = executor.write_manifest

    def write_and_change(*arguments: Any) -> None:
        write_manifest(*arguments)
        change(data / "malignant/2.png")

    monkeypatch.setattr(executor, "write_manifest", write_and_change)

    error = _refused(data, tmp_path / "output", workers=workers)

    assert error.exit_code == EXIT_DATA_REJECTED
    assert error.what == "1 images changed while the data were being read."
    assert len(error.reasons) == 1
    assert error.reasons[0].startswith(f"malignant/2.png: {how}")
    assert error.fix == "run again when nothing writes to the data folder"


def test_file_that_vanishes_before_the_first_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    find_records = executor.find_records

    def find_and_remove(*arguments: Any) -> Any:
        records = find_records(*arguments)
        (data / "malignant/2.png").unlink()
        return records

    monkeypatch.setattr(executor, "find_records", find_and_remove)

    error = _refused(data, tmp_path / "output")

    assert error.what == "1 of 8 images cannot be used."
    assert error.reasons[0].startswith("malignant/2.png: the file cannot be read (")


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

    assert _ingested_sources(ingested) == sorted(names)
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
    assert _ingested_sources(ingested) == sorted(files)


def test_hidden_files_and_files_that_are_no_images_are_left_out(tmp_path: Path) -> None:
    others: Files = {
        ".DS_Store": b"x",
        "benign/._0.png": b"not an image, but what a Mac leaves beside one",
        ".thumbnails/benign/0.png": _picture(),
        "Thumbs.db": b"x",
        "README.txt": "about these images",
        "benign/notes.csv": "a,b",
        "benign/scan.dcm": b"DICM",
        "elsewhere/table.xlsx": b"x",
    }
    data = images.write_files(tmp_path / "data", _with_groups(_sound()) | others)

    ingested = ingest(data, tmp_path / "output")

    assert _ingested_sources(ingested) == sorted(_sound())
    assert list(ingested.manifest()) == sorted(_sound())


def test_upper_case_suffixes_and_nested_folders(tmp_path: Path) -> None:
    files: Files = {
        path.replace("/", "/2024/clinic a/").replace(".png", ".PNG"): file for path, file in _sound().items()
    }
    data = images.write_files(tmp_path / "data", _with_groups(files))

    assert _ingested_sources(ingest(data, tmp_path / "output")) == sorted(files)


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    elsewhere = images.write_files(tmp_path / "elsewhere", _sound())
    data = tmp_path / "data"
    (data / "benign").mkdir(parents=True)
    for number in range(PATIENTS):
        (data / f"benign/{number}.png").symlink_to(elsewhere / f"benign/{number}.png")
    (data / "malignant").symlink_to(elsewhere / "malignant")
    (data / "groups.csv").write_text(str(_with_groups(_sound())["groups.csv"]))

    assert _ingested_sources(ingest(data, tmp_path / "output")) == sorted(_sound())


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

    assert len(_ingested_sources(ingested)) == 6
    for split in contract.SPLITS:
        assert [source.split("/")[0] for source in sorted(ingested.sources(split))] == ["benign", "malignant"]


def test_a_pipe_named_like_an_image_does_not_hang(tmp_path: Path) -> None:
    data = images.write_files(tmp_path / "data", _with_groups(_sound()))
    (data / "malignant/2.png").unlink()
    os.mkfifo(data / "malignant/2.png")

    error = _refused(data, tmp_path / "output")

    assert error.reasons == ("malignant/2.png: this is not a regular file",)


@pytest.mark.parametrize("name", ["Groups.csv", "GROUPS.CSV"])
def test_a_groups_file_of_another_case_is_not_passed_over(tmp_path: Path, name: str) -> None:
    error = _rejected(tmp_path, _sound() | {name: images.groups_csv({})})

    assert error.what == f"{name} is not read, because its name is not groups.csv."
