"""Cipher suites: everything a card computes with a key, once for 3DES and once for SM4.

The two differ in block and key length and in how a MAC is shortened; the rest is the same text [S2.4 §8, S2.9 §7].
Where the text speaks of SSF33 only, SM4 follows it: the same block and key length, seen so in the field. SSF33 itself
is unpublished and is refused by name.
"""

from abc import ABC, abstractmethod
from enum import Enum
from typing import ClassVar, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.errors import AlgorithmUnsupportedError

FACTOR_SIZE: Final = 8
CRYPTOGRAM_SIZE: Final = 8
MAC_SIZE: Final = 4
MAX_ENCRYPTED: Final = 255


class Algorithm(Enum):
    """The cipher of a card (算法标识); the value is what its FCI says in tag 86 [S3 §10.1]."""

    DES = 1
    """3DES with 16-byte keys, DES with 8-byte keys and session keys."""
    SSF33 = 2
    SM4 = 3


class CipherSuite(ABC):
    """One algorithm's way of diversifying, deriving session keys, authenticating, MACing and encrypting.

    Instances hold nothing: :data:`TRIPLE_DES` and :data:`SM4` are all there are, see :func:`suite_for`. Every method
    raises :class:`~apdu.errors.MalformedError` for a key or an input of a length the algorithm does not take.
    """

    __slots__ = ()

    algorithm: ClassVar[Algorithm]
    block: ClassVar[int]
    """Block length in bytes."""
    key_sizes: ClassVar[tuple[int, ...]]
    """Lengths in bytes that a key on a card may have."""
    session_size: ClassVar[int]
    """Length in bytes of a session key (过程密钥)."""

    def diversify(self, key: Secret, factor: bytes) -> Secret:
        """The key one level further down (密钥分散), as long as ``key``; ``factor`` is 8 bytes [S2.9 §7.1.1, §7.2.1].

        DES, 16 bytes: E(K, f) ‖ E(K, ~f); DES, 8 bytes: E(K, f); SM4: E(K, f ‖ ~f). Block by block these are one rule.
        """
        _require_size("a diversification factor", factor, (FACTOR_SIZE,))
        both = factor + bytes(byte ^ 0xFF for byte in factor)
        return Secret(self.encrypt_blocks(key, both[: len(key)]))

    def session_key(self, key: Secret, factor: bytes) -> Secret:
        """The key for one use, from a card's key and a random ``factor`` of 4, 8 or 16 bytes [S2.4 §8.4].

        A factor shorter than the block is filled with 00 on the right; 16 bytes are for 16-byte blocks only.
        """
        _require_size("a session factor", factor, tuple(size for size in (4, 8, 16) if size <= self.block))
        return Secret(self.encrypt_blocks(key, factor.ljust(self.block, b"\x00")))

    def cryptogram(self, session: Secret, original: bytes) -> bytes:
        """The 8 bytes of an authentication (鉴别数据), internal or external; ``original`` is 8 bytes [S2.9 §9.4.1].

        A 16-byte cipher fills ``original`` with 00 on the right and xors the halves of the result.
        """
        self._require_session(session)
        _require_size("the original of an authentication", original, (CRYPTOGRAM_SIZE,))
        return _fold(self.encrypt_blocks(session, original.ljust(self.block, b"\x00")), CRYPTOGRAM_SIZE)

    def mac(self, session: Secret, data: bytes) -> bytes:
        """The 4-byte MAC of ``data`` (报文鉴别码) [S2.4 §8.2]; MAC1, MAC2 and TAC are computed in the same way.

        CBC from a zero IV over ``data`` ‖ 80 00…, padded always (ISO/IEC 9797-1 method 2). Secure messaging puts the
        five header bytes in front, their Lc with the MAC counted; medical MACs have no header [S2.7 §12].
        """
        self._require_session(session)
        cbc = Cipher(self._cipher(session.reveal()), modes.CBC(bytes(self.block))).encryptor()
        return self._shorten(cbc.update(self._padded(data))[-self.block :])

    def encrypt(self, key: Secret, data: Secret) -> bytes:
        """Encrypt a PIN or a key for the card (数据加密) [S2.4 §8.3]: LD ‖ data, 80 00… where not aligned, ECB.

        ``data`` has 1…255 bytes; ``key`` is a session key, or the master key where keys are loaded.
        """
        if not 1 <= len(data) <= MAX_ENCRYPTED:
            raise MalformedError(f"1 to {MAX_ENCRYPTED} bytes can be encrypted for a card, not {len(data)}")
        return self.encrypt_blocks(key, self._framed(data.reveal()))

    def decrypt(self, key: Secret, data: bytes) -> Secret:
        """Undo :meth:`encrypt`; MalformedError when length byte and padding are not exactly as it makes them."""
        framed = self.decrypt_blocks(key, data)
        plain = framed[1 : 1 + framed[0]]
        if not plain or self._framed(plain) != framed:
            raise MalformedError("the decrypted data does not have the form LD, data, padding")
        return Secret(plain)

    def encrypt_blocks(self, key: Secret, blocks: bytes) -> bytes:
        """Whole blocks, each by itself and nothing added (ECB), as a PSAM's CIPHER DATA does it [S2.9 §9.8]."""
        self._require_blocks(blocks)
        # All blocks in one context: making a context costs ten times what a block does.
        return self._ecb(key).encryptor().update(blocks)

    def decrypt_blocks(self, key: Secret, blocks: bytes) -> bytes:
        """Undo :meth:`encrypt_blocks`."""
        self._require_blocks(blocks)
        return self._ecb(key).decryptor().update(blocks)

    @abstractmethod
    def tac_key(self, key: Secret) -> Secret:
        """The key that a TAC (交易验证码) is computed with; it has no session key [S2.7 §15]."""

    @abstractmethod
    def _cipher(self, key: bytes) -> BlockCipherAlgorithm:
        """The block cipher under a key whose length was checked."""

    @abstractmethod
    def _shorten(self, block: bytes) -> bytes:
        """The last block of a CBC-MAC, cut to 4 bytes."""

    def _require_blocks(self, blocks: bytes) -> None:
        if not blocks or len(blocks) % self.block:
            raise MalformedError(f"{len(blocks)} bytes are no whole number of blocks")

    def _ecb(self, key: Secret) -> Cipher[modes.ECB]:
        return Cipher(self._cipher(self._checked(key)), modes.ECB())  # noqa: S305 - the card's rule, block by block

    def _checked(self, key: Secret) -> bytes:
        _require_size(f"a {self.algorithm.name} key", key, self.key_sizes)
        return key.reveal()

    def _require_session(self, session: Secret) -> None:
        _require_size(f"a {self.algorithm.name} session key", session, (self.session_size,))

    def _padded(self, data: bytes) -> bytes:
        return data + b"\x80" + bytes(-(len(data) + 1) % self.block)

    def _framed(self, data: bytes) -> bytes:
        framed = bytes((len(data),)) + data
        return self._padded(framed) if len(framed) % self.block else framed

    def __repr__(self) -> str:
        return f"<cipher suite {self.algorithm.name}>"


