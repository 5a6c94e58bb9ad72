"""Whether other users of the machine can get at a file: its mode, and its access control list if it has one."""

import errno
import os
import struct
from collections.abc import Iterator
from typing import Final

_LIST: Final = "system.posix_acl_access"
_ENTRY: Final = struct.Struct("<HHI")
"""Of a list as Linux has it: tag, permissions, user or group; after 4 bytes of version."""
_OWNER, _USER, _GROUP_OF_FILE, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_READ_OR_WRITE: Final = 0o6


def reached_by_others(handle: int) -> bool:
    """Whether anybody but its owner, this process's user and root can read or write the open file.

    Where there is a list, the group's bits in the mode are but the mask of the list: systemd lets the user of a service
    read a credential that way, whose mode then looks as if a group could.
    """
    try:
        entries = list(_entries(os.getxattr(handle, _LIST)))
    except OSError as error:
        if error.errno not in {errno.ENODATA, errno.ENOTSUP}:
            raise
        return bool(os.fstat(handle).st_mode & (_READ_OR_WRITE << 3 | _READ_OR_WRITE))
    masks = [allowed for tag, allowed, _ in entries if tag == _MASK]
    mask = masks[0] if masks else _READ_OR_WRITE
    ours = {0, os.geteuid()}
    return any(
        allowed & (_READ_OR_WRITE if tag == _OTHERS else _READ_OR_WRITE & mask)
        for tag, allowed, whose in entries
        if tag not in {_OWNER, _MASK} and not (tag == _USER and whose in ours)
    )


def _entries(packed: bytes) -> Iterator[tuple[int, int, int]]:
    return _ENTRY.iter_unpack(packed[4:])
