"""The card's side of the socket, against a reader's side written out here."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulator.vpcd import VirtualCard

Echo = Callable[..., Any]


class Reader:
    """What vpcd does at its end of the connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.settimeout(5)

    def tell(self, message: str) -> None:
        data = bytes.fromhex(message)
        self.connection.sendall(len(data).to_bytes(2, "big") + data)

    def hear(self) -> str:
        size = int.from_bytes(self._read(2), "big")
        return self._read(size).hex().upper()

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def plug(listener: socket.socket) -> Iterator[Callable[[Any], tuple[VirtualCard, Reader]]]:
    """Inserts a chip, and gives both ends."""
    ends: list[tuple[VirtualCard, Reader]] = []

    def insert(chip: Any) -> tuple[VirtualCard, Reader]:
        card = VirtualCard.insert(chip, listener.getsockname()[1])
        ends.append((card, Reader(listener.accept()[0])))
        return ends[-1]

    yield insert
    for card, reader in ends:
        card.stop()
        reader.connection.close()


Plug = Callable[[Any], tuple[VirtualCard, Reader]]


def test_the_atr_is_there_before_power_is_on(plug: Plug, echo_chip: Echo) -> None:
    _, reader = plug(echo_chip("3B00"))
    reader.tell("04")
    assert reader.hear() == "3B00"


def test_control_bytes_power_and_reset_the_chip(plug: Plug, echo_chip: Echo) -> None:
    chip = echo_chip()
    _, reader = plug(chip)
    reader.tell("04")
    reader.hear()
    chip.calls.clear()
    for control in ("01", "02", "00"):
        reader.tell(control)
    reader.tell("04")
    reader.hear()
    assert chip.calls == ["power_on", "reset", "power_off"]


def test_commands_are_answered(plug: Plug, echo_chip: Echo) -> None:
    _, reader = plug(echo_chip())
    reader.tell("00A4000002CAFE")
    assert reader.hear() == "CAFE9000"


def test_a_message_in_pieces_is_put_together(plug: Plug, echo_chip: Echo) -> None:
    _, reader = plug(echo_chip())
    data = bytes(5) + bytes(range(256)) * 100
    for part in (len(data).to_bytes(2, "big")[:1], len(data).to_bytes(2, "big")[1:] + data[:7], data[7:]):
        reader.connection.sendall(part)
    assert reader.hear() == (data[5:] + b"\x90\x00").hex().upper()


def test_a_mute_chip_is_there_but_gives_no_atr(plug: Plug, echo_chip: Echo) -> None:
    _, reader = plug(echo_chip(""))
    reader.tell("04")
    assert len(bytes.fromhex(reader.hear())) > 33


def test_a_command_that_is_not_answered_breaks_the_connection_off_and_the_next_one_waits(
    plug: Plug, listener: socket.socket, echo_chip: Echo
) -> None:
    chip = echo_chip()
    chip.process = lambda command: b"" if command[1] == 0xEE else command[5:] + b"\x90\x00"
    card, reader = plug(chip)
    for _ in range(2):
        reader.tell("00EE0000")
        assert int.from_bytes(reader._read(2), "big") > 0, "a length …"
        with pytest.raises(ConnectionResetError):
            reader._read(1)
        reader.connection.close()
        reader = Reader(listener.accept()[0])
    reader.tell("02")
    reader.tell("00A4000002CAFE")
    assert reader.hear() == "CAFE9000"
    assert "power_off" not in chip.calls
    card.stop()
    reader.connection.close()


def test_a_mute_card_whose_reader_is_gone_is_out(plug: Plug, listener: socket.socket, echo_chip: Echo) -> None:
    chip = echo_chip()
    chip.process = lambda _: b""
    card, reader = plug(chip)
    listener.close()
    reader.tell("00EE0000")
    with pytest.raises((EOFError, ConnectionResetError)):
        reader.hear()
    card.stop()
    assert not card.inserted


def test_a_mute_card_that_was_pulled_out_does_not_come_back(plug: Plug, echo_chip: Echo) -> None:
    chip = echo_chip()
    answer = chip.process
    chip.process = lambda command: answer(command) and b""
    chip.hold()
    card, reader = plug(chip)
    reader.tell("00EE0000")
    assert chip.busy.wait(5)
    card.stop()
    chip.release()
    card.stop()
    assert not card.inserted
    with pytest.raises((EOFError, ConnectionResetError)):
        reader.hear()


def test_an_empty_message_is_passed_over(plug: Plug, echo_chip: Echo) -> None:
    _, reader = plug(echo_chip())
    reader.tell("")
    reader.tell("04")
    assert reader.hear().startswith("3B")


def test_a_card_pulled_out_hangs_up_and_loses_power(plug: Plug, echo_chip: Echo) -> None:
    chip = echo_chip()
    card, reader = plug(chip)
    assert card.inserted
    card.stop()
    card.stop()
    assert not card.inserted
    assert chip.calls[-1] == "power_off"
    with pytest.raises(EOFError):
        reader.hear()


def test_a_card_pulled_out_in_the_middle_of_a_command_does_not_answer(plug: Plug, echo_chip: Echo) -> None:
    chip = echo_chip()
    card, reader = plug(chip)
    chip.hold()
    reader.tell("00A4000002CAFE")
    assert chip.busy.wait(5)
    card.stop()
    chip.release()
    with pytest.raises(EOFError):
        reader.hear()


def test_a_reader_that_hangs_up_ends_the_card(plug: Plug, echo_chip: Echo) -> None:
    card, reader = plug(echo_chip())
    reader.connection.close()
    card.stop()
    assert not card.inserted


def test_a_chip_that_raises_an_exception_is_out_and_its_reader_does_not_wait(
    plug: Plug, echo_chip: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    def process(command: bytes) -> bytes:
        raise RuntimeError(command.hex())

    chip = echo_chip()
    chip.process = process
    card, reader = plug(chip)
    reader.tell("00A4000002CAFE")
    with pytest.raises((EOFError, ConnectionResetError)):
        reader.hear()
    card.stop()
    assert not card.inserted
    assert chip.calls[-1] == "power_off"
    assert "RuntimeError" in caplog.text
    assert "cafe" not in caplog.text


def test_a_port_where_no_reader_listens_is_refused(listener: socket.socket, echo_chip: Echo) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        VirtualCard.insert(echo_chip(), port)
