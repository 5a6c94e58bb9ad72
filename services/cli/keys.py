"""``sscard keys``: keystores, and the keys in them; nothing here ever shows a key."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from cardlib.keys import KeyDeclaration, KeyReference
from cardlib.regional import RegionalProfileError, load
from services.cli.entering import components, confirm, key_from, opener_of, passphrases
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import AsJson, ConfigFile, configuration
from services.config import Config
from services.custody.keystore import (
    KeyAlgorithm,
    KeyPlan,
    KeyRecord,
    Keystore,
    TerminalCounter,
    changing,
    create_keystore,
    files,
    open_keystore,
    public_records,
)
from services.custody.keystore.ceremony import Custodian, custodians_of, record_text, shown
from services.custody.keystore.errors import KeyRefusedError, KeystoreFileError
from services.custody.keystore.store import HOLDERS
from services.custody.keystore.wrapping import WrappedKey, take_in, the_one, unwrapped, wrapped, wrapped_under
from services.memory import keep_memory_private

app = typer.Typer(no_args_is_help=True)

_WIDE = 160
"""Columns that the table has where no terminal gives it another width."""

KeystoreFile: TypeAlias = Annotated[Path, typer.Argument(metavar="KEYSTORE", help="The keystore's file.")]
Name: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="Of a card's key, such as RKSSSE; or of one that wraps, KEK-….")
]
PassphraseFd: TypeAlias = Annotated[
    list[int] | None, typer.Option("--passphrase-fd", help="File descriptor with a passphrase; one for each holder.")
]
KeyFd: TypeAlias = Annotated[
    int | None, typer.Option("--key-fd", help="File descriptor with the 32 bytes that open the keystore.")
]
WrapFd: TypeAlias = Annotated[
    list[int] | None, typer.Option("--wrap-passphrase-fd", help="As --passphrase-fd, of the file of wrapped keys.")
]
People: TypeAlias = Annotated[
    list[str] | None, typer.Option("--custodian", help="'name, role' of who brings a component; at least two.")
]
ComponentsFd: TypeAlias = Annotated[
    int | None, typer.Option("--components-fd", help="File descriptor with lines 'component;check value'.")
]
CheckValueOption: TypeAlias = Annotated[
    str, typer.Option("--check-value", help="The key's, as it must be; otherwise it is shown and to be confirmed.")
]
RecordFile: TypeAlias = Annotated[Path | None, typer.Option("--record", help="Write the record of the ceremony there.")]
Region: TypeAlias = Annotated[
    str, typer.Option("--region", help="First digits of the region codes of the cards it serves.")
]
AlgorithmOption: TypeAlias = Annotated[KeyAlgorithm | None, typer.Option("--algorithm", help="What it is a key of.")]
Only: TypeAlias = Annotated[list[str] | None, typer.Option("--only", help="Keys of this name; may stand repeatedly.")]


@app.callback()
def guarded() -> None:
    """Keystores: make them, and put keys into them. 密钥库管理。"""
    with reported():
        keep_memory_private()


@app.command("init")
def init(
    keystore: KeystoreFile, passphrase_fd: PassphraseFd = None, key_fd: KeyFd = None, config: ConfigFile = None
) -> None:
    """Make a keystore: in production with two passphrases, of two people. 新建密钥库。"""
    development = configuration(config).development
    with reported():
        if key_fd is not None:
            made = create_keystore(keystore, key_from(key_fd), development_mode=development)
        else:
            opener = passphrases(1 if development else HOLDERS, passphrase_fd or (), "the new keystore", new=True)
            made = create_keystore(keystore, opener, development_mode=development)
    _say(f"{keystore}: keystore {made.identifier}, SHA-256 {made.digest}")


@app.command("relock")
def relock(
    keystore: KeystoreFile,
    passphrase_fd: PassphraseFd = None,
    key_fd: KeyFd = None,
    new_passphrase_fd: Annotated[
        list[int] | None, typer.Option("--new-passphrase-fd", help="As --passphrase-fd, of the new passphrases.")
    ] = None,
    new_key_fd: Annotated[
        int | None, typer.Option("--new-key-fd", help="As --key-fd, of the new key, instead of passphrases.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Have a keystore opened by new passphrases, or by a new key; its keys stay as they are. 更换密钥库口令。"""
    settings = configuration(config)
    with reported():
        with _changing(settings, keystore, passphrase_fd, key_fd) as opened:
            if new_key_fd is not None:
                opened.relock(key_from(new_key_fd))
            else:
                holders = 1 if opened.development else HOLDERS
                new = passphrases(holders, new_passphrase_fd or (), "the keystore from now on", new=True)
                opened.relock(new)
        _say(f"{keystore}: generation {opened.generation}, SHA-256 {opened.digest}")
    _say("Copies open as before: destroy them, and make a new backup. 旧备份仍可用旧口令打开，请销毁并重新备份。")


