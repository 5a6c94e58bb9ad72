"""``sscard store``: the database of issuance on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.errors import fail
from services.cli.options import ConfigFile, configuration
from services.store.backup import back_up
from services.store.engine import StoreError

app = typer.Typer(help="The database of issuance. 制卡数据库。", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `backup` a command of its own while it is the only one."""


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to make.", show_default=False)],
    config: ConfigFile = None,
) -> None:
    """Copy the database and its digest key while the service runs. 备份数据库及摘要密钥。"""
    settings = configuration(config)
    try:
        made = back_up(settings.database_or_default, settings.digest_key_file, file)
    except StoreError as error:
        fail(str(error))
    typer.echo(f"{made[0]}, {made[1]}: written; keep both, one is nothing without the other 已备份，两者须一并保存")
