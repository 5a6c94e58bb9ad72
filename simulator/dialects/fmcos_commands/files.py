"""READ and UPDATE of BINARY and RECORD, and APPEND RECORD, of the manual's world."""

from simulator.command import SW, Command, Refused
from simulator.commands.binary import place
from simulator.commands.records import BY_NUMBER, NEXT, PREVIOUS, find, move
from simulator.dialects.fmcos_commands.protection import read_challenge, sealed, written
from simulator.dialects.fmcos_commands.state import MAX_BODY
from simulator.files import MAX_SFI, File, Kind
from simulator.session import Session

_FIRST = 0


def read_binary(session: Session, command: Command) -> bytes:
    """00 or 04 B0: bytes of a transparent file, at most to its end and 239.

    Class 04 for files that ask for it, and only for those: a MAC in, the same at the end of the answer. Refuses with
    6A86, 6986, 6A82, 6981, 6982, 6B00, 6900, 6987, 6988; 6281 with the data where some was never written.
    """
    file, sfi, offset = place(session, command)
    if not session.may_read(file):
        raise Refused(SW.SECURITY_STATUS)
    if offset >= file.size:
        raise Refused(SW.WRONG_OFFSET)
    protected = read_challenge(session, command, file)
    end = min(file.size, offset + min(command.wanted, MAX_BODY))
    answer = session.store.content(file)[offset:end]
    if protected is None:
        command.fit(len(answer))
    if sfi:
        session.selection.use(file)
    answer = sealed(answer, file, protected)
    if session.store.written(file) < end:
        raise Refused(SW.WARNING_UNWRITTEN, answer)
    return answer


def read_record(session: Session, command: Command) -> bytes:
    """00 or 04 B2: a record by number (P2 mode 4), or in a variable file by its tag (mode 0).

    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6A83, 6900, 6987, 6988 and 6Cxx.
    """
    sfi, mode = command.p2 >> 3, command.p2 & 7
    file = _records(session, sfi, mode in {_FIRST, BY_NUMBER} and command.p1 not in {0x00, 0xFF})
    if not session.may_read(file):
        raise Refused(SW.SECURITY_STATUS)
    records = session.store.records(file)
    index: int | None = command.p1 - 1
    if mode == _FIRST:
        index = find(records, command.p1, mode, None) if file.kind is Kind.LINEAR else None
    if index is None or index >= len(records):
        raise Refused(SW.RECORD_NOT_FOUND)
    protected = read_challenge(session, command, file)
    answer = sealed(records[index], file, protected)
    if protected is None:
        command.fit(len(answer))
    move(session.selection, file, index if mode == _FIRST else None)
    return answer


def update_binary(session: Session, command: Command) -> bytes:
    """00 or 04 D6 (D0): bytes of a transparent file; class 04 with a MAC, and encrypted where the file's type says so.

    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6987, 6900, 6988, 6700 and 6B00.
    """
    file, sfi, offset = place(session, command)
    data = written(session, command, file)
    if offset >= file.size or offset + len(data) > file.size:
        raise Refused(SW.WRONG_OFFSET)
    session.store.write_content(file, offset, data)
    if sfi:
        session.selection.use(file)
    return b""


def update_record(session: Session, command: Command) -> bytes:
    """00 or 04 DC (D2): a whole record; P2 mode 4 by number, 0…3 in a variable file by the tag in P1.

    The number behind the last appends, and so do P1 00 with mode 2 in a variable file and with mode 3 in a cyclic one,
    which knows no other form. A record of a variable file is replaced by one of its length; the tag may be another.
    Refuses as UPDATE BINARY, and with 6A80 (no TLV), 6A83 and 6A84.
    """
    sfi, mode = command.p2 >> 3, command.p2 & 7
    file = _records(session, sfi, mode <= BY_NUMBER and command.p1 != 0xFF)
    if file.kind is Kind.CYCLIC:
        if (command.p1, mode) != (0, PREVIOUS):
            raise Refused(SW.WRONG_P1P2)
        _append(session, file, written(session, command, file))
        return b""
    data = _record(file, written(session, command, file))
    index = _index(session, file, command.p1, mode, sfi)
    records = session.store.records(file)
    if index < len(records) and len(records[index]) != len(data):
        raise Refused(SW.WRONG_LENGTH)
    session.store.write_record(file, index, data)
    move(session.selection, file, index)
    return b""


def append_record(session: Session, command: Command) -> bytes:
    """00 or 04 E2, P1 00, P2 mode 4: a record at the end, in a cyclic file at the beginning. Refusals as above."""
    sfi, mode = command.p2 >> 3, command.p2 & 7
    file = _records(session, sfi, mode == BY_NUMBER and command.p1 == 0)
    _append(session, file, written(session, command, file))
    return b""


def _records(session: Session, sfi: int, well_formed: bool) -> File:  # noqa: FBT001
    """The file with records that P2 means; refuses with 6A86, 6986, 6A82 and 6981."""
    if not well_formed or sfi > MAX_SFI or (sfi and not session.quirks.sfi):
        raise Refused(SW.WRONG_P1P2)
    file = session.selection.file_by_sfi(sfi)
    if not file.has_records:
        raise Refused(SW.WRONG_STRUCTURE)
    return file


def _append(session: Session, file: File, data: bytes) -> None:
    data = _record(file, data)
    if file.kind is Kind.CYCLIC:
        session.store.append_newest(file, data)
        index = 0
    else:
        index = len(session.store.records(file))
        session.store.write_record(file, index, data)
    move(session.selection, file, index)


def _record(file: File, data: bytes) -> bytes:
    """A record that has the file's form; refuses with 6700 and 6A80."""
    if file.kind is not Kind.LINEAR:
        if len(data) != file.size:
            raise Refused(SW.WRONG_LENGTH)
    elif len(data) < 2 or data[1] != len(data) - 2:
        raise Refused(SW.WRONG_DATA)
    return data


def _index(session: Session, file: File, p1: int, mode: int, sfi: int) -> int:
    """Where the record goes; that behind the last appends."""
    records = session.store.records(file)
    pointer = session.selection.pointer if sfi == 0 else None
    index: int | None
    if mode == BY_NUMBER:
        index = p1 - 1 if p1 else pointer
    elif file.kind is not Kind.LINEAR:
        index = None
    elif (p1, mode) == (0, NEXT):
        index = len(records)
    else:
        index = find(records, p1, mode, pointer)
    if index is None or index > len(records):
        raise Refused(SW.RECORD_NOT_FOUND)
    return index
