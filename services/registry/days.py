"""Days, and the half year in which a card has to be activated (激活期限)."""

import calendar
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Beijing time. It has known no summer time since 1991, so that no table of time zones is needed."""
MONTHS: Final = 6
"""Months in which a card has to be activated, from the day on which its holder received it."""


def today(now: Callable[[], datetime]) -> date:
    """The day it is in Beijing, by a clock that knows its time zone."""
    return day_of(now())


def day_of(moment: datetime) -> date:
    """The day in Beijing of a moment, which has its time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(BEIJING).date()


def activation_deadline(received: date) -> date:
    """The last day on which a card is activated in time: six months later.

    Where the month has no such day, it is the last of that month; the day itself still counts.
    """
    years, month = divmod(received.month - 1 + MONTHS, 12)
    year, month = received.year + years, month + 1
    return date(year, month, min(received.day, calendar.monthrange(year, month)[1]))
