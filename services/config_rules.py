"""Which settings go together: sentences about those that do not, for :class:`services.config.Config`."""

from collections.abc import Iterator
from typing import Any, Final

PLACES: Final = ("keystore", "hsm_library", "centre")
"""Settings of which each is a place where the keys are."""
BELONGS: Final = {
    "keystore_key": ("keystore",),
    "keystore_passphrase_fds": ("keystore",),
    "terminal_counter": ("keystore", "hsm_library"),
    "hsm_token": ("hsm_library",),
    "hsm_pin_file": ("hsm_library",),
    "hsm_keys": ("hsm_library",),
    "psam_keys": ("psam_reader",),
    "data_key_name": ("keystore", "hsm_library"),
    "tls_revoked": ("tls_certificate",),
}
"""Settings that say more about another one."""
TLS: Final = ("tls_certificate", "tls_key", "tls_client_ca")
CLIENT: Final = ("client_certificate", "client_key", "client_ca")
"""Settings that are nothing without each other."""
OF_EVERY_HSM: Final = ("hsm_token", "hsm_pin_file")


def key_faults(settings: Any) -> Iterator[str]:
    """What is wrong with where the keys are to come from, and with settings that say more about another one."""
    places = [place for place in PLACES if getattr(settings, place)]
    if len(places) > 1:
        yield f"{' and '.join(places)}: keys are in one place; set one of them"
    for setting, owners in BELONGS.items():
        if getattr(settings, setting) and not any(getattr(settings, owner) for owner in owners):
            yield f"{setting} is nothing without {' or '.join(owners)}: set that as well"
    if settings.data_key and settings.data_key_name:
        yield "data_key and data_key_name: one key wraps the keys of personal values; set one"
    if settings.keystore_key and settings.keystore_passphrase_fds:
        yield "keystore_key and keystore_passphrase_fds: a keystore opens with a key or with passphrases; set one"
    if len(set(settings.keystore_passphrase_fds)) < len(settings.keystore_passphrase_fds):
        yield "keystore_passphrase_fds: every holder's passphrase has a file descriptor of its own"
    if settings.hsm_library:
        yield from (f"hsm_library: set {each} as well" for each in OF_EVERY_HSM if not getattr(settings, each))


def serving_faults(settings: Any) -> Iterator[str]:
    """What is wrong with what KeyService is to offer."""
    if settings.serve_keys and settings.centre:
        yield "serve_keys and centre: a service has keys to serve or asks a centre for them; set one"
    if settings.serve_building_keys and not settings.serve_keys:
        yield "serve_building_keys adds to what KeyService offers: set serve_keys = true as well"
    if settings.serve_psam_keys and not settings.serve_building_keys:
        yield "serve_psam_keys adds to what stations are offered: set serve_building_keys = true as well"
