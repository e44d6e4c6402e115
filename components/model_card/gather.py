"""Gathers what the cards say from the artifacts of a run."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Final

import yaml
from tfx import types
from tfx.utils import io_utils

from components.clinical_evaluator.content import ClinicalEvaluation
from components.clinical_evaluator.executor import read_evaluation
from components.data_gate.report import GateReport, read_report
from components.datasets.registry import get_dataset
from components.manifest import FILE_NAME, PATIENT, Manifest, groups_of, images_per_class, read_manifest, select
from components.model_card.claim import claim_items
from components.model_card.content import (
    CARD_VERSION,
    CheckCard,
    ClaimItem,
    DataCard,
    DataSource,
    ModelCard,
    SplitCard,
)
from components.settings import DataSettings, ModelSettings, OperatingPointSettings, TrainSettings
from schema import contract

_LIBRARIES: Final = (
    "breast-imaging",
    "tfx",
    "tensorflow",
    "keras",
    "tensorflow-model-analysis",
    "scikit-learn",
    "scipy",
)
_FEW_GROUPS: Final = 10
LICENCE: Final = (
    "Not stated. The weights were learnt from the data named above, whose terms of use apply to them, as do those of"
    " ImageNet where a backbone started from its weights."
)


@dataclass(frozen=True)
class Sources:
    """The artifacts that the cards are made of."""

    manifest: types.Artifact
    data_gate: types.Artifact
    model_run: types.Artifact
    clinical_evaluation: types.Artifact


@dataclass(frozen=True)
class _Run:
    """What was read. Attributes: training: as `record_training` wrote it; created: UTC, ISO 8601."""

    configuration: str
    data: DataSettings
    model: ModelSettings
    train: TrainSettings
    operating_point: OperatingPointSettings
    model_name: str
    manifest: Manifest
    manifest_sha256: str
    gate: GateReport
    training: Mapping[str, Any]
    evaluation: ClinicalEvaluation
    created: str


def gather_cards(sources: Sources, configuration: str) -> tuple[ModelCard, DataCard]:
    """Args: configuration: the run's, as YAML."""
    run = _read(sources, configuration)
    return _model_card(run), _data_card(run)