@app.command("ceremony")
def ceremony(
    keystore: KeystoreFile,
    name: Name,
    custodian: People = None,
    version: Annotated[int, typer.Option("--version", min=1, help="Version; of TRANSPORT: number of the lot.")] = 1,
    algorithm: AlgorithmOption = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Diversifications down to a card: 3 national, 2 province's, 1 city's.")
    ] = None,
    region: Region = "",
    components_fd: ComponentsFd = None,
    check_value: CheckValueOption = "",
    record: RecordFile = None,
    passphrase_fd: PassphraseFd = None,
    key_fd: KeyFd = None,
    config: ConfigFile = None,
) -> None:
    """Put a key in, of components that several people bring. 密钥仪式：多人分量合成密钥。"""
    settings = configuration(config)
    if algorithm is None:
        fail("say what it is a key of: --algorithm 3DES, SM4 or AES-256", code=UNUSABLE)
    plan = KeyPlan(name, version, algorithm, steps, region, _known(settings))
    with reported(), _record_file(record) as fill:
        with _changing(settings, keystore, passphrase_fd, key_fd) as opened:
            held = _held(opened, plan, custodian or (), components_fd, check_value)
        _report(opened, held, fill)


@app.command("import")
def import_keys(
    keystore: KeystoreFile,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of wrapped keys.")],
    only: Only = None,
    wrap_passphrase_fd: WrapFd = None,
    passphrase_fd: PassphraseFd = None,
    key_fd: KeyFd = None,
    config: ConfigFile = None,
) -> None:
    """Put wrapped keys in: under a key that is here, or under passphrases. 导入密钥密文。"""
    settings = configuration(config)
    with reported(), _changing(settings, keystore, passphrase_fd, key_fd) as opened:
        found = [key for key in _unwrapped(opened, file, wrap_passphrase_fd) if not only or key.record.name in only]
        if missing := set(only or ()) - {key.record.name for key in found}:
            raise KeyRefusedError(f"{file} has no key {', '.join(sorted(missing))}")
        taken = take_in(opened, found, keys=_known(settings))
    _show(taken)


@app.command("rotate")
def rotate(
    keystore: KeystoreFile,
    name: Name,
    algorithm: AlgorithmOption = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Of the key, where there are several; '' is the one of all regions.")
    ] = None,
    retire: Annotated[bool, typer.Option("--retire", help="Use the oldest active version no longer.")] = False,
    custodian: People = None,
    components_fd: ComponentsFd = None,
    wrapped_file: Annotated[
        Path | None, typer.Option("--from", help="The next version comes in this file of wrapped keys.")
    ] = None,
    wrap_passphrase_fd: WrapFd = None,
    check_value: CheckValueOption = "",
    record: RecordFile = None,
    passphrase_fd: PassphraseFd = None,
    key_fd: KeyFd = None,
    config: ConfigFile = None,
) -> None:
    """Put in the next version of a key, by ceremony or from a file; or retire the oldest; or both. 密钥轮换。"""
    if not (custodian or wrapped_file or retire):
        fail("say where the next version comes from: --custodian … or --from FILE; or --retire", code=UNUSABLE)
    settings, held = configuration(config), None
    with reported(), _record_file(record) as fill:
        with _changing(settings, keystore, passphrase_fd, key_fd) as opened:
            versions = _versions(opened, name, algorithm, region)
            if custodian or wrapped_file:
                last = versions[-1]
                version = opened.next_version(last)
                plan = KeyPlan(name, version, last.algorithm, last.steps, last.region, _known(settings))
                if wrapped_file:
                    _take_next(opened, plan, _unwrapped(opened, wrapped_file, wrap_passphrase_fd), check_value)
                else:
                    held = _held(opened, plan, custodian or (), components_fd, check_value)
            if retire:
                opened.retire(next((at for at in versions if at.active), versions[0]))
            after = _versions(opened, name, algorithm, region)
        if held:
            _report(opened, held, fill)
    _show(after)


