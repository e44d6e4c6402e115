"""ML Metadata on a server of MySQL or MariaDB."""

import os
from typing import Any, Final

import pymysql
from ml_metadata.proto import metadata_store_pb2

from pipeline.metadata.settings import MetadataSettings
from pipeline.secret import SecretError, read_secret
from schema.errors import ConfigurationError

# What ML Metadata's client reads where its configuration, which TFX logs, has no password.
PASSWORD_VARIABLE: Final = "MYSQL_PWD"  # noqa: S105  the name, not the password

CONNECT_SECONDS: Final = 10
_LOCALHOST: Final = "localhost"
_FIXES: Final = {
    1044: "CREATE DATABASE, and GRANT ALL ON it TO the user; or correct metadata.database",
    1045: "correct metadata.user and the password in metadata.password_from; the server may also refuse this machine,"
    " or ask for TLS (metadata.tls_ca)",
    1049: "CREATE DATABASE, and GRANT ALL ON it TO the user; or correct metadata.database",
    2003: "start it, or correct metadata.host, metadata.port and metadata.tls_ca",
}


def connection_config(settings: MetadataSettings) -> metadata_store_pb2.ConnectionConfig:
    """How ML Metadata connects, without the password."""
    database = metadata_store_pb2.MySQLDatabaseConfig(
        # ML Metadata's client takes localhost for a socket file, whatever the port.
        host="127.0.0.1" if settings.host == _LOCALHOST else settings.host,
        port=settings.port,
        database=settings.database,
        user=settings.user,
        skip_db_creation=True,
    )
    if settings.tls_ca:
        database.ssl_options.ca = settings.tls_ca
    return metadata_store_pb2.ConnectionConfig(mysql=database)


def log_in(settings: MetadataSettings) -> None:
    """Connects once as ML Metadata will, whose own client does not say why it fails, and hands it the password.

    The server's certificate is verified here; ML Metadata's client encrypts, and cannot verify.

    Raises ConfigurationError where there is no password, or the server is not there or does not let the user in.
    """
    try:
        password = read_secret(settings.password_from)
    except SecretError as error:
        raise ConfigurationError(
            f"The password of the metadata server cannot be read: {error}.",
            fix="put it there, or name another place in metadata.password_from",
        ) from error
    try:
        _connect(settings, password).close()
    except (pymysql.MySQLError, OSError) as error:
        code = error.args[0] if error.args else None
        raise ConfigurationError(
            f"The metadata server {describe(settings)} cannot be used: {error.args[-1] if error.args else error}.",
            fix=_FIXES.get(code, "see what the server says") if isinstance(code, int) else "see metadata.tls_ca",
        ) from error
    os.environ[PASSWORD_VARIABLE] = password


def describe(settings: MetadataSettings) -> str:
    """The server and the database, for messages."""
    return f"{settings.host}:{settings.port} (database {settings.database}, user {settings.user})"


def _connect(settings: MetadataSettings, password: str) -> "pymysql.Connection[Any]":
    encryption: dict[str, Any] = {"ssl_disabled": True}
    if settings.tls_ca:
        encryption = {"ssl_ca": settings.tls_ca, "ssl_verify_cert": True, "ssl_verify_identity": True}
    return pymysql.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=password.encode("utf-8"),
        database=settings.database,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=CONNECT_SECONDS,
        **encryption,
    )
