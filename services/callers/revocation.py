"""Certificates that count no longer (吊销名单): a text file, looked at again whenever it has changed.

A line is the SHA-256 of a certificate's public key, which stands for its renewals as well, or of a whole certificate:
64 hex digits, with or without colons. Or it is a URI as certificates have it, which stands for all certificates with
it, those to come too, and for everything below it: ``spiffe://sscard/institution/990002`` for all of an institution.
However characters of it are percent-encoded, it is the same URI. What follows ``#`` is a remark.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import structlog

from services.callers.identity import TRUST_DOMAIN
from services.custody.certificates import Facts

_log = structlog.get_logger("services.callers.revocation")

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
MOST: Final = 4 * 1024 * 1024
"""Bytes of the longest list."""


class RevocationListError(Exception):
    """A list cannot be read, or has a line that is nothing; the message says which."""


class RevocationList:
    """The list in ``file``; raises RevocationListError.

    One that cannot be read later on, or has a wrong line then, is told of in the log: what could not be read stays as
    it was, and of wrong lines the others count.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._state: tuple[int, int, int] | None = _state_of(file)
        self._entries, wrong = _read(file)
        if wrong:
            raise RevocationListError(f"{file}: line {wrong[0]} is neither a SHA-256 nor a URI of callers")

    def has(self, facts: Facts) -> bool:
        """Whether a certificate counts no longer."""
        self._look_again()
        return not self._entries.isdisjoint((facts.fingerprint, facts.key, *_with_above(facts.uris)))

    def _look_again(self) -> None:
        try:
            state = _state_of(self._file)
            if state == self._state:
                return
            self._entries, wrong = _read(self._file)
        except RevocationListError as error:
            if self._state is not None:
                _log.error("revocation_list_lost", error=str(error))
            self._state = None
            return
        self._state = state
        _log.info("revocation_list_read", entries=len(self._entries))
        for line in wrong:
            _log.error("revocation_line_wrong", file=str(self._file), line=line)


def _with_above(uris: Iterable[str]) -> Iterator[str]:
    """URIs, and everything that they are below."""
    for uri in uris:
        parts = _one_form(uri).split("/")
        yield from ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _one_form(uri: str) -> str:
    """The URI as every other way to write it comes out, too: nobody gets round the list by another authority's way."""
    scheme, slashes, rest = uri.partition("://")
    return scheme + slashes + "/".join(quote(unquote_to_bytes(part), safe="") for part in rest.split("/"))


def _state_of(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError as error:
        raise RevocationListError(f"{file} cannot be read: {error.strerror}") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(file: Path) -> tuple[frozenset[str], tuple[int, ...]]:
    """The entries, and the numbers of lines that are none."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(MOST + 1)
    except OSError as error:
        raise RevocationListError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise RevocationListError(f"{file} is no text in UTF-8") from None
    if len(text) > MOST:
        raise RevocationListError(f"{file} is too large to be a list of certificates")
    entries, wrong = set(), []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if entry.startswith(TRUST_DOMAIN):
            entries.add(_one_form(entry.rstrip("/")))
        elif _FINGERPRINT.fullmatch(digits := entry.replace(":", "").lower()):
            entries.add(digits)
        elif entry:
            wrong.append(number)
    return frozenset(entries), tuple(wrong)
