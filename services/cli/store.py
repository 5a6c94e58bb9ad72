"""``sscard store``: the database on this machine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.cli.entering import asked_opener
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import ConfigFile, configuration
from services.config import Config
from services.custody.opening import open_custodian
from services.errors import JournalError
from services.issuance.opening import StoreOfService
from services.store.backup import back_up
from services.store.engine import StoreError
from services.store.rotation import rotate
from services.store.store import Store

app = typer.Typer(help="The database of issuance and registry. 制卡及持卡数据库。", no_args_is_help=True)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to make.", show_default=False)],
    config: ConfigFile = None,
) -> None:
    """Copy the database and its digest key while the service runs. 备份数据库及摘要密钥。

    The key of personal values (data_key) is not copied: keep it elsewhere. Without it nobody reads them again.
    """
    settings = configuration(config)
    try:
        made = back_up(settings.database_or_default, settings.digest_key_file, file)
    except StoreError as error:
        fail(str(error))
    typer.echo(f"{made[0]}, {made[1]}: written; keep both, one is nothing without the other 已备份，两者须一并保存")
    typer.echo(
        "the key of personal values (data_key) is not among them: keep it apart 个人信息密钥不在其中，须另行保管"
    )


@app.command("rotate-key")
def rotate_key(config: ConfigFile = None) -> None:
    """Seal all personal values under a new data key, while the service runs. 轮换个人信息加密密钥。

    When it is interrupted, the same command goes on. The key that wraps data keys (data_key) stays.
    """
    with _opened(configuration(config)) as store:
        try:
            rotated = rotate(store.engine, store.personal(), progress=_progress)
        except (StoreError, JournalError) as error:
            fail(f"{error}; what was done so far counts, and the same command goes on 已完成部分有效，可重新执行")
    went_on = "gone on with, " if rotated.resumed else ""
    typer.echo(f"data key {rotated.version}: {went_on}{rotated.rows} rows sealed anew 已重新加密")


def _progress(done: int, left: int) -> None:
    typer.echo(f"{done} rows done, {left} to go 已完成{done}，剩余{left}", err=True)


@contextmanager
def _opened(settings: Config) -> Iterator[Store]:
    """The store that the settings name, with what wraps its keys; one that is not there is not made."""
    where = settings.database_or_default
    if "://" not in where and not Path(where).is_file():
        fail(f"there is no database {where}: nothing was journalled here 没有制卡数据库", code=UNUSABLE)
    with reported():
        # A PSAM wraps nothing, so no reader is opened for it.
        alone = settings.model_copy(update={"psam_reader": "", "psam_keys": None})
        with closing(open_custodian(alone, opener=asked_opener(alone))) as custodian:
            store = StoreOfService(settings, custodian)
            try:
                yield store()
            except JournalError as error:
                fail(str(error))
            finally:
                store.close()
