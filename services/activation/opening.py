"""ActivationService as the configuration wants it, and the half-year rule applied by itself."""

from collections.abc import Callable
from datetime import datetime

from cardlib.custody import KeyCustodian
from cardlib.flows.present_card import MemoryNumbers
from cardlib.flows.read_number import NumberLayout
from services.activation.deadlines import DailyDeadlines
from services.activation.service import ActivationService
from services.config import Config
from services.pin_entry import PadDigits
from services.pin_guard import PinGuard
from services.readers import ReaderHub
from services.registry.journalled import Books
from services.store.journal import utc_now


def memory_numbers(config: Config) -> MemoryNumbers | None:
    """Where original medical cards that are memory cards have their number; None where there are none."""
    if config.medical_card_offset is None:
        return None
    layout = NumberLayout(config.medical_card_offset, config.medical_card_length, config.medical_card_encoding)
    return MemoryNumbers(layout, config.medical_card_type)


def activation_service(  # noqa: PLR0913  called in one place
    config: Config,
    hub: ReaderHub,
    custodian: KeyCustodian,
    *,
    books: Callable[[], Books],
    guard: PinGuard,
    now: Callable[[], datetime] = utc_now,
) -> ActivationService:
    """The service; ``books``, ``guard``, ``now``: as it takes them."""
    return ActivationService(
        hub,
        custodian,
        books=books,
        guard=guard,
        initial_pin=next(iter(config.initial_pins), ""),
        memory=memory_numbers(config),
        now=now,
        call_deadline=config.call_deadline,
        pad_deadline=config.pad_deadline,
        pad_digits=PadDigits.configured(config.pad_pin_digits),
    )


def daily_deadlines(
    config: Config, books: Callable[[], Books], *, now: Callable[[], datetime] = utc_now
) -> DailyDeadlines | None:
    """What applies the half-year rule every day, to be run as a task; None where it is not meant."""
    return DailyDeadlines(books, now=now) if config.apply_deadlines else None
