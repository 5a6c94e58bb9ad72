"""The issuers' part of a PSAM: its own keys replaced, the keys of ministry, province and city, the terminal number.

Where it was cut off is asked of the PSAM: each of the three writes its application information last, the terminal
number ends an environment, and every key that computes shows whether it is there, at no cost.
"""

from collections.abc import Sequence
from typing import Final

from apdu.flow import Step
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import commands, psam_building
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import FACTOR_SIZE
from cardlib.errors import KeyProofError, LostChipError, UsedChipError
from cardlib.issuance.material import TEMPORARY
from cardlib.issuance.psam.order import OrderedKey, PsamOrder
from cardlib.issuance.psam.vendor import THERE_ALREADY
from cardlib.issuance.questions import Stage
from cardlib.issuance.talk import Conversation, Talk
from cardlib.key_requests import CardFactors, Cryptogram, PsamKeyLoad
from cardlib.keys import PSAM_OWN_KEYS, KeyReference
from cardlib.psam import ADF_FID, ENVIRONMENTS, MASTER_KEY_ID, TERMINAL_INFORMATION
from cardlib.psam_building import INFORMATION, KEY_FILES, KeyCommand
from cardlib.psam_flows.blocks import block_size
from cardlib.psam_flows.session import wire_factors

DDF_MASTER, ADF_MASTER, *LOADERS = map(KeyReference, PSAM_OWN_KEYS)
"""A PSAM's own keys: master keys of environment and application, KID-01 to KID-03."""

_LOADING_CHALLENGE: Final = 4
_WRONG_KEY: Final = 0x63C0
_BLOCKED: Final = 0x6983
_EXTERNAL_AUTHENTICATE: Final = 0x82


def authenticate(talk: Talk, number: int, key: KeyReference, algorithm: Algorithm) -> Conversation[ResponseAPDU]:
    """EXTERNAL AUTHENTICATION with one of the current directory's own keys: 0 its master key, 1…3 KID-01…KID-03."""
    label = f"authentication with {key.name}"
    original = talk.rng(FACTOR_SIZE)
    challenge = yield from talk.challenge(label)
    (cryptogram,) = yield from talk.keys(Cryptogram(key, challenge, original), algorithm=algorithm)
    return (yield from talk.ask(label, commands.external_authenticate(number, cryptogram, original)))


def require_key(answer: ResponseAPDU, key: KeyReference) -> None:
    """Raise LostChipError for a key that is blocked, KeyProofError for one that is not the PSAM's."""
    if answer.sw == _BLOCKED:
        raise LostChipError(f"no try of {key.name} is left")
    if not answer.is_among((OK,)):
        raise KeyProofError(key.name, key.version, answer.sw)


def enter(talk: Talk, algorithm: Algorithm, *, application: bool) -> None:
    """Select an environment by its name, and the application in it if wanted."""
    talk.put(f"environment of {algorithm.name}", commands.select_name(ENVIRONMENTS[algorithm][1], ne=None))
    if application:
        talk.put(f"application of {algorithm.name}", commands.select_directory(ADF_FID))


