"""The cards: what they say, that a person sees what is open, and that no text breaks their tables."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tfx import types

from components.artifacts import ClinicalEvaluation, DatasetManifest, ModelCards
from components.artifacts import DataGateReport as DataGateArtifact
from components.clinical_evaluator.executor import write_evaluation
from components.data_gate.report import GateReport
from components.data_gate.verdict import CheckResult
from components.manifest import PATIENT, SIMILARITY, ManifestEntry, write_manifest
from components.model_card import component
from components.model_card.claim import claim_items
from components.model_card.content import DataCard, ModelCard
from components.model_card.gather import describe_groups
from components.model_card.markdown import render_data_card, render_model_card
from pipeline.config import Config, load_config
from tests.clinical import example_evaluation, scored_images

ROOT = Path(__file__).resolve().parents[2]


def _entry(number: int, **changes: Any) -> ManifestEntry:
    values: dict[str, Any] = {
        "source": f"{number}.png",
        "label": ("benign", "malignant")[number % 2],
        "group": f"patient {number // 4}",
        "split": ("train", "eval", "test")[number // 4 % 3],
        "height": 100 + number,
        "width": 200,
        "attributes": {"view": ("CC", "MLO")[number % 2]},
        "patient": "somebody",
        "grouped_by": PATIENT,
    }
    return ManifestEntry(**(values | changes))


MANIFEST = [
    *(_entry(number) for number in range(24)),
    _entry(24, split="", dropped="One picture with different labels"),
    _entry(25, split="", dropped="One picture with different labels"),
]
TRAINING = {
    "parameters": 12345,
    "members": 3,
    "image_size": [96, 128],
    "threshold": 0.43217,
    "temperature": 1.25,
    "history": {},
}


def _config() -> Config:
    return load_config("image_folder", ["data.labels=[benign, malignant]", "data.positive_label=malignant"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cards of a made-up run, written by the component."""
    root = tmp_path_factory.mktemp("run")
    kinds: dict[str, Any] = {
        "manifest": DatasetManifest,
        "data_gate": DataGateArtifact,
        "model_run": types.standard_artifacts.ModelRun,
        "clinical_evaluation": ClinicalEvaluation,
        "cards": ModelCards,
    }
    artifacts = {}
    for name, kind in kinds.items():
        (root / name).mkdir()
        artifacts[name] = kind()
        artifacts[name].uri = str(root / name)
    write_manifest(MANIFEST, [], str(root / "manifest"))
    result = CheckResult(
        check="burned_in", title="Text | frames", policy="warn", findings=["1.png: text"], dropped=[], fix="cut it"
    )
    gate = GateReport(results=[result], differences=[], notes=["8 bits only"], train_groups=2, population="")
    (root / "data_gate" / "gate.json").write_text(gate.model_dump_json())
    (root / "model_run" / "training.json").write_text(json.dumps(TRAINING))
    write_evaluation(example_evaluation(), scored_images(), str(root / "clinical_evaluation"))
    cards = artifacts.pop("cards")
    component.Executor().Do(
        {name: [artifact] for name, artifact in artifacts.items()},
        {"cards": [cards]},
        {"configuration": _config().to_yaml()},
    )
    return root / "cards"


@pytest.fixture(scope="module")
def model_card(folder: Path) -> ModelCard:
    return ModelCard.model_validate_json((folder / "model_card.json").read_text())


@pytest.fixture(scope="module")
def data_card(folder: Path) -> DataCard:
    return DataCard.model_validate_json((folder / "data_card.json").read_text())


def test_four_files_are_written(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "data_card.json",
        "data_card.md",
        "model_card.json",
        "model_card.md",
    ]


def test_the_model_card_by_value(model_card: ModelCard) -> None:
    assert (model_card.architecture, model_card.parameters, model_card.members) == ("cnn", 12345, 3)
    assert (model_card.threshold, model_card.temperature, model_card.image_size) == (0.43217, 1.25, [96, 128])
    assert (model_card.labels, model_card.positive_label) == (["benign", "malignant"], "malignant")
    assert model_card.evaluation == example_evaluation()
    assert model_card.certified is False
    assert model_card.limitations[0].startswith("NOT CERTIFIED")
    assert "8 bits only" in model_card.limitations
    assert model_card.threshold_rule.startswith("It is the highest threshold that gave a recall of at least 0.900")
    assert Config.model_validate(yaml.safe_load(model_card.configuration)) == _config()


