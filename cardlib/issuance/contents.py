"""What a file of a card under construction holds, and what is missing in it."""

from collections.abc import Iterator, Sequence
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import Step
from apdu.response import ResponseAPDU
from apdu.status import OK
from apdu.tlv import parse_simple
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.cos.plan import PlannedFile
from cardlib.errors import ReadBackError
from cardlib.forms import END_REACHED, OFFSET_OUTSIDE, RECORD_NOT_FOUND, slices, whole
from cardlib.model import Structure

_ENDS: Final = (OK, END_REACHED, OFFSET_OUTSIDE, RECORD_NOT_FOUND)


def reading(file: PlannedFile, wanted: Sequence[bytes]) -> tuple[Step, ...]:
    """The commands that read as much of a file as is wanted in it; one that finds less is no error."""
    if file.structure is Structure.TRANSPARENT:
        steps = slices(sum(map(len, wanted)), file.sfi)
    else:
        steps = whole(tuple(map(len, wanted)), file.sfi)
    return tuple(Step(step.command, _ENDS) for step in steps)


def held(file: PlannedFile, answers: Sequence[ResponseAPDU]) -> tuple[bytes, ...]:
    """The records that these answers hold, or all bytes as one; raises TlvError for a record that is cut off."""
    run = b"".join(answer.data for answer in answers)
    match file.structure:
        case Structure.TRANSPARENT:
            return (run,)
        case Structure.CYCLIC:
            return tuple(run[at : at + file.record_size] for at in range(0, len(run), file.record_size))
        case _:
            return tuple(bytes((tag, len(value))) + value for tag, value in parse_simple(run))


def missing(file: PlannedFile, wanted: Sequence[bytes], found: Sequence[bytes], chunk: int) -> Iterator[CommandAPDU]:
    """The commands that make a file hold what is wanted; nothing that stands there is written again.

    ``found``: what it holds, empty for a new one. Raises :class:`~cardlib.errors.ReadBackError` where no command can
    bring it there: a cyclic file that holds other records.
    """
    sfi = file.sfi
    match file.structure:
        case Structure.TRANSPARENT:
            yield from _missing_bytes(file, b"".join(wanted), b"".join(found), chunk)
        case Structure.CYCLIC:
            if tuple(wanted[len(wanted) - len(found) :]) != tuple(found):
                raise ReadBackError(file.name)
            for record in reversed(wanted[: len(wanted) - len(found)]):
                yield commands.update_record(0x00, RecordMode.PREVIOUS_WITH_IDENTIFIER, record, sfi=sfi)
        case _:
            for number, record in enumerate(wanted, start=1):
                if list(found[number - 1 : number]) != [record]:
                    yield commands.update_record(number, RecordMode.NUMBER, record, sfi=sfi)


def _missing_bytes(file: PlannedFile, wanted: bytes, found: bytes, chunk: int) -> Iterator[CommandAPDU]:
    """From the end to the beginning, so that a file that has its beginning has all of it.

    A chip may read bytes that were never written as 00: an end of zeros is written where anything else is missing.
    """
    places = [at for at in range(0, len(wanted), chunk) if wanted[at : at + chunk] != found[at : at + chunk]]
    last = (len(wanted) - 1) // chunk * chunk
    if places and places[-1] != last and not any(wanted[last:]):
        places.append(last)
    if any(places):  # offsets beyond a byte leave no room for an SFI
        yield commands.select_file(file.fid or 0)
    for at in reversed(places):
        yield commands.update_binary(at, wanted[at : at + chunk], sfi=0 if any(places) else file.sfi)
