"""Failures become answers, are counted, and say nothing of the request in the log."""

import logging
import threading
from typing import Any

import pytest
from grpc import StatusCode

from serving.server.errors import RequestError
from serving.server.execution import Admission, DirectExecution
from serving.server.grpc_services import PredictionService
from serving.server.loaded_version import LoadedVersion
from serving.server.metrics import Metrics


class Context:
    """Attributes: ended: how the call was."""

    ended: tuple[StatusCode, str] | None = None

    def is_active(self) -> bool:
        return True

    def abort(self, code: StatusCode, message: str) -> None:
        self.ended = (code, message)


class Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def predict(self, request: object, is_wanted: object) -> None:
        raise self._error


def predict_that_fails(error: Exception) -> tuple[StatusCode, str] | None:
    context, service = Context(), PredictionService(Failing(error))
    service.Predict(None, context)
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
        (KeyboardInterrupt(), "CANCELLED"),
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


def refused(admission: Admission) -> StatusCode:
    with pytest.raises(RequestError) as caught, admission.enter():
        pass
    return caught.value.code


def test_admission_ends_at_the_limit() -> None:
    admission = Admission(2)

    with admission.enter(), admission.enter():
        assert refused(admission) == StatusCode.RESOURCE_EXHAUSTED
    with admission.enter():
        pass


def test_nobody_is_admitted_after_the_end_which_waits_for_those_inside() -> None:
    admission, inside, leave = Admission(2), threading.Event(), threading.Event()

    def stay() -> None:
        with admission.enter():
            inside.set()
            leave.wait(60)

    staying, closing = threading.Thread(target=stay), threading.Thread(target=admission.close, args=[60])
    staying.start()
    assert inside.wait(60)
    closing.start()
    while (code := refused_or_admitted(admission)) is None:
        pass

    assert code == StatusCode.UNAVAILABLE
    assert closing.is_alive()
    leave.set()
    closing.join(60)
    assert not closing.is_alive()
    staying.join()


def refused_or_admitted(admission: Admission) -> StatusCode | None:
    try:
        with admission.enter():
            return None
    except RequestError as error:
        return error.code


class Model:
    """Counts what it is asked."""

    asked = 0

    def run(self, signature: str, inputs: Any) -> dict[str, Any]:
        self.asked += 1
        return {}


def test_what_nobody_waits_for_is_not_computed() -> None:
    model = Model()
    execution = DirectExecution(threading.BoundedSemaphore(1))
    version = LoadedVersion(1, model, lambda: None)

    with pytest.raises(RequestError) as caught:
        execution.run(version, "serving_default", {}, lambda: False)

    assert (caught.value.code, model.asked) == (StatusCode.CANCELLED, 0)
    assert execution.run(version, "serving_default", {}, lambda: True) == {}
    assert model.asked == 1
