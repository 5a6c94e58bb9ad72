"""``python -m services.catalogue``: the catalogue of errors as the Markdown of ``docs/errors.md``."""

import sys
from collections.abc import Iterator, Mapping

from services.catalogue import DOMAIN, KEY_BLOCKED, REFUSALS, UNKNOWN
from services.catalogue.refusal import Fixer, Refusal


def markdown() -> str:
    """The whole page; one section for each reason, in alphabetical order."""
    rows = {row.reason: row for row in (*REFUSALS.values(), KEY_BLOCKED, UNKNOWN)}
    return "\n".join((*_head(rows), *(line for reason in sorted(rows) for line in _section(rows[reason]))))


def _head(rows: Mapping[str, Refusal]) -> Iterator[str]:
    yield "# Errors · 错误目录"
    yield ""
    yield "<!-- Made by `python -m services.catalogue`; a test compares. -->"
    yield ""
    yield (
        f"Every error of the service is a gRPC status with a `google.rpc.ErrorInfo` of domain `{DOMAIN}`. "
        "Its `reason` is the contract; texts may change. `metadata` says what is particular to this one, such as `sw` "
        "(the card's status word), `command`, `tries_left`, `reader`, `key`, `item` and `national_code` (the national "
        "terminal interface's return code). A `LocalizedMessage` in Chinese and one in English say the same as below. "
        "Where a document of the caller's has mistakes, a `google.rpc.BadRequest` has all of them."
    )
    yield ""
    yield "Each entry says what is the matter, and what is safe to do next. In its head stands who can do that:"
    yield ""
    yield "| Who | 处理人 | Reasons |"
    yield "|---|---|---|"
    for fixer in Fixer:
        reasons = ", ".join(f"[{reason}](#{reason.lower()})" for reason in sorted(rows) if rows[reason].fixer is fixer)
        yield f"| {fixer.english} | {fixer.chinese} | {reasons} |"
    yield ""
    yield (
        "Whether a program may make the same call again, its gRPC code says. It keeps the `request_id` where there is "
        "one: then nothing is done twice."
    )
    yield ""
    yield "| Code | The same call | 可否重试 |"
    yield "|---|---|---|"
    codes = {row.code: row.retry for row in rows.values()}
    for code in sorted(codes, key=lambda code: code.name):
        yield f"| `{code.name}` | {codes[code].english} | {codes[code].chinese} |"
    yield ""


def _section(row: Refusal) -> Iterator[str]:
    national = f", national code {row.national}" if row.national is not None else ""
    yield f"## {row.reason}"
    yield ""
    yield f"`{row.code.name}`{national} · {row.fixer.english} {row.fixer.chinese}"
    yield ""
    yield f"{row.english} {row.remedy}"
    yield ""
    yield f"{row.chinese}{row.remedy_chinese}"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(markdown())
