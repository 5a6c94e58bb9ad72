"""READ RECORD [S2.3 §5.3, S2.5 §6.10]."""

from collections.abc import Sequence

from simulator.command import SW, Command, Refused
from simulator.files import MAX_SFI, File, Kind, Selection
from simulator.session import Session

FIRST, LAST, NEXT, PREVIOUS, BY_NUMBER, FROM_NUMBER, DOWN_TO_NUMBER = range(7)
"""Modes, the low three bits of P2; 0…3 take P1 as an identifier (tag), 4…6 as a record number."""


def read_record(session: Session, command: Command) -> bytes:
    """READ RECORD (读记录): whole records, tag and length included; those of a cyclic file have neither.

    P1: tag or number, 00 for any tag or for the record under the pointer; P2: SFI ‖ mode. Modes 5 and 6 answer all
    records from P1 to the last, and from the last down to P1, one behind the other. A reference by tag moves the record
    pointer to what it found, one by number does not; an SFI resets it and makes its file current.

    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6A83 and 6Cxx, in this order; nothing has moved then.
    """
    sfi, mode = command.p2 >> 3, command.p2 & 7
    _check_reference(session, command.p1, sfi, mode)
    selection = session.selection
    file = selection.file_by_sfi(sfi)
    if not file.has_records:
        raise Refused(SW.WRONG_STRUCTURE)
    if not session.may_read(file):
        raise Refused(SW.SECURITY_STATUS)
    records = session.store.records(file)
    pointer = selection.pointer if sfi == 0 else None
    if mode >= BY_NUMBER:
        answer = _by_number(records, command.p1, mode, pointer)
        command.fit(len(answer))
    else:
        pointer = _find(file, records, command.p1, mode, pointer)
        answer = records[pointer]
        command.fit(len(answer))
    move(selection, file, pointer)
    return answer


def _check_reference(session: Session, p1: int, sfi: int, mode: int) -> None:
    quirks = session.quirks
    if (
        p1 == 0xFF
        or sfi > MAX_SFI
        or mode > DOWN_TO_NUMBER
        or (sfi and not quirks.sfi)
        or (mode > BY_NUMBER and not quirks.whole_file)
        or (mode < BY_NUMBER and not quirks.by_tag)
    ):
        raise Refused(SW.WRONG_P1P2)


def _by_number(records: Sequence[bytes], number: int, mode: int, pointer: int | None) -> bytes:
    index = number - 1 if number else pointer
    if index is None or index >= len(records):
        raise Refused(SW.RECORD_NOT_FOUND)
    if mode == BY_NUMBER:
        return records[index]
    run = records[index:]
    return b"".join(run if mode == FROM_NUMBER else reversed(run))


def find(records: Sequence[bytes], tag: int, mode: int, pointer: int | None) -> int | None:
    """The index of the record that a mode 0…3 means, of those with this tag (00: of all); None when there is none."""
    indexes = _order(len(records), mode, pointer)
    return next((index for index in indexes if tag in {0, records[index][0]}), None)


def _find(file: File, records: Sequence[bytes], tag: int, mode: int, pointer: int | None) -> int:
    # Records of a cyclic file have no tag [S2.3 §5.3].
    found = None if tag and file.kind is Kind.CYCLIC else find(records, tag, mode, pointer)
    if found is None:
        raise Refused(SW.RECORD_NOT_FOUND)
    return found


def _order(count: int, mode: int, pointer: int | None) -> range:
    """The indexes to look at, in this order; without a pointer, next is first and previous is last."""
    if mode == NEXT and pointer is not None:
        return range(pointer + 1, count)
    if mode == PREVIOUS and pointer is not None:
        return range(pointer - 1, -1, -1)
    return range(count) if mode in {FIRST, NEXT} else range(count - 1, -1, -1)


def move(selection: Selection, file: File, pointer: int | None) -> None:
    """Make a file current, with this record pointer."""
    if selection.file is not file:
        selection.use(file)
    selection.pointer = pointer
