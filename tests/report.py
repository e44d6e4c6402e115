"""Made-up content of a report, and a reader of its page."""

import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np

from components.clinical_evaluator.comparison import Baseline
from components.clinical_evaluator.content import ClinicalEvaluation
from components.heat_map_evaluator.content import HeatMapEvaluation, LocalisationScore, ShuffledScore
from components.report.content import (
    CurvePoint,
    Data,
    DataCheck,
    DataDifference,
    DroppedImage,
    ExaminedImage,
    Gate,
    GateCheck,
    ImageGroup,
    Publication,
    ReportContent,
    SampleImage,
    ShownImage,
    ShownPair,
    SplitCount,
    Training,
)
from tests.clinical import evaluation_of, example_evaluation, scored_images

PICTURE = "data:image/png;base64,iVBORw0KGgo="
OVERLAY = "data:image/png;base64,T1ZFUkxBWQ=="
VOID_TAGS = {"meta", "link", "br", "hr", "img", "input"}


def make_content(**changes: Any) -> ReportContent:
    """The report of a run that published its model."""
    values: dict[str, Any] = {
        "run_name": "example",
        "created": "2025-11-21T07:01:33+00:00",
        "data": make_data(),
        "training": make_training(),
        "gate": Gate(
            checks=[check("auc", observed=0.91, bound=0.85), check("recall", observed=0.8, bound=0.75)],
            baseline="model 12",
            blessed=True,
        ),
        "publication": Publication(version="4", path="/models/example/4", validated_by="the session loader"),
        "clinical": example_evaluation(),
        "threshold_reason": "It was chosen so.",
        "curve": [point(0.0, 10, 10, 0, 0), point(0.5, 8, 3, 7, 2), point(1.0, 0, 0, 10, 10)],
        "image_groups": [],
        "lineage": {"tfx": "1.21.0"},
        "configuration": "name: example\n",
    }
    return ReportContent(**(values | changes))


def evaluation_content(**changes: Any) -> ReportContent:
    """The report of an evaluation, in which nothing was trained."""
    return make_content(**({"training": None, "gate": None, "publication": None} | changes))


def refused(*checks: GateCheck, **changes: Any) -> ReportContent:
    gate = Gate(checks=list(checks), baseline="model 12", blessed=False)
    return make_content(**({"gate": gate, "publication": None} | changes))


def make_data(**changes: Any) -> Data:
    values: dict[str, Any] = {
        "title": "Example images",
        "modality": "ultrasound",
        "source": "Example et al. 2020, https://example.org/data",
        "splits": [
            SplitCount(split="train", images={"benign": 60, "malignant": 1240}, groups=70),
            SplitCount(split="test", images={"benign": 10, "malignant": 10}, groups=12),
        ],
        "dropped": [],
        "checks": [data_check()],
        "differences": [],
        "notes": [],
        "pairs_found": 0,
        "pairs": [],
        "samples": [],
    }
    return Data(**(values | changes))


def make_training(**changes: Any) -> Training:
    values: dict[str, Any] = {
        "architecture": "DenseNet121",
        "parameters": 7_040_579,
        "image_size": [224, 224],
        "history": {
            "loss": [0.9, 0.5, 0.3],
            "val_loss": [0.8, 0.6, 0.7],
            "auc": [0.6, 0.8, 0.9],
            "val_auc": [0.6, 0.75, 0.7],
        },
        "best_epoch": 2,
    }
    return Training(**(values | changes))


def check(
    metric: str, *, observed: float | None, bound: float, kind: str = "value", passed: bool | None = None
) -> GateCheck:
    reached = observed is not None and observed >= bound
    return GateCheck(
        metric=metric, kind=kind, observed=observed, bound=bound, passed=reached if passed is None else passed
    )


def data_check(**changes: Any) -> DataCheck:
    values: dict[str, Any] = {
        "check": "burned_in",
        "title": "Burned-in frames or text",
        "policy": "warn",
        "made": True,
        "findings": [],
        "dropped": 0,
        "fix": "crop the margins",
    }
    return DataCheck(**(values | changes))


def difference(**changes: Any) -> DataDifference:
    values: dict[str, Any] = {"feature": "width", "first": "train", "second": "test", "value": 0.05, "limit": 0.1}
    return DataDifference(**(values | changes))


def shown_image(**changes: Any) -> ShownImage:
    values: dict[str, Any] = {
        "source": "a.png",
        "label": "benign",
        "split": "train",
        "left_out": "",
        "picture": PICTURE,
    }
    return ShownImage(**(values | changes))


def pair(first: ShownImage, second: ShownImage, **changes: Any) -> ShownPair:
    values: dict[str, Any] = {"different_patients": False, "similarity": 0.957, "change": "", "same_picture": True}
    return ShownPair(first=first, second=second, **(values | changes))


