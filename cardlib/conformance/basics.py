"""Groups ATR, SELECT and COMMAND: what every card does before anything is read from it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from apdu.atr import ATR
from apdu.command import CommandAPDU
from apdu.errors import AtrError, TlvError
from apdu.flow import ask
from apdu.response import ResponseAPDU
from apdu.status import OK
from apdu.tlv import find, parse
from cardlib import commands
from cardlib.conformance.case import Allowed, Case, CaseFlow, Deviation, NotRun, ResetCard, Subject
from cardlib.conformance.steps import FACTOR, ORIGINAL, Steps, enter, environment, must, require, tell
from cardlib.fci import DF_NAME, FCI_TEMPLATE, PROPRIETARY
from cardlib.model import CardProfile, Directory

HISTORICAL_BYTES: Final = 13
_DIRECTORY_SFI, _RECORD_TEMPLATE, _APPLICATION, _AID = 0x88, 0x70, 0x61, 0x4F
_MOST_DIRECTORY_RECORDS: Final = 10
_OK: Final = ResponseAPDU(b"")
_ISSUER_SFI: Final = 0x05
_ATR_FORMS: Final = frozenset({0x20, 0x30, 0x60, 0x70, 0x80, 0x90, 0xC0, 0xD0})


def basic_cases(profile: CardProfile) -> Iterator[Case]:
    """The cases of ATR, SELECT and COMMAND for cards of a profile."""
    yield from _atr()
    yield from _select(profile)
    yield from _commands()


def _atr() -> Iterator[Case]:
    ok = Allowed("9000")
    yield Case("ATR.form", "S2.2 §8.1–8.3", "The ATR is well-formed; TS is 3B, T0 one of the forms listed", ok, _form)
    yield Case("ATR.protocol", "S2.2 §8.3", "T=0 is the protocol offered first", ok, _protocol)
    yield Case("ATR.historical", "S2.2 §8.4", "There are 13 historical bytes", ok, _historical)
    yield Case("ATR.again", "S2.2 §6.1", "A reset brings the same ATR, and the card goes on working", ok, _again)


def _parsed(subject: Subject) -> ATR:
    try:
        return ATR.from_bytes(subject.atr)
    except AtrError as error:
        raise Deviation(f"the ATR is malformed: {error}") from None


def _form(subject: Subject) -> Steps[ResponseAPDU]:
    atr = _parsed(subject)
    require(not atr.inverse, "TS is not 3B")
    require(atr.raw[1] & 0xF0 in _ATR_FORMS, "T0 announces interface characters that no card has")
    yield from ()
    return _OK


def _protocol(subject: Subject) -> Steps[ResponseAPDU]:
    require(_parsed(subject).protocols[0] == 0, "the first protocol offered is not T=0")
    yield from ()
    return _OK


def _historical(subject: Subject) -> Steps[ResponseAPDU]:
    count = len(_parsed(subject).historical_bytes)
    require(count == HISTORICAL_BYTES, f"there are {count} historical bytes")
    yield from ()
    return _OK


def _again(subject: Subject) -> Steps[ResponseAPDU]:
    atr = yield from ask(ResetCard())
    require(atr == subject.atr, "the ATR is another one after a reset")
    return (yield from environment(subject))


def _select(profile: CardProfile) -> Iterator[Case]:
    absent = CommandAPDU(0x00, 0xA4, 0x04, 0x00, b"NO SUCH DF", 256)
    ok = Allowed("9000")
    yield Case(
        "SELECT.recognised", "S2.3 §6, S1 T9", "The SSSE is there, and EF05 says which version it is", ok, _recognised
    )
    yield Case("SELECT.ssse", "S2.5 T36", "The FCI of the SSSE has the template, its name, and A5", ok, _environment)
    yield Case(
        "SELECT.absent", "S2.5 §6.11", "A name that no directory has is not found", Allowed("6A82"), _one(absent)
    )
    yield Case(
        "SELECT.kept", "S2.5 §6.11", "A SELECT that fails leaves the selection as it was", ok, partial(_kept, absent)
    )
    yield Case("SELECT.p1", "S2.5 §6.11", "An undefined P1 is refused", Allowed("6A86"), _one(replace(absent, p1=0x0F)))
    yield Case("SELECT.dir", "S2.3 §6.3", "What the DIR file lists can be selected", ok, partial(_listed, profile))
    for directory in profile.directories[1:]:
        yield Case(
            f"SELECT.{directory.name}",
            "S2.5 T38, S2.3 §5.2",
            f"{directory.name} is found by name and by FID; its FCI has the name",
            ok,
            partial(_directory, directory),
        )


def _recognised(subject: Subject) -> Steps[ResponseAPDU]:
    require(not subject.unrecognised, subject.unrecognised)
    return (yield from environment(subject))


def _environment(subject: Subject) -> Steps[ResponseAPDU]:
    answer = yield from must(commands.select_name(subject.profile.name))
    require(_named(answer.data) == subject.profile.name, "the FCI does not have the name under 6F, 84")
    require(_inside(answer.data, FCI_TEMPLATE, PROPRIETARY) is not None, "the FCI has no A5")
    return answer


def _kept(absent: CommandAPDU, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from tell(absent)
    return (yield from tell(_read_issuer()))


def _directory(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    answer = yield from must(commands.select_name(directory.df_name))
    require(_named(answer.data) == directory.df_name, "the FCI does not have the name under 6F, 84")
    yield from environment(subject)
    assert directory.fid is not None, "all directories below the SSSE have one"
    return (yield from tell(commands.select_directory(directory.fid)))


def _listed(profile: CardProfile, subject: Subject) -> Steps[ResponseAPDU]:
    fci = (yield from must(commands.select_name(subject.profile.name))).data
    sfi = _inside(fci, FCI_TEMPLATE, PROPRIETARY, _DIRECTORY_SFI)
    if sfi is None:
        raise NotRun("the FCI names no DIR file: every application of the standard counts as present")
    require(len(sfi) == 1 and 1 <= sfi[0] <= 0x1E, "the SFI of the DIR file is not 01…1E")
    found: list[bytes] = []
    answer = _OK
    for number in range(1, _MOST_DIRECTORY_RECORDS + 1):
        answer = yield from tell(commands.read_record(number, commands.RecordMode.NUMBER, sfi=sfi[0], ne=256))
        if not answer.is_among((OK,)):
            break
        names = _entries(answer.data)
        require(bool(names), f"record {number} of the DIR file has no 61, 4F")
        found += names
    require(answer.sw in {0x6A82, 0x6A83, OK}, f"the DIR file ends with {answer.sw:04X}, not 6A83")
    known = {directory.df_name for directory in profile.directories}
    answer = yield from environment(subject)
    for aid in found:
        if aid in known:
            answer = yield from must(commands.select_name(aid, ne=None))
    return answer


def _entries(record: bytes) -> list[bytes]:
    """The names in a record of the DIR file: entries 61, bare or inside 70 [flows R47]."""
    try:
        objects = parse(record)
    except TlvError:
        raise Deviation("a record of the DIR file is no BER-TLV") from None
    inside = [child for found in objects if found.tag == _RECORD_TEMPLATE for child in found.children]
    entries = [found for found in (*objects, *inside) if found.tag == _APPLICATION]
    return [child.value for entry in entries for child in entry.children if child.tag == _AID]


def _named(fci: bytes) -> bytes | None:
    return _inside(fci, FCI_TEMPLATE, DF_NAME)


def _inside(data: bytes, *tags: int) -> bytes | None:
    try:
        return find(data, *tags)
    except TlvError:
        raise Deviation("what should be BER-TLV is none") from None


def _commands() -> Iterator[Case]:
    challenge = CommandAPDU(0x00, 0x84, 0x00, 0x00, ne=8)
    proof = commands.internal_authenticate(FACTOR, ORIGINAL)
    length, parameters = Allowed("6700"), Allowed("6A86")
    yield Case(
        "COMMAND.ins", "S2.5 T5", "An unknown INS is refused", Allowed("6D00"), _one(CommandAPDU(0x00, 0x02, 0, 0))
    )
    yield Case(
        "COMMAND.cla", "S2.5 T5", "An unknown CLA is refused", Allowed("6E00"), _one(CommandAPDU(0xF0, 0xA4, 0, 0))
    )
    yield Case("COMMAND.challenge", "S2.5 §6.5", "Challenges have 4, 8 and 16 bytes", Allowed("9000"), _challenges)
    yield Case("COMMAND.fresh", "S2.5 §6.5", "No two challenges are alike", Allowed("9000"), _fresh)
    yield Case(
        "COMMAND.challenge_length",
        "S2.5 §6.5",
        "GET CHALLENGE refuses another Le",
        length,
        _one(replace(challenge, ne=5)),
        raw=True,
    )
    yield Case(
        "COMMAND.challenge_p2",
        "S2.5 §6.5",
        "GET CHALLENGE refuses another P2",
        parameters,
        _one(replace(challenge, p2=0x01)),
    )
    yield Case(
        "COMMAND.proof_length",
        "S2.5 §6.8",
        "INTERNAL AUTHENTICATION refuses 15 bytes of data",
        length,
        _one(replace(proof, data=(FACTOR + ORIGINAL)[:15])),
    )
    yield Case(
        "COMMAND.proof_p1",
        "S2.5 §6.8",
        "INTERNAL AUTHENTICATION refuses another P1",
        parameters,
        _one(replace(proof, p1=0x7F)),
    )
    yield Case(
        "COMMAND.proof_version",
        "S2.5 §6.8",
        "A key version that the card does not have is not found",
        Allowed("6A88"),
        _one(commands.internal_authenticate(FACTOR, ORIGINAL, key_version=0x7F)),
    )
    yield Case(
        "COMMAND.le",
        "S2.5 §6.10",
        "READ RECORD with Le 00 is answered with the right Le, or by a reader that heeds it",
        Allowed("6C0B 9000"),
        _le,
        raw=True,
    )
    yield Case(
        "COMMAND.response",
        "S2.5 §6.6",
        "GET RESPONSE is refused when nothing waits",
        Allowed("6F00"),
        _one(CommandAPDU(0x00, 0xC0, 0, 0, ne=1)),
        raw=True,
    )


def _one(command: CommandAPDU) -> CaseFlow:
    """The flow of one command to the SSSE."""
    return partial(_alone, command)


def _alone(command: CommandAPDU, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    # The FCI may be waiting for GET RESPONSE; the next command drops it [S2.5 §6.6].
    yield from tell(commands.verify_query())
    return (yield from tell(command))


def _challenges(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    answer = _OK
    for size in (4, 8, 16):
        answer = yield from must(commands.get_challenge(size))
        require(len(answer.data) == size, f"a challenge of {size} bytes has {len(answer.data)}")
    return answer


def _fresh(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    found = []
    answer = _OK
    for _ in range(4):
        answer = yield from must(commands.get_challenge())
        found.append(answer.data)
    require(len(set(found)) == len(found), "a challenge came twice")
    return answer


def _le(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    answer = yield from tell(replace(_read_issuer(), ne=256))
    require(answer.sw != OK or len(answer.data) == 11, "the record is not answered whole")
    return answer


def _read_issuer() -> CommandAPDU:
    """READ RECORD of the last record of EF05 by its tag, 11 bytes."""
    return commands.read_record(0x07, commands.RecordMode.FIRST_WITH_IDENTIFIER, sfi=_ISSUER_SFI, ne=11)
