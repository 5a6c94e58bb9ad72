"""Options that several commands share, and the configuration they make."""

import os
import sys
import tomllib
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

import typer

from services import logs, requests
from services.cli.errors import UNUSABLE, checked, fail
from services.config import FILE_VARIABLE, Config, ConfigError, LogLevel, Mode

ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option("--config", "-c", help="TOML file with the settings; variables SSCARD_… count above it.")
]
Simulated: TypeAlias = Annotated[
    bool, typer.Option("--simulated", help="Software cards in this process instead of PC/SC readers; development mode.")
]
ServerAddress: TypeAlias = Annotated[
    str, typer.Option("--server", "-s", help="A running service, such as 127.0.0.1:50551; none: serve it ourselves.")
]
ReaderName: TypeAlias = Annotated[
    str, typer.Option("--reader", "-r", help="Name of the reader, or its beginning; none: the only one with a card.")
]
RequestId: TypeAlias = Annotated[
    str, typer.Option("--request-id", help="Of the request to go on with; none: a new one is made and shown.")
]
CardId: TypeAlias = Annotated[str, typer.Option("--id", help="The registry's name of the card, instead of a reader.")]
Certificate: TypeAlias = Annotated[
    Path | None, typer.Option("--certificate", help="Our certificate, for a service that asks for one.")
]
Key: TypeAlias = Annotated[Path | None, typer.Option("--key", help="Its key.")]
Authorities: TypeAlias = Annotated[
    Path | None, typer.Option("--ca", help="Certificates of the authorities that the service's must come from.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def identified(
    context: typer.Context, certificate: Certificate = None, key: Key = None, ca: Authorities = None
) -> None:
    """Take in, before any command, what it shows to a service; see :func:`configuration`."""
    shown = {"client_certificate": certificate, "client_key": key, "client_ca": ca}
    token = _SHOWN.set({name: path for name, path in shown.items() if path is not None})
    context.call_on_close(lambda: _SHOWN.reset(token))


_SHOWN: ContextVar[Mapping[str, Path]] = ContextVar("shown", default=MappingProxyType({}))
"""Settings that stand before the command."""


def configuration(file: Path | None = None, *, simulated: bool = False, **overrides: object) -> Config:
    """Load the settings, or say what is wrong with them and leave."""
    if simulated:
        # It would be development with published keys, whatever was meant to be safe.
        if said := _says_production(file):
            fail(f"--simulated is for development, and {said} says production 生产模式不能使用软件卡", code=UNUSABLE)
        overrides |= {"mode": "development", "readers": "simulated"}
    try:
        return Config.load(file, **{**_SHOWN.get(), **overrides})
    except ConfigError as error:
        fail(str(error), code=UNUSABLE)


def _says_production(file: Path | None) -> str:
    """What says that this is production, rather than nothing at all; "" where nothing does."""
    if mode := os.environ.get("SSCARD_MODE"):
        return "SSCARD_MODE" if mode == Mode.PRODUCTION else ""
    named = file or os.environ.get(FILE_VARIABLE)
    if not named:
        return ""
    try:
        written = tomllib.loads(Path(named).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # loading the settings tells what is wrong with it
    return str(named) if written.get("mode") == Mode.PRODUCTION else ""


def shown_request_id(given: str) -> str:
    """The id of a request that changes something, given or new, told to whoever may have to repeat it."""
    number = checked("--request-id", requests.request_id, given or str(uuid.uuid4()))
    sys.stderr.write(f"request {number} 请求编号\n")
    return number


def quiet(config: Config) -> None:
    """Set up logging for a command whose output is for people: warnings and worse only, unless asked for more."""
    level = LogLevel.WARNING if config.log_level is LogLevel.INFO else config.log_level
    logs.configure(level, json=False)
