"""The console command on real images: what is wrong with them is found, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.test_command_line import breast_imaging

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# Policies that refuse nothing by themselves: what they find is for people to read.
WARNINGS = {"shared_pictures", "burned_in"}


def _folder(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"../shared/data/{name} is absent")
    return DATA / name


def _audit(name: str, tmp_path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The audit with the shipped configuration, which must accept the data, and its results by check."""
    found = tmp_path / "found.json"
    finished = breast_imaging("data", "audit", "--config", name, "--data", _folder(name), "--json", found)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    audit = json.loads(found.read_text())
    assert audit["accepted"] is True
    return audit, {result["check"]: result for result in audit["results"]}


def _no_false_alarm(results: dict[str, dict[str, Any]]) -> None:
    assert {check: result["findings"] for check, result in results.items() if result["findings"]}.keys() <= WARNINGS


@pytest.mark.real_data
def test_busi_is_read_without_masks_and_without_the_pictures_of_two_classes() -> None:
    finished = breast_imaging("data", "describe", "--config", "busi", "--data", _folder("busi"))
    assert finished.returncode == 0, finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines()]
    counts = {
        row[0]: [int(count) for count in row[1:4]] for row in rows if row[:1] in (["train"], ["eval"], ["test"])
    }
    # 107 normal, 351 benign and 171 malignant images, less those that show a picture of another class.
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [105, 340, 164]
    assert "formats: png, 8 bits, grey: 609" in finished.stdout
    assert "mask" not in finished.stdout
    assert "left out: 20" in finished.stdout
    assert "cannot be used: 0" in finished.stdout
    for source in ("benign/benign (433).png", "malignant/malignant (145).png"):
        assert f"{source}: One picture with different labels" in finished.stdout


@pytest.mark.real_data
def test_busi_passes_the_audit_and_its_known_duplicate_is_found(tmp_path: Path) -> None:
    audit, results = _audit("busi", tmp_path)
    assert audit["images"] == 629
    _no_false_alarm(results)
    left_out = results["label_conflicts"]["dropped"]
    assert len(left_out) == 20
    assert {"benign (433).png", "malignant (145).png"} <= {source.split("/")[-1] for source in left_out}
    assert not any(result["dropped"] for check, result in results.items() if check != "label_conflicts")
    assert any("name no patient" in note for note in audit["notes"])


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mias", "idc"])
def test_sound_data_raise_no_alarm(name: str, tmp_path: Path) -> None:
    audit, results = _audit(name, tmp_path)
    _no_false_alarm(results)
    for split in audit["splits"]:
        assert min(split["images"].values()) > 0
        assert split["groups"] > 1
    assert audit["notes"] == [], "all images name their patient"
    dropped = {check: result["dropped"] for check, result in results.items() if result["dropped"]}
    assert dropped.keys() <= {"unreadable"}
    assert len(dropped.get("unreadable", [])) < 0.01 * audit["images"]
