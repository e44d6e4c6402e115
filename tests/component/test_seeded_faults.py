"""Clean data pass every check; each fault, seeded alone into real files, is found, named, refused and acceptable."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pytest

from components.data_gate.statistics import anomalies_of
from components.image_example_gen.store import NoStore
from components.settings import CheckSettings
from pipeline.cli.audit import Audit, make_audit
from pipeline.config import load_config
from pipeline.examination import Examination, examine
from schema import contract
from schema.errors import EXIT_DATA_REJECTED, DataRejectedError
from tests import images
from tests.component import pictures
from tests.ingestion import LABELS, Ingested, findings_of, ingest, run_data_gate

Files = dict[str, bytes | str]
IMAGES_PER_CLASS: Final = 10
BRIGHT: Final = 0.75
SPLIT_SIZES: Final = {"train": 7, "validation": 2, "test": 2}


def _png(pixels: np.ndarray) -> bytes:
    return images.encode(pixels, "PNG")


def _seed(label: str, number: int) -> int:
    return 1000 * LABELS.index(label) + number


def _folder() -> Files:
    return {
        f"{label}/{number:02d}.png": _png(pictures.texture(_seed(label, number)))
        for label in LABELS
        for number in range(IMAGES_PER_CLASS)
    }


def _films() -> Files:
    return {
        f"{label}/{number:02d}.png": _png(pictures.film(_seed(label, number)))
        for label in LABELS
        for number in range(IMAGES_PER_CLASS)
    }


def _split_folder(means: Mapping[str, float] | None = None) -> Files:
    """`means`: of the brightness, by the folder of the split."""
    files: Files = {}
    for split, size in SPLIT_SIZES.items():
        mean = (means or {}).get(split, pictures.MEAN)
        for label in LABELS:
            for number in range(size):
                seed = _seed(label, 100 * list(SPLIT_SIZES).index(split) + number)
                files[f"{split}/{label}/{number:02d}.png"] = _png(pictures.texture(seed, mean=mean))
    return files


def _with_patients(files: Files, same: Mapping[str, str] | None = None) -> Files:
    """Adds `groups.csv`: each image has a patient of its own, or where `same` names another image, that one's."""
    groups = {path: f"patient of {(same or {}).get(path, path)}" for path in files}
    return files | {"groups.csv": images.groups_csv(groups)}


@dataclass(frozen=True)
class Fault:
    """A data set with one fault.

    Attributes:
        name: of the test.
        check: that must find it.
        files: of the whole data set.
        findings: regular expressions, each of a whole finding.
        left_out: what `drop` leaves out.
        config: a shipped configuration.
        checks: further settings of the checks.
        besides: checks that warn of the same images.
    """

    name: str
    check: str
    files: Files
    findings: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    config: str = "image_folder"
    checks: Mapping[str, Any] = field(default_factory=dict)
    besides: tuple[str, ...] = ()

    @property
    def accepting(self) -> list[str]:
        return [policy for policy in policies_of(self.check) if policy != "fail"]


def policies_of(check: str) -> tuple[str, ...]:
    return get_args(CheckSettings.model_fields[check].annotation)


FOLDER: Final = _folder()
FILMS: Final = _films()
ORIGINAL: Final = pictures.texture(_seed("benign", 3))  # benign/03.png
MISSING = (
    "split '{}' has {} images of class 'malignant', and at least {} are needed .the class has {} groups in all.*"
)
GREY_MASK: Final = np.zeros((pictures.HEIGHT, pictures.WIDTH), np.uint8)
GREY_MASK[30:60, 40:80] = 255


def _frame(film: np.ndarray) -> np.ndarray:
    framed = film.copy()
    framed[5, 4:124] = framed[90, 4:124] = framed[5:91, 4] = framed[5:91, 123] = 255
    return framed


def _wrapped() -> np.ndarray:
    """The lower 8 of 12 bits of a smooth picture."""
    return (pictures.smooth_deep(5, 4095) & 255).astype(np.uint8)


def _unreadable(name: str, content: bytes, reason: str) -> Fault:
    return Fault(
        name=name,
        check="unreadable",
        files=FOLDER | {"benign/03.png": content},
        findings=(rf"benign/03\.png: {reason}",),
        left_out=("benign/03.png",),
    )


