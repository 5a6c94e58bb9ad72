"""Random bytes that follow from a seed, so that the same conversation with a card can be had again (可重现的随机数).

The stream is part of the interface: recorded conversations depend on it, and another program can compute it. With
``||`` for concatenation, all numbers big-endian:

    key     = SHA-256("sscard seed 1" || slot, 4 bytes || seed)
    stream  = SHA-256(key || 0, 8 bytes) || SHA-256(key || 1, 8 bytes) || …

Each request takes the next bytes of the stream. They are as predictable as the seed: for software cards only.
"""

from hashlib import sha256
from itertools import count
from typing import Final

from simulator.security import Rng

_LABEL: Final = b"sscard seed 1"


def seeded_rng(seed: int | str | bytes, *, slot: int = 0) -> Rng:
    """A source of random bytes that are the same for the same arguments, in any process and version.

    ``seed``: bytes; text means its UTF-8 bytes, or those that an argument of a command had if it was no UTF-8; a number
    its decimal digits, so that 7 is "7". ``slot``: cards that run on one seed are told apart by it, 0…2³²−1; each has a
    stream of its own. What is returned is not thread-safe.
    """
    given = seed if isinstance(seed, bytes) else str(seed).encode(errors="surrogateescape")
    key = sha256(_LABEL + slot.to_bytes(4, "big") + given).digest()
    blocks = (sha256(key + number.to_bytes(8, "big")).digest() for number in count())
    waiting = bytearray()

    def rng(size: int) -> bytes:
        while len(waiting) < size:
            waiting.extend(next(blocks))
        taken = bytes(waiting[:size])
        del waiting[:size]
        return taken

    return rng
