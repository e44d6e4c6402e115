"""What retraining promises, checked after each one."""

import csv
import io

from components.clinical_evaluator.content import PREDICTIONS_FILE
from components.publisher.releases import versions
from components.spans.ledger import read_ledger
from pipeline.output import OutputFolder
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.record import RetrainingRecord

ROUNDING = 1e-3  # of the AUC that TFMA gates, which it takes from counts at 10,000 thresholds


class Promises:
    """Remembers where every patient and every image was, and what was served."""

    def __init__(self, output: OutputFolder) -> None:
        self._output = output
        self._splits: dict[str, str] = {}
        self._tested: set[str] = set()
        self._versions: list[int] = []

    def check(self, record: RetrainingRecord) -> None:
        self._check_patients(record)
        self._check_versions(record)
        self._check_history(record)

    def _check_patients(self, record: RetrainingRecord) -> None:
        entries = read_ledger(self._output.retraining / "ledger").entries()
        kept = [entry for entry in entries if entry.split]
        for entry in kept:
            assert self._splits.setdefault(entry.patient, entry.split) == entry.split, entry
        tested = {entry.source for entry in kept if entry.split == "test"}
        assert tested >= self._tested
        self._tested = tested
        pixels = [entry.pixel_sha256 for entry in kept]
        assert len(pixels) == len(set(pixels))
        if record.spans_used:
            table = (self._output.evaluation / PREDICTIONS_FILE).read_text()
            assert {row["source"] for row in csv.DictReader(io.StringIO(table))} == tested

    def _check_versions(self, record: RetrainingRecord) -> None:
        served = sorted(version for model in self._output.serving.glob("*") for version in versions(model))
        new = [version for version in served if version not in self._versions]
        assert new == ([record.published_version] if record.published_version else [])
        assert (record.action == "published") == bool(new)
        if record.action == "published" and record.incumbent_version is not None:
            assert record.figures["test_auc"] >= record.incumbent_figures["test_auc"] - ROUNDING
        self._versions = served

    def _check_history(self, record: RetrainingRecord) -> None:
        history = RetrainingFolder(self._output.retraining).history()
        assert history[-1] == record
        assert [each.number for each in history] == list(range(1, len(history) + 1))
