"""``sscard certs``: an authority for development and trials, and the certificates of services and callers."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from apdu.errors import CardError
from apdu.secret import Secret
from services.callers.caller import Caller, Role
from services.callers.errors import CallerUnknownError
from services.callers.identity import caller_of, uri_of
from services.callers.recognition import now_utc
from services.callers.revocation import RevocationList, RevocationListError
from services.cli.entering import from_descriptor
from services.cli.errors import FAILED, UNUSABLE, fail
from services.custody.certificates import (
    Authority,
    CertificateError,
    Facts,
    Pair,
    Purpose,
    facts_of,
    new_authority,
    open_authority,
)
from services.custody.keystore import files

app = typer.Typer(
    help="Certificates of services and callers, for development and trials. 证书管理。", no_args_is_help=True
)

_AUTHORITY_DAYS: Final = 3650
_DAYS: Final = 397
"""Days for which certificates count unless somebody says otherwise: ten years, and thirteen months."""
_SHORTEST_PASSPHRASE: Final = 12
_PUBLIC: Final = 0o644
_WIDE: Final = 200
"""Columns that the table has where no terminal gives it another width."""
_ISSUED: Final = "issued"
"""Folder of the authority, with what it issued."""
_ROLES: Final = tuple(role.value for role in Role if role is not Role.LOCAL)

Directory: TypeAlias = Annotated[Path, typer.Argument(metavar="AUTHORITY", help="Folder of the authority.")]
Name: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="FILE.crt and FILE.key are made.")]
Certificate: TypeAlias = Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="A certificate, FILE.crt.")]
Days: TypeAlias = Annotated[int, typer.Option("--days", min=1, max=36500, help="How long it counts.")]
PassphraseFd: TypeAlias = Annotated[
    int | None, typer.Option("--passphrase-fd", help="File descriptor with the passphrase of the authority's key.")
]


@app.command("init")
def init(
    directory: Directory,
    name: Annotated[str, typer.Option("--name", help="What the authority is called.")] = "sscard development CA",
    days: Days = _AUTHORITY_DAYS,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Ask for a passphrase that its key is encrypted under.")
    ] = False,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make an authority: AUTHORITY/ca.crt, which others trust, and AUTHORITY/ca.key, which signs. 新建证书颁发机构。"""
    passphrase = _new_passphrase(passphrase_fd) if encrypt or passphrase_fd is not None else None
    with _reported():
        authority = new_authority(name, now=now_utc(), days=days)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_pair(directory / "ca", Pair(authority.certificate, authority.key(passphrase)))
    typer.echo(f"{directory}/ca.crt: {name}, until {_day(authority.facts.not_after)}, {authority.facts.fingerprint}")


