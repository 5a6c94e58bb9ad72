"""How often a card's cipher runs for a command, as far as command and status word show it (密码运算量).

Counted are single operations on one block: of DES, of which 3DES is three, or of SM4. A card's key of 16 bytes makes a
session key by 3DES, an STK of 8 bytes by DES; what is done under a session key is DES [S2.4 §8]. Plain comparison,
random numbers and paddings take no time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from cardlib.crypto import Algorithm
from cardlib.crypto.suite import MAC_SIZE

_HEADER: Final = 5
_OK, _MAC_WRONG, _PROOF_REFUSED, _WRONG_DATA = 0x9000, 0x6988, 0x9302, 0x6A80

# Bytes that the MACs of the medical account are over [S2.7 §11, §12].
_LOAD_MAC1, _LOAD_MAC2, _LOAD_TAC = 15, 18, 24
_PURCHASE_MAC1, _PURCHASE_MAC2, _PURCHASE_TAC = 26, 12, 30


@dataclass(frozen=True, slots=True)
class _Cipher:
    """``block``: bytes; ``full``: operations for a block under a card's key of 16 bytes."""

    block: int
    full: int

    def mac(self, size: int) -> int:
        """A MAC over so many bytes, under a session key; 80 always follows them."""
        return size // self.block + 1


_CIPHERS: Final = {Algorithm.DES: _Cipher(8, 3), Algorithm.SM4: _Cipher(16, 1)}


def operations(command: bytes, sw: int, algorithm: Algorithm) -> int:
    """Single operations of the cipher that answering ``command`` with ``sw`` takes; 0 for what it does not know."""
    if len(command) <= _HEADER:
        return 0
    rule = _RULES.get((command[0], command[1]))
    return rule(command, sw, _CIPHERS.get(algorithm, _CIPHERS[Algorithm.SM4])) if rule else 0


def _done(sw: int) -> bool:
    return sw == _OK or sw >> 8 == 0x61


def _authentication(_command: bytes, sw: int, cipher: _Cipher) -> int:
    """Session key and cryptogram."""
    return cipher.full + 1 if _done(sw) or sw >> 4 == 0x63C else 0


def _secured(command: bytes, sw: int, cipher: _Cipher) -> int:
    """Session key of an STK, and a MAC over header and data."""
    return 1 + cipher.mac(_HEADER + command[4] - MAC_SIZE) if _done(sw) or sw == _MAC_WRONG else 0


def _unblocking(command: bytes, sw: int, cipher: _Cipher) -> int:
    """The same; and once the MAC is right, the new PIN is decrypted."""
    checked = _secured(command, _OK if sw == _WRONG_DATA else sw, cipher)
    return checked + ((command[4] - MAC_SIZE) // cipher.block if _done(sw) or sw == _WRONG_DATA else 0)


def _key_loading(command: bytes, sw: int, cipher: _Cipher) -> int:
    """A MAC under the key itself, whose last block is 3DES; and once it is right, the record is decrypted by 3DES."""
    size = command[4] - MAC_SIZE
    mac = cipher.mac(_HEADER + size) - 1 + cipher.full
    if _done(sw):
        return mac + size // cipher.block * cipher.full
    return mac if sw == _MAC_WRONG else 0


def _initialisation(command: bytes, sw: int, cipher: _Cipher) -> int:
    """Of a load: session key and MAC1. A purchase has none before its second command."""
    load = command[2] == 0
    return cipher.full + cipher.mac(_LOAD_MAC1) if load and _done(sw) else 0


def _credit(_command: bytes, sw: int, cipher: _Cipher) -> int:
    checked = cipher.full + cipher.mac(_LOAD_MAC2)
    if _done(sw):
        return checked + cipher.mac(_LOAD_TAC)
    return checked if sw == _PROOF_REFUSED else 0


def _debit(_command: bytes, sw: int, cipher: _Cipher) -> int:
    checked = cipher.full + cipher.mac(_PURCHASE_MAC1)
    if _done(sw):
        return checked + cipher.mac(_PURCHASE_MAC2) + cipher.mac(_PURCHASE_TAC)
    return checked if sw == _PROOF_REFUSED else 0


_Rule: TypeAlias = Callable[[bytes, int, _Cipher], int]

_RULES: Final[dict[tuple[int, int], _Rule]] = {
    (0x00, 0x82): _authentication,
    (0x00, 0x88): _authentication,
    (0x04, 0xD6): _secured,
    (0x04, 0xDC): _secured,
    (0x84, 0x16): _secured,
    (0x84, 0x1E): _secured,
    (0x84, 0x24): _unblocking,
    (0x84, 0xD4): _key_loading,
    (0xB0, 0x28): _initialisation,
    (0xB0, 0x2A): _credit,
    (0xB0, 0x2C): _debit,
}
"""By CLA and INS: the standard's commands, and WRITE KEY, which all dialects have in this form."""
