"""What a call was about, put down by the services while they answer, for the audit (审计对象)."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Subject:
    """What one call turned out to be about. No field is ever data of a person in clear.

    ``card``, ``person``: the registry's ids, or keyed digests of the card's identifier and the person's number.
    ``detail``: names of files, kinds of events, words of this software.
    """

    reader: str = ""
    card: str = ""
    person: str = ""
    detail: str = ""


_SUBJECT: ContextVar[Subject | None] = ContextVar("audit_subject", default=None)


def begin_subject() -> Subject:
    """A new subject for the call of this task; the interceptor does it."""
    subject = Subject()
    _SUBJECT.set(subject)
    return subject


def about(*, reader: str = "", card: str = "", person: str = "", detail: str = "") -> None:
    """Say what the call of this task is about; what is "" stays as it was. Outside of a call nothing happens."""
    if (subject := _SUBJECT.get()) is not None:
        subject.reader = reader or subject.reader
        subject.card = card or subject.card
        subject.person = person or subject.person
        subject.detail = detail or subject.detail
