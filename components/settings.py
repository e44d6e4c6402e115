"""Typed settings of each step. They cross TFX as JSON and are validated again on the other side."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from schema import contract

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Side = Annotated[int, Field(ge=8, le=4096)]


def _check_slice(name: str) -> str:
    if name not in contract.SLICES:
        raise ValueError(f"{name} is no attribute; known are {', '.join(contract.SLICES)}")
    return name


SliceName = Annotated[str, AfterValidator(_check_slice)]


class Settings(BaseModel):
    """Frozen, and unknown keys are errors, in which fields without a repr do not appear."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, protected_namespaces=())


class SplitSettings(Settings):
    """Shares of the images of each class, by group."""

    train: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.7
    eval: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    test: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15

    @model_validator(mode="after")
    def _sum_to_one(self) -> "SplitSettings":
        total = self.train + self.eval + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train, eval and test must add up to 1, and add up to {total:g}")
        return self


class CheckSettings(Settings):
    """What the data gate does about each kind of fault.

    `fail` refuses the data, `drop` leaves the images concerned out, `warn` only says it.

    Attributes:
        unreadable: files that cannot be decoded, or are smaller than `minimum_side`.
        unlabelled: images without a class, or of a class that is not known.
        annotations: masks and other drawings that lie among the images.
        label_conflicts: the same picture with different labels.
        augmented_copies: rotated, mirrored or rescaled copies of one picture.
        shared_pictures: one picture under the names of different patients. Their groups are united in any case.
        leakage: a group, or one picture, in two splits. `drop` takes images out of train, then of eval; test stays.
        classes: a split with fewer images of a class than `minimum_images_per_class`.
        inverted: negatives, such as a MONOCHROME1 film that was never inverted.
        bit_depth: pixels that were cut to too few bits, or fill a small part of their range.
        burned_in: a bright frame or text in the picture.
        schema_anomalies: what TFDV reports against the schema.
        skew: splits that differ more than `skew_limit` in a feature.
        drift: data that differ more than `drift_limit` from those of the last run that passed.
        skew_limit, drift_limit: Jensen-Shannon divergence (0 to 1) beyond what so few groups differ by chance.
        minimum_images_per_class: in each split.
    """

    unreadable: Literal["fail", "drop"] = "fail"
    unlabelled: Literal["fail", "drop"] = "fail"
    annotations: Literal["fail", "drop", "warn"] = "fail"
    label_conflicts: Literal["fail", "drop", "warn"] = "fail"
    augmented_copies: Literal["fail", "drop", "warn"] = "fail"
    shared_pictures: Literal["fail", "drop", "warn"] = "warn"
    leakage: Literal["fail", "drop"] = "fail"
    classes: Literal["fail", "warn"] = "fail"
    inverted: Literal["fail", "drop", "warn"] = "fail"
    bit_depth: Literal["fail", "drop", "warn"] = "fail"
    burned_in: Literal["fail", "drop", "warn"] = "warn"
    schema_anomalies: Literal["fail", "warn"] = "fail"
    skew: Literal["fail", "warn"] = "fail"
    drift: Literal["fail", "warn"] = "fail"
    skew_limit: Fraction = 0.1
    drift_limit: Fraction = 0.1
    minimum_images_per_class: Annotated[int, Field(ge=1)] = 1


