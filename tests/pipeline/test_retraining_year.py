"""A year of retraining in short: a new scanner, exchanged labels, and what is promised after each span."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import ml_metadata as mlmd
import pytest
import yaml
from tfx.orchestration import metadata

from pipeline.config import Config, load_config
from pipeline.local import hold
from pipeline.output import OutputFolder, open_output
from pipeline.retraining.local import retrain_locally
from pipeline.retraining.metadata import EXECUTION_TYPE
from pipeline.retraining.record import RetrainingRecord
from schema.errors import BreastImagingError
from tests.retraining_promises import Promises
from tests.spans import BRIGHT, CONFIGURATION, USUAL, exchanged, patients, write_span

PATIENTS = 24


class Year:
    """Attributes: records: of the months so far."""

    def __init__(self, root: Path) -> None:
        self.data, self.records = root / "data", list[RetrainingRecord]()
        self.data.mkdir()
        self.output: OutputFolder = open_output(root / "results")
        self._promises = Promises(self.output)
        file = root / "year.yaml"
        file.write_text(yaml.safe_dump(CONFIGURATION))
        self._config: Config = load_config(str(file))

    def live(self, brightness: float = USUAL, wrong: bool = False) -> RetrainingRecord:
        """A month with new patients and some of the last one."""
        month = len(self.records) + 1
        of = patients(range(month * PATIENTS - 4, (month + 1) * PATIENTS))
        write_span(self.data / f"2026-{month:02d}", of, 2, brightness, *([exchanged] if wrong else []))
        return self.retrain()

    def retrain(self) -> RetrainingRecord:
        date = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=30 * len(self.records))
        record = retrain_locally(self._config, self.data, self.output, lambda: date)
        self._promises.check(record)
        self.records.append(record)
        return record


def noted(output: OutputFolder) -> dict[str, str]:
    """What ML Metadata holds of retrainings: actions by name."""
    connection = metadata.sqlite_metadata_connection_config(str(output.metadata))
    store = mlmd.MetadataStore(connection)
    executions = {execution.id: execution.name for execution in store.get_executions_by_type(EXECUTION_TYPE)}
    events = store.get_events_by_execution_ids(list(executions))
    artifacts = {artifact.id: artifact for artifact in store.get_artifacts_by_id([e.artifact_id for e in events])}
    return {
        executions[event.execution_id]: artifacts[event.artifact_id].custom_properties["action"].string_value
        for event in events
    }


@pytest.mark.slow
def test_a_year_in_four_spans(tmp_path: Path) -> None:
    year = Year(tmp_path)

    first, nothing = year.live(), year.retrain()

    assert (first.action, first.incumbent_version) == ("published", None)
    assert (nothing.action, nothing.reasons) == ("skipped", ["There is nothing new to train on."])
    assert nothing.model_age_days == 30.0
    with hold(year.output), pytest.raises(BreastImagingError, match="Another run is using"):
        year.retrain()

    scanner = year.live(brightness=BRIGHT)
    assert scanner.action in ("published", "rejected")
    assert [text.split(": ")[:2] for text in scanner.drift] == [["2026-03", "brightness"]]
    assert scanner.spans_used == ["2026-01", "2026-03"]
    assert set(scanner.incumbent_figures) == {"test_auc", "test_recall", "test_specificity"}
    assert sum(scanner.patients.values()) > sum(first.patients.values())
    assert (year.output.root / scanner.report).is_file()

    fault = year.live(brightness=BRIGHT, wrong=True)
    assert (fault.action, fault.spans_refused, fault.spans_used) == ("span_refused", ["2026-04"], [])
    assert "the labels are probably exchanged" in fault.reasons[0]
    assert noted(year.output) == {
        f"retraining-{record.number:06d}": record.action for record in [first, nothing, scanner, fault]
    }
