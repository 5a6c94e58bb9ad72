"""What the flows of test cases are put together from: entering a directory, winning a right, reading a file."""

from collections.abc import Generator
from typing import Any, Final, TypeAlias, TypeVar

from apdu.command import CommandAPDU
from apdu.flow import Question, Script, Step, ask, send
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands
from cardlib.access import Way, ways
from cardlib.conformance.case import Deviation, NotRun, Subject
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, Tac
from cardlib.keys import KeyReference
from cardlib.model import AddressableFile, CyclicFile, Directory, FileClass, TransparentFile

T = TypeVar("T")
Steps: TypeAlias = Generator[Script | Question[Any], Any, T]

ORIGINAL: Final = bytes.fromhex("0102030405060708")
"""What authentications encrypt: the same in every run, so that a run can be replayed from a transcript."""

FACTOR: Final = bytes.fromhex("0011223344556677")
"""What makes the session key of INTERNAL AUTHENTICATION, the same in every run."""

PIN: Final = ("PIN", 0)
"""The PIN among what a card has refused."""

FILE_NOT_FOUND, RECORD_NOT_FOUND = 0x6A82, 0x6A83
_NEEDED: Final = frozenset({FileClass.ACTIVE, FileClass.MANDATORY})


def require(condition: bool, deviation: str) -> None:  # noqa: FBT001  as an assertion
    """Raise :class:`Deviation` unless the condition holds; the text must hold no data of the card."""
    if not condition:
        raise Deviation(deviation)


def tell(command: CommandAPDU) -> Steps[ResponseAPDU]:
    """Send one command; any answer will do."""
    (answer,) = yield from send(Step(command, expect=None))
    return answer


def must(command: CommandAPDU) -> Steps[ResponseAPDU]:
    """Send one command that has to succeed for the case to go on."""
    answer = yield from tell(command)
    require(answer.is_among((OK,)), f"{command.name} on the way there was answered {answer.sw:04X}")
    return answer


def environment(subject: Subject) -> Steps[ResponseAPDU]:
    """SELECT the SSSE; its FCI is not fetched."""
    return (yield from must(commands.select_name(subject.profile.name, ne=None)))


def enter(subject: Subject, directory: Directory) -> Steps[None]:
    """SELECT the SSSE, and from there the directory; NotRun where a card need not have it."""
    yield from environment(subject)
    if directory.fid is None:
        return
    by_name = commands.select_name(directory.df_name, ne=None)
    answer = yield from tell(by_name)
    if answer.sw == FILE_NOT_FOUND and not needed(directory):
        raise NotRun(f"{directory.name} is not on this card, and need not be")
    require(answer.is_among((OK,)), f"SELECT of {directory.name} by its name was answered {answer.sw:04X}")


def needed(directory: Directory) -> bool:
    """Whether every card has the directory: it has files in use, and an AID."""
    return directory.df_name.startswith(b"\xd1\x56") and any(file.file_class in _NEEDED for file in directory.files)


def present(file: AddressableFile, answer: ResponseAPDU) -> ResponseAPDU:
    """An answer about a file, unless it says that the file is not there, or empty, and it need not be otherwise."""
    if answer.sw in {FILE_NOT_FOUND, RECORD_NOT_FOUND} and file.file_class not in _NEEDED:
        raise NotRun("the file is not in use on this card, and need not be")
    return answer


def factors(subject: Subject) -> CardFactors:
    """What the card's keys are derived from; NotRun where that is not known."""
    if subject.card is None:
        raise NotRun("no key: it is not known what the card's keys are derived from")
    return subject.card


def authenticate(subject: Subject, key: str, version: int = 1) -> Steps[ResponseAPDU]:
    """GET CHALLENGE and EXTERNAL AUTHENTICATION with a key of the profile; the answer to the latter."""
    command = yield from permit(subject, key, version)
    return (yield from present_key(subject, key, command, version))


def present_key(subject: Subject, key: str, command: CommandAPDU, version: int = 1) -> Steps[ResponseAPDU]:
    """Send what :func:`permit` returned; a key that the card refuses is not tried again in this run."""
    answer = yield from tell(command)
    if not answer.is_among((OK,)):
        subject.refused.add((key, version))
    return answer


def permit(subject: Subject, key: str, version: int = 1) -> Steps[CommandAPDU]:
    """GET CHALLENGE, and the EXTERNAL AUTHENTICATION that goes with it; it is not sent yet.

    NotRun where the keys at hand are not this card's, or the card refused this one before.
    """
    declared = subject.profile.keys[key]
    if declared.card_id is None:
        raise NotRun(f"the number of {key} on the card is not public")
    if (key, version) in subject.refused:
        raise NotRun(f"{key}, version {version}, was refused before: one more failure might block it")
    card = factors(subject)
    yield from _own_keys(card, version)
    challenge = (yield from must(commands.get_challenge())).data
    wanted = Cryptogram(KeyReference(declared.name, version), challenge, ORIGINAL)
    (cryptogram,) = yield from ask(KeyRequest(card, (wanted,)))
    return commands.external_authenticate(declared.card_id, cryptogram, ORIGINAL, key_version=version)


