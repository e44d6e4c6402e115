"""What the span gate found."""

from typing import Final

from pydantic import BaseModel, ConfigDict

VERDICT_FILE: Final = "span.json"


class AskedModel(BaseModel):
    """The published model on images of patients that are new, and on the test it was published with.

    Attributes:
        auc: on the new patients; positives, negatives: their groups with an image of either kind.
        test_auc, test_positives, test_negatives: likewise of its test.
        least_fall: of the AUC, by the interval at the configured level.
        low, high: of the AUC on the new patients, each at the same level.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    auc: float
    positives: int
    negatives: int
    test_auc: float
    test_positives: int
    test_negatives: int
    least_fall: float
    low: float
    high: float

    @property
    def fell(self) -> bool:
        """By more than chance."""
        return self.least_fall > 0

    @property
    def above_chance(self) -> bool:
        """Whether the labels have anything to do with what the model sees."""
        return self.low > 0.5

    @property
    def below_chance(self) -> bool:
        """Whether the labels say the opposite of what the model sees."""
        return self.high < 0.5


class SpanVerdict(BaseModel):
    """Whether a span is accepted.

    Attributes:
        reasons: why it is refused; empty where it is not.
        drift: one sentence for each feature by which it differs from the accepted data.
        notes: what else a person should know of it.
        images, patients: how many of each can be trained on or tested with.
        asked: None where there is no published model, or no new patients of both kinds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasons: list[str]
    drift: list[str]
    notes: list[str]
    images: int
    patients: int
    asked: AskedModel | None

    @property
    def accepted(self) -> bool:
        return not self.reasons
