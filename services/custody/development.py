"""A custodian of keys that everybody knows: for the demonstration, for tests, for trying things out."""

from apdu.errors import CardError
from cardlib import development_keys
from cardlib.crypto import suite_for
from cardlib.custody import KeyCustodian
from cardlib.errors import KeyUnavailableError
from cardlib.keys import KEYS, CardFactors, Cryptogram, KeyRequest


class DevelopmentKeysRefusedError(CardError):
    """The published development keys were asked for outside development mode (生产环境禁用开发密钥)."""


class DevelopmentCustodian(KeyCustodian):
    """Computes cryptograms from the published development root keys (:mod:`cardlib.development_keys`).

    Every answer goes from root key to card key to session key to cryptogram; nothing is kept between answers. May be
    used from several threads. Construction raises :class:`DevelopmentKeysRefusedError` unless ``development_mode``.
    """

    def __init__(self, *, development_mode: bool) -> None:
        if development_mode is not True:
            raise DevelopmentKeysRefusedError(
                "the development keys are public and serve in development mode only: "
                "switch it on for software cards, or configure another key custodian"
            )
        self._roots = development_keys.load()

    def cryptograms(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.cryptograms`; MalformedError for a factor of a length not taken."""
        return tuple(self._cryptogram(request.card, cryptogram) for cryptogram in request.cryptograms)

    def _cryptogram(self, card: CardFactors, wanted: Cryptogram) -> bytes:
        suite = suite_for(card.algorithm)
        root = self._roots.get(wanted.key)
        if root is None:
            raise KeyUnavailableError(wanted.key.name, f"there is no development key of version {wanted.key.version}")
        if not KEYS[wanted.key.name].authenticates:
            raise KeyUnavailableError(wanted.key.name, "it is not a key for authentication")
        return suite.cryptogram(suite.session_key(card.card_key(wanted.key, root), wanted.factor), wanted.original)

    def __repr__(self) -> str:
        return f"<DevelopmentCustodian of {len(self._roots)} published keys>"
