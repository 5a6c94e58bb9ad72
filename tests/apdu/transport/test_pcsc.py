"""What becomes of PC/SC's codes and of its reader list, against functions that answer as told."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from smartcard import scard

from apdu import errors
from apdu.readers import CardConnection, Readers, ReaderState
from apdu.transport import pcsc
from apdu.transport.pcsc import NOTIFICATION, PcscReaders

COMMAND = bytes.fromhex("00A4000002CAFE")
ATR = bytes.fromhex("3B6D000000813147318650430200000013")
EMPTY = scard.SCARD_STATE_EMPTY | scard.SCARD_STATE_CHANGED


class FakePcsc:
    """The functions of pyscard that are used; ``codes`` and ``names`` are what they answer next time."""

    def __init__(self) -> None:
        self.names: list[list[str]] = [["A"]]
        self.codes: dict[str, list[int]] = {}
        self.watched: list[Sequence[tuple[str, int]]] = []
        self.answer = [0x90, 0x00]
        self.protocol = scard.SCARD_PROTOCOL_T1
        self.contexts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(scard, name)

    def _code(self, function: str) -> int:
        codes = self.codes.get(function, [])
        return codes.pop(0) if codes else 0

    def SCardEstablishContext(self, scope: int) -> list[Any]:  # noqa: N802
        self.contexts += 1
        return [self._code("SCardEstablishContext"), self.contexts]

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802
        self.contexts -= 1
        return 0

    def SCardListReaders(self, context: int, groups: list[str]) -> list[Any]:  # noqa: N802
        names = self.names.pop(0) if len(self.names) > 1 else self.names[0]
        return [0 if names else scard.SCARD_E_NO_READERS_AVAILABLE, names]

    def SCardGetStatusChange(self, context: int, timeout: int, watched: list[tuple[str, int]]) -> list[Any]:  # noqa: N802
        if timeout:
            self.watched.append(watched)
            time.sleep(0.01)
        return [self._code("SCardGetStatusChange"), [(name, EMPTY, []) for name, _ in watched]]

    def SCardConnect(self, context: int, reader: str, sharing: int, protocols: int) -> list[int]:  # noqa: N802
        assert sharing == scard.SCARD_SHARE_EXCLUSIVE
        return [self._code("SCardConnect"), 7, self.protocol]

    def SCardReconnect(self, card: int, sharing: int, protocols: int, initialise: int) -> list[int]:  # noqa: N802
        assert initialise == scard.SCARD_RESET_CARD
        return [self._code("SCardReconnect"), self.protocol]

    def SCardStatus(self, card: int) -> list[Any]:  # noqa: N802
        return [self._code("SCardStatus"), "A", 0, self.protocol, list(ATR)]

    def SCardTransmit(self, card: int, protocol: int, command: list[int]) -> list[Any]:  # noqa: N802
        return [self._code("SCardTransmit"), self.answer]

    def SCardDisconnect(self, card: int, disposition: int) -> int:  # noqa: N802
        self.disposition = disposition
        return 0

    def SCardCancel(self, context: int) -> int:  # noqa: N802
        return 0


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePcsc:
    functions = FakePcsc()
    monkeypatch.setattr(pcsc, "_load", lambda: functions)
    monkeypatch.setattr(pcsc, "SETTLE", 0.1)
    return functions


def test_without_pyscard_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(errors.NoServiceError, match=r"sscard\[pcsc\].*swig, libpcsclite-dev, gcc and python3-dev"):
        PcscReaders()


def test_they_are_readers_and_the_cards_in_them_connections(fake: FakePcsc) -> None:
    checked_by_mypy: Readers = PcscReaders()
    connection: CardConnection = checked_by_mypy.connect("A")
    assert connection.atr == ATR


# By the meaning that the PC/SC specification, part 5, gives the codes.
OUTCOMES = {
    "SCARD_E_NO_SERVICE": errors.NoServiceError,
    "SCARD_E_SERVICE_STOPPED": errors.NoServiceError,
    "SCARD_E_SERVER_TOO_BUSY": errors.NoServiceError,
    "SCARD_F_COMM_ERROR": errors.NoServiceError,
    "SCARD_E_INVALID_HANDLE": errors.NoServiceError,
    "SCARD_E_UNKNOWN_READER": errors.ReaderNotFoundError,
    "SCARD_E_READER_UNAVAILABLE": errors.ReaderError,
    "SCARD_E_NO_SMARTCARD": errors.CardRemovedError,
    "SCARD_W_REMOVED_CARD": errors.CardRemovedError,
    "SCARD_W_RESET_CARD": errors.CardRemovedError,
    "SCARD_W_UNRESPONSIVE_CARD": errors.MuteCardError,
    "SCARD_W_UNPOWERED_CARD": errors.MuteCardError,
    "SCARD_E_NOT_TRANSACTED": errors.MuteCardError,
    "SCARD_E_COMM_DATA_LOST": errors.MuteCardError,
    "SCARD_E_SHARING_VIOLATION": errors.CardInUseError,
    "SCARD_E_PROTO_MISMATCH": errors.ProtocolError,
    "SCARD_W_UNSUPPORTED_CARD": errors.ProtocolError,
    "SCARD_E_INSUFFICIENT_BUFFER": errors.ProtocolError,
    "SCARD_E_INVALID_PARAMETER": errors.ReaderError,
    "SCARD_F_INTERNAL_ERROR": errors.ReaderError,
}


@pytest.mark.parametrize(("name", "kind"), OUTCOMES.items(), ids=OUTCOMES)
def test_a_code_of_a_transmission_becomes_an_error(fake: FakePcsc, name: str, kind: type[errors.CardError]) -> None:
    connection = PcscReaders().connect("A")
    fake.codes["SCardTransmit"] = [getattr(scard, name)]
    with pytest.raises(kind, match="A") as caught:
        connection.transmit([COMMAND])
    assert type(caught.value) is kind
    assert caught.value.reader == "A"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SCARD_E_NO_SMARTCARD", errors.NoCardError),
        ("SCARD_W_REMOVED_CARD", errors.NoCardError),
        ("SCARD_W_UNRESPONSIVE_CARD", errors.MuteCardError),
        ("SCARD_E_UNKNOWN_READER", errors.ReaderNotFoundError),
        ("SCARD_E_READER_UNAVAILABLE", errors.ReaderError),
    ],
)
def test_a_failed_connection_says_why_and_frees_its_context(
    fake: FakePcsc, name: str, kind: type[errors.CardError]
) -> None:
    fake.codes["SCardConnect"] = [getattr(scard, name)]
    with pytest.raises(kind):
        PcscReaders().connect("A")
    assert fake.contexts == 0


def test_an_unknown_code_is_named() -> None:
    assert "80100004" in str(pcsc._Api(scard).error(scard.SCARD_E_INVALID_PARAMETER, "A"))


def test_silence_turns_out_to_be_a_card_taken_out(fake: FakePcsc) -> None:
    connection = PcscReaders().connect("A")
    fake.codes = {"SCardTransmit": [scard.SCARD_E_NOT_TRANSACTED], "SCardStatus": [0, scard.SCARD_W_REMOVED_CARD]}
    with pytest.raises(errors.CardRemovedError):
        connection.transmit([COMMAND])


def test_an_empty_answer_is_none(fake: FakePcsc) -> None:
    connection = PcscReaders().connect("A")
    fake.answer = []
    with pytest.raises(errors.MuteCardError):
        connection.transmit([COMMAND])


@pytest.mark.parametrize("command", [b"", b"\x00", b"\x04", b"\x00\xa4\x04"])
def test_less_than_a_header_is_not_sent(fake: FakePcsc, command: bytes) -> None:
    with pytest.raises(errors.ApduFormatError):
        PcscReaders().connect("A").transmit([command])


@pytest.mark.parametrize(("protocol", "t0"), [(scard.SCARD_PROTOCOL_T0, True), (scard.SCARD_PROTOCOL_T1, False)])
def test_the_connection_knows_its_protocol(fake: FakePcsc, protocol: int, *, t0: bool) -> None:
    fake.protocol = protocol
    assert PcscReaders().connect("A").t0 is t0


@pytest.mark.parametrize(("reset", "disposition"), [(True, scard.SCARD_RESET_CARD), (False, scard.SCARD_LEAVE_CARD)])
def test_a_card_is_let_go_with_or_without_a_reset(fake: FakePcsc, *, reset: bool, disposition: int) -> None:
    connection = PcscReaders().connect("A")
    connection.close(reset=reset)
    connection.close(reset=reset)
    assert fake.disposition == disposition
    assert fake.contexts == 0
    with pytest.raises(errors.CardRemovedError):
        connection.transmit([COMMAND])


def test_a_sharing_violation_is_tried_again(fake: FakePcsc) -> None:
    fake.codes["SCardConnect"] = [scard.SCARD_E_SHARING_VIOLATION] * 2
    assert PcscReaders().connect("A", timeout=5).transmit([COMMAND]) == [b"\x90\x00"]


@pytest.mark.parametrize(("count", "notified"), [(0, True), (1, True), (15, True), (16, False)])
def test_the_pseudo_reader_is_watched_only_while_there_is_room(fake: FakePcsc, count: int, *, notified: bool) -> None:
    names = [f"reader {number}" for number in range(count)]
    fake.names = [names]
    readers = PcscReaders()
    readers.wait(readers.states(), timeout=0.005)
    assert [name for name, _ in fake.watched[0]] == names + [NOTIFICATION] * notified
    assert len(fake.watched[0]) <= 16


def test_with_16_readers_the_list_is_looked_at_again(fake: FakePcsc) -> None:
    names = [f"reader {number}" for number in range(16)]
    readers = PcscReaders()
    fake.names = [names, names, names[1:]]
    known = readers.states()
    assert [state.name for state in readers.wait(known, timeout=5)] == names[1:]


def test_no_reader_is_an_empty_list(fake: FakePcsc) -> None:
    fake.names = [[]]
    assert PcscReaders().states() == ()


def test_a_reader_that_goes_while_the_list_is_read_is_left_out(fake: FakePcsc) -> None:
    fake.names = [["A", "B"], ["B"]]
    fake.codes["SCardGetStatusChange"] = [scard.SCARD_E_UNKNOWN_READER]
    assert PcscReaders().states() == (ReaderState("B"),)


def test_readers_that_keep_going_away_are_no_reason_to_look_for_ever(fake: FakePcsc) -> None:
    fake.codes["SCardGetStatusChange"] = [scard.SCARD_E_UNKNOWN_READER] * 1000
    assert PcscReaders().states() == ()


def test_a_reader_that_goes_while_it_is_watched_ends_the_wait(fake: FakePcsc) -> None:
    readers = PcscReaders()
    fake.names = [["A", "B"], ["A", "B"], ["B"]]
    known = readers.states()
    fake.codes["SCardGetStatusChange"] = [0, scard.SCARD_E_UNKNOWN_READER]
    assert readers.wait(known, timeout=5) == (ReaderState("B"),)


def test_a_service_that_hangs_up_ends_the_wait(fake: FakePcsc) -> None:
    readers = PcscReaders()
    known = readers.states()
    fake.codes["SCardGetStatusChange"] = [0, scard.SCARD_F_COMM_ERROR]
    with pytest.raises(errors.NoServiceError):
        readers.wait(known, timeout=5)
    assert fake.contexts == 0
    assert readers.wait(known, timeout=0) == known


@pytest.mark.parametrize("start", ["wait", "connect"])
def test_close_ends_what_goes_on_and_what_comes(fake: FakePcsc, start: str) -> None:
    readers = PcscReaders()
    known = readers.states()
    connection = readers.connect("A")
    fake.codes["SCardConnect"] = [scard.SCARD_E_SHARING_VIOLATION] * 10_000
    actions: dict[str, Callable[[], object]] = {
        "wait": lambda: readers.wait(known, timeout=60),
        "connect": lambda: readers.connect("A", timeout=60),
    }
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(actions[start])
        time.sleep(0.05)
        readers.close()
        readers.close()
        if start == "wait":
            assert going.result(5) == known
        else:
            assert isinstance(going.exception(5), errors.NoServiceError)
    with pytest.raises(errors.CardRemovedError):
        connection.transmit([COMMAND])
