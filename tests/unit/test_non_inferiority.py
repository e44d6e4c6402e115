"""Certification may be switched off; in retraining the comparison with the published model may not."""

import numpy as np
import pytest

from components.clinical_evaluator.comparison import Baseline
from components.clinical_evaluator.content import ClinicalEvaluation
from components.clinical_evaluator.scored_images import ScoredImages
from components.clinical_evaluator.verdict import NOT_COMPARED
from tests.clinical import evaluation_of, scored_images


def turned(images: ScoredImages) -> ScoredImages:
    """Answers that are worse than those."""
    mixed = np.where(np.arange(len(images)) % 3 == 0, 1 - images.scores, images.scores)
    return scored_images(probabilities=np.column_stack([1 - mixed, mixed]))


GOOD = scored_images()
WORSE = turned(GOOD)


def judged(model: ScoredImages, baseline: ScoredImages | None, asked: str) -> ClinicalEvaluation:
    earlier = Baseline("model 1", baseline) if baseline else None
    return evaluation_of(model, earlier, certify=False, non_inferiority=asked)


@pytest.mark.parametrize("asked", ["compared", "required"])
def test_a_worse_model_is_refused_even_without_certification(asked: str) -> None:
    found = judged(WORSE, GOOD, asked).verdict
    assert not found.blessed
    margin = next(criterion for criterion in found.criteria if criterion.name == "maximum_auc_drop")
    assert found.refusals == [margin.reason]
    assert "may fall below the margin" in margin.reason


@pytest.mark.parametrize("asked", ["compared", "required"])
def test_one_that_is_as_good_is_not(asked: str) -> None:
    found = judged(GOOD, GOOD, asked).verdict
    assert (found.blessed, found.refusals) == (True, [])


@pytest.mark.parametrize(("asked", "blessed"), [("certified", True), ("compared", True), ("required", False)])
def test_nothing_to_compare_with(asked: str, blessed: bool) -> None:
    found = judged(GOOD, None, asked).verdict
    assert (found.blessed, found.refusals) == (blessed, [] if blessed else [NOT_COMPARED])


def test_a_plain_run_without_certification_publishes_what_is_worse() -> None:
    assert judged(WORSE, GOOD, "certified").verdict.blessed
