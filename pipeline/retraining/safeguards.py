"""What has to hold of a configuration so that no published model is replaced by a worse one."""

from collections.abc import Sequence
from typing import Final

from pipeline.config import Config
from pipeline.retraining.record import RetrainingRecord
from schema.errors import ConfigurationError

LARGEST_MARGIN: Final = 0.2  # by which a model may be worse; with more, nothing would be compared
_MARGINS: Final = ("gate.maximum_auc_drop", "gate.maximum_recall_drop", "clinical.maximum_auc_drop")
# The checks that spans which passed by themselves can fail together; what is in test stays there in any case.
_ACROSS_SPANS: Final = ("leakage", "label_conflicts", "augmented_copies", "shared_pictures")


def check_comparison(config: Config) -> None:
    """Raises ConfigurationError for a configuration that would let a worse model be published."""
    values = {key: getattr(getattr(config, key.split(".")[0]), key.split(".")[1]) for key in _MARGINS}
    reasons = [f"{key} is {value:g}" for key, value in values.items() if value > LARGEST_MARGIN]
    if reasons:
        raise ConfigurationError(
            "This configuration would replace a published model by a worse one.",
            reasons=reasons,
            fix=f"set each to {LARGEST_MARGIN:g} or less",
        )


def check_incumbent(version: int | None, history: Sequence[RetrainingRecord]) -> None:
    """Raises ConfigurationError where the model that is served may have seen patients that no ledger knows of."""
    if version is not None and version not in {record.published_version for record in history}:
        raise ConfigurationError(
            f"No retraining has published version {version}, so nobody knows which patients it has seen.",
            fix="retrain in an output folder of its own: --output DIR",
        )


def training_config(config: Config, incumbent: bool) -> Config:
    """The configuration of the training: a model is compared with the published one whatever else is asked for.

    Args:
        incumbent: whether a model is published, which must then be compared with.
    """
    clinical = config.clinical.model_copy(update={"non_inferiority": "required" if incumbent else "compared"})
    dropped = {name: "drop" for name in _ACROSS_SPANS if getattr(config.data.checks, name) == "fail"}
    # A window of train differs from a test of all time, and each span was compared when it came.
    checks = config.data.checks.model_copy(update={**dropped, "skew": "warn", "drift": "warn"})
    data = config.data.model_copy(update={"checks": checks})
    return config.model_copy(update={"clinical": clinical, "data": data})
