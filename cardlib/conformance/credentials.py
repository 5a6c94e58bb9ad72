"""Groups VERIFY and KEY_VER1 to KEY_VER3: the holder's PIN, and the keys of each version."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands
from cardlib.conformance.case import Allowed, Case, Harm, NotRun, Subject
from cardlib.conformance.steps import (
    ORIGINAL,
    Steps,
    authenticate,
    enter,
    environment,
    factors,
    given,
    must,
    other_pin,
    permit,
    prove,
    require,
    tell,
    tries,
    verify,
)
from cardlib.keys import VERSIONS, Evidence, Purpose
from cardlib.model import CardProfile, Directory

_VERIFY: Final = "S2.5 §6.14, S2.7 §5.8"
_BLOCKED: Final = 0x6983
_MOST_TRIES: Final = 15
_WRONG: Final = bytes(8)
_NO_VERSION: Final = 0x7F
_NOT_COUNTED: Final = frozenset({Purpose.CARD_BLOCK, Purpose.APPLICATION_BLOCK})
_GUARDS: Final = _NOT_COUNTED | {Purpose.PIN_UNBLOCK}
"""What keys are for that stand in no file's rule."""


def pin_cases() -> Iterator[Case]:
    """The cases of VERIFY, the one that blocks the PIN last."""
    title = "VERIFY without data tells the tries left, or that no PIN is set, and changes nothing"
    yield Case("VERIFY.query", _VERIFY, title, Allowed("9000 63Cx 6983"), _query)
    title = "VERIFY refuses another P2"
    yield Case("VERIFY.p2", _VERIFY, title, Allowed("6A86"), _p2)
    title = "The right PIN is accepted, after which the question may be answered as before [flows R5]"
    yield Case("VERIFY.right", _VERIFY, title, Allowed("9000 63Cx"), _right)
    title = "VERIFY refuses a PIN of one byte and one of nine"
    yield Case("VERIFY.length", _VERIFY, title, Allowed("6700"), _length, Harm.TRIES)
    title = "A wrong PIN costs a try; the right one wins all back"
    yield Case("VERIFY.wrong", _VERIFY, title, Allowed("63Cx"), _wrong, Harm.TRIES)
    title = "A failure ends an earlier success [flows R5]"
    yield Case("VERIFY.lost", _VERIFY, title, Allowed("6982"), _lost, Harm.TRIES)
    title = "After the last try the PIN is blocked: 63C0, then 6983 even for the right one"
    yield Case("VERIFY.blocked", _VERIFY, title, Allowed("6983"), _block, Harm.BLOCKS)