class _TripleDes(CipherSuite):
    """16-byte keys are 3DES, 8-byte keys and every session key single DES."""

    __slots__ = ()
    algorithm = Algorithm.DES
    block = 8
    key_sizes = (8, 16)
    session_size = 8

    def tac_key(self, key: Secret) -> Secret:
        """Left half xor right half of a 16-byte key."""
        _require_size("a TAC key", key, (16,))
        return Secret(_fold(key.reveal(), 8))

    def _cipher(self, key: bytes) -> BlockCipherAlgorithm:
        return TripleDES(key * 3 if len(key) == 8 else key + key[:8])

    def _shorten(self, block: bytes) -> bytes:
        return block[:MAC_SIZE]


class _Sm4(CipherSuite):
    """16-byte blocks and keys throughout (GB/T 32907)."""

    __slots__ = ()
    algorithm = Algorithm.SM4
    block = 16
    key_sizes = (16,)
    session_size = 16

    def tac_key(self, key: Secret) -> Secret:
        """The key itself."""
        return Secret(self._checked(key))

    def _cipher(self, key: bytes) -> BlockCipherAlgorithm:
        return algorithms.SM4(key)

    def _shorten(self, block: bytes) -> bytes:
        return _fold(block, MAC_SIZE)


TRIPLE_DES: Final[CipherSuite] = _TripleDes()
SM4: Final[CipherSuite] = _Sm4()


def suite_for(algorithm: Algorithm) -> CipherSuite:
    """The suite of an algorithm; raises :class:`~cardlib.errors.AlgorithmUnsupportedError` for SSF33."""
    for suite in (TRIPLE_DES, SM4):
        if suite.algorithm is algorithm:
            return suite
    raise AlgorithmUnsupportedError(algorithm.name)


def _require_size(what: str, value: bytes | Secret, sizes: tuple[int, ...]) -> None:
    if len(value) not in sizes:
        raise MalformedError(f"{what} has {' or '.join(map(str, sizes))} bytes, not {len(value)}")


def _fold(data: bytes, size: int) -> bytes:
    """Xor the ``size``-byte words of ``data``."""
    folded = 0
    for start in range(0, len(data), size):
        folded ^= int.from_bytes(data[start : start + size], "big")
    return folded.to_bytes(size, "big")
