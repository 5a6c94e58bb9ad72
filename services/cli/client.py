"""A channel to the service: a running one, or one that this process starts for the time of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from services.callers.tls import channel_credentials
from services.config import Config, ConfigError, address_of, is_loopback


@contextmanager
def channel_to(server: str, config: Config) -> Iterator[grpc.Channel]:
    """A channel to the service at ``server``; where that is "", to an all-in-one service started as ``config`` says.

    Raises ConfigError for a service elsewhere without certificates.
    """
    if server:
        with _remote(server, config) as channel:
            yield channel
    else:
        # With it come the database, the keys and the software cards, which nobody waits for who asks a running service.
        from services.cli.own_service import service_of_our_own  # noqa: PLC0415

        with service_of_our_own(config) as channel_as, channel_as(None) as channel:
            yield channel


def _remote(server: str, config: Config) -> grpc.Channel:
    credentials = channel_credentials(config)
    if credentials is not None:
        return grpc.secure_channel(server, credentials)
    try:
        host, _ = address_of(server)
    except ValueError as error:
        raise ConfigError(f"--server: {error}") from None
    if not is_loopback(host):
        raise ConfigError(
            f"--server: {server} is not on this machine, and there one shows a certificate: sscard --certificate FILE "
            "--key FILE --ca FILE …, or client_certificate, client_key and client_ca in the settings"
        )
    return grpc.insecure_channel(server)
