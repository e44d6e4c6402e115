"""One retraining, from new spans to a published model, and its record.

The order is what makes it safe to be killed at any instant. A span is judged, and then accepted or refused by one
rename; an accepted one is in the ledger with all its patients before anything is trained on it, so that no later
run can move them. The record is written last, since it tells how all ended: without it, the next retraining finds
what was accepted and not trained on, and carries on; finished steps come from TFX's cache.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.data_gate.report import population_of
from components.spans.ledger import Ledger, read_ledger
from pipeline.config import Config
from pipeline.retraining.decision import Facts, decide
from pipeline.retraining.folder import RetrainingFolder, Start, last_trained
from pipeline.retraining.judging import (
    SpanJudge,
    accepted_names,
    check_accepted,
    fingerprint_of_spans,
    latest,
    refusal_reasons,
    span_settings,
    told,
)
from pipeline.retraining.record import RetrainingRecord
from pipeline.retraining.recording import Ending, make_record, model_age_days, refused_by
from pipeline.retraining.runner import Runner, Trained
from pipeline.retraining.safeguards import check_comparison, check_incumbent, training_config
from pipeline.retraining.spans import Span, find_spans
from schema.errors import ConfigurationError

Clock = Callable[[], datetime]


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
            ConfigurationError: before anything is done, where the spans cannot be told apart, where the configuration
                would let a worse model be published, or where the served one came from elsewhere.
            LedgerError: the ledger is not what was written.
            DataRejectedError: a span that was accepted has changed, or all together are refused. As any other
                failure from here on, it is recorded.
        """
        check_comparison(self.config)
        spans = find_spans(self.data)
        history, ledger = self.folder.history(), read_ledger(self.folder.ledger)
        self._check_population(ledger)
        self.runner.note(history)  # of one that was killed before it could
        start = self._start(len(history) + 1)
        check_incumbent(start.incumbent_version, history)
        age = model_age_days(start, history)
        try:
            ending = self._do(start, age, last_trained(history), spans, ledger)
        except Exception as error:
            # A step after the publication may have failed.
            served = self.runner.incumbent_version()
            published = served if served != start.incumbent_version else None
            self._keep(Ending("failed", told(error), published=published), start, age)
            raise
        return self._keep(ending, start, age)

    def _start(self, number: int) -> Start:
        incumbent = self.runner.incumbent_version()
        return self.folder.start(Start(number=number, started=self.clock().isoformat(), incumbent_version=incumbent))

    def _do(
        self, start: Start, age: float | None, trained_up_to: int, spans: Sequence[Span], ledger: Ledger
    ) -> Ending:
        check_accepted(ledger, spans)
        judge = SpanJudge(self.config, self.folder, self.runner, start.number, self.clock().isoformat())
        ledger = judge.judge_new(spans, ledger)
        decision = decide(_facts(ledger, trained_up_to, age), self.config.retraining)
        refused = list(refusal_reasons(refused_by(start, self.folder)))
        remarks = [*_notes(ledger, start), *_waiting(spans)]
        if decision.action == "skip":
            return Ending("span_refused" if refused else "skipped", [*refused, *decision.reasons, *remarks])
        used = accepted_names(spans, ledger)
        trained = self._train(start, used, ledger)
        reasons = [*decision.reasons, *trained.reasons, *refused, *remarks]
        published = trained.published_version
        return Ending("rejected" if published is None else "published", reasons, published, used, trained)

    def _train(self, start: Start, used: Sequence[str], ledger: Ledger) -> Trained:
        config = training_config(self.config, incumbent=start.incumbent_version is not None)
        settings = span_settings(ledger, used, latest(used, config.retraining.window))
        trained = self.runner.train(config, settings, fingerprint_of_spans(ledger))
        shutil.copytree(trained.report, self.folder.report(start.number), dirs_exist_ok=True)
        return trained

    def _keep(self, ending: Ending, start: Start, age: float | None) -> RetrainingRecord:
        ledger, refused = read_ledger(self.folder.ledger), refused_by(start, self.folder)
        record = make_record(ending, start, age, ledger, refused, self.config, self.clock())
        self.folder.add_record(record)
        self.runner.note([record])
        for act in self.after:
            act(record)
        return record

    def _check_population(self, ledger: Ledger) -> None:
        if any(each.population != population_of(self.config.data) for each in ledger.generations):
            raise ConfigurationError(
                f"The ledger in {ledger.folder} is of another data set, other classes or other filters.",
                fix="use the configuration that it was begun with, or another folder: --output DIR",
            )


def _notes(ledger: Ledger, start: Start) -> Iterator[str]:
    """What a person should know of the spans that are accepted now."""
    for generation in ledger.generations:
        if generation.retraining == start.number:
            yield from (f"{generation.span}: {note}" for note in generation.notes)


def _waiting(spans: Sequence[Span]) -> Iterator[str]:
    return (f"{span.name} is still being written." for span in spans if not span.complete)


def _facts(ledger: Ledger, trained_up_to: int, age: float | None) -> Facts:
    """Args: trained_up_to: number of the last retraining whose model was judged."""
    pending = [generation for generation in ledger.generations if generation.retraining > trained_up_to]
    return Facts(
        new_images=sum(generation.images for generation in pending),
        new_patients=sum(generation.patients for generation in pending),
        drift=any(generation.drift for generation in pending),
        model_age_days=age,
    )
