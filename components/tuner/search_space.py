"""What may be tried, and how a choice gets into the settings: the same way in every trial and in the Trainer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from components.models.heads import HEADS
from components.models.spec import UNTRAINED, ModelSpec
from components.registry import choose
from components.settings import (
    AugmentationSettings,
    LearningRateRange,
    LearningSettings,
    ModelSettings,
    RangeSettings,
    TrainSettings,
    TuningSettings,
)
from schema.errors import ConfigurationError

if TYPE_CHECKING:
    import keras_tuner

AUGMENTATION: Final = "train.augmentation"
# For each key of `TuningSettings` that says what may be tried, the key of the configuration that the value is for.
TUNED_KEYS: Final[Mapping[str, str]] = {
    "heads": "model.head",
    "dropout": "model.dropout",
    "learning_rate": "train.learning_rate",
    "fine_tuning_learning_rate": "train.fine_tuning.learning_rate",
    "augmentation": AUGMENTATION,
}
FACTORS: Final[Mapping[str, float]] = {"none": 0.0, "half": 0.5, "configured": 1.0, "double": 2.0}
# Keys of the augmentation that say what is done, and not how much of it.
_KINDS: Final = ("preset", "rotation_step_degrees")

SettingsT = TypeVar("SettingsT", bound=LearningSettings)


def search_space(tuning: TuningSettings) -> "keras_tuner.HyperParameters":
    """What KerasTuner draws from, named by the keys of the configuration."""
    import keras_tuner

    space = keras_tuner.HyperParameters()
    for name, allowed in _allowed(tuning).items():
        key = TUNED_KEYS[name]
        if isinstance(allowed, RangeSettings):
            sampling = "log" if isinstance(allowed, LearningRateRange) else "linear"
            space.Float(key, allowed.low, allowed.high, sampling=sampling)
        else:
            space.Choice(key, list(allowed))
    return space


def with_values(settings: SettingsT, values: Mapping[str, Any]) -> SettingsT:
    """The settings with these values, named by the keys of the configuration, in the place of their own."""
    changed = settings.model_dump()
    for key, value in values.items():
        *sections, last = key.split(".")
        section = changed
        for name in sections:
            section = section[name]
        is_strength = key == AUGMENTATION
        section[last] = strengthened(settings.train.augmentation, value).model_dump() if is_strength else value
    return type(settings).model_validate(changed)


def strengthened(settings: AugmentationSettings, strength: str) -> AugmentationSettings:
    """The augmentation with all its angles and shares multiplied; images are mirrored as before, but for `none`.

    The step between angles stays.

    Raises ValidationError where an angle or a share would get larger than it may be, or an angle less than its step.
    """
    factor = FACTORS[strength]
    values = settings.model_dump()
    for name in values.keys() - set(_KINDS):
        value = values[name]
        values[name] = (value and factor > 0) if isinstance(value, bool) else value * factor
    return AugmentationSettings.model_validate(values)


def check_tuning(spec: ModelSpec, model: ModelSettings, train: TrainSettings, tuning: TuningSettings) -> None:
    """Raises ConfigurationError where there is nothing to try, or something that would change nothing."""
    allowed = _allowed(tuning)
    if not allowed:
        raise ConfigurationError(
            "tuning: it names nothing that may be tried.",
            fix=f"give one of {', '.join(f'tuning.{name}' for name in TUNED_KEYS)}, or --set tuning=null",
        )
    for name, choices in allowed.items():
        if isinstance(choices, tuple) and len(set(choices)) < max(2, len(choices)):
            raise ConfigurationError(
                f"tuning.{name}: it takes two different values or more, and holds {', '.join(choices)}.",
                fix=f"name each value once; for one value alone, leave it out and set {TUNED_KEYS[name]}",
            )
    if train.warm_start:
        raise ConfigurationError(
            "tuning: every trial starts afresh, so it says nothing of a training that goes on from an earlier model.",
            fix="--set train.warm_start=false, or --set tuning=null",
        )
    _check_heads(spec, tuning)
    if tuning.fine_tuning_learning_rate and train.fine_tuning is None:
        raise ConfigurationError(
            "tuning.fine_tuning_learning_rate: there is no fine-tuning.",
            fix="leave it out, or give train.fine_tuning its keys",
        )
    if tuning.augmentation:
        _check_augmentation(spec, model, train, tuning)


def _allowed(tuning: TuningSettings) -> dict[str, Any]:
    """By keys of `TuningSettings`, what may be tried, where anything may."""
    return {name: getattr(tuning, name) for name in TUNED_KEYS if getattr(tuning, name)}


def _check_heads(spec: ModelSpec, tuning: TuningSettings) -> None:
    if tuning.heads and spec.backbone is None:
        raise ConfigurationError(
            f"tuning.heads: {spec.name} is trained from scratch, and its last layers belong to it.",
            fix="leave tuning.heads out, or choose an architecture with a backbone",
        )
    for head in tuning.heads:
        choose(HEADS, head, "tuning.heads")


def _check_augmentation(spec: ModelSpec, model: ModelSettings, train: TrainSettings, tuning: TuningSettings) -> None:
    if spec.starting_weights(model) != UNTRAINED and train.fine_tuning is None:
        raise ConfigurationError(
            f"tuning.augmentation: the backbone of {spec.name} stays as it is, and the augmented views that its head "
            "learns from are computed before all trials.",
            fix="leave tuning.augmentation out, or give train.fine_tuning its keys",
        )
    tried: dict[AugmentationSettings, str] = {}
    for strength in tuning.augmentation:
        try:
            augmentation = strengthened(train.augmentation, strength)
        except ValidationError as error:
            at_fault = ", ".join(f"{AUGMENTATION}.{details['loc'][0]}" for details in error.errors())
            raise ConfigurationError(
                f"tuning.augmentation: {strength} is more or less than {at_fault} allows.",
                fix=f"leave {strength} out, or change {at_fault}",
            ) from error
        if augmentation in tried:
            raise ConfigurationError(
                f"tuning.augmentation: {tried[augmentation]} and {strength} are the same, since {AUGMENTATION} "
                "changes nothing by an angle or a share.",
                fix=f"leave {strength} out, or give {AUGMENTATION} an angle or a share",
            )
        tried[augmentation] = strength
