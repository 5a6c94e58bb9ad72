"""Groups SSSE_SAFETY and DFnn_SAFETY: who may read and update which file, when rights end, what keys guard."""

from collections.abc import Iterator
from functools import partial

from apdu.flow import ask
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import commands
from cardlib.access import Way, ways
from cardlib.conformance.case import Allowed, Case, Harm, NotRun, ResetCard, Subject
from cardlib.conformance.steps import (
    FILE_NOT_FOUND,
    ORIGINAL,
    RECORD_NOT_FOUND,
    Steps,
    authenticate,
    enter,
    environment,
    first_of,
    must,
    opened,
    permit,
    present,
    present_key,
    require,
    tell,
    win,
    written_back,
)
from cardlib.keys import Purpose
from cardlib.model import AddressableFile, CardProfile, CyclicFile, Directory, LinearFile

REFUSED = Allowed("6982")
EMPTY = "nothing was entered in the file yet"
_WRONG = bytes(8)
_NO_MAC = bytes(commands.MAC_SIZE)


def safety_cases(profile: CardProfile) -> Iterator[Case]:
    """The cases of SSSE_SAFETY and DFnn_SAFETY for cards of a profile."""
    yield from _keys(profile)
    for directory in profile.directories:
        files = [file for file in directory.files if isinstance(file, AddressableFile)]
        for file in files:
            yield from _rules(directory, file)
        plain = next((file for file in files if _takes_no_mac(file)), None)
        if plain is not None:
            title = f"{plain.fid:04X}: no file is updated with secure messaging: CLA 04 is refused, with the right to"
            allowed = Allowed("6E00 6700 6981 6982 6984 6985 6988 6A80 6A81 6A85")
            flow = partial(_secure, directory, plain)
            yield Case(f"{directory.name}_SAFETY.secure", "S2.7 §7.3", title, allowed, flow, Harm.WRITES)
        # One file behind a key shows when rights end.
        guarded = next((file for file in files if _by_key(file) is not None), None)
        if guarded is not None:
            yield from _endings(profile, directory, guarded)


def _rules(directory: Directory, file: AddressableFile) -> Iterator[Case]:
    group, name = f"{directory.name}_SAFETY", f"{file.fid:04X}"
    clause = f"{file.clause}, S2.4 §6"
    if any(way.pin or way.keys for way in ways(file.read)):
        title = f"{name}: read access asks for {file.read}, and is refused without"
        yield Case(f"{group}.{name}.read", clause, title, REFUSED, partial(_unread, directory, file))
    for way in ways(file.read):
        for less in _parts(way):
            title = f"{name}: read access asks for {file.read}, and is refused for {_named(less)} alone"
            flow = partial(_in_part, directory, file, less)
            yield Case(f"{group}.{name}.read_{_named(less)}", clause, title, REFUSED, flow)
    if ways(file.read) and not any(not way.pin and not way.keys for way in ways(file.update)):
        title = f"{name}: update access asks for {file.update}, and is refused without"
        allowed = REFUSED if ways(file.update) else Allowed("6982 6981 6985 6A81")
        # A card that allows it has one record more in a cyclic file; in others it has what it had.
        harm = Harm.WRITES if isinstance(file, CyclicFile) else Harm.NONE
        yield Case(f"{group}.{name}.update", clause, title, allowed, partial(_unwritten, directory, file), harm)


def _parts(way: Way) -> Iterator[Way]:
    """What is less than a way of several parts: each of them alone."""
    if len(way.keys) + way.pin > 1:
        yield from (Way(pin=False, keys=frozenset({key})) for key in sorted(way.keys))
        if way.pin:
            yield Way(pin=True, keys=frozenset())


def _named(way: Way) -> str:
    return "+".join([*(["PIN"] if way.pin else []), *sorted(way.keys)])


def _no_pin_set(subject: Subject, file: AddressableFile) -> Steps[None]:
    """Where no PIN is set, what asks for it alone is free [S2.7 §5.6]; NotRun then."""
    state = yield from tell(commands.verify_query())
    if state.is_among((OK,)) and any(way.pin for way in ways(file.read)):
        raise NotRun("the card has no PIN set")
    require(not subject.unrecognised, subject.unrecognised)


