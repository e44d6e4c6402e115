"""What came of an alert."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class DeliveryError(Exception):
    """Why an alert was not delivered. It never reaches the caller of `notify`."""


class AlertOutcome(BaseModel):
    """What came of one way of telling.

    Attributes:
        delivered: whether the command ended with 0, or the server answered with 2xx.
        detail: what was answered, or why it failed; no secret and no payload.
    """

    model_config = ConfigDict(frozen=True)

    channel: Literal["command", "webhook"]
    delivered: bool
    detail: str
