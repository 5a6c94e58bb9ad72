"""The custodian whose keys are in a keystore (软件密钥库)."""

from collections.abc import Mapping

from apdu.secret import Secret
from cardlib.crypto import factors, suite_for
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors
from cardlib.keys import KEYS, KeyDeclaration, KeyReference
from services.custody.card_keys import CardKeyCustodian
from services.custody.data_keys import AesWrapper, KeyWrapper, WrapperError
from services.custody.keystore.records import NATIONAL_STEPS, KeyRecord
from services.custody.keystore.store import Keystore
from services.custody.keystore.terminal import TerminalCounter
from services.custody.regions import serves


class KeystoreCustodian(CardKeyCustodian):
    """Answers from an opened keystore: a root key of any level, down to the card's own key, to the result.

    A key serves the cards of its region and algorithm, while it is active. ``keys``: what is known of keys, by name,
    with those of regional profiles. ``terminal``: the counter of terminal sequence numbers; without it there is no MAC1
    of purchases here. Nothing is kept between answers. May be used from several threads.
    """

    def __init__(
        self,
        keystore: Keystore,
        *,
        keys: Mapping[str, KeyDeclaration] = KEYS,
        terminal: TerminalCounter | None = None,
    ) -> None:
        super().__init__(keys, terminal=(terminal.number, terminal.next) if terminal else None)
        self._wrapping = {
            f"{record.name}/{record.version}": keystore.value(record)
            for record in keystore.records
            if record.wraps and record.active
        }
        self._held: dict[KeyReference, list[tuple[KeyRecord, Secret]]] = {}
        for record in keystore.records:
            if not record.wraps:
                self._held.setdefault(record.reference, []).append((record, keystore.value(record)))

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        """From the value in the keystore, every time anew."""
        return self.key_above(card, key, 0)

    def key_above(self, card: CardFactors, key: KeyReference, levels: int) -> Secret:
        """As :meth:`card_key`, with fewer diversifications, as long as the keystore has the key from so far above."""
        record, value = self._fit(card, key)
        if not record.steps:
            return value
        if record.steps < levels:
            raise KeyUnavailableError(
                key.name, f"the keystore has it {record.steps} levels above a card, and {levels} are wanted"
            )
        suite = suite_for(card.algorithm)
        # A root that is longer than the key on the card is cut: single DES takes the left half, as with national roots.
        root = Secret(value.reveal()[: self._keys[key.name].size(card.algorithm)])
        for factor in factors(card.region, card.card_factor)[NATIONAL_STEPS - record.steps : NATIONAL_STEPS - levels]:
            root = suite.diversify(root, factor)
        return root

    def data_key_wrapper(self, name: str) -> KeyWrapper:
        """The active AES-256 key of this name and version, such as ``DATABASE/1``; raises WrapperError."""
        value = self._wrapping.get(name)
        if value is None:
            raise WrapperError(
                f"the keystore has no active AES-256 key {name}, which data_key_name names: put it in, or correct the "
                "name (name/version)"
            )
        return AesWrapper(value, f"keystore {name}")

    def _fit(self, card: CardFactors, key: KeyReference) -> tuple[KeyRecord, Secret]:
        """The one entry that serves this card; the keystore takes no two that do."""
        held = self._held.get(key, [])
        if not held or key.name not in self._keys:
            raise KeyUnavailableError(key.name, f"version {key.version} is not in the keystore")
        suite_for(card.algorithm)  # an unpublished cipher is named, rather than a key missed
        held = [entry for entry in held if entry[0].serves(card.algorithm)]
        if not held:
            raise KeyUnavailableError(key.name, f"the keystore has it for another algorithm than {card.algorithm.name}")
        held = [entry for entry in held if serves(entry[0].region, card.region)]
        if not held:
            raise KeyUnavailableError(key.name, f"the keystore has it for other regions than {card.region}")
        held = [entry for entry in held if entry[0].active]
        if not held:
            raise KeyUnavailableError(key.name, f"version {key.version} is retired")
        return held[0]

    def __repr__(self) -> str:
        return f"<KeystoreCustodian of {sum(map(len, self._held.values()))} keys>"