def test_the_data_card_by_value(data_card: DataCard, model_card: ModelCard) -> None:
    assert {split: (card.images, card.groups) for split, card in data_card.splits.items()} == {
        split: ({"benign": 4, "malignant": 4}, 2) for split in ("train", "eval", "test")
    }
    assert data_card.left_out == {"One picture with different labels": 2}
    assert data_card.attributes == {"view": {"CC": 12, "MLO": 12}}
    assert data_card.sizes == {"height": (100, 123), "width": (200, 200)}
    assert data_card.grouping == "patients, as the data name them"
    assert [(check.check, check.findings, check.left_out) for check in data_card.checks] == [("burned_in", 1, 0)]
    assert data_card.manifest_sha256 == model_card.manifest_sha256
    assert re.fullmatch(r"[0-9a-f]{64}", data_card.manifest_sha256)


def test_no_patient_is_named(folder: Path) -> None:
    for path in folder.iterdir():
        assert "somebody" not in path.read_text()
        assert "patient 1" not in path.read_text()


def _rows(text: str) -> list[list[str]]:
    """The cells of all rows of all tables."""
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]


def test_the_model_card_for_people(folder: Path) -> None:
    text = (folder / "model_card.md").read_text()
    rows = [[cell.strip() for cell in row] for row in _rows(text)]

    assert text.startswith("# Model card: ")
    assert "**Research use only. Not for diagnosis.** **NOT CERTIFIED.**" in text
    assert "reaches **0.4322**" in text
    found = example_evaluation().operating_point.recall.figure
    assert found.low is not None and found.high is not None
    assert ["Recall (sensitivity)", "0.833", f"{found.low:.3f}", f"{found.high:.3f}", "Wilson"] in rows
    assert next(row for row in rows if row[0] == "view: CC")[:3] == ["view: CC", "60", "60"]
    assert ["16", "Source of the annotations, and qualification of the annotators", "**open**"] in rows


def test_claim_has_42_items_and_says_which_are_open(model_card: ModelCard) -> None:
    filled = {item.number for item in model_card.claim if item.answer}

    assert [item.number for item in model_card.claim] == list(range(1, 43))
    assert {7, 20, 21, 22, 23, 29, 33, 36} <= filled
    assert {1, 16, 18, 32, 34, 40, 42} & filled == set(), "only a person knows these"
    assert [item.answer for item in claim_items({2: "x"})[:3]] == ["", "x", ""]


def test_the_data_card_for_people(folder: Path) -> None:
    text = (folder / "data_card.md").read_text()

    assert "- 2: One picture with different labels" in text
    assert "Heights: 100 to 123 pixels." in text
    assert r"| Text \| frames | warn | 1 | 0 |" in text
    assert "- view: CC (12), MLO (12)" in text


def test_hostile_text_stays_in_its_cell(model_card: ModelCard, data_card: DataCard) -> None:
    hostile = "a | b\n| zz"
    slices = [each.model_copy(update={"value": hostile}) for each in model_card.evaluation.slices]
    evaluation = model_card.evaluation.model_copy(update={"slices": slices})
    text = render_model_card(model_card.model_copy(update={"evaluation": evaluation}))
    columns = [len(row) for row in _rows(text) if row[0].strip().startswith("view: a")]

    assert columns == [6, 6]
    assert "\n| zz" not in text
    checks = [check.model_copy(update={"title": hostile}) for check in data_card.checks]
    assert "\n| zz" not in render_data_card(data_card.model_copy(update={"checks": checks}))


@pytest.mark.parametrize(
    ("grouped_by", "expected"),
    [
        ([PATIENT, PATIENT], "patients, as the data name them"),
        (
            [SIMILARITY, SIMILARITY],
            "sets of near-duplicate images, since the data name no patients; one patient may be in two splits",
        ),
        ([PATIENT, SIMILARITY], "patients for 1 of 2 images, and sets of near-duplicates for the others"),
    ],
)
def test_what_the_groups_are_is_said(grouped_by: list[str], expected: str) -> None:
    assert describe_groups([_entry(number, grouped_by=kind) for number, kind in enumerate(grouped_by)]) == expected


def test_the_documented_schemas_are_those_of_the_cards() -> None:
    for name, kind in (("model_card", ModelCard), ("data_card", DataCard)):
        documented = json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text())
        assert documented == kind.model_json_schema()
