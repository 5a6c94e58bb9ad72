"""What a certificate says, and whether certificate and key belong together."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.custody.certificates.errors import CertificateError


class Purpose(Enum):
    """What a certificate is for."""

    AUTHORITY = "authority"
    SERVER = "server"
    CALLER = "caller"


USAGES = {Purpose.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Purpose.CALLER: ExtendedKeyUsageOID.CLIENT_AUTH}
"""How the purposes are called in a certificate (extended key usage)."""

E = TypeVar("E", bound=x509.ExtensionType)

_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for certificates that nobody should have signed; not all of it is a ValueError."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One certificate.

    ``fingerprint``, ``key``: SHA-256 of its DER form, and of its public key's (SPKI), 64 lower-case hex digits; the key
    stays the same when a certificate is renewed.
    """

    name: str
    issuer: str
    purposes: frozenset[Purpose]
    serial: int
    not_before: datetime
    not_after: datetime
    fingerprint: str
    key: str
    uris: tuple[str, ...]
    hosts: tuple[str, ...]

    def valid_at(self, moment: datetime) -> bool:
        """Whether it counts at an aware ``moment``."""
        return self.not_before <= moment <= self.not_after


def facts_of(pem: bytes) -> Facts:
    """What the first certificate in PEM text says; raises CertificateError."""
    try:
        return _facts(x509.load_pem_x509_certificate(pem))
    except _UNREADABLE:
        raise CertificateError("is no certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None


def require_authorities(pem: bytes) -> tuple[Facts, ...]:
    """The certificates of authorities in PEM text, which must have nothing else; raises CertificateError."""
    try:
        found = tuple(_facts(each) for each in x509.load_pem_x509_certificates(pem))
    except _UNREADABLE:
        raise CertificateError("has no certificates in PEM form (-----BEGIN CERTIFICATE-----)") from None
    for each in found:
        if Purpose.AUTHORITY not in each.purposes:
            raise CertificateError(f"has a certificate of {each.name!r}, which is no authority's")
    return found


def require_pair(certificate: bytes, key: bytes, purpose: Purpose) -> Facts:
    """What the first certificate says, if it is for ``purpose`` and ``key`` is its own; raises CertificateError."""
    facts = facts_of(certificate)
    if purpose not in facts.purposes:
        raise CertificateError(f"the certificate of {facts.name!r} is not one for a {purpose.value}")
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError:
        raise CertificateError(
            "the key is encrypted, and a service has nobody to ask: give it as it is, in a file for its user alone"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("the key is none in PEM form (-----BEGIN PRIVATE KEY-----)") from None
    public = x509.load_pem_x509_certificate(certificate).public_key()
    if _spki(private.public_key()) != _spki(public):
        raise CertificateError("the key is not that of the certificate")
    return facts


def _spki(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]  # each kind of key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _facts(certificate: x509.Certificate) -> Facts:
    names = _extension(certificate, x509.SubjectAlternativeName)
    return Facts(
        name=_common_name(certificate.subject),
        issuer=_common_name(certificate.issuer),
        purposes=_purposes(certificate),
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        key=hashlib.sha256(_spki(certificate.public_key())).hexdigest(),
        uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
        hosts=(
            *names.get_values_for_type(x509.DNSName),
            *map(str, names.get_values_for_type(x509.IPAddress)),
        )
        if names
        else (),
    )


def _purposes(certificate: x509.Certificate) -> frozenset[Purpose]:
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is not None and basic.ca:
        return frozenset({Purpose.AUTHORITY})
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    if usage is None:  # then it is for everything
        return frozenset({Purpose.SERVER, Purpose.CALLER})
    return frozenset(purpose for purpose, known in USAGES.items() if known in usage)


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
