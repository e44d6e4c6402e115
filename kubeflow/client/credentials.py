"""Who asks: bearer tokens from files or the environment, never from the command line, which all users can read."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from schema.errors import ConfigurationError

TOKEN_VARIABLE: Final = "BREAST_IMAGING_KUBEFLOW_TOKEN"  # noqa: S105  the name of a variable
# Where Kubeflow's PodDefault "access-ml-pipeline" puts a token for the API server, and kfp looks for it.
POD_TOKEN_VARIABLE: Final = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105
POD_TOKEN: Final = Path("/var/run/secrets/kubeflow/pipelines/token")
_LARGEST_TOKEN: Final = 64 * 1024
_CLUSTER_SUFFIXES: Final = (".svc", ".svc.cluster.local")


@dataclass(frozen=True)
class TokenFile:
    """A file that holds a token, and nothing else; read for each call, as clusters renew theirs within the hour."""

    path: Path

    def options(self) -> dict[str, Any]:
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        return {"credentials": ServiceAccountTokenVolumeCredentials(str(self.path))}


@dataclass(frozen=True, repr=False)
class TokenText:
    """A token."""

    text: str

    def options(self) -> dict[str, Any]:
        return {"existing_token": self.text}


Token = TokenFile | TokenText


def find_token(file: Path | None, environment: Mapping[str, str]) -> Token | None:
    """The token to show: that of the file named, else of the environment, else of the pod; None where there is none.

    Raises ConfigurationError where the file that is named holds no token.
    """
    if file is not None:
        return _checked(file)
    if text := environment.get(TOKEN_VARIABLE, "").strip():
        return TokenText(text)
    pod = Path(environment.get(POD_TOKEN_VARIABLE, POD_TOKEN))
    return _checked(pod) if pod.is_file() else None


def check_secrecy(endpoint: str) -> None:
    """Raises ConfigurationError where a token would cross a network unencrypted.

    Within a cluster it may: Kubeflow Pipelines itself speaks plain HTTP there.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if parts.scheme == "https" or _is_loopback(host) or "." not in host or host.endswith(_CLUSTER_SUFFIXES):
        return
    raise ConfigurationError(
        f"A bearer token would be sent unencrypted to {host}.",
        fix="use an endpoint of https://, or --port-forward, which is encrypted",
    )


def check_authorities(file: Path) -> None:
    """Raises ConfigurationError where a file holds no certificates."""
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:  # SSLError is one
        why = "it holds none" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"The authorities in {file} cannot be read ({why}).", fix="name a PEM file of certificates with --tls-ca"
        ) from error


def _checked(file: Path) -> TokenFile:
    try:
        size = file.stat().st_size
        text = file.read_text(encoding="ascii").strip() if 0 < size <= _LARGEST_TOKEN else ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigurationError(
            f"The token file {file} cannot be read ({why}).", fix="name a file that holds a bearer token"
        ) from error
    if not text or len(text.split()) != 1:
        raise ConfigurationError(
            f"The token file {file} holds no bearer token: one word of at most {_LARGEST_TOKEN} bytes is expected.",
            fix="write the token alone into it, such as with `kubectl create token NAME > FILE`",
        )
    return TokenFile(file)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
