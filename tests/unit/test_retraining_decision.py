"""The decision, row by row; the order of spans; what a configuration must not switch off."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import CheckSettings, ClinicalSettings, DataSettings, GateSettings, RetrainingSettings
from pipeline.config import Config
from pipeline.retraining.decision import Facts, decide
from pipeline.retraining.safeguards import LARGEST_MARGIN, check_comparison, training_config
from pipeline.retraining.spans import find_spans
from schema.errors import ConfigurationError

SETTINGS = RetrainingSettings(minimum_new_images=50, minimum_new_patients=10, maximum_age_days=90)
LEAST = "at least 50 images of 10 patients are asked for."
CONFIG = Config(name="x", data=DataSettings(dataset="synthetic", labels=("benign", "malignant")))


@pytest.mark.parametrize(
    ("images", "patients", "drift", "age", "action", "reasons"),
    [
        (0, 0, False, 10.0, "skip", ["There is nothing new to train on."]),
        (0, 0, False, None, "skip", ["There is nothing new to train on."]),
        (0, 0, False, 900.0, "skip", ["There is nothing new to train on."]),
        (
            49,
            30,
            False,
            10.0,
            "skip",
            [f"Too little is new: 49 new images of 30 patients; {LEAST}"],
        ),
        (
            90,
            9,
            False,
            10.0,
            "skip",
            [f"Too little is new: 90 new images of 9 patients; {LEAST}"],
        ),
        (1, 1, False, 90.0, "skip", [f"Too little is new: 1 new image of 1 patient; {LEAST}"]),
        (50, 10, False, 10.0, "train", ["Enough is new: 50 new images of 10 patients."]),
        (1, 1, True, 10.0, "train", ["New data differ from the accepted ones."]),
        (1, 1, False, 90.5, "train", ["The published model is 90 days old; at most 90 are allowed."]),
        (2, 1, False, None, "train", ["No model is published yet."]),
        (
            60,
            20,
            True,
            100.0,
            "train",
            [
                "Enough is new: 60 new images of 20 patients.",
                "New data differ from the accepted ones.",
                "The published model is 100 days old; at most 90 are allowed.",
            ],
        ),
    ],
)
def test_the_decision(
    images: int, patients: int, drift: bool, age: float | None, action: str, reasons: list[str]
) -> None:
    decision = decide(Facts(images, patients, drift, age), SETTINGS)
    assert (decision.action, list(decision.reasons)) == (action, reasons)


def test_without_a_maximum_no_age_asks_for_a_training() -> None:
    assert decide(Facts(1, 1, False, 1e6), RetrainingSettings()).action == "skip"


@given(st.integers(0, 100), st.integers(0, 100), st.booleans(), st.none() | st.floats(0, 1000))
def test_more_data_never_turn_a_training_into_none(
    images: int, patients: int, drift: bool, age: float | None
) -> None:
    if decide(Facts(images, patients, drift, age), SETTINGS).action == "train":
        assert decide(Facts(images + 1, patients + 1, drift, age), SETTINGS).action == "train"


def _make(data: Path, *names: str) -> Path:
    for name in names:
        (data / name).mkdir()
    return data


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["span-10", "span-9", "span-1"], ["span-1", "span-9", "span-10"]),
        (["2026-10", "2025-12", "2026-02"], ["2025-12", "2026-02", "2026-10"]),
        (["2026-02-01", "2026-01-31"], ["2026-01-31", "2026-02-01"]),
        (["2026-02", "2026-02-01", "2026-01-31"], ["2026-01-31", "2026-02", "2026-02-01"]),
        (["span-1", "span-2.partial", ".hidden"], ["span-1"]),
        ([], []),
    ],
)
def test_spans_are_found_in_their_order(tmp_path: Path, names: list[str], order: list[str]) -> None:
    (tmp_path / "README.txt").write_text("not a span")
    assert [span.name for span in find_spans(_make(tmp_path, *names))] == order


@pytest.mark.parametrize("name", ["spam-1", "span-", "span-x", "2026", "2026-13", "2026-02-30", "2026-1", "new"])
def test_a_folder_that_is_no_span_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is no span of data"):
        find_spans(_make(tmp_path, "2026-01", name))


@pytest.mark.parametrize(
    ("names", "message"),
    [(["span-1", "2026-01"], "numbered and dated"), (["span-1", "span-01"], "span-01, span-1 .* are the same one")],
)
def test_spans_whose_order_cannot_be_told_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_spans(_make(tmp_path, *names))


@pytest.mark.parametrize(
    ("section", "key"),
    [("gate", "maximum_auc_drop"), ("gate", "maximum_recall_drop"), ("clinical", "maximum_auc_drop")],
)
def test_a_margin_that_lets_any_model_pass_is_refused(section: str, key: str) -> None:
    settings = {"gate": GateSettings, "clinical": ClinicalSettings}[section]
    check_comparison(CONFIG.model_copy(update={section: settings(**{key: LARGEST_MARGIN})}))
    with pytest.raises(ConfigurationError) as caught:
        check_comparison(CONFIG.model_copy(update={section: settings(**{key: LARGEST_MARGIN + 0.01})}))
    assert caught.value.reasons == (f"{section}.{key} is 0.21",)


@pytest.mark.parametrize(("incumbent", "asked"), [(True, "required"), (False, "compared")])
def test_the_training_compares_with_the_published_model_whatever_the_configuration_says(
    incumbent: bool, asked: str
) -> None:
    config = CONFIG.model_copy(update={"clinical": ClinicalSettings(certify=False, non_inferiority="certified")})

    found = training_config(config, incumbent)

    assert (found.clinical.non_inferiority, found.clinical.certify) == (asked, False)
    assert found.data.checks == CheckSettings(
        leakage="drop",
        label_conflicts="drop",
        augmented_copies="drop",
        shared_pictures="warn",
        skew="warn",
        drift="warn",
    )