def _unlabelled(name: str, path: str, reason: str) -> Fault:
    return Fault(
        name=name,
        check="unlabelled",
        files=FOLDER | {path: _png(pictures.texture(77))},
        findings=(rf"{re.escape(path)}: {reason}",),
        left_out=(path,),
    )


def _added(
    name: str, check: str, path: str, content: bytes, reason: str, base: Files = FOLDER, left_out: str = ""
) -> Fault:
    return Fault(name, check, base | {path: content}, (reason,), (left_out or path,))


def _copy(name: str, path: str, content: bytes, change: str, *, original_is_smaller: bool = False) -> Fault:
    first, second = (path, "benign/03.png") if original_is_smaller else ("benign/03.png", path)
    return Fault(
        name=name,
        check="augmented_copies",
        files=FOLDER | {path: content},
        findings=(rf"{re.escape(first)} and {re.escape(second)} \({change}\)",),
        left_out=(second,),
    )


def _conflict(name: str, path: str, content: bytes) -> Fault:
    return Fault(
        name=name,
        check="label_conflicts",
        files=FOLDER | {path: content},
        findings=(rf"benign/03\.png \(benign\), {re.escape(path)} \(malignant\)",),
        left_out=("benign/03.png", path),
    )


FAULTS: Final = (
    _unreadable("truncated file", _png(ORIGINAL)[:4000], r"the image is damaged or truncated \(.*"),
    _unreadable("text named png", b"Not an image but text.", "the content is not an image in a supported format .*"),
    _unreadable(
        "image below minimum_side",
        _png(pictures.texture(77, 15, 40)),
        r"40x15 pixels, below data\.minimum_side=16",
    ),
    _unlabelled("image outside class folders", "stray.png", "nothing says its class; the expected layout is .*"),
    _unlabelled("unknown class", "cyst/1.png", "the class 'cyst' is none of benign, malignant"),
    _added(
        "mask by name",
        "annotations",
        "benign/03_mask.png",
        _png(pictures.texture(77)),
        r"benign/03_mask\.png: the name is that of a mask or another annotation",
    ),
    _added(
        "mask by pixels under an innocent name",
        "annotations",
        "benign/lesion 3.png",
        _png(GREY_MASK),
        r"benign/lesion 3\.png: 100\.0% of the pixels are black or white, as in a mask",
    ),
    _added(
        "mask with compression artefacts",
        "annotations",
        "benign/lesion 3.jpg",
        pictures.compressed(GREY_MASK, 75),
        r"benign/lesion 3\.jpg: (99|100)\.\d% of the pixels are black or white, as in a mask",
    ),
    _conflict("exact copy under another label", "malignant/copy.png", bytes(FOLDER["benign/03.png"])),
    _conflict(
        "other format of one picture under another label", "malignant/copy.bmp", images.encode(ORIGINAL, "BMP")
    ),
    _conflict("re-compressed copy under another label", "malignant/copy.jpg", pictures.compressed(ORIGINAL, 50)),
    _copy("mirrored copy", "benign/copy.png", _png(ORIGINAL[:, ::-1]), "mirrored"),
    _copy("copy upside down", "benign/copy.png", _png(ORIGINAL[::-1]), "mirrored and rotated 180"),
    _copy("copy rotated by 90 degrees", "benign/copy.png", _png(np.rot90(ORIGINAL)), "rotated 90"),
    _copy(
        "copy rotated by 10 degrees",
        "benign/copy.png",
        _png(pictures.turned(ORIGINAL, 10)),
        r"rotated by (9|10|11) degrees",
    ),
    _copy("smaller copy", "benign/copy.png", _png(pictures.rescaled(ORIGINAL, 0.75)), "rescaled"),
    _copy(
        "larger copy",
        "benign/copy.png",
        _png(pictures.rescaled(ORIGINAL, 1.5)),
        "rescaled",
        original_is_smaller=True,
    ),
    Fault(
        name="patient in two splits",
        check="leakage",
        files=_with_patients(_split_folder(), {"test/benign/01.png": "train/benign/03.png"}),
        findings=(
            r"group 'patient of train/benign/03\.png' is in the splits test, train, for example"
            r" test/benign/01\.png, train/benign/03\.png",
        ),
        left_out=("train/benign/03.png",),
        config="split_folder",
    ),
    Fault(
        name="near-duplicate in two splits",
        check="leakage",
        files=_split_folder() | {"test/benign/copy.jpg": pictures.compressed(ORIGINAL, 50)},
        findings=(
            r"group 'like:test/benign/copy\.jpg' is in the splits test, train, for example"
            r" test/benign/copy\.jpg, train/benign/03\.png",
        ),
        left_out=("train/benign/03.png",),
        config="split_folder",
    ),
    Fault(
        name="one picture in two splits under two patients",
        check="leakage",
        files=_with_patients(_split_folder() | {"validation/benign/copy.jpg": pictures.compressed(ORIGINAL, 50)}),
        findings=(
            r"group 'patient of train/benign/03\.png and patient of validation/benign/copy\.jpg' is in the splits"
            r" eval, train, for example validation/benign/copy\.jpg, train/benign/03\.png",
        ),
        left_out=("train/benign/03.png",),
        config="split_folder",
        besides=("shared_pictures",),
    ),
    Fault(
        name="one picture under two patients",
        check="shared_pictures",
        files=_with_patients(FOLDER | {"benign/copy.jpg": pictures.compressed(ORIGINAL, 50)}),
        findings=(
            r"benign/03\.png \(patient of benign/03\.png\) and benign/copy\.jpg \(patient of benign/copy\.jpg\)",
        ),
        left_out=("benign/03.png", "benign/copy.jpg"),
    ),
    Fault(
        name="class absent",
        check="classes",
        files={path: file for path, file in FOLDER.items() if path.startswith("benign/")},
        findings=tuple(MISSING.format(split, 0, 1, 0) for split in contract.SPLITS),
    ),
    Fault(
        name="class below minimum_images_per_class",
        check="classes",
        files={path: file for path, file in FOLDER.items() if path < "malignant/03.png"},
        findings=tuple(MISSING.format(split, 1, 2, 3) for split in contract.SPLITS),
        checks={"minimum_images_per_class": 2},
    ),
    _added(
        "negative film among films",
        "inverted",
        "benign/negative.png",
        _png(255 - pictures.film(77)),
        r"benign/negative\.png: the rim is bright \(0\.9\d\) and the middle is darker, as in a negative",
        FILMS,
    ),
    _added(
        "12-bit values in a 16-bit PNG",
        "bit_depth",
        "benign/dark.png",
        _png(pictures.deep_texture(77, 4095)),
        r"benign/dark\.png: the brightest pixel is at 0\.0625 of the range of 16 bits",
    ),
    _added(
        "12-bit values cut to 8 bits by wrapping",
        "bit_depth",
        "benign/wrapped.png",
        _png(_wrapped()),
        r"benign/wrapped\.png: \d+\.\d% of the neighbouring pixels jump from white to black, as if upper bits.*",
    ),
    _added(
        "12-bit values cut to their upper 4 bits",
        "bit_depth",
        "benign/dark.png",
        _png((pictures.deep_texture(77, 4095) >> 8).astype(np.uint8)),
        r"benign/dark\.png: the brightest pixel is at 0\.0588 of the range of 8 bits",
    ),
    _added(
        "blank image",
        "bit_depth",
        "benign/blank.png",
        _png(np.full((pictures.HEIGHT, pictures.WIDTH), 114, np.uint8)),
        r"benign/blank\.png: all pixels have the same value",
    ),
    _added(
        "burned-in frame",
        "burned_in",
        "benign/framed.png",
        _png(_frame(pictures.film(77))),
        r"benign/framed\.png: sharp bright marks on the dark margin, such as a frame or text",
        FILMS,
    ),
    Fault(
        name="test much brighter than train",
        check="skew",
        files=_split_folder({"test": BRIGHT}),
        findings=(r"brightness: train and test differ by 1\.000; at most 0\.\d+ is allowed, chance included",),
        config="split_folder",
    ),
)
EVERY_FAULT: Final = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
EVERY_ACCEPTED_FAULT: Final = pytest.mark.parametrize(
    ("fault", "policy"),
    [pytest.param(fault, policy, id=f"{fault.name}-{policy}") for fault in FAULTS for policy in fault.accepting],
)


