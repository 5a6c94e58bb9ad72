"""``sscard issuance``: cards that are under way, in the database of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from services import requests
from services.cli.errors import UNUSABLE, checked, fail, reported
from services.cli.options import ConfigFile, configuration
from services.issuance.journal import Issuance
from services.store.engine import StoreError
from services.store.store import Store, open_store

LONGEST_REASON = 200
"""Characters of a reason."""

app = typer.Typer(help="Cards that are under way on this machine. 制卡任务。", no_args_is_help=True)

RequestId: TypeAlias = Annotated[
    str, typer.Argument(metavar="REQUEST", help="The request's id, as `list` shows it.", show_default=False)
]


@app.command("list")
def list_open(config: ConfigFile = None) -> None:
    """List the requests that have not come to their end, by chip. 列出未完成的任务。"""
    with _store(config) as store:
        found = store.journal.open_issuances()
    for issuance in found:
        typer.echo(_line(issuance))
    typer.echo(f"{len(found)} under way 未完成任务数")


@app.command()
def show(request: RequestId, config: ConfigFile = None) -> None:
    """Show where a request stands. 显示任务状态。"""
    request_id = checked("REQUEST", requests.request_id, request)
    with _store(config) as store:
        issuance = store.journal.find(request_id)
    if issuance is None:
        fail(f"there is no request {request_id} 无此请求")
    told = {
        "request 请求编号": issuance.request_id,
        "chip 芯片": issuance.chip.hex(),
        "state 状态": f"{issuance.state.value}, {'' if issuance.written else 'not '}written to",
        "stage 阶段": f"{issuance.stage.value} {issuance.stage.name.lower()} {issuance.detail}".rstrip(),
        "attempts 次数": str(issuance.attempt),
        "begun 开始": issuance.started.isoformat(timespec="seconds"),
        "last step 最近": issuance.updated.isoformat(timespec="seconds"),
        "station, operator 站点、人员": f"{issuance.station}, {issuance.operator}".rstrip(", "),
        "made again because 重复制卡原因": issuance.again_reason,
        "last error 错误": issuance.error,
        "certificate 证书": issuance.certificate or "",
    }
    for name, value in told.items():
        if value:
            typer.echo(f"{name}: {value}")


@app.command()
def abandon(
    request: RequestId,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the journal; nobody's data.")],
    config: ConfigFile = None,
) -> None:
    """Give a request up whose chip will not come back: it counts as lost, for good. 放弃任务，芯片作废。"""
    request_id = checked("REQUEST", requests.request_id, request)
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        fail(f"--reason: takes 1 to {LONGEST_REASON} printable characters", code=UNUSABLE)
    with _store(config) as store:
        given_up = store.journal.abandon(request_id, reason)
    if given_up is None:
        fail(f"no request {request_id} is under way 该请求不在进行中")
    typer.echo(f"request {request_id} is given up, its chip {given_up.chip.hex()} counts as lost 任务已放弃，芯片作废")


@contextmanager
def _store(config: Path | None) -> Iterator[Store]:
    """The store that the settings name; one that is not there is not made."""
    settings = configuration(config)
    where = settings.database_or_default
    if "://" not in where and not Path(where).is_file():
        fail(f"there is no database {where}: nothing was journalled here 没有制卡数据库", code=UNUSABLE)
    try:
        store = open_store(where, settings.digest_key_file, development_mode=settings.development)
    except StoreError as error:
        fail(str(error))
    try:
        with reported():
            yield store
    finally:
        store.close()


def _line(issuance: Issuance) -> str:
    stage = f"{issuance.stage.value} {issuance.stage.name.lower()} {issuance.detail}".rstrip()
    when = issuance.updated.isoformat(timespec="seconds")
    touched = "written to" if issuance.written else "not written to"
    return f"{issuance.chip.hex()}  {issuance.request_id}  {stage}  {touched}  {when}  {issuance.error}".rstrip()
