"""SM3 (密码杂凑算法), the national hash: GB/T 32905-2016."""

from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

SM3_SIZE: Final = 32
"""Bytes of a hash value (杂凑值)."""


def sm3(data: bytes) -> bytes:
    """The hash value of ``data``: :data:`SM3_SIZE` bytes."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()