class DataSettings(Settings):
    """What is read, and how it is split.

    Attributes:
        dataset: name of a module of components/datasets.
        label_map: renames classes of the data set, and so unites them; classes that it does not name stay.
        labels: class names in the order of the model's outputs; the data set's own where empty. Images of other
            classes of the data set are left out.
        positive_label: the class whose recall is gated; the data set's own where empty.
        where: for some attributes (`contract.ATTRIBUTES`), the values that are used; other images, and those of
            which the attribute is not known, are left out.
        split: shares; unused where the owner of the data has split them.
        seed: decides which group falls into which split, and the order of the images.
        minimum_side: pixels; an image with a shorter side counts as unreadable.
        images_per_shard: images in one TFRecord file.
        checks: what the data gate does about each kind of fault.
    """

    dataset: str
    label_map: dict[str, str] = {}
    labels: tuple[str, ...] = ()
    positive_label: str = ""
    where: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    split: SplitSettings = SplitSettings()
    seed: Annotated[int, Field(ge=0)] = 0
    minimum_side: Annotated[int, Field(ge=1)] = 16
    images_per_shard: Annotated[int, Field(ge=1)] = 128
    checks: CheckSettings = CheckSettings()

    @field_validator("where")
    @classmethod
    def _attributes_are_known(cls, where: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        unknown = sorted(set(where) - set(contract.ATTRIBUTES))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no attribute; known are {', '.join(contract.ATTRIBUTES)}")
        return where

    @model_validator(mode="after")
    def _labels_are_usable(self) -> "DataSettings":
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels holds a class twice: {', '.join(self.labels)}")
        if len(self.labels) == 1:
            raise ValueError("labels needs at least two classes")
        if self.labels and self.positive_label and self.positive_label not in self.labels:
            raise ValueError(f"positive_label {self.positive_label!r} is none of {', '.join(self.labels)}")
        return self


class SpanSettings(Settings):
    """Which folders of the data folder are read as one, and who says where their patients belong.

    Attributes:
        folders: below the data folder, each a folder of the data set.
        training: the spans whose images may be in train, and with which new ones are compared.
        ledger: its folder.
        ledger_checksum: of its last generation, so that a cached result is never that of another ledger.
    """

    folders: Annotated[tuple[str, ...], Field(min_length=1)]
    training: tuple[str, ...]
    ledger: str
    ledger_checksum: str


class ModelSettings(Settings):
    """Which network, the size of its input, and what it starts from.

    Attributes:
        architecture: name of a module of components/models.
        image_size: height and width in pixels; the architecture's own where absent.
        head: the last layers over a backbone, one of components/models/heads.py; the architecture's own where empty.
        features: what a backbone gives its head: `last_map` is the output of its last block, `block_statistics` the
            mean and the standard deviation of each channel of all its blocks.
        width_multiplier: of the number of filters of a mobilenet: 0.25, 0.5, 0.75 (its own) or 1.
        dropout: share of units dropped, in all dropout layers; the shares of the definition where absent.
        weights: what a backbone starts from: `imagenet`, the path of an HDF5 file, or `none`, which leaves it
            untrained and is for trying the machinery. ImageNet where empty. An architecture trained from scratch
            loads none.
        weights_sha256: of the file, in hexadecimal, whether it is downloaded or named.
    """

    architecture: str = "cnn"
    image_size: tuple[Side, Side] | None = None
    head: str = ""
    features: Literal["last_map", "block_statistics"] = "last_map"
    width_multiplier: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    weights: str = ""
    weights_sha256: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{64})?$")] = ""


# For each preset, the values of the keys that are not given.
_AUGMENTATION_PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "mias": {
        "horizontal_flip": True,
        "vertical_flip": False,  # half a turn makes it of the horizontal one
        "rotation_degrees": 180.0,
        "rotation_step_degrees": 2.0,
        "translation": 0.0,
        "zoom": 0.0,
        "brightness": 0.0,
        "contrast": 0.0,
    }
}


class AugmentationSettings(Settings):
    """Random changes of training images, drawn anew each epoch; 0 or false leaves a change out.

    Attributes:
        preset: what holds where a key is not given: the defaults below, or those of an earlier project. `mias` turned
            each film by 180 angles, 2 degrees apart, and mirrored it.
        horizontal_flip, vertical_flip: mirror half of the images.
        rotation_degrees: largest angle, either way.
        rotation_step_degrees: angles are multiples of it; 0 for any angle.
        translation, zoom: largest share of the side, either way.
        brightness: largest share of the full range added or taken away.
        contrast: largest relative change of the contrast.
    """

    preset: Literal["default", "mias"] = "default"
    horizontal_flip: bool = True
    vertical_flip: bool = False
    rotation_degrees: Annotated[float, Field(ge=0.0, le=180.0)] = 10.0
    rotation_step_degrees: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    translation: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05
    zoom: Annotated[float, Field(ge=0.0, le=0.5)] = 0.1
    brightness: Fraction = 0.1
    contrast: Fraction = 0.1

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_preset(cls, values: Any) -> Any:
        """Before the defaults are, since afterwards they look like values that were given."""
        if not isinstance(values, Mapping):
            return values
        name = values.get("preset")
        preset = _AUGMENTATION_PRESETS.get(name, {}) if isinstance(name, str) else {}
        return {**preset, **values}

    @field_validator("rotation_step_degrees")
    @classmethod
    def _fits_into_the_angle(cls, step: float, info: ValidationInfo) -> float:
        if 0.0 < step < 0.01:
            raise ValueError("give 0 for any angle, or 0.01 degrees or more")
        largest = info.data.get("rotation_degrees")
        if largest and step > largest:
            raise ValueError(f"with a largest angle of {largest:g} degrees nothing would be rotated")
        return step


