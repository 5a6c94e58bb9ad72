"""Proving a PSAM: all of its files read back, its own keys by authentication, keys of cards by what they compute."""

import hashlib
from collections.abc import Sequence
from typing import Final

from apdu.flow import Step, ask
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import psam_building
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import FACTOR_SIZE
from cardlib.errors import KeyProofError, ReadBackError
from cardlib.issuance.psam.issuers import ADF_MASTER, DDF_MASTER, LOADERS, authenticate, enter, require_key
from cardlib.issuance.psam.order import OrderedKey, PsamOrder
from cardlib.issuance.psam.report import ProvenPsamKey, PsamKeyProof
from cardlib.issuance.questions import Stage
from cardlib.issuance.report import WrittenFile
from cardlib.issuance.talk import Conversation, Refused, Talk
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, Verification
from cardlib.keys import Purpose
from cardlib.psam import CARD_INFORMATION, DIR, MASTER_KEY_ID, TERMINAL_INFORMATION, TRADE_NUMBER
from cardlib.psam_building import DIR_ENTRY, INFORMATION, KEY_FILES
from cardlib.psam_flows import blocks
from cardlib.psam_flows.session import wire_factors

_ENCRYPT, _MAC = 0x00, 0x05
_RIGHT: Final = b"\x01"
_TRADE_NUMBER_SIZE: Final = 4


class Proof:
    """What was found of a PSAM, environment by environment."""

    def __init__(self, talk: Talk, order: PsamOrder) -> None:
        self._talk = talk
        self._order = order
        self.files: dict[Algorithm, tuple[WrittenFile, ...]] = {}
        self.keys: list[ProvenPsamKey] = []

    def run(self) -> Conversation[None]:
        """All of it. Raises ReadBackError, KeyProofError, LostChipError and ChipError."""
        for algorithm in self._order.algorithms:
            yield from self._talk.note(Stage.PROVING, algorithm.name)
            yield from self._files(algorithm)
            yield from self._own_keys(algorithm)
            yield from self._keys_of_cards(algorithm)

    def _files(self, algorithm: Algorithm) -> Conversation[None]:
        order, talk = self._order, self._talk
        environment = {
            DIR: DIR_ENTRY,
            CARD_INFORMATION: order.card_information,
            TERMINAL_INFORMATION: order.terminal_number,
        }
        # The trade number moves with every purchase.
        application = {
            TRADE_NUMBER: None,
            **dict(zip(INFORMATION, (each.content for each in order.information), strict=True)),
        }
        found: list[WrittenFile] = []
        for wanted, inside in ((environment, False), (application, True)):
            enter(talk, algorithm, application=inside)
            for fid in wanted:
                talk.put_steps(f"read EF {fid:04X}", (Step(psam_building.read_file(fid), expect=None),))
            answers = (yield from talk.flush())[-len(wanted) :]
            found += (_compared(fid, answer, wanted[fid]) for fid, answer in zip(wanted, answers, strict=True))
        self.files[algorithm] = tuple(found)

    def _own_keys(self, algorithm: Algorithm) -> Conversation[None]:
        keys = ((False, ((MASTER_KEY_ID, DDF_MASTER),)), (True, tuple(enumerate((ADF_MASTER, *LOADERS)))))
        for application, numbered in keys:
            enter(self._talk, algorithm, application=application)
            for number, key in numbered:
                require_key((yield from authenticate(self._talk, number, key, algorithm)), key)
                self.keys.append(ProvenPsamKey(algorithm, key, 0, PsamKeyProof.AUTHENTICATION))

    def _keys_of_cards(self, algorithm: Algorithm) -> Conversation[None]:
        """The PSAM computes for a test card of the region; the custodian says of each answer whether it is right."""
        everything = [key for file in KEY_FILES for key in self._order.keys_of(file, algorithm)]
        computing = [key for key in everything if key.computes]
        card = CardFactors(algorithm, self._order.region, self._talk.rng(FACTOR_SIZE))
        factor, original = self._talk.rng(FACTOR_SIZE), self._talk.rng(FACTOR_SIZE)
        tasks = [self._task(key, factor, original) for key in computing]
        answers = yield from self._computed(computing, tasks, card)
        verifications = tuple(Verification(task, answer) for task, answer in zip(tasks, answers, strict=True))
        if verifications:
            right = yield from ask(KeyRequest(card, verifications))
            for key, verdict in zip(computing, right, strict=True):
                if verdict != _RIGHT:
                    raise KeyProofError(key.reference.name, key.reference.version, OK)
        self.keys += (
            ProvenPsamKey(
                algorithm,
                key.reference,
                key.levels,
                PsamKeyProof.COMPUTATION if key.computes else PsamKeyProof.ACCEPTED_LOAD,
            )
            for key in everything
        )

    def _task(self, key: OrderedKey, factor: bytes, original: bytes) -> Cryptogram | Mac:
        """What the key is for: STK makes MACs whatever its type on the PSAM is, the others make cryptograms."""
        makes_macs = self._order.declared[key.reference.name].purpose is Purpose.MAINTENANCE
        return (Mac if makes_macs else Cryptogram)(key.reference, factor, original)

    def _computed(
        self, keys: Sequence[OrderedKey], tasks: Sequence[Cryptogram | Mac], card: CardFactors
    ) -> Conversation[list[bytes]]:
        """The PSAM's answers, in one script."""
        talk, block = self._talk, blocks.block_size(card.algorithm)
        for key, task in zip(keys, tasks, strict=True):
            factors = wire_factors(card, key.levels) + blocks.session_factor(task.factor, block)
            if isinstance(task, Mac):
                computing = psam_building.cipher_data(_MAC, blocks.mac_message(task.data, block), block)
            else:
                computing = psam_building.cipher_data(_ENCRYPT, blocks.original(task.original, block), block)
            delivering = psam_building.deliver_session_key(key.kind, key.levels, key.id, factors)
            talk.put(f"prove key {key}", delivering, computing, refused=_not_proven(key))
        answers = (yield from talk.flush())[1::2]
        return [
            blocks.mac(answer.data, block) if isinstance(task, Mac) else blocks.cryptogram(answer.data, block)
            for answer, task in zip(answers, tasks, strict=True)
        ]


def _not_proven(key: OrderedKey) -> Refused:
    return lambda sw: KeyProofError(key.reference.name, key.reference.version, sw)


def _compared(fid: int, answer: ResponseAPDU, wanted: bytes | None) -> WrittenFile:
    """The file as it was read; ``wanted`` None: whatever it holds, as long as it is a trade number."""
    data = answer.data if answer.is_among((OK,)) else b""
    if data != wanted and (wanted is not None or len(data) != _TRADE_NUMBER_SIZE or not any(data)):
        raise ReadBackError(f"{fid:04X}")
    return WrittenFile(f"{fid:04X}", hashlib.sha256(data).digest(), 1, len(data))
