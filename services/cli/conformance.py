"""``sscard conformance``: hold a card against the standard's rules."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from apdu.readers import Readers
from apdu.secret import Secret
from cardlib import conformance as suite
from cardlib.conformance import GROUPS, Outcome, Result, Subject
from cardlib.custody import KeyCustodian
from services.cli.errors import FAILED, UNUSABLE, fail, reported
from services.cli.options import ConfigFile, ReaderName, Simulated, configuration, quiet
from services.cli.read import pick
from services.config import Config
from services.errors import InvalidRequestError
from services.requests import packed_pin
from services.server import open_custodian, open_readers
from sscard.v1.reader_pb2 import SLOT_STATE_CARD, SLOT_STATE_EMPTY, Reader

PATIENCE = 5.0
STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_RUN: "yellow"}
WARNING = """The destructive cases write what stands on the card already, spend tries of PIN and keys and win them back,
and block the PIN at last. A card that breaks the rules may be left otherwise.
破坏性测试会写卡、消耗密码和密钥的尝试次数，最后锁定个人密码。"""


def conformance(
    reader: ReaderName = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    group: Annotated[
        list[str] | None, typer.Option("--group", "-g", help="Only this group, such as ATR or DF01_RECORD; repeatable.")
    ] = None,
    destructive: Annotated[
        bool, typer.Option("--destructive", help="Also the cases that write, spend tries, and block the PIN.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the destructive cases.")] = False,
    pin_stdin: Annotated[
        bool, typer.Option("--pin-stdin", help="The holder's PIN is the first line of input.")
    ] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the report as JUnit XML, too.")] = None,
) -> None:
    """Test a card against the rules of the standard. 对卡片进行符合性测试。

    Exit code 1 when a case fails. Cases that need keys or the PIN are reported as not run where there are none.
    """
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    groups = _groups(group or [])
    pin = _pin(sys.stdin.readline().strip()) if pin_stdin else None
    if destructive and not yes:
        typer.echo(WARNING, err=True)
        typer.confirm("Run them? 是否继续？", abort=True, err=True)
    with reported(), closing(open_readers(settings)) as readers:
        subject, results = _test(readers, _chosen(readers, reader), settings, groups, pin, destructive=destructive)
    _report(subject, results)
    if junit is not None:
        try:
            junit.write_bytes(suite.junit(subject, results))
        except OSError as error:
            fail(f"cannot write {junit}: {error.strerror}", code=UNUSABLE)
    if any(result.outcome is Outcome.FAILED for result in results):
        raise typer.Exit(FAILED)


def _groups(wanted: Sequence[str]) -> frozenset[str]:
    chosen = frozenset(name.upper() for name in wanted)
    for name in sorted(chosen - GROUPS.keys()):
        fail(f"there is no group {name!r}; there are {', '.join(GROUPS)}", code=UNUSABLE)
    return chosen or frozenset(GROUPS)


def _pin(digits: str) -> Secret | None:
    try:
        return packed_pin(digits)
    except InvalidRequestError as error:
        fail(str(error), code=UNUSABLE)


def _chosen(readers: Readers, wanted: str) -> str:
    present = [Reader(name=s.name, slot=SLOT_STATE_CARD if s.present else SLOT_STATE_EMPTY) for s in readers.states()]
    return pick(present, wanted)


def _test(
    readers: Readers,
    reader: str,
    settings: Config,
    groups: frozenset[str],
    pin: Secret | None,
    *,
    destructive: bool,
) -> tuple[Subject, list[Result]]:
    custodian: KeyCustodian = open_custodian(settings)
    card = readers.connect(reader, timeout=PATIENCE)
    try:
        subject = suite.recognise(card, pin=pin)
        selected = [case for case in suite.cases(subject.profile) if case.group in groups]
        running = suite.conduct(card, subject, selected, custodian, destructive=destructive)
        console = Console(stderr=True)
        shown = track(
            running, "Testing", len(selected), console=console, transient=True, disable=not console.is_terminal
        )
        return subject, list(shown)
    finally:
        card.close(reset=True)


def _report(subject: Subject, results: Sequence[Result]) -> None:
    """What came of each group, what failed, and how much was not run for which reason; nothing about the holder."""
    console = Console(highlight=False, soft_wrap=True)
    title = f"符合性测试 · Conformance of a {subject.profile.version} card"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("Group", no_wrap=True)
    for heading in ("通过 Passed", "失败 Failed", "未执行 Not run"):
        table.add_column(heading, justify="right")
    for name in GROUPS:
        found = [result.outcome for result in results if result.case.group == name]
        if found:
            table.add_row(name, *(_count(found, outcome) for outcome in Outcome))
    table.add_section()
    every = [result.outcome for result in results]
    table.add_row("Total 合计", *(_count(every, outcome) for outcome in Outcome), style="bold")
    console.print(table)
    for result in results:
        if result.outcome is Outcome.FAILED:
            case = result.case
            console.print(Text.assemble(("FAILED ", "bold red"), case.id, f"  {case.title} [{case.clause}]"))
            console.print(Text(f"       {result.detail}"))
    _reasons(console, results)


def _count(outcomes: Sequence[Outcome], outcome: Outcome) -> Text:
    count = outcomes.count(outcome)
    return Text(str(count), style=STYLES[outcome] if count else "dim")


def _reasons(console: Console, results: Sequence[Result]) -> None:
    not_run = [result.detail for result in results if result.outcome is Outcome.NOT_RUN]
    for reason in dict.fromkeys(not_run):
        console.print(Text.assemble(("NOT RUN ", "yellow"), f"{not_run.count(reason)} × {reason}"))