class PhaseSettings(Settings):
    """One phase of a training.

    Attributes:
        schedule: `cosine` warms the learning rate up and lets it down to 0 at the last epoch.
        warm_up: share of the steps in which a cosine schedule rises.
        patience: epochs without a better value on `eval` before the phase ends.
    """

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)]
    schedule: Literal["constant", "cosine"]
    warm_up: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    patience: Annotated[int, Field(ge=1)] = 6


class FineTuningSettings(PhaseSettings):
    """The second phase of a network on a pretrained backbone, which trains a part of the backbone too.

    Attributes:
        from_layer: first layer of the backbone that is trained; the architecture's own where empty.
    """

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 15
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-4
    schedule: Literal["constant", "cosine"] = "cosine"
    from_layer: str = ""


class TrainSettings(PhaseSettings):
    """How the network is trained.

    Where there is a pretrained backbone, the first phase leaves it as it is, and trains the head on its features.

    Attributes:
        monitor: the value on `eval` that picks the best epoch and stops the training.
        class_weights: `balanced` weighs each class by the inverse of its share of the training images.
        loss: `focal` makes images that are classified well count less; see `focal_gamma`.
        feature_views: augmented views of each training image whose features are computed, besides the image itself.
        fine_tuning: the second phase; absent for a backbone that stays as it is.
        gradient_accumulation: batches whose gradients are averaged for each step.
        members: networks that differ in the seed of their training, and whose probabilities are averaged.
        warm_start: start from the latest blessed model, where there is one; then every run trains on.
        precision: `auto` is mixed_bfloat16 or mixed_float16 on GPUs, by their compute capability, and
            float32 on CPUs.
        xla: compile the training step; `auto` is on for GPUs and off for CPUs.
        require_gpu: fail where there is no GPU.
    """

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 25
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    monitor: Literal["val_auc", "val_loss"] = "val_auc"
    class_weights: Literal["balanced", "none"] = "balanced"
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: Annotated[float, Field(ge=0.0, le=10.0)] = 2.0
    augmentation: AugmentationSettings = AugmentationSettings()
    feature_views: Annotated[int, Field(ge=0, le=64)] = 2
    fine_tuning: FineTuningSettings | None = None
    gradient_accumulation: Annotated[int, Field(ge=1, le=1024)] = 1
    members: Annotated[int, Field(ge=1, le=16)] = 1
    warm_start: bool = False
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    xla: Literal["auto"] | bool = "auto"
    require_gpu: bool = False
    seed: Annotated[int, Field(ge=0)] = 0


class RangeSettings(Settings):
    """Attributes: low, high: both belong to it."""

    low: float
    high: float

    @model_validator(mode="after")
    def _is_wide(self) -> "RangeSettings":
        if self.low >= self.high:
            raise ValueError(f"low must be below high, and is {self.low:g} where high is {self.high:g}")
        return self


class LearningRateRange(RangeSettings):
    """Drawn from evenly by the logarithm."""

    low: Annotated[float, Field(gt=0.0, le=1.0)]
    high: Annotated[float, Field(gt=0.0, le=1.0)]


class DropoutRange(RangeSettings):
    """Drawn from evenly."""

    low: Annotated[float, Field(ge=0.0, lt=1.0)]
    high: Annotated[float, Field(ge=0.0, lt=1.0)]