# Looking


def _examine(root: Path, work: Path, config: str = "image_folder", **checks: Any) -> tuple[Audit, Examination]:
    overrides = [f"data.checks.{name}={value}" for name, value in checks.items()]
    loaded = load_config(config, ["beam.workers=1", *overrides])
    work.mkdir()
    examination = examine(loaded, root, lambda event: None, str(work), NoStore())
    return make_audit(loaded, examination), examination


def _audit(root: Path, work: Path, config: str = "image_folder", **checks: Any) -> Audit:
    return _examine(root, work, config, **checks)[0]


def _found(audit: Audit) -> dict[str, list[str]]:
    return {result.check: result.findings for result in audit.results if result.findings}


def _ingest(fault: Fault, tmp_path: Path, **checks: Any) -> Ingested:
    data = images.write_files(tmp_path / "data", fault.files)
    return ingest(data, tmp_path / "ingested", dataset=fault.config, checks={**fault.checks, **checks})


def _are(findings: list[str], fault: Fault) -> None:
    assert len(findings) == len(fault.findings), findings
    for finding, pattern in zip(findings, fault.findings, strict=True):
        assert re.fullmatch(pattern, finding), finding


# Clean data


@pytest.mark.parametrize(
    ("files", "config"),
    [
        (FOLDER, "image_folder"),
        (_with_patients(FOLDER), "image_folder"),
        (FILMS, "image_folder"),
        (_split_folder(), "split_folder"),
        (_with_patients(_split_folder()), "split_folder"),
    ],
    ids=["folder", "folder with patients", "films", "split folder", "split folder with patients"],
)
def test_clean_data_pass_without_a_finding(tmp_path: Path, files: Files, config: str) -> None:
    root = images.write_files(tmp_path / "data", files)

    audit, examination = _examine(root, tmp_path / "work", config)

    assert _found(audit) == {}
    assert audit.accepted
    assert audit.images == len([path for path in files if path.endswith(".png")])
    assert examination.plan.pairs == []
    assert [result.dropped for result in audit.results] == [[]] * len(audit.results)
    assert sum(sum(split.images.values()) for split in audit.splits) == audit.images

    report = run_data_gate(ingest(root, tmp_path / "ingested", dataset=config), tmp_path / "gate")
    assert findings_of(report) == {}


