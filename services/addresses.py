"""Whether an address is free to listen at (监听地址)."""

import socket
from typing import Any

from services.config import ConfigError, address_of


def require_free(listen: str) -> None:
    """Look before gRPC does, whose libraries write about a taken address in lines of their own.

    Free, if one of the host's addresses is. Blocking, where the host is a name. Raises
    :class:`~services.config.ConfigError`.
    """
    host, port = address_of(listen)
    fault: OSError | None = None
    try:
        for family, kind, _, _, place in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            fault = _bound(family, kind, place)
            if fault is None:
                return
    except OSError as error:  # the name is not known
        fault = error
    raise cannot_listen(listen, fault)


def cannot_listen(listen: str, error: OSError | None = None) -> ConfigError:
    """What is wrong with an address, and what to do."""
    why = f" ({error.strerror})" if error is not None else ""
    return ConfigError(f"cannot listen at {listen}{why}: is it in use? set `listen` 无法监听该地址，请检查是否被占用")


def _bound(family: int, kind: int, place: Any) -> OSError | None:
    try:
        with socket.socket(family, kind) as probe:
            # As gRPC does: connections that have just ended take no address.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(place)
    except OSError as error:
        return error
    return None