class TuningSettings(Settings):
    """What is tried before the training; the values that do best on `eval` then replace those of the configuration.

    Attributes:
        trials: how many; fewer where there are fewer combinations. `train.seed` decides which.
        heads: for `model.head`.
        dropout: for `model.dropout`.
        learning_rate: for `train.learning_rate`.
        fine_tuning_learning_rate: for `train.fine_tuning.learning_rate`.
        augmentation: how strong, for `train.augmentation`: `none`, or `half` or `double` the angles and shares that
            are `configured`. Under a frozen backbone it is that of the fine-tuning alone: the views that its head
            learns from are computed before all trials.
    """

    trials: Annotated[int, Field(ge=1, le=1000)] = 10
    heads: tuple[str, ...] = ()
    dropout: DropoutRange | None = None
    learning_rate: LearningRateRange | None = None
    fine_tuning_learning_rate: LearningRateRange | None = None
    augmentation: tuple[Literal["none", "half", "configured", "double"], ...] = ()


class PredictionSettings(Settings):
    """How the exported model comes to its probabilities.

    Attributes:
        calibration: `temperature` makes the probabilities fit the frequencies on `eval`; it changes no ranking.
        views: an image is looked at as it is (1), mirrored too (2), in both mirrorings (4), or in all eight
            symmetries of the square (8), and the probabilities are averaged.
    """

    calibration: Literal["temperature", "none"] = "temperature"
    views: Literal[1, 2, 4, 8] = 1


class OperatingPointSettings(Settings):
    """How the threshold is chosen.

    Attributes:
        rule: `recall` is the highest threshold that reaches `target_recall` of the positive class on `eval`; `youden`
            the one with the largest sum of sensitivity and specificity there; `fixed` is `threshold`.
    """

    rule: Literal["recall", "youden", "fixed"] = "recall"
    target_recall: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    threshold: Fraction = 0.5

    @property
    def reason(self) -> str:
        """The rule as a sentence about the threshold."""
        frozen = "on the eval split, and was frozen before the test split was read."
        match self.rule:
            case "recall":
                return f"It is the highest threshold that gave a recall of at least {self.target_recall:.3f} {frozen}"
            case "youden":
                return f"It is the threshold with the largest sum of sensitivity and specificity {frozen}"
            case "fixed":
                return "It is the one that the configuration fixes."


class GateSettings(Settings):
    """What a model must reach on `test` to be published.

    Attributes:
        minimum_auc: AUC of the positive class against the rest.
        minimum_recall: recall of the positive class at the operating point.
        maximum_auc_drop, maximum_recall_drop: how far below the latest blessed model it may fall.
        minimum_macro_auc, minimum_macro_recall: means over the classes, of more than two; 0 asks for nothing.
        slices: attributes by whose values TFMA divides the images.
        minimum_slice_auc, minimum_slice_recall: in each of those slices; 0 asks for nothing. A slice that has no
            images of the positive class reaches neither.
    """

    minimum_auc: Fraction = 0.8
    minimum_recall: Fraction = 0.8
    maximum_auc_drop: Fraction = 0.02
    maximum_recall_drop: Fraction = 0.05
    minimum_macro_auc: Fraction = 0.0
    minimum_macro_recall: Fraction = 0.0
    slices: tuple[SliceName, ...] = ()
    minimum_slice_auc: Fraction = 0.0
    minimum_slice_recall: Fraction = 0.0


class ClinicalSettings(Settings):
    """What must hold of a model on `test` with 95 % confidence: lower bounds of intervals, where the gate has values.

    Attributes:
        certify: refuse a model that falls short. Without it a model is published as not certified, for sets of images
            too small to certify anything.
        minimum_auc: for the lower bound of the AUC of the positive class against the rest.
        minimum_recall, minimum_specificity: for those of the positive class at the operating point.
        maximum_auc_drop: the margin of non-inferiority; how far below the latest blessed model the AUC may be.
        prevalence: share of positives among the patients that the predictive values are meant for; that of the test
            images where absent.
        fixed_specificities, fixed_sensitivities: at which the other one is told.
        non_inferiority: when a model that may fall below the latest blessed one by more than the margin is refused:
            `certified` where `certify` is on, `compared` wherever there is an earlier model, `required` even where
            there is none. Retraining sets it.
        slices: attributes by whose values the images are divided; all that the data have where absent.
        replicates: of the bootstrap by group.
        seed: of its draws.
    """

    certify: bool = True
    minimum_auc: Fraction = 0.8
    minimum_recall: Fraction = 0.8
    minimum_specificity: Fraction = 0.0
    maximum_auc_drop: Fraction = 0.05
    non_inferiority: Literal["certified", "compared", "required"] = "certified"
    prevalence: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    fixed_specificities: tuple[Fraction, ...] = (0.8, 0.9, 0.95)
    fixed_sensitivities: tuple[Fraction, ...] = (0.8, 0.9, 0.95)
    slices: tuple[SliceName, ...] | None = None
    replicates: Annotated[int, Field(ge=2_000, le=100_000)] = 2_000
    seed: Annotated[int, Field(ge=0)] = 0


