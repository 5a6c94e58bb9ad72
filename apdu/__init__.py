"""The wire between a reader and a card: ISO/IEC 7816-4 commands and responses, status words, TLV, scripts, transports.

Knows no particular card. Start at :mod:`apdu.command`, :mod:`apdu.flow` and :mod:`apdu.readers`.
"""

from apdu.command import CommandAPDU
from apdu.errors import CardError, StatusWordError, TransportError
from apdu.flow import Flow, Responses, Script, Step, ask, run, run_async, send
from apdu.readers import CardConnection, Readers, ReaderState, Transmit, executor
from apdu.response import ResponseAPDU
from apdu.secret import Secret

__all__ = [
    "CardConnection",
    "CardError",
    "CommandAPDU",
    "Flow",
    "ReaderState",
    "Readers",
    "ResponseAPDU",
    "Responses",
    "Script",
    "Secret",
    "StatusWordError",
    "Step",
    "Transmit",
    "TransportError",
    "ask",
    "executor",
    "run",
    "run_async",
    "send",
]
