"""Recorded card conversations (报文记录): read from the formats they come in, and decoded to file, item and meaning.

:func:`~cardlib.trace.formats.read_trace` reads, :func:`~cardlib.trace.decoder.decode` explains.
"""

from cardlib.trace.decoder import Decoded, decode
from cardlib.trace.formats import Exchange, Trace, TraceError, TraceFormat, read_trace
from cardlib.trace.items import SeenItem

__all__ = ["Decoded", "Exchange", "SeenItem", "Trace", "TraceError", "TraceFormat", "decode", "read_trace"]
