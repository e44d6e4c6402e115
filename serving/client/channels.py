"""Opens connections to servers."""

import ipaddress
import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio

from schema.errors import ConfigurationError
from serving.client.settings import ChannelSettings, Tls

_ADDRESS_FIX: Final = "give HOST:PORT, such as localhost:8500, or [::1]:8500 for an address of IPv6"
_FIRST_RETRY: Final = "0.1s"
_LATEST_RETRY: Final = "1s"
_RECONNECT_MILLISECONDS: Final = (100, 5_000)  # between attempts to connect: the first, and the most
_KEEPALIVE_ANSWER_MILLISECONDS: Final = 20_000

_Options = list[tuple[str, Any]]


def open_channel(addresses: Sequence[str], tls: Tls | None, settings: ChannelSettings) -> grpc.Channel:
    """A connection that is made when it is first used. Raises ConfigurationError as `target` does."""
    options = _options(addresses, tls, settings)
    if tls is None:
        return grpc.insecure_channel(target(addresses), options)
    return grpc.secure_channel(target(addresses), _credentials(tls), options)


def open_async_channel(addresses: Sequence[str], tls: Tls | None, settings: ChannelSettings) -> grpc.aio.Channel:
    """As `open_channel`, for asyncio."""
    options = _options(addresses, tls, settings)
    if tls is None:
        return grpc.aio.insecure_channel(target(addresses), options)
    return grpc.aio.secure_channel(target(addresses), _credentials(tls), options)


def target(addresses: Sequence[str]) -> str:
    """All addresses as gRPC wants them, to be taken in turn.

    One name stands for all addresses that DNS gives it, and is looked up again whenever a connection is lost. Several
    names are looked up once, here.

    Raises ConfigurationError for what is no address, and for a name that has none.
    """
    if not addresses:
        raise ConfigurationError("No address of a server is given.", fix=_ADDRESS_FIX)
    endpoints = [_split(address) for address in addresses]
    if len(endpoints) == 1:
        return f"dns:///{addresses[0]}"
    found = [_look_up(host, port) for host, port in endpoints]
    for family, scheme in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
        if all(family in each for each in found):
            return f"{scheme}:" + ",".join(address for each in found for address in each[family])
    raise ConfigurationError(
        f"The servers {', '.join(addresses)} have no family of addresses in common.",
        fix="give addresses of IPv4 for all, or of IPv6 for all",
    )


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    plausible = colon and bare and not any(each in bare for each in "/@ ,") and bracketed == (":" in bare)
    if not plausible or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise ConfigurationError(f"{address!r} is no address of a server.", fix=_ADDRESS_FIX)
    return bare, int(port)


def _look_up(host: str, port: int) -> dict[int, list[str]]:
    """The addresses of a name, by family."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(
            f"The name {host!r} has no address ({error.strerror or error}).", fix=_ADDRESS_FIX
        ) from error
    by_family: dict[int, list[str]] = {}
    for family, _, _, _, address in found:
        literal = str(address[0])
        shown = f"[{literal}]" if ipaddress.ip_address(literal.split("%", maxsplit=1)[0]).version == 6 else literal
        by_family.setdefault(family, []).append(f"{shown}:{port}")
    return by_family


def _options(addresses: Sequence[str], tls: Tls | None, settings: ChannelSettings) -> _Options:
    first, most = _RECONNECT_MILLISECONDS
    options: _Options = [
        ("grpc.service_config", _service_config(settings.attempts)),
        ("grpc.enable_retries", int(settings.attempts > 1)),
        ("grpc.per_rpc_retry_buffer_size", settings.maximum_message_bytes),  # larger requests are not sent again
        ("grpc.max_send_message_length", settings.maximum_message_bytes),
        ("grpc.max_receive_message_length", settings.maximum_message_bytes),
        ("grpc.keepalive_time_ms", int(settings.keepalive * 1000)),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_ANSWER_MILLISECONDS),
        ("grpc.initial_reconnect_backoff_ms", first),
        ("grpc.min_reconnect_backoff_ms", most),
        ("grpc.max_reconnect_backoff_ms", most),
        ("grpc.use_local_subchannel_pool", 1),  # else clients of one process share each other's failures
    ]
    if tls is not None and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    elif tls is not None and len(addresses) > 1:
        raise ConfigurationError(
            "Several servers are named, and gRPC knows one name for all of their certificates.",
            fix="give the name that all certificates hold, or one address that stands for all servers",
        )
    return options


def _service_config(attempts: int) -> str:
    policy = {
        "maxAttempts": attempts,
        "initialBackoff": _FIRST_RETRY,
        "maxBackoff": _LATEST_RETRY,
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    every_method: dict[str, Any] = {"name": [{}]}
    if attempts > 1:
        every_method["retryPolicy"] = policy
    return json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [every_method]})


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    ca, key, certificate = _read(tls.ca), _read(tls.key), _read(tls.certificate)
    _check(tls)
    return grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=certificate)


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The TLS file {path} cannot be read ({error.strerror}).", fix="name a file in PEM format"
        ) from error


def _check(tls: Tls) -> None:
    """gRPC itself would take anything, and then find no server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if tls.ca is not None:
            context.load_verify_locations(tls.ca)
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key, password="")  # nobody is asked for one
    except (ssl.SSLError, ValueError) as error:
        files = ", ".join(str(path) for path in (tls.ca, tls.certificate, tls.key) if path is not None)
        raise ConfigurationError(
            f"The TLS files {files} cannot be used ({error}).",
            fix="name certificates in PEM format, and a key without a password that belongs to the certificate",
        ) from error
