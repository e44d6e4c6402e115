"""How a call to a Kubeflow Pipelines server fails, each failure with what to do about it."""

import json
from typing import Final

from schema.errors import BreastImagingError, ConfigurationError

_SHOWN_CHARACTERS: Final = 500  # of what the server said
_LOOK_FIRST: Final = (
    "the request may have been carried out: look with `breast-imaging kubeflow status`, then give the command again"
)
_TRY_AGAIN: Final = "give the command again in some minutes; if it stays so, ask whoever runs the server"


class RefusedError(ConfigurationError):
    """The server understood the request and will not do it."""


class NotFoundError(RefusedError):
    """What the request names is not on the server."""


class ConflictError(BreastImagingError):
    """What the request would make is there already, or is being changed by someone else."""


class UnavailableError(BreastImagingError):
    """No answer, or none but that the server is too busy or broken. Later the same request may succeed."""


class NotKubeflowError(BreastImagingError):
    """What answers is no Kubeflow Pipelines server of API v2beta1."""


def refusal(status: int, body: bytes, headers: dict[str, str], call: str, safe_to_repeat: bool) -> BreastImagingError:
    """The failure that an answer other than 2xx stands for.

    Args:
        call: method and address, to be shown.
        safe_to_repeat: whether repeating the request changes nothing.
    """
    said = _said(body)
    if 300 <= status < 400:
        return RefusedError(
            f"{call}: the server sends its clients elsewhere to log in ({_origin(headers)}).",
            fix="give a bearer token with --token-file, or reach the server past its login page with --port-forward",
        )
    if status == 401:
        return RefusedError(
            f"{call}: the server does not know who asks (401{said}).",
            fix="give a bearer token that is valid now with --token-file or BREAST_IMAGING_KUBEFLOW_TOKEN",
        )
    if status == 403:
        return RefusedError(
            f"{call}: whoever asks may not do this (403{said}).",
            fix="name a namespace that you may use with --namespace, or ask for the role kubeflow-edit there",
        )
    if status == 404:
        return NotFoundError(
            f"{call}: the server knows no such thing (404{said}).",
            fix="see what there is with `breast-imaging kubeflow status`; check --endpoint where that fails as well",
        )
    if status == 409:
        return ConflictError(
            f"{call}: it is there already, or somebody else is changing it (409{said}).",
            fix="give the command again: it takes up what is there",
        )
    if status == 429 or status >= 500:
        return UnavailableError(
            f"{call}: the server {'is busy' if status == 429 else 'failed'} ({status}{said}).",
            fix=_TRY_AGAIN if safe_to_repeat or status == 429 else _LOOK_FIRST,
        )
    return RefusedError(
        f"{call}: the server refused the request ({status}{said}).",
        fix="correct what the server names, and try again",
    )


def unreachable(call: str, why: str) -> UnavailableError:
    """No connection: the request was never sent."""
    return UnavailableError(
        f"{call}: the server cannot be reached ({why}).",
        fix="check --endpoint and the network; on a cluster's own network only, use --port-forward",
    )


def unanswered(call: str, why: str, safe_to_repeat: bool) -> UnavailableError:
    """The request was sent, and no whole answer came."""
    return UnavailableError(
        f"{call}: no answer ({why}).", fix="try again, with a longer --deadline" if safe_to_repeat else _LOOK_FIRST
    )


def untrusted(call: str, why: str) -> RefusedError:
    return RefusedError(
        f"{call}: the server's certificate is not trusted ({why}).",
        fix="name the authority that signed it, a PEM file, with --tls-ca; check the host name in --endpoint",
    )


def not_kubeflow(call: str, why: str) -> NotKubeflowError:
    return NotKubeflowError(
        f"{call}: the answer is not one of Kubeflow Pipelines ({why}).",
        fix="check --endpoint: it is the address of the API server or of the UI, such as http://localhost:8888",
    )


def _said(body: bytes) -> str:
    """What the server gives as its reason, for a message; empty where it gives none that can be shown."""
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    text = content.get("error_message") or content.get("message") or content.get("error") or ""
    line = " ".join(str(text).split())
    if len(line) > _SHOWN_CHARACTERS:
        line = f"{line[:_SHOWN_CHARACTERS]} ..."
    return f": {line}" if line else ""


def _origin(headers: dict[str, str]) -> str:
    """Where a redirection leads, without its query, which may hold secrets."""
    location = next((value for name, value in headers.items() if name.lower() == "location"), "")
    return location.partition("?")[0] or "it does not say where"
