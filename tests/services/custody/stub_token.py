"""The small part of python-pkcs11 that the custodian uses, on keys in memory: a token of a vendor with SM4."""

import ctypes
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism

from apdu.secret import Secret
from cardlib.crypto import SM4, TRIPLE_DES, CipherSuite
from services.custody.pkcs11_vendor import CipherNumbers

NUMBERS = CipherNumbers(key_type=0x80000021, encrypt=0x80000301, derive=0x80000302)
"""This vendor's SM4."""

SUITES: dict[int, CipherSuite] = {int(KeyType.DES2): TRIPLE_DES, NUMBERS.key_type: SM4}
ENCRYPT = {int(Mechanism.DES3_ECB): KeyType.DES2, NUMBERS.encrypt: NUMBERS.key_type}
DERIVE = {int(Mechanism.DES3_ECB_ENCRYPT_DATA): KeyType.DES2, NUMBERS.derive: NUMBERS.key_type}


class StubKey:
    def __init__(self, session: "StubSession", attributes: dict[Attribute, Any]) -> None:
        self.session, self.attributes = session, attributes

    def __getitem__(self, attribute: Attribute) -> Any:
        if attribute is Attribute.VALUE and self.attributes[Attribute.SENSITIVE]:
            raise pkcs11.AttributeSensitive
        return self.attributes[attribute]

    def encrypt(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        kind = self._used(Attribute.ENCRYPT, ENCRYPT, mechanism)
        return SUITES[kind].encrypt_blocks(self.attributes["secret"], data)

    def derive_key(self, key_type, key_length, *, mechanism, mechanism_param, capabilities, template) -> "StubKey":
        kind = self._used(Attribute.DERIVE, DERIVE, mechanism)
        if int(key_type) != kind or key_length != 128:
            raise pkcs11.TemplateInconsistent
        pointer, length = (int.from_bytes(mechanism_param[at : at + 8], "little") for at in (0, 8))
        made = SUITES[kind].encrypt_blocks(self.attributes["secret"], ctypes.string_at(pointer, length))
        attributes = dict(template)
        attributes[Attribute.KEY_TYPE] = kind
        attributes[Attribute.TOKEN] = False
        attributes[Attribute.ENCRYPT] = bool(capabilities & pkcs11.MechanismFlag.ENCRYPT)
        attributes[Attribute.DERIVE] = bool(capabilities & pkcs11.MechanismFlag.DERIVE)
        key = self.session.add(made, attributes)
        self.session.derived.append(attributes)
        return key

    def destroy(self) -> None:
        self.session.keys.remove(self)

    def _used(self, right: Attribute, mechanisms: dict[Any, int], mechanism: Mechanism) -> int:
        if not isinstance(mechanism, Mechanism) or int(mechanism) not in mechanisms:
            raise pkcs11.MechanismInvalid
        kind = int(mechanisms[int(mechanism)])
        if not self.attributes[right] or kind != int(self.attributes[Attribute.KEY_TYPE]):
            raise pkcs11.KeyTypeInconsistent
        return kind


class StubSession:
    """``derived``: the attributes of every key ever derived."""

    def __init__(self) -> None:
        self.keys: list[StubKey] = []
        self.derived: list[dict[Attribute, Any]] = []

    def add(self, value: bytes, attributes: dict[Attribute, Any]) -> StubKey:
        key = StubKey(self, attributes)
        key.attributes["secret"] = Secret(value)
        self.keys.append(key)
        return key

    def store(self, label: str, value: bytes, kind: int, **changes: bool) -> StubKey:
        """A stored root key, with ``changes`` to its attributes."""
        attributes = {
            Attribute.LABEL: label,
            Attribute.KEY_TYPE: kind,
            Attribute.VALUE: value,
            Attribute.TOKEN: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.DERIVE: True,
            Attribute.ENCRYPT: False,
        }
        return self.add(value, attributes | {Attribute[name]: value for name, value in changes.items()})

    def get_objects(self, wanted: dict[Attribute, Any]) -> list[StubKey]:
        wanted = {attribute: what for attribute, what in wanted.items() if attribute is not Attribute.CLASS}
        return [key for key in self.keys if all(key.attributes.get(each) == what for each, what in wanted.items())]

    def generate_random(self, nbits: int) -> bytes:
        raise pkcs11.RandomNoRNG

    def close(self) -> None:
        self.keys = [key for key in self.keys if key.attributes[Attribute.TOKEN]]
