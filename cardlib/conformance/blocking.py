"""Group BLOCK: applications and the card are blocked for good, or not, when something is missing."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import ask
from apdu.response import ResponseAPDU
from cardlib import commands
from cardlib.conformance.case import Allowed, Case, Harm, ResetCard, Subject
from cardlib.conformance.steps import Steps, enter, environment, may, must, require, tell, with_mac
from cardlib.keys import Evidence, Purpose
from cardlib.model import CardProfile, Directory

_NO_MAC: Final = bytes(commands.MAC_SIZE)
_BK, _STK = "BK", "STKSSSE"
APPLICATION_BLOCKED, CARD_BLOCKED = 0x9303, 0x6A81


def blocking_cases(profile: CardProfile) -> Iterator[Case]:
    """The cases of BLOCK for cards of a profile: what is refused first, then applications, the card last of all.

    Applications are those with a key for it whose number is published (LK of DF03 and DF04); for others the standard
    has no way [S2.6 T3].
    """
    found = [
        (directory, key.name)
        for directory in profile.directories
        for key in profile.keys.values()
        if key.directory == directory.name
        and key.purpose is Purpose.APPLICATION_BLOCK
        and key.card_id_source is not Evidence.INFERRED
    ]
    for directory, key in found:
        yield from _refusals(directory.name, directory, commands.block_application(), key, f"STK{directory.name}")
    yield from _refusals("card", profile.directories[0], commands.block_card(), _BK, _STK)
    for directory, key in found:
        title = f"{directory.name}: the right of BK is not that of {key}, and blocks no application that has its own"
        flow = partial(_by_another, directory)
        yield Case(f"BLOCK.{directory.name}_other_key", "S2.4 §7.1", title, Allowed("6982"), flow, Harm.RISKS)
    for directory, key in found:
        title = f"{directory.name} is blocked for good: it is selected no more, and others are"
        clause = "S2.5 §6.1, S2.7 §13.2"
        flow = partial(_application, profile, directory, key)
        yield Case(f"BLOCK.{directory.name}", clause, title, Allowed("9303"), flow, Harm.ENDS)
    title = "The card is blocked for good: every command is refused, also after a reset"
    yield Case("BLOCK.card", "S2.5 §6.2, S2.7 §13.1", title, Allowed("6A81"), _card, Harm.ENDS)


def _refusals(name: str, directory: Directory, command: CommandAPDU, key: str, maintenance: str) -> Iterator[Case]:
    def case(what: str, title: str, expected: str, flow: partial[Steps[ResponseAPDU]]) -> Case:
        return Case(f"BLOCK.{name}_{what}", clause, f"{command.name}: {title}", Allowed(expected), flow, Harm.RISKS)

    clause = "S2.5 §6.1, S2.7 §13.2" if directory.fid is not None else "S2.5 §6.2, S2.7 §13.1"
    flow = partial(_without_right, directory, command, maintenance)
    yield case("right", f"refused without the right of {key}, and for a right MAC alone", "6982", flow)
    flow = partial(_without_challenge, directory, command, key)
    yield case("challenge", "refused without a challenge", "6984", flow)
    flow = partial(_wrong_mac, directory, command, key, maintenance)
    yield case("mac", "refused with a wrong MAC", "6988", flow)
    flow = partial(_length, directory, command, key)
    yield case("length", "refused without a MAC, and with five bytes", "6700", flow)


def _without_right(directory: Directory, command: CommandAPDU, key: str, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    return (yield from tell((yield from with_mac(subject, key, command))))


def _without_challenge(directory: Directory, command: CommandAPDU, key: str, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from may(subject, key)
    return (yield from tell(commands.with_mac(command, _NO_MAC)))


def _wrong_mac(
    directory: Directory, command: CommandAPDU, key: str, maintenance: str, subject: Subject
) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from may(subject, key)
    return (yield from tell((yield from with_mac(subject, maintenance, command, wrong=True))))


def _length(directory: Directory, command: CommandAPDU, key: str, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from may(subject, key)
    yield from must(commands.get_challenge())
    short = yield from tell(commands.with_mac(command, b""))
    yield from must(commands.get_challenge())
    answer = yield from tell(commands.with_mac(command, _NO_MAC + b"\x00"))
    require(short.sw == answer.sw, f"no MAC was answered {short.sw:04X}, five bytes {answer.sw:04X}")
    return answer


def _by_another(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from may(subject, _BK)
    command = yield from with_mac(subject, f"STK{directory.name}", commands.block_application())
    return (yield from tell(command))


def _application(profile: CardProfile, directory: Directory, key: str, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from may(subject, key)
    yield from must((yield from with_mac(subject, f"STK{directory.name}", commands.block_application())))
    select = commands.select_name(directory.df_name, ne=None)
    for refused in (commands.get_challenge(), select):
        answer = yield from tell(refused)
        _refused(refused, answer, APPLICATION_BLOCKED)
    # Others are there as they were, and the environment with them.
    yield from environment(subject)
    other = next(found for found in profile.directories[1:] if found is not directory)
    yield from must(commands.select_name(other.df_name, ne=None))
    yield from ask(ResetCard())
    yield from environment(subject)
    return (yield from tell(select))


def _card(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from may(subject, _BK)
    yield from must((yield from with_mac(subject, _STK, commands.block_card())))
    select = commands.select_name(subject.profile.name, ne=None)
    for refused in (commands.get_challenge(), commands.verify_query(), select):
        answer = yield from tell(refused)
        _refused(refused, answer, CARD_BLOCKED)
    yield from ask(ResetCard())
    return (yield from tell(select))


def _refused(command: CommandAPDU, answer: ResponseAPDU, word: int) -> None:
    require(answer.sw == word, f"{command.name} to what is blocked was answered {answer.sw:04X}, not {word:04X}")
