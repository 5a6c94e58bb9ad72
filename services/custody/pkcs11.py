"""Root keys in a hardware security module, reached by PKCS#11 (加密机): they work there, and never come out.

The way from a stored key to the card's is that of [S2.9 §7.3]. Province and city keys are derived inside the token
(CKM_DES3_ECB_ENCRYPT_DATA: E(K, f ‖ ~f)) as objects of the session that cannot be read, and end with the answer. One
card's key is the encryption of its factor under the city's key; it comes to this process, for as long as an answer
takes. Tokens may set the parity bits of keys that they derive (SoftHSM does); DES does not look at them, so every
result is the same, and the card's key, which nobody derives, keeps all its bits.

What this protects: nobody copies root or regional keys out of this process, its files or its backups. What it does not:
PKCS#11 lets whoever has library and PIN derive a key that can be read, unless the token knows CKA_DERIVE_TEMPLATE and
the stored key forbids it; and he can ask for the key of any card, as this custodian does.

A key object on the token has CKA_SENSITIVE true, CKA_EXTRACTABLE false, and

* one from which provincial or city keys are derived: CKA_DERIVE true, CKA_ENCRYPT false;
* one of a city: CKA_ENCRYPT true.

3DES keys are CKK_DES2. A maintenance key (STK) of a DES card is a DES key, which tokens hardly offer any more: store
its left half twice, as CKK_DES2, with a label of its own (``STKSSSE/1/DES``). 3DES under two equal halves is DES, and
deriving from f ‖ f keeps them equal. The transport key is no key to the token: CKK_GENERIC_SECRET, CKA_SENSITIVE false,
since chips are told it in clear.

Needs the extra ``sscard[hsm]``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pkcs11 import KeyType

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm, factors, suite_for
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import CardFactors
from cardlib.keys import KEYS, KeyDeclaration, KeyReference, Purpose
from services.custody.card_keys import CardKeyCustodian
from services.custody.data_keys import KeyWrapper
from services.custody.data_keys_pkcs11 import TokenWrapper
from services.custody.pkcs11_token import KeyObject, Token, TokenError
from services.custody.pkcs11_vendor import TRIPLE_DES, CipherNumbers
from services.custody.regions import serves

_REGION_DIGITS: Final = {3: 0, 2: 2, 1: 6}
"""How much of a region belongs to a stored key, by the levels from it to a card."""


def default_label(key: KeyReference, algorithm: Algorithm, *, single: bool = False) -> str:
    """Label of a key's object where the table says nothing: ``IRK/1``; of an STK's left half: ``STKSSSE/1/DES``.

    Objects of one label are told apart by their key type, so SM4 keys need no label of their own.
    """
    return f"{key.name}/{key.version}" + ("/DES" if single and algorithm is Algorithm.DES else "")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """Where a key is on the token, and whose it is (密钥存放).

    ``label`` and ``identifier`` (CKA_ID) find the object; without both it is the default label. ``levels``: how often
    it is diversified down to a card: 3, the root; 2, the key of a province; 1, the key of a city. ``region``: whose key
    it is: "", the first two digits of the province, six digits of the city. Raises MalformedError.
    """

    key: KeyReference
    algorithm: Algorithm = Algorithm.DES
    label: str = ""
    identifier: bytes = b""
    levels: int = 3
    region: str = ""

    def __post_init__(self) -> None:
        digits = _REGION_DIGITS.get(self.levels)
        if digits is None:
            raise MalformedError(f"a stored key is 3, 2 or 1 levels above a card, not {self.levels}")
        if len(self.region) != digits or (digits and not (self.region.isascii() and self.region.isdecimal())):
            raise MalformedError(f"a key {self.levels} levels above a card belongs to a region of {digits} digits")

    def serves(self, card: CardFactors) -> bool:
        """Whether the card is one of its region; counties of a Zhejiang city share that city's keys."""
        return serves(self.region, card.region)


