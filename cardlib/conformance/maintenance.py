"""Group CHANGE PIN: the holder changes the PIN, and the operator unblocks it by the right of PUK."""

from collections.abc import Iterator
from typing import Final

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands
from cardlib.conformance.case import Allowed, Case, Harm, Subject
from cardlib.conformance.credentials import block_pin
from cardlib.conformance.steps import (
    Steps,
    environment,
    given,
    may,
    must,
    other_pin,
    require,
    tell,
    tries,
    with_mac,
)

_CHANGE: Final = "S2.5 §6.3, S2.7 §9"
_UNBLOCK: Final = "S2.5 §6.7, S2.7 §13.3"
_PUK, _STK = "PUK", "STKSSSE"
_NO_MAC: Final = bytes(commands.MAC_SIZE)
_BLOCKED: Final = 0x6983
_BLOCK_OF_CIPHER: Final = 8


def maintenance_cases() -> Iterator[Case]:
    """The cases of CHANGE PIN; the one that blocks the PIN on its way comes last."""
    yield from _changing()
    yield from _unblocking()


def _changing() -> Iterator[Case]:
    title = "The PIN is changed: the new one is right, the old one is wrong; and it is changed back"
    yield Case("CHANGE PIN.changed", _CHANGE, title, Allowed("9000"), _changed, Harm.WRITES)
    title = "A wrong old PIN costs a try, and the PIN stays"
    yield Case("CHANGE PIN.wrong", _CHANGE, title, Allowed("63Cx"), _wrong_old, Harm.TRIES)
    title = "A change of the PIN wins back the tries spent before"
    yield Case("CHANGE PIN.counter", _CHANGE, title, Allowed("9000"), _won_back, Harm.WRITES)
    title = "Data that is not two PINs is refused, and costs no try"
    yield Case("CHANGE PIN.data", _CHANGE, title, Allowed("6A80"), _malformed, Harm.TRIES)
    title = "CHANGE PIN refuses no data, two bytes and eighteen"
    yield Case("CHANGE PIN.length", _CHANGE, title, Allowed("6700"), _length, Harm.TRIES)
    title = "CHANGE PIN refuses another P2"
    yield Case("CHANGE PIN.p2", _CHANGE, title, Allowed("6A86"), _p2, Harm.TRIES)


def _changed(subject: Subject) -> Steps[ResponseAPDU]:
    """First everything is done that leads back, then it is judged."""
    yield from tries(subject)
    old, new = given(subject), other_pin(subject)
    yield from must(commands.change_pin(old, new))
    of_old = yield from tell(commands.verify(old))
    of_new = yield from tell(commands.verify(new))
    back = yield from tell(commands.change_pin(new, old))
    again = yield from tell(commands.verify(old))
    require(of_old.sw & 0xFFF0 == 0x63C0, f"after the change the old PIN was answered {of_old.sw:04X}, not 63Cx")
    require(of_new.is_among((OK,)), f"after the change the new PIN was answered {of_new.sw:04X}")
    require(back.is_among((OK,)), f"changing the PIN back was answered {back.sw:04X}")
    return again


def _wrong_old(subject: Subject) -> Steps[ResponseAPDU]:
    """The new PIN is the one the card has, so that a card that does not compare changes nothing."""
    maximum = yield from tries(subject)
    answer = yield from tell(commands.change_pin(other_pin(subject), given(subject)))
    state = yield from tell(commands.verify_query())
    yield from must(commands.verify(given(subject)))
    require(answer.sw == state.sw, "the question is answered by another number of tries than the failure")
    require(maximum in {0, (answer.sw & 0x0F) + 1}, "a wrong old PIN did not cost exactly one try")
    return answer


def _won_back(subject: Subject) -> Steps[ResponseAPDU]:
    """Changed into what it is."""
    yield from tries(subject)
    before = yield from tell(commands.verify_query())
    yield from tell(commands.verify(other_pin(subject)))
    answer = yield from tell(commands.change_pin(given(subject), given(subject)))
    after = yield from tell(commands.verify_query())
    yield from must(commands.verify(given(subject)))
    require(before.sw == after.sw, "the tries are not those from before the failure")
    return answer


def _malformed(subject: Subject) -> Steps[ResponseAPDU]:
    yield from tries(subject)
    before = yield from tell(commands.verify_query())
    right = given(subject).reveal()
    answers: list[int] = []
    answer = ResponseAPDU(b"")
    for new in (b"\x12", b"\x1a\x2b\x3c"):
        answer = yield from tell(commands.change_pin(given(subject), Secret(new)))
        if answer.is_among((OK,)):  # taken for a PIN: back at once
            yield from tell(commands.change_pin(Secret(new), given(subject)))
        answers.append(answer.sw)
    # Without FF nothing separates two PINs.
    answer = yield from tell(_change(Secret((right * 2)[:16])))
    answers.append(answer.sw)
    after = yield from tell(commands.verify_query())
    yield from must(commands.verify(given(subject)))
    require(len(set(answers)) == 1, f"three malformed ones were answered {' '.join(f'{sw:04X}' for sw in answers)}")
    require(before.sw == after.sw, "malformed data cost a try")
    return answer


