"""``sscard conformance``: hold a card against the standard's rules."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from apdu.errors import MalformedError, TranscriptMismatchError
from apdu.readers import CardConnection, Readers, Transmit
from apdu.secret import Secret
from apdu.transport.transcript import Replay, Transcript
from cardlib import conformance as suite
from cardlib.conformance import GROUPS, Outcome, ReplayedCard, Result, Subject
from services.cli.entering import asked_opener
from services.cli.errors import FAILED, UNUSABLE, fail, reported
from services.cli.options import ConfigFile, ReaderName, Simulated, configuration, quiet
from services.cli.read import pick
from services.cli.recording import recording
from services.config import Config
from services.custody.opening import open_custodian
from services.errors import InvalidRequestError
from services.hidden_readers import readers_for_cards
from services.opening import open_readers
from services.requests import packed_pin
from sscard.v1.reader_pb2 import SLOT_STATE_CARD, SLOT_STATE_EMPTY, Reader

PATIENCE = 5.0
STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_RUN: "yellow"}
WARNING = """The destructive cases write what stands on the card already, spend tries of PIN and keys and win them back,
change the PIN and change it back, book loads and purchases of nothing, and block the PIN at last. A card that breaks
the rules may be left otherwise.
破坏性测试会写卡、消耗密码和密钥的尝试次数、更改密码后改回、进行零金额交易，最后锁定个人密码。"""
LAST_WARNING = """The irreversible cases block applications, and at last the card itself, for good. Nothing undoes it:
the card is waste afterwards. 不可逆测试将永久锁定应用和卡片，卡片此后报废，无法恢复。"""
RUN: Final = "conformance"
"""Member of a transcript's header that says which cases were run."""


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
    irreversible: Annotated[
        bool,
        typer.Option("--irreversible", help="With --destructive: also those that end the card's life. It asks."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the destructive cases.")] = False,
    pin_stdin: Annotated[
        bool, typer.Option("--pin-stdin", help="The holder's PIN is the first line of input.")
    ] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the report as JUnit XML, too.")] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Keep the run in this new file, for --transcript. It holds personal data."),
    ] = None,
    transcript: Annotated[
        Path | None,
        typer.Option("--transcript", help="Instead of a card: the run that --record kept, with the same PIN and keys."),
    ] = None,
) -> None:
    """Test a card against the rules of the standard. 对卡片进行符合性测试。

    Exit code 1 when a case fails. Cases that need keys or the PIN are reported as not run where there are none.
    """
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    chosen = _Run(_groups(group or []), destructive=destructive, irreversible=irreversible)
    pin = _pin(sys.stdin.readline().strip()) if pin_stdin else None
    _check_places(junit, record, transcript)
    if transcript is not None:
        if group or destructive or irreversible or record or reader:
            fail("--transcript runs what was recorded; it goes with --pin-stdin, --junit and --config", code=UNUSABLE)
        with reported():
            subject, results = _replayed(transcript, settings, pin)
    else:
        _confirm(chosen, yes=yes)
        with (
            reported(),
            closing(open_readers(settings)) as readers,
            _connected(readers, _chosen(readers_for_cards(settings, readers), reader), record, chosen) as card,
        ):
            subject, results = _test(card, settings, chosen, pin, readers)
    _report(subject, results)
    if junit is not None:
        try:
            junit.write_bytes(suite.junit(subject, results))
        except OSError as error:
            fail(f"cannot write {junit}: {error.strerror}", code=UNUSABLE)
    if any(result.outcome is Outcome.FAILED for result in results):
        raise typer.Exit(FAILED)


@dataclass(frozen=True, slots=True)
class _Run:
    """Which cases are run."""

    groups: Collection[str]
    destructive: bool
    irreversible: bool

    def header(self) -> dict[str, Any]:
        """As a transcript's header keeps it."""
        groups = [name for name in GROUPS if name in self.groups]
        return {"groups": groups, "destructive": self.destructive, "irreversible": self.irreversible}

    @classmethod
    def of_header(cls, kept: object) -> "_Run | None":
        """What :meth:`header` kept; None for what is nothing of the kind."""
        match kept:
            case {"groups": list(groups), "destructive": bool(destructive), "irreversible": bool(irreversible)}:
                return cls(groups, destructive, irreversible)
        return None


def _confirm(run: _Run, *, yes: bool) -> None:
    """Ask before anything is done to the card; what cannot be undone is asked for, whatever was said before."""
    if run.irreversible and not run.destructive:
        fail("--irreversible goes with --destructive", code=UNUSABLE)
    if run.destructive and not yes:
        typer.echo(WARNING, err=True)
        typer.confirm("Run them? 是否继续？", abort=True, err=True)
    if run.irreversible:
        typer.echo(LAST_WARNING, err=True)
        typer.confirm("End this card's life? 确认报废此卡？", abort=True, err=True)


