"""Encrypted connections, and clients that have to say who they are."""

from pathlib import Path

import grpc
import pytest

from schema.errors import ConfigurationError
from serving.client import ChannelSettings, Client, ServerUnavailableError, Tls
from tests.certificates import Authority, Signed
from tests.serving.fake_tf_serving import NAME, FakeServer

ONCE = ChannelSettings(attempts=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "stranger")


def encrypted(own: Signed, client_authority: Authority | None = None) -> FakeServer:
    """A server; clients need a certificate where an authority for theirs is given."""
    clients = client_authority.certificate.read_bytes() if client_authority else None
    credentials = grpc.ssl_server_credentials(
        [(own.key.read_bytes(), own.certificate.read_bytes())], clients, require_client_auth=clients is not None
    )
    return FakeServer(credentials)


def ask(server: FakeServer, tls: Tls | None) -> int:
    with Client(f"localhost:{server.port}", NAME, tls=tls, channel=ONCE) as client:
        return client.predict([b"image"])[0].model_version


def test_a_server_is_known_by_its_certificate(authority: Authority) -> None:
    with encrypted(authority.sign("localhost")) as server:
        assert ask(server, Tls(authority.certificate)) == 1


def test_a_server_of_another_authority_is_not_trusted(authority: Authority, stranger: Authority) -> None:
    with encrypted(authority.sign("localhost")) as server, pytest.raises(ServerUnavailableError):
        ask(server, Tls(stranger.certificate))


def test_an_authority_that_is_not_named_is_not_trusted(authority: Authority) -> None:
    with encrypted(authority.sign("localhost")) as server, pytest.raises(ServerUnavailableError):
        ask(server, Tls())


def test_a_certificate_of_another_name_needs_that_name(authority: Authority) -> None:
    with encrypted(authority.sign("models.example")) as server:
        with pytest.raises(ServerUnavailableError):
            ask(server, Tls(authority.certificate))
        assert ask(server, Tls(authority.certificate, server_name="models.example")) == 1


def test_a_server_that_encrypts_does_not_talk_in_the_clear(authority: Authority) -> None:
    with encrypted(authority.sign("localhost")) as server, pytest.raises(ServerUnavailableError) as raised:
        ask(server, None)

    assert "both sides use TLS or neither does" in raised.value.fix


def test_a_client_shows_its_own_certificate(authority: Authority) -> None:
    own = authority.sign("client.example")

    with encrypted(authority.sign("localhost"), authority) as server:
        assert ask(server, Tls(authority.certificate, own.certificate, own.key)) == 1


def test_a_client_without_a_certificate_or_with_a_strange_one_is_refused(
    authority: Authority, stranger: Authority
) -> None:
    own = stranger.sign("client.example")

    with encrypted(authority.sign("localhost"), authority) as server:
        for tls in (Tls(authority.certificate), Tls(authority.certificate, own.certificate, own.key)):
            with pytest.raises(ServerUnavailableError):
                ask(server, tls)


def test_several_servers_share_a_name(authority: Authority) -> None:
    own = authority.sign("models.example")

    with encrypted(own) as first, encrypted(own) as second:
        addresses = [f"localhost:{server.port}" for server in (first, second)]
        with pytest.raises(ConfigurationError, match="gRPC knows one name for all of their certificates"):
            Client(addresses, NAME, tls=Tls(authority.certificate))
        with Client(addresses, NAME, tls=Tls(authority.certificate, server_name="models.example")) as client:
            for _ in range(1000):
                client.predict([b"image"])
                if first.images and second.images:
                    return
    raise AssertionError("a server was never asked")


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of the two is missing"):
        Tls(certificate=Path("a.pem"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Client("localhost:8500", NAME, tls=Tls(tmp_path / "gone.pem"))

    assert raised.value.what == f"The TLS file {tmp_path / 'gone.pem'} cannot be read (No such file or directory)."


def test_files_that_hold_something_else_are_named(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    own, other = authority.sign("client.example"), stranger.sign("client.example")

    for tls in (Tls(garbage), Tls(None, garbage, own.key), Tls(None, own.certificate, other.key)):
        with pytest.raises(ConfigurationError, match="cannot be used"):
            Client("localhost:8500", NAME, tls=tls)
