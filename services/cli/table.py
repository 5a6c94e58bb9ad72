"""What a card says, as a table for a terminal: labels in Chinese and English, from the declarations of the items."""

from collections.abc import Iterator
from datetime import UTC
from typing import Final

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cardlib.profiles import LATEST
from services.cli.files import coded_text
from services.registry.days import BEIJING
from sscard.v1.card_pb2 import Algorithm, Authenticity, ReadIdentityResponse
from sscard.v1.reader_pb2 import Reader, ReaderEvent, SlotState
from sscard.v1.registry_pb2 import MEDICAL_CARD_STATE_RESTRICTED, MEDICAL_CARD_STATE_VALID
from sscard.v1.values_pb2 import CodedValue

LABELS = {declared.name: declared.chinese for file in LATEST.files("SSSE") for declared in file.declarations}
AUTHENTICITY = {
    Authenticity.AUTHENTICITY_PROVEN: ("proven", "已通过内部认证", "bold green"),
    Authenticity.AUTHENTICITY_FAILED: ("FAILED: do not act on these data", "内部认证失败", "bold red"),
    Authenticity.AUTHENTICITY_NOT_CHECKED: ("not checked", "未认证", "yellow"),
}
EVENTS = {
    ReaderEvent.KIND_READER_ADDED: "读卡器接入",
    ReaderEvent.KIND_READER_REMOVED: "读卡器断开",
    ReaderEvent.KIND_CARD_INSERTED: "卡片插入",
    ReaderEvent.KIND_CARD_REMOVED: "卡片取出",
    ReaderEvent.KIND_CARD_MUTE: "卡无响应",
    ReaderEvent.KIND_SERVICE_LOST: "PC/SC服务中断",
    ReaderEvent.KIND_SERVICE_BACK: "PC/SC服务恢复",
    ReaderEvent.KIND_INITIAL_COMPLETE: "以上为当前状态",
    ReaderEvent.KIND_CARD_HELD: "卡片被占用",
    ReaderEvent.KIND_CARD_FREE: "卡片已释放",
}
SLOTS = {
    SlotState.SLOT_STATE_EMPTY: ("no card", "无卡"),
    SlotState.SLOT_STATE_CARD: ("card", "有卡"),
    SlotState.SLOT_STATE_MUTE: ("card does not answer", "卡无响应"),
}
MEDICAL_STATES: Final = {
    MEDICAL_CARD_STATE_VALID: "正常 valid",
    MEDICAL_CARD_STATE_RESTRICTED: "限制使用 restricted",
}
"""How original medical cards stand."""


def identity_table(response: ReadIdentityResponse) -> Group:
    """The card's data, one line an item; below it what is to be warned of."""
    table = Table(title="社会保障卡 · Social security card", title_justify="left", header_style="bold")
    table.add_column("数据项", no_wrap=True)
    table.add_column("Item", no_wrap=True)
    table.add_column("内容 Content", overflow="fold")
    for chinese, english, value in _card_rows(response):
        table.add_row(chinese, english, value)
    for part in (response.identity.issuer, response.identity.holder):
        table.add_section()
        for name, value in _rows(part):
            table.add_row(LABELS[name], name.replace("_", " "), value)
    if not response.warnings:
        return Group(table)
    lines = (f"{warning.chinese_message} · {warning.message} [{warning.code}]" for warning in response.warnings)
    return Group(table, Panel(Text("\n".join(lines)), title="提示 Warnings", border_style="yellow", expand=False))


def readers_table(readers: list[Reader]) -> Table:
    """The readers and what is in them."""
    table = Table(title="读卡器 · Readers", title_justify="left", header_style="bold")
    for heading in ("Reader", "状态", "Slot", "ATR"):
        table.add_column(heading, overflow="fold")
    for reader in readers:
        english, chinese = SLOTS.get(reader.slot, ("unknown", "未知"))
        in_use = " (in use)" if reader.in_use else ""
        table.add_row(Text(reader.name), chinese, english + in_use, reader.atr.hex(" ").upper())
    return table


def event_line(event: ReaderEvent) -> Text:
    """One event of readers and cards, as one line."""
    kind = ReaderEvent.Kind.Name(event.kind).removeprefix("KIND_").replace("_", " ").lower()
    words = f"{event.sequence:>6} {EVENTS.get(event.kind, '')} · {kind}"
    return Text.assemble(words, (f"  {event.reader.name}" if event.HasField("reader") else "", "cyan"))


def when(moment: Timestamp) -> str:
    """A moment as people in Beijing have it, to the second."""
    return f"{moment.ToDatetime(UTC).astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def as_json(message: Message, *, indent: int | None = 2) -> str:
    """A message as JSON, with the field names of the .proto files."""
    return MessageToJson(message, preserving_proto_field_name=True, ensure_ascii=False, indent=indent)


def _card_rows(response: ReadIdentityResponse) -> Iterator[tuple[str, str, Text]]:
    english, chinese, style = AUTHENTICITY[response.authenticity]
    note = f" ({response.authenticity_note})" if response.authenticity_note else ""
    yield "卡片真伪", "authenticity", Text(f"{chinese} · {english}{note}", style=style)
    algorithm = Algorithm.Name(response.algorithm).removeprefix("ALGORITHM_")
    yield "规范版本 · 算法", "version, algorithm", Text(f"{response.card_version} · {algorithm}")
    yield "卡复位信息", "historical bytes", Text(response.historical_bytes.hex().upper())


def _rows(part: Message) -> Iterator[tuple[str, Text]]:
    for field in part.DESCRIPTOR.fields:
        value = _value(part, field.name)
        yield field.name, Text(value) if value else Text("—", style="dim")


def _value(part: Message, name: str) -> str:
    if not part.HasField(name):
        return ""
    value = getattr(part, name)
    if isinstance(value, CodedValue):
        return coded_text(value)
    return str(value)