def test_the_faults_cover_every_check() -> None:
    checks = {name for name in CheckSettings.model_fields if name not in {"skew_limit", "drift_limit"}}

    seeded = {fault.check for fault in FAULTS} | {"drift", "schema_anomalies"}  # which have tests of their own
    assert seeded == checks - {"minimum_images_per_class"}


# One fault at a time


@EVERY_FAULT
def test_the_audit_finds_the_fault_and_nothing_else(tmp_path: Path, fault: Fault) -> None:
    root = images.write_files(tmp_path / "data", fault.files)

    audit = _audit(root, tmp_path / "work", fault.config, **{fault.check: "fail"}, **fault.checks)

    found = _found(audit)
    assert set(found) == {fault.check, *fault.besides}, found
    _are(found[fault.check], fault)
    assert not audit.accepted
    assert [result.check for result in audit.results if result.refuses] == [fault.check]


@EVERY_FAULT
def test_the_gate_refuses_the_fault_and_says_how_to_accept_it(tmp_path: Path, fault: Fault) -> None:
    ingested = _ingest(fault, tmp_path, **{fault.check: "fail"})

    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(ingested, tmp_path / "gate")

    error = caught.value
    assert error.exit_code == EXIT_DATA_REJECTED
    heading, *findings = error.reasons
    accept = " or ".join(f"--set data.checks.{fault.check}={policy}" for policy in fault.accepting)
    assert f" ({fault.check}, {len(fault.findings)} found): " in heading
    assert heading.endswith(f"; or accept with {accept}")
    assert fault.accepting
    _are([finding.removeprefix("    ") for finding in findings], fault)
    assert not (tmp_path / "gate" / "gate.json").exists()


