"""``sscard audit``: who did what on this service, and whether that is still what was put on record."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Final

import typer

from services.audit.chain import Query
from services.audit.checkpoint import Checkpoint, CheckpointError, add_to, checkpoint_of, read_checkpoints
from services.audit.entry import FIELDS, Link
from services.audit.errors import AuditError
from services.audit.opening import signing_key
from services.audit.verify import Examination, examine
from services.cli.errors import FAILED, UNUSABLE, fail, reported
from services.cli.options import ConfigFile, configuration
from services.config import Config
from services.custody.signing import PublicKey, SigningKeyError, read_public_key
from services.registry.days import BEIJING
from services.store.audit import SqlAuditChain
from services.store.engine import StoreError, open_engine

STEP: Final = 100_000
"""Entries from one line about progress to the next."""

app = typer.Typer(help="The record of all calls. 审计记录。", no_args_is_help=True)


@app.command()
def verify(
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="File with checkpoints; several times: all of them."),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", metavar="FILE", help="Public key that checkpoints are verified with, in place of ours."),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Find out whether any entry was changed, removed, put in or moved. 校验审计链。

    Exit code 0: nothing was; 1: something was; 2: it could not be found out.
    """
    settings = configuration(config)
    with _chain(settings) as chain:
        checkpoints = _checkpoints(settings, checkpoint, key)
        examination = examine(chain, checkpoints, progress=_Progress())
    for fault in examination.faults:
        typer.echo(f"{fault.kind.value}: {fault.text}")
    if examination.more:
        typer.echo(f"and {examination.more} more 另有{examination.more}处")
    typer.echo(_summary(examination))
    if not examination.unbroken:
        raise typer.Exit(FAILED)


@app.command("list")
def list_entries(
    since: Annotated[str, typer.Option(help="From this day or moment on: 2026-11-22, or 2026-11-22T08:30.")] = "",
    until: Annotated[str, typer.Option(help="Before this day or moment.")] = "",
    institution: Annotated[str, typer.Option(help="Code of the caller's institution.")] = "",
    caller: Annotated[str, typer.Option(help="Name of the caller.")] = "",
    terminal: Annotated[str, typer.Option(help="Where it called from.")] = "",
    card: Annotated[str, typer.Option(help="Id of the card, as entries have it.")] = "",
    person: Annotated[str, typer.Option(help="Id of the person, as entries have it.")] = "",
    method: Annotated[str, typer.Option(help="Full name of the method.")] = "",
    request_id: Annotated[str, typer.Option("--request-id", help="The caller's id of a request.")] = "",
    reason: Annotated[str, typer.Option(help="Reason of a refusal.")] = "",
    newest: Annotated[int, typer.Option(min=0, help="No more than so many, the newest; 0: all.")] = 0,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="All fields, JSON, a line for each entry.")] = False,
    config: ConfigFile = None,
) -> None:
    """List entries, the oldest first; times are Beijing's. They are not verified. 列出审计记录。"""
    equal = {
        "institution": institution,
        "caller": caller,
        "terminal": terminal,
        "card": card,
        "person": person,
        "method": method,
        "request_id": request_id,
        "reason": reason,
    }
    query = Query(
        since=_moment("--since", since),
        until=_moment("--until", until),
        equal={name: text for name, text in equal.items() if text},
        newest=newest,
    )
    with _chain(configuration(config)) as chain:
        for link in chain.select(query):
            typer.echo(_as_json(link) if jsonl else _line(link))


