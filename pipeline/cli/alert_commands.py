"""What `breast-imaging alerts` does."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from pipeline.alerts.delivery import AlertOutcome
from pipeline.alerts.notify import send
from pipeline.alerts.payload import make_alert
from pipeline.config import load_config
from pipeline.retraining.record import RetrainingRecord
from schema.errors import EXIT_FAILED, ConfigurationError


def test_command(config_name: str, overrides: Sequence[str]) -> int:
    """Sends a test alert, and returns the exit code. Raises ConfigurationError where nobody is told."""
    config = load_config(config_name, overrides)
    outcomes = send(config.alerts, make_alert(_example(), config.name, test=True))
    if not outcomes:
        raise ConfigurationError(
            f"The configuration {config_name} tells nobody.",
            fix="set alerts.command, alerts.webhook.url or alerts.webhook.url_from",
        )
    print_outcomes(outcomes, Console())
    return 0 if all(outcome.delivered for outcome in outcomes) else EXIT_FAILED


def print_outcomes(outcomes: Sequence[AlertOutcome], console: Console) -> None:
    for outcome in outcomes:
        state = "delivered" if outcome.delivered else "NOT delivered"
        line = f"Alert by {outcome.channel} {state}: {outcome.detail}"
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _example() -> RetrainingRecord:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return RetrainingRecord(number=0, started=now, finished=now, action="skipped", reasons=[], configuration="")
