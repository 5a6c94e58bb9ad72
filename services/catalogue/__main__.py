"""``python -m services.catalogue``: the catalogue of errors as the Markdown of ``docs/errors.md``."""

import sys
from collections.abc import Iterator

from services.catalogue import DOMAIN, KEY_BLOCKED, REFUSALS, UNKNOWN
from services.catalogue.refusal import Refusal


def markdown() -> str:
    """The whole page; one section for each reason, in alphabetical order."""
    rows = {row.reason: row for row in (*REFUSALS.values(), KEY_BLOCKED, UNKNOWN)}
    return "\n".join((*_head(), *(line for reason in sorted(rows) for line in _section(rows[reason]))))


def _head() -> Iterator[str]:
    yield "# Errors · 错误目录"
    yield ""
    yield "<!-- Made by `python -m services.catalogue`; a test compares. -->"
    yield ""
    yield (
        f"Every error of the service is a gRPC status with a `google.rpc.ErrorInfo` of domain `{DOMAIN}`. "
        "Its `reason` is the contract; texts may change. `metadata` may hold `sw` (the card's status word), `command`, "
        "`tries_left`, `reader`, `key`, `item` and `national_code` (the national terminal interface's return code). "
        "A `LocalizedMessage` in Chinese and one in English say the same as below. Where a document of the caller's "
        "has mistakes, a `google.rpc.BadRequest` has all of them."
    )
    yield ""


def _section(row: Refusal) -> Iterator[str]:
    national = f", national code {row.national}" if row.national is not None else ""
    yield f"## {row.reason}"
    yield ""
    yield f"{row.english} {row.remedy} (`{row.code.name}`{national})"
    yield ""
    yield f"{row.chinese}{row.remedy_chinese}"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(markdown())
