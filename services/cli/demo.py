"""``sscard demo``: three people's cards from blank chips to the counter, without any hardware."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.callers.caller import Role
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.files import file_tables
from services.cli.options import configuration, quiet
from services.cli.own_service import service_of_our_own
from services.cli.table import identity_table
from services.config import CONTROL_VARIABLE, Config, ReaderKind
from services.demo.auditing import examined_audit
from services.demo.desk import Desk, DeskInProcess, DeskOfSimulator
from services.demo.players import players
from services.demo.story import Story
from services.demo.telling import Narrator, Tables
from sscard.v1.card_pb2 import ReadFilesResponse, ReadIdentityResponse

PCSC_VARIABLE = "PCSCLITE_CSOCK_NAME"
TABLES: Tables = {ReadIdentityResponse: identity_table, ReadFilesResponse: file_tables}


def demo(
    pcsc: Annotated[
        bool, typer.Option("--pcsc", help="In the readers of `sscard simulate --control … -- sscard demo --pcsc`.")
    ] = False,
) -> None:
    """Play the whole story on software cards: made, handed out, activated in three ways, used. 演示。

    Every step is a call of the service, made as the role that makes it. Nothing is left behind.
    """
    console = Console(highlight=False)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sscard-demo-") as state, reported(), _desk(pcsc=pcsc) as desk:
        kind = ReaderKind.PCSC if isinstance(desk, DeskOfSimulator) else ReaderKind.SIMULATED
        database = str(Path(state) / "demo.db")
        settings = configuration(mode="development", database=database, readers=kind, audit=True)
        quiet(settings)
        narrator = Narrator(console, TABLES)
        console.print("Software cards of invented people (region 990000) · 虚构人员的软件卡")
        console.print("Each step is a gRPC call over TLS, by a caller with a certificate of that role")
        console.print("每一步均为gRPC调用，调用方持有对应角色的证书")
        hardware = desk.hardware if isinstance(desk, DeskInProcess) else None
        with service_of_our_own(settings, hardware) as channel_as, players(channel_as) as everybody:
            Story(desk, everybody, narrator).run()
        _audit(settings, narrator)
        console.print()
        console.print(f"{narrator.steps} steps in {time.monotonic() - begun:.1f} s")
        console.print("Next: `sscard serve --simulated`, and a client as in README.md")


def _audit(settings: Config, narrator: Narrator) -> None:
    """The service has ended: an auditor looks at what it has put on record."""
    narrator.chapter("审计", "The audit: every call is on record")
    narrator.command(Role.AUDITOR, "sscard audit verify", "校验审计链", "a command, no call")
    found = examined_audit(settings)
    if not found.unbroken:
        fail(f"the audit is not what was put on record 审计链异常: {found.faults[0].text}")
    narrator.result(f"{found.entries} entries, unbroken 审计链完整; signed up to entry {found.signed}")


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
