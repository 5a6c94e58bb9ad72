"""Memory of a process that has keys in it: it is not written to disk when the process dies, nor read by its user."""

import ctypes
import os
import resource
from typing import Final

from services.config import ConfigError

_PR_SET_DUMPABLE: Final = 4


def keep_memory_private() -> None:
    """Have no core dump made of this process, and no other process of the same user look into it.

    For what it starts, only the former holds: who is started begins anew. Raises ConfigError where the system refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The limit does not hold where the system gives core dumps to a program, as systemd-coredump.
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise ConfigError(f"core dumps cannot be switched off: {os.strerror(ctypes.get_errno())}")
