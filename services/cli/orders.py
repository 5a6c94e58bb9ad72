"""What a card is to become, from the files that a command names."""

import json
import os
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from cardlib.errors import ItemError
from cardlib.issuance.attachments import attachments_in
from cardlib.issuance.filling import BASE64
from services.cli.errors import UNUSABLE, fail
from services.issuance.orders import MAX_PHOTO, MAX_TEXT, PHOTO, SMALLER
from sscard.v1.issuance_pb2 import CardOrder

PersonFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="PERSON", help="JSON file with the person's data.", show_default=False)
]
TemplateName: TypeAlias = Annotated[
    str,
    typer.Option(
        "--template", "-t", help="A template's file, or the name of one of the service's; none: its only one."
    ),
]
PhotoFile: TypeAlias = Annotated[
    Path | None, typer.Option("--photo", help="The photo; none: the file that `photo` of the person names.")
]

_TOML: Final = ".toml"


def order_of(person: Path, template: str, photo: Path | None) -> CardOrder:
    """The order that a call takes; a file that cannot be read ends the command."""
    record = contents_of(person, MAX_TEXT)
    order = template_in(template)
    order.person_json = record
    if photo is not None:
        order.photo = contents_of(photo, MAX_PHOTO, SMALLER)
    elif name := _photo_named(record):
        try:
            order.photo = attachments_in(person.absolute().parent)(name, 0)
        except (OSError, ItemError) as error:
            # Its name may be somebody's.
            fail(f"{person}: the photo cannot be read 照片无法读取: {_why(error)}", code=UNUSABLE)
    return order


def template_in(template: str) -> CardOrder:
    """An order with a template, by its file or its name, and nobody's data yet."""
    if not (template.endswith(_TOML) or os.sep in template):
        return CardOrder(template=template)
    try:
        return CardOrder(template_text=contents_of(Path(template), MAX_TEXT).decode())
    except UnicodeDecodeError:
        fail(f"{template}: is no UTF-8 编码不是UTF-8", code=UNUSABLE)


def contents_of(path: Path, most: int, remedy: str = "") -> bytes:
    """What a file holds; one that cannot be read, or has more than ``most`` bytes, ends the command."""
    try:
        with path.open("rb") as file:
            held = file.read(most + 1)
    except OSError as error:
        fail(f"{path}: {error.strerror}", code=UNUSABLE)
    if len(held) > most:
        fail(f"{path}: has more than {most} bytes 文件过大{f': {remedy}' if remedy else ''}", code=UNUSABLE)
    return held


def _photo_named(record: bytes) -> str:
    """The name of the photo's file in a person's record, "" if it names none; what is wrong the service will say."""
    try:
        name = json.loads(record.decode("utf-8-sig"))[PHOTO]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) and not name.startswith(BASE64) else ""


def _why(error: OSError | ItemError) -> str:
    return error.reason if isinstance(error, ItemError) else str(error.strerror)
