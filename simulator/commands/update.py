"""UPDATE RECORD and UPDATE BINARY [S2.3 §5.3, S2.5 §6.12, §6.13, S2.7 §7]."""

from typing import Final

from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.commands.binary import place
from simulator.commands.records import BY_NUMBER, PREVIOUS, find, move
from simulator.files import MAX_SFI, CyclicFile, File, LinearFile
from simulator.session import Session

MAX_RECORDS: Final = 0xFE
"""Record numbers are 01…FE [S2.3 §5.3]."""


def update_record(session: Session, command: Command) -> bytes:
    """UPDATE RECORD (更新记录): the data, a whole record, takes the place of another or is appended.

    P1: tag or number, 00 for any tag or for the record under the pointer; P2: SFI ‖ mode 0…4. In a linear file the
    number behind the last record appends, and so does a tag that no record has. In a cyclic file there is appending
    only: mode 3 with P1 00, the record becomes number 1; other forms are 6A86. An SFI makes its file current; a
    reference by tag, and every append, moves the record pointer to the record written.

    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6E00, 6987, 6984, 6988, 6700, 6A85, 6A83 and 6A84, in this order; nothing
    is written then.
    """
    sfi, mode = command.p2 >> 3, command.p2 & 7
    if command.p1 == 0xFF or sfi > MAX_SFI or mode > BY_NUMBER or (sfi and not session.quirks.sfi):
        raise Refused(SW.WRONG_P1P2)
    selection = session.selection
    file = selection.file_by_sfi(sfi)
    pointer = selection.pointer if sfi == 0 else None
    if isinstance(file, CyclicFile):
        pointer = _append_newest(session, file, command, mode)
    elif isinstance(file, LinearFile):
        pointer = _update_linear(session, file, command, mode, pointer)
    else:
        raise Refused(SW.WRONG_STRUCTURE)
    move(selection, file, pointer)
    return b""


def update_binary(session: Session, command: Command) -> bytes:
    """UPDATE BINARY (更新二进制): bytes of a transparent file from an offset on; P1 and P2 as for READ BINARY.

    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6E00, 6987, 6984, 6988, 6700 (no data), 6B00 (offset not inside the
    file) and 6700 (data beyond its end), in this order; nothing is written then.
    """
    file, sfi, offset = place(session, command)
    data = _authorised(session, command, file)
    content = session.memory.content(file)
    if offset >= len(content):
        raise Refused(SW.WRONG_OFFSET)
    end = offset + len(data)
    if end > len(content):
        raise Refused(SW.WRONG_LENGTH)
    session.memory.write_content(file, content[:offset] + data + content[end:])
    if sfi:
        session.selection.use(file)
    return b""


def _authorised(session: Session, command: Command, file: File) -> bytes:
    """The data to write, when the file's rule is satisfied and the MAC, which is taken off, is as the file asks."""
    if not session.security.satisfied(file.update):
        raise Refused(SW.SECURITY_STATUS)
    data = command.data
    if file.secure_messaging is None:
        if command.secure:
            raise Refused(SW.CLA_UNSUPPORTED)
    else:
        if not command.secure or len(data) < MAC_SIZE:
            raise Refused(SW.MAC_MISSING)
        data, mac = data[:-MAC_SIZE], data[-MAC_SIZE:]
        session.security.check_mac(file.secure_messaging, command.header + data, mac)
    if not data:
        raise Refused(SW.WRONG_LENGTH)
    return data


def _append_newest(session: Session, file: CyclicFile, command: Command, mode: int) -> int:
    lenient = session.quirks.lenient_append and (command.p1, mode) == (1, BY_NUMBER)
    if (command.p1, mode) != (0, PREVIOUS) and not lenient:
        raise Refused(SW.WRONG_P1P2)
    data = _authorised(session, command, file)
    if len(data) != file.size:
        raise Refused(SW.WRONG_LENGTH)
    older = session.memory.records(file)[: file.capacity - 1]
    session.memory.write_records(file, (data, *older))
    return 0


def _update_linear(session: Session, file: LinearFile, command: Command, mode: int, pointer: int | None) -> int | None:
    """Replace or append; returns where the record pointer is to stand."""
    data = _authorised(session, command, file)
    records = session.memory.records(file)
    if file.fixed and records and len(data) != len(records[0]):
        raise Refused(SW.WRONG_LENGTH)
    tag = 0 if mode == BY_NUMBER else command.p1
    if not 0 < data[0] < 0xFF or len(data) < 2 or data[1] != len(data) - 2 or tag not in {0, data[0]}:
        raise Refused(SW.WRONG_TLV)
    index = _index(records, command.p1, mode, pointer)
    written = (*records[:index], data, *records[index + 1 :])
    if len(written) > MAX_RECORDS or sum(map(len, written)) > file.space:
        raise Refused(SW.FILE_FULL)
    session.memory.write_records(file, written)
    return pointer if mode == BY_NUMBER and index < len(records) else index


def _index(records: tuple[bytes, ...], p1: int, mode: int, pointer: int | None) -> int:
    """The index that the record is to have; that behind the last one appends."""
    count = len(records)
    if mode == BY_NUMBER:
        index = p1 - 1 if p1 else pointer
        if index is not None and index <= count:
            return index
    else:
        index = find(records, p1, mode, pointer)
        if index is not None:
            return index
        if p1 and all(record[0] != p1 for record in records):
            return count
    raise Refused(SW.RECORD_NOT_FOUND)
