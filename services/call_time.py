"""How long a call may take (调用时限)."""

import time
from typing import Any, cast

import grpc


def deadline_of(context: "grpc.aio.ServicerContext[Any, Any]", most: float) -> float:
    """When a call is over at the latest: its own deadline, or ``most`` seconds from now; of :func:`time.monotonic`."""
    remaining = cast("float | None", context.time_remaining())  # None without a deadline, whatever the stubs say
    return time.monotonic() + (most if remaining is None else min(remaining, most))