def prove(card: CardFactors, version: int) -> Steps[tuple[ResponseAPDU, bytes]]:
    """INTERNAL AUTHENTICATION with IRK in one version: the card's answer, and what the key's holder computed."""
    wanted = Cryptogram(KeyReference("IRK", version), FACTOR, ORIGINAL)
    (expected,) = yield from ask(KeyRequest(card, (wanted,)))
    answer = yield from tell(commands.internal_authenticate(FACTOR, ORIGINAL, key_version=version))
    return answer, expected


def _own_keys(card: CardFactors, version: int) -> Steps[None]:
    """A cryptogram made with the keys of other cards would cost a try: see first that these are this card's."""
    answer, expected = yield from prove(card, version)
    if not answer.is_among((OK,)) or answer.data != expected:
        raise NotRun(f"no key: those of version {version} at hand are not this card's, which does not prove itself")


def computed(subject: Subject, *wanted: Mac | Tac) -> Steps[list[bytes]]:
    """MACs and TACs as the keys' holder computes them."""
    return list((yield from ask(KeyRequest(factors(subject), wanted))))


def with_mac(subject: Subject, key: str, command: CommandAPDU, *, wrong: bool = False) -> Steps[CommandAPDU]:
    """GET CHALLENGE, and the command with the MAC under a maintenance key (STK) that goes with it; it is not sent yet.

    ``wrong``: with another MAC than that.
    """
    challenge = (yield from must(commands.get_challenge())).data
    wanted = Mac(KeyReference(key), challenge, commands.authenticated(command))
    (mac,) = yield from computed(subject, wanted)
    return commands.with_mac(command, bytes(byte ^ 0xFF for byte in mac) if wrong else mac)


def win(subject: Subject, way: Way) -> Steps[None]:
    """Win the rights of one way to satisfy a rule; NotRun where a PIN or key is not at hand."""
    if way.pin:
        yield from verify(subject)
    for key in sorted(way.keys):
        yield from may(subject, key)


def may(subject: Subject, key: str) -> Steps[None]:
    """Win the right of one key, which has to be accepted for the case to go on."""
    answer = yield from authenticate(subject, key)
    require(answer.is_among((OK,)), f"EXTERNAL AUTHENTICATION with {key} was answered {answer.sw:04X}")


def tries(subject: Subject) -> Steps[int]:
    """Enter, verify the PIN that was given, and return the tries left then, its maximum; 0 where the card tells none.

    NotRun for a card without a PIN, and as for :func:`verify`.
    """
    yield from environment(subject)
    if (yield from tell(commands.verify_query())).is_among((OK,)):
        raise NotRun("the card has no PIN set")
    yield from verify(subject)
    state = yield from tell(commands.verify_query())
    return state.sw & 0x0F if state.sw & 0xFFF0 == 0x63C0 else 0


def given(subject: Subject) -> Secret:
    """The PIN that was given; one must have been, as :func:`verify` has seen to."""
    assert subject.pin is not None, "verify() has looked"
    return subject.pin


def other_pin(subject: Subject) -> Secret:
    """Another PIN than that given, with as many digits."""
    digits = given(subject).reveal().hex()
    return Secret(bytes.fromhex("".join(digit if digit == "f" else str(int(digit) ^ 1) for digit in digits)))


def verify(subject: Subject) -> Steps[None]:
    """VERIFY the PIN, if the card has one; NotRun where it was not given or fewer than two tries are left."""
    state = yield from tell(commands.verify_query())
    if state.is_among((OK,)):
        return
    if subject.pin is None:
        raise NotRun("no PIN was given")
    if state.sw & 0xFFF0 != 0x63C0 or state.sw & 0x0F < 2:
        raise NotRun("the PIN is blocked, or has one try left")
    if PIN in subject.refused:
        raise NotRun("the PIN was refused before: one more failure might block it")
    answer = yield from tell(commands.verify(subject.pin))
    if not answer.is_among((OK,)):
        subject.refused.add(PIN)
    require(answer.is_among((OK,)), f"the PIN that was given is refused: {answer.sw:04X}")


def opened(subject: Subject, file: AddressableFile, directory: Directory) -> Steps[None]:
    """Enter the directory and win what its file asks of a reader: with the PIN if it was given, else with keys only."""
    yield from enter(subject, directory)
    found = ways(file.read)
    if not found:
        raise NotRun("nobody may read the file")
    yield from win(subject, min(found, key=lambda way: (len(way.keys), way.pin) if subject.pin else (way.pin, 0)))


def first_of(file: AddressableFile, *, ne: int = 256) -> CommandAPDU:
    """The command that reads the beginning of a file by its SFI: record 1, or the first byte."""
    if isinstance(file, TransparentFile):
        return commands.read_binary(0, sfi=file.sfi, ne=1)
    return commands.read_record(1, commands.RecordMode.NUMBER, sfi=file.sfi, ne=ne)


def written_back(file: AddressableFile, data: bytes) -> CommandAPDU:
    """The command that writes what :func:`first_of` read to where it stands; a cyclic file gets it once more."""
    if isinstance(file, TransparentFile):
        return commands.update_binary(0, data, sfi=file.sfi)
    if isinstance(file, CyclicFile):
        return commands.update_record(0, commands.RecordMode.PREVIOUS_WITH_IDENTIFIER, data, sfi=file.sfi)
    return commands.update_record(1, commands.RecordMode.NUMBER, data, sfi=file.sfi)
