"""What a run's report shows. The page draws it, and the JSON summary is this, without the pictures."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from components.clinical_evaluator.content import ClinicalEvaluation, Criterion

PAGE_FILE: Final = "index.html"
SUMMARY_FILE: Final = "summary.json"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DroppedImage(Frozen):
    source: str
    reason: str


class SplitCount(Frozen):
    """Images per class, and groups (patients, or what stands for them), in one split."""

    split: str
    images: dict[str, int]
    groups: int


class DataCheck(Frozen):
    """What one check of the data found; only data that pass get as far as a report.

    Attributes:
        check: its key below `data.checks`.
        title: for people.
        policy: fail, drop or warn.
        made: whether there was something to check; without earlier data there is no drift to look for.
        findings: one line for each fault that is still in the data.
        dropped: number of images that were left out for it.
        fix: how to correct the data.
    """

    check: str
    title: str
    policy: str
    made: bool
    findings: list[str]
    dropped: int
    fix: str


class DataDifference(Frozen):
    """How far two samples (splits, or train and the last accepted data) differ in a feature, and how far they may."""

    feature: str
    first: str
    second: str
    value: float
    limit: float


class ShownImage(Frozen):
    """One image of a pair.

    Attributes:
        left_out: why it is in no split; empty where it is in one.
        picture: a thumbnail as a data URI. Not in the summary, which it would fill; it lies beside the manifest.
    """

    source: str
    label: str
    split: str
    left_out: str
    picture: str = Field(default="", exclude=True, repr=False)


class ShownPair(Frozen):
    """Two images that show the same, or nearly.

    Attributes:
        different_patients: whether the data name a patient for each, and not the same one.
        similarity: 0 (as alike as images of this set usually are) to 1 (the same).
        change: how the second differs in geometry, such as `mirrored`; empty where it does not.
        same_picture: whether they are certainly one picture; otherwise they may be neighbouring frames.
    """

    first: ShownImage
    second: ShownImage
    different_patients: bool
    similarity: float
    change: str
    same_picture: bool


class GateCheck(Frozen):
    """One threshold of the gate.

    Attributes:
        metric: `auc` or `recall`, for people.
        kind: `value` (the metric itself) or `change` (the candidate less the latest blessed model).
        observed: the measured value or difference; None where it could not be computed.
        bound: the least that passes.
        passed: whether it did.
    """

    metric: str
    kind: str
    observed: float | None
    bound: float
    passed: bool


class CurvePoint(Frozen):
    """Counts of the positive class against the rest when the threshold is `threshold`."""

    threshold: float
    true_positives: float
    false_positives: float
    true_negatives: float
    false_negatives: float


class ReportContent(Frozen):
    """Everything shown.

    Attributes:
        run_name: name of the configuration.
        created: UTC, ISO 8601, to the second.
        labels: class names, in the order of the model's outputs.
        data_checks: all of them, those that found nothing too.
        differences: between the splits, and to the last accepted data.
        notes: what a reader of the figures has to know of the data.
        pairs_found: number of near-duplicate pairs.
        pairs: some of them, those most worth a look first.
        confusion: images of the test split, rows by true class, columns by predicted class at the operating
            point, both in label order.
        curve: thresholds in ascending order, on the test split; for ROC and precision-recall.
        history: one list of values per epoch, keyed as Keras names them (loss, val_loss, auc, val_auc, ...).
        clinical: figures with intervals, and what they certify.
        metrics: on the test split, by name (auc, recall, specificity, precision, f1, accuracy, balanced_accuracy).
        threshold_reason: a sentence that says how the threshold was chosen.
        baseline: what the change thresholds compared with; None on a first run.
        blessed: by the gate and by the clinical evaluation.
        published_version: None where nothing was published.
        lineage: versions, code hash, artifact ids and the like, by name.
        configuration: the whole configuration as YAML.
    """

    run_name: str
    created: str
    dataset_title: str
    modality: str
    source: str
    labels: list[str]
    positive_label: str
    splits: list[SplitCount]
    dropped: list[DroppedImage]
    data_checks: list[DataCheck]
    differences: list[DataDifference]
    notes: list[str]
    pairs_found: int
    pairs: list[ShownPair]
    architecture: str
    parameters: int
    image_size: list[int]
    history: dict[str, list[float]]
    best_epoch: int
    threshold: float
    threshold_reason: str
    checks: list[GateCheck]
    baseline: str | None
    blessed: bool
    published_version: str | None
    published_path: str | None
    clinical: ClinicalEvaluation
    metrics: dict[str, float]
    confusion: list[list[int]]
    curve: list[CurvePoint]
    lineage: dict[str, str]
    configuration: str

    @property
    def shortfalls(self) -> list[Criterion]:
        """What was asked for and cannot be certified."""
        verdict = self.clinical.verdict
        return [criterion for criterion in verdict.criteria if verdict.certify and not criterion.passed]
