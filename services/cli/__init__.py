"""``sscard``: the service, and everything that people do with it from a terminal.

A command's module is imported when the command is given: who reads a card need not wait for the database's library.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from services.cli import options

COUNTER, MAKING, RUNNING, TRYING = (
    "At the counter 柜面",
    "Making cards 制卡",
    "Running the service 运行与管理",
    "Software cards, tests, reference 软件卡、测试与参考",
)

_COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {
    COUNTER: {
        "readers": "readers.readers",
        "read": "read.read",
        "registry": "registry.app",
        "activate": "activate.app",
        "activation": "activate.records",
        "pin": "pin.app",
    },
    MAKING: {
        "check": "check.check",
        "issue": "issue.issue",
        "verify": "issue.verify",
        "certificate": "certificate.certificate",
        "face": "issue.face",
        "issuance": "issuance.app",
        "issue-psam": "issue_psam.issue_psam",
    },
    RUNNING: {
        "serve": "serve.serve",
        "certs": "certs.app",
        "access": "access.access",
        "keys": "keys.app",
        "store": "store.app",
        "audit": "audit.app",
    },
    TRYING: {
        "demo": "demo.demo",
        "simulate": "simulate.simulate",
        "slot": "slot.app",
        "card": "card_files.app",
        "profile": "profile.app",
        "apdu": "apdu.apdu",
        "decode": "decode.decode_trace",
        "conformance": "conformance.conformance",
    },
}
"""Where each command is, in the order in which help shows them: a function, or an app with commands of its own."""

_PLACES: Final = {name: (panel, place) for panel, commands in _COMMANDS.items() for name, place in commands.items()}
_BEFORE: Final = ("--certificate", "--key", "--ca")
"""Options that stand before the command."""


class _Commands(TyperGroup):
    """The commands of :data:`_COMMANDS`, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the library's signature
        """Their names."""
        return list(_PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  the library's signature
        """One of them, None where there is none of this name."""
        if cmd_name in _PLACES and cmd_name not in self.commands:
            self.commands[cmd_name] = _loaded(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant; for one that is misspelt, all are there to be compared."""
        if args[0] not in _PLACES:
            for name in _PLACES:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; say where an option belongs that stands behind it."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if (option := getattr(error, "option_name", "")) in _BEFORE:
                error.message = (  # type: ignore[attr-defined]  # the library's own class is not public
                    f"{option} stands before the command: sscard --certificate FILE --key FILE --ca FILE … "
                    "证书选项须写在命令之前"
                )
            raise


def _loaded(name: str) -> Any:
    panel, place = _PLACES[name]
    module, _, attribute = place.partition(".")
    found = getattr(import_module(f"services.cli.{module}"), attribute)
    alone = typer.Typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, rich_help_panel=panel)
    else:
        alone.command(name, rich_help_panel=panel)(found)
    return typer.main.get_group(alone).commands[name]


app = typer.Typer(
    name="sscard",
    cls=_Commands,
    help="社会保障卡 · Middleware and service for the Chinese social security card.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(options.identified)


def main() -> None:
    """Run the command line."""
    app()
