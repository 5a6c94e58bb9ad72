"""Files that persons' records name, such as photos (附件): read from the record's folder, and from nowhere else."""

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from cardlib.errors import ItemError

Attachments: TypeAlias = Callable[[str, int], bytes]
"""The bytes of a file by its name in the record, and the bytes that the item has room for.

Who can make a picture smaller does it here. Raises :class:`OSError` or :class:`~cardlib.errors.ItemError`, neither with
the name of the file: it may be somebody's.
"""

MAX_SIZE: Final = 1 << 20
"""Bytes of the largest file that is read; a photo on a card has 4096."""


def steps(name: str) -> tuple[str, ...]:
    """Folders and file that a name says, from the record's folder on; raises ItemError where it leads out of it."""
    path = PurePosixPath(name)
    is_foreign = any(character in name for character in "\\:\x00") or any("\ud800" <= one <= "\udfff" for one in name)
    if not path.parts or path.is_absolute() or is_foreign or ".." in path.parts:
        raise ItemError("file", "takes the name of a file in the record's folder or below, without ..")
    return path.parts


def attachments_in(folder: Path) -> Attachments:
    """Files in this folder; no link leads out of it."""

    def attachment(name: str, room: int) -> bytes:  # noqa: ARG001 - the photo goes on the card as it is
        *folders, file = steps(name)
        with ExitStack() as opened:
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, at)
            for step in folders:
                # Links are not followed: what they point at might be changed between a check and this.
                at = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                opened.callback(os.close, at)
            # A pipe would not answer.
            found = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            opened.callback(os.close, found)
            if not stat.S_ISREG(os.fstat(found).st_mode):
                raise ItemError("file", "is no plain file")
            with os.fdopen(found, "rb", closefd=False) as stream:
                held = stream.read(MAX_SIZE + 1)
        if len(held) > MAX_SIZE:
            raise ItemError("file", f"has more than {MAX_SIZE} bytes")
        return held

    return attachment
