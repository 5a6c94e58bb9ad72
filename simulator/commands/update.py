"""UPDATE RECORD and UPDATE BINARY [S2.3 §5.3, S2.5 §6.12, §6.13, S2.7 §7]."""

from cardlib.crypto.suite import MAC_SIZE
from simulator.access import Protection
from simulator.command import SW, Command, Refused
from simulator.commands.binary import place
from simulator.commands.records import BY_NUMBER, PREVIOUS, find, move
from simulator.files import MAX_SFI, File, Kind
from simulator.session import Session


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
    if not file.has_records:
        raise Refused(SW.WRONG_STRUCTURE)
    if file.kind is Kind.CYCLIC:
        pointer = _append_newest(session, file, command, mode)
    else:
        pointer = _update_linear(session, file, command, mode, pointer)
    move(selection, file, pointer)
    return b""


def update_binary(session: Session, command: Command) -> bytes:
    """UPDATE BINARY (更新二进制): bytes of a transparent file from an offset on; P1 and P2 as for READ BINARY.

    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6E00, 6987, 6984, 6988, 6700 (no data), 6B00 (offset not inside the
    file) and 6700 (data beyond its end), in this order; nothing is written then.
    """
    file, sfi, offset = place(session, command)
    data = _authorised(session, command, file)
    if offset >= file.size:
        raise Refused(SW.WRONG_OFFSET)
    if offset + len(data) > file.size:
        raise Refused(SW.WRONG_LENGTH)
    session.store.write_content(file, offset, data)
    if sfi:
        session.selection.use(file)
    return b""


def _authorised(session: Session, command: Command, file: File) -> bytes:
    """The data to write, when the file's rule is satisfied and the MAC, which is taken off, is as the file asks."""
    if not session.may_update(file):
        raise Refused(SW.SECURITY_STATUS)
    data = command.data
    if file.rights.protection is Protection.PLAIN:
        if command.secure:
            raise Refused(SW.CLA_UNSUPPORTED)
    elif command.secure or not session.dialect.unrestricted(session):
        if not command.secure or len(data) < MAC_SIZE:
            raise Refused(SW.MAC_MISSING)
        data, mac = data[:-MAC_SIZE], data[-MAC_SIZE:]
        session.security.check_mac(command.header + data, mac)
    if not data:
        raise Refused(SW.WRONG_LENGTH)
    return data


def _append_newest(session: Session, file: File, command: Command, mode: int) -> int:
    lenient = session.quirks.lenient_append and (command.p1, mode) == (1, BY_NUMBER)
    if (command.p1, mode) != (0, PREVIOUS) and not lenient:
        raise Refused(SW.WRONG_P1P2)
    data = _authorised(session, command, file)
    if len(data) != file.size:
        raise Refused(SW.WRONG_LENGTH)
    session.store.append_newest(file, data)
    return 0


def _update_linear(session: Session, file: File, command: Command, mode: int, pointer: int | None) -> int | None:
    """Replace or append; returns where the record pointer is to stand."""
    data = _authorised(session, command, file)
    records = session.store.records(file)
    if file.kind is Kind.FIXED and len(data) != file.size:
        raise Refused(SW.WRONG_LENGTH)
    tag = 0 if mode == BY_NUMBER else command.p1
    if not 0 < data[0] < 0xFF or len(data) < 2 or data[1] != len(data) - 2 or tag not in {0, data[0]}:
        raise Refused(SW.WRONG_TLV)
    index = _index(records, command.p1, mode, pointer)
    session.store.write_record(file, index, data)
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
