"""``sscard profile``: the layout of the card, as the software knows it."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cardlib.model import CardProfile
from cardlib.profiles import ALL
from cardlib.regional import RegionalProfileError, load
from services.cli.errors import UNUSABLE, fail
from services.cli.options import AsJson
from services.reference.rows import DirectoryRow, FileRow, ItemRow, profile_row, shortened

app = typer.Typer(
    help="Which files and data items a card has, and who may use them. 卡片文件结构和数据项。", no_args_is_help=True
)

_WIDE = 200
"""Columns that the tables have where no terminal gives them another width."""


@app.command("list")
def versions(as_json: AsJson = False) -> None:
    """List the versions of the card, with how many directories, files and items each has. 规范版本。"""
    rows = [_summary(profile) for profile in ALL]
    if as_json:
        _write(rows)
        return
    table = Table(title="规范版本 · Versions of the card", title_justify="left", header_style="bold")
    for heading in ("版本 Version", "目录 Directories", "文件 Files", "数据项 Items"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


@app.command("show")
def show(
    version: Annotated[str, typer.Argument(help="1.0, 2.0, 3.0: see `sscard profile list`.")],
    regional: Annotated[
        Path | None, typer.Option("--regional", metavar="FILE", help="With what this regional profile adds; checks it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show every file of a version, and every item record by record. 显示文件结构和数据项。"""
    row = profile_row(_chosen(version, regional))
    if as_json:
        _write(asdict(row))
        return
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDE)
    console.print(_files(row.directories))
    for directory in row.directories:
        for file in directory.files:
            console.print(_file(file))


def _summary(profile: CardProfile) -> dict[str, str | int]:
    files = [file for directory in profile.directories for file in directory.files]
    return {
        "version": profile.version,
        "directories": len(profile.directories),
        "files": len(files),
        "items": sum(len(file.items) for file in files),
    }


def _chosen(version: str, regional: Path | None) -> CardProfile:
    """The profile of this version, with what the regional profile in the file adds to it."""
    profile = next((profile for profile in ALL if profile.version == version), None)
    if profile is None:
        known = ", ".join(profile.version for profile in ALL)
        fail(f"there is no version {version!r} of the card; there are {known}", code=UNUSABLE)
    if regional is None:
        return profile
    try:
        (added,) = load(regional).profiles
    except RegionalProfileError as error:
        fail(str(error), code=UNUSABLE)
    if version not in added.versions:
        fail(f"{regional} is about versions {', '.join(added.versions)}, not {version}", code=UNUSABLE)
    return added.extend(profile)


def _files(directories: tuple[DirectoryRow, ...]) -> Table:
    table = Table(title="文件 · Files", title_justify="left", header_style="bold")
    for heading in ("目录", "EF", "SFI", "名称", "Name", "结构", "字节", "记录", "读", "更新", "类别"):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"字节", "记录"} else "left")
    for directory in directories:
        table.add_section()
        table.add_row(directory.name, directory.fid, "", directory.chinese, Text(directory.df_name), style="bold")
        for file in directory.files:
            table.add_row(directory.name, *_cells(file))
    return table


def _cells(file: FileRow) -> Iterator[str]:
    yield from (file.fid or "–", file.sfi or "–", file.chinese, file.name, file.structure, str(file.size))
    yield file.record_count
    yield file.read
    yield file.update + (f" +MAC {file.secure_messaging}" if file.secure_messaging else "")
    yield file.file_class


def _file(file: FileRow) -> RenderableType:
    clause = f" [{file.clause}]" if file.clause else ""
    title = f"{file.directory}/{file.fid or '–'} {file.chinese} {file.name}{clause}"
    table = Table(header_style="bold")
    for heading in ("记录", "标签", "数据项", "Item", "类型", "长度", "代码表", "示例 Example"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "记录" else "left")
    for item in file.items:
        table.add_row(*map(Text, _item(item)))
    return Group(Text(), Text(title, style="bold"), table)


def _item(item: ItemRow) -> Iterator[str]:
    yield item.record_numbers
    yield f"  {item.tag or '·'}" if item.parent else item.tag
    yield item.chinese + (f" [{item.note}]" if item.note else "")
    yield item.name
    yield item.type
    yield f"{item.length} ({item.length:02X})"
    yield ", ".join(item.tables)
    yield shortened(item.example)


def _write(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