@EVERY_ACCEPTED_FAULT
def test_the_fault_can_be_accepted(tmp_path: Path, fault: Fault, policy: str) -> None:
    ingested = _ingest(fault, tmp_path, **{fault.check: policy})

    report = run_data_gate(ingested, tmp_path / "gate")

    (result,) = (result for result in report.results if result.check == fault.check)
    entries = ingested.manifest()
    assert result.policy == policy
    if policy == "drop":
        assert findings_of(report) == {}
        assert result.dropped == sorted(fault.left_out)
        assert {source: entry.dropped for source, entry in entries.items() if entry.dropped} == dict.fromkeys(
            sorted(fault.left_out), result.title
        )
        assert ingested.all_sources() == sorted(set(entries) - set(fault.left_out))
    else:
        assert set(findings_of(report)) == {fault.check, *fault.besides}
        _are(result.findings, fault)
        assert result.dropped == []
        assert ingested.all_sources() == sorted(entries)


@pytest.mark.parametrize("check", ["shared_pictures", "burned_in"])
def test_what_is_no_more_than_a_warning_passes_by_default(tmp_path: Path, check: str) -> None:
    (fault,) = (fault for fault in FAULTS if fault.check == check)
    root = images.write_files(tmp_path / "data", fault.files)

    audit = _audit(root, tmp_path / "work", fault.config)

    assert list(_found(audit)) == [check]
    assert audit.accepted


def test_what_is_left_out_of_an_owners_splits_leaves_test_whole(tmp_path: Path) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == "near-duplicate in two splits")

    entries = _ingest(fault, tmp_path, leakage="drop").manifest()

    in_test = {source for source, entry in entries.items() if entry.split == "test"}
    assert in_test == {source for source in entries if source.startswith("test/")}
    assert entries["train/benign/03.png"].split == ""


def test_every_kind_of_fault_is_named_however_many_there_are(tmp_path: Path) -> None:
    """Three of each of many kinds, so that the list is long."""
    files = _split_folder({"test": BRIGHT})
    kept = {path: file for path, file in files.items() if "validation/malignant" not in path}
    for number in range(3):
        original = pictures.texture(_seed("benign", number))
        kept |= {
            f"train/benign/bad {number}.png": b"",
            f"train/cyst/{number}.png": _png(pictures.texture(300 + number)),
            f"train/benign/mask {number}.png": _png(pictures.texture(310 + number)),
            f"train/benign/blank {number}.png": _png(np.full((40, 40), 100, np.uint8)),
            f"train/malignant/copy {number}.png": _png(pictures.texture(_seed("benign", 3 + number))),
            f"train/benign/mirrored {number}.png": _png(original[:, ::-1]),
            f"validation/benign/copy {number}.jpg": pictures.compressed(original, 50),
        }
    root = images.write_files(tmp_path / "data", kept)
    expected = {
        "unreadable",
        "unlabelled",
        "annotations",
        "bit_depth",
        "label_conflicts",
        "augmented_copies",
        "leakage",
        "classes",
        "skew",
    }

    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(ingest(root, tmp_path / "ingested", dataset="split_folder"), tmp_path / "gate")

    shown = str(caught.value)
    assert {check for check in expected if f"({check}, " in shown} == expected
    assert {check for check in expected if f"--set data.checks.{check}=" in shown} == expected


# Anomalies against the schema


@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_schema_anomaly_in_the_audit(tmp_path: Path, policy: str) -> None:
    root = images.write_files(tmp_path / "data", FOLDER)
    _, examination = _examine(root, tmp_path / "work", schema_anomalies=policy)
    entries = [
        replace(entry, bit_depth=32) if entry.source == "benign/03.png" else entry
        for entry in examination.plan.entries
    ]
    (split,) = (entry.split for entry in entries if entry.bit_depth == 32)
    faulty = replace(
        examination,
        plan=replace(examination.plan, entries=entries),
        evidence=replace(examination.evidence, entries=entries),
    )

    audit = make_audit(load_config("image_folder"), faulty)

    (finding,) = _found(audit)["schema_anomalies"]
    assert finding.startswith(f"split '{split}', feature 'image/bit_depth': Unexpectedly large value: 32")
    assert audit.accepted == (policy == "warn")


