"""Whether a published model fits a configuration."""

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.published import check_classes
from schema import contract
from schema.errors import ConfigurationError
from tests.model_descriptions import write_description

CONFIG = load_config("synthetic")


def test_a_model_of_the_same_classes_fits(tmp_path: Path) -> None:
    write_description(tmp_path, CONFIG.data.labels, CONFIG.data.positive_label)
    check_classes(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("labels", "positive"),
    [(("malignant", "benign"), "malignant"), (("benign", "malignant"), "benign"), (("a", "malignant"), "malignant")],
)
def test_a_model_of_other_classes_or_another_order_does_not(
    labels: tuple[str, ...], positive: str, tmp_path: Path
) -> None:
    write_description(tmp_path, labels, positive)
    with pytest.raises(ConfigurationError) as caught:
        check_classes(tmp_path, CONFIG)
    assert caught.value.what == (
        f"The model tells {list(labels)} apart (positive: {positive}); the configuration names"
        " ['benign', 'malignant'] (positive: malignant)."
    )


def test_a_description_that_is_absent_or_damaged_is_named(tmp_path: Path) -> None:
    file = tmp_path / contract.EXTRA_ASSETS / contract.MODEL_DESCRIPTION_FILE
    with pytest.raises(ConfigurationError, match=r"cannot be read: The model lacks .*model\.json"):
        check_classes(tmp_path, CONFIG)
    file.parent.mkdir()
    file.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"cannot be read: The description of the model is damaged: "):
        check_classes(tmp_path, CONFIG)
