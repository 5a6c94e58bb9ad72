"""Numbers that python-pkcs11 does not name, and the parameter that it cannot build."""

import ctypes
import struct

import pytest
from pkcs11 import Attribute, KeyType, Mechanism

from services.custody.pkcs11_vendor import StringData, attributes, key_type, mechanism


@pytest.mark.parametrize("number", [0x80000021, 0xFFFFFFFF])
def test_a_number_without_a_name_is_a_mechanism_all_the_same(number):
    for made, kind in ((mechanism(number), Mechanism), (key_type(number), KeyType)):
        assert isinstance(made, kind)
        assert int(made) == made.value == number
        assert made.name == f"{number:08X}"
    with pytest.raises(ValueError, match="not a valid"):  # and the enumeration is as it was
        Mechanism(number)


def test_a_number_with_a_name_is_that_one():
    assert mechanism(0x132) is Mechanism.DES3_ECB
    assert key_type(0x14) is KeyType.DES2


def test_key_types_of_vendors_can_be_read_and_written():
    mapper = attributes()
    for number, kind in ((0x80000021, key_type(0x80000021)), (0x14, KeyType.DES2)):
        packed = mapper.pack_attribute(Attribute.KEY_TYPE, kind)
        assert packed == struct.pack("@L", number)
        assert mapper.unpack_attributes(Attribute.KEY_TYPE, packed) == kind


@pytest.mark.parametrize("data", [b"990000sh", b"\x00" * 16, bytes(range(32))])
def test_the_parameter_of_a_derivation_points_to_its_data(data):
    told = StringData(data)
    address, length = struct.unpack("@PL", told.parameter)
    assert ctypes.string_at(address, length) == data
