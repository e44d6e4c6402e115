"""Options of the commands that ask servers of models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from serving.client.settings import Tls

DEFAULT_MODEL_NAME: Final = "breast_imaging"

ModelNameOption = Annotated[str, typer.Option("--model-name", help="Name of the model on the server.")]
DeadlineOption = Annotated[float, typer.Option("--deadline", help="Seconds in which a call has to end.")]
TlsOption = Annotated[bool, typer.Option("--tls", help="Encrypt, and trust the authorities that gRPC brings.")]
TlsCaOption = Annotated[
    Path | None, typer.Option("--tls-ca", help="Encrypt, and trust the authorities in this PEM file.")
]
TlsCertificateOption = Annotated[
    Path | None, typer.Option("--tls-certificate", help="Certificate of this client, a PEM file.")
]
TlsKeyOption = Annotated[Path | None, typer.Option("--tls-key", help="Its private key, a PEM file.")]
TlsServerNameOption = Annotated[
    str, typer.Option("--tls-server-name", help="Name in the server's certificate, where it is not the address.")
]


def make_tls(
    wanted: bool, ca: Path | None, certificate: Path | None, key: Path | None, server_name: str
) -> "Tls | None":
    """None where no option asks for encryption. Raises ConfigurationError where they do not fit together."""
    from serving.client.settings import Tls

    if not (wanted or ca or certificate or key or server_name):
        return None
    return Tls(ca, certificate, key, server_name)
