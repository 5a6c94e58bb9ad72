"""``sscard demo``: three people's cards from blank chips to the counter, without any hardware."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.cli.client import service_of_our_own
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import configuration, quiet
from services.config import CONTROL_VARIABLE, ReaderKind
from services.demo.desk import Desk, DeskInProcess, DeskOfSimulator
from services.demo.players import players
from services.demo.story import Story
from services.demo.telling import Narrator

PCSC_VARIABLE = "PCSCLITE_CSOCK_NAME"


def demo(
    pcsc: Annotated[
        bool, typer.Option("--pcsc", help="In the readers of `sscard simulate --control … -- sscard demo --pcsc`.")
    ] = False,
) -> None:
    """Play the whole story on software cards: made, handed out, activated in three ways, used. 演示。

    Every step is a call of the service, made as the role that makes it. Nothing is left behind.
    """
    console = Console()
    with tempfile.TemporaryDirectory(prefix="sscard-demo-") as state, _desk(pcsc=pcsc) as desk:
        kind = ReaderKind.PCSC if isinstance(desk, DeskOfSimulator) else ReaderKind.SIMULATED
        settings = configuration(mode="development", database=str(Path(state) / "demo.db"), readers=kind)
        quiet(settings)
        console.print("Software cards of invented people (region 990000) · 虚构人员的软件卡")
        console.print(
            "Every step is a gRPC call over TLS, with a certificate of the role that makes it · 每一步均为对应角色的gRPC调用"
        )
        hardware = desk.hardware if isinstance(desk, DeskInProcess) else None
        with reported(), service_of_our_own(settings, hardware) as channel_as, players(channel_as) as everybody:
            Story(desk, everybody, Narrator(console)).run()
        console.print()
        console.print("Next: `sscard serve --simulated`, and a client as in README.md; `sscard --help` for the rest.")


@contextmanager
def _desk(*, pcsc: bool) -> Iterator[Desk]:
    if not pcsc:
        yield DeskInProcess()
        return
    address = os.environ.get(CONTROL_VARIABLE, "")
    if not address or PCSC_VARIABLE not in os.environ:
        fail("--pcsc: run it as `sscard simulate --control 127.0.0.1:0 --slots 2 -- sscard demo --pcsc`", code=UNUSABLE)
    desk = DeskOfSimulator(address)
    try:
        yield desk
    finally:
        desk.close()
