"""READ BINARY [S2.5 §6.9]."""

from simulator.command import SW, Command, Refused
from simulator.files import MAX_SFI, File, Kind
from simulator.session import Session

BY_SFI = 0x80


def read_binary(session: Session, command: Command) -> bytes:
    """READ BINARY (读二进制): bytes of a transparent file, at most to its end.

    P1 100xxxxx: SFI, P2 the offset; P1 bit 8 clear: offset P1 ‖ P2 in the current file. Le 00 asks for up to 256 bytes.
    Refuses with 6A86, 6986, 6A82, 6981, 6982, 6B00 (offset not inside the file) and 6Cxx, in this order.
    """
    file, sfi, offset = place(session, command)
    if not session.may_read(file):
        raise Refused(SW.SECURITY_STATUS)
    content = session.store.content(file)
    if offset >= len(content):
        raise Refused(SW.WRONG_OFFSET)
    answer = content[offset : offset + command.wanted]
    command.fit(len(answer))
    if sfi:
        session.selection.use(file)
    return answer


def place(session: Session, command: Command) -> tuple[File, int, int]:
    """The file that P1 and P2 of a binary command mean, its SFI if they name it so (else 0), and the offset in it.

    Refuses with 6A86, 6986, 6A82 and 6981, in this order.
    """
    sfi, offset = 0, command.p1 << 8 | command.p2
    if command.p1 & BY_SFI:
        sfi, offset = command.p1 & 0x7F, command.p2
        if not 0 < sfi <= MAX_SFI or not session.quirks.sfi:
            raise Refused(SW.WRONG_P1P2)
    file = session.selection.file_by_sfi(sfi)
    if file.kind is not Kind.TRANSPARENT:
        raise Refused(SW.WRONG_STRUCTURE)
    return file, sfi, offset
