"""Failures become answers, are counted, and say nothing of the request in the log."""

import asyncio
import logging
from typing import Any

import pytest
from grpc import StatusCode

from serving.server.errors import RequestError
from serving.server.execution import Admission
from serving.server.grpc_services import PredictionService
from serving.server.metrics import Metrics


class Context:
    """Attributes: ended: how the call was."""

    ended: tuple[StatusCode, str] | None = None

    async def abort(self, code: StatusCode, message: str) -> None:
        self.ended = (code, message)


class Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def predict(self, request: object) -> None:
        raise self._error


def predict_that_fails(error: Exception) -> tuple[StatusCode, str] | None:
    context, service = Context(), PredictionService(Failing(error))
    asyncio.run(service.Predict(None, context))
    return context.ended


def test_a_failure_of_the_request_is_told_as_it_is() -> None:
    error = RequestError(StatusCode.NOT_FOUND, "Servable not found for request: Latest(x)")

    assert predict_that_fails(error) == (StatusCode.NOT_FOUND, "Servable not found for request: Latest(x)")


def test_any_other_failure_is_internal_and_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = predict_that_fails(ValueError("Jane Doe"))

    assert answer == (StatusCode.INTERNAL, "Internal error; see the server's log.")
    assert "Unexpected ValueError" in caplog.text
    assert "in predict" in caplog.text
    assert "Jane" not in caplog.text


def count(metrics: Metrics, error: BaseException | None) -> None:
    with metrics.request("Predict") as counted:
        counted.model, counted.version = "m", "3"
        if error:
            raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, "OK"),
        (RequestError(StatusCode.INVALID_ARGUMENT, ""), "INVALID_ARGUMENT"),
        (ValueError(), "INTERNAL"),
        (asyncio.CancelledError(), "CANCELLED"),
    ],
)
def test_requests_are_counted_by_how_they_end(error: Any, code: str) -> None:
    metrics = Metrics(lambda: [("m", 3)])
    for _ in range(2):
        try:
            count(metrics, error)
        except type(error or ValueError()):
            pass

    page = metrics.page().decode().splitlines()
    labels = f'code="{code}",method="Predict",model="m",version="3"'
    assert f"breast_imaging_server_requests_total{{{labels}}} 2.0" in page
    assert 'breast_imaging_server_request_seconds_count{method="Predict",model="m"} 2.0' in page
    assert "breast_imaging_server_requests_in_flight 0.0" in page
    assert 'breast_imaging_server_version_loaded{model="m",version="3"} 1.0' in page


def test_admission_ends_at_the_limit_and_when_closed() -> None:
    async def run() -> None:
        admission = Admission(2)
        with admission.enter(), admission.enter():
            with pytest.raises(RequestError) as caught, admission.enter():
                pass
            assert caught.value.code == StatusCode.RESOURCE_EXHAUSTED
            closing = asyncio.create_task(admission.close(60))
            await asyncio.sleep(0)
            with pytest.raises(RequestError) as caught, admission.enter():
                pass
            assert caught.value.code == StatusCode.UNAVAILABLE
            assert not closing.done()
        await closing

    asyncio.run(run())