class Issuers:
    """Does what is missing.

    ``attempt``: how many times before. A look for a master key that is cut short costs a try of it, so attempts differ
    in which of the two they ask for first: those of the environment one by one, those of the application two by two,
    because whoever is cut short at the first never comes to the second. So no number of cuts costs two tries in a row.
    """

    def __init__(self, talk: Talk, order: PsamOrder, attempt: int) -> None:
        self._talk = talk
        self._order = order
        self._attempt = attempt

    def run(self, *, begun: bool) -> Conversation[None]:
        """All environments, one after the other; ``begun``: somebody may have come here before."""
        for algorithm in self._order.algorithms:
            yield from self._environment(algorithm, begun=begun)
        yield from self._talk.flush()

    def _environment(self, algorithm: Algorithm, *, begun: bool) -> Conversation[None]:
        talk, order = self._talk, self._order
        yield from talk.note(Stage.SEALING, algorithm.name)
        done = present = 0
        if begun:
            if (yield from self._is_complete(algorithm)):
                return
            done = yield from self._issuers_done(algorithm)
            present = (yield from self._keys_there(done, algorithm)) if done < len(KEY_FILES) else 0
        if not done and not present:
            yield from self._seal(algorithm, begun=begun)
        for number in range(done, len(KEY_FILES)):
            yield from talk.note(Stage.WRITING, f"{algorithm.name} {KEY_FILES[number]:04X}")
            yield from self._issuer(number, algorithm, present if number == done else 0, begun=begun)
        enter(talk, algorithm, application=False)
        require_key((yield from authenticate(talk, MASTER_KEY_ID, DDF_MASTER, algorithm)), DDF_MASTER)
        talk.put("terminal number", psam_building.write_file(TERMINAL_INFORMATION, order.terminal_number))

    # Where it is

    def _is_complete(self, algorithm: Algorithm) -> Conversation[bool]:
        enter(self._talk, algorithm, application=False)
        reading = psam_building.read_file(TERMINAL_INFORMATION)
        answer = yield from self._talk.ask("read the terminal number", reading)
        return answer.is_among((OK,)) and answer.data == self._order.terminal_number

    def _issuers_done(self, algorithm: Algorithm) -> Conversation[int]:
        """How many of ministry, province and city have done all of theirs."""
        talk = self._talk
        enter(talk, algorithm, application=True)
        talk.put_steps("read information", (Step(psam_building.read_file(fid), expect=None) for fid in INFORMATION))
        answers = (yield from talk.flush())[-len(INFORMATION) :]
        written = [
            answer.is_among((OK,)) and answer.data == wanted.content
            for answer, wanted in zip(answers, self._order.information, strict=True)
        ]
        return (*written, False).index(False)

    def _keys_there(self, number: int, algorithm: Algorithm) -> Conversation[int]:
        """How many keys of an issuer are surely there: up to the last that computes."""
        keys = self._order.keys_of(KEY_FILES[number], algorithm)
        asked = [place for place, key in enumerate(keys) if key.computes]
        if not asked:
            return 0
        card = CardFactors(algorithm, self._order.region, bytes(FACTOR_SIZE))
        tail = bytes(block_size(algorithm))
        for place in asked:
            key = keys[place]
            delivery = psam_building.deliver_session_key(
                key.kind, key.levels, key.id, wire_factors(card, key.levels) + tail
            )
            self._talk.put_steps(f"look for key {key}", (Step(delivery, expect=None),))
        answers = (yield from self._talk.flush())[-len(asked) :]
        there = [place for place, answer in zip(asked, answers, strict=True) if answer.is_among((OK,))]
        return there[-1] + 1 if there else 0

    # The own keys

    def _seal(self, algorithm: Algorithm, *, begun: bool) -> Conversation[None]:
        """The PSAM's own keys in place of the temporary one."""
        for depth, master in enumerate((DDF_MASTER, ADF_MASTER)):
            enter(self._talk, algorithm, application=depth > 0)
            if not (begun and (yield from self._has(master, depth, algorithm))):
                yield from self._replace(MASTER_KEY_ID, master, TEMPORARY, algorithm)
        # By the same command as often as need be.
        for number, loader in enumerate(LOADERS, start=1):
            yield from self._replace(number, loader, ADF_MASTER, algorithm)

    def _has(self, master: KeyReference, depth: int, algorithm: Algorithm) -> Conversation[bool]:
        """Whether the current directory has its final master key, and not the temporary one."""
        candidates = (TEMPORARY, master) if self._attempt >> depth & 1 else (master, TEMPORARY)
        for key in candidates:
            answer = yield from authenticate(self._talk, MASTER_KEY_ID, key, algorithm)
            if answer.is_among((OK,)):
                return key is master
            if answer.sw == _BLOCKED:
                raise LostChipError(f"no try of {master.name} is left")
            if answer.sw & 0xFFF0 != _WRONG_KEY:
                raise self._talk.refusal(f"authentication with {key.name}", answer, _EXTERNAL_AUTHENTICATE)
        raise UsedChipError("its master key is neither the one of this PSAM nor the temporary one")

    def _replace(self, number: int, key: KeyReference, under: KeyReference, algorithm: Algorithm) -> Conversation[None]:
        loading = psam_building.change_own_key(number)
        yield from self._load(f"own key {key.name}", loading, key, 0, under, algorithm)

    # One issuer

    def _issuer(self, number: int, algorithm: Algorithm, present: int, *, begun: bool) -> Conversation[None]:
        """Ministry, province or city: the right, the keys, the information; ``present``: keys that are there."""
        talk, loader = self._talk, LOADERS[number]
        enter(talk, algorithm, application=True)
        require_key((yield from authenticate(talk, number + 1, loader, algorithm)), loader)
        for key in self._order.keys_of(KEY_FILES[number], algorithm)[present:]:
            # Whether a key is there that does not compute, shows when it is loaded.
            already = begun and not key.computes
            yield from self._load_key(key, algorithm, already=already)
        information = self._order.information[number].content
        talk.put(f"fill EF {INFORMATION[number]:04X}", psam_building.write_file(INFORMATION[number], information))

    def _load_key(self, key: OrderedKey, algorithm: Algorithm, *, already: bool) -> Conversation[None]:
        loading = key.loading(algorithm)
        accept = (THERE_ALREADY,) if already else ()
        yield from self._load(f"key {key}", loading, key.reference, key.levels, ADF_MASTER, algorithm, accept)

    def _load(  # noqa: PLR0913, PLR0917 - a key, and what protects it
        self,
        label: str,
        loading: KeyCommand,
        key: KeyReference,
        levels: int,
        under: KeyReference,
        algorithm: Algorithm,
        accept: Sequence[int] = (),
    ) -> Conversation[None]:
        """Have the key wrapped for the PSAM's last challenge, and put the command."""
        talk = self._talk
        challenge = yield from talk.challenge(label, _LOADING_CHALLENGE)
        task = PsamKeyLoad(key, levels, under, loading.record, loading.head, challenge)
        (wrapped,) = yield from talk.keys(task, algorithm=algorithm)
        talk.put(label, loading.command(wrapped), accept=tuple(accept))