@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_schema_anomaly_at_the_gate(tmp_path: Path, policy: str) -> None:
    root = images.write_files(tmp_path / "data", FOLDER)
    ingested = ingest(root, tmp_path / "ingested", checks={"schema_anomalies": policy})
    anomalies = anomalies_of([replace(entry, bit_depth=32) for entry in ingested.manifest().values()])

    if policy == "warn":
        found = findings_of(run_data_gate(ingested, tmp_path / "gate", anomalies=anomalies))["schema_anomalies"]
    else:
        with pytest.raises(DataRejectedError, match=r"schema_anomalies=warn") as caught:
            run_data_gate(ingested, tmp_path / "gate", anomalies=anomalies)
        found = [reason.removeprefix("    ") for reason in caught.value.reasons[1:]]

    assert len(found) == len(contract.SPLITS)
    for finding, split in zip(found, contract.SPLITS, strict=True):
        assert finding.startswith(f"split '{split}', feature 'image/bit_depth': Unexpectedly large value: 32")


# Drift


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gate's output on data that passed."""
    folder = tmp_path_factory.mktemp("accepted")
    ingested = ingest(images.write_files(folder / "data", FOLDER), folder / "ingested")
    run_data_gate(ingested, folder / "gate")
    return folder / "gate"


def _later(tmp_path: Path, mean: float = pictures.MEAN, scale: int = 1, **settings: Any) -> Ingested:
    height, width = scale * pictures.HEIGHT, scale * pictures.WIDTH
    files: Files = {
        f"{label}/{number:02d}.png": _png(pictures.texture(5000 + _seed(label, number), height, width, mean))
        for label in LABELS
        for number in range(IMAGES_PER_CLASS)
    }
    return ingest(images.write_files(tmp_path / "data", files), tmp_path / "ingested", **settings)


def test_later_data_of_the_same_kind_do_not_drift(tmp_path: Path, accepted: Path) -> None:
    report = run_data_gate(_later(tmp_path), tmp_path / "gate", previous=accepted)

    assert findings_of(report) == {}
    compared = {difference.feature for difference in report.differences if "last" in difference.first}
    assert {"brightness", "contrast", "height", "width", "class", "bit depth", "channels"} == compared
    assert not any("drift" in note for note in report.notes)


@pytest.mark.parametrize(
    ("change", "features"),
    [({"mean": BRIGHT}, ["brightness"]), ({"scale": 2}, ["height", "width"])],
    ids=["brighter", "larger"],
)
def test_data_that_differ_from_the_last_accepted_are_refused(
    tmp_path: Path, accepted: Path, change: dict[str, Any], features: list[str]
) -> None:
    later = _later(tmp_path, **change)

    with pytest.raises(DataRejectedError) as caught:
        run_data_gate(later, tmp_path / "gate", previous=accepted)

    heading, *findings = caught.value.reasons
    assert heading.startswith("Data that differ from the last accepted ones (drift, ")
    assert heading.endswith("; or accept with --set data.checks.drift=warn")
    assert sorted(finding.strip().split(":")[0] for finding in findings) == features
    for finding in findings:
        assert "the last accepted data and train differ by 1.000" in finding
    assert not (tmp_path / "gate" / "train_statistics.pb").exists(), "refused data are no baseline"


def test_drift_can_be_accepted_and_is_the_baseline_from_then_on(tmp_path: Path, accepted: Path) -> None:
    later = _later(tmp_path, BRIGHT, checks={"drift": "warn"})

    report = run_data_gate(later, tmp_path / "gate", previous=accepted)
    again = run_data_gate(later, tmp_path / "again", previous=tmp_path / "gate")

    assert list(findings_of(report)) == ["drift"]
    assert findings_of(again) == {}


def test_limit_of_drift_is_a_setting(tmp_path: Path, accepted: Path) -> None:
    later = _later(tmp_path, BRIGHT, checks={"drift_limit": 0.9})

    assert findings_of(run_data_gate(later, tmp_path / "gate", previous=accepted)) == {}


def test_other_classes_are_not_compared(tmp_path: Path, accepted: Path) -> None:
    files: Files = {path.replace("benign/", "normal/"): file for path, file in FOLDER.items()}
    data = images.write_files(tmp_path / "data", files)
    ingested = ingest(data, tmp_path / "ingested", labels=("normal", "malignant"))

    report = run_data_gate(ingested, tmp_path / "gate", previous=accepted)

    assert findings_of(report) == {}
    assert "no earlier accepted data of this kind, so drift could not be looked for" in report.notes