@app.command("issue")
def issue(
    directory: Directory,
    file: Name,
    institution: Annotated[
        str, typer.Option("--institution", help="Code of the institution: letters, digits, hyphens.")
    ],
    role: Annotated[str, typer.Option("--role", help=", ".join(_ROLES))],
    name: Annotated[str, typer.Option("--name", help="Of the person or machine that calls.")],
    terminal: Annotated[str, typer.Option("--terminal", help="Where it calls from, if that is known.")] = "",
    days: Days = _DAYS,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make the certificate of a caller, with institution and role. 签发调用方证书。"""
    if role not in _ROLES:
        fail(f"--role: {role!r} is none of {', '.join(_ROLES)}", code=UNUSABLE)
    try:
        uri = uri_of(Caller(name, institution, Role(role), terminal))
    except ValueError as error:
        fail(str(error), code=UNUSABLE)
    with _reported():
        pair = _opened(directory, passphrase_fd).caller(name, uri, now=now_utc(), days=days)
        _hand_out(directory, file, pair)


@app.command("issue-server")
def issue_server(
    directory: Directory,
    file: Name,
    host: Annotated[
        list[str], typer.Option("--host", help="Host name or numeric address by which callers find the service.")
    ],
    days: Days = _DAYS,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make the certificate of a service. 签发服务端证书。"""
    with _reported():
        pair = _opened(directory, passphrase_fd).server(host, now=now_utc(), days=days)
        _hand_out(directory, file, pair)


@app.command("renew")
def renew(
    directory: Directory, certificate: Certificate, days: Days = _DAYS, passphrase_fd: PassphraseFd = None
) -> None:
    """Put a new certificate in the place of one that ends soon: same key, same names, new time. 更新证书。"""
    with _reported():
        old = files.read(certificate)
        facts = facts_of(old)
        new = _opened(directory, passphrase_fd).renewed(old, now=now_utc(), days=days)
        _keep(directory, new)
        with files.exclusive(certificate):
            files.write(certificate, new)
        certificate.chmod(_PUBLIC)
    typer.echo(f"{certificate}: {facts.name}, until {_day(facts_of(new).not_after)}")


@app.command("list")
def list_certificates(directory: Directory) -> None:
    """List what an authority has issued. 列出已签发的证书。"""
    with _reported():
        found = [facts_of(files.read(path)) for path in sorted((directory / _ISSUED).glob("*.crt"))]
    table = Table(title=f"{directory}", title_justify="left", header_style="bold")
    for heading in ("For 用途", "Who 主体", "Until 有效期至", "SHA-256"):
        table.add_column(heading, overflow="fold")
    for facts in sorted(found, key=lambda each: each.not_after):
        table.add_row(_purposes(facts), _who(facts), _until(facts), facts.fingerprint)
    console = Console()
    (console if console.is_terminal else Console(width=_WIDE)).print(table)


@app.command("show")
def show(
    certificate: Annotated[list[Path], typer.Argument(metavar="CERTIFICATE…", help="Certificates.")],
    within: Annotated[int, typer.Option("--within", min=0, help="Exit code 1 if one ends within so many days.")] = 0,
) -> None:
    """Show whose certificates they are, and when they end. 查看证书。"""
    ending = False
    for path in certificate:
        with _reported():
            facts = facts_of(files.read(path))
        typer.echo(f"{path}: {_purposes(facts)}, {_who(facts)}")
        typer.echo(f"    from {_day(facts.not_before)} until {_until(facts)}, by {facts.issuer}")
        typer.echo(f"    SHA-256 {facts.fingerprint}")
        ending = ending or not facts.valid_at(now_utc()) or (facts.not_after - now_utc()).days < within
    if ending:
        raise typer.Exit(FAILED)


@app.command("revoke")
def revoke(
    certificate: Certificate,
    revoked: Annotated[
        Path, typer.Option("--list", help="The list that the services' setting tls_revoked names; made if absent.")
    ],
) -> None:
    """Have a certificate and its renewals count no longer; services see it with the next call. 吊销证书。"""
    with _reported():
        facts = facts_of(files.read(certificate))
        if revoked.exists():
            if RevocationList(revoked).has(facts):
                typer.echo(f"{revoked}: {facts.name} is there already 已在名单中")
                return
            old = files.read(revoked)
        else:
            old = b""
        remark = f"{_who(facts)}, {_day(now_utc())}".replace("\n", " ")
        line = f"{facts.key}  # {remark}\n".encode()
        with files.exclusive(revoked):
            files.write(revoked, old + (b"" if old.endswith(b"\n") or not old else b"\n") + line)
        revoked.chmod(_PUBLIC)
    typer.echo(f"{revoked}: {facts.name} counts no longer 已吊销")


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (CertificateError, RevocationListError, CardError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")


def _opened(directory: Path, descriptor: int | None) -> Authority:
    certificate, key = files.read(directory / "ca.crt"), Secret(files.read(directory / "ca.key"))
    passphrase = None
    if descriptor is not None:
        passphrase = Secret(from_descriptor(descriptor).strip(b"\r\n"))
    elif b"ENCRYPTED" in key.reveal():
        passphrase = Secret(
            typer.prompt("Passphrase of the authority 颁发机构口令", hide_input=True, err=True).encode()
        )
    return open_authority(certificate, key, passphrase)


def _new_passphrase(descriptor: int | None) -> Secret:
    if descriptor is not None:
        given = from_descriptor(descriptor).strip(b"\r\n")
    else:
        given = typer.prompt(
            "Passphrase of the new authority 新颁发机构口令", hide_input=True, confirmation_prompt=True, err=True
        ).encode()
    if len(given) < _SHORTEST_PASSPHRASE:
        fail(f"a passphrase has at least {_SHORTEST_PASSPHRASE} characters", code=UNUSABLE)
    return Secret(given)


def _hand_out(directory: Path, file: Path, pair: Pair) -> None:
    _write_pair(file, pair, noted=lambda: _keep(directory, pair.certificate))
    facts = facts_of(pair.certificate)
    typer.echo(f"{file}.crt, {file}.key: {_who(facts)}, until {_until(facts)}")


def _write_pair(file: Path, pair: Pair, noted: Callable[[], None] = lambda: None) -> None:
    """FILE.crt and FILE.key, neither of which is there yet; both or, unless the process is killed, none.

    ``noted`` is called before there is a certificate: none is in the world that its authority does not list.
    """
    certificate, key = (file.with_name(file.name + ending) for ending in (".crt", ".key"))
    with files.reserved(key) as fill:
        if certificate.exists():
            raise CertificateError(f"{certificate} is there already, and is left as it is")
        fill(pair.key.reveal())
        try:
            noted()
            files.write(certificate, pair.certificate, new=True)
        except (CardError, OSError):
            with contextlib.suppress(OSError):
                key.unlink()
            raise
    certificate.chmod(_PUBLIC)


def _keep(directory: Path, certificate: bytes) -> None:
    """Note what was issued, so that it can be listed and revoked."""
    facts = facts_of(certificate)
    folder = directory / _ISSUED
    folder.mkdir(exist_ok=True)
    files.write(folder / f"{facts.serial:040x}.crt", certificate, new=True)


def _who(facts: Facts) -> str:
    try:
        caller = caller_of(facts.uris)
    except CallerUnknownError:
        return ", ".join(facts.hosts) or facts.name
    terminal = f", {caller.terminal}" if caller.terminal else ""
    return f"{caller.name} ({caller.role.value}, {caller.institution}{terminal})"


def _purposes(facts: Facts) -> str:
    return ", ".join(purpose.value for purpose in Purpose if purpose in facts.purposes) or "nothing here"


def _until(facts: Facts) -> str:
    left = facts.not_after - now_utc()
    state = f"{left.days} days left" if left.total_seconds() > 0 else "expired 已过期"
    return f"{_day(facts.not_after)} ({state})"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
