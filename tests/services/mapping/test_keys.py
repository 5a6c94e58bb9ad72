"""Key requests as messages: each value in the field that the .proto file says."""

from dataclasses import replace

import pytest
from google.protobuf import text_format

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import CHIP_KEYS, KEYS, KeyReference
from services.catalogue import failure_of
from services.custody.errors import KeyUnknownError
from services.errors import InvalidRequestError
from services.mapping.keys import key_place, request_message, request_of
from sscard.v1 import keys_pb2

KNOWN = {**KEYS, **CHIP_KEYS}
FACTOR, ORIGINAL = b"FACTOR..", b"original"
CASES = {
    "cryptogram { key { name: 'IRK' version: 2 } factor: 'FACTOR..' original: 'original' }": Cryptogram(
        KeyReference("IRK", 2), FACTOR, ORIGINAL
    ),
    "mac { key { name: 'STKSSSE' version: 1 } factor: 'FACTOR..' data: 'data' }": Mac(
        KeyReference("STKSSSE"), FACTOR, b"data"
    ),
    "tac { key { name: 'DTK' version: 3 } data: 'data' }": Tac(KeyReference("DTK", 3), b"data"),
    "pin_block { key { name: 'STKDF01' version: 1 } factor: 'FACT' pin: 'pin' }": PinBlock(
        KeyReference("STKDF01"), b"FACT", Secret(b"pin")
    ),
    "encipherment { key { name: 'TRANSPORT' version: 70000 } block: 'FACTOR..' }": Encipherment(
        KeyReference("TRANSPORT", 70000), FACTOR
    ),
    "loaded_key { key { name: 'BK' version: 2 } under { name: 'TMK' version: 1 } header: 'a head' "
    "head: 'HEAD' }": LoadedKey(KeyReference("BK", 2), KeyReference("TMK"), b"a head", 0, b"HEAD", b""),
    "loaded_key { pin: 'pin' under { name: 'TMK' version: 1 } header: 'type, id' width: 16 head: 'HEAD' "
    "challenge: 'FACT' }": LoadedKey(Secret(b"pin"), KeyReference("TMK"), b"type, id", 16, b"HEAD", b"FACT"),
    "psam_key_load { key { name: 'RKSSSE' version: 2 } levels: 3 under { name: 'PSAM-MKADF' version: 1 } "
    "header: 'usage id' head: 'HEAD' challenge: 'FACT' }": PsamKeyLoad(
        KeyReference("RKSSSE", 2), 3, KeyReference("PSAM-MKADF"), b"usage id", b"HEAD", b"FACT"
    ),
    "disclosure { key { name: 'TMK' version: 1 } }": Disclosure(KeyReference("TMK")),
    "check_value { key { name: 'DSK' version: 1 } }": CheckValue(KeyReference("DSK")),
    "code_of_card { key { name: 'IRK' version: 1 } data: 'twelve bytes' }": CodeOfCard(
        KeyReference("IRK"), b"twelve bytes"
    ),
    "terminal { key { name: 'DPK' version: 2 } }": Terminal(KeyReference("DPK", 2)),
    "purchase { key { name: 'DPK' version: 1 } random: 'rand' sequence: 7 account_amount: 1 self_paid_amount: 2 "
    "pooled_fund_amount: 4294967295 kind: 50 time: 'instant' terminal: 'number' }": Purchase(
        KeyReference("DPK"), b"rand", 7, (1, 2, 0xFFFFFFFF), 50, b"instant", b"number"
    ),
    "verification { cryptogram { key { name: 'IRK' version: 1 } factor: 'FACTOR..' original: 'original' } "
    "answer: 'a' }": Verification(Cryptogram(KeyReference("IRK"), FACTOR, ORIGINAL), b"a"),
    "verification { mac { key { name: 'DPK' version: 1 } factor: 'FACTOR..' } answer: 'mac2' }": Verification(
        Mac(KeyReference("DPK"), FACTOR, b""), b"mac2"
    ),
    "verification { tac { key { name: 'DTK' version: 1 } data: 'data' } }": Verification(
        Tac(KeyReference("DTK"), b"data"), b""
    ),
}


