"""Whether an address is free to listen at."""

import re
import socket

import pytest

from services.addresses import require_free
from services.config import ConfigError


def test_a_free_address_stays_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    require_free(address)
    require_free(address)
    require_free("127.0.0.1:0")


def test_one_that_had_connections_a_moment_ago_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        with socket.create_connection(place), server.accept()[0] as accepted:
            accepted.shutdown(socket.SHUT_RDWR)  # this side ends first: the address waits for a while
    require_free(f"127.0.0.1:{place[1]}")


def test_a_taken_one_is_told_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=re.escape(f"cannot listen at {address} (Address already in use)")):
            require_free(address)


def test_one_of_another_machine_and_an_unknown_name_are_told() -> None:
    with pytest.raises(ConfigError, match="Cannot assign requested address"):
        require_free("192.0.2.1:50551")
    with pytest.raises(ConfigError, match=r"cannot listen at nowhere\.invalid:1 \("):
        require_free("nowhere.invalid:1")
