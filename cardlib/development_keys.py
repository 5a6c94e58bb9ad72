"""The published development root keys (开发密钥): for software cards and tests, worthless by design.

They are public so that any client can compute what a software card expects. Key services refuse them outside
development mode (:mod:`services.custody`).
"""

import hashlib
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from apdu.secret import Secret
from cardlib.keys import KEYS, VERSIONS, KeyDeclaration, KeyReference


def load(keys: Mapping[str, KeyDeclaration] = KEYS) -> Mapping[KeyReference, Secret]:
    """First-level root keys, 16 bytes each, of ``keys`` in versions 1 to 3.

    Those of the standard are published one by one; those of a region follow from their names by the rule that the
    published file states. One value serves both algorithms; single DES takes its left half
    (:meth:`cardlib.keys.CardFactors.card_key`).
    """
    text = files("cardlib").joinpath("data", "development-keys.toml").read_text(encoding="utf-8")
    published = tomllib.loads(text)["keys"]
    return MappingProxyType(
        {
            KeyReference(name, version): Secret(bytes.fromhex(value))
            for name in {key.name: None for key in keys.values()}
            for version, value in zip(VERSIONS, published.get(name) or _by_rule(name), strict=True)
        }
    )


def _by_rule(name: str) -> tuple[str, ...]:
    texts = (f"sscard development key {name} {version}" for version in VERSIONS)
    return tuple(hashlib.sha256(text.encode("ascii")).hexdigest()[:32] for text in texts)