@app.command()
def checkpoint(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where it is added; none: where the service puts its own.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Sign that the record ends as it does now, so that nobody can cut it off unseen. 签署检查点。"""
    settings = configuration(config)
    with _chain(settings) as chain, reported():
        end = chain.end()
        if end is None:
            fail("nothing is on record yet 尚无审计记录")
        made = checkpoint_of(end, signing_key(settings), station=settings.station_or_default, now=datetime.now(UTC))
        where = file or settings.audit_checkpoint_file
        add_to(where, made)
    typer.echo(f"{where}: checkpoint of entry {made.sequence}, signed with the key {made.key} 已签署检查点")


@app.command("public-key")
def public_key(config: ConfigFile = None) -> None:
    """Print the public key that checkpoints are verified with elsewhere. 输出检查点公钥。"""
    with reported():
        typer.echo(signing_key(configuration(config)).public.pem(), nl=False)


@contextmanager
def _chain(settings: Config) -> Iterator[SqlAuditChain]:
    """The chain of the database that the settings name; one that is not there is not made."""
    where = settings.database_or_default
    if "://" not in where and not Path(where).is_file():
        fail(f"there is no database {where}: nothing was put on record here 没有数据库", code=UNUSABLE)
    try:
        engine = open_engine(where)
    except StoreError as error:
        fail(str(error), code=UNUSABLE)
    try:
        yield SqlAuditChain(engine)
    except (AuditError, CheckpointError) as error:
        fail(str(error), code=UNUSABLE)
    finally:
        engine.dispose()


def _checkpoints(settings: Config, named: list[Path] | None, keys: list[Path] | None) -> list[Checkpoint]:
    """Those of the files named, else those of the service's own file if it is there."""
    paths = named or [path for path in (settings.audit_checkpoint_file,) if path.exists()]
    if not paths:
        return []
    try:
        known: list[PublicKey] = [read_public_key(path) for path in keys or ()]
    except SigningKeyError as error:
        fail(f"--key: {error}", code=UNUSABLE)
    if not known:
        if not settings.audit_key_file.exists():
            fail(f"there is no {settings.audit_key_file}: say --key with the public key 请提供公钥", code=UNUSABLE)
        with reported():
            known = [signing_key(settings).public]
    return [each for path in paths for each in read_checkpoints(path, known)]


class _Progress:
    """A line on standard error now and then, for chains that take their time."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, done: int, of: int) -> None:
        if done - self._told >= STEP:
            self._told = done
            sys.stderr.write(f"{done} of {of} entries 已校验 {done * 100 // max(of, 1)}%\n")


def _summary(found: Examination) -> str:
    number, _ = found.end
    if found.unbroken:
        until = f"signed up to entry {found.signed}" if found.signed else "no checkpoint to compare with"
        return f"{found.entries} entries, unbroken up to {number}; {until} 审计链完整，共{found.entries}条"
    faults = len(found.faults) + found.more
    return f"{found.entries} entries, NOT what was put on record: {faults} faults 审计链异常，共{faults}处"


def _moment(option: str, text: str) -> str:
    """As entries have it; a day begins in Beijing, and so a moment without a time zone is meant."""
    if not text:
        return ""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            moment = datetime.combine(date.fromisoformat(text), time(), BEIJING)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=BEIJING)
        return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        fail(f"{option}: {text!r} is no day or moment such as 2026-11-22 or 2026-11-22T08:30", code=UNUSABLE)


def _line(link: Link) -> str:
    try:
        when = datetime.fromisoformat(link["moment"]).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):  # nobody has verified it
        when = link["moment"]
    who = "/".join(filter(None, (link["institution"], link["role"], link["caller"])))
    where = "@".join(filter(None, (link["reader"], link["terminal"] or link["station"])))
    result = link["reason"] or link["code"]
    about = " ".join(f"{name}={link[name]}" for name in ("card", "person", "request_id", "detail") if link[name])
    told = (f"{link.sequence:>8}", when, who, where, link["method"].rpartition(".")[2], result, about)
    return _printable("  ".join(filter(None, told)))


def _printable(text: str) -> str:
    """What stands in a database that somebody has altered moves no cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _as_json(link: Link) -> str:
    told = {"sequence": link.sequence, **dict(zip(FIELDS, link.texts, strict=True)), "hash": link.hash.hex()}
    text = json.dumps(told, ensure_ascii=False)
    # What a terminal would act on, or turn around, is escaped; whoever reads the JSON has it as it was.
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)