@app.command("export")
def export(
    keystore: KeystoreFile,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to be made, with wrapped keys.")],
    under: Annotated[str, typer.Option("--under", help="The key here that wraps them: NAME or NAME:VERSION.")] = "",
    with_passphrase: Annotated[
        bool, typer.Option("--with-passphrase", help="Wrap them under passphrases, of two people in production.")
    ] = False,
    only: Only = None,
    wrap_passphrase_fd: WrapFd = None,
    passphrase_fd: PassphraseFd = None,
    key_fd: KeyFd = None,
    config: ConfigFile = None,
) -> None:
    """Write the active keys to a file, wrapped; there is no other way out for a key. 导出密钥密文。"""
    settings = configuration(config)
    by_passphrase = with_passphrase or bool(wrap_passphrase_fd)
    if bool(under) == by_passphrase:
        fail("keys leave only wrapped: give --under KEY or --with-passphrase, one of them", code=UNUSABLE)
    with reported(), files.reserved(file) as fill:
        opened = open_keystore(
            keystore, opener_of(keystore, passphrase_fd or (), key_fd), development_mode=settings.development
        )
        records = [at for at in opened.records if at.active and (at.name in only if only else not at.wraps)]
        if missing := set(only or ()) - {at.name for at in records}:
            raise KeyRefusedError(f"there is no active key {', '.join(sorted(missing))} here")
        if by_passphrase:
            holders = 1 if opened.development else HOLDERS
            content = wrapped(
                opened, records, passphrases(holders, wrap_passphrase_fd or (), "the file of wrapped keys", new=True)
            )
        else:
            content = wrapped(opened, records, opened.wrapping_key(_reference(under)))
        fill(content)
    _show(records)


@app.command("list")
def list_keys(
    keystore: KeystoreFile,
    verify: Annotated[
        bool, typer.Option("--verify", help="Open it, so that what is listed has been verified.")
    ] = False,
    as_json: AsJson = False,
    passphrase_fd: PassphraseFd = None,
    key_fd: KeyFd = None,
    config: ConfigFile = None,
) -> None:
    """List the keys of a keystore, without their values. 列出密钥。"""
    settings = configuration(config)
    verified = verify or bool(passphrase_fd) or key_fd is not None
    with reported():
        if verified:
            opener = opener_of(keystore, passphrase_fd or (), key_fd)
            records = open_keystore(keystore, opener, development_mode=settings.development).records
        else:
            records = public_records(keystore)
    if as_json:
        sys.stdout.write(json.dumps([at.public() for at in records], ensure_ascii=False, indent=2) + "\n")
        return
    _show(records)
    if not verified:
        _say("The keystore was not opened, so nobody has verified this list. 未打开密钥库，列表未经校验。")


@app.command("counter")
def counter(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to be made.")],
    terminal: Annotated[str, typer.Option("--terminal", help="Terminal number of purchases, 12 digits.")],
    start: Annotated[int, typer.Option("--start", help="First sequence number: above every one already used.")],
) -> None:
    """Make the counter of a terminal's sequence numbers, which purchases need. 新建终端交易序号文件。"""
    with reported():
        TerminalCounter.create(file, terminal, start=start)
    _say(f"{file}: terminal {terminal}, from {start}")


