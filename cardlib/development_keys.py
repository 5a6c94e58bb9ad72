"""The published development root keys (开发密钥): for software cards and tests, worthless by design.

They are public so that any client can compute what a software card expects. Key services refuse them outside
development mode (:mod:`services.custody`).
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from apdu.secret import Secret
from cardlib.keys import KeyReference


def load() -> Mapping[KeyReference, Secret]:
    """First-level root keys, 16 bytes each, of every key of :data:`cardlib.keys.KEYS` in versions 1 to 3.

    One value serves both algorithms; single DES takes its left half (:meth:`cardlib.keys.CardFactors.card_key`).
    """
    text = files("cardlib").joinpath("data", "development-keys.toml").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            KeyReference(name, version): Secret(bytes.fromhex(value))
            for name, versions in tomllib.loads(text)["keys"].items()
            for version, value in enumerate(versions, start=1)
        }
    )
