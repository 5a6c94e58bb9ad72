"""61xx and 6Cxx, logs, recording and locks around a transport."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu import CommandAPDU
from apdu.errors import MuteCardError, ProtocolError
from apdu.transport.wrappers import Exchange, get_response, hide_all, logged, recorded, serialised

SELECT = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
FCI = "6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E"


class Card:
    """Answers from a list, and keeps what it was sent."""

    def __init__(self, *answers: str) -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.sent: list[str] = []

    def __call__(self, commands: Sequence[bytes]) -> list[bytes]:
        self.sent += [command.hex().upper() for command in commands]
        return [self.answers.pop(0) for _ in commands]


def ask(transmit: object, command: str) -> str:
    (answer,) = transmit([bytes.fromhex(command)])  # type: ignore[operator]
    return answer.hex().upper()


def test_61xx_fetches_the_answer() -> None:
    card = Card("6118", FCI + "9000")
    assert ask(get_response(card), SELECT + "00") == FCI + "9000"
    assert card.sent == [SELECT + "00", "00C0000018"]


def test_61xx_to_a_command_without_le_is_left_alone() -> None:
    card = Card("6108")
    assert ask(get_response(card), SELECT) == "6108"
    assert card.sent == [SELECT]


def test_6cxx_repeats_the_command_with_the_right_le() -> None:
    card = Card("6C02", "CAFE9000")
    assert ask(get_response(card), "00B20105FF") == "CAFE9000"
    assert card.sent == ["00B20105FF", "00B2010502"]


def test_6c00_means_256_bytes() -> None:
    card = Card("6C00", "9000")
    ask(get_response(card), "00B0000010")
    assert card.sent == ["00B0000010", "00B0000000"]


def test_6cxx_to_a_command_without_le_is_left_alone() -> None:
    card = Card("6C02")
    assert ask(get_response(card), SELECT) == "6C02"


def test_a_wrong_le_in_get_response_is_corrected_too() -> None:
    card = Card("6110", "6C04", "010203049000")
    assert ask(get_response(card), "00B2010400") == "010203049000"
    assert card.sent == ["00B2010400", "00C0000010", "00C0000004"]


def test_an_answer_in_several_parts_is_put_together() -> None:
    card = Card("AA6102", "BBCC6101", "DD9000")
    assert ask(get_response(card), "00B2010400") == "AABBCCDD9000"
    assert card.sent == ["00B2010400", "00C0000002", "00C0000001"]


def test_no_more_than_ne_bytes_are_fetched() -> None:
    card = Card("6110", "010203046110")
    assert ask(get_response(card), "00B2010404") == "010203046110"
    assert card.sent == ["00B2010404", "00C0000004"]


def test_6100_means_256_bytes() -> None:
    card = Card("6100", "11" * 256 + "9000")
    assert ask(get_response(card), "00B2010400") == "11" * 256 + "9000"
    assert card.sent[1] == "00C0000000"


def test_an_error_while_fetching_is_the_answer() -> None:
    assert ask(get_response(Card("6110", "6F00")), "00B2010400") == "6F00"


def test_t0_sends_case_4_as_case_3_and_fetches_the_answer() -> None:
    card = Card("6118", FCI + "9000")
    assert ask(get_response(card, strip_le=True), SELECT + "00") == FCI + "9000"
    assert card.sent == [SELECT, "00C0000018"]


@pytest.mark.parametrize("command", ["00A40000", "00840000" + "08", SELECT, "00880000000001" + "01" + "012C"])
def test_t0_leaves_every_other_case_as_it_is(command: str) -> None:
    card = Card("9000")
    ask(get_response(card, strip_le=True), command)
    assert card.sent == [command]


@pytest.mark.parametrize("answer", ["6C10", "6110"])
def test_a_card_that_never_ends_is_a_protocol_error(answer: str) -> None:
    card = Card(*[answer] * 6)
    with pytest.raises(ProtocolError, match="READ RECORD: the card asks for more than 5 further commands"):
        ask(get_response(card, rounds=5), "00B2010400")
    assert not card.answers


def test_an_answer_without_status_word_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="no status word"):
        ask(get_response(Card("90")), "00B2010400")


@pytest.mark.parametrize("garbage", ["", "00", "00A4", "00A4040005D1", "00A404000005"])
def test_what_is_no_command_goes_to_the_card_as_it_is(garbage: str) -> None:
    card = Card("6700")
    log: list[Exchange] = []
    assert ask(get_response(logged(card, log.append), strip_le=True), garbage) == "6700"
    assert card.sent == [garbage]
    assert log[0].header == b""
    assert log[0].nc == len(garbage) // 2
    assert log[0].command_data is None


def test_several_commands_are_answered_in_order() -> None:
    card = Card("6101", "AA9000", "6A82")
    assert get_response(card)([bytes.fromhex("00B2010400"), bytes.fromhex("00B2020400")]) == [
        bytes.fromhex("AA9000"),
        bytes.fromhex("6A82"),
    ]


def test_the_log_shows_header_lengths_and_status_word_but_no_data() -> None:
    log: list[Exchange] = []
    ask(logged(Card("CAFE9000"), log.append), "0088000002BEEF08")
    (entry,) = log
    assert (entry.header.hex(), entry.nc, entry.ne, entry.response_size, entry.sw) == ("00880000", 2, 8, 2, 0x9000)
    assert entry.command_data is None
    assert entry.response_data is None
    assert entry.seconds >= 0
    assert not any(word in repr(entry).lower() for word in ("beef", "cafe"))


@pytest.mark.parametrize("public", [(True, False), (False, True), (True, True)])
def test_the_log_shows_what_the_disclosure_calls_public(public: tuple[bool, bool]) -> None:
    log: list[Exchange] = []
    ask(logged(Card("CAFE9000"), log.append, lambda _: public), "0088000002BEEF08")
    assert log[0].command_data == (b"\xbe\xef" if public[0] else None)
    assert log[0].response_data == (b"\xca\xfe" if public[1] else None)


def test_a_disclosure_may_remember_what_was_asked_before() -> None:
    seen: list[CommandAPDU] = []

    def after_select(command: CommandAPDU) -> tuple[bool, bool]:
        seen.append(command)
        return False, seen[0].ins == 0xA4 and command.ins == 0xC0

    log: list[Exchange] = []
    transmit = get_response(logged(Card("6101", "AA9000"), log.append, after_select))
    ask(transmit, SELECT + "00")
    assert [entry.response_data for entry in log] == [None, b"\xaa"]


@given(st.binary(max_size=300))
def test_the_default_discloses_nothing_of_any_command(data: bytes) -> None:
    assert hide_all(CommandAPDU(0, 0xA4, 4, 0, data)) == (False, False)


def test_a_failure_is_logged_and_goes_on_to_the_caller() -> None:
    def mute(_commands: Sequence[bytes]) -> list[bytes]:
        raise MuteCardError("the card does not answer")

    log: list[Exchange] = []
    with pytest.raises(MuteCardError):
        ask(logged(mute, log.append), "0084000008")
    assert (log[0].error, log[0].sw, log[0].response_size) == ("MuteCardError", None, None)


def test_an_answer_without_status_word_is_logged_as_what_it_is() -> None:
    log: list[Exchange] = []
    assert ask(logged(Card("90"), log.append), "0084000008") == "90"
    assert (log[0].error, log[0].sw) == ("ProtocolError", None)


def test_every_exchange_is_recorded_whole() -> None:
    tape: list[tuple[bytes, bytes]] = []
    ask(get_response(recorded(Card("6101", "AA9000"), lambda tx, rx: tape.append((tx, rx)))), "00B2010400")
    assert [(tx.hex(), rx.hex()) for tx, rx in tape] == [("00b2010400", "6101"), ("00c0000001", "aa9000")]


def test_one_lock_keeps_the_commands_of_one_call_together() -> None:
    order: list[bytes] = []
    first_began = threading.Event()

    def slow(commands: Sequence[bytes]) -> list[bytes]:
        for command in commands:
            order.append(command)
            first_began.set()
            threading.Event().wait(0.02)
        return [b"\x90\x00" for _ in commands]

    transmit = serialised(slow, threading.Lock())
    other = threading.Thread(target=lambda: first_began.wait(5) and transmit([b"B"]))
    other.start()
    transmit([b"A", b"A", b"A"])
    other.join(5)
    assert order == [b"A", b"A", b"A", b"B"]


def test_the_lock_is_free_after_a_failure() -> None:
    lock = threading.Lock()

    def mute(_commands: Sequence[bytes]) -> list[bytes]:
        raise MuteCardError("the card does not answer")

    with pytest.raises(MuteCardError):
        serialised(mute, lock)([b""])
    assert not lock.locked()
