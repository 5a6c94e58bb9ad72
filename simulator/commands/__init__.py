"""The card's commands: one module per group, one function per command, and the table that dispatch goes by."""

from types import MappingProxyType
from typing import Final

from simulator.commands.authentication import external_authenticate, get_challenge, internal_authenticate
from simulator.commands.binary import read_binary
from simulator.commands.instruction import Instruction
from simulator.commands.pin import verify
from simulator.commands.records import read_record
from simulator.commands.select import select
from simulator.commands.update import update_binary, update_record

INSTRUCTIONS: Final = MappingProxyType(
    {
        bytes((cla, ins)): instruction
        for cla, ins, instruction in (
            (0x00, 0x20, Instruction(verify)),
            (0x00, 0x82, Instruction(external_authenticate)),
            (0x00, 0x84, Instruction(get_challenge, outgoing=True)),
            (0x00, 0x88, Instruction(internal_authenticate)),
            (0x00, 0xA4, Instruction(select)),
            (0x00, 0xB0, Instruction(read_binary, outgoing=True)),
            (0x00, 0xB2, Instruction(read_record, outgoing=True)),
            (0x00, 0xD6, Instruction(update_binary)),
            (0x00, 0xDC, Instruction(update_record)),
            (0x04, 0xD6, Instruction(update_binary)),
            (0x04, 0xDC, Instruction(update_record)),
        )
    }
)
"""CLA and INS → the command; GET RESPONSE belongs to T=0 and is answered by :mod:`simulator.card`."""

__all__ = ["INSTRUCTIONS", "Instruction"]