class RetrainingSettings(Settings):
    """When a new model is trained as data come in, and which spans are refused.

    Attributes:
        window: number of the latest accepted spans that are trained on; 0 for all. `eval` and `test` keep the images
            of all spans.
        minimum_new_images, minimum_new_patients: with fewer that no model was trained on yet, nothing is trained,
            unless drift or age ask for it.
        maximum_age_days: of the published model; older ones are replaced as soon as there is anything new.
        drift: what is done with a span that differs from the accepted data: `train` reports it and asks for a
            training, `refuse` refuses it.
        label_changes: likewise with one in which patients of earlier spans have other labels than before.
        label_fault_level: of the one-sided test by which the published model finds wrong labels.
    """

    window: Annotated[int, Field(ge=0)] = 0
    minimum_new_images: Annotated[int, Field(ge=1)] = 50
    minimum_new_patients: Annotated[int, Field(ge=1)] = 10
    maximum_age_days: Annotated[float, Field(gt=0.0)] | None = None
    drift: Literal["train", "refuse"] = "train"
    label_changes: Literal["report", "refuse"] = "report"
    label_fault_level: Annotated[float, Field(gt=0.0, le=0.1)] = 0.005


class ServingSettings(Settings):
    """Attributes:
    model_name: the folder below `serving/`, and the name by which clients ask.
    require_tensorflow_serving: publish only what TensorFlow Serving itself has answered for; otherwise the session
        loader checks the model where there is no such server.
    """

    model_name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = "breast_imaging"
    require_tensorflow_serving: bool = False


class LearningSettings(Settings):
    """All that decides the weights of a network."""

    labels: tuple[str, ...]
    positive_label: str
    model: ModelSettings
    train: TrainSettings


class TunerSettings(LearningSettings):
    """All that the Tuner reads, sent to it as one JSON string."""

    tuning: TuningSettings


class TrainerSettings(LearningSettings):
    """All that the Trainer reads, sent to it as one JSON string."""

    prediction: PredictionSettings
    operating_point: OperatingPointSettings
    model_name: str


class CrossValidationSettings(Settings):
    """All that decides a cross-validation.

    Attributes:
        folds: how many.
        split: shares of train and eval among the images that are not tested.
        seed: of the folds.
    """

    trainer: TrainerSettings
    folds: Annotated[int, Field(ge=2, le=100)]
    split: SplitSettings
    seed: int


class ClinicalEvaluationSettings(Settings):
    """All that decides a clinical evaluation, sent to it as one JSON string.

    Attributes: splits: whose images are used.
    """

    labels: tuple[str, ...]
    positive_label: str
    splits: tuple[str, ...]
    clinical: ClinicalSettings


class SpanGateSettings(Settings):
    """All that decides whether a span is accepted, sent to the gate as one JSON string."""

    data: DataSettings
    retraining: RetrainingSettings


class HeatMapSettings(Settings):
    """What decides an evaluation of heat maps.

    Attributes:
        splits: whose images are used.
        spans: folders of the data folder that are read as one; none where it is a data set itself.
    """

    dataset: str
    positive_label: str
    splits: tuple[str, ...]
    spans: tuple[str, ...] = ()


class FeatureSettings(Settings):
    """All that decides the features of a frozen backbone.

    Attributes:
        model: without a head.
        augmentation, seed: of the augmented views.
        views_of_splits: for each split, how many augmented views there are besides the image itself.
    """

    model: ModelSettings
    augmentation: AugmentationSettings
    seed: int
    views_of_splits: dict[str, int]


class TransformSettings(Settings):
    """Attributes: height, width: pixels; channels: 1 or 3."""

    height: Side
    width: Side
    channels: Literal[1, 3]
