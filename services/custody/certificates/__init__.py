"""Certificates of services and callers (X.509 证书): made for development, and read wherever they come from.

Keys are ECDSA on P-256. A certificate is for a server or for a caller, never for both: so whoever holds a caller's
cannot pass for the service.
"""

from services.custody.certificates.authority import Authority, Pair, new_authority, open_authority
from services.custody.certificates.errors import CertificateError
from services.custody.certificates.facts import Facts, Purpose, facts_of, require_authorities, require_pair

__all__ = [
    "Authority",
    "CertificateError",
    "Facts",
    "Pair",
    "Purpose",
    "facts_of",
    "new_authority",
    "open_authority",
    "require_authorities",
    "require_pair",
]
