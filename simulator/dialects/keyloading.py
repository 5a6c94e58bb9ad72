"""How a key record reaches a chip by WRITE KEY: plain or encrypted, with a MAC or without (密钥装载)."""

from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos.protection import loading_mac
from cardlib.crypto.suite import MAC_SIZE
from simulator.command import SW, Command, Refused
from simulator.credentials import Key
from simulator.session import Session

_WITH_MAC: Final = 0x84


def loaded_key(session: Session, command: Command, protecting: Key | None, size: int) -> bytes:
    """The key record of ``size`` bytes that a command brings, decrypted and checked.

    Class 84 has a MAC over the last challenge at its end; a record of another length than ``size`` is encrypted; both
    under the key ``protecting``. Refuses with 6700, 6A88 (no such key here), 6984 and 6988.
    """
    data = command.data
    secured = command.header[0] == _WITH_MAC
    body = len(data) - MAC_SIZE if secured else len(data)
    encrypted = body != size
    if not (secured or encrypted):
        return data
    if protecting is None:
        raise Refused(SW.KEY_NOT_FOUND)
    suite = session.security.suite(protecting)
    if body != size and body != -(-(size + 1) // suite.block) * suite.block:
        raise Refused(SW.WRONG_LENGTH)
    if secured:
        challenge = session.security.spend_challenge(suite.block)
        message = command.header + data[:body]
        expected = loading_mac(suite.algorithm, protecting.value, challenge, message)
        if Secret(data[body:]) != Secret(expected):
            raise Refused(SW.MAC_WRONG)
    if not encrypted:
        return data[:body]
    try:
        record = suite.decrypt(protecting.value, data[:body]).reveal()
    except MalformedError:
        raise Refused(SW.MAC_WRONG) from None
    if len(record) != size:
        raise Refused(SW.WRONG_LENGTH)
    return record
