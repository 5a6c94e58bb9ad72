"""What a reader needs of the bank application beside the social security one: GET PROCESSING OPTIONS [JR/T 0025.5].

Payments are not done here. The application's records are read with the standard's READ RECORD.
"""

from typing import Final

from apdu.errors import MalformedError
from apdu.tlv import encode, parse
from simulator.command import SW, Command, Refused
from simulator.files import Directory
from simulator.session import Session

UNIONPAY: Final = bytes.fromhex("A000000333")
"""RID of the AIDs of PBOC applications (金融应用)."""

_COMMAND_TEMPLATE: Final = 0x83
_RESPONSE_TEMPLATE: Final = 0x77
_PROFILE: Final = 0x82
_LOCATOR: Final = 0x94
_NO_AUTHENTICATION: Final = b"\x00\x00"
_LAST_SFI: Final = 10
"""Files 1…10 of an application are EMV's own; others are the issuer's."""


def is_bank_application(directory: Directory) -> bool:
    """Whether a directory is a PBOC application, by its AID."""
    return directory.name.startswith(UNIONPAY)


def get_processing_options(session: Session, command: Command) -> bytes:
    """GET PROCESSING OPTIONS (取处理选项): 83{PDOL's data} in, 77{82 profile, 94 file locator} out.

    The locator names every record of files 1…10. What the terminal says about itself is not looked at. Refuses with
    6A86, 6700, 6985 (no bank application is selected) and 6A80.
    """
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if not command.data:
        raise Refused(SW.WRONG_LENGTH)
    directory = session.directory
    if not is_bank_application(directory):
        raise Refused(SW.CONDITIONS)
    try:
        tags = [element.tag for element in parse(command.data)]
    except MalformedError:
        tags = []
    if tags != [_COMMAND_TEMPLATE]:
        raise Refused(SW.WRONG_DATA)
    entries = [
        bytes((file.sfi << 3, 1, count, 0))
        for file in directory.files
        if file.has_records and file.sfi <= _LAST_SFI and (count := len(session.store.records(file)))
    ]
    return encode(_RESPONSE_TEMPLATE, encode(_PROFILE, _NO_AUTHENTICATION) + encode(_LOCATOR, b"".join(entries)))
