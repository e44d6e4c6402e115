"""Tells of a retraining over every channel that the configuration names."""

import logging
from collections.abc import Callable, Mapping

from pipeline.alerts.command import run_command
from pipeline.alerts.delivery import AlertOutcome, DeliveryError
from pipeline.alerts.payload import Alert, make_alert
from pipeline.alerts.settings import AlertSettings
from pipeline.alerts.webhook import post
from pipeline.retraining.record import Action, RetrainingRecord
from pipeline.secret import SecretError

_LOGGER = logging.getLogger(__name__)


def notify(settings: AlertSettings, record: RetrainingRecord, pipeline: str) -> list[AlertOutcome]:
    """Tells of a retraining, where `settings.events` has what happened.

    What fails is logged and in the outcomes, never raised.

    Args:
        pipeline: `name` of the configuration.

    Returns an outcome for each channel; none where there is nothing to tell, or nobody.
    """
    if _events(record).isdisjoint(settings.events):
        return []
    alert = make_alert(record, pipeline, test=False)
    outcomes = send(settings, alert)
    for outcome in outcomes:
        level = logging.INFO if outcome.delivered else logging.WARNING
        _LOGGER.log(level, "alert %s by %s: %s", alert.identifier, outcome.channel, outcome.detail)
    return outcomes


def _events(record: RetrainingRecord) -> set[Action]:
    """The decision, and the refusal of a span, which may be beside another one."""
    return {record.action, "span_refused"} if record.spans_refused else {record.action}


def send(settings: AlertSettings, alert: Alert) -> list[AlertOutcome]:
    """As `notify`, whatever `settings.events` says, and without a line in the log."""
    return [_try(channel, deliver) for channel, deliver in _channels(settings, alert).items()]


def _channels(settings: AlertSettings, alert: Alert) -> Mapping[str, Callable[[], str]]:
    channels: dict[str, Callable[[], str]] = {}
    if settings.command:
        channels["command"] = lambda: run_command(
            settings.command, alert.as_record(), settings.command_timeout_seconds
        )
    if settings.webhook.is_set:
        body = alert.as_text() if settings.webhook.format == "text" else alert.as_record()
        channels["webhook"] = lambda: post(settings.webhook, body, alert.identifier)
    return channels


def _try(channel: str, deliver: Callable[[], str]) -> AlertOutcome:
    try:
        return AlertOutcome(channel=channel, delivered=True, detail=deliver())  # type: ignore[arg-type]
    except (DeliveryError, SecretError) as error:
        return AlertOutcome(channel=channel, delivered=False, detail=str(error))  # type: ignore[arg-type]
