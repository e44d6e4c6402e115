"""What the clinical evaluation found, in types that are light to import. A figure that is not defined is absent."""

from typing import Final

from pydantic import BaseModel, ConfigDict

EVALUATION_FILE: Final = "clinical_evaluation.json"
PREDICTIONS_FILE: Final = "predictions.csv"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Figure(Frozen):
    """A figure with its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Share(Frozen):
    """A share of images. Attributes: groups: independent ones, on which the Wilson interval rests."""

    figure: Figure
    hits: int
    images: int
    groups: int


class Cohort(Frozen):
    """Whom the model was tested on.

    Attributes:
        images: by class, in label order.
        groups: patients, or what stands for them; positive_groups and negative_groups have an image of either kind.
    """

    images: dict[str, int]
    groups: int
    positive_groups: int
    negative_groups: int


class Discrimination(Frozen):
    """How well the scores of the positive class rank it above the rest, at any threshold.

    Attributes:
        auc: with the bootstrap interval by group.
        auc_delong: DeLong's interval, as if all images were independent.
        auc_newcombe: Newcombe's interval, as if each group were one image.
        average_precision: area under the precision-recall curve.
        class_aucs: of each class against the rest; empty for two classes.
        macro_auc: their mean; absent for two classes.
        sensitivity_at_specificity, specificity_at_sensitivity: by the value that is held fixed.
    """

    auc: Figure
    auc_delong: Figure
    auc_newcombe: Figure
    average_precision: Figure
    class_aucs: dict[str, Figure]
    macro_auc: Figure | None
    sensitivity_at_specificity: dict[str, Figure]
    specificity_at_sensitivity: dict[str, Figure]

    @property
    def auc_low(self) -> float | None:
        """The lowest of the three lower bounds; None where one is not defined."""
        lows = [figure.low for figure in (self.auc, self.auc_delong, self.auc_newcombe)]
        known = [low for low in lows if low is not None]
        return min(known) if len(known) == len(lows) else None


class OperatingPoint(Frozen):
    """What the answers at the frozen threshold are worth, the positive class against the rest.

    Attributes:
        prevalence: for which the predictive values hold.
        prevalence_is_stated: by the configuration; otherwise it is that of the test images.
        confusion: images, rows by true class, columns by decided class, in label order.
    """

    threshold: float
    prevalence: float
    prevalence_is_stated: bool
    recall: Share
    specificity: Share
    positive_predictive_value: Figure
    negative_predictive_value: Figure
    f1: Figure
    matthews: Figure
    accuracy: Figure
    balanced_accuracy: Figure
    confusion: list[list[int]]


class ClassScores(Frozen):
    """Attributes: support: images of the class; for an average, all images."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class ReliabilityBin(Frozen):
    """Images whose probability of the positive class lies between `low` and `high`."""

    low: float
    high: float
    images: int
    mean_probability: float
    observed: Share


class Calibration(Frozen):
    """Whether the probabilities of the positive class are frequencies. Attributes: bins: those that hold an image."""

    brier: Figure
    expected_calibration_error: Figure
    bins: list[ReliabilityBin]


class BandedCurve(Frozen):
    """A curve with its pointwise 95 % band; values are absent where too few draws have one."""

    x: list[float]
    y: list[float | None]
    low: list[float | None]
    high: list[float | None]


class ScoreCount(Frozen):
    """Attributes: counts: images by true class whose probability lies in each of equally wide bins of [0, 1]."""

    counts: dict[str, list[int]]


class SliceEvaluation(Frozen):
    """Some of the images. Attributes: remark: why figures are absent; empty where none are."""

    attribute: str
    value: str
    images: int
    groups: int
    positives: int
    auc: Figure
    recall: Share
    specificity: Share
    remark: str


class Comparison(Frozen):
    """The model less the latest blessed one, on the same images.

    Attributes:
        baseline: what identifies the earlier model.
        auc, recall, specificity: differences, with bootstrap intervals by group; both models see the same draws.
        auc_delong: DeLong's interval of the difference.
        p_value: DeLong's, two-sided.
    """

    baseline: str
    auc: Figure
    auc_delong: Figure
    p_value: float | None
    recall: Figure
    specificity: Figure


class Criterion(Frozen):
    """One of the things that must hold with 95 % confidence.

    Attributes:
        name: a key of the configuration's `clinical` section.
        title: for people.
        low: the lower bound of the interval.
        bound: what it must reach.
        reason: in plain words, what holds, or why it cannot be certified and what would be needed.
    """

    name: str
    title: str
    low: float | None
    bound: float
    passed: bool
    reason: str


class Verdict(Frozen):
    """Attributes:
    certify: whether the configuration asks for certification.
    certified: all criteria hold, and were asked for.
    blessed: certified, or not asked to be; and not refused.
    refusals: sentences about what the comparison with an earlier model asks for whether or not the rest is certified.
    """

    certify: bool
    certified: bool
    blessed: bool
    criteria: list[Criterion]
    refusals: list[str] = []
    notes: list[str]


class ClinicalEvaluation(Frozen):
    """All of it.

    Attributes:
        model: name by which clients ask for it.
        splits: whose images were used.
        replicates: of the bootstrap by group.
        classes: scores of each class against the rest; averages: macro and weighted.
        comparison: None where there is nothing to compare with; `verdict.notes` say why.
    """

    model: str
    labels: list[str]
    positive_label: str
    splits: list[str]
    replicates: int
    cohort: Cohort
    discrimination: Discrimination
    operating_point: OperatingPoint
    classes: dict[str, ClassScores]
    averages: dict[str, ClassScores]
    calibration: Calibration
    roc: BandedCurve
    precision_recall: BandedCurve
    scores: ScoreCount
    slices: list[SliceEvaluation]
    comparison: Comparison | None
    verdict: Verdict
