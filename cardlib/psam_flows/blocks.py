"""Blocks as a PSAM takes and gives them: it neither pads, cuts nor folds, so its caller does [S2.9 §9.8].

The rules are those of :class:`~cardlib.crypto.CipherSuite`, without its cipher: so SSF33, which nobody outside a chip
can compute, is served too.
"""

from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import CRYPTOGRAM_SIZE, MAC_SIZE
from cardlib.psam_flows.errors import PsamAnswerError

MOST_BLOCKS: Final = 8
"""Blocks of one CIPHER DATA, the IV counted [S2.9 §9.8]."""


def block_size(algorithm: Algorithm) -> int:
    """Bytes of a block: 8 with DES, 16 with SSF33 and SM4."""
    return 8 if algorithm is Algorithm.DES else 16


def session_factor(factor: bytes, block: int) -> bytes:
    """The last part of DELIVERY SESSION KEY (过程因子): filled up with 00; MalformedError unless it has 4 or 8 bytes.

    A 16-byte cipher takes 16 bytes too.
    """
    if len(factor) not in {size for size in (4, 8, 16) if size <= block}:
        raise MalformedError(f"a session factor of {len(factor)} bytes is none of a cipher with {block}-byte blocks")
    return factor.ljust(block, b"\x00")


def original(data: bytes, block: int) -> bytes:
    """What an authentication encrypts, 8 bytes, filled up with 00; MalformedError for another length."""
    if len(data) != CRYPTOGRAM_SIZE:
        raise MalformedError(f"the original of an authentication has {CRYPTOGRAM_SIZE} bytes, not {len(data)}")
    return data.ljust(block, b"\x00")


def pin_block(pin: Secret, block: int) -> Secret:
    """LD ‖ PIN, and 80 00… where that is no whole number of blocks [S2.4 §8.3].

    MalformedError for no PIN, and for one that is longer than a PSAM encrypts at once.
    """
    if not 0 < len(pin) < MOST_BLOCKS * block:
        raise MalformedError(f"a PSAM encrypts 1 to {MOST_BLOCKS * block - 1} bytes at once, not {len(pin)}")
    framed = bytes((len(pin),)) + pin.reveal()
    return Secret(_padded(framed, block) if len(framed) % block else framed)


def mac_message(data: bytes, block: int) -> bytes:
    """IV of zeros ‖ data ‖ 80 00…, whole blocks [S2.4 §8.2]."""
    return bytes(block) + _padded(data, block)


def mac_parts(message: bytes, block: int) -> tuple[bytes, ...]:
    """A message as CIPHER DATA takes it: 8 blocks in each part but the last, which has 1 to 8."""
    size = MOST_BLOCKS * block
    return tuple(message[at : at + size] for at in range(0, len(message), size))


def cryptogram(answer: bytes, block: int, key: str = "") -> bytes:
    """The 8 bytes of an authentication: the halves of a 16-byte block xored [S2.9 §9.4.1].

    ``key``: its name, for :class:`~cardlib.psam_flows.errors.PsamAnswerError`, which another length raises.
    """
    if len(answer) != block:
        raise PsamAnswerError(key, f"the PSAM answered {len(answer)} bytes to a block of {block}")
    return _folded(answer, CRYPTOGRAM_SIZE)


def encrypted_pin(answer: bytes, plain: Secret, block: int, key: str = "") -> bytes:
    """The blocks of :func:`pin_block`, encrypted; PsamAnswerError for another length, and for a block left in clear."""
    if len(answer) != len(plain):
        raise PsamAnswerError(key, f"the PSAM answered {len(answer)} bytes to a PIN of {len(plain)}, framed")
    clear = plain.reveal()
    if any(answer[at : at + block] == clear[at : at + block] for at in range(0, len(clear), block)):
        raise PsamAnswerError(key, "the PSAM gave the PIN back in clear")
    return bytes(answer)


def mac(answer: bytes, block: int, key: str = "") -> bytes:
    """The 4 bytes of a MAC: the left ones of 8, the four words of 16 xored; 4 bytes are it already (inference).

    PsamAnswerError for another length.
    """
    if len(answer) == MAC_SIZE:
        return answer
    if len(answer) != block:
        raise PsamAnswerError(key, f"the PSAM answered {len(answer)} bytes for a MAC")
    return answer[:MAC_SIZE] if block == 8 else _folded(answer, MAC_SIZE)


def _padded(data: bytes, block: int) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def _folded(data: bytes, size: int) -> bytes:
    words = (int.from_bytes(data[at : at + size], "big") for at in range(0, len(data), size))
    folded = 0
    for word in words:
        folded ^= word
    return folded.to_bytes(size, "big")
