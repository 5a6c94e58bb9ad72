"""What T=0 makes of one command is one again."""

from cardlib.trace.exchanges import Conversed, joined
from cardlib.trace.formats import Exchange


def conversed(*pairs: tuple[str, str]) -> list[Conversed]:
    exchanges = [Exchange(line, bytes.fromhex(tx), bytes.fromhex(rx)) for line, (tx, rx) in enumerate(pairs, 1)]
    return list(joined(exchanges))


def short(one: Conversed) -> tuple[int, int, str]:
    return one.line, one.sent, one.answer.to_bytes().hex().upper() if one.answer else ""


def test_get_response_brings_the_answer_of_the_command_before() -> None:
    (one,) = conversed(("00A4040005AABBCCDDEE", "6102"), ("00C0000002", "01026101"), ("00C0000001", "039000"))
    assert short(one) == (1, 3, "0102039000")
    assert one.command is not None
    assert one.command.name == "SELECT"


def test_a_command_is_repeated_with_the_right_le() -> None:
    one, two = conversed(("00B20105FF", "6C02"), ("00B2010502", "01029000"), ("0084000008", "6700"))
    assert (short(one), short(two)) == ((1, 2, "01029000"), (3, 1, "6700"))


def test_a_command_without_le_is_repeated_with_one() -> None:
    (one,) = conversed(("00840000", "6C02"), ("0084000002", "01029000"))
    assert short(one) == (1, 2, "01029000")


def test_another_command_after_6cxx_is_another_command() -> None:
    assert [short(one)[:2] for one in conversed(("00B20105FF", "6C02"), ("00B2020502", "9000"))] == [(1, 1), (2, 1)]


def test_data_that_were_not_fetched_are_left_where_they_are() -> None:
    assert [short(one) for one in conversed(("00A4000002EF05", "6102"), ("0084000008", "9000"))] == [
        (1, 1, "6102"),
        (2, 1, "9000"),
    ]


def test_a_get_response_without_its_command_is_a_command() -> None:
    assert [short(one)[:2] for one in conversed(("00C0000002", "01029000"), ("00C0000002", "6F00"))] == [(1, 1), (2, 1)]


def test_a_reset_ends_what_was_going_on() -> None:
    exchanges = [
        Exchange(1, bytes.fromhex("00A4000002EF05"), b"\x61\x02"),
        Exchange(3, bytes.fromhex("00C0000002"), b"\x6f\x00", atr=b"\x3b\x00"),
    ]
    assert [one.sent for one in joined(exchanges)] == [1, 1]


def test_bytes_that_are_no_command_and_answers_that_did_not_come_are_kept() -> None:
    one, two = conversed(("00A40400FF00", "6700"), ("00840000", ""))
    assert (one.command, one.raw.hex()) == (None, "00a40400ff00")
    assert two.answer is None
