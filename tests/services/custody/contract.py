"""What every key custodian must do, whatever holds its keys: one suite, inherited by each custodian's own tests.

How to use it::

    from tests.services.custody.contract import CustodianContract, VectorContract


    class TestMine(CustodianContract):
        offers = EVERY_TASK - {LoadedKey, Disclosure}     # task types that it answers; all of them by default
        algorithms = frozenset({Algorithm.DES})           # ciphers that it computes; DES and SM4 by default
        held = frozenset({"IRK", "RKSSSE"})               # names of the keys that it holds; all of them by default
        terminal = TERMINAL                               # terminal number of its purchases

        @pytest.fixture
        def custodian(self):
            return ...  # a KeyCustodian that holds ROOTS, as far as they are in ``held``


    class TestMineByTheSpecification(VectorContract):     # only where a custodian can be given any root keys
        @pytest.fixture
        def holding(self):
            return lambda roots: ...  # a KeyCustodian that holds exactly ``roots``: Mapping[KeyReference, Secret]

``ROOTS``, in :mod:`tests.services.custody.tasks`, are the published development root keys of all keys of KEYS and
CHIP_KEYS in versions 1 to 3; TRANSPORT is 16 bytes FF in each version. What is not offered, or not held, must be
refused, and the suite checks that: no test is skipped. A fixture of wider scope stands outside the class. Answers are
compared with those of :mod:`tests.services.custody.openssl`.
"""

import dataclasses
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import (
    CardFactors,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    KeyTask,
    Mac,
    PinBlock,
    Tac,
    Terminal,
    Verification,
    key_names,
)
from cardlib.keys import KEYS, KeyReference, Purpose
from tests.services.custody import openssl
from tests.services.custody.tasks import (
    ALL_KEYS,
    BOTH,
    BY_TYPE,
    DPK,
    DTK,
    EVERY_KIND,
    EVERY_TASK,
    FACTOR,
    IRK,
    MALFORMED,
    NEVER_LOADED,
    ORIGINAL,
    PIN,
    RIGHT_KEYS,
    ROOTS,
    STK,
    TASKS,
    TERMINAL,
    WRONG_KEYS,
    card,
    load,
    purchase,
    with_key,
)


class _Offers:
    """What a custodian says of itself, and what follows for its answers."""

    offers: ClassVar[frozenset[type]] = EVERY_TASK
    algorithms: ClassVar[frozenset[Algorithm]] = frozenset(BOTH)
    held: ClassVar[frozenset[str]] = frozenset(ALL_KEYS)

    def refusals(self, task: KeyTask, algorithm: Algorithm = Algorithm.DES) -> tuple[type[Exception], ...]:
        """With which errors the task may be refused; none: it must be answered.

        Nothing is computed with a card's cipher where a transport key alone is used.
        """
        names, reasons = set(key_names(task)), []
        if type(task) not in self.offers or not names <= self.held:
            reasons.append(KeyUnavailableError)
        if algorithm not in self.algorithms and names != {"TRANSPORT"}:
            reasons.append(AlgorithmUnsupportedError)
        return tuple(reasons)

    def check(self, custodian: KeyCustodian, task: KeyTask, whose: CardFactors, right: bytes) -> None:
        """The task is answered with ``right``, or refused where it is not offered."""
        refusals = self.refusals(task, whose.algorithm)
        if not refusals:
            assert custodian.perform(KeyRequest(whose, (task,))) == (right,)
            return
        with pytest.raises(refusals) as caught:
            custodian.perform(KeyRequest(whose, (task,)))
        if isinstance(caught.value, KeyUnavailableError):
            assert set(caught.value.key.split(", ")) <= set(key_names(task))


