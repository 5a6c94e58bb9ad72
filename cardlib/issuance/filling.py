"""A template filled with one record (模板填充): values of items, each looked at where it stands in the record."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from cardlib.errors import ItemError
from cardlib.files import RECORDS, CyclicFile, ElementaryFile, any_value
from cardlib.issuance.attachments import Attachments
from cardlib.issuance.characters import unwritable
from cardlib.issuance.faults import Fault, split
from cardlib.issuance.placeholders import Placeholder, Source, Use, filled, placeholders
from cardlib.issuance.record import PersonRecord
from cardlib.issuance.template import Template
from cardlib.schema import Binary, Number, Schema, SchemaError, Text
from cardlib.values import Value
from cardlib.written.tables import place_of
from cardlib.written.values import BLANK, file_values, read

BASE64: Final = "base64:"
"""What a value of bytes begins with that is not the name of a file."""
_LONGEST_BASE64: Final = 1 << 20
_ROUNDED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}")
"""A number as spreadsheets show and store it that took a long one for an amount: ``9.9E+17``. Its digits are lost."""


class RecordSource(Source):
    """One record as the source of values; what is wrong with them it tells in ``faults``, and gives a blank."""

    def __init__(self, record: PersonRecord, attachments: Attachments | None, faults: list[Fault]) -> None:
        self._record = record
        self._attachments = attachments
        self._faults = faults

    def value(self, placeholder: Placeholder, schema: Schema, fill: int) -> Value:
        """The value, which the schema can hold."""
        written = self._written(placeholder)
        if written is None:
            return None
        if isinstance(schema, Text) and isinstance(written, str) and (wrong := unwritable(written)):
            self._fault(placeholder, *wrong)
            return None
        try:
            value = self._typed(written, schema, fill)
            schema.encode(value)
        except (SchemaError, ItemError) as error:
            self._fault(placeholder, error.reason)
        except OSError as error:
            self._fault(placeholder, f"the file cannot be read: {error.strerror}")
        else:
            return value
        return None

    def text(self, placeholder: Placeholder) -> str:
        """The value where no item is, as text; "" for a blank."""
        written = self._written(placeholder)
        if written is None or isinstance(written, str):
            return written or ""
        self._fault(placeholder, "takes text in quotation marks")
        return ""

    def _written(self, placeholder: Placeholder) -> object:
        """What the record has for a placeholder, None for nothing."""
        written = self._record.values.get(placeholder.name)
        if isinstance(written, str):
            written = written.strip()
        if written is None or written == BLANK:
            # That the name is missing is told once, by names_faults.
            if not placeholder.optional and placeholder.name in self._record.values:
                self._fault(placeholder, "is blank, and the template does not allow that", "不能为空")
            return None
        if isinstance(written, str) and _ROUNDED.fullmatch(written):
            message = "is a number that a spreadsheet has rounded: make the column one of text and enter it again"
            self._fault(placeholder, message, "数字已被电子表格改写，请将该列设为文本格式后重新录入")
            return None
        return written

    def _fault(self, placeholder: Placeholder, message: str, message_zh: str = "") -> None:
        self._faults.append(Fault(self._record.place_of(placeholder.name), message, message_zh))

    def _typed(self, written: object, schema: Schema, fill: int) -> Value:
        if isinstance(schema, Binary):
            return self._octets(written, schema.size).ljust(fill, b"\x00")
        if isinstance(schema, Number) and isinstance(written, str):
            # In a table everything is text.
            if not (written.isascii() and written.isdigit() and len(written) <= len(str(schema.largest))):
                raise SchemaError(f"takes a whole number from 0 to {schema.largest}")
            return int(written)
        return read(schema, written, fill)

    def _octets(self, written: object, room: int) -> bytes:
        if not isinstance(written, str):
            raise SchemaError(f"takes the name of a file, or {BASE64} and the bytes")
        if written.startswith(BASE64):
            try:
                found = base64.b64decode(written.removeprefix(BASE64)[:_LONGEST_BASE64], validate=True)
            except (binascii.Error, ValueError):
                raise SchemaError(f"takes base64 behind {BASE64}") from None
        elif self._attachments is None:
            raise SchemaError(f"files are not read here: write {BASE64} and the bytes")
        else:
            found = self._attachments(written, room)
        if len(found) > room:
            raise SchemaError(f"has {len(found)} bytes, and the card's file {room}")
        return found


def names_faults(uses: Mapping[str, Use], record: PersonRecord) -> Iterator[Fault]:
    """Names that no placeholder has, and placeholders that are missing."""
    for name in record.values.keys() - uses.keys():
        near = get_close_matches(name, uses, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(uses) or 'none'}"
        yield Fault(record.place_of_unknown(name), f"the template has no such placeholder; {hint}", "模板中无此占位符")
    for name, use in uses.items():
        if name not in record.values and not use.optional:
            place = record.place_of(name) if record.columns is None else f"header, column {name}"
            yield Fault(place, "is missing", "缺少此项")


class Filling:
    """What one record makes of a template: ``contents`` by file and item, ``records`` of the files that await it."""

    def __init__(self, template: Template, record: PersonRecord, source: RecordSource, faults: list[Fault]) -> None:
        self._template = template
        self._record = record
        self._faults = faults
        self.contents: dict[str, Mapping[str, Value]] = dict(template.fixed)
        self.records: dict[str, tuple[bytes, ...]] = {}
        for name, written in template.awaited.items():
            self._fill(template.profile.file_named(name), written, source)

    def place(self, file: str, item: str) -> str:
        """Where the value of an item comes from: a place of the record, or of the template."""
        written = self._template.awaited.get(file, {})
        found = placeholders(written[item]) if isinstance(written, Mapping) and item in written else []
        if found:
            return self._record.place_of(found[0].name)
        place = f"{place_of(file)}.{item}"
        return f"{self._record.place}, {place}" if file in self._template.awaited else place

    def _fill(self, file: ElementaryFile, written: Any, source: RecordSource) -> None:
        mistakes: list[str] = []
        values = file_values(file, filled(written, source), place_of(file.name), mistakes)
        self._faults += [Fault(f"{self._record.place}, {one.place}", one.message) for one in map(split, mistakes)]
        if isinstance(file, CyclicFile):
            values = {RECORDS: _written_ones(values.get(RECORDS))}
        self.contents[file.name] = MappingProxyType({**self.contents.get(file.name, {}), **values})
        try:
            self.records[file.name] = tuple(file.encode(self.contents[file.name]))
        except ItemError as error:
            self._faults.append(Fault(self.place(file.name, error.item), error.reason))


def _written_ones(records: Value) -> Value:
    """Records that hold something: those of which all is blank are not written."""
    found = records if isinstance(records, tuple) else ()
    return tuple(record for record in found if isinstance(record, Mapping) and any_value(record))
