from datetime import UTC, date, datetime

import pytest

from services.registry.days import activation_deadline, day_of, today


# Second computation: PostgreSQL's `date + interval '6 months'`.
@pytest.mark.parametrize(
    ("received", "deadline"),
    [
        (date(2026, 3, 15), date(2026, 9, 15)),
        (date(2026, 8, 29), date(2027, 2, 28)),
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 3, 31), date(2026, 9, 30)),
        (date(2026, 12, 31), date(2027, 6, 30)),
        (date(2026, 6, 30), date(2026, 12, 30)),
        (date(2026, 7, 1), date(2027, 1, 1)),
        (date(2028, 2, 29), date(2028, 8, 29)),
    ],
)
def test_the_deadline_is_six_months_later_or_the_last_day_of_the_month(received, deadline) -> None:
    assert activation_deadline(received) == deadline


def test_the_day_is_that_of_beijing() -> None:
    assert today(lambda: datetime(2026, 8, 30, 15, 59, 59, tzinfo=UTC)) == date(2026, 8, 30)
    assert today(lambda: datetime(2026, 8, 30, 16, tzinfo=UTC)) == date(2026, 8, 31)


def test_a_moment_without_its_time_zone_is_no_moment() -> None:
    with pytest.raises(ValueError, match="time zone"):
        day_of(datetime(2026, 8, 30))  # noqa: DTZ001
