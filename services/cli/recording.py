"""``--record FILE``: what is said to the card and what it answers, kept as a transcript."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from apdu.readers import Transmit
from apdu.transport.transcript import Recorder
from apdu.transport.wrappers import recorded
from services.cli.errors import UNUSABLE, fail

RecordFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--record", help="Keep the conversation in this new file, for sscard decode. It holds personal data."),
]

OWNER_ONLY = 0o600


@contextmanager
def recording(path: Path | None, transmit: Transmit, atr: bytes, **header: Any) -> Iterator[Transmit]:
    """``transmit``, with all that goes through it written to a new file that its owner alone may read.

    ``header``: as for :class:`~apdu.transport.transcript.Recorder`, such as ``t0``.
    Without a path it is ``transmit`` itself. A file that exists already is not touched: the command leaves with a
    sentence.
    """
    if path is None:
        yield transmit
        return
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8")
    except OSError as error:
        fail(f"cannot record to {path}: {error.strerror}", code=UNUSABLE)
    with file:
        sys.stderr.write(
            f"sscard: {path} will hold all data in clear, PINs and the holder's too: keep it safe, delete it after use."
            " 记录文件含个人信息和密码明文，请妥善保管并及时删除。\n"
        )
        yield recorded(transmit, Recorder(file, atr, **header))
