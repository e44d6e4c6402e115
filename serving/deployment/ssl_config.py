"""Fills the SSLConfig of TensorFlow Serving, which holds the contents of PEM files, from those files.

python -m serving.deployment.ssl_config SERVER_KEY SERVER_CERTIFICATE CLIENT_CA OUTPUT
"""

import os
import sys
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from schema.errors import EXIT_BAD_CONFIGURATION, BreastImagingError, ConfigurationError

MAXIMUM_PEM_BYTES: Final = 1024 * 1024
_CERTIFICATE: Final = "CERTIFICATE"
_KEYS: Final = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
_USAGE: Final = "usage: python -m serving.deployment.ssl_config SERVER_KEY SERVER_CERTIFICATE CLIENT_CA OUTPUT"


def ssl_config(server_key: Path, server_certificate: Path, client_ca: Path) -> str:
    """The text of an SSLConfig that asks every client for a certificate.

    Args:
        server_key: PEM file of the private key, not encrypted.
        server_certificate: PEM file of its certificate, followed by intermediate ones.
        client_ca: PEM file of the authorities that issue the certificates of clients.

    Raises ConfigurationError for a file that cannot be read or holds something else.
    """
    template = resources.files("serving.deployment") / "tensorflow-serving" / "ssl.config.template"
    return Template(template.read_text("utf-8")).substitute(
        server_key=_quoted(_read_pem(server_key, _KEYS)),
        server_cert=_quoted(_read_pem(server_certificate, (_CERTIFICATE,))),
        custom_ca=_quoted(_read_pem(client_ca, (_CERTIFICATE,))),
    )


def _read_pem(path: Path, labels: tuple[str, ...]) -> str:
    fix = f"give a PEM file that begins with -----BEGIN {labels[0]}-----"
    try:
        with path.open("rb") as file:
            text = file.read(MAXIMUM_PEM_BYTES + 1).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not PEM"
        raise ConfigurationError(f"{path} cannot be read ({reason}).", fix=fix) from error
    if len(text) > MAXIMUM_PEM_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAXIMUM_PEM_BYTES} bytes.", fix=fix)
    if not text.lstrip().startswith(tuple(f"-----BEGIN {label}-----" for label in labels)):
        raise ConfigurationError(f"{path} does not begin with {' or '.join(labels)}.", fix=fix)
    if "Proc-Type: 4,ENCRYPTED" in text:
        raise ConfigurationError(
            f"{path} is encrypted, and TensorFlow Serving has no way to ask for its password.",
            fix="decrypt it, for example with: openssl pkey -in KEY -out PLAIN_KEY",
        )
    return text


def _quoted(pem: str) -> str:
    """In the escapes of protobuf's text format, where a string is one line."""
    return pem.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "\\n")


def write_private(text: str, path: Path) -> None:
    """Writes a file that only its owner can read, in one step. Raises ConfigurationError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}).", fix="name a file in a folder that you can write to"
        ) from error


def main(arguments: list[str]) -> int:
    if len(arguments) != 4:
        print(_USAGE, file=sys.stderr)
        return EXIT_BAD_CONFIGURATION
    server_key, server_certificate, client_ca, output = map(Path, arguments)
    try:
        write_private(ssl_config(server_key, server_certificate, client_ca), output)
    except BreastImagingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
