"""UPDATE BINARY and UPDATE RECORD of a PSAM: by a right won before, or with a MAC under the master key.

The PSAM text says who may write its files but has no command for it; these are the card's [S2.5 §6.12, §6.13], with the
MAC of CREATE KEY (inference).
"""

from collections.abc import Callable

from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.commands import update
from simulator.commands.binary import place
from simulator.commands.instruction import Handler
from simulator.files import File
from simulator.psam.keys import check_mac
from simulator.psam.places import master_key
from simulator.session import Session


def _authenticated(handler: Handler, file_of: Callable[[Session, Command], File]) -> Handler:
    """The handler, in class 04 with a MAC under the current directory's master key.

    For this one command it is as if authentication with that key had come before. Refuses as the handler does, and with
    6987, 6984 and 6988.
    """

    def handle(session: Session, command: Command) -> bytes:
        if not command.secure:
            return handler(session, command)
        file, master, security = file_of(session, command), master_key(session), session.security
        if master is None:
            raise Refused(SW.SECURITY_STATUS)
        directory, held = session.directory, security.own(master.level)
        security.grant(directory, master.level, master)
        try:
            if not session.may_update(file):
                raise Refused(SW.SECURITY_STATUS)
            data, mac = command.data[:-MAC_SIZE], command.data[-MAC_SIZE:]
            if not data:
                raise Refused(SW.MAC_MISSING)
            check_mac(session, master, command.header + data, mac)
            return handler(session, command._replace(data=data, header=b"\x00" + command.header[1:]))
        finally:
            if not held:
                security.revoke(directory, master.level)

    return handle


update_binary = _authenticated(update.update_binary, lambda session, command: place(session, command)[0])
update_record = _authenticated(
    update.update_record, lambda session, command: session.selection.file_by_sfi(command.p2 >> 3)
)
