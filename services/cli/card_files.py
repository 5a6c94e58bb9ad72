"""``sscard card``: software cards that live in files, made of a description and shown without anybody's data."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cardlib.text import decode_text_leniently
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import AsJson
from simulator.cards import KINDS, MEMORY_CARD, image_named, label_of
from simulator.files import Kind
from simulator.memory.cardfile import SIZE, SUFFIX, CardFileError, create_card_file, read_card_file, telling_damage
from simulator.memory.system import LifeCycle
from simulator.rack import CardSourceError
from simulator.survey import DirectorySurvey, Survey, survey

app = typer.Typer(
    help="Software cards in files: they keep what they learn from one run to the next. 卡片文件。", no_args_is_help=True
)

LIFE: Final = {
    LifeCycle.BLANK: "空白 blank",
    LifeCycle.BUILDING: "建卡中 being built",
    LifeCycle.ISSUED: "已发行 issued",
}
_WIDE = 120
_IN_FILES: Final = tuple(kind for kind in KINDS if kind != MEMORY_CARD)


@app.command()
def make(
    description: Annotated[
        str, typer.Argument(help=f"A TOML file that describes the card, or a kind: {', '.join(_IN_FILES)}.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help=f"The card file, such as NAME{SUFFIX}.")
    ] = None,
) -> None:
    """Make the card that a file describes, in a card file of its own. 制作卡片文件。"""
    path = output or Path(f"{Path(description).stem if description not in KINDS else description}{SUFFIX}")
    with reported():
        try:
            image = image_named(description)
            create_card_file(path, image).close()
        except (CardSourceError, CardFileError, ValueError) as error:
            fail(str(error), code=UNUSABLE)
        except OSError as error:
            fail(f"{path}: {error.strerror}", code=UNUSABLE)
    typer.echo(f"{path}: {label_of(survey(image))} 已制作")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A card file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show what a card file is: its answer to reset, life cycle, version, and its files. 显示卡片文件。

    What the files hold is not shown, and no key.
    """
    found = _survey(file)
    if as_json:
        sys.stdout.write(json.dumps(_plain(found), ensure_ascii=False, indent=2) + "\n")
        return
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDE)
    console.print(_card(found))
    console.print(_files(found.directories))


def _survey(file: Path) -> Survey:
    try:
        image = read_card_file(file)
        with telling_damage(file):
            return survey(image)
    except CardFileError as error:
        fail(str(error), code=UNUSABLE)
    except OSError as error:
        fail(f"{file}: {error.strerror}", code=UNUSABLE)


def _card(found: Survey) -> Table:
    table = Table(title="卡片 · Card", title_justify="left", show_header=False)
    table.add_row("复位应答 ATR", found.atr.hex(" ").upper())
    table.add_row("生命周期 Life cycle", LIFE[found.life_cycle] + (", 已锁定 blocked" if found.blocked else ""))
    table.add_row("规范版本 Version", found.version or "–")
    table.add_row("操作系统 COS", found.cos)
    table.add_row("算法 Algorithm", found.algorithm.name)
    table.add_row("存储 Memory", f"{found.used} / {SIZE}")
    return table


def _files(directories: tuple[DirectorySurvey, ...]) -> Table:
    table = Table(title="文件 · Files", title_justify="left", header_style="bold")
    for heading in ("FID", "SFI", "名称 Name", "类型 Kind", "字节 Bytes", "记录 Records"):
        table.add_column(heading, overflow="fold", justify="right" if heading[:2] in {"字节", "记录"} else "left")
    for directory in directories:
        table.add_section()
        indent = "  " * directory.depth
        state = ["" if directory.ended else "建立中 open", "已锁定 blocked" if directory.blocked else ""]
        name = Text(_name(directory.name))
        table.add_row(f"{indent}{directory.fid:04X}", "", name, " ".join(filter(None, state)), "", "", style="bold")
        for file in directory.files:
            records = "" if file.records is None else str(file.records)
            sfi = f"{file.sfi:02X}" if file.sfi else ""
            table.add_row(f"{indent}  {file.fid:04X}", sfi, "", _kind(file.kind), str(file.size), records)
    return table


def _plain(found: Survey) -> dict[str, Any]:
    """The same for a program: names of what has one, bytes in hexadecimal."""
    directories = [
        {
            **asdict(directory),
            "fid": f"{directory.fid:04X}",
            "name": directory.name.hex().upper(),
            "files": [{**asdict(file), "fid": f"{file.fid:04X}", "kind": _kind(file.kind)} for file in directory.files],
        }
        for directory in found.directories
    ]
    return {
        **asdict(found),
        "atr": found.atr.hex().upper(),
        "life_cycle": found.life_cycle.name.lower(),
        "algorithm": found.algorithm.name,
        "directories": directories,
    }


def _kind(kind: Kind) -> str:
    return kind.name.lower()


def _name(name: bytes) -> str:
    """A DF name as people read it: text, or hexadecimal digits for an AID."""
    text = decode_text_leniently(name)
    return text if text.isprintable() and "\ufffd" not in text else name.hex().upper()
