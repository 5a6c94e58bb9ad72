"""Structured logs: one line per event on standard error, as JSON in production; no personal data, no card data."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from google.protobuf.message import Message

from apdu.readers import Transmit
from apdu.secret import Secret
from apdu.transport.wrappers import Exchange, hide_all, logged
from cardlib.disclosure import Disclosure
from cardlib.profiles import ALL
from services.card import Traffic, no_traffic
from services.config import LogLevel
from services.redaction import redacted

SENSITIVE: Final = frozenset(
    declared.name
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for declared in (*file.declarations, *file.items)
    if declared.sensitive
)
"""Names of the items that hold data of a person or identify one card."""

HIDDEN: Final = "***"
MAX_MESSAGE: Final = 1000
"""Of a message's text no more is logged; callers decide how long it is."""

_log = structlog.get_logger("services.traffic")


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last processor before a line is written: masks sensitive items, secrets, bytes, and fields of messages."""
    for key, value in event.items():
        event[key] = _shown(key, value)
    return event


def _shown(key: str, value: object) -> object:
    if key in SENSITIVE:
        return HIDDEN
    if isinstance(value, bytes | bytearray | Secret):
        return f"<{len(value)} bytes>"
    if isinstance(value, Message):
        return " ".join(str(redacted(value)).split())[:MAX_MESSAGE]
    if isinstance(value, Mapping):
        return {name: _shown(str(name), part) for name, part in value.items()}
    return value


def configure(level: LogLevel, *, json: bool, stream: TextIO | None = None) -> None:
    """Set logging up for the process: our own events, and those of the libraries through the same processors."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Of others only what went wrong: their debug output is not ours to vouch for.
    root.setLevel(logging.WARNING)
    logging.getLogger("services").setLevel(logging.DEBUG if level is LogLevel.TRAFFIC else level.upper())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def traffic(level: LogLevel) -> Traffic:
    """What logs the commands to cards: headers, lengths and status words at ``debug``, public data at ``traffic``."""
    if level not in {LogLevel.DEBUG, LogLevel.TRAFFIC}:
        return no_traffic

    def with_log(transmit: Transmit, reader: str) -> Transmit:
        disclosure = Disclosure() if level is LogLevel.TRAFFIC else hide_all
        return logged(transmit, lambda exchange: _log_exchange(exchange, reader), disclosure)

    return with_log


def _log_exchange(exchange: Exchange, reader: str) -> None:
    public = {
        name: data.hex().upper()
        for name, data in (("command_data", exchange.command_data), ("response_data", exchange.response_data))
        if data is not None
    }
    _log.debug(
        "exchange",
        reader=reader,
        header=exchange.header.hex().upper(),
        nc=exchange.nc,
        ne=exchange.ne,
        sw="" if exchange.sw is None else f"{exchange.sw:04X}",
        response_size=exchange.response_size,
        milliseconds=round(exchange.seconds * 1000, 3),
        error=exchange.error,
        **public,
    )
