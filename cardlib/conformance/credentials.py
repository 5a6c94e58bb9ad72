"""Groups VERIFY and KEY_VER1 to KEY_VER3: the holder's PIN, and the keys of each version."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands
from cardlib.conformance.case import Allowed, Case, Harm, NotRun, Subject
from cardlib.conformance.steps import (
    Steps,
    authenticate,
    enter,
    environment,
    factors,
    must,
    prove,
    require,
    tell,
    verify,
)
from cardlib.keys import VERSIONS, Evidence, Purpose
from cardlib.model import CardProfile

_VERIFY: Final = "S2.5 §6.14, S2.7 §5.8"
_BLOCKED: Final = 0x6983
_GUARDS: Final = frozenset({Purpose.CARD_BLOCK, Purpose.PIN_UNBLOCK})
"""What keys of the environment are for that stand in no file's rule."""


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


def _wrong_pin(subject: Subject) -> Secret:
    """Another PIN of the same length."""
    assert subject.pin is not None, "verify() has looked"
    return Secret(bytes(byte ^ 0x11 for byte in subject.pin.reveal()))


def _tries(subject: Subject) -> Steps[int]:
    """Enter, see that the given PIN is right, and return the maximum of tries; NotRun for a card without a PIN."""
    yield from environment(subject)
    if (yield from tell(commands.verify_query())).is_among((OK,)):
        raise NotRun("the card has no PIN set")
    yield from verify(subject)
    state = yield from tell(commands.verify_query())
    return state.sw & 0x0F if state.sw & 0xFFF0 == 0x63C0 else 0


def _length(subject: Subject) -> Steps[ResponseAPDU]:
    yield from _tries(subject)
    short = yield from tell(commands.verify(Secret(b"\x12")))
    long = yield from tell(commands.verify(Secret(b"\x12" * 9)))
    yield from tell(commands.verify(subject.pin or Secret(b"")))
    require(short.sw == long.sw, f"one byte was answered {short.sw:04X}, nine bytes {long.sw:04X}")
    return long


def _wrong(subject: Subject) -> Steps[ResponseAPDU]:
    maximum = yield from _tries(subject)
    answer = yield from tell(commands.verify(_wrong_pin(subject)))
    state = yield from tell(commands.verify_query())
    yield from must(commands.verify(subject.pin or Secret(b"")))
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
                yield from _tries(subject)
                yield from enter(subject, directory)
                yield from tell(commands.verify(_wrong_pin(subject)))
                read = commands.read_record(1, commands.RecordMode.NUMBER, sfi=file.sfi, ne=256)
                answer = yield from tell(read)
                yield from must(commands.verify(subject.pin or Secret(b"")))
                return answer
    raise NotRun("no file asks for the PIN")


def _block(subject: Subject) -> Steps[ResponseAPDU]:
    yield from _tries(subject)
    for _ in range(15):
        answer = yield from tell(commands.verify(_wrong_pin(subject)))
        require(answer.sw & 0xFFF0 == 0x63C0, f"a wrong PIN was answered {answer.sw:04X}, not 63Cx")
        if answer.sw & 0x0F == 0:
            break
    query = yield from tell(commands.verify_query())
    require(query.sw in {_BLOCKED, 0x63C0}, "the question does not say that the PIN is blocked")
    return (yield from tell(commands.verify(subject.pin or Secret(b""))))


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
            elif name in in_rules or key.purpose in _GUARDS:
                title = f"The card accepts {name}, version {version}"
                flow = partial(_accepted, name, version)
                yield Case(f"{group}.{name}", "S2.5 §6.4, S2.9 annex B", title, Allowed("9000"), flow)


def _proof(version: int, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    answer, expected = yield from prove(factors(subject), version)
    require(not answer.is_among((OK,)) or answer.data == expected, "the card's cryptogram is not that of the key")
    return answer


def _accepted(key: str, version: int, subject: Subject) -> Steps[ResponseAPDU]:
    where = subject.profile.keys[key].directory
    directory = next((found for found in subject.profile.directories if found.name == where), None)
    yield from enter(subject, directory or subject.profile.directories[0])
    return (yield from authenticate(subject, key, version))
