"""Secrets, read where the configuration says that they are."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

MOST_BYTES: Final = 16_384
# Where a secret is, never the secret: configurations are printed, logged and published with models.
# Without repr, messages do not repeat what was given: it may be a secret after all.
SecretReference = Annotated[str, Field(pattern=r"^(|env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$", repr=False)]


class SecretError(Exception):
    """Why a secret cannot be read; without its content."""


def read_secret(reference: str, environment: Mapping[str, str] = os.environ) -> str:
    """Args:
        reference: `env:NAME` or `file:PATH`.

    Returns the secret, without the line end that editors add to files.

    Raises SecretError where it is not there, empty, too long or more than one line.
    """
    kind, _, place = reference.partition(":")
    secret = environment.get(place, "") if kind == "env" else _read_file(Path(place).expanduser())
    secret = secret.strip()
    if not secret:
        raise SecretError(f"there is no secret in {_describe(kind, place)}")
    if not secret.isprintable():
        raise SecretError(f"the secret in {_describe(kind, place)} is not one line of text")
    return secret


def _describe(kind: str, place: str) -> str:
    return f"the environment variable {place}" if kind == "env" else f"the file {place}"


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise SecretError(f"the file {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SecretError(f"the file {path} is not UTF-8 text") from error
    if len(content) > MOST_BYTES:
        raise SecretError(f"the file {path} is longer than {MOST_BYTES:,} bytes")
    return text
