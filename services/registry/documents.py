"""Comparing an identity document with the person of the registry (核对身份证件)."""

import unicodedata
from typing import Final

from cardlib.text import assigned
from services.errors import InvalidRequestError
from services.registry.errors import DocumentMismatchError
from services.registry.model import Person
from services.registry.texts import text
from sscard.v1 import registry_pb2

MAX_NUMBER: Final = 32
"""Characters of a document's number."""
MAX_NAME: Final = 50
"""Characters of a name."""

_NUMBER_IS_SOCIAL_SECURITY: Final = frozenset(
    {
        registry_pb2.DOCUMENT_KIND_RESIDENT_CARD,
        registry_pb2.DOCUMENT_KIND_HOUSEHOLD_REGISTER,
        registry_pb2.DOCUMENT_KIND_RESIDENCE_PERMIT,
    }
)
_NUMBER_IS_ITS_OWN: Final = frozenset(
    {registry_pb2.DOCUMENT_KIND_PASSPORT, registry_pb2.DOCUMENT_KIND_RESIDENCE_PERMIT}
)
_DOTS: Final = str.maketrans(dict.fromkeys("•‧∙⋅・.", "·"))
"""Dots that keyboards give for the one between the parts of a name, after NFKC."""


def check_document(document: registry_pb2.IdentityDocument, field: str = "document") -> None:
    """Whether a document is complete, whosever it is; raises :class:`InvalidRequestError`."""
    if document.kind not in _NUMBER_IS_SOCIAL_SECURITY | _NUMBER_IS_ITS_OWN:
        raise InvalidRequestError(f"{field}.kind", "is required: a value of DocumentKind")
    for name, value, most in (("number", document.number, MAX_NUMBER), ("name", document.name, MAX_NAME)):
        text(f"{field}.{name}", value, most)


def require_document(document: registry_pb2.IdentityDocument, person: Person, field: str = "document") -> None:
    """Whether a document is this person's.

    Resident cards and household registers have the social security number, passports the number that the registry has
    beside it, residence permits either. Width, case and spaces do not count.

    Raises :class:`InvalidRequestError`, and :class:`DocumentMismatchError` with the field that differs first.
    """
    check_document(document, field)
    known = set()
    if document.kind in _NUMBER_IS_SOCIAL_SECURITY:
        known.add(_folded(person.data.social_security_number))
    if document.kind in _NUMBER_IS_ITS_OWN:
        known.add(_folded(person.data.document_number))
    if _folded(document.number) not in known - {""}:
        raise DocumentMismatchError(f"{field}.number")
    if not same_name(document.name, person.data.name):
        raise DocumentMismatchError(f"{field}.name")


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same, however they were typed: width, case, spaces and kinds of dots do not count."""
    return _folded(one).translate(_DOTS) == _folded(other).translate(_DOTS)


def _folded(value: str) -> str:
    """Half width, upper case, without spaces; equivalent characters are one, and old codes of GB 18030 the new ones."""
    return "".join(unicodedata.normalize("NFKC", assigned(value)).upper().split())
