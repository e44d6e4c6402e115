"""The gate's report: what was found in data that passed, and their statistics, with which the next are compared."""

import json
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict
from tfx import types
from tfx.utils import io_utils

from components.data_gate.statistics import Difference, Sample, Statistics
from components.data_gate.verdict import CheckResult
from components.settings import DataSettings

REPORT_FILE: Final = "gate.json"
STATISTICS_FILE: Final = "train_statistics.pb"
MANIFEST_ID_PROPERTY: Final = "manifest_id"


class GateReport(BaseModel):
    """What the gate found.

    Attributes:
        results: of each check.
        differences: between splits, and to the last accepted data.
        notes: what a reader of the figures has to know.
        train_groups: see `Sample.groups`; of train.
        population: what the data set, classes and filters were; only statistics of equal ones are compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    results: list[CheckResult]
    differences: list[Difference]
    notes: list[str]
    train_groups: float
    population: str


def population_of(settings: DataSettings) -> str:
    """Equal for settings that use the same images under the same classes."""
    used = settings.model_dump(include={"dataset", "labels", "label_map"})
    where = {name: sorted(values) for name, values in settings.where.items()}
    return json.dumps(used | {"where": where}, sort_keys=True)


def write_report(report: GateReport, train: Statistics, directory: str) -> None:
    io_utils.write_bytes_file(f"{directory}/{REPORT_FILE}", report.model_dump_json(indent=2).encode())
    io_utils.write_bytes_file(f"{directory}/{STATISTICS_FILE}", train.SerializeToString())


def read_report(directory: str) -> GateReport:
    return GateReport.model_validate_json(io_utils.read_bytes_file(f"{directory}/{REPORT_FILE}"))


def read_earlier_sample(reports: Sequence[types.Artifact], settings: DataSettings) -> Sample | None:
    """Train of the last accepted data; None where there were none, or they were another data set or other classes."""
    if not reports:
        return None
    directory = reports[0].uri
    report = read_report(directory)
    if report.population != population_of(settings):
        return None
    statistics = Statistics.FromString(io_utils.read_bytes_file(f"{directory}/{STATISTICS_FILE}"))
    return Sample("the last accepted data", statistics, report.train_groups)
