"""Certificates, for gRPC and for REST."""

import ssl

import grpc

from schema.errors import ConfigurationError
from serving.server.settings import Tls

_FIX = "name PEM files that this user may read, the key without a password and of this certificate"


def check_tls(tls: Tls) -> None:
    """Raises ConfigurationError where the files cannot be used, which gRPC would not say."""
    to_ssl_context(tls)


def to_ssl_context(tls: Tls) -> ssl.SSLContext:
    """Raises ConfigurationError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password fails at once, where none would ask at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
        if tls.client_ca:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ConfigurationError(f"The TLS files cannot be used ({error}).", fix=_FIX) from error
    return context


def to_grpc_credentials(tls: Tls) -> grpc.ServerCredentials:
    """Raises OSError. Call `check_tls` first."""
    pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    client_ca = tls.client_ca.read_bytes() if tls.client_ca else None
    return grpc.ssl_server_credentials([pair], client_ca, require_client_auth=client_ca is not None)
