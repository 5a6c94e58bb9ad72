"""What identifies people, for the commands of the counter: identity documents (证件), and files with a person's data.

None of it is an argument, which others on the machine can read: it comes in a file, as input, or is asked for.
"""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from services.cli.errors import UNUSABLE, fail
from sscard.v1 import registry_pb2

MAX_FILE: Final = 1 << 16
DOCUMENT: Final = ("number", "name")
"""What the file of a document says."""


class Document(StrEnum):
    """Kinds of identity documents."""

    RESIDENT_CARD = "resident-card"
    HOUSEHOLD_REGISTER = "household-register"
    PASSPORT = "passport"
    RESIDENCE_PERMIT = "residence-permit"


DocumentKind: TypeAlias = Annotated[Document, typer.Option("--document", help="Kind of the identity document.")]


def document_of(fields: dict[str, str], kind: Document) -> registry_pb2.IdentityDocument:
    """A document with the number and the name that a file, or somebody who was asked, has given."""
    return registry_pb2.IdentityDocument(
        kind=registry_pb2.DocumentKind.Value(f"DOCUMENT_KIND_{kind.name}"),
        number=fields.get("number", ""),
        name=fields.get("name", ""),
    )


def fields_of(file: Path, names: Sequence[str]) -> dict[str, str]:
    """The texts of a JSON object, "-" being standard input; what is wrong is told without what stands in it."""
    where = "standard input" if str(file) == "-" else str(file)
    try:
        text = sys.stdin.read(MAX_FILE) if str(file) == "-" else file.read_text(encoding="utf-8")
        told = json.loads(text)
    except OSError as error:
        fail(f"{where}: {error.strerror}", code=UNUSABLE)
    except (ValueError, RecursionError):
        fail(f"{where}: is no JSON in UTF-8 不是UTF-8编码的JSON", code=UNUSABLE)
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        fail(f"{where}: takes a JSON object of texts 应为文本字段的JSON对象", code=UNUSABLE)
    if not told.keys() <= set(names):
        fail(f"{where}: takes {', '.join(names)}, and nothing else 含有未知字段", code=UNUSABLE)
    return told


def asked(what: str) -> str:
    """What somebody types, or the next line of input where nobody is at a terminal."""
    typed: str = typer.prompt(what, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return typed.strip()
