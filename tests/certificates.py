"""Certificates for tests, made on the spot."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Signed:
    """A certificate and its key. Attributes: certificate, key: files in PEM format."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates. Attributes: certificate: its own, a file in PEM format."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._own = self._sign(self._key, "authority", x509.BasicConstraints(ca=True, path_length=None))
        self.certificate = folder / "authority.pem"
        self.certificate.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def sign(self, name: str) -> Signed:
        """A certificate made out to a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(key, name, x509.SubjectAlternativeName([x509.DNSName(name)]))
        signed = Signed(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        signed.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        signed.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return signed

    def _sign(self, key: ec.EllipticCurvePrivateKey, name: str, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=True)
            .sign(self._key, hashes.SHA256())
        )
