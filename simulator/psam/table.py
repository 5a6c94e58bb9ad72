"""The commands of a PSAM [S2.9 §9], those that the card's text has for files, and those that build one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from simulator.command import SW, Refused
from simulator.commands.binary import read_binary
from simulator.commands.instruction import Instruction, table
from simulator.commands.records import read_record
from simulator.psam.authentication import external_authenticate, get_challenge
from simulator.psam.building import create, create_mf, end_of_issue, erase, load_plain_key
from simulator.psam.delivery import cipher_data, deliver_session_key
from simulator.psam.keys import load_key
from simulator.psam.purchase import credit_purchase, initialise_purchase
from simulator.psam.selecting import initialise_environment, select
from simulator.psam.updates import update_binary, update_record


class _Unknown(Instruction):
    """An instruction that a PSAM does not have, in a class that it has: 6D00, before anything else is looked at."""

    def parse(self, raw: bytes, *, exact: bool) -> NoReturn:  # noqa: ARG002
        raise Refused(SW.INS_UNSUPPORTED)


_HANDLERS: Final = (
    (0x00, 0x82, external_authenticate, False),
    (0x00, 0x84, get_challenge, True),
    (0x00, 0xA4, select, False),
    (0x00, 0xB0, read_binary, True),
    (0x00, 0xB2, read_record, True),
    (0x00, 0xD6, update_binary, False),
    (0x00, 0xDC, update_record, False),
    (0x04, 0xD6, update_binary, False),
    (0x04, 0xDC, update_record, False),
    (0x80, 0x1C, end_of_issue, False),
    (0x80, 0x70, initialise_purchase, False),
    (0x80, 0x72, credit_purchase, False),
    (0x80, 0x80, create, False),
    (0x80, 0x8A, create_mf, False),
    (0x80, 0xD0, load_plain_key, False),
    (0x80, 0xFA, cipher_data, False),
    (0x84, 0x1C, end_of_issue, False),
    (0x84, 0x8A, erase, False),
    (0x84, 0xD4, load_key, False),
    (0xBF, 0xDE, deliver_session_key, False),
    (0xBF, 0xEC, initialise_environment, False),
)
"""CLA, INS, handler, and whether it is outgoing."""

_CLASSES: Final = sorted({cla for cla, *_ in _HANDLERS})

INSTRUCTIONS: Final[Mapping[bytes, Instruction]] = MappingProxyType(
    {
        **{bytes((cla, ins)): _Unknown(select) for cla in _CLASSES for ins in range(0x100)},
        **table(_HANDLERS),
    }
)
"""CLA and INS → the command. No block or unblock command is among them: the text has none [S2.9 §9]."""