class CustodianContract(_Offers):
    """See the module; a subclass has the fixture ``custodian``: one that holds ROOTS."""

    terminal: ClassVar[bytes] = TERMINAL
    """Terminal number of its purchases, if it offers any."""
    index: ClassVar[int] = 1
    """Key index that it tells a card of which version 1 of the purchase key is wanted."""

    # --- answers ---

    @pytest.mark.parametrize("algorithm", BOTH)
    @pytest.mark.parametrize("what", TASKS)
    def test_an_answer_is_what_openssl_computes(self, custodian, what, algorithm):
        task, whose = TASKS[what], card(algorithm)
        self.check(custodian, task, whose, openssl.Card(whose, ROOTS).answer(task))

    @pytest.mark.parametrize("algorithm", BOTH)
    @pytest.mark.parametrize("region", ["990123", "330782"])
    def test_keys_are_those_of_the_region(self, custodian, region, algorithm):
        task, whose = TASKS["internal authentication"], card(algorithm, region)
        self.check(custodian, task, whose, openssl.Card(whose, ROOTS).answer(task))

    @pytest.mark.parametrize("algorithm", BOTH)
    def test_every_key_that_it_holds_serves_in_the_order_of_the_request(self, custodian, algorithm):
        whose = card(algorithm)
        samples = [BY_TYPE[Cryptogram], BY_TYPE[Mac], BY_TYPE[Tac]]
        tasks = tuple(
            with_key(sample, KeyReference(name))
            for name, declared in ALL_KEYS.items()
            for sample in samples
            if declared.purpose in RIGHT_KEYS[type(sample)] - {Purpose.TRANSPORT}
            and not self.refusals(with_key(sample, KeyReference(name)))
        )
        assert tasks
        if algorithm not in self.algorithms:
            with pytest.raises(AlgorithmUnsupportedError):
                custodian.perform(KeyRequest(whose, tasks))
            return
        second = openssl.Card(whose, ROOTS)
        assert custodian.perform(KeyRequest(whose, tasks)) == tuple(second.answer(task) for task in tasks)
        assert custodian.answer(KeyRequest(whose, tasks[::-1])) == tuple(second.answer(task) for task in tasks[::-1])

    def test_nothing_asked_is_nothing_answered(self, custodian):
        assert custodian.perform(KeyRequest(card(min(self.algorithms, key=str)), ())) == ()

    @pytest.mark.parametrize("algorithm", BOTH)
    @pytest.mark.parametrize("what", ["internal authentication", "MAC of a command", "MAC1 of a purchase", "TAC"])
    def test_it_tells_right_from_wrong(self, custodian, what, algorithm):
        whose = card(algorithm)
        right = openssl.Card(whose, ROOTS).answer(TASKS[what])
        wrong = bytes([right[0] ^ 1]) + right[1:]
        for answer, said in ((right, b"\x01"), (wrong, b"\x00"), (right[:-1], b"\x00"), (b"", b"\x00")):
            self.check(custodian, Verification(TASKS[what], answer), whose, said)

    @pytest.mark.parametrize("algorithm", BOTH)
    def test_a_purchase_has_the_terminals_number_and_a_sequence_number_of_its_own(self, custodian, algorithm):
        task, whose = purchase(terminal=self.terminal), card(algorithm)
        refusals = self.refusals(task, algorithm)
        if refusals:
            with pytest.raises(refusals):
                custodian.perform(KeyRequest(whose, (task,)))
            return
        second = openssl.Card(whose, ROOTS)
        answers = [*custodian.perform(KeyRequest(whose, (task, task))), *custodian.perform(KeyRequest(whose, (task,)))]
        sequences = [int.from_bytes(answer[6:10], "big") for answer in answers]
        assert len(set(sequences)) == 3
        for answer, sequence in zip(answers, sequences, strict=True):
            assert answer == second.answer(task, sequence=sequence, terminal=self.terminal)

    @pytest.mark.parametrize("algorithm", BOTH)
    def test_a_card_is_told_the_terminal_number_of_whoever_makes_mac1(self, custodian, algorithm):
        self.check(custodian, Terminal(DPK), card(algorithm), self.terminal + bytes([self.index]))

    @pytest.mark.parametrize("algorithm", BOTH)
    def test_a_card_that_was_told_another_terminal_number_gets_no_mac1(self, custodian, algorithm):
        task = purchase(terminal=bytes.fromhex("990199999999"))
        with pytest.raises((KeyUnavailableError, *self.refusals(task, algorithm))):
            custodian.perform(KeyRequest(card(algorithm), (task,)))

    def test_two_threads_get_their_own_answers(self, custodian):
        algorithm = min(self.algorithms, key=str)
        task = next(task for task in TASKS.values() if not self.refusals(task, algorithm))
        cards = [CardFactors(algorithm, f"99010{at}", at.to_bytes(8, "big")) for at in range(6)]
        rights = [openssl.Card(whose, ROOTS).answer(task) for whose in cards]
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(lambda whose: custodian.perform(KeyRequest(whose, (task,) * 3)), cards * 4))
        assert answers == [(right,) * 3 for right in rights * 4]

    # --- refusals ---

    @pytest.mark.parametrize("task", EVERY_KIND, ids=lambda task: type(task).__name__)
    @pytest.mark.parametrize(("name", "version"), [("UKEF0D", 1), ("", 1), ("IRK", 0), ("DPK", 4)])
    def test_an_unknown_key_or_version_is_not_available(self, custodian, task, name, version):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (with_key(task, KeyReference(name, version)),)))
        assert caught.value.key == name

    @pytest.mark.parametrize("name", ["STKSSSE", "DTK", "TMK", "MKSSSE"])
    def test_no_key_has_a_version_that_was_not_issued(self, custodian, name):
        kinds = (Mac, Tac, Encipherment, Encipherment)
        kind = kinds[("STKSSSE", "DTK", "TMK", "MKSSSE").index(name)]
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (with_key(BY_TYPE[kind], KeyReference(name, 9)),)))
        assert caught.value.key == name

    @pytest.mark.parametrize("value", [KeyReference("UKEF0D"), KeyReference("IRK", 4)])
    def test_a_key_that_is_not_there_is_not_loaded(self, custodian, value):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (load(value, "TMK"),)))
        assert caught.value.key in {value.name, "TMK"}

    @pytest.mark.parametrize("name", NEVER_LOADED)
    def test_a_key_that_no_finished_card_has_is_not_loaded(self, custodian, name):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (load(KeyReference(name), "TMK"),)))
        assert caught.value.key in {name, "TMK"}

    @pytest.mark.parametrize("value", [IRK, PIN], ids=["key", "PIN"])
    @pytest.mark.parametrize("name", [name for name, key in ALL_KEYS.items() if key.purpose is Purpose.MASTER])
    def test_no_master_key_encrypts_what_its_asker_likes(self, custodian, name, value):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (load(value, name),)))
        assert name in caught.value.key

    @pytest.mark.parametrize(("task", "name"), WRONG_KEYS)
    def test_a_key_for_something_else_is_refused(self, custodian, task, name):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (with_key(task, KeyReference(name)),)))
        assert caught.value.key == name

    @pytest.mark.parametrize(
        ("task", "name"), [wrong for wrong in WRONG_KEYS if isinstance(wrong.values[0], Cryptogram | Mac | Tac)]
    )
    def test_nor_does_it_verify_with_a_key_for_something_else(self, custodian, task, name):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (Verification(with_key(task, KeyReference(name)), bytes(4)),)))
        assert caught.value.key == name

    @pytest.mark.parametrize("name", KEYS)
    def test_no_key_of_a_finished_card_is_told(self, custodian, name):
        with pytest.raises(KeyUnavailableError) as caught:
            custodian.perform(KeyRequest(card(), (Disclosure(KeyReference(name)),)))
        assert caught.value.key == name

    def test_one_refused_task_means_no_answer_at_all(self, custodian):
        algorithm = min(self.algorithms, key=str)
        good = next(task for task in TASKS.values() if not self.refusals(task, algorithm))
        for bad in (with_key(good, KeyReference("UKEF0D")), Disclosure(KeyReference("UKEF0D"))):
            for tasks in ((good, bad), (bad, good), (good, bad, good)):
                with pytest.raises(KeyUnavailableError) as caught:
                    custodian.perform(KeyRequest(card(algorithm), tasks))
                assert caught.value.key == "UKEF0D"

    @pytest.mark.parametrize("what", ["internal authentication", "MAC of a command", "TAC", "check value"])
    def test_an_ssf33_card_is_refused_by_name(self, custodian, what):
        task = TASKS[what]
        with pytest.raises((AlgorithmUnsupportedError, *self.refusals(task))) as caught:
            custodian.perform(KeyRequest(card(Algorithm.SSF33), (task,)))
        assert isinstance(caught.value, KeyUnavailableError) or caught.value.algorithm == "SSF33"

    @pytest.mark.parametrize("algorithm", BOTH)
    @pytest.mark.parametrize("what", MALFORMED)
    def test_input_of_a_length_that_is_not_taken_is_malformed(self, custodian, what, algorithm):
        task = MALFORMED[what]
        with pytest.raises((MalformedError, *self.refusals(task, algorithm))) as caught:
            custodian.perform(KeyRequest(card(algorithm), (task,)))
        assert isinstance(caught.value, MalformedError) != bool(self.refusals(task, algorithm))

    # --- secrecy ---

    def test_keys_never_show(self, custodian, caplog):
        caplog.set_level(0)
        algorithm = min(self.algorithms, key=str)
        good = [task for task in TASKS.values() if not self.refusals(task, algorithm)]
        assert len(custodian.perform(KeyRequest(card(algorithm), tuple(good)))) == len(good)
        shown = [repr(custodian), str(custodian), f"{custodian}", repr(getattr(custodian, "__dict__", {}))]
        for task in (*MALFORMED.values(), *(with_key(task, KeyReference("UKEF0D")) for task in good), Disclosure(IRK)):
            with pytest.raises((MalformedError, KeyUnavailableError, AlgorithmUnsupportedError)) as caught:
                custodian.perform(KeyRequest(card(algorithm), (task,)))
            shown += [repr(caught.value), str(caught.value), repr(caught.value.__cause__)]
        text = ("\n".join(shown) + caplog.text).lower()
        names = {name for task in good for name in key_names(task)}
        second = openssl.Card(card(algorithm), ROOTS)
        canaries = [root.reveal() for key, root in ROOTS.items() if key.name in names]
        canaries += [second.key(KeyReference(name)) for name in names]
        assert canaries
        for value in canaries:
            assert value.hex() not in text
            assert repr(value)[2:-1].lower() not in text

    def test_it_cannot_be_pickled(self, custodian):
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(custodian)


