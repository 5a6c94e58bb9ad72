"""Winning the rights that files ask for: the PIN, verified once, and keys, one authentication each [S2.7 §5–7].

The card proves itself before the first key is used: a cryptogram for a card of somebody else would cost a try of its
key. Before the PIN is sent the card is asked how many tries are left.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import Any, Final

from apdu.errors import CardError, UnansweredError
from apdu.flow import Question, Script, Step, ask
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.access import Rules, needed, pin_helps, ways
from cardlib.errors import (
    AccessForbiddenError,
    AlgorithmUnsupportedError,
    CardDataError,
    InitialPinError,
    KeyUnavailableError,
    LastPinTryError,
    PinNotSetError,
    PinRequiredError,
    PinStatusUnknownError,
)
from cardlib.flows.pin import PIN_BLOCKED, PinResult, PinState, pin_status, verify_pin
from cardlib.flows.session import AUTHENTICATION_KEY, KEY_VERSION_WANTED, CardSession, not_authentic, proves
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac
from cardlib.keys import KeyReference
from cardlib.model import ElementaryFile
from cardlib.rules import Rule

_VERIFY, _GET_CHALLENGE = 0x20, 0x84
_TRIES: Final = 0x63C0


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """The PIN that the holder gave, and how far it may be used (密码).

    ``pin``: packed, 2…8 bytes; None where the holder was not asked. ``allow_last_try``: it may be sent even when the
    card has one try left. ``keys_are_remote``: the PIN is verified before a key is asked for, so that no challenge
    waits for it; otherwise after it, so that a key that is missing costs no try [flows R12]. ``verified``: the card has
    taken the PIN since it was powered, so that nothing is to be sent. ``card_is_new``: the card was never activated,
    says the caller.
    """

    pin: Secret | None = None
    allow_last_try: bool = False
    keys_are_remote: bool = False
    verified: bool = False
    card_is_new: bool = False


@dataclass(frozen=True, slots=True)
class _Proof:
    """What the card was asked by INTERNAL AUTHENTICATION, and what it answered."""

    wanted: Cryptogram
    answer: ResponseAPDU


class Rights:
    """The rights won in one conversation, and why others could not be."""

    def __init__(self, session: CardSession, policy: PinPolicy) -> None:
        self.session = session
        self.proven = False
        self.pin_verified = policy.verified
        self._policy = policy
        self._pin_refusal: CardError | None = None
        self._no_keys: CardError | None = None
        self._missing: dict[str, CardError] = {}
        self._held: set[str] = set()
        self._proof: _Proof | None = None
        self._looked = False

    def leave(self) -> None:
        """Another directory is entered: the rights won with keys end, the PIN's lasts [S2.5 §6.11, S2.7 §5.8]."""
        self._held = set()

    def open(self, rule: Rule) -> bool:
        """Whether what was won satisfies a rule."""
        return rule.satisfied(pin=self.pin_verified, keys=self._held)

    def win(self, rules: Collection[Rule], later: Rules) -> Generator[Script | Question[Any], Any, None]:
        """Win what satisfies as many of ``rules``, of files in the current directory, as can be satisfied.

        ``later``: rules of files that come after these, for which the PIN may be worth its while. Asks for one key at a
        time, because a challenge serves one authentication. A key that cannot be had ends nothing. Raises
        :class:`~apdu.errors.WrongPinError`, and DirectoryRefusedError for a directory that is not there.
        """
        if self._policy.pin is None and not self.pin_verified and not self._looked:
            yield from self._look_for_cards_without_pin(rules)
        while True:
            pin = self._uses_pin({**later, "": rules})
            need = needed(rules, pin=pin, missing=self._all_missing(rules), held=self._held)
            pin_is_due = need.pin and not self.pin_verified
            if pin_is_due and (self._policy.keys_are_remote or not need.keys):
                yield from self._verify()
            elif need.keys:
                yield from self._authenticate(need.keys[0])
            else:
                return

    def authenticate(self, key: str) -> Generator[Script | Question[Any], Any, None]:
        """Win the right of one key of the current directory, once the card is known to be genuine; one try of it.

        Raises why it cannot be had: :class:`~cardlib.errors.NotAuthenticError`, KeyUnavailableError, what a custodian
        raises, and :class:`~apdu.errors.StatusWordError` where the card refuses the key.
        """
        if key not in self._held:
            yield from self._authenticate(key)
        if key not in self._held:
            raise self._missing.get(key) or self._no_keys or KeyUnavailableError(key)

    def obstacle(self, file: ElementaryFile, rule: Rule) -> CardError:
        """Why ``rule``, of this file, could not be satisfied."""
        found = ways(rule)
        if not found:
            return AccessForbiddenError(file.name)
        if self._pin_refusal is not None and any(way.pin for way in found):
            return self._pin_refusal
        missing = self._all_missing([rule])
        for way in found:
            for key in sorted(way.keys & missing.keys()):
                return missing[key]
        return PinRequiredError(file.name)

    def mac(self, key: str, data: bytes) -> Generator[Script | Question[Any], Any, bytes]:
        """The MAC of one command under a maintenance key (STK) and a fresh challenge; raises what a custodian does."""
        card = self.session.factors()
        (challenge,) = yield from self.session.exchange(commands.get_challenge())
        (mac,) = yield from ask(KeyRequest(card, (Mac(KeyReference(key), challenge.ok(_GET_CHALLENGE), data),)))
        return bytes(mac)

    def _uses_pin(self, rules: Rules) -> bool:
        if self.pin_verified:
            return True
        if self._policy.pin is None or self._pin_refusal is not None:
            return False
        everything = [rule for of_one in rules.values() for rule in of_one]
        return pin_helps(rules, self._all_missing(everything))

    def _all_missing(self, rules: Collection[Rule]) -> dict[str, CardError]:
        """The keys of these rules that cannot be had, with the reason."""
        if self._no_keys is None:
            return self._missing
        return {key: self._no_keys for rule in rules for key in rule.keys - self._held} | self._missing

    def _look_for_cards_without_pin(self, rules: Collection[Rule]) -> Generator[Script | Question[Any], Any, None]:
        """Where a file cannot be read without the PIN: a card that has none set wants none [S2.7 §5.6]."""
        if all(any(not way.pin for way in found) for rule in rules if (found := ways(rule))):
            return
        self._looked = True
        try:
            status = yield from pin_status(self.session)
        except PinStatusUnknownError:
            return  # nothing is to be sent; the files say what they want
        if status.state is PinState.NOT_SET:
            self.pin_verified = True
        elif status.state is PinState.BLOCKED:
            self._pin_refusal = error_for(PIN_BLOCKED, _VERIFY)

    def _verify(self) -> Generator[Script | Question[Any], Any, None]:
        """VERIFY, after a look at the counter.

        Raises :class:`~apdu.errors.WrongPinError`, PinRepeatedError and InitialPinError: who gave such a PIN is to
        know. A PIN that cannot be sent is the reason of the files that want it.
        """
        policy = self._policy
        assert policy.pin is not None, "a PIN that was not given is not used"
        try:
            attempt = yield from verify_pin(
                self.session, policy.pin, allow_last_try=policy.allow_last_try, card_is_new=policy.card_is_new
            )
        except PinNotSetError:
            self.pin_verified = True
            return
        except (LastPinTryError, PinStatusUnknownError) as error:
            self._pin_refusal = error
            return
        if attempt.result is PinResult.OK:
            self.pin_verified = True
        elif attempt.result is PinResult.WAS_BLOCKED:
            self._pin_refusal = error_for(PIN_BLOCKED, _VERIFY)
        elif attempt.result is PinResult.INITIAL_PIN:
            raise InitialPinError(attempt.tries_left)
        else:
            raise error_for(_TRIES | attempt.tries_left, _VERIFY)

    def _authenticate(self, name: str) -> Generator[Script | Question[Any], Any, None]:
        """EXTERNAL AUTHENTICATION with one key; what speaks against it is kept as the key's reason."""
        declared = self.session.profile.keys.get(name)
        if declared is None or declared.card_id is None:
            self._missing[name] = KeyUnavailableError(name, "its number on the card is not known")
            return
        try:
            card = self.session.factors()
        except (AlgorithmUnsupportedError, CardDataError) as error:
            self._no_keys = error
            return
        challenge = yield from self._challenge()
        if self._no_keys is not None:
            return
        own = self.session.rng(8)
        cryptogram = yield from self._cryptogram(card, Cryptogram(KeyReference(declared.name), challenge, own))
        if cryptogram is None:
            return
        version = self.session.forms.key_version
        permit = commands.external_authenticate(declared.card_id, cryptogram, own, key_version=version)
        (answer,) = yield from self.session.exchange(Step(permit, expect=None))
        if answer.is_among((OK,)):
            self._held.add(name)
        else:
            self._missing[name] = error_for(answer.sw, permit.ins)

    def _challenge(self) -> Generator[Script, Any, bytes]:
        """A challenge; before the first one the card is asked for its proof, in the directory it stands in."""
        session = self.session
        if self._proof is not None:
            (challenge,) = yield from session.exchange(commands.get_challenge())
            return bytes(challenge.ok(_GET_CHALLENGE))
        wanted = Cryptogram(AUTHENTICATION_KEY, session.rng(8), session.rng(8))
        authenticate = Step(session.internal_authenticate(wanted.factor, wanted.original), expect=None)
        proof, challenge = yield from session.exchange(commands.get_challenge(), ahead=authenticate)
        if proof.sw in KEY_VERSION_WANTED and session.forms.key_version is None:
            proof, challenge = yield from session.authenticate_with_version(wanted.factor, wanted.original)
        if not proof.is_among((OK,)):
            self._no_keys = not_authentic(proof)
        self._proof = _Proof(wanted, proof)
        return bytes(challenge.ok(_GET_CHALLENGE))

    def _cryptogram(self, card: CardFactors, wanted: Cryptogram) -> Generator[Question[Any], Any, bytes | None]:
        """The custodian's answer, once it is known that the card is genuine; None where there is none."""
        proof = None if self.proven else self._proof
        asked = (wanted,) if proof is None else (proof.wanted, wanted)
        try:
            *expected, cryptogram = yield from ask(KeyRequest(card, asked))
        except (UnansweredError, AlgorithmUnsupportedError, CardDataError) as error:
            name = wanted.key.name
            if proof is None or (isinstance(error, KeyUnavailableError) and error.key == name):
                self._missing[name] = error
            else:
                self._no_keys = error
            return None
        if proof is not None and not proves(proof.answer, expected[0]):
            self._no_keys = not_authentic(proof.answer)
            return None
        self.proven = True
        return bytes(cryptogram)
