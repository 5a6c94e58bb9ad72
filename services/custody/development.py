"""A custodian of keys that everybody knows: for the demonstration, for tests, for trying things out."""

import itertools
from collections.abc import Mapping
from typing import Final

from apdu.errors import CardError
from apdu.secret import Secret
from cardlib import development_keys
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors
from cardlib.keys import CHIP_KEYS, KEYS, KeyDeclaration, KeyReference, Purpose
from services.custody.card_keys import CardKeyCustodian

TERMINAL: Final = bytes.fromhex("990000000001")
"""Terminal number of the development keys' purchases."""
TRANSPORT: Final = Secret(b"\xff" * 16)
"""Transport key of the simulator's blank chips, of every lot."""


class DevelopmentKeysRefusedError(CardError):
    """The published development keys were asked for outside development mode (生产环境禁用开发密钥)."""


class DevelopmentCustodian(CardKeyCustodian):
    """Answers from the published development root keys (:mod:`cardlib.development_keys`).

    Every answer goes from root key to card key to session key to result; nothing is kept between answers. May be
    used from several threads. ``keys``: which keys there are, by name. Construction raises
    :class:`DevelopmentKeysRefusedError` unless ``development_mode``.
    """

    def __init__(self, *, development_mode: bool, keys: Mapping[str, KeyDeclaration] = KEYS) -> None:
        if development_mode is not True:
            raise DevelopmentKeysRefusedError(
                "the development keys are public and serve in development mode only: "
                "switch it on for software cards, or configure another key custodian"
            )
        super().__init__(keys, terminal=(TERMINAL, itertools.count(1).__next__))
        self._roots = development_keys.load({**CHIP_KEYS, **keys})

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        """From the published root key, every time anew."""
        declared = self._keys.get(key.name)
        if declared is not None and declared.purpose is Purpose.TRANSPORT:
            return TRANSPORT
        return self.key_above(card, key, 0)

    def key_above(self, card: CardFactors, key: KeyReference, levels: int) -> Secret:
        """As :meth:`card_key`, with fewer diversifications."""
        root = self._roots.get(key)
        if root is None:
            raise KeyUnavailableError(key.name, f"there is no development key of version {key.version}")
        return card.key_above(key, root, levels, self._keys)

    def __repr__(self) -> str:
        return f"<DevelopmentCustodian of {len(self._roots)} published keys>"
