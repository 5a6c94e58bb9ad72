"""The standard's commands: one module per group, one function per command, and the table that dispatch goes by."""

from types import MappingProxyType
from typing import Final

from simulator.commands.account import ACCOUNT_INSTRUCTIONS
from simulator.commands.authentication import external_authenticate, get_challenge, internal_authenticate
from simulator.commands.binary import read_binary
from simulator.commands.blocking import block_application, block_card, leaving_blocked
from simulator.commands.instruction import Instruction, table
from simulator.commands.pin import change_pin, unblock_pin, verify
from simulator.commands.records import read_record
from simulator.commands.select import select
from simulator.commands.update import update_binary, update_record

_HANDLERS: Final = (
    (0x00, 0x20, verify, False),
    (0x00, 0x82, external_authenticate, False),
    (0x00, 0x84, get_challenge, True),
    (0x00, 0x88, internal_authenticate, False),
    (0x00, 0xB0, read_binary, True),
    (0x00, 0xB2, read_record, True),
    (0x00, 0xD6, update_binary, False),
    (0x00, 0xDC, update_record, False),
    (0x04, 0xD6, update_binary, False),
    (0x04, 0xDC, update_record, False),
    (0x80, 0x5E, change_pin, False),
    (0x84, 0x16, block_card, False),
    (0x84, 0x1E, block_application, False),
    (0x84, 0x24, unblock_pin, False),
)
"""CLA, INS, handler, and whether it is outgoing."""

INSTRUCTIONS: Final = MappingProxyType(
    {
        b"\x00\xa4": Instruction(leaving_blocked(select)),
        **table(_HANDLERS),
        **ACCOUNT_INSTRUCTIONS,
    }
)
"""CLA and INS → the command; GET RESPONSE belongs to T=0 and is answered by :mod:`simulator.card`."""

__all__ = ["INSTRUCTIONS", "Instruction"]
