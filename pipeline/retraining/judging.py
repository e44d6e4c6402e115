"""Accepts or refuses spans, each by one rename, and finds out when one changed after that."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.data_gate.report import population_of
from components.settings import SpanSettings
from components.spans.file_states import FileState, changed_files, fingerprint_of, read_file_states
from components.spans.ledger import Generation, Ledger, add_generation
from pipeline.config import Config
from pipeline.failures import explain
from pipeline.retraining.folder import Refusal, RetrainingFolder
from pipeline.retraining.runner import Runner, Validated
from pipeline.retraining.spans import Span
from schema.errors import DataRejectedError


@dataclass(frozen=True)
class SpanJudge:
    """Judges spans for one retraining. Attributes: retraining: its number; now: ISO 8601, UTC."""

    config: Config
    folder: RetrainingFolder
    runner: Runner
    retraining: int
    now: str

    def judge_new(self, spans: Sequence[Span], ledger: Ledger) -> Ledger:
        """Judges each span that is complete, and was neither accepted nor refused as it is now.

        Args: spans: all of them, oldest first.

        Returns:
            The ledger with those that are accepted.

        Raises DataRejectedError where a span changes meanwhile.
        """
        refusals = self.folder.refusals()
        for span in spans:
            if not span.complete or span.name in ledger.spans:
                continue
            states = read_file_states(span.path)
            refusal = refusals.get(span.name)
            if refusal is None or refusal.fingerprint != fingerprint_of(states):
                accepted = accepted_names(spans, ledger)
                ledger = self._judge(span, states, ledger, accepted)
        return ledger

    def _judge(self, span: Span, states: dict[str, FileState], ledger: Ledger, accepted: Sequence[str]) -> Ledger:
        compared = latest(accepted, self.config.retraining.window)
        settings = span_settings(ledger, [span.name], [*compared, span.name])
        try:
            validated = self.runner.validate(self.config, settings, fingerprint_of(states))
        except DataRejectedError as error:
            self._refuse(span, states, told(error), [])
            return ledger
        _check_unchanged(span, states)
        verdict = validated.verdict
        if not verdict.accepted:
            self._refuse(span, states, verdict.reasons, verdict.drift)
            return ledger
        return add_generation(ledger, self._generation(span, states, validated), validated.manifest)

    def _refuse(
        self, span: Span, states: Mapping[str, FileState], reasons: Sequence[str], drift: Sequence[str]
    ) -> None:
        self.folder.refuse(
            Refusal(
                span=span.name,
                retraining=self.retraining,
                fingerprint=fingerprint_of(states),
                reasons=list(reasons),
                drift=list(drift),
            )
        )

    def _generation(self, span: Span, states: dict[str, FileState], validated: Validated) -> Generation:
        return Generation(
            span=span.name,
            retraining=self.retraining,
            accepted=self.now,
            population=population_of(self.config.data),
            files=states,
            **validated.verdict.model_dump(include={"drift", "notes", "images", "patients"}),
        )


def check_accepted(ledger: Ledger, spans: Sequence[Span]) -> None:
    """Raises DataRejectedError where a span that was accepted is not what it was."""
    there = {span.name: span for span in spans}
    for generation in ledger.generations:
        if generation.span not in there:
            raise DataRejectedError(
                f"The span {generation.span}, which was accepted, is no longer there.",
                fix="restore its folder: the test has images of all spans",
            )
        changed = list(changed_files(there[generation.span].path, generation.files))
        if changed:
            raise DataRejectedError(
                f"The span {generation.span}, which was accepted, has changed: {len(changed)} files.",
                reasons=changed,
                fix="restore these files, and bring corrections and further images in a span of their own",
            )


def accepted_names(spans: Sequence[Span], ledger: Ledger) -> list[str]:
    """Oldest first, whenever they came."""
    accepted = set(ledger.spans)
    return [span.name for span in spans if span.name in accepted]


def latest(names: Sequence[str], window: int) -> Sequence[str]:
    """The last ones; all where the window is 0."""
    return names[-window:]


def span_settings(ledger: Ledger, folders: Sequence[str], training: Sequence[str]) -> SpanSettings:
    return SpanSettings(
        folders=tuple(folders),
        training=tuple(training),
        ledger=str(ledger.folder),
        ledger_checksum=ledger.checksum,
    )


def fingerprint_of_spans(ledger: Ledger) -> str:
    """Of all files of all accepted spans."""
    digest = hashlib.sha256()
    for generation in ledger.generations:
        digest.update(f"{generation.span}\0{fingerprint_of(generation.files)}\0".encode())
    return digest.hexdigest()


def told(error: Exception) -> list[str]:
    """What an error says, line by line."""
    explained = explain(error)
    return [explained.what, *explained.reasons]


def refusal_reasons(refusals: Sequence[Refusal]) -> Iterator[str]:
    for refusal in refusals:
        yield from (f"{refusal.span}: {reason.strip()}" for reason in refusal.reasons)


def _check_unchanged(span: Span, states: Mapping[str, FileState]) -> None:
    changed = next(changed_files(span.path, states), None)
    if changed is not None:
        raise DataRejectedError(
            f"{span.path / changed} changed while the span was looked at.",
            fix="wait until all files are there, and run again; a file named .incomplete in a span makes it wait",
        )
