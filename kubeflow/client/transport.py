"""HTTP for kfp's client, which by itself waits for ever, repeats little and takes any page for an answer."""

import io
import json
import re
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import kfp_server_api
import urllib3
from kfp_server_api.rest import RESTClientObject
from urllib3 import exceptions

from kubeflow.client.errors import not_kubeflow, refusal, unanswered, unreachable, untrusted
from schema.errors import BreastImagingError

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "DELETE"})
_SAFE_ACTIONS: Final = (":enable", ":disable", ":terminate")  # posted, but twice is the same as once
_TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_LONGEST_PAUSE: Final = 20.0
_LONGEST_RETRY_AFTER: Final = 60
_CHUNK: Final = 64 * 1024
_LARGEST_ANSWER: Final = 64 * 1024 * 1024  # a page of pipeline versions, each with its specification
_URLLIB3_OBJECT: Final = re.compile(r"^(<[^>]*>|\w+\([^)]*\)): ")


@dataclass(frozen=True)
class Limits:
    """How long a call may take, and how often it is repeated.

    Attributes:
        deadline: seconds to connect, to the first byte of the answer, and from there to its last one, after each of
            which an attempt is given up.
        retries: attempts after the first. Only what changes nothing when repeated is repeated once it was sent.
        pause: seconds before the second retry; it doubles each time up to 20 s, with as much again at random.
    """

    deadline: float = 30.0
    retries: int = 4
    pause: float = 0.5


class Transport(RESTClientObject):
    """kfp's HTTP with deadlines, repetition, and answers that are looked at. Raises what `errors` defines."""

    pool_manager: urllib3.PoolManager

    def __init__(self, configuration: kfp_server_api.Configuration, limits: Limits) -> None:
        super().__init__(configuration)
        self._deadline = limits.deadline
        encrypted: dict[str, Any] = self.pool_manager.connection_pool_kw
        self.pool_manager = _Pool(limits, encrypted)

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        parts = urlsplit(url)
        call = f"{method} {parts.scheme}://{parts.netloc}{parts.path}"
        try:
            response = super().request(method, url, *arguments, **options)
        except kfp_server_api.ApiException as error:
            raise refusal(error.status, error.body or b"", error.headers or {}, call, _safe(method, url)) from None
        except exceptions.HTTPError as error:
            raise _failure(error, call, _safe(method, url), self._deadline) from error
        _check_answer(response.data, call)
        return response


class _Pool(urllib3.PoolManager):
    """Connections whose every request has a deadline, and retries where they do no harm."""

    def __init__(self, limits: Limits, options: dict[str, Any]) -> None:
        super().__init__(**options)
        self._deadline = limits.deadline
        common: dict[str, Any] = {
            "total": limits.retries,
            "backoff_factor": limits.pause,
            "backoff_jitter": limits.pause,
            "backoff_max": _LONGEST_PAUSE,
            "raise_on_status": False,  # the last answer says more than "too many"
        }
        self._repeat = urllib3.Retry(
            **common, status_forcelist=_TRANSIENT, allowed_methods=None, retry_after_max=_LONGEST_RETRY_AFTER
        )
        self._send_once = urllib3.Retry(**common, read=False, other=False, respect_retry_after_header=False)

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = False, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        retries = self._repeat if _safe(method, url) else self._send_once
        options |= {"timeout": urllib3.Timeout(connect=self._deadline, read=self._deadline), "preload_content": False}
        while True:
            # A login page is not what was asked for, and a POST would arrive there as a GET.
            response = super().urlopen(method, url, redirect=False, **options, retries=retries)
            try:
                with closing(response):
                    data = _read(response, self._deadline)
                return urllib3.HTTPResponse(
                    io.BytesIO(data), response.headers, response.status, reason=response.reason, decode_content=False
                )
            except (exceptions.ProtocolError, exceptions.TimeoutError) as error:  # on the way, with the body
                retries = retries.increment(method, url, error=error)  # raises where there is none left
                retries.sleep()


class _TooLargeError(exceptions.HTTPError):
    """More bytes than an answer has."""


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The body of an answer: no more than there is room for, and in no more time than there is, however it drips."""
    end = time.monotonic() + deadline
    data = bytearray()
    while chunk := response.read1(_CHUNK):
        data += chunk
        if len(data) > _LARGEST_ANSWER:
            raise _TooLargeError
        if time.monotonic() > end:
            raise exceptions.TimeoutError
    return bytes(data)


def _safe(method: str, url: str) -> bool:
    """Whether a request may be sent twice."""
    return method in _SAFE_METHODS or urlsplit(url).path.endswith(_SAFE_ACTIONS)


def _failure(error: exceptions.HTTPError, call: str, safe: bool, deadline: float) -> BreastImagingError:
    reason: object = error.reason if isinstance(error, exceptions.MaxRetryError) else error
    if isinstance(reason, exceptions.SSLError):
        return untrusted(call, _short(reason))
    if isinstance(reason, exceptions.ConnectTimeoutError | exceptions.NewConnectionError):
        return unreachable(call, _short(reason))
    if isinstance(reason, exceptions.LocationValueError):
        return unreachable(call, "this is no address")
    if isinstance(reason, _TooLargeError):
        return not_kubeflow(call, f"it has more than {_LARGEST_ANSWER} bytes")
    if isinstance(reason, exceptions.TimeoutError):
        return unanswered(call, f"none within {deadline:g} s", safe)
    return unanswered(call, "the connection broke", safe)


def _short(reason: object) -> str:
    """Without the object that urllib3 puts before it."""
    return _URLLIB3_OBJECT.sub("", str(reason)).rstrip(".")


def _check_answer(data: bytes, call: str) -> None:
    """kfp's client turns a login page into an object with no fields, that is, into a server without pipelines."""
    try:
        content = json.loads(data)
    except ValueError:
        raise not_kubeflow(call, "it is not JSON") from None
    if not isinstance(content, dict):
        raise not_kubeflow(call, f"it is a JSON {type(content).__name__}")
