"""What a cross-validation found, in types that are light to import."""

from typing import Final

from pydantic import BaseModel, ConfigDict

SUMMARY_FILE: Final = "cross_validation.json"
PREDICTIONS_FILE: Final = "predictions.csv"


class Figure(BaseModel):
    """A figure with its 95 % interval; absent where it is not defined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None
    high: float | None


class FoldSummary(BaseModel):
    """Attributes: figures: on the images of this fold; best_epochs: of the members, counted over all phases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_images: int
    eval_images: int
    test_images: int
    test_groups: int
    temperature: float
    threshold: float
    best_epochs: list[int]
    figures: dict[str, float | None]


class CrossValidationSummary(BaseModel):
    """Attributes: pooled: figures over all images; replicates: of the bootstrap by group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: list[str]
    positive_label: str
    images: int
    groups: int
    replicates: int
    pooled: dict[str, Figure]
    folds: list[FoldSummary]