@dataclass(frozen=True, slots=True)
class _Held:
    """A ceremony that was held."""

    key: KeyRecord
    people: tuple[Custodian, ...]
    checks: tuple[str, ...]
    typed: bool


def _held(
    opened: Keystore, plan: KeyPlan, custodians: Sequence[str], descriptor: int | None, check_value: str
) -> _Held:
    people = custodians_of(custodians)
    opened.require_room(plan)  # before anybody opens an envelope
    value, checks = components(plan, people, descriptor, check_value)
    return _Held(opened.add(plan, value), people, checks, typed=descriptor is None)


@contextmanager
def _record_file(path: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Where the record of a ceremony goes: made before the ceremony is held, so that it does not fail for the lack."""
    if path is None:
        yield lambda _: None
    else:
        with files.reserved(path) as fill:
            yield fill


def _report(written: Keystore, held: _Held, fill: Callable[[bytes], None]) -> None:
    text = record_text(written, held.key, held.people, held.checks, typed=held.typed)
    sys.stdout.write(text)
    try:
        fill(text.encode())
    except KeystoreFileError as error:
        fail(f"{held.key} is in the keystore, but {error}: print the record above, for it is not made again")


def _take_next(opened: Keystore, plan: KeyPlan, arrived: Sequence[WrappedKey], check_value: str) -> None:
    """Put in the key that is planned, and none that is but called the same."""
    key = the_one(arrived, plan)
    if check_value:
        confirm(shown(key.record.check_values), check_value)
    take_in(opened, [key], keys=plan.keys)


def _unwrapped(opened: Keystore, file: Path, descriptors: Sequence[int] | None) -> list[WrappedKey]:
    content = files.read(file)
    under = wrapped_under(file, content)
    opener = None if isinstance(under, KeyReference) else passphrases(under, descriptors or (), str(file))
    return unwrapped(file, content, opened, opener)


def _versions(opened: Keystore, name: str, algorithm: KeyAlgorithm | None, region: str | None) -> list[KeyRecord]:
    """All versions of one key, the first one first."""
    found = [
        at
        for at in opened.records
        if at.name == name and algorithm in {None, at.algorithm} and region in {None, at.region}
    ]
    if not found:
        raise KeyRefusedError(f"there is no such key {name} here; the first version comes by ceremony or import")
    if not all(at.same_key(found[0]) for at in found):
        raise KeyRefusedError(f"there are several keys {name} here: say which one with --algorithm and --region")
    return sorted(found, key=lambda at: at.version)


@contextmanager
def _changing(
    settings: Config, keystore: Path, descriptors: Sequence[int] | None, key_descriptor: int | None
) -> Iterator[Keystore]:
    opener = opener_of(keystore, descriptors or (), key_descriptor)
    with changing(keystore, opener, development_mode=settings.development) as opened:
        yield opened


def _known(settings: Config) -> Mapping[str, KeyDeclaration]:
    """Keys of cards by their names, with those of the regions."""
    try:
        return load(*settings.regional_profiles).keys
    except RegionalProfileError as error:
        fail(str(error), code=UNUSABLE)


def _reference(text: str) -> KeyReference:
    name, _, version = text.partition(":")
    if version and not (version.isascii() and version.isdecimal()):
        fail(f"{text!r} is not NAME or NAME:VERSION", code=UNUSABLE)
    return KeyReference(name, int(version or 1))


def _show(records: Sequence[KeyRecord]) -> None:
    table = Table(title="密钥 · Keys", title_justify="left", header_style="bold")
    for heading in ("名称", "版本", "算法", "级别", "分散级数", "地区", "校验值", "状态", "创建时间"):
        table.add_column(heading, no_wrap=True)
    for at in records:
        level = f"{at.level.value} {at.level.name.lower()}"
        row = (at.name, at.version, at.algorithm, level, at.steps, at.region, shown(at.check_values), at.state)
        table.add_row(*map(str, row), at.created)
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDE)
    console.print(table)


def _say(text: str) -> None:
    typer.echo(text, err=True)