def _read(sources: Sources, configuration: str) -> _Run:
    config: dict[str, Any] = yaml.safe_load(configuration)
    return _Run(
        configuration=configuration,
        data=DataSettings.model_validate(config["data"]),
        model=ModelSettings.model_validate(config["model"]),
        train=TrainSettings.model_validate(config["train"]),
        operating_point=OperatingPointSettings.model_validate(config["operating_point"]),
        model_name=config["serving"]["model_name"],
        manifest=read_manifest(sources.manifest.uri),
        manifest_sha256=_sha256(os.path.join(sources.manifest.uri, FILE_NAME)),
        gate=read_report(sources.data_gate.uri),
        training=json.loads(io_utils.read_bytes_file(os.path.join(sources.model_run.uri, contract.TRAINING_FILE))),
        evaluation=read_evaluation(sources.clinical_evaluation.uri),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _sha256(path: str) -> str:
    return hashlib.sha256(io_utils.read_bytes_file(path)).hexdigest()


def _model_card(run: _Run) -> ModelCard:
    evaluation = run.evaluation
    return ModelCard(
        card_version=CARD_VERSION,
        name=run.model_name,
        created=run.created,
        architecture=run.model.architecture,
        parameters=run.training["parameters"],
        members=run.training["members"],
        image_size=run.training["image_size"],
        labels=list(run.data.labels),
        positive_label=run.data.positive_label,
        threshold=run.training["threshold"],
        threshold_rule=run.operating_point.reason,
        temperature=run.training["temperature"],
        certified=evaluation.verdict.certified,
        intended_use=_intended_use(run),
        not_intended_use=_not_intended_use(),
        limitations=_limitations(run),
        data=_source(run.data),
        evaluation=evaluation,
        claim=_claim(run),
        licence=LICENCE,
        reproduce=_reproduce(),
        configuration=run.configuration,
        manifest_sha256=run.manifest_sha256,
        libraries=_libraries(),
    )


def _data_card(run: _Run) -> DataCard:
    used = select(run.manifest, lambda entry: bool(entry.split))
    return DataCard(
        card_version=CARD_VERSION,
        created=run.created,
        data=_source(run.data),
        labels=list(run.data.labels),
        splits={
            split: SplitCard(
                images=images_per_class(run.manifest, split, run.data.labels),
                groups=len(groups_of(run.manifest, split)),
            )
            for split in contract.SPLITS
        },
        left_out=dict(Counter(entry.dropped for entry in run.manifest if entry.dropped).most_common()),
        grouping=describe_groups(used),
        attributes=_attributes(used),
        sizes={
            "height": (min(entry.height for entry in used), max(entry.height for entry in used)),
            "width": (min(entry.width for entry in used), max(entry.width for entry in used)),
        },
        checks=[
            CheckCard(
                check=result.check,
                title=result.title,
                policy=result.policy,
                findings=len(result.findings),
                left_out=len(result.dropped),
            )
            for result in run.gate.results
        ],
        notes=run.gate.notes,
        manifest_sha256=run.manifest_sha256,
    )


def _source(data: DataSettings) -> DataSource:
    dataset = get_dataset(data.dataset)
    return DataSource(title=dataset.title, modality=dataset.modality, source=dataset.source)


def _intended_use(run: _Run) -> list[str]:
    dataset = get_dataset(run.data.dataset)
    return [
        contract.RESEARCH_ONLY,
        f"Telling {', '.join(run.data.labels)} apart in images like those it was trained on ({dataset.title};"
        f" {dataset.modality}), in studies in which nobody's care depends on the answer.",
    ]


def _not_intended_use() -> list[str]:
    return [
        "Diagnosis, triage, or any decision about a patient.",
        "Images of another modality, device, population or preparation than those it was tested on, without a"
        " validation on some of those (`breast-imaging evaluate`).",
        "Thresholds other than the frozen one, unless they are chosen on data that are not used to judge them.",
    ]


def _limitations(run: _Run) -> list[str]:
    evaluation = run.evaluation
    verdict, cohort = evaluation.verdict, evaluation.cohort
    found = (
        []
        if verdict.certified
        else ["NOT CERTIFIED: the lower bounds of its figures were not asked for, or do not hold."]
    )
    found += [criterion.reason for criterion in verdict.criteria if not criterion.passed]
    found += [
        f"It was tested on {sum(cohort.images.values()):,} images of {cohort.groups:,} groups of one data set, and on"
        " none from elsewhere.",
        f"The groups are {describe_groups(select(run.manifest, lambda entry: bool(entry.split)))}.",
    ]
    found += [
        f"{each.attribute} {each.value}: {each.groups} groups were tested, which says little."
        for each in evaluation.slices
        if each.groups < _FEW_GROUPS
    ]
    return [*found, *verdict.notes, *run.gate.notes]


def _claim(run: _Run) -> list[ClaimItem]:
    evaluation, cohort = run.evaluation, run.evaluation.cohort
    dataset, split, train = get_dataset(run.data.dataset), run.data.split, run.train
    left_out = sum(1 for entry in run.manifest if entry.dropped)
    height, width = run.training["image_size"]
    auc, recall = evaluation.discrimination.auc, evaluation.operating_point.recall
    answers = {
        5: "Retrospective.",
        6: "Model creation and internal validation.",
        7: f"{dataset.title}. {dataset.source}",
        9: f"Decoded, 8 and 16 bits alike, and resized to {height} x {width} pixels of 8 bits, in the graph that also"
        " serves.",
        10: f"Classes {', '.join(run.data.labels)}; filters: {run.data.where or 'none'}.",
        11: f"Classes: {', '.join(run.data.labels)}; positive: {run.data.positive_label}.",
        13: "Images without a class, or that cannot be read, are refused or left out, as the configuration says; the"
        " data card counts them.",
        14: "The label that the data set gives.",
        19: " ".join(criterion.reason for criterion in evaluation.verdict.criteria),
        20: f"By group, stratified by class, at random from seed {run.data.seed}: train {split.train:g}, eval"
        f" {split.eval:g}, test {split.test:g}, unless the owner of the data has split them.",
        21: describe_groups(select(run.manifest, lambda entry: bool(entry.split))).capitalize() + ".",
        22: f"{run.model.architecture}, {run.training['parameters']:,} parameters; from images to probabilities of"
        f" {', '.join(run.data.labels)}.",
        23: ", ".join(f"{name} {version}" for name, version in _libraries().items()),
        24: run.model.weights or "ImageNet weights for a backbone, otherwise at random from the seed.",
        25: f"{train.epochs} epochs at most, {train.optimizer}, learning rate {train.learning_rate:g}, batches of"
        f" {train.batch_size}; the configuration below has all of it.",
        26: f"The epoch with the best {train.monitor} on the eval split.",
        27: f"{run.training['members']} members that differ in their seed; probabilities are averaged.",
        28: "AUC, average precision, sensitivity and specificity at a frozen threshold, predictive values,"
        " calibration.",
        29: f"95 % intervals: {evaluation.replicates:,} bootstrap replicates by group, DeLong, Newcombe and Wilson.",
        33: f"{len(run.manifest):,} images; {left_out:,} left out, by reason in the data card.",
        36: f"AUC {_shown(auc.value, auc.low, auc.high)}; recall"
        f" {_shown(recall.figure.value, recall.figure.low, recall.figure.high)}, {recall.hits} of {recall.images}.",
        38: "Above, under limitations.",
    }
    if cohort.groups and evaluation.slices:
        answers[30] = f"By {', '.join(dict.fromkeys(each.attribute for each in evaluation.slices))}: see the slices."
    return claim_items(answers)


def describe_groups(used: Manifest) -> str:
    """What stands for a patient."""
    by_patient = sum(1 for entry in used if entry.grouped_by == PATIENT)
    if by_patient == len(used):
        return "patients, as the data name them"
    if not by_patient:
        return "sets of near-duplicate images, since the data name no patients; one patient may be in two splits"
    return f"patients for {by_patient:,} of {len(used):,} images, and sets of near-duplicates for the others"


def _attributes(used: Manifest) -> dict[str, dict[str, int]]:
    counts = {
        name: dict(Counter(value for entry in used if (value := entry.attributes.get(name))).most_common())
        for name in contract.ATTRIBUTES
    }
    return {name: values for name, values in counts.items() if values}


def _reproduce() -> list[str]:
    return [
        "Write the configuration below to model.yaml.",
        "breast-imaging run --config model.yaml --data FOLDER",
        "The manifest's SHA-256 says whether the images and their splits are the same.",
    ]


def _libraries() -> dict[str, str]:
    return {library: metadata.version(library) for library in _LIBRARIES}


def _shown(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "not defined"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
