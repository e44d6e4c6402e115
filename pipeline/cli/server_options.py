"""Options of the commands that ask servers of models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pipeline.cli.shared_options import shares_options

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
    tls: TlsOption = False,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    tls_server_name: TlsServerNameOption = "",
) -> "Tls | None":
    """None where no option asks for encryption. Raises ConfigurationError where they do not fit together."""
    from serving.client.settings import Tls

    if not (tls or tls_ca or tls_certificate or tls_key or tls_server_name):
        return None
    return Tls(tls_ca, tls_certificate, tls_key, tls_server_name)


may_encrypt: Final = shares_options(make_tls)  # decorator of commands whose first argument is a `Tls` or None
