"""One retraining, from new spans to a published model, and its record.

The order is what makes it safe to be killed at any instant. A span is judged, and then accepted or refused by one
rename; an accepted one is in the ledger with all its patients before anything is trained on it, so that no later
run can move them. The record is written last, since it tells how all ended: without it, the next retraining finds
what was accepted and not trained on, and carries on; finished steps come from TFX's cache.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from components.data_gate.report import population_of
from components.settings import SpanSettings
from components.spans.file_states import FileState, changed_files, fingerprint_of, read_file_states
from components.spans.ledger import Generation, Ledger, add_generation, read_ledger
from pipeline.config import Config
from pipeline.failures import explain
from pipeline.retraining.decision import Facts, decide
from pipeline.retraining.folder import Refusal, RetrainingFolder, Start, last_trained
from pipeline.retraining.record import RetrainingRecord
from pipeline.retraining.runner import Runner, Trained
from pipeline.retraining.safeguards import check_comparison, training_config
from pipeline.retraining.spans import Span, find_spans
from schema.errors import ConfigurationError, DataRejectedError

Clock = Callable[[], datetime]

_DAY_SECONDS: Final = 86_400.0
_REPORT_FOLDER: Final = "retraining/reports"


@dataclass(frozen=True)
class Retraining:
    """What a retraining is given.

    Attributes:
        data: the folder of the spans.
        clock: tells the time in UTC.
        after: what is done with the record once it is written, such as alerts.
    """

    config: Config
    data: Path
    folder: RetrainingFolder
    runner: Runner
    clock: Clock
    after: Sequence[Callable[[RetrainingRecord], object]] = ()

    def do(self) -> RetrainingRecord:
        """Does all there is to do, and returns its record, which is in the history and in ML Metadata by then.

        Raises:
            ConfigurationError: before anything is done, where the spans cannot be told apart, or the configuration
                would let a worse model be published.
            LedgerError: the ledger is not what was written.
            DataRejectedError: a span that was accepted has changed, or all together are refused. As any other
                failure from here on, it is recorded.
        """
        check_comparison(self.config)
        spans = find_spans(self.data)
        history, ledger = self.folder.history(), read_ledger(self.folder.ledger)
        self._check_population(ledger)
        self.runner.note(history)
        start = self.folder.start(
            Start(
                number=len(history) + 1,
                started=self.clock().isoformat(),
                incumbent_version=self.runner.incumbent_version(),
            )
        )
        try:
            record = self._do(start, history, spans, ledger)
        except Exception as error:
            self._keep(self._record(start, history, "failed", list(_told(error))))
            raise
        self._keep(record)
        return record

    def _do(
        self, start: Start, history: Sequence[RetrainingRecord], spans: Sequence[Span], ledger: Ledger
    ) -> RetrainingRecord:
        _check_accepted(ledger, {span.name: span for span in spans})
        ledger = self._judge_new(start, spans, ledger)
        pending = [each for each in ledger.generations if each.retraining > last_trained(history)]
        facts = Facts(
            new_images=sum(each.images for each in pending),
            new_patients=sum(each.patients for each in pending),
            drift=any(each.drift for each in pending),
            model_age_days=self._age(start, history),
        )
        decision = decide(facts, self.config.retraining)
        refused = [reason for refusal in self._refused_by(start) for reason in _refusal_reasons(refusal)]
        waiting = [f"{span.name} is still being written." for span in spans if not span.complete]
        if decision.action == "skip":
            action = "span_refused" if refused else "skipped"
            return self._record(start, history, action, [*refused, *decision.reasons, *waiting])
        used = [span.name for span in spans if span.name in set(ledger.spans)]
        trained = self._train(start, used, ledger)
        action = "rejected" if trained.published_version is None else "published"
        reasons = [*decision.reasons, *trained.reasons, *refused, *waiting]
        return self._record(start, history, action, reasons, used, trained)

    def _judge_new(self, start: Start, spans: Sequence[Span], ledger: Ledger) -> Ledger:
        """Accepts or refuses each span that is complete and was neither accepted nor refused as it is now."""
        refusals = self.folder.refusals()
        for span in spans:
            if not span.complete or span.name in ledger.spans:
                continue
            states = read_file_states(span.path)
            refusal = refusals.get(span.name)
            if refusal is None or refusal.fingerprint != fingerprint_of(states):
                ledger = self._judge(start, span, states, ledger, spans)
        return ledger

    def _judge(
        self, start: Start, span: Span, states: dict[str, FileState], ledger: Ledger, spans: Sequence[Span]
    ) -> Ledger:
        accepted = [each.name for each in spans if each.name in set(ledger.spans)]
        settings = self._span_settings((span.name,), (*self._window(accepted), span.name), ledger)
        fingerprint = fingerprint_of(states)
        try:
            validated = self.runner.validate(self.config, settings, fingerprint)
        except DataRejectedError as error:
            self._refuse(start, span, fingerprint, list(_told(error)), [])
            return ledger
        changed = next(changed_files(span.path, states), None)
        if changed is not None:
            raise DataRejectedError(
                f"{span.path / changed} changed while the span was looked at.",
                fix="wait until all files are there, and run again; a file named .incomplete in a span makes it wait",
            )
        verdict = validated.verdict
        if not verdict.accepted:
            self._refuse(start, span, fingerprint, verdict.reasons, verdict.drift)
            return ledger
        generation = Generation(
            span=span.name,
            retraining=start.number,
            accepted=self.clock().isoformat(),
            population=population_of(self.config.data),
            drift=verdict.drift,
            notes=verdict.notes,
            images=verdict.images,
            patients=verdict.patients,
            files=states,
        )
        return add_generation(ledger, generation, validated.manifest)

    def _refuse(self, start: Start, span: Span, fingerprint: str, reasons: list[str], drift: list[str]) -> None:
        self.folder.refuse(
            Refusal(span=span.name, retraining=start.number, fingerprint=fingerprint, reasons=reasons, drift=drift)
        )

    def _train(self, start: Start, used: Sequence[str], ledger: Ledger) -> Trained:
        config = training_config(self.config, incumbent=start.incumbent_version is not None)
        settings = self._span_settings(tuple(used), tuple(self._window(used)), ledger)
        trained = self.runner.train(config, settings, _fingerprint_of_all(ledger))
        shutil.copytree(trained.report, self.folder.report(start.number), dirs_exist_ok=True)
        return trained

    def _window(self, spans: Sequence[str]) -> Sequence[str]:
        return spans[-self.config.retraining.window :]

    def _span_settings(self, folders: tuple[str, ...], training: tuple[str, ...], ledger: Ledger) -> SpanSettings:
        return SpanSettings(
            folders=folders, training=training, ledger=str(ledger.folder), ledger_checksum=ledger.checksum
        )

    def _age(self, start: Start, history: Sequence[RetrainingRecord]) -> float | None:
        version = start.incumbent_version
        if version is None:
            return None
        published = [record.finished for record in history if record.published_version == version]
        # What no retraining has published bears the second of its publication as its version.
        since = datetime.fromisoformat(published[-1]) if published else datetime.fromtimestamp(version, UTC)
        return (datetime.fromisoformat(start.started) - since).total_seconds() / _DAY_SECONDS

    def _refused_by(self, start: Start) -> list[Refusal]:
        return [each for each in self.folder.refusals().values() if each.retraining == start.number]

    def _record(
        self,
        start: Start,
        history: Sequence[RetrainingRecord],
        action: Any,
        reasons: list[str],
        used: Sequence[str] = (),
        trained: Trained | None = None,
    ) -> RetrainingRecord:
        """Spans that an interrupted attempt has judged are new in this one, which has its number."""
        refused = self._refused_by(start)
        added = [each for each in read_ledger(self.folder.ledger).generations if each.retraining == start.number]
        return RetrainingRecord(
            number=start.number,
            started=start.started,
            finished=self.clock().isoformat(),
            action=action,
            reasons=reasons,
            spans_new=[*(each.span for each in added), *(each.span for each in refused)],
            spans_refused=[each.span for each in refused],
            spans_used=list(used),
            drift=[
                *(f"{each.span}: {text}" for each in added for text in each.drift),
                *(f"{each.span}: {text}" for each in refused for text in each.drift),
            ],
            images=trained.images if trained else {},
            patients=trained.patients if trained else {},
            figures=trained.figures if trained else {},
            incumbent_figures=trained.incumbent_figures if trained else {},
            incumbent_version=start.incumbent_version,
            published_version=trained.published_version if trained else None,
            model_age_days=self._age(start, history),
            report=f"{_REPORT_FOLDER}/{start.number:06d}/index.html" if trained else "",
            configuration=hashlib.sha256(self.config.to_yaml().encode()).hexdigest(),
        )

    def _keep(self, record: RetrainingRecord) -> None:
        self.folder.add_record(record)
        self.runner.note([record])
        for act in self.after:
            act(record)

    def _check_population(self, ledger: Ledger) -> None:
        if any(each.population != population_of(self.config.data) for each in ledger.generations):
            raise ConfigurationError(
                f"The ledger in {ledger.folder} is of another data set, other classes or other filters.",
                fix="use the configuration that it was begun with, or another folder: --output DIR",
            )


def _check_accepted(ledger: Ledger, spans: dict[str, Span]) -> None:
    """Raises DataRejectedError where a span that was accepted is not what it was."""
    for generation in ledger.generations:
        span = spans.get(generation.span)
        if span is None:
            raise DataRejectedError(
                f"The span {generation.span}, which was accepted, is no longer there.",
                fix="restore its folder: the test has images of all spans",
            )
        changed = list(changed_files(span.path, generation.files))
        if changed:
            raise DataRejectedError(
                f"The span {generation.span}, which was accepted, has changed: {len(changed)} files.",
                reasons=changed,
                fix="restore these files, and bring corrections and further images in a span of their own",
            )


def _fingerprint_of_all(ledger: Ledger) -> str:
    digest = hashlib.sha256()
    for generation in ledger.generations:
        digest.update(f"{generation.span}\0{fingerprint_of(generation.files)}\0".encode())
    return digest.hexdigest()


def _refusal_reasons(refusal: Refusal) -> Iterator[str]:
    yield from (f"{refusal.span}: {reason.strip()}" for reason in refusal.reasons)


def _told(error: Exception) -> Iterator[str]:
    explained = explain(error)
    yield explained.what
    yield from explained.reasons