def sample(source: str, label: str) -> SampleImage:
    return SampleImage(source=source, label=label, picture=PICTURE)


def image_group(*images: ExaminedImage, title: str = "Worst errors") -> ImageGroup:
    return ImageGroup(title=title, meaning="Picked so.", images=list(images))


def examined(**changes: Any) -> ExaminedImage:
    values: dict[str, Any] = {
        "source": "a.png",
        "label": "malignant",
        "decided": "benign",
        "probability": 0.125,
        "picture": PICTURE,
    }
    return ExaminedImage(**(values | changes))


def heat_map_evaluation(
    pointing: float | None = 0.175, middle: float = 0.311, shuffled: float | None = -0.046, **changes: Any
) -> HeatMapEvaluation:
    """Args: pointing: of the model, where 0.1 is chance; shuffled: rank correlation with nothing learnt."""
    values: dict[str, Any] = {
        "positive_label": "malignant",
        "classes": {"benign": _localisation(0.113), "malignant": _localisation(0.312)},
        "model": _localisation(pointing),
        "middle": _localisation(middle),
        "shuffled": [
            ShuffledScore(layers=0, rank_correlation=1.0, overlap=1.0, compared=32),
            ShuffledScore(layers=28, rank_correlation=shuffled, overlap=0.038, compared=31),
        ],
    }
    return HeatMapEvaluation(**(values | changes))


def _localisation(pointing: float | None) -> LocalisationScore:
    return LocalisationScore(pointing=pointing, energy=0.164, chance=0.1, scored=103, silent=2)


def point(threshold: float, tp: int, fp: int, tn: int, fn: int) -> CurvePoint:
    return CurvePoint(
        threshold=threshold, true_positives=tp, false_positives=fp, true_negatives=tn, false_negatives=fn
    )


@cache
def three_class_evaluation() -> ClinicalEvaluation:
    """Three classes, the last of them positive, of two sites."""
    random, images = np.random.default_rng(3), 90
    truth = np.arange(images) // 2 % 3
    logits = random.normal(0, 1, (images, 3)) + 1.5 * np.eye(3)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return evaluation_of(
        scored_images(
            images,
            labels=("normal", "benign", "malignant"),
            positive=2,
            truth=truth,
            probabilities=probabilities,
            decided=np.where(probabilities[:, 2] >= 0.4, 2, probabilities[:, :2].argmax(axis=1)),
            threshold=0.4,
            attributes={"site": np.where(np.arange(images) < 60, "north", "south")},
        )
    )


@cache
def compared_evaluation() -> ClinicalEvaluation:
    """Beside an earlier model that ranks worse."""
    return evaluation_of(scored_images(), Baseline("model 12", scored_images(separation=1.0, seed=1)), certify=False)


@cache
def evaluation_of_one_class() -> ClinicalEvaluation:
    """Without a positive image, so that most figures are not defined."""
    truth = np.zeros(20, int)
    return evaluation_of(scored_images(20, truth=truth), certify=True)


def renamed(evaluation: ClinicalEvaluation, old: str, new: str) -> ClinicalEvaluation:
    """The same with another name of a class, or of anything else."""
    texts = evaluation.model_dump_json().replace(old, new.replace("\\", "\\\\").replace('"', '\\"'))
    return ClinicalEvaluation.model_validate_json(texts)


def full_content(**changes: Any) -> ReportContent:
    """With something in every section."""
    data = make_data(
        checks=[data_check(findings=["a.png: text"])],
        differences=[difference()],
        pairs_found=1,
        pairs=[pair(shown_image(), shown_image(source="b.png"))],
        samples=[sample("a.png", "benign")],
        dropped=[DroppedImage(source="c.png", reason="blank")],
    )
    values = {
        "data": data,
        "image_groups": [image_group(examined(overlay=OVERLAY))],
        "heat_maps": heat_map_evaluation(),
    }
    return make_content(**(values | {"clinical": compared_evaluation()} | changes))


class Page(HTMLParser):
    """The elements of a page in order, its texts, and where they nest wrongly."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.misnested: list[str] = []
        self.styles: list[str] = []
        self.scripts: dict[str | None, str] = {}
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.styles.append(data)
        elif self.open and self.open[-1] == "script":
            self.scripts[self.elements[-1][1].get("id")] = data
        elif data.strip():
            self.texts.append(re.sub(r"[ \n]+", " ", data.strip()))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def charts(self) -> list[str | None]:
        """The identifiers of the figures that are drawn."""
        return [div["id"] for div in self.named("div") if div.get("class") == "chart"]

    def after(self, text: str, count: int) -> list[str]:
        """A text and what follows it."""
        start = self.texts.index(text)
        return self.texts[start : start + count]