def _unread(directory: Directory, file: AddressableFile, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from _no_pin_set(subject, file)
    return _there(file, (yield from tell(first_of(file))))


def _in_part(directory: Directory, file: AddressableFile, less: Way, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    yield from _no_pin_set(subject, file)
    yield from win(subject, less)
    return _there(file, (yield from tell(first_of(file))))


def _unwritten(directory: Directory, file: AddressableFile, subject: Subject) -> Steps[ResponseAPDU]:
    """What is to be refused would write what stands there already."""
    yield from opened(subject, file, directory)
    before = present(file, (yield from tell(first_of(file))))
    if before.sw == RECORD_NOT_FOUND and isinstance(file, CyclicFile):
        raise NotRun(EMPTY)
    require(before.is_among((OK,)), f"the file could not be read: {before.sw:04X}")
    yield from ask(ResetCard())
    yield from enter(subject, directory)
    return (yield from tell(written_back(file, before.data)))


def _there(file: AddressableFile, answer: ResponseAPDU) -> ResponseAPDU:
    return present(file, answer) if answer.sw == FILE_NOT_FOUND else answer


def _by_key(file: AddressableFile) -> Way | None:
    """The way to read a file with one key."""
    return next((way for way in ways(file.read) if not way.pin and len(way.keys) == 1), None)


def _endings(profile: CardProfile, directory: Directory, file: AddressableFile) -> Iterator[Case]:
    group, name = f"{directory.name}_SAFETY", f"{file.fid:04X}"
    way = _by_key(file)
    assert way is not None, "the file was chosen for it"
    title = f"{name}: the right to read it ends with a reset"
    flow = partial(_after_reset, directory, file, way)
    yield Case(f"{group}.reset", "S2.4 §6, S2.7 §6.6", title, REFUSED, flow)
    if directory.fid is not None:
        title = f"{name}: the right to read it ends when another application is selected"
        yield Case(f"{group}.left", "S2.5 §6.11, S2.7 §6.6", title, REFUSED, partial(_left, directory, file, way))
    other = next(
        (
            key
            for key, declared in profile.keys.items()
            if declared.directory == directory.name
            and declared.purpose in {Purpose.READ, Purpose.UPDATE}
            and declared.card_id is not None
            and key not in file.read.keys
            and any(key in candidate.update.keys for candidate in directory.files)
        ),
        None,
    )
    if other is not None:
        title = f"{name}: another key ({other}) does not open it"
        flow = partial(_in_part, directory, file, Way(pin=False, keys=frozenset({other})))
        yield Case(f"{group}.other_key", "S2.4 §7.1", title, REFUSED, flow)


def _takes_no_mac(file: AddressableFile) -> bool:
    return isinstance(file, LinearFile) and bool(ways(file.read) and ways(file.update)) and not file.secure_messaging


def _secure(directory: Directory, file: AddressableFile, subject: Subject) -> Steps[ResponseAPDU]:
    """With a MAC that is none, over what stands there already; the challenge it would be made from is there."""
    yield from opened(subject, file, directory)
    before = present(file, (yield from tell(first_of(file))))
    require(before.is_among((OK,)), f"the file could not be read: {before.sw:04X}")
    yield from win(subject, ways(file.update)[0])
    yield from must(commands.get_challenge())
    answer = yield from tell(commands.with_mac(written_back(file, before.data), _NO_MAC))
    after = yield from must(first_of(file))
    require(after.data == before.data, "the record is another one afterwards")
    return answer


def _read(directory: Directory, file: AddressableFile, way: Way, subject: Subject) -> Steps[None]:
    yield from enter(subject, directory)
    yield from _no_pin_set(subject, file)
    yield from win(subject, way)
    answer = present(file, (yield from tell(first_of(file))))
    require(answer.is_among((OK,)), f"with {_named(way)} the file was not read: {answer.sw:04X}")


def _after_reset(directory: Directory, file: AddressableFile, way: Way, subject: Subject) -> Steps[ResponseAPDU]:
    yield from _read(directory, file, way, subject)
    yield from ask(ResetCard())
    yield from enter(subject, directory)
    return (yield from tell(first_of(file)))


def _left(directory: Directory, file: AddressableFile, way: Way, subject: Subject) -> Steps[ResponseAPDU]:
    yield from _read(directory, file, way, subject)
    yield from enter(subject, directory)
    return (yield from tell(first_of(file)))


def _keys(profile: CardProfile) -> Iterator[Case]:
    """What guards the keys themselves, tried on the one that updates EF05."""
    issuer = profile.file_named("issuer")
    (way,) = ways(issuer.update)
    (key,) = way.keys
    no_challenge = Allowed("6984")
    clause = "S2.5 §6.4, §6.5"
    title = "A challenge serves one authentication"
    yield Case("SSSE_SAFETY.challenge_once", clause, title, no_challenge, partial(_twice, key))
    title = "A challenge ends when another application is selected"
    flow = partial(_elsewhere, key, profile.directories[1])
    yield Case("SSSE_SAFETY.challenge_elsewhere", clause, title, no_challenge, flow)
    title = "A key that the card does not have is not found"
    yield Case("SSSE_SAFETY.key_absent", clause, title, Allowed("6A88 6A86"), _absent)


def _twice(key: str, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    command = yield from permit(subject, key)
    first = yield from present_key(subject, key, command)
    require(first.is_among((OK,)), f"the first authentication was answered {first.sw:04X}")
    answer = yield from tell(command)
    # Whatever a card has counted that computed with something else is won back.
    yield from authenticate(subject, key)
    return answer


def _elsewhere(key: str, directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    command = yield from permit(subject, key)
    yield from enter(subject, directory)
    answer = yield from tell(command)
    yield from authenticate(subject, key)
    return answer


def _absent(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    yield from must(commands.get_challenge())
    return (yield from tell(commands.external_authenticate(0x0F, _WRONG, ORIGINAL, key_version=1)))
