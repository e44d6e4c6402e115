"""The classes of a data set after renaming."""

import pytest

from components.datasets.spec import ANY_MODALITY, DatasetSpec
from components.labels import known_labels
from components.settings import DataSettings


def spec(*labels: str) -> DatasetSpec:
    return DatasetSpec("x", "X", ANY_MODALITY, "nowhere", "", labels, "", lambda listing: ())


@pytest.mark.parametrize(
    ("label_map", "known"),
    [
        ({}, ("normal", "benign", "malignant")),
        ({"benign": "abnormal", "malignant": "abnormal"}, ("normal", "abnormal")),
        ({"malignant": "normal"}, ("normal", "benign")),
        ({"normal": "benign", "benign": "normal"}, ("benign", "normal", "malignant")),
        ({"other": "more"}, ("normal", "benign", "malignant")),
    ],
)
def test_classes_are_renamed_and_united_in_the_order_of_the_data_set(
    label_map: dict[str, str], known: tuple[str, ...]
) -> None:
    settings = DataSettings(dataset="x", label_map=label_map, labels=("unused", "names"))

    assert known_labels(spec("normal", "benign", "malignant"), settings) == known


def test_a_data_set_that_names_no_class_has_those_of_the_settings() -> None:
    settings = DataSettings(dataset="x", label_map={"m": "malignant"}, labels=("malignant", "benign"))

    assert known_labels(spec(), settings) == ("malignant", "benign")
    assert known_labels(spec(), DataSettings(dataset="x")) == ()
