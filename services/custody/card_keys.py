"""What a custodian computes once it has a card's own key: the same for every custodian that gets at one."""

import hmac
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos.encoder import require_loading
from cardlib.cos.protection import encrypted_key, loading_mac, plain_authentication
from cardlib.crypto import CipherSuite, purchase_factor, suite_for
from cardlib.crypto.suite import MAC_SIZE
from cardlib.custody import KeyCustodian
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import (
    OTHER_TERMINAL,
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    KeyTask,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import CHIP_KEYS, KEYS, KeyDeclaration, KeyReference, Purpose
from cardlib.psam import LEVELS_SHIFT, MAX_LEVELS
from cardlib.values import CardDate

TERMINAL_NUMBER: Final = 6
"""Bytes of a terminal number (终端机编号)."""
TIME: Final = 7
"""Bytes of the time of a transaction, YYYYMMDDhhmmss packed."""
CHECK_VALUE: Final = 3
"""Bytes of a key check value."""

_MOST_FEN: Final = 0xFFFFFFFF
_MAKES_MACS: Final = frozenset({Purpose.MAINTENANCE, Purpose.LOAD, Purpose.PURCHASE})
"""What keys are for whose session keys make MACs: of commands, of loads and of purchases."""
_IN_CLEAR: Final = frozenset({Purpose.TEMPORARY, Purpose.TRANSPORT})
"""What keys are for that a chip is told in clear anyway."""
_SINGLE_STEP: Final = frozenset({Purpose.MASTER, Purpose.TEMPORARY, Purpose.TRANSPORT})
_PSAM_OWN: Final = frozenset({Purpose.PSAM_MASTER, Purpose.PSAM_LOADER})
_LOADS_OWN: Final = frozenset({Purpose.PSAM_MASTER, Purpose.TEMPORARY})
_NOT_ON_A_PSAM: Final = _SINGLE_STEP | _PSAM_OWN
"""What is no key of cards that a PSAM computes with."""
_ON_A_CARD: Final = frozenset(Purpose) - _PSAM_OWN - _IN_CLEAR
"""What keys are for that are loaded into a card, to stay there."""


class CardKeyCustodian(KeyCustodian):
    """Computes every task from the card's own key, which subclasses get by :meth:`card_key` and nobody keeps.

    A key serves one function only [S2.4 §7.1]: a task for which it is not made is refused. ``keys``: what is known of
    keys, by name. ``terminal``: terminal number, 6 bytes, and a source of terminal sequence numbers, each given out
    once; without it there is no MAC1 of purchases here. May be used from several threads if :meth:`card_key` may.
    """

    def __init__(
        self,
        keys: Mapping[str, KeyDeclaration] = KEYS,
        *,
        terminal: tuple[bytes, Callable[[], int]] | None = None,
    ) -> None:
        self._keys = {**CHIP_KEYS, **keys}
        self._terminal = terminal

    @abstractmethod
    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        """The key of one card, diversified, in the length it has there; TRANSPORT as it is.

        Raises :class:`~cardlib.errors.KeyUnavailableError`.
        """

    def key_above(self, card: CardFactors, key: KeyReference, levels: int) -> Secret:  # noqa: ARG002  subclasses
        """The key from which cards' keys are made, 1…3 diversifications above them, for a PSAM: 3 the root itself.

        Custodians that let no such key go have it refused here with :class:`~cardlib.errors.KeyUnavailableError`.
        """
        raise KeyUnavailableError(
            key.name, f"keys {levels} levels above a card do not leave this custodian: issue the PSAM where they may"
        )

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.perform`; MalformedError for input of a length not taken."""
        return tuple(self._performed(request.card, task) for task in request.tasks)

    def _performed(self, card: CardFactors, task: KeyTask) -> bytes:  # noqa: C901, PLR0911, PLR0912 - a case for each
        suite = suite_for(card.algorithm)
        match task:
            case Cryptogram():
                self._require(task.key, authenticates=True)
                return suite.cryptogram(self._session(suite, card, task.key, task.factor), task.original)
            case Mac():
                self._require(task.key, _MAKES_MACS, "MACs")
                return suite.mac(self._session(suite, card, task.key, task.factor), task.data)
            case Tac():
                self._require(task.key, {Purpose.TAC}, "TACs")
                return suite.mac(suite.tac_key(self.card_key(card, task.key)), task.data)
            case PinBlock():
                self._require(task.key, {Purpose.MAINTENANCE}, "PIN blocks")
                return suite.encrypt(self._session(suite, card, task.key, task.factor), task.pin)
            case Encipherment():
                self._require(task.key, _SINGLE_STEP, "single blocks")
                return plain_authentication(self.card_key(card, task.key), task.block)
            case LoadedKey():
                return self._loaded(card, task)
            case PsamKeyLoad():
                return self._loaded_into_psam(card, task)
            case Disclosure():
                self._require(task.key, _IN_CLEAR, "chips in clear")
                return self.card_key(card, task.key).reveal()
            case CheckValue():
                return suite.encrypt_blocks(self.card_key(card, task.key), bytes(suite.block))[:CHECK_VALUE]
            case CodeOfCard():
                self._require(task.key, {Purpose.INTERNAL_AUTHENTICATION}, "identification codes")
                return loading_mac(card.algorithm, self.card_key(card, task.key), bytes(suite.block), task.data)
            case Terminal():
                number, _ = self._terminal_for(task.key)
                # Whoever has not got the key says so now, before the card is told anything.
                self.card_key(card, task.key)
                return number + bytes((task.key.version,))
            case Purchase():
                return self._purchase(suite, card, task)
            case Verification():
                right = self._performed(card, task.task)
                return bytes((hmac.compare_digest(right, task.answer),))

    def _loaded(self, card: CardFactors, task: LoadedKey) -> bytes:
        # A master key would encrypt whatever its asker likes: byte by byte, that tells any key to who has no TMK.
        self._require(task.under, {Purpose.TEMPORARY}, "loading others into a card")
        if isinstance(task.value, KeyReference):
            self._require(task.value, _ON_A_CARD, "a finished card")
            value = self.card_key(card, task.value)
        else:
            value = task.value
        under = self.card_key(card, task.under)
        require_loading(task.header, task.width)
        block = Secret(task.header + value.reveal().ljust(task.width, b"\xff"))
        if not task.challenge:
            return encrypted_key(card.algorithm, under, block)
        return _protected(card, under, block, task.head, task.challenge)

    def _loaded_into_psam(self, card: CardFactors, task: PsamKeyLoad) -> bytes:
        own = not task.levels
        self._require(task.under, _LOADS_OWN if own else {Purpose.PSAM_MASTER}, "loading others into a PSAM")
        self._require(task.key, _PSAM_OWN if own else set(Purpose) - _NOT_ON_A_PSAM, "a PSAM, at this level")
        if not 0 <= task.levels <= MAX_LEVELS:
            raise MalformedError(f"keys are up to {MAX_LEVELS} levels above a card")
        value = self.card_key(card, task.key) if own else self.key_above(card, task.key, task.levels)
        if not task.header or task.header[0] >> LEVELS_SHIFT != task.levels:
            raise MalformedError("the record's usage byte tells other levels than the key has")
        under = self.card_key(card, task.under)
        return _protected(card, under, Secret(task.header + value.reveal()), task.head, task.challenge)

    def _purchase(self, suite: CipherSuite, card: CardFactors, task: Purchase) -> bytes:
        number, sequence_numbers = self._terminal_for(task.key)
        whole = all(0 <= amount <= _MOST_FEN for amount in task.amounts)
        if not whole or not 0 <= task.kind <= 0xFF:
            raise MalformedError("a purchase takes amounts of 32 bits and a type of one byte")
        own = self.card_key(card, task.key)
        # What is wrong with the request shows before a sequence number is given out.
        if len(task.time) != TIME or CardDate(task.time.hex()).date is None:
            raise MalformedError("a purchase takes a time of seven bytes, YYYYMMDDhhmmss packed, of the calendar")
        if len(task.terminal) != TERMINAL_NUMBER:
            raise MalformedError(f"a terminal number has {TERMINAL_NUMBER} bytes, not {len(task.terminal)}")
        purchase_factor(task.random, task.sequence, 0)
        if task.terminal != number:
            raise KeyUnavailableError(task.key.name, OTHER_TERMINAL)
        sequence = sequence_numbers()
        session = suite.session_key(own, purchase_factor(task.random, task.sequence, sequence))
        amounts = b"".join(amount.to_bytes(4, "big") for amount in task.amounts)
        mac = suite.mac(session, amounts + bytes((task.kind,)) + number + task.time)
        return number + sequence.to_bytes(4, "big") + mac

    def _terminal_for(self, key: KeyReference) -> tuple[bytes, Callable[[], int]]:
        self._require(key, {Purpose.PURCHASE}, "purchases")
        if self._terminal is None:
            raise KeyUnavailableError(key.name, "no terminal number is configured for purchases")
        return self._terminal

    def _session(self, suite: CipherSuite, card: CardFactors, key: KeyReference, factor: bytes) -> Secret:
        return suite.session_key(self.card_key(card, key), factor)

    def _require(
        self,
        key: KeyReference,
        purposes: frozenset[Purpose] | set[Purpose] = frozenset(),
        what: str = "authentication",
        *,
        authenticates: bool = False,
    ) -> None:
        """Refuse a key that is not known, or is for something else."""
        declared = self._keys.get(key.name)
        if declared is None:
            raise KeyUnavailableError(key.name, "there is no such key")
        if not (declared.authenticates if authenticates else declared.purpose in purposes):
            raise KeyUnavailableError(key.name, f"it is not a key for {what}")


def _protected(card: CardFactors, under: Secret, block: Secret, head: bytes, challenge: bytes) -> bytes:
    """A block encrypted under a key, and the MAC of the command that carries both."""
    cipher = encrypted_key(card.algorithm, under, block)
    message = head + bytes((len(cipher) + MAC_SIZE,)) + cipher
    return cipher + loading_mac(card.algorithm, under, challenge, message)
