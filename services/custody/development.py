"""A custodian of keys that everybody knows: for the demonstration, for tests, for trying things out."""

from collections.abc import Mapping

from apdu.errors import CardError
from cardlib import development_keys
from cardlib.crypto import suite_for
from cardlib.custody import KeyCustodian
from cardlib.errors import KeyUnavailableError
from cardlib.keys import KEYS, CardFactors, Cryptogram, KeyDeclaration, KeyRequest, Mac, Purpose, Tac

_MAKES_MACS = frozenset({Purpose.MAINTENANCE, Purpose.LOAD, Purpose.PURCHASE})
"""What keys are for whose session keys make MACs: of commands, of loads and of purchases."""


class DevelopmentKeysRefusedError(CardError):
    """The published development keys were asked for outside development mode (生产环境禁用开发密钥)."""


class DevelopmentCustodian(KeyCustodian):
    """Computes cryptograms, MACs and TACs from the published development root keys (:mod:`cardlib.development_keys`).

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
        self._keys = keys
        self._roots = development_keys.load(keys)

    def cryptograms(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.cryptograms`; MalformedError for a factor of a length not taken."""
        return tuple(self._computed(request.card, wanted) for wanted in request.cryptograms)

    def _computed(self, card: CardFactors, wanted: Cryptogram | Mac | Tac) -> bytes:
        suite = suite_for(card.algorithm)
        name = wanted.key.name
        root = self._roots.get(wanted.key)
        if root is None:
            raise KeyUnavailableError(name, f"there is no development key of version {wanted.key.version}")
        if isinstance(wanted, Cryptogram) and not self._keys[name].authenticates:
            raise KeyUnavailableError(name, "it is not a key for authentication")
        # A key serves one function only [S2.4 §7.1].
        if isinstance(wanted, Mac) and self._keys[name].purpose not in _MAKES_MACS:
            raise KeyUnavailableError(name, "it is not a key for MACs")
        if isinstance(wanted, Tac) and self._keys[name].purpose is not Purpose.TAC:
            raise KeyUnavailableError(name, "it is not a key for TACs")
        own = card.card_key(wanted.key, root, self._keys)
        if isinstance(wanted, Tac):
            return suite.mac(suite.tac_key(own), wanted.data)
        session = suite.session_key(own, wanted.factor)
        if isinstance(wanted, Mac):
            return suite.mac(session, wanted.data)
        return suite.cryptogram(session, wanted.original)

    def __repr__(self) -> str:
        return f"<DevelopmentCustodian of {len(self._roots)} published keys>"
