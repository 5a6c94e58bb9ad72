"""DELIVERY SESSION KEY and CIPHER DATA: the PSAM computes for a card what needs the card's key [S2.9 §9.7, §9.8]."""

from typing import Final

from apdu.secret import Secret
from cardlib.crypto import Algorithm, CipherSuite
from cardlib.crypto.suite import FACTOR_SIZE
from cardlib.psam import LEVELS_SHIFT, MAX_LEVELS, TYPE_MASK, PsamKeyType
from simulator.command import SW, Command, Refused
from simulator.credentials import Key
from simulator.psam.places import algorithm, application, application_key, levels, suite
from simulator.psam.quirks import quirks_of
from simulator.psam.state import TemporaryKey, state_of
from simulator.session import Session

ENCRYPT, ENCRYPT_MORE, MAC, MAC_FIRST, MAC_NEXT, MAC_LAST = 0x00, 0x02, 0x05, 0x07, 0x03, 0x01
"""Modes of CIPHER DATA: bit 1 MAC, bit 2 more follows, bit 3 begins with an IV."""

_MOST_BLOCKS: Final = 8
_NO_SESSION: Final = frozenset({PsamKeyType.PURCHASE, PsamKeyType.LOAD, PsamKeyType.TAC})


def deliver_session_key(session: Session, command: Command) -> bytes:
    """DELIVERY SESSION KEY (过程密钥下装): P1 usage, P2 id; data factors ‖ session factor of one block.

    The card's factor comes first. The key is found by type and id; the level bits of P1 and the number of factors both
    have to be the key's (inference; a real PSAM may search the whole usage byte, and say 6A88 for 6A80). Whatever was
    in the register is gone, also after a failure.

    Refuses with 6700, 6985 (no application is current, or a type that has no session keys), 6A88, 6A80, and 6A81 in an
    environment of SSF33.
    """
    state = state_of(session)
    state.clear()
    block = suite(session).block
    factors, rest = divmod(len(command.data) - block, FACTOR_SIZE)
    if rest or not 0 <= factors <= MAX_LEVELS:
        raise Refused(SW.WRONG_LENGTH)
    directory = application(session)
    kind = command.p1 & TYPE_MASK
    if kind in _NO_SESSION or quirks_of(session).blocked:
        raise Refused(SW.CONDITIONS)
    key = application_key(session, directory, kind, command.p2)
    if key is None:
        raise Refused(SW.KEY_NOT_FOUND)
    if not command.p1 >> LEVELS_SHIFT == factors == levels(key):
        raise Refused(SW.WRONG_DATA)
    cipher, card_key = diversified(session, key, command.data[:-block])
    state.key = TemporaryKey(cipher, cipher.session_key(card_key, command.data[-block:]), kind)
    return b""


def diversified(session: Session, key: Key, factors: bytes) -> tuple[CipherSuite, Secret]:
    """A key's cipher, and the card's key under it; ``factors``: card ‖ city ‖ province, the last applied first."""
    cipher = session.security.suite(key)
    value = key.value
    for at in range(len(factors) - FACTOR_SIZE, -1, -FACTOR_SIZE):
        value = cipher.diversify(value, factors[at : at + FACTOR_SIZE])
    return cipher, value


def cipher_data(session: Session, command: Command) -> bytes:
    """CIPHER DATA (数据加密): whole blocks under the temporary key, nothing padded, cut or folded.

    P1 00, 02: ECB, the last part and one before it. 05: CBC over IV block ‖ message, the last block is the answer; 07,
    03…, 01: the same in parts, only the last answers. Each of encryption and MAC is finished once; 02, 07 and 03 finish
    nothing; a new 07 starts afresh (inference).

    Refuses with 6A86, 6700, 6901 (no key that is still valid), 6985 (not this key's type, a part without a beginning,
    or 05 within a chain).
    """
    if command.p1 not in {ENCRYPT, ENCRYPT_MORE, MAC, MAC_FIRST, MAC_NEXT, MAC_LAST} or command.p2:
        raise Refused(SW.WRONG_P1P2)
    key = state_of(session).key
    block = key.suite.block if key else _block(session)
    blocks, rest = divmod(len(command.data), block)
    if rest or not (2 if command.p1 == MAC else 1) <= blocks <= _MOST_BLOCKS:
        raise Refused(SW.WRONG_LENGTH)
    if quirks_of(session).blocked:
        raise Refused(SW.CONDITIONS)
    if key is None:
        raise Refused(SW.WRONG_STATE)
    return (_mac if command.p1 & 1 else _encrypt)(key, command)


def _encrypt(key: TemporaryKey, command: Command) -> bytes:
    if not key.encrypts:
        raise Refused(SW.CONDITIONS)
    if key.encrypted:
        raise Refused(SW.WRONG_STATE)
    key.encrypted = command.p1 == ENCRYPT
    return key.suite.encrypt_blocks(key.value, command.data)


def _mac(key: TemporaryKey, command: Command) -> bytes:
    if not key.authenticates:
        raise Refused(SW.CONDITIONS)
    if key.authenticated:
        raise Refused(SW.WRONG_STATE)
    if command.p1 in {MAC_NEXT, MAC_LAST}:
        if key.chained is None:
            raise Refused(SW.CONDITIONS)
        state, message = key.chained, command.data
    else:
        if command.p1 == MAC and key.chained is not None:
            raise Refused(SW.CONDITIONS)
        state, message = command.data[: key.suite.block], command.data[key.suite.block :]
    state = _chained(key, state, message)
    key.chained = state
    if command.p1 in {MAC_FIRST, MAC_NEXT}:
        return b""
    key.chained, key.authenticated = None, True
    return state


def _chained(key: TemporaryKey, state: bytes, message: bytes) -> bytes:
    block = key.suite.block
    for at in range(0, len(message), block):
        mixed = bytes(a ^ b for a, b in zip(state, message[at : at + block], strict=True))
        state = key.suite.encrypt_blocks(key.value, mixed)
    return state


def _block(session: Session) -> int:
    """Block length where no key says it; SSF33's, 16, is known though its cipher is not."""
    return 8 if algorithm(session) is Algorithm.DES else 16
