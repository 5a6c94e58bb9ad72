"""An authority that makes certificates (证书颁发机构): for development, or for one process alone."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apdu.secret import Secret
from services.custody.certificates.errors import CertificateError
from services.custody.certificates.facts import USAGES, Facts, Purpose, facts_of

SKEW: Final = timedelta(minutes=5)
"""By how much a certificate counts before it was made: the clocks of others may be late."""
LONGEST_NAME: Final = 64
"""Characters of a common name, as X.520 has it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM; the key unencrypted."""

    certificate: bytes
    key: Secret


class Authority:
    """Signs certificates until its own ends; made by :func:`new_authority` and :func:`open_authority`."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @property
    def certificate(self) -> bytes:
        """Its certificate, PEM: what others trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def key(self, passphrase: Secret | None = None) -> Secret:
        """Its private key, PEM (PKCS #8), encrypted where there is a passphrase."""
        return Secret(_pem(self._key, passphrase))

    def server(self, hosts: Sequence[str], *, now: datetime, days: int) -> Pair:
        """For a service that is found under these host names and numeric addresses; raises CertificateError."""
        return self._pair(hosts[0] if hosts else "", _hosts(hosts), Purpose.SERVER, now, days)

    def caller(self, name: str, uri: str, *, now: datetime, days: int) -> Pair:
        """For a caller that ``uri`` identifies; raises CertificateError."""
        return self._pair(name, [_uri(uri)], Purpose.CALLER, now, days)

    def renewed(self, certificate: bytes, *, now: datetime, days: int) -> bytes:
        """A certificate of this authority once more, PEM: same key, same names, new time; raises CertificateError."""
        facts = facts_of(certificate)
        old = x509.load_pem_x509_certificate(certificate)
        public, purpose = old.public_key(), next(iter(facts.purposes & USAGES.keys()), None)
        try:
            old.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            raise CertificateError("the certificate is not one of this authority's") from None
        if purpose is None or not isinstance(public, ec.EllipticCurvePublicKey):
            raise CertificateError("only certificates of services and callers are renewed")
        names = [_uri(uri) for uri in facts.uris] or _hosts(facts.hosts)
        return self._signed(facts.name, names, purpose, public, now, days)

    def _pair(self, name: str, names: Sequence[x509.GeneralName], purpose: Purpose, now: datetime, days: int) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        return Pair(self._signed(name, names, purpose, key.public_key(), now, days), Secret(_pem(key)))

    def _signed(  # noqa: PLR0913, PLR0917  what a certificate is made of
        self,
        name: str,
        names: Sequence[x509.GeneralName],
        purpose: Purpose,
        public: ec.EllipticCurvePublicKey,
        now: datetime,
        days: int,
    ) -> bytes:
        end = min(now + timedelta(days=days), self._certificate.not_valid_after_utc)
        if end <= now:
            raise CertificateError("the authority's own certificate has expired: make a new authority")
        own = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        signed = (
            _builder(_name(name), self._certificate.subject, public, now, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signing=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([USAGES[purpose]]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return signed.public_bytes(serialization.Encoding.PEM)

    @property
    def facts(self) -> Facts:
        """What its certificate says."""
        return facts_of(self.certificate)

    @classmethod
    def of(cls, certificate: bytes, key: Secret, passphrase: Secret | None) -> Self:
        """As :func:`open_authority`."""
        if Purpose.AUTHORITY not in facts_of(certificate).purposes:
            raise CertificateError("the certificate is no authority's")
        try:
            private = serialization.load_pem_private_key(key.reveal(), passphrase.reveal() if passphrase else None)
        except TypeError:
            raise CertificateError(
                "the authority's key needs a passphrase" if passphrase is None else "the authority's key has none"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise CertificateError("the authority's key is damaged, or the passphrase is wrong") from None
        read = x509.load_pem_x509_certificate(certificate)
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != read.public_key():
            raise CertificateError("the authority's key is not that of its certificate")
        return cls(read, private)


def new_authority(name: str, *, now: datetime, days: int) -> Authority:
    """An authority that is made now; raises CertificateError for a name that does not go into a certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key.public_key(), now, now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signing=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def open_authority(certificate: bytes, key: Secret, passphrase: Secret | None = None) -> Authority:
    """The authority whose certificate and key, both PEM, these are; raises CertificateError."""
    return Authority.of(certificate, key, passphrase)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, signing: bool) -> x509.KeyUsage:
    """Of a leaf, which is for ``signing`` handshakes, or of an authority."""
    return x509.KeyUsage(
        digital_signature=signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signing,
        crl_sign=not signing,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.Name:
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise CertificateError(f"the name on a certificate has 1 to {LONGEST_NAME} characters that can be printed")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _uri(uri: str) -> x509.GeneralName:
    try:
        return x509.UniformResourceIdentifier(uri)
    except ValueError:
        raise CertificateError("the URI on a certificate has characters that are not ASCII") from None


def _hosts(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            if not host or not host.isascii() or not host.replace("-", "").replace(".", "").isalnum():
                raise CertificateError(f"{host!r} is no host name and no numeric address") from None
            names.append(x509.DNSName(host))
    return names


def _pem(key: ec.EllipticCurvePrivateKey, passphrase: Secret | None = None) -> bytes:
    protection: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase.reveal()) if passphrase else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