@pytest.mark.parametrize("text", CASES)
def test_a_task_is_the_message_of_its_kind(text) -> None:
    request = KeyRequest(CardFactors(Algorithm.DES, "990100", b"factor.."), (CASES[text],))
    message = text_format.Parse(
        f"card {{ algorithm: ALGORITHM_DES region: '990100' card_factor: 'factor..' }} tasks {{ {text} }}",
        keys_pb2.PerformKeyTasksRequest(),
    )
    assert request_message(request) == message
    assert request_of(message, KNOWN) == request


def test_every_kind_of_task_was_there() -> None:
    kinds = {text.partition(" ")[0] for text in CASES}
    assert kinds == {field.name for field in keys_pb2.KeyTask.DESCRIPTOR.fields}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_every_algorithm_travels_by_its_name(algorithm) -> None:
    request = KeyRequest(CardFactors(algorithm, "990100", bytes(8)), (CheckValue(KeyReference("IRK")),))
    assert request_message(request).card.algorithm == algorithm.value
    assert request_of(request_message(request), KNOWN) == request


@pytest.mark.parametrize("amount", [-1, 1 << 32])
def test_an_amount_that_has_no_place_is_refused_without_being_quoted(amount) -> None:
    task = Purchase(KeyReference("DPK"), bytes(4), 0, (0, amount, 0), 0, bytes(7), bytes(6))
    with pytest.raises(MalformedError) as caught:
        request_message(KeyRequest(CardFactors(Algorithm.DES, "990100", bytes(8)), (task,)))
    assert str(amount) not in str(caught.value)


NOBODY = "张三 990000199001010017"


def _named(field: str, **task) -> pytest.param:
    message = keys_pb2.PerformKeyTasksRequest(
        card=request_message(KeyRequest(CardFactors(Algorithm.DES, "990100", bytes(8)), ())).card,
        tasks=[keys_pb2.KeyTask(disclosure={"key": {"name": "TMK", "version": 1}}), keys_pb2.KeyTask(**task)],
    )
    return pytest.param(message, f"tasks[1].{field}.name", id=field)


def _key(name: str) -> dict[str, object]:
    return {"name": name, "version": 1}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        _named("cryptogram.key", cryptogram={"key": _key(NOBODY), "factor": FACTOR, "original": ORIGINAL}),
        _named(
            "loaded_key.key",
            loaded_key={"key": _key(NOBODY), "under": _key("TMK"), "header": bytes(5), "head": bytes(4)},
        ),
        _named(
            "loaded_key.under", loaded_key={"pin": b"1", "under": _key(NOBODY), "header": bytes(5), "head": bytes(4)}
        ),
        _named("verification.tac.key", verification={"tac": {"key": _key(NOBODY)}, "answer": b"a"}),
    ],
)
def test_a_key_that_nobody_knows_is_told_by_its_place_and_not_by_its_name(message, field) -> None:
    with pytest.raises(KeyUnknownError) as caught:
        request_of(message, KNOWN)
    assert caught.value.field == field
    told = f"{caught.value!r} {failure_of(caught.value).to_status()}"
    assert field in told
    assert "张三" not in told
    assert "9900001990" not in told
    assert key_place(field) == (1, field.endswith("under.name"))


def test_what_is_no_place_of_a_name_is_not_taken_for_one() -> None:
    assert [key_place(field) for field in ("", "tasks", "tasks[0]", "tasks[0].key", "tasks[x].mac.key.name")] == [
        None
    ] * 5


GUESSES = [
    Verification(task, bytes(8))
    for task in (
        Cryptogram(KeyReference("IRK"), FACTOR, ORIGINAL),
        Mac(KeyReference("STKSSSE"), FACTOR, b"data"),
        Tac(KeyReference("DTK"), b"data"),
    )
]


@pytest.mark.parametrize("guess", GUESSES, ids=lambda guess: type(guess.task).__name__)
def test_an_answer_is_guessed_once_in_a_request(guess) -> None:
    card = CardFactors(Algorithm.DES, "990100", bytes(8))
    other = replace(guess, answer=bytes(7))
    with pytest.raises(InvalidRequestError) as caught:
        request_of(request_message(KeyRequest(card, (guess, guess.task, other))), KNOWN)
    assert caught.value.field == "tasks[2].verification"
    elsewhere = replace(guess, task=replace(guess.task, key=KeyReference(guess.task.key.name, 2)))
    several = KeyRequest(card, (*GUESSES, elsewhere))
    assert request_of(request_message(several), KNOWN) == several
