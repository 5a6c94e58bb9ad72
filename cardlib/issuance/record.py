"""Persons' records (个人数据记录): a JSON object for one person, or CSV with a header for many.

Columns and names of fields are the placeholders of a template. What they hold is not looked at here, and never shown.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, TypeAlias

from cardlib.errors import ItemError
from cardlib.issuance.faults import Fault, OrderFaultsError
from cardlib.text import decode_text

Encoding: TypeAlias = Literal["utf-8", "gb18030"]

WHOLE: Final = "record"
"""The place of a record that is the only one."""

_MARKS: Final[tuple[tuple[bytes, Encoding], ...]] = ((b"\xef\xbb\xbf", "utf-8"), (b"\x84\x31\x95\x33", "gb18030"))
_FOREIGN_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_MARK: Final = "\ufeff"
_TWO_BYTES: Final = 0x800
"""Characters below it take up to two bytes in UTF-8, as those of GBK do."""
_MAY_BE: Final = "编码可能是UTF-8或GB 18030，请保存时加字节顺序标记或指明编码"
_SAVE_AGAIN: Final = ("save it as UTF-8 or GB 18030", "请另存为UTF-8或GB 18030编码")


@dataclass(frozen=True, slots=True, repr=False)
class PersonRecord:
    """What is written about one person (个人记录); its ``repr`` shows where it stands only.

    ``place``: ``record``, or ``row 7``, counted as spreadsheets do, the header being row 1. ``values`` by placeholder:
    text, and in JSON whatever stands there. ``columns``: of CSV, the number of each column by its name.
    """

    place: str
    values: Mapping[str, Any]
    columns: Mapping[str, int] | None = None
    faults: tuple[Fault, ...] = ()

    def place_of(self, placeholder: str) -> str:
        """Where the value of this placeholder stands, or should."""
        if self.columns is None:
            return f"{self.place}.{placeholder}"
        return f"{self.place}, column {placeholder}"

    def place_of_unknown(self, name: str) -> str:
        """Where a value stands that no placeholder names.

        What it is called is not told: it may be somebody's name, where a file lacks its header.
        """
        if self.columns is None:
            return f"{self.place}, field {[*self.values].index(name) + 1}"
        return f"column {self.columns[name]}"

    def __repr__(self) -> str:
        return f"<PersonRecord: {self.place}>"


def parse_json(data: bytes, place: str = WHOLE) -> PersonRecord:
    """The record in a JSON object in UTF-8, with a byte order mark or without; raises OrderFaultsError.

    ``place``: what faults say it stands in, where there are several.
    """
    try:
        found = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_Once)
        doubles = _has_doubles(found)
    except UnicodeDecodeError:
        raise OrderFaultsError([Fault(place, "is no JSON in UTF-8", "不是UTF-8编码的JSON")]) from None
    except json.JSONDecodeError as error:
        # The error holds the text: it must not travel on.
        where = f"line {error.lineno}, column {error.colno}"
        raise OrderFaultsError([Fault(place, f"is no JSON: {where}: {error.msg}", "不是有效的JSON")]) from None
    except (ValueError, RecursionError):
        raise OrderFaultsError([Fault(place, "is no JSON that can be read", "不是有效的JSON")]) from None
    if not isinstance(found, dict):
        raise OrderFaultsError([Fault(place, "takes one JSON object", "应为一个JSON对象")])
    twice = Fault(place, "a name stands twice in an object", "同一对象中有重复的名称")
    return PersonRecord(place, found, faults=(twice,) if doubles else ())


class _Once(dict[str, Any]):
    """A JSON object that knows whether a name stood twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.doubles = len(self) < len(pairs)


def _has_doubles(found: object) -> bool:
    if isinstance(found, _Once):
        return found.doubles or any(map(_has_doubles, found.values()))
    return isinstance(found, list) and any(map(_has_doubles, found))


def read_csv(opened: Callable[[], BinaryIO], encoding: Encoding | None = None) -> Iterator[PersonRecord]:
    """The records of a CSV file, one after the other; only one is held at a time.

    ``opened`` opens it, several times: if ``encoding`` is None, it is UTF-8 or GB 18030, as its byte order mark or all
    of its bytes say; and that there is a header, and a record below it, is found out before the first one is asked for.
    Rows without anything in them are left out. Raises :class:`~cardlib.issuance.faults.OrderFaultsError` for a file
    that cannot be read any further; what is wrong with one row stands in its ``faults``.
    """
    if encoding is None:
        with opened() as file:
            encoding = encoding_of(file)
    with opened() as file:
        next(_records(csv.reader(_decoded(file, encoding), strict=True)))
    return _all_records(opened, encoding)


