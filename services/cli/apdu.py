"""``sscard apdu``: raw commands to a card, and the conversation in words."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from apdu.command import CommandAPDU
from apdu.errors import ApduFormatError
from apdu.readers import Readers
from apdu.response import ResponseAPDU
from apdu.status import OK
from apdu.transport.wrappers import get_response
from cardlib.describe import describe_answer, describe_command
from cardlib.disclosure import Disclosure
from cardlib.follow import Follower
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import ReaderName, Simulated, configuration, quiet
from services.cli.read import pick
from services.cli.recording import RecordFile, recording
from services.opening import open_readers
from sscard.v1.reader_pb2 import SLOT_STATE_CARD, SLOT_STATE_EMPTY, Reader

PATIENCE = 5.0


def apdu(
    commands: Annotated[
        list[str] | None, typer.Argument(metavar="APDU…", help="Commands in hexadecimal; none: one a line from stdin.")
    ] = None,
    reader: ReaderName = "",
    simulated: Simulated = False,
    show_data: Annotated[
        bool, typer.Option("--show-data", help="Show every byte, also data of the holder and PINs.")
    ] = False,
    record: RecordFile = None,
) -> None:
    """Send commands to a card and show the conversation in words. 发送APDU并解释应答。

    The card is held exclusively meanwhile and reset afterwards. 61xx and 6Cxx are followed. Data fields are shown only
    as far as the card's declarations call them public.
    """
    settings = configuration(simulated=simulated)
    quiet(settings)
    lines = commands or [line for line in sys.stdin if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        fail("no command was given", code=UNUSABLE)
    parsed = [_parse(line) for line in lines]
    with reported(), closing(open_readers(settings)) as readers:
        present = [
            Reader(name=s.name, slot=SLOT_STATE_CARD if s.present else SLOT_STATE_EMPTY) for s in readers.states()
        ]
        _converse(readers, pick(present, reader), parsed, show_data=show_data, record=record)


def _parse(line: str) -> CommandAPDU:
    try:
        return CommandAPDU.from_bytes(bytes.fromhex(line))
    except (ValueError, ApduFormatError) as error:
        fail(f"{line.strip()!r} is no command APDU: {error}", code=UNUSABLE)


def _converse(
    readers: Readers, reader: str, commands: list[CommandAPDU], *, show_data: bool, record: Path | None
) -> None:
    console, follower, disclosure = Console(highlight=False, soft_wrap=True), Follower(), Disclosure()
    card = readers.connect(reader, timeout=PATIENCE)
    try:
        with recording(record, card.transmit, card.atr) as wire:
            # Its historical bytes hold the card's serial number.
            atr = card.atr.hex(" ").upper() if show_data else f"<{len(card.atr)} bytes>"
            console.print(Text(f"ATR {atr}", style="dim"))
            transmit = get_response(wire, strip_le=card.t0)
            for command in commands:
                command_public, answer_public = (True, True) if show_data else disclosure(command)
                words = describe_command(command, follower)
                (raw,) = transmit([command.to_bytes()])
                answer = ResponseAPDU.from_bytes(raw)
                if answer.is_among((OK,)):
                    follower.follow(command, answer.data)
                console.print(_line("→", command.to_bytes(), command_public, command.header, words))
                console.print(_line("←", raw, answer_public, b"", describe_answer(answer, command)))
    finally:
        card.close(reset=True)


def _line(arrow: str, raw: bytes, public: bool, always: bytes, words: str) -> Text:
    shown = raw if public else always
    hidden = f"<{len(raw) - len(shown)} bytes> " if len(shown) < len(raw) else ""
    return Text.assemble(f"{arrow} {shown.hex(' ').upper()} {hidden}".replace("  ", " "), (words, "cyan"))
