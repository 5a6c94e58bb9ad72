"""Entries for tests; nobody in them exists."""

from datetime import UTC, datetime, timedelta

from services.audit.entry import Texts, texts_of
from services.audit.port import AuditEntry

NOON = datetime(2026, 11, 22, 12, 0, 0, 250, tzinfo=UTC)


def entry(number: int = 1, **more: str) -> AuditEntry:
    """The entry of one call, a second after the one of the number before."""
    told = {
        "method": "/sscard.v1.CardService/ReadIdentity",
        "institution": "bank-990001",
        "role": "teller",
        "caller": "欧阳测试",
        "terminal": "window 3",
        "station": "branch 7",
        "reader": "Reader 01",
        "card": f"card{number:04}",
        "person": f"person{number:04}",
        "detail": "EF05 EF06",
        "request_id": f"request-{number}",
    }
    return AuditEntry(moment=NOON + timedelta(seconds=number), **(told | more))


def some_texts(count: int, first: int = 1) -> list[Texts]:
    """Texts of so many entries."""
    return [texts_of(entry(number)) for number in range(first, first + count)]
