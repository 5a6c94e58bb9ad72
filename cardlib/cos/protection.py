"""What keys do while a card is built: authentication, and encryption and MAC of the keys that are loaded.

Chip and builder compute the same. All keys here are those of one card; where they are not at hand,
:class:`cardlib.cos.encoder.KeyLoading` says what to encrypt and what to authenticate, and somebody else does it.
"""

from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import SM4, TRIPLE_DES, Algorithm, suite_for
from cardlib.crypto.suite import MAC_SIZE

TRANSPORT_BLOCK: Final = 8
"""Bytes that the transport key (传输密钥) encrypts; it is a 3DES key, or DES, on every chip (inference for SM4)."""


def transport_cryptogram(key: Secret, block: bytes) -> bytes:
    """8 bytes encrypted under the transport key; ``block`` is 8 bytes."""
    _require_block(block)
    return TRIPLE_DES.encrypt_blocks(key, block)


def ssc_authentication(algorithm: Algorithm, key: Secret, challenge: bytes) -> bytes:
    """Data of EXTERNAL AUTHENTICATION in two steps, 16 bytes: cryptogram ‖ challenge.

    Session key = E(key, challenge), cryptogram = E(session key, challenge); ``challenge``: 8 bytes. The card's ordinary
    rule [S2.4 §8.4] with the challenge itself as the original.
    """
    suite = suite_for(algorithm)
    return suite.cryptogram(suite.session_key(key, challenge), challenge) + challenge


def plain_authentication(key: Secret, challenge: bytes) -> bytes:
    """Data of EXTERNAL AUTHENTICATION outside the SSC application, 8 bytes: the challenge under the key itself.

    DES or 3DES; a ``challenge`` of 4 bytes is filled with 00.
    """
    return TRIPLE_DES.session_key(key, challenge).reveal()


def encrypted_key(algorithm: Algorithm, key: Secret, block: Secret) -> bytes:
    """A key with its header, encrypted for WRITE KEY: ECB of LD ‖ ``block``, 80 00… where not aligned."""
    return suite_for(algorithm).encrypt(key, block)


def loading_mac(algorithm: Algorithm, key: Secret, challenge: bytes, message: bytes) -> bytes:
    """The 4-byte MAC of WRITE KEY, under the key itself: not the card's session-key MAC.

    ``message``: header with the Lc that counts the MAC, and cipher text; 80 00… is added always. IV: the challenge of 4
    or 8 bytes (16 with SM4, if wanted), filled with 00. An 8-byte key: DES CBC. 16 bytes of DES: CBC with the left
    half, the last block finished with 3DES (ISO/IEC 9797-1 algorithm 3). SM4: CBC, the four words of the last block
    xored. As FMCOS has it, and S2.9 §7.1.3 for PSAM keys.
    """
    suite = suite_for(algorithm)
    if len(challenge) not in {4, 8, suite.block}:
        raise MalformedError(f"a MAC begins with a challenge of 4 or 8 bytes, not {len(challenge)}")
    padded = message + b"\x80" + bytes(-(len(message) + 1) % suite.block)
    chained = Secret(key.reveal()[:8]) if suite is TRIPLE_DES else key
    state = challenge.ljust(suite.block, b"\x00")
    for at in range(0, len(padded), suite.block):
        last = at + suite.block == len(padded)
        mixed = bytes(a ^ b for a, b in zip(state, padded[at : at + suite.block], strict=True))
        state = suite.encrypt_blocks(key if last else chained, mixed)
    return _folded(state) if suite is SM4 else state[:MAC_SIZE]


def _folded(block: bytes) -> bytes:
    words = (int.from_bytes(block[at : at + MAC_SIZE], "big") for at in range(0, len(block), MAC_SIZE))
    folded = 0
    for word in words:
        folded ^= word
    return folded.to_bytes(MAC_SIZE, "big")


def _require_block(block: bytes) -> None:
    if len(block) != TRANSPORT_BLOCK:
        raise MalformedError(f"the transport key encrypts {TRANSPORT_BLOCK} bytes, not {len(block)}")
