"""The clinical gate as an instrument: how often it blesses what it must not, and how often what it should.

`python -m benchmarks.clinical_gate` has the same with more repetitions.
"""

import pytest

from tests.simulated_models import Study, is_blessed, share_blessed, simulate_model, simulate_pair

BOUND = 0.85
MARGIN = 0.05
REPETITIONS = 60
# The size that the README names: what tells a model 0.03 better than what is asked for from one that just is not.
NAMED = Study(patients=700)


@pytest.mark.slow
@pytest.mark.parametrize(
    "study",
    [Study(patients=60), Study(patients=60, images_per_patient=3, correlation=0.7)],
    ids=["single", "several"],
)
def test_a_model_that_is_no_better_than_the_bound_is_hardly_ever_blessed(study: Study) -> None:
    blessed = [
        is_blessed(simulate_model(study, auc=BOUND, recall=0.9, seed=seed), minimum_auc=BOUND)
        for seed in range(REPETITIONS)
    ]

    assert share_blessed(blessed) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "study",
    [Study(patients=60), Study(patients=60, images_per_patient=3, correlation=0.7)],
    ids=["single", "several"],
)
def test_a_recall_that_is_no_better_than_the_bound_is_hardly_ever_blessed(study: Study) -> None:
    blessed = [
        is_blessed(simulate_model(study, auc=0.95, recall=0.9, seed=seed), minimum_recall=0.9)
        for seed in range(REPETITIONS)
    ]

    assert share_blessed(blessed) <= 0.05


@pytest.mark.slow
def test_a_model_that_is_worse_by_the_margin_is_hardly_ever_blessed() -> None:
    pairs = (
        simulate_pair(Study(patients=100), auc=BOUND - MARGIN, earlier_auc=BOUND, alike=0.7, seed=seed)
        for seed in range(REPETITIONS)
    )

    assert share_blessed([is_blessed(*pair, maximum_auc_drop=MARGIN) for pair in pairs]) <= 0.05


@pytest.mark.slow
def test_a_model_that_is_better_by_0_03_is_blessed_at_the_size_that_the_readme_names() -> None:
    blessed = [
        is_blessed(simulate_model(NAMED, auc=BOUND + 0.03, recall=0.9, seed=seed), minimum_auc=BOUND)
        for seed in range(30)
    ]

    assert share_blessed(blessed) >= 0.8


@pytest.mark.slow
def test_a_model_that_is_better_than_the_earlier_one_by_0_03_is_found_not_inferior() -> None:
    pairs = (
        simulate_pair(Study(patients=200), auc=BOUND + 0.03, earlier_auc=BOUND, alike=0.7, seed=seed)
        for seed in range(30)
    )

    assert share_blessed([is_blessed(*pair, maximum_auc_drop=MARGIN) for pair in pairs]) >= 0.8