def _length(subject: Subject) -> Steps[ResponseAPDU]:
    yield from tries(subject)
    before = yield from tell(commands.verify_query())
    answers: list[int] = []
    answer = ResponseAPDU(b"")
    for data in (b"", b"\x12\x34", b"\x12" * 18):
        answer = yield from tell(_change(Secret(data)))
        answers.append(answer.sw)
    after = yield from tell(commands.verify_query())
    yield from must(commands.verify(given(subject)))
    require(len(set(answers)) == 1, f"0, 2 and 18 bytes were answered {' '.join(f'{sw:04X}' for sw in answers)}")
    require(before.sw == after.sw, "a wrong length cost a try")
    return answer


def _p2(subject: Subject) -> Steps[ResponseAPDU]:
    yield from tries(subject)
    unchanged = commands.change_pin(given(subject), given(subject))
    return (yield from tell(CommandAPDU(unchanged.cla, unchanged.ins, unchanged.p1, 0x7F, unchanged.data)))


def _change(data: Secret) -> CommandAPDU:
    return CommandAPDU(0x80, 0x5E, 0x01, 0x00, data)


def _unblocking() -> Iterator[Case]:
    title = "Without the right of PUK the PIN is not unblocked"
    yield Case("CHANGE PIN.unblock_right", _UNBLOCK, title, Allowed("6982"), _without_right, Harm.TRIES)
    title = "Without a challenge the PIN is not unblocked"
    yield Case("CHANGE PIN.unblock_challenge", _UNBLOCK, title, Allowed("6984"), _without_challenge, Harm.TRIES)
    title = "With a wrong MAC the PIN is not unblocked; with the right one it is"
    yield Case("CHANGE PIN.unblock_mac", _UNBLOCK, title, Allowed("6988"), _wrong_mac, Harm.TRIES)
    title = "PIN CHANGE/UNBLOCK refuses a MAC of five bytes, and a new PIN of seven encrypted ones"
    yield Case("CHANGE PIN.unblock_length", _UNBLOCK, title, Allowed("6700"), _unblock_length, Harm.TRIES)
    title = "PIN CHANGE/UNBLOCK refuses another P2"
    yield Case("CHANGE PIN.unblock_p2", _UNBLOCK, title, Allowed("6A86"), _unblock_p2, Harm.TRIES)
    title = "A blocked PIN is not changed, and is unblocked: all tries are back, and it is the PIN it was"
    yield Case("CHANGE PIN.unblocked", _UNBLOCK, title, Allowed("9000"), _unblocked, Harm.UNBLOCKS)


def _without_right(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    command = yield from with_mac(subject, _STK, commands.unblock_pin())
    return (yield from tell(command))


def _without_challenge(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from may(subject, _PUK)
    answer = yield from tell(commands.with_mac(commands.unblock_pin(), _NO_MAC))
    # Whatever a card has counted is won back.
    yield from _unblock(subject)
    return answer


def _wrong_mac(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from may(subject, _PUK)
    wrong = yield from with_mac(subject, _STK, commands.unblock_pin(), wrong=True)
    answer = yield from tell(wrong)
    yield from _unblock(subject)
    return answer


def _unblock_length(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from may(subject, _PUK)
    command = yield from with_mac(subject, _STK, commands.unblock_pin())
    long = yield from tell(commands.with_mac(commands.unblock_pin(), _mac_of(command) + b"\x00"))
    short = commands.replace_pin(bytes(_BLOCK_OF_CIPHER - 1))
    answer = yield from tell((yield from with_mac(subject, _STK, short)))
    yield from _unblock(subject)
    require(long.sw == answer.sw, f"one was answered {long.sw:04X}, the other {answer.sw:04X}")
    return answer


def _unblock_p2(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from may(subject, _PUK)
    plain = commands.unblock_pin()
    other = CommandAPDU(plain.cla, plain.ins, plain.p1, 0x7F)
    answer = yield from tell((yield from with_mac(subject, _STK, other)))
    yield from _unblock(subject)
    return answer


def _unblocked(subject: Subject) -> Steps[ResponseAPDU]:
    """The way back is gone once before it is needed."""
    maximum = yield from tries(subject)
    yield from _unblock(subject)
    yield from block_pin(subject)
    change = yield from tell(commands.change_pin(given(subject), given(subject)))
    yield from _unblock(subject)
    state = yield from tell(commands.verify_query())
    answer = yield from tell(commands.verify(given(subject)))
    require(change.sw == _BLOCKED, f"CHANGE PIN of a blocked PIN was answered {change.sw:04X}, not {_BLOCKED:04X}")
    require(maximum in {0, state.sw & 0x0F}, "unblocked, the PIN has not all its tries")
    return answer


def _unblock(subject: Subject) -> Steps[None]:
    """By the right of PUK, with the right MAC."""
    yield from may(subject, _PUK)
    command = yield from with_mac(subject, _STK, commands.unblock_pin())
    yield from must(command)


def _mac_of(command: CommandAPDU) -> bytes:
    assert isinstance(command.data, bytes), "with_mac() made it"
    return command.data
