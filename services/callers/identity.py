"""What a certificate says of its holder: one URI in the subject's alternative names (证书中的调用方身份).

``spiffe://sscard/institution/<code>/role/<role>[/terminal/<terminal>]/name/<name>``, built like a SPIFFE ID. Values are
percent-encoded UTF-8, so that a name may be Chinese or have a slash in it.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from services.callers.caller import OWN_CODES, Caller, Role
from services.callers.errors import CallerUnknownError

TRUST_DOMAIN: Final = "spiffe://sscard/"
"""How the URI of a caller begins."""
LONGEST_URI: Final = 2048
"""Characters of such a URI at most, as SPIFFE has it."""
LONGEST_NAME: Final = 64
"""Characters of a name and of a terminal."""

_PLAIN: Final = re.compile(r"[0-9A-Za-z-]{1,32}")
_URI: Final = re.compile(
    r"spiffe://sscard/institution/(?P<institution>[^/]+)/role/(?P<role>[^/]+)"
    r"(?:/terminal/(?P<terminal>[^/]+))?/name/(?P<name>[^/]+)"
)
_ENCODED: Final = re.compile(r"(?:[0-9A-Za-z._~-]|%[0-9A-Fa-f]{2})+")


def uri_of(caller: Caller) -> str:
    """The URI that says who ``caller`` is.

    Raises ValueError for what stands in no certificate: the role LOCAL, a code of other characters or of the service
    itself, a name that is empty, too long or not printable.
    """
    if caller.role is Role.LOCAL:
        raise ValueError("the role local is that of whoever starts a service, and of no certificate")
    if not _PLAIN.fullmatch(caller.institution):
        raise ValueError(f"{caller.institution!r} is no code of an institution: 1 to 32 letters, digits and hyphens")
    if caller.institution.lower() in OWN_CODES:
        raise ValueError(f"{caller.institution!r} stands for the service itself, and for no institution")
    parts = ["institution", caller.institution, "role", caller.role.value]
    if caller.terminal:
        parts += ["terminal", _text("terminal", caller.terminal)]
    parts += ["name", _text("name", caller.name)]
    uri = TRUST_DOMAIN + "/".join(quote(part, safe="") for part in parts)
    if len(uri) > LONGEST_URI:
        raise ValueError("name and terminal are too long together")
    return uri


def caller_of(uris: Iterable[str]) -> Caller:
    """Who holds a certificate with these URIs; raises CallerUnknownError.

    URIs of other schemes and domains are somebody else's; of ours there must be exactly one.
    """
    ours = [uri for uri in uris if uri.startswith(TRUST_DOMAIN)]
    if len(ours) != 1:
        raise CallerUnknownError(
            f"its certificate has {len(ours)} URIs of the kind {TRUST_DOMAIN}institution/…, and must have one"
        )
    found = _URI.fullmatch(ours[0]) if len(ours[0]) <= LONGEST_URI else None
    if found is None:
        raise CallerUnknownError("the URI of its certificate is not institution/…/role/…[/terminal/…]/name/…")
    try:
        caller = Caller(
            name=_decoded(found["name"]),
            institution=_decoded(found["institution"]),
            role=Role(_decoded(found["role"])),
            terminal=_decoded(found["terminal"]) if found["terminal"] else "",
        )
        uri_of(caller)
    except ValueError:
        raise CallerUnknownError("the URI of its certificate names no role, code or name that there may be") from None
    return caller


def _text(what: str, value: str) -> str:
    if not (0 < len(value) <= LONGEST_NAME and value.isprintable() and value == value.strip()):
        raise ValueError(f"a {what} has 1 to {LONGEST_NAME} characters that can be printed, no space at either end")
    return value


def _decoded(part: str) -> str:
    if not _ENCODED.fullmatch(part):
        raise ValueError("not percent-encoded")
    return unquote_to_bytes(part).decode("utf-8")  # UnicodeDecodeError is a ValueError
