"""What a reader can do besides moving commands, by SCardControl: against functions that answer as told, and pcscd."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from smartcard import scard

from apdu import errors
from apdu.part10 import Feature
from apdu.pinpad import PinPad, has_pad
from apdu.transport import pcsc
from apdu.transport.pcsc import PcscConnection, PcscReaders
from simulator.pcscd import VirtualReaders

GET_FEATURES = 0x42000D48


class FakePcsc:
    """As much of pyscard as a connection needs; ``control``: code and answer of the next SCardControl."""

    def __init__(self) -> None:
        self.control: tuple[int, list[int]] = (0, [])
        self.asked: list[tuple[int, bytes]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(scard, name)

    def SCardEstablishContext(self, scope: int) -> list[int]:  # noqa: N802
        return [0, 1]

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802
        return 0

    def SCardConnect(self, context: int, reader: str, sharing: int, protocols: int) -> list[int]:  # noqa: N802
        return [0, 7, scard.SCARD_PROTOCOL_T0]

    def SCardStatus(self, card: int) -> list[Any]:  # noqa: N802
        return [0, "A", 0, 0, [0x3B]]

    def SCardControl(self, card: int, code: int, data: list[int]) -> list[Any]:  # noqa: N802
        assert card == 7
        self.asked.append((code, bytes(data)))
        return list(self.control)

    def SCardDisconnect(self, card: int, disposition: int) -> int:  # noqa: N802
        return 0


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePcsc:
    functions = FakePcsc()
    monkeypatch.setattr(pcsc, "_load", lambda: functions)
    return functions


@pytest.fixture
def connection(fake: FakePcsc) -> PcscConnection:
    return PcscReaders().connect("A")


def test_features_are_what_the_driver_says(fake: FakePcsc, connection: PcscConnection) -> None:
    fake.control = 0, list(bytes.fromhex("060442330006 0A044233000A"))
    assert connection.features() == {Feature.VERIFY_PIN_DIRECT: 0x42330006, Feature.IFD_PIN_PROPERTIES: 0x4233000A}
    assert fake.asked == [(GET_FEATURES, b"")]
    assert has_pad(connection)


@pytest.mark.parametrize(
    "control",
    [
        pytest.param((0, []), id="nothing"),
        pytest.param((0, [0x90, 0x00]), id="no-list"),
        pytest.param((scard.SCARD_E_UNSUPPORTED_FEATURE, []), id="unsupported"),
        pytest.param((scard.SCARD_E_INVALID_PARAMETER, []), id="parameter"),
        pytest.param((scard.SCARD_F_UNKNOWN_ERROR, []), id="unknown"),
    ],
)
def test_a_driver_without_a_list_of_features_has_none(
    fake: FakePcsc, connection: PcscConnection, control: tuple[int, list[int]]
) -> None:
    fake.control = control
    assert connection.features() == {}
    with pytest.raises(errors.NoPinPadError):
        PinPad(connection)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (scard.SCARD_W_REMOVED_CARD, errors.CardRemovedError),
        (scard.SCARD_E_NO_SERVICE, errors.NoServiceError),
        (scard.SCARD_W_RESET_CARD, errors.CardRemovedError),
    ],
)
def test_a_card_that_is_gone_is_not_taken_for_a_reader_without_features(
    fake: FakePcsc, connection: PcscConnection, code: int, error: type[Exception]
) -> None:
    fake.control = code, []
    with pytest.raises(error):
        connection.features()


def test_what_is_said_to_the_reader_and_what_it_answers(fake: FakePcsc, connection: PcscConnection) -> None:
    fake.control = 0, [0x63, 0xC2]
    assert connection.control(0x42330006, b"\x1e\x00") == b"\x63\xc2"
    assert fake.asked == [(0x42330006, b"\x1e\x00")]
    fake.control = scard.SCARD_E_UNSUPPORTED_FEATURE, []
    with pytest.raises(errors.ReaderError, match="does not do this") as caught:
        connection.control(0x42330006, b"")
    assert caught.value.reader == "A"


def test_nothing_is_asked_once_the_card_was_let_go(connection: PcscConnection) -> None:
    connection.close()
    with pytest.raises(errors.CardRemovedError):
        connection.features()


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.timeout(60)
def test_a_virtual_reader_of_pcscd_has_no_pad(pcscd: VirtualReaders, echo_chip: Callable[..., Any]) -> None:
    readers = PcscReaders()
    pcscd.insert(0, echo_chip())
    try:
        known = readers.states()
        while not known[0].present:
            known = readers.wait(known, timeout=1)
        connection = readers.connect(pcscd.readers[0])
        assert connection.features() == {}
        assert not has_pad(connection)
        with pytest.raises(errors.ReaderError):
            connection.control(0x42330006, bytes(24))
        # The card is still there for its own commands.
        assert connection.transmit([bytes.fromhex("00A4000002CAFE")]) == [bytes.fromhex("CAFE9000")]
    finally:
        readers.close()
        pcscd.remove(0)
        deadline = time.monotonic() + 10
        while any(state.present for state in PcscReaders().states()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