def _all_records(opened: Callable[[], BinaryIO], encoding: Encoding) -> Iterator[PersonRecord]:
    with opened() as file:
        yield from _records(csv.reader(_decoded(file, encoding), strict=True))


def encoding_of(lines: Iterable[bytes]) -> Encoding:
    """Whether a text is UTF-8 or GB 18030; raises OrderFaultsError for what is neither, or might be both.

    Short GBK texts may be UTF-8 by chance, of two-byte characters only (``路模``). Such a guess would put somebody
    else's name on a card.
    """
    possible: set[Encoding] = {"utf-8", "gb18030"}
    is_plain = is_short = True
    for number, line in enumerate(lines):
        marked = _marked(line) if number == 0 else None
        if marked:
            return marked
        if line.isascii():
            continue
        is_plain = False
        possible = {encoding for encoding in possible if _text(line, encoding) is not None}
        is_short &= all(ord(character) < _TWO_BYTES for character in _text(line, "utf-8") or "")
    if not possible:
        problem = Fault("file", f"is neither UTF-8 nor GB 18030: {_SAVE_AGAIN[0]}", f"编码无法识别：{_SAVE_AGAIN[1]}")
        raise OrderFaultsError([problem])
    if len(possible) > 1 and is_short and not is_plain:
        problem = Fault("file", "may be UTF-8 or GB 18030: save it with a byte order mark, or say which", _MAY_BE)
        raise OrderFaultsError([problem])
    return "utf-8" if "utf-8" in possible else "gb18030"


def _marked(line: bytes) -> Encoding | None:
    """What the byte order mark says, None where there is none."""
    if line.startswith(_FOREIGN_MARKS):
        raise OrderFaultsError([Fault("file", f"is UTF-16: {_SAVE_AGAIN[0]}", f"是UTF-16：{_SAVE_AGAIN[1]}")])
    return next((encoding for mark, encoding in _MARKS if line.startswith(mark)), None)


def _text(line: bytes, encoding: Encoding) -> str | None:
    """The text of a line, None for bytes that are none."""
    try:
        return decode_text(line) if encoding == "gb18030" else line.decode("utf-8")
    except (ItemError, UnicodeDecodeError):
        return None


def _decoded(lines: Iterable[bytes], encoding: Encoding) -> Iterator[str]:
    """The text line by line: no character of either encoding has a line feed in it."""
    for number, line in enumerate(lines, 1):
        text = _text(line, encoding)
        if text is None:
            name = {"utf-8": "UTF-8", "gb18030": "GB 18030"}[encoding]
            problem = f"holds bytes that are no {name}: {_SAVE_AGAIN[0]}"
            raise OrderFaultsError([Fault(f"line {number}", problem, f"编码有误：{_SAVE_AGAIN[1]}")])
        yield text.removeprefix(_MARK) if number == 1 else text


def _records(rows: Iterable[list[str]]) -> Iterator[PersonRecord]:
    columns: dict[str, int] | None = None
    is_empty = True
    width = number = 0
    try:
        for number, row in enumerate(rows, 1):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns, width = _header(cells, number), len(cells)
            else:
                is_empty = False
                yield _record(cells, columns, width, number)
    except csv.Error:
        problem = "is no CSV: a quotation mark is not closed, or a cell is too long"
        raise OrderFaultsError([Fault(f"row {number + 1}", problem, "CSV格式有误")]) from None
    if columns is None:
        raise OrderFaultsError([Fault("file", "has no header with the names of the columns", "缺少列名")])
    if is_empty:
        raise OrderFaultsError([Fault("file", "has a header, and no record below it", "只有标题行，没有数据")])


def _header(cells: list[str], number: int) -> dict[str, int]:
    """The number of each column by its name. Columns behind the last name are none."""
    names = [cell for cell in cells if cell]
    doubles = [name for name, times in Counter(names).items() if times > 1]
    if doubles:
        places = " and ".join(str(at) for at, name in enumerate(cells, 1) if name in doubles)
        raise OrderFaultsError([Fault(f"row {number}", f"columns {places} have one name", "列名重复")])
    return {name: at for at, name in enumerate(cells, 1) if name}


def _record(cells: list[str], columns: Mapping[str, int], width: int, number: int) -> PersonRecord:
    place = f"row {number}"
    faults = []
    if len(cells) != width and (len(cells) < width or any(cells[width:])):
        faults.append(Fault(place, f"has {len(cells)} cells, and the header {width}", "列数与标题行不一致"))
    cells += [""] * (width - len(cells))
    if any(cells[at - 1] for at in range(1, width + 1) if at not in columns.values()):
        faults.append(Fault(place, "has something in a column without a name", "无列名的列中有数据"))
    return PersonRecord(place, {name: cells[at - 1] for name, at in columns.items()}, columns, tuple(faults))
