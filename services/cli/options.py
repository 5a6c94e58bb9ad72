"""Options that several commands share, and the configuration they make."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from services import logs
from services.cli.errors import UNUSABLE, fail
from services.config import Config, ConfigError, LogLevel

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
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def configuration(file: Path | None = None, *, simulated: bool = False, **overrides: object) -> Config:
    """Load the settings, or say what is wrong with them and leave."""
    if simulated:
        overrides |= {"mode": "development", "readers": "simulated"}
    try:
        return Config.load(file, **overrides)
    except ConfigError as error:
        fail(str(error), code=UNUSABLE)


def quiet(config: Config) -> None:
    """Set up logging for a command whose output is for people: warnings and worse only, unless asked for more."""
    level = LogLevel.WARNING if config.log_level is LogLevel.INFO else config.log_level
    logs.configure(level, json=False)
