"""The files of a card as tables for a terminal: labels in Chinese and English, from the answer itself."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sscard.v1.card_pb2 import ReadFilesResponse
from sscard.v1.files_pb2 import FileResult
from sscard.v1.items_pb2 import Item, ItemFile, ItemValue
from sscard.v1.values_pb2 import CodedValue

INDENT = "  "
SHOWN = 16
"""Bytes shown of those that have no other meaning."""


def file_tables(response: ReadFilesResponse) -> Group:
    """One table for each file that was read; below them what could not be read, and what is to be warned of."""
    parts: list[RenderableType] = [_table(file) for file in response.item_files]
    refused = [result for result in response.results if not result.read]
    if refused:
        parts.append(_panel("未读取 Not read", map(_refusal, refused), "red"))
    warnings = [warning for result in response.results for warning in result.warnings]
    if warnings:
        lines = (f"{warning.chinese_message} · {warning.message} [{warning.code}]" for warning in warnings)
        parts.append(_panel("提示 Warnings", lines, "yellow"))
    return Group(*parts)


def coded_text(value: CodedValue) -> str:
    """A code and what it means."""
    label = f"{value.chinese} · {value.english}" if value.known else "未知代码 · unknown code"
    return f"{value.code} {label}"


def _table(file: ItemFile) -> Table:
    title = f"{file.chinese} · {file.file} ({file.directory}/{file.fid:04X})"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("数据项", overflow="fold")
    table.add_column("Item", overflow="fold")
    table.add_column("内容 Content", overflow="fold")
    for chinese, english, value in _rows(file.items):
        table.add_row(Text(chinese), Text(english), Text(value) if value else Text("—", style="dim"))
    return table


def _rows(items: Sequence[Item], indent: str = "") -> Iterator[tuple[str, str, str]]:
    """Labels and value of each item, those of its parts below it."""
    for item in items:
        chinese, english = indent + item.chinese, indent + item.name.replace("_", " ")
        values = item.value.list.values
        if values:
            for number, value in enumerate(values, 1):
                yield from _row(f"{chinese} {number}", f"{english} {number}", value, indent)
        else:
            yield from _row(chinese, english, item.value, indent)


def _row(chinese: str, english: str, value: ItemValue, indent: str) -> Iterator[tuple[str, str, str]]:
    if value.HasField("group"):
        yield chinese, english, " "
        yield from _rows(value.group.items, indent + INDENT)
    else:
        yield chinese, english, _text(value)


def _text(value: ItemValue) -> str:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "list":
        return ""
    if kind == "coded":
        return coded_text(value.coded)
    if kind == "data":
        start = value.data[:SHOWN].hex(" ").upper()
        return f"{start}{' …' if len(value.data) > SHOWN else ''} ({len(value.data)} bytes)"
    if kind == "fen":
        return yuan(value.fen)
    return str(getattr(value, kind))


def yuan(fen: int) -> str:
    """An amount of money as people write it: ``25,920.00 元``."""
    return f"{fen // 100:,}.{fen % 100:02} 元"


def _refusal(result: FileResult) -> str:
    name = f"{result.file}.{result.item}" if result.item else result.file
    return f"{name}: {result.chinese_message} {result.message} [{result.reason}]"


def _panel(title: str, lines: Iterable[str], style: str) -> Panel:
    return Panel(Text("\n".join(lines)), title=title, border_style=style, expand=False)