class VectorContract(_Offers):
    """The worked example of the card specification's key chapter: root 000102…0F, city 650100, T6–TD 8660650100000001.

    Its results stand in tests/vectors/crypto, whose README says who computed them. A subclass has the fixture
    ``holding``: called with root keys, it gives a custodian of them, which need not make purchases.
    """

    @pytest.mark.parametrize("algorithm", BOTH)
    @pytest.mark.parametrize(
        ("name", "task"),
        [
            pytest.param(name, task, id=name)
            for name, task in {
                "authentication": Cryptogram(IRK, FACTOR, ORIGINAL),
                "MAC of PIN unblock": Mac(STK, FACTOR, bytes.fromhex("8424000004")),
                "PIN block": PinBlock(STK, FACTOR, PIN),
                "purchase MAC1": Mac(DPK, bytes.fromhex("a1b2c3d400010001"), b""),
                "purchase MAC2": Mac(DPK, bytes.fromhex("a1b2c3d400010001"), b""),
                "purchase TAC": Tac(DTK, b""),
            }.items()
        ],
    )
    def test_the_specifications_example(self, holding, name, task, algorithm):
        file = Path(__file__).parents[2] / "vectors/crypto/card-keys.json"
        vectors = {vector["name"]: vector for vector in json.loads(file.read_text(encoding="utf-8"))}
        vector = vectors[f"{name}, {algorithm.name}"]
        if getattr(task, "data", None) == b"":
            task = dataclasses.replace(task, data=bytes.fromhex(vector["input"]))
        whose = CardFactors(algorithm, "650100", bytes.fromhex("8660650100000001"))
        root = Secret(bytes(range(16)))
        custodian = holding(dict.fromkeys((IRK, STK, DPK, DTK), root))
        self.check(custodian, task, whose, bytes.fromhex(vector["result"]))
