"""The journal of issuance (制卡日志), as the service needs it, whatever store stands behind it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from cardlib.issuance.questions import Note, Stage
from services.issuance.certificate import Certificate

WRITING: Final = frozenset(Stage) - {Stage.EXAMINED, Stage.OPENED}
"""Stages in which a chip is changed: before them it is as it was."""


class State(StrEnum):
    """Where an issuance stands (制卡状态)."""

    OPEN = "open"
    """Begun, not at its end: the same request goes on."""
    DONE = "done"
    """The card is what was ordered, and has its certificate."""
    REFUSED = "refused"
    """Ended before anything was written: the chip is as it was, and free for another request."""
    LOST = "lost"
    """The chip cannot be made a card any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for which card on which chip.

    ``chip``: historical bytes of the ATR. ``becomes``: those that the order gives to the chip, None where it keeps its
    own: an interrupted chip shows the ones or the others. ``order_digest``: what is ordered, as
    :mod:`services.issuance.digests` makes it. ``station``, ``operator``: where and by whom, up to 255 characters.
    """

    request_id: str
    chip: bytes
    becomes: bytes | None = None
    order_digest: bytes = field(repr=False)
    station: str
    operator: str

    def may_be_on(self, chip: bytes) -> bool:
        """Whether the chip that shows itself now can be the one that was ``chip`` when the request was begun.

        T1…T7 and T8…TD are given to it by a command each, between which it may have been cut off.
        """
        becomes = self.becomes or chip
        return self.chip[:7] in {chip[:7], becomes[:7]} and self.chip[7:] in {chip[7:], becomes[7:]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """One issuance as the journal knows it.

    ``attempt`` counts how often it was begun. ``written``: whether anything may have been written to the chip.
    ``error``: reason of its last end without success. ``certificate``: its number, once DONE.
    """

    request_id: str
    chip: bytes
    order_digest: bytes = field(repr=False)
    state: State
    stage: Stage
    detail: str
    attempt: int
    written: bool
    started: datetime
    updated: datetime
    finished: datetime | None
    station: str
    operator: str
    error: str
    certificate: str | None


class IssuanceJournal(Protocol):
    """Notes every step before it is done; may be used from several threads, and by several processes at once.

    What a method has done when it returns survives a crash of the machine. Every method raises
    :class:`~services.errors.JournalError` when the journal cannot be kept: then nothing may be done either.
    """

    def begin(self, request: Request) -> Issuance:
        """Begin an issuance, or go on with it; one that is DONE is returned as it is.

        Raises :class:`~services.errors.RequestReusedError` for a request id of another order or chip, and
        :class:`~services.errors.IssuanceOpenError` when another request has begun to write to this chip. One that has
        not is ended as REFUSED: it can note nothing any more, hence do nothing.
        """
        ...

    def note(self, issuance: Issuance, note: Note) -> None:
        """Put down what is about to be done.

        Raises :class:`~services.errors.SupersededError` when the issuance was begun again, or ended, by somebody else.
        """
        ...

    def finish(self, issuance: Issuance, certificate: Certificate) -> None:
        """The card is made; it is DONE and has its certificate, both or neither. Raises as :meth:`note` does."""
        ...

    def fail(self, issuance: Issuance, reason: str, *, lost: bool = False, blank: bool = False) -> None:
        """This attempt has ended without success: LOST if so, REFUSED if nothing was written, else OPEN as before.

        ``blank``: the chip has shown that it is blank, whatever was announced before.

        An issuance that somebody else has begun again or ended is left alone.
        """
        ...

    def find(self, request_id: str) -> Issuance | None:
        """The issuance of this request."""
        ...

    def find_by_chip(self, chip: bytes) -> tuple[Issuance, ...]:
        """All issuances on a chip, the latest first."""
        ...


class Certificates(Protocol):
    """Certificates of cards that were made (制卡证书)."""

    def certificate(self, number: str) -> Certificate:
        """The certificate of this number.

        Raises :class:`~services.errors.CertificateUnknownError`, and
        :class:`~services.errors.CertificateDamagedError` when it is not what it was when it was made.
        """
        ...
