"""The form of a regional profile file (地方扩展配置): TOML tables as typed entries, before anything else is checked.

Numbers that the specification writes in hexadecimal are text here: ``tag = "EA"``, ``fid = "EF0D"``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cardlib.rules import Rule, rule


def _octets(text: object) -> bytes:
    try:
        return bytes.fromhex(text if isinstance(text, str) else "?")
    except ValueError:
        raise ValueError("takes hexadecimal digits in quotation marks") from None


def number_in_hexadecimal(text: object) -> int:
    """The number that hexadecimal digits write, high byte first; raises ValueError."""
    return int.from_bytes(_octets(text))


def _rule(text: object) -> object:
    return rule(text.replace(" ", "")) if isinstance(text, str) else text


Octets = Annotated[bytes, BeforeValidator(_octets)]
Tag = Annotated[int, BeforeValidator(number_in_hexadecimal), Field(ge=0x01, le=0xFE)]
KeyId = Annotated[int, BeforeValidator(number_in_hexadecimal), Field(ge=0x01, le=0xFF)]
FileIdentifier = Annotated[int, BeforeValidator(number_in_hexadecimal), Field(ge=0xEF00, le=0xEFFF)]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
KeyName = Annotated[str, Field(pattern="^[A-Z][A-Z0-9]+$")]
Term = Annotated[str, Field(min_length=1)]
Access = Annotated[Rule, BeforeValidator(_rule)]
RecordCount = Annotated[int, Field(ge=1, le=254)]
Meaning = Literal["date", "month", "year", "timestamp", "region", "money", "count", "number", "binary_money"]


class _Entry(BaseModel):
    """A table of the file: a word that is not known is a fault, not a comment."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class CodeEntry(_Entry):
    """One row of a region's own code table (地方代码)."""

    code: Term
    zh: Term
    en: Term


class PartEntry(_Entry):
    """One item within a BTLV item (内层数据项), ``length`` bytes; ``meaning`` and ``codes`` say more than the type."""

    tag: Tag
    name: Name
    chinese: Term
    type: Literal["an", "cn", "b"]
    length: Annotated[int, Field(ge=1, le=253)]
    meaning: Meaning | None = None
    codes: tuple[CodeEntry, ...] = ()


class ItemEntry(_Entry):
    """One data item (数据项), described as :class:`PartEntry`; of type BTLV, it has ``parts`` and no ``length``.

    ``tag`` is left out in cyclic and transparent files. ``repeat``: that many records. ``example``: the stored value of
    an invented person, without tag and length.
    """

    tag: Tag | None = None
    name: Name
    chinese: Term
    type: Literal["an", "cn", "b", "BTLV"]
    length: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    meaning: Meaning | None = None
    codes: tuple[CodeEntry, ...] = ()
    parts: tuple[PartEntry, ...] = ()
    repeat: RecordCount = 1
    sensitive: bool = True
    example: Octets


class FileEntry(_Entry):
    """A new elementary file (新增基本文件); ``records``: of a cyclic file, the least number of them."""

    directory: str
    fid: FileIdentifier
    name: Name
    chinese: Term
    structure: Literal["V", "F", "C", "T"]
    read: Access
    update: Access
    secure_messaging: KeyName | None = None
    records: RecordCount | None = None
    items: Annotated[tuple[ItemEntry, ...], Field(min_length=1)]


class AdditionEntry(_Entry):
    """What a standard file has beyond the standard (标准文件的扩展): more ``items``, or more ``records`` if cyclic."""

    file: Name
    items: tuple[ItemEntry, ...] = ()
    records: RecordCount | None = None


class DirectoryEntry(_Entry):
    """A new directory (新增目录): selected by its identifier, which is its name, or by ``aid``, 5 to 16 bytes."""

    name: Annotated[str, Field(pattern="^DF[0-9A-F]{2}$")]
    chinese: Term
    aid: Annotated[Octets, Field(min_length=5, max_length=16)]


class KeyEntry(_Entry):
    """A key that the standard does not know (地方密钥): its name in rules, its directory, its id on the card."""

    name: KeyName
    directory: str
    purpose: Literal["read", "update", "maintenance"]
    card_id: KeyId


class Document(_Entry):
    """A whole file: which cards it is about, and what they have beyond the standard.

    ``regions``: the first two, four or six digits of the region in the card identifier. ``versions``: those of the
    specification that it adds to.
    """

    title: Term
    regions: Annotated[tuple[Annotated[str, Field(pattern="^([0-9]{2}){1,3}$")], ...], Field(min_length=1)]
    versions: Annotated[tuple[str, ...], Field(min_length=1)]
    keys: tuple[KeyEntry, ...] = ()
    directories: tuple[DirectoryEntry, ...] = ()
    files: tuple[FileEntry, ...] = ()
    additions: tuple[AdditionEntry, ...] = ()

    @property
    def items(self) -> tuple[ItemEntry, ...]:
        """All new items, those of new files first."""
        return tuple(item for file in self.files for item in file.items) + tuple(
            item for addition in self.additions for item in addition.items
        )


_LISTS: Final = frozenset({"keys", "directories", "files", "additions"})


def read(data: Mapping[str, Any]) -> tuple[Document | None, list[str]]:
    """The document in ``data``, TOML tables, and the faults of its form, each with its place.

    Entries with a fault are left out, so that the others can be checked further; None if it is not in an entry.
    """
    try:
        return Document.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    faults = [f"{_place(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}" for detail in details]
    wrong = {detail["loc"][:2] for detail in details}
    if not all(len(place) == 2 and place[0] in _LISTS for place in wrong):
        return None, faults
    sound = {
        name: [entry for number, entry in enumerate(value) if (name, number) not in wrong] if name in _LISTS else value
        for name, value in data.items()
    }
    return Document.model_validate(sound), faults


def _place(location: tuple[int | str, ...]) -> str:
    """``files[0].items[1].tag``, counted from 1 as people do."""
    words = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in location)
    return words.removeprefix(".")
