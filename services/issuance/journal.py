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
    :mod:`services.issuance.digests` makes it. ``for_stock``: it has no holder, so many cards are made of it.
    ``number_digest``: of its card number, None where it has none. ``again_reason``: why a card is made that another
    request makes or has made, "" where it is the only one. ``station``, ``operator``: where and by whom. Texts have up
    to 255 characters.
    """

    request_id: str
    chip: bytes
    becomes: bytes | None = None
    order_digest: bytes = field(repr=False)
    for_stock: bool = False
    number_digest: bytes | None = field(default=None, repr=False)
    again_reason: str = ""
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
    ``again_reason``: as its request said. ``error``: reason of its last end without success. ``certificate``: its
    number, once DONE.
    """

    request_id: str
    chip: bytes
    order_digest: bytes = field(repr=False)
    state: State
    stage: Stage
    detail: str
    attempt: int
    written: bool
    again_reason: str
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
        not is ended as REFUSED: it can note nothing any more, hence do nothing. Raises
        :class:`~services.errors.OrderRepeatedError` when another request, OPEN or DONE, is for the same holder's order
        or the same card number on another chip, unless ``again_reason`` was given, now or before.
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

    def fail(self, issuance: Issuance, reason: str, *, lost: bool = False, untouched: bool = False) -> None:
        """This attempt has ended without success: LOST if so, REFUSED if nothing was written, else OPEN as before.

        ``untouched``: the chip has shown that the request has not written to it, whatever was announced before.

        An issuance that somebody else has begun again or ended is left alone.
        """
        ...

    def find(self, request_id: str) -> Issuance | None:
        """The issuance of this request."""
        ...

    def open_issuances(self) -> tuple[Issuance, ...]:
        """All that are OPEN, by chip."""
        ...

    def abandon(self, request_id: str, reason: str) -> Issuance | None:
        """End an OPEN issuance as LOST, whoever is at it; None where no such issuance is open.

        ``reason``, up to 255 characters, is put down as its last step.
        """
        ...


class Certificates(Protocol):
    """Certificates of cards that were made (制卡证书)."""

    def certificate(self, number: str) -> Certificate:
        """The certificate of this number.

        Raises :class:`~services.errors.CertificateUnknownError`, and
        :class:`~services.errors.CertificateDamagedError` when it is not what it was when it was made.
        """
        ...

    def certificate_numbers(self, chip: bytes) -> tuple[str, ...]:
        """Numbers of all certificates of a chip, in the order in which they were stored, the last one first."""
        ...
