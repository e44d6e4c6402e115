"""What a run's report shows. The page draws it, and the JSON summary is this, as it stands."""

from pydantic import BaseModel, ConfigDict


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
        confusion: images of the test split, rows by true class, columns by predicted class at the operating
            point, both in label order.
        curve: thresholds in ascending order, on the test split; for ROC and precision-recall.
        history: one list of values per epoch, keyed as Keras names them (loss, val_loss, auc, val_auc, ...).
        metrics: on the test split, by name (auc, recall, specificity, precision, f1, accuracy, balanced_accuracy).
        baseline: what the change thresholds compared with; None on a first run.
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
    warnings: list[str]
    architecture: str
    parameters: int
    image_size: list[int]
    history: dict[str, list[float]]
    best_epoch: int
    threshold: float
    target_recall: float
    checks: list[GateCheck]
    baseline: str | None
    blessed: bool
    published_version: str | None
    published_path: str | None
    metrics: dict[str, float]
    confusion: list[list[int]]
    curve: list[CurvePoint]
    lineage: dict[str, str]
    configuration: str
