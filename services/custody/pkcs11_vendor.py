"""What numbers a cipher has on a PKCS#11 token: key type and mechanisms, standard for 3DES, of a vendor for SM4."""

import ctypes
from dataclasses import dataclass
from typing import Final

from pkcs11 import KeyType, Mechanism
from pkcs11.attributes import AttributeMapper
from pkcs11.constants import Attribute


@dataclass(frozen=True, slots=True)
class CipherNumbers:
    """Numbers of one cipher on a token, as ``pkcs11t.h`` or the header of the HSM's vendor gives them.

    ``key_type``: CKK of its 16-byte keys. ``encrypt``: CKM of ECB without padding. ``derive``: CKM that makes a key of
    what ECB yields from a CK_KEY_DERIVATION_STRING_DATA; None where the token has no such mechanism, which then serves
    with keys of one city only. ``tells_length``: whether the template of a derived key has CKA_VALUE_LEN; PKCS#11
    forbids that for DES keys and asks for it with AES.

    PKCS#11 has no numbers for SM4; vendors take theirs from 80000000 up.
    """

    key_type: int
    encrypt: int
    derive: int | None = None
    tells_length: bool = True


TRIPLE_DES: Final = CipherNumbers(KeyType.DES2, Mechanism.DES3_ECB, Mechanism.DES3_ECB_ENCRYPT_DATA, tells_length=False)
"""3DES with two keys, as PKCS#11 numbers it: CKK_DES2, CKM_DES3_ECB, CKM_DES3_ECB_ENCRYPT_DATA."""


class _StringData(ctypes.Structure):
    """CK_KEY_DERIVATION_STRING_DATA."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_ulong))


class StringData:
    """What a derivation is told, as a raw mechanism parameter; ``parameter`` holds good as long as this object lives.

    python-pkcs11 knows this structure for AES only, and hands over bytes as they are for every other mechanism.
    """

    def __init__(self, data: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(data, len(data))
        self.parameter: Final = bytes(_StringData(ctypes.addressof(self._buffer), len(data)))


def mechanism(number: int) -> Mechanism:
    """A mechanism by its number, also one that python-pkcs11 does not name; it takes its enumeration only."""
    try:
        return Mechanism(number)
    except ValueError:
        unnamed = int.__new__(Mechanism, number)
        unnamed._name_, unnamed._value_ = f"{number:08X}", number
        return unnamed


def key_type(number: int) -> KeyType:
    """A key type by its number; as :func:`mechanism`."""
    try:
        return KeyType(number)
    except ValueError:
        unnamed = int.__new__(KeyType, number)
        unnamed._name_, unnamed._value_ = f"{number:08X}", number
        return unnamed


def attributes() -> AttributeMapper:
    """How attributes are read: as python-pkcs11 does, but for key types of vendors, which it cannot read."""
    mapper = AttributeMapper()
    pack, unpack = mapper.attribute_types[Attribute.VALUE_LEN]
    mapper.register_handler(Attribute.KEY_TYPE, pack, lambda value: key_type(unpack(value)))
    return mapper