def _query(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    first = yield from tell(commands.verify_query())
    second = yield from tell(commands.verify_query())
    require(first.sw == second.sw, "asking twice brings two answers")
    return second


def _p2(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    return (yield from tell(CommandAPDU(0x00, 0x20, 0x00, 0x7F)))


def _right(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from verify(subject)
    return (yield from tell(commands.verify_query()))


def _length(subject: Subject) -> Steps[ResponseAPDU]:
    yield from tries(subject)
    short = yield from tell(commands.verify(Secret(b"\x12")))
    long = yield from tell(commands.verify(Secret(b"\x12" * 9)))
    yield from tell(commands.verify(given(subject)))
    require(short.sw == long.sw, f"one byte was answered {short.sw:04X}, nine bytes {long.sw:04X}")
    return long


def _wrong(subject: Subject) -> Steps[ResponseAPDU]:
    maximum = yield from tries(subject)
    answer = yield from tell(commands.verify(other_pin(subject)))
    state = yield from tell(commands.verify_query())
    yield from must(commands.verify(given(subject)))
    again = yield from tell(commands.verify_query())
    require(answer.sw == state.sw, "the question is answered by another number of tries than the failure")
    require(maximum in {0, (answer.sw & 0x0F) + 1}, "a failure did not cost exactly one try")
    require(maximum in {0, again.sw & 0x0F}, "the right PIN did not win the try back")
    return answer


def _lost(subject: Subject) -> Steps[ResponseAPDU]:
    """Tried on the first file behind the PIN in the first directory that has one."""
    for directory in subject.profile.directories:
        for file in directory.files:
            if file.fid is not None and file.read.satisfied(pin=True, keys=()):
                if file.read.satisfied(pin=False, keys=()):
                    continue
                yield from tries(subject)
                yield from enter(subject, directory)
                yield from tell(commands.verify(other_pin(subject)))
                read = commands.read_record(1, commands.RecordMode.NUMBER, sfi=file.sfi, ne=256)
                answer = yield from tell(read)
                yield from must(commands.verify(given(subject)))
                return answer
    raise NotRun("no file asks for the PIN")


def _block(subject: Subject) -> Steps[ResponseAPDU]:
    yield from tries(subject)
    yield from block_pin(subject)
    return (yield from tell(commands.verify(given(subject))))


def block_pin(subject: Subject) -> Steps[None]:
    """Spend every try of the PIN that was given, and see that the card says so."""
    for _ in range(_MOST_TRIES):
        answer = yield from tell(commands.verify(other_pin(subject)))
        require(answer.sw & 0xFFF0 == 0x63C0, f"a wrong PIN was answered {answer.sw:04X}, not 63Cx")
        if answer.sw & 0x0F == 0:
            break
    query = yield from tell(commands.verify_query())
    require(query.sw in {_BLOCKED, 0x63C0}, "the question does not say that the PIN is blocked")


def key_cases(profile: CardProfile) -> Iterator[Case]:
    """The cases of KEY_VER1 to KEY_VER3: each key whose number on the card is published, in each version."""
    in_rules = {
        key
        for directory in profile.directories
        for file in directory.files
        for key in file.read.keys | file.update.keys
    }
    for version in VERSIONS:
        group = f"KEY_VER{version}"
        for name, key in profile.keys.items():
            if key.card_id is None or key.card_id_source is Evidence.INFERRED:
                continue
            if key.purpose is Purpose.INTERNAL_AUTHENTICATION:
                title = f"The card proves itself with {name}, version {version}"
                flow = partial(_proof, version)
                yield Case(f"{group}.{name}", "S2.5 §6.8, S2.9 annex B", title, Allowed("9000"), flow)
            elif (name in in_rules or key.purpose in _GUARDS) and _directory_of(profile, name) is not None:
                yield from _of_key(name, version, counted=key.purpose not in _NOT_COUNTED)


def _of_key(name: str, version: int, *, counted: bool) -> Iterator[Case]:
    case = f"KEY_VER{version}.{name}"
    title = f"The card accepts {name}, version {version}"
    flow = partial(_accepted, name, version)
    yield Case(case, "S2.5 §6.4, S2.9 annex B", title, Allowed("9000"), flow)
    if version == VERSIONS[0]:
        title = f"A version of {name} that no card has is not found, whatever the cryptogram"
        yield Case(f"{case}.version", "S2.5 §6.4, T23", title, Allowed("6A88"), partial(_other_version, name))
    if counted:
        title = f"A failure costs a try of {name}, version {version}; a success wins all back"
        flow = partial(_counter, name, version)
        yield Case(f"{case}.counter", "S2.7 §6.6", title, Allowed("9000"), flow, Harm.TRIES)
    else:
        title = f"Failures of {name}, version {version}, are not counted"
        flow = partial(_uncounted, name, version)
        yield Case(f"{case}.counter", "S2.7 §13.1, §13.2", title, Allowed("9000"), flow, Harm.TRIES)


def _proof(version: int, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    answer, expected = yield from prove(factors(subject), version)
    require(not answer.is_among((OK,)) or answer.data == expected, "the card's cryptogram is not that of the key")
    return answer


def _directory_of(profile: CardProfile, key: str) -> Directory | None:
    where = profile.keys[key].directory
    return next((found for found in profile.directories if found.name == where), None)


def _beside(subject: Subject, key: str) -> Steps[None]:
    """Enter the directory that the key lies in."""
    directory = _directory_of(subject.profile, key)
    assert directory is not None, "keys of other directories have no case"
    yield from enter(subject, directory)


def _accepted(key: str, version: int, subject: Subject) -> Steps[ResponseAPDU]:
    yield from _beside(subject, key)
    return (yield from authenticate(subject, key, version))


def _other_version(key: str, subject: Subject) -> Steps[ResponseAPDU]:
    """With the cryptogram of version 1: a card that does not look at the version takes it, and no try is lost."""
    yield from _beside(subject, key)
    command = yield from permit(subject, key, VERSIONS[0])
    assert isinstance(command.data, bytes), "a cryptogram is no secret"
    return (yield from tell(replace(command, data=command.data[:-1] + bytes((_NO_VERSION,)))))


def _counter(key: str, version: int, subject: Subject) -> Steps[ResponseAPDU]:
    yield from _beside(subject, key)
    yield from _granted(subject, key, version)
    first = yield from _failure(subject, key, version)
    require(first & 0x0F > 0, "the key has one try only, which is spent now")
    second = first
    if first & 0x0F > 1:
        second = yield from _failure(subject, key, version)
    yield from _granted(subject, key, version)
    again = yield from _failure(subject, key, version)
    answer = yield from authenticate(subject, key, version)
    require(first & 0x0F == 1 or second == first - 1, "a failure did not cost exactly one try")
    require(first == again, "a success did not win back the tries that were spent before")
    return answer


def _uncounted(key: str, version: int, subject: Subject) -> Steps[ResponseAPDU]:
    yield from _beside(subject, key)
    yield from _granted(subject, key, version)
    first = yield from _failure(subject, key, version)
    require(first & 0x0F > 0, "the key has one try only, which is spent now")
    second = yield from _failure(subject, key, version)
    answer = yield from authenticate(subject, key, version)
    require(first == second, "the second failure is answered otherwise than the first: they are counted")
    return answer


def _granted(subject: Subject, key: str, version: int) -> Steps[None]:
    answer = yield from authenticate(subject, key, version)
    require(answer.is_among((OK,)), f"the right authentication was answered {answer.sw:04X}")


def _failure(subject: Subject, key: str, version: int) -> Steps[int]:
    """A wrong cryptogram; the status word."""
    card_id = subject.profile.keys[key].card_id
    assert card_id is not None, "authenticate() has looked"
    yield from must(commands.get_challenge())
    refusal = yield from tell(commands.external_authenticate(card_id, _WRONG, ORIGINAL, key_version=version))
    require(refusal.sw & 0xFFF0 == 0x63C0, f"a wrong authentication was answered {refusal.sw:04X}, not 63Cx")
    return refusal.sw
