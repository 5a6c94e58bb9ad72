"""What a key task's answer must be: a second computation, with nothing but the openssl command's block ciphers.

Nothing here is imported from the code under test except the tasks themselves; the rules are those of their docstrings
and of the clauses named there.
"""

import functools
import shutil
import subprocess
from collections.abc import Mapping

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyTask,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
)
from cardlib.keys import KeyReference

Roots = Mapping[KeyReference, Secret]


@functools.lru_cache(4096)
def ecb(cipher: str, key: bytes, blocks: bytes) -> bytes:
    """Whole blocks, each for itself; ``cipher``: "des" with 8 or 16 bytes of key, or "sm4"."""
    program = shutil.which("openssl")
    assert program, "the openssl command is missing, the second computation needs it: apt-get install openssl"
    if cipher == "des":
        cipher, key = "des-ede3", key * 3 if len(key) == 8 else key + key[:8]
    name = f"-{cipher}" if cipher == "des-ede3" else f"-{cipher}-ecb"
    command = [program, "enc", name, "-nopad", "-K", key.hex()]
    done = subprocess.run(command, input=blocks, capture_output=True, check=False)
    assert not done.returncode, done.stderr.decode()
    return done.stdout


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def padded(data: bytes, block: int) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


class Card:
    """One card's keys under ``roots``, and what is computed with them."""

    def __init__(self, card: CardFactors, roots: Roots) -> None:
        self.card, self.roots = card, roots
        self.cipher, self.block = ("des", 8) if card.algorithm is Algorithm.DES else ("sm4", 16)

    def key(self, key: KeyReference, levels: int = 0) -> bytes:
        """Root → province → city → card; TRANSPORT as it is, STK of a DES card from the left half of its root.

        ``levels``: how many of the last steps are left out.
        """
        value = self.roots[key].reveal()
        if key.name == "TRANSPORT":
            return value
        if self.cipher == "des" and key.name.startswith("STK"):
            value = value[:8]
        region = self.card.region
        city = region[:4] + "00" if region[:2] == "33" else region
        for factor in (region[:2].encode() + b"0000sh", city.encode() + b"sx", self.card.card_factor)[: 3 - levels]:
            value = ecb(self.cipher, value, (factor + xor(factor, b"\xff" * 8))[: len(value)])
        return value

    def session(self, key: KeyReference, factor: bytes) -> bytes:
        return ecb(self.cipher, self.key(key), factor.ljust(self.block, b"\x00"))

    def shortened(self, block: bytes) -> bytes:
        if self.cipher == "des":
            return block[:4]
        return xor(xor(block[:4], block[4:8]), xor(block[8:12], block[12:]))

    def mac(self, key: bytes, data: bytes) -> bytes:
        state = bytes(self.block)
        data = padded(data, self.block)
        for at in range(0, len(data), self.block):
            state = ecb(self.cipher, key, xor(state, data[at : at + self.block]))
        return self.shortened(state)

    def mac_under_key_itself(self, key: bytes, begin: bytes, data: bytes) -> bytes:
        """ISO/IEC 9797-1 algorithm 3 with DES: left half until the last block, which has the whole key."""
        state, data = begin.ljust(self.block, b"\x00"), padded(data, self.block)
        for at in range(0, len(data), self.block):
            last = at + self.block == len(data)
            used = key if last or self.cipher == "sm4" else key[:8]
            state = ecb(self.cipher, used, xor(state, data[at : at + self.block]))
        return self.shortened(state)

    def framed(self, value: bytes) -> bytes:
        value = bytes([len(value)]) + value
        return value if len(value) % self.block == 0 else padded(value, self.block)

    def answer(self, task: KeyTask, *, sequence: int = 0, terminal: bytes = b"") -> bytes:  # noqa: C901, PLR0911, PLR0912
        """What the task's answer must be; ``sequence`` and ``terminal`` are the terminal's own, for purchases."""
        match task:
            case Cryptogram():
                block = ecb(self.cipher, self.session(task.key, task.factor), task.original.ljust(self.block, b"\x00"))
                return block if self.cipher == "des" else xor(block[:8], block[8:])
            case Mac():
                return self.mac(self.session(task.key, task.factor), task.data)
            case Tac():
                key = self.key(task.key)
                return self.mac(xor(key[:8], key[8:]) if self.cipher == "des" else key, task.data)
            case PinBlock():
                return ecb(self.cipher, self.session(task.key, task.factor), self.framed(task.pin.reveal()))
            case Encipherment():
                return ecb("des", self.key(task.key), task.block.ljust(8, b"\x00"))
            case LoadedKey():
                value = self.key(task.value) if isinstance(task.value, KeyReference) else task.value.reveal()
                under = self.key(task.under)
                cipher = ecb(self.cipher, under, self.framed(task.header + value.ljust(task.width, b"\xff")))
                if not task.challenge:
                    return cipher
                message = task.head + bytes([len(cipher) + 4]) + cipher
                return cipher + self.mac_under_key_itself(under, task.challenge, message)
            case PsamKeyLoad():
                under = self.key(task.under)
                cipher = ecb(self.cipher, under, self.framed(task.header + self.key(task.key, task.levels)))
                message = task.head + bytes([len(cipher) + 4]) + cipher
                return cipher + self.mac_under_key_itself(under, task.challenge, message)
            case Disclosure():
                return self.key(task.key)
            case CheckValue():
                return ecb(self.cipher, self.key(task.key), bytes(self.block))[:3]
            case CodeOfCard():
                return self.mac_under_key_itself(self.key(task.key), b"", task.data)
            case Terminal():
                return terminal + bytes([task.key.version])
            case Purchase():
                number = sequence.to_bytes(4, "big")
                factor = task.random + task.sequence.to_bytes(2, "big") + number[2:]
                amounts = b"".join(amount.to_bytes(4, "big") for amount in task.amounts)
                data = amounts + bytes([task.kind]) + terminal + task.time
                return terminal + number + self.mac(self.session(task.key, factor), data)
            case _:
                raise AssertionError(task)
