"""What a report shows. The page draws it, and the JSON summary is this, without the pictures."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from components.clinical_evaluator.content import ClinicalEvaluation
from components.heat_map_evaluator.content import HeatMapEvaluation

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


class SampleImage(Frozen):
    """An image of the data. Attributes: picture: a thumbnail as a data URI, which is not in the summary."""

    source: str
    label: str
    picture: str = Field(default="", exclude=True, repr=False)


class Data(Frozen):
    """What the model learnt from or was asked about.

    Attributes:
        title: of the data set.
        checks: all of them, those that found nothing too.
        differences: between the splits, and to the last accepted data.
        notes: what a reader of the figures has to know of the data.
        pairs_found: number of near-duplicate pairs.
        pairs: some of them, those most worth a look first.
        samples: some images of each class.
    """

    title: str
    modality: str
    source: str
    splits: list[SplitCount]
    dropped: list[DroppedImage]
    checks: list[DataCheck]
    differences: list[DataDifference]
    notes: list[str]
    pairs_found: int
    pairs: list[ShownPair]
    samples: list[SampleImage]


class Training(Frozen):
    """How the model came to be.

    Attributes:
        parameters: number of weights.
        image_size: height and width in pixels.
        history: one list of values per epoch, keyed as Keras names them (loss, val_loss, auc, val_auc, ...).
    """

    architecture: str
    parameters: int
    image_size: list[int]
    history: dict[str, list[float]]
    best_epoch: int


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


class Gate(Frozen):
    """What had to hold before the model could be published.

    Attributes:
        checks: of the values that TFMA measured on the test split.
        refusals: sentences about what it refused besides: parts of that split, and means over the classes.
        baseline: what the change thresholds compared with; None on a first run.
        blessed: by these checks and by the clinical evaluation.
    """

    checks: list[GateCheck]
    refusals: list[str] = []
    baseline: str | None
    blessed: bool


class Publication(Frozen):
    """Where the model serves from. Attributes: validated_by: what it was loaded and asked with before that."""

    version: str
    path: str
    validated_by: str


class CurvePoint(Frozen):
    """Counts of the positive class against the rest when the threshold is `threshold`."""

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


class ExaminedImage(Frozen):
    """A tested image and the model's answer.

    Attributes:
        label: the true class.
        decided: the class at the operating point.
        probability: of the positive class.
        picture: a thumbnail as a data URI, which is not in the summary.
        overlay: the same with what the answer rests on (a heat map), as a data URI; empty where there is none.
    """

    source: str
    label: str
    decided: str
    probability: float
    picture: str = Field(default="", exclude=True, repr=False)
    overlay: str = Field(default="", exclude=True, repr=False)


class ImageGroup(Frozen):
    """Tested images of one kind. Attributes: meaning: a sentence that says how they were picked."""

    title: str
    meaning: str
    images: list[ExaminedImage]


class ReportContent(Frozen):
    """Everything shown. Parts are None where there was no such step.

    Attributes:
        run_name: name of the configuration.
        created: UTC, ISO 8601, to the second.
        gate: None where an existing model was evaluated.
        publication: None where nothing was published.
        clinical: figures with intervals, and what they certify.
        threshold_reason: a sentence that says how the threshold was chosen.
        curve: counts on the tested images, by ascending threshold.
        image_groups: errors, doubtful and correct answers among them.
        heat_maps: how far they can be believed; None for data without lesion masks.
        lineage: versions, code hash, artifact ids and the like, by name.
        configuration: the whole configuration as YAML.
    """

    run_name: str
    created: str
    data: Data
    training: Training | None
    gate: Gate | None
    publication: Publication | None
    clinical: ClinicalEvaluation
    threshold_reason: str
    curve: list[CurvePoint]
    image_groups: list[ImageGroup]
    heat_maps: HeatMapEvaluation | None = None
    lineage: dict[str, str]
    configuration: str

    @property
    def shortfalls(self) -> list[str]:
        """Sentences about what was asked for and is not there, besides the gate's checks."""
        verdict = self.clinical.verdict
        uncertified = [criterion.reason for criterion in verdict.criteria if verdict.certify and not criterion.passed]
        refused = [reason for reason in verdict.refusals if reason not in uncertified]
        return [*(self.gate.refusals if self.gate else []), *uncertified, *refused]
