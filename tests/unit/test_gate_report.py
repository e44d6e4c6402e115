"""The gate's report: what the next run is compared with, and when it is not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.artifacts import DataGateReport
from components.data_gate.report import (
    REPORT_FILE,
    STATISTICS_FILE,
    GateReport,
    population_of,
    read_earlier_sample,
    read_report,
    write_report,
)
from components.data_gate.statistics import Difference, Sample, compare, sample
from components.data_gate.verdict import CheckResult
from components.manifest import ManifestEntry
from components.settings import DataSettings, SplitSettings
from schema import contract

LABELS = ("benign", "malignant")


def data_settings(**values: Any) -> DataSettings:
    return DataSettings(**({"dataset": "busi", "labels": LABELS, "positive_label": "malignant"} | values))


def train(count: int = 100, **changes: Any) -> Sample:
    values = {"height": 480, "width": 640, "channels": 1, "bit_depth": 8, "mean": 0.35, "std": 0.17} | changes
    return sample(
        [ManifestEntry(f"{n}", LABELS[n % 2], f"group {n // 2}", contract.TRAIN, **values) for n in range(count)],
        contract.TRAIN,
    )


def report(settings: DataSettings, groups: int = 50) -> GateReport:
    return GateReport(
        results=[CheckResult(check="skew", title="T", policy="warn", findings=["f"], dropped=["x.png"], fix="none")],
        differences=[Difference(feature="width", first="train", second="test", value=0.1, limit=0.3)],
        notes=["ä note"],
        train_groups=groups,
        population=population_of(settings),
    )


def written(directory: Path, settings: DataSettings, train: Sample) -> DataGateReport:
    write_report(report(settings, train.groups), train.statistics, str(directory))
    artifact = DataGateReport()
    artifact.uri = str(directory)
    return artifact


def test_round_trip(tmp_path: Path) -> None:
    write_report(report(data_settings()), train().statistics, str(tmp_path))

    assert read_report(str(tmp_path)) == report(data_settings())
    assert {path.name for path in tmp_path.iterdir()} == {REPORT_FILE, STATISTICS_FILE}


def test_the_earlier_sample_is_that_of_the_report(tmp_path: Path) -> None:
    found = read_earlier_sample([written(tmp_path, data_settings(), train())], data_settings())

    assert found == Sample("the last accepted data", train().statistics, 50)


def test_without_an_earlier_report_there_is_no_earlier_sample() -> None:
    assert read_earlier_sample([], data_settings()) is None


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"mean": 0.35}, set()),
        ({"mean": 0.62}, {"brightness"}),
        ({"height": 960, "width": 1280}, {"height", "width"}),
        ({"bit_depth": 16}, {"bit depth"}),
    ],
)
def test_drift_is_found_through_the_files(tmp_path: Path, changes: dict[str, Any], found: set[str]) -> None:
    earlier = read_earlier_sample([written(tmp_path, data_settings(), train())], data_settings())

    assert earlier is not None
    differences = compare(earlier, train(**changes), 0.1)
    assert len(differences) == 7
    assert {(each.first, each.second, each.feature) for each in differences if each.exceeds} == {
        ("the last accepted data", "train", feature) for feature in found
    }


def test_fewer_groups_than_the_files_say_would_allow_more(tmp_path: Path) -> None:
    groups = replace(train(), groups=7)

    earlier = read_earlier_sample([written(tmp_path, data_settings(), groups)], data_settings())

    assert earlier is not None
    assert earlier.groups == 7


OTHERS: list[dict[str, Any]] = [
    {"dataset": "mias"},
    {"labels": ("malignant", "benign")},
    {"labels": ("normal", "benign", "malignant")},
    {"label_map": {"normal": "benign"}},
    {"where": {contract.SITE: ["A"]}},
]
EQUALS: list[dict[str, Any]] = [
    {"seed": 3},
    {"split": SplitSettings(train=0.5, eval=0.25, test=0.25)},
    {"positive_label": "benign"},
    {"minimum_side": 99},
    {"checks": {"drift": "warn", "drift_limit": 0.5}},
    {"images_per_shard": 1},
]


@pytest.mark.parametrize("changes", OTHERS)
def test_another_population_is_not_compared(tmp_path: Path, changes: dict[str, Any]) -> None:
    earlier = written(tmp_path, data_settings(), train())

    assert population_of(data_settings(**changes)) != population_of(data_settings())
    assert read_earlier_sample([earlier], data_settings(**changes)) is None


@pytest.mark.parametrize("changes", EQUALS)
def test_other_settings_are_of_one_population(tmp_path: Path, changes: dict[str, Any]) -> None:
    earlier = written(tmp_path, data_settings(), train())

    assert population_of(data_settings(**changes)) == population_of(data_settings())
    assert read_earlier_sample([earlier], data_settings(**changes)) is not None


def test_values_of_one_attribute_are_told_from_those_of_another() -> None:
    wheres = [{}, {"site": ["A"]}, {"site": ["A", "B"]}, {"device": ["A"]}, {"site": ["A"], "device": ["A"]}]

    assert len({population_of(data_settings(where=where)) for where in wheres}) == len(wheres)
