"""Proving the keys of a card, each by what it is for, at no cost to the card (密钥验证)."""

import hmac
from collections.abc import Iterable
from functools import partial
from typing import Final

from apdu.errors import CardError
from apdu.flow import ask
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.cos.plan import PlannedDirectory, PlannedKey
from cardlib.errors import KeyProofError, LastPinTryError
from cardlib.flows.pin import CardMark, MaySendPin, PinAnswered
from cardlib.issuance.report import KeyProof
from cardlib.issuance.talk import Conversation, Talk
from cardlib.key_requests import Cryptogram, Mac
from cardlib.keys import KeyReference, Purpose

_OTHERS: Final = frozenset({Purpose.MAINTENANCE, Purpose.PURCHASE, Purpose.LOAD, Purpose.TAC})
"""Keys that no authentication is done with."""
_NOT_BY_AUTHENTICATION: Final = _OTHERS | {Purpose.MASTER, Purpose.INTERNAL_AUTHENTICATION}
_VERIFY: Final = 0x20
_TRIES: Final = 0x63C0
_BLOCKED: Final = 0x6983
_WRONG_ANSWER: Final = 0x9000
NO_PIN: Final = Secret(b"")


def authenticates(key: PlannedKey) -> bool:
    """Whether EXTERNAL AUTHENTICATION is done with a key on a finished card."""
    return key.purpose not in _NOT_BY_AUTHENTICATION


class Prover:
    """The keys of one card, one directory after the other: what was proven, and what rights were won by it."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.proofs: dict[tuple[str, KeyReference], KeyProof] = {}
        self.held: set[str] = set()
        """Names of the keys whose rights are held in the current directory."""
        self.pin_verified = False

    def internal(self, directory: PlannedDirectory) -> Conversation[None]:
        """Have the card show each version of its IRK; all of them in one script and one request."""
        talk = self._talk
        keys = [key for key in directory.keys if key.purpose is Purpose.INTERNAL_AUTHENTICATION]
        if not keys:
            return
        wanted = [Cryptogram(key.reference, talk.rng(8), talk.rng(8)) for key in keys]
        for key, task in zip(keys, wanted, strict=True):
            command = commands.internal_authenticate(task.factor, task.original, key_version=key.version)
            talk.put(f"proof of {key.name}", command, refused=_not_proven(key))
        answers = (yield from talk.flush())[-len(keys) :]
        expected = yield from talk.keys(*wanted)
        for key, answer, right in zip(keys, answers, expected, strict=True):
            if not hmac.compare_digest(answer.data, right):
                raise KeyProofError(key.name, key.version, _WRONG_ANSWER)
            self.proofs[directory.name, key.reference] = KeyProof.INTERNAL_AUTHENTICATION

    def external(self, directory: PlannedDirectory, keys: Iterable[PlannedKey]) -> Conversation[None]:
        """EXTERNAL AUTHENTICATION with each of these; their rights are held when what waits has been sent."""
        talk = self._talk
        for key in keys:
            label = f"authentication with {key.name} version {key.version}"
            challenge = yield from talk.challenge(label)
            task = Cryptogram(key.reference, challenge, talk.rng(8))
            (cryptogram,) = yield from talk.keys(task)
            permit = commands.external_authenticate(key.card_id, cryptogram, task.original, key_version=key.version)
            talk.put(label, permit, refused=_not_proven(key))
            self.held.add(key.name)
            self.proofs[directory.name, key.reference] = KeyProof.EXTERNAL_AUTHENTICATION

    def maintenance(self, directory: PlannedDirectory) -> Conversation[None]:
        """The STK beside the PIN: unblocking a PIN that has all of its tries changes nothing [S2.7 §13.3].

        By the right of PUK, which was won. Other keys that no command shows without a change were proven to the chip
        itself as they were loaded: it checked the MAC and the padding of the encrypted load.
        """
        talk = self._talk
        for key in directory.keys:
            if key.purpose is Purpose.MAINTENANCE and directory.pin and directory.pin.unblocked_by in self.held:
                command = commands.unblock_pin()
                challenge = yield from talk.challenge(f"proof of {key.name}")
                (mac,) = yield from talk.keys(Mac(key.reference, challenge, commands.authenticated(command)))
                talk.put(f"proof of {key.name}", commands.with_mac(command, mac), refused=_not_proven(key))
                self.proofs[directory.name, key.reference] = KeyProof.COMMAND_MAC
            elif key.purpose in _OTHERS:
                self.proofs[directory.name, key.reference] = KeyProof.ACCEPTED_LOAD

    def masters(self, mf: PlannedDirectory) -> None:
        """The master keys, each of which has authenticated before its directory was ended."""
        for directory in mf.walk():
            self.proofs[directory.name, directory.master_key.reference] = KeyProof.EXTERNAL_AUTHENTICATION

    def verify_pin(self, pin: Secret, mark: CardMark | None = None) -> Conversation[None]:
        """VERIFY, after a look at the counter: never the last try. b"": only the look, which tells a card without PIN.

        ``mark``: of a card that may be its holder's by now, so that whoever guards its PIN is asked before and told
        afterwards; None for one that is being made. Raises :class:`~apdu.errors.WrongPinError`,
        AuthenticationBlockedError and LastPinTryError, and with ``mark`` PinRepeatedError and InitialPinError.
        """
        talk = self._talk
        state = yield from talk.ask("state of the PIN", commands.verify_query())
        tries = usable_tries(state, pin)
        if tries is None:
            self.pin_verified = True
        if tries is None or not pin:
            return
        if mark is None:
            talk.put("PIN", commands.verify(pin), refused=_pin_refused)
        else:
            # A registry knows better; where there is none, the order says what the card was made with.
            yield from ask(MaySendPin(mark, pin, tries, card_is_new=True))
            answer = yield from talk.ask("PIN", commands.verify(pin))
            accepted = answer.is_among((OK,))
            if accepted or answer.sw & 0xFFF0 == _TRIES:
                yield from ask(PinAnswered(mark, pin, accepted, tries if accepted else answer.sw & 0x0F))
            if not accepted:
                raise _pin_refused(answer.sw)
        self.pin_verified = True

    def pin_tries(self) -> Conversation[int | None]:
        """Tries left of the PIN, None where none is set."""
        return usable_tries((yield from self._talk.ask("state of the PIN", commands.verify_query())))


def usable_tries(state: ResponseAPDU, pin: Secret = NO_PIN) -> int | None:
    """Tries left of the PIN, of the answer to VERIFY without data; None where none is set.

    Raises :class:`~apdu.errors.AuthenticationBlockedError`, and :class:`~cardlib.errors.LastPinTryError` when ``pin``
    is to be sent and one try is left.
    """
    if state.is_among((OK,)):
        return None
    tries = state.sw & 0x0F
    if state.sw & 0xFFF0 != _TRIES or not tries:
        raise error_for(_BLOCKED if state.sw == _TRIES else state.sw, _VERIFY)
    if pin and tries == 1:
        raise LastPinTryError
    return tries


def _pin_refused(sw: int) -> CardError:
    return error_for(sw, _VERIFY)


def refused_proof(name: str, version: int, sw: int) -> CardError:
    """What to raise when a key's authentication is answered with this status word."""
    return KeyProofError(name, version, sw)


def _not_proven(key: PlannedKey) -> partial[CardError]:
    return partial(refused_proof, key.name, key.version)