def _check_places(junit: Path | None, record: Path | None, transcript: Path | None) -> None:
    """Leave before anything is asked or done where a file could not be written afterwards; none is left behind."""
    if junit is not None:
        if junit.resolve() in {path.resolve() for path in (record, transcript) if path is not None}:
            fail("--junit would write over the recorded run", code=UNUSABLE)
        if not junit.exists() or junit.is_dir() or junit.is_file():  # to pipes and devices, one tries in the end
            _try_place(junit, "cannot write", new=not junit.exists())
    if record is not None and transcript is None:
        _try_place(record, "cannot record to", new=True)


def _try_place(path: Path, refused: str, *, new: bool) -> None:
    try:
        with path.open("xb" if new else "ab"):
            pass
        if new:
            path.unlink()
    except OSError as error:
        fail(f"{refused} {path}: {error.strerror}", code=UNUSABLE)


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


class _Recorded:
    """A card connection whose conversation goes through another transport."""

    def __init__(self, card: CardConnection, transmit: Transmit) -> None:
        self._card = card
        self.transmit = transmit
        self.reset, self.close = card.reset, card.close
        self.features, self.control = card.features, card.control

    @property
    def atr(self) -> bytes:
        return self._card.atr

    @property
    def t0(self) -> bool:
        return self._card.t0


@contextmanager
def _connected(readers: Readers, reader: str, record: Path | None, run: _Run) -> Iterator[CardConnection]:
    card = readers.connect(reader, timeout=PATIENCE)
    try:
        with recording(record, card.transmit, card.atr, t0=card.t0, **{RUN: run.header()}) as transmit:
            yield _Recorded(card, transmit)
    finally:
        card.close(reset=True)


def _replayed(path: Path, settings: Config, pin: Secret | None) -> tuple[Subject, list[Result]]:
    """The recorded run against what the card said then."""
    try:
        transcript = Transcript.load(path)
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}", code=UNUSABLE)
    except (MalformedError, UnicodeDecodeError):
        if _breaks_off(path):
            fail(f"{path}: the recording is incomplete: it breaks off in the midst of a line")
        fail(f"{path} is no transcript", code=UNUSABLE)
    run = _Run.of_header(transcript.meta.get(RUN))
    if run is None or transcript.t0 is None:
        fail(f"{path} is no transcript of a conformance run", code=UNUSABLE)
    replay = Replay(transcript)
    try:
        found = _test(ReplayedCard(replay, t0=transcript.t0), settings, run, pin)
    except TranscriptMismatchError as error:
        if not replay.remaining:
            fail(
                f"the recording is incomplete: the run goes on after its {len(transcript.exchanges)} commands"
                " (or it was made without the PIN or keys that are given now)"
            )
        fail(f"not the run that was recorded: PIN, keys or the suite itself are others ({error})")
    if replay.remaining:
        fail(f"the recorded run went on: {replay.remaining} commands are left")
    return found


def _breaks_off(path: Path) -> bool:
    """Whether a file would be a transcript without its last line, which has no end: what cutting leaves."""
    *lines, last = path.read_bytes().split(b"\n")
    try:
        Transcript.from_lines([line.decode("utf-8") for line in lines])
    except (MalformedError, UnicodeDecodeError):
        return False
    return bool(last)


def _test(
    card: CardConnection, settings: Config, run: _Run, pin: Secret | None, readers: Readers | None = None
) -> tuple[Subject, list[Result]]:
    with closing(open_custodian(settings, readers, opener=asked_opener(settings))) as custodian:
        subject = suite.recognise(card, pin=pin)
        selected = [case for case in suite.cases(subject.profile) if case.group in run.groups]
        running = suite.conduct(
            card, subject, selected, custodian, destructive=run.destructive, irreversible=run.irreversible
        )
        console = Console(stderr=True)
        quiet_here = not console.is_terminal
        shown = track(running, "Testing", len(selected), console=console, transient=True, disable=quiet_here)
        return subject, list(shown)


def _report(subject: Subject, results: Sequence[Result]) -> None:
    """What came of each group, what failed, and how much was not run for which reason; nothing about the holder."""
    console = Console(highlight=False, soft_wrap=True)
    known = f"{subject.profile.version} card" if not subject.unrecognised else "card that is not recognised"
    title = f"符合性测试 · Conformance of a {known}"
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
