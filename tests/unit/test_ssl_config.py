"""The SSLConfig that is filled from PEM files: what a server reads out of it keeps strangers off."""

import datetime
import stat
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import EXIT_BAD_CONFIGURATION, ConfigurationError
from serving.deployment.ssl_config import MAXIMUM_PEM_BYTES, main, ssl_config
from tests.deployment import configuration_messages, parse

NAMES = ("server_key", "server_cert", "custom_ca")
PEM = {
    "server_key": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
    "server_cert": "-----BEGIN CERTIFICATE-----\nBB==\n-----END CERTIFICATE-----\n",
    "custom_ca": "-----BEGIN CERTIFICATE-----\nCC==\n-----END CERTIFICATE-----\n",
}


@pytest.fixture(scope="module")
def ssl_message(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return configuration_messages(tmp_path_factory.mktemp("descriptors"))["SSLConfig"]


def _write(folder: Path, contents: dict[str, str]) -> list[Path]:
    for name, text in contents.items():
        (folder / name).write_text(text)
    return [folder / name for name in NAMES]


def test_contents_of_the_files_arrive_unchanged(tmp_path: Path, ssl_message: Any) -> None:
    read = parse(ssl_config(*_write(tmp_path, PEM)), ssl_message)
    assert {name: getattr(read, name) for name in NAMES} == PEM
    assert read.client_verify is True


@given(rest=st.text(st.characters(codec="ascii", exclude_characters="\r"), max_size=200))
def test_no_text_breaks_out_of_its_field(
    rest: str, tmp_path_factory: pytest.TempPathFactory, ssl_message: Any
) -> None:
    contents = PEM | {"server_cert": PEM["server_cert"] + rest}
    folder = tmp_path_factory.mktemp("pem")
    read = parse(ssl_config(*_write(folder, contents)), ssl_message)
    assert {name: getattr(read, name) for name in NAMES} == contents
    assert read.client_verify is True


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("server_key", PEM["server_cert"], "does not begin with PRIVATE KEY"),
        ("server_cert", PEM["server_key"], "does not begin with CERTIFICATE"),
        ("custom_ca", "", "does not begin with CERTIFICATE"),
        ("server_key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "does not begin with PRIVATE KEY"),
        ("server_key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "is encrypted"),
        ("custom_ca", "\N{LATIN SMALL LETTER E WITH ACUTE}", "not PEM"),
        ("custom_ca", PEM["custom_ca"] + "A" * MAXIMUM_PEM_BYTES, "larger than"),
    ],
)
def test_what_is_no_such_file_is_refused_by_name(name: str, text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        ssl_config(*_write(tmp_path, PEM | {name: text}))
    assert str(tmp_path / name) in caught.value.what


def test_output_is_for_its_owner_alone_and_replaced_in_one_step(tmp_path: Path, ssl_message: Any) -> None:
    output = tmp_path / "ssl.config"
    output.write_text("old")
    output.chmod(0o644)
    assert main([*map(str, _write(tmp_path, PEM)), str(output)]) == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert parse(output.read_text(), ssl_message).server_key == PEM["server_key"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*NAMES, "ssl.config"])


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in _write(tmp_path, PEM)]
    assert main(files) == EXIT_BAD_CONFIGURATION
    assert capsys.readouterr().err.startswith("usage: ")
    assert main([str(tmp_path / "absent"), *files[1:], str(tmp_path / "out")]) == EXIT_BAD_CONFIGURATION
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'absent'} cannot be read (No such file or directory).")
    assert main([*files, str(tmp_path / "absent" / "out")]) == EXIT_BAD_CONFIGURATION
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


# A handshake with what the server would read


class _Authority:
    """Issues certificates for `localhost`."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.certificate = self._sign(self._name, self._key, authority=True)

    def issue(self) -> tuple[str, str]:
        """A key and its certificate, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return encoded.decode(), self._sign(name, key, authority=False)

    def _sign(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> str:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _connects(port: int, authority: str, key: str | None, certificate: str | None) -> bool:
    pair = [part.encode() if part else None for part in (key, certificate)]
    credentials = grpc.ssl_channel_credentials(authority.encode(), *pair)
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        call = channel.unary_unary("/none/None")
        try:
            call(b"", timeout=10)
        except grpc.RpcError as error:
            return bool(error.code() is grpc.StatusCode.UNIMPLEMENTED)  # answered, so let in
    return True


def test_only_clients_of_the_authority_are_let_in(tmp_path: Path, ssl_message: Any) -> None:
    authority, stranger = _Authority(), _Authority()
    key, certificate = authority.issue()
    contents = {"server_key": key, "server_cert": certificate, "custom_ca": authority.certificate}
    read = parse(ssl_config(*_write(tmp_path, contents)), ssl_message)

    # As the server hands the fields to gRPC.
    credentials = grpc.ssl_server_credentials(
        [(read.server_key.encode(), read.server_cert.encode())],
        root_certificates=read.custom_ca.encode(),
        require_client_auth=read.client_verify,
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_secure_port("localhost:0", credentials)
    server.start()
    try:
        assert _connects(port, authority.certificate, *authority.issue())
        assert not _connects(port, authority.certificate, *stranger.issue())
        assert not _connects(port, authority.certificate, None, None)
    finally:
        server.stop(None).wait()