class Pkcs11Custodian(CardKeyCustodian):
    """Answers with keys that are kept by a PKCS#11 token.

    ``stored``: objects of this deployment; a key that is not there in any region is a root of the default label.
    ``sm4``: the vendor's numbers for SM4; without them SM4 cards are refused with AlgorithmUnsupportedError. ``keys``
    and ``terminal``: as :class:`~services.custody.card_keys.CardKeyCustodian`. May be used from several threads, which
    wait for each other. When the session is lost it is opened again, once for each answer; a wrong PIN is tried once.
    """

    def __init__(
        self,
        token: Token,
        stored: Iterable[StoredKey] = (),
        *,
        sm4: CipherNumbers | None = None,
        keys: Mapping[str, KeyDeclaration] = KEYS,
        terminal: tuple[bytes, Callable[[], int]] | None = None,
    ) -> None:
        super().__init__(keys, terminal=terminal)
        self._token = token
        self._stored: dict[tuple[KeyReference, Algorithm], list[StoredKey]] = {}
        for each in stored:
            self._stored.setdefault((each.key, each.algorithm), []).append(each)
        self._ciphers = {Algorithm.DES: TRIPLE_DES, **({Algorithm.SM4: sm4} if sm4 else {})}

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        """Derived on the token down to the city's key; the last step's result leaves it."""
        declared = self._keys.get(key.name)
        if declared is None:
            raise KeyUnavailableError(key.name, "there is no such key")
        try:
            if declared.purpose is Purpose.TRANSPORT:
                place = self._place(key, Algorithm.DES) or StoredKey(key)
                return self._token.value(self._object(place, KeyType.GENERIC_SECRET))
            return self._diversified(card, key, declared.size(card.algorithm))
        except TokenError as error:
            raise KeyUnavailableError(key.name, str(error)) from error

    def key_above(self, card: CardFactors, key: KeyReference, levels: int) -> Secret:  # noqa: ARG002  none is given
        """Always refused: no root or regional key comes out of the token, not even for a PSAM."""
        raise KeyUnavailableError(
            key.name,
            "what a PSAM holds is a root or regional key, whose value would have to leave the HSM: issue PSAMs with a "
            "keystore, or with the HSM maker's own tool",
        )

    def data_key_wrapper(self, name: str) -> KeyWrapper:
        """The AES key of this label, on the same token."""
        return TokenWrapper(self._token, name)

    def close(self) -> None:
        """Log out of the token."""
        self._token.close()

    def _diversified(self, card: CardFactors, key: KeyReference, size: int) -> Secret:
        cipher = self._ciphers.get(suite_for(card.algorithm).algorithm)
        if cipher is None:
            raise AlgorithmUnsupportedError(card.algorithm.name)
        place = self._place(key, card.algorithm, card)
        if place is None:
            raise TokenError("it is stored for other regions only: correct the table of stored keys, or ask elsewhere")
        if place.levels > 1 and cipher.derive is None:
            raise TokenError(
                f"the HSM has no mechanism that derives {card.algorithm.name} keys: give its number, or store the key "
                "of the city"
            )
        single = size < 16
        steps = [
            factor + (factor if single else bytes(byte ^ 0xFF for byte in factor))
            for factor in factors(card.region, card.card_factor)[3 - place.levels :]
        ]
        whole = self._token.diversified(self._object(place, cipher.key_type, single=single), cipher, steps)
        return Secret(whole.reveal()[:size])

    def _place(self, key: KeyReference, algorithm: Algorithm, card: CardFactors | None = None) -> StoredKey | None:
        """Where the key is, for this card; None if for others only."""
        places = self._stored.get((key, algorithm))
        if places is None:
            return StoredKey(key, algorithm)
        return next((place for place in places if card is None or place.serves(card)), None)

    def _object(self, place: StoredKey, kind: int, *, single: bool = False) -> KeyObject:
        label = place.label
        if not label and not place.identifier:
            label = default_label(place.key, place.algorithm, single=single)
        return KeyObject(label, place.identifier, kind)

    def __repr__(self) -> str:
        return f"<Pkcs11Custodian with {sum(map(len, self._stored.values()))} keys in its table>"
