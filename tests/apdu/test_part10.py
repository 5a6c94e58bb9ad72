"""Blocks and lists of PC/SC part 10, against what others send, and against C structures declared anew."""

import ctypes
import struct
from typing import Any

import pytest
from smartcard.pcsc import PCSCPart10
from smartcard.scard import SCARD_CTL_CODE

from apdu.errors import TlvError
from apdu.part10 import (
    FEATURE_REQUEST_FUNCTION,
    GET_FEATURE_REQUEST,
    Confirm,
    Feature,
    PinModifyStructure,
    PinVerifyStructure,
    Property,
    Validation,
    parse_features,
    parse_properties,
)

# As libccid answers for a reader with FEATURE_VERIFY_PIN_DIRECT, MODIFY_PIN_DIRECT, IFD_PIN_PROPERTIES and one of no
# number that is known here.
FEATURES = bytes.fromhex("0604 42330006  0704 42330007  0A04 4233000A  7F04 4233007F")


def test_features_are_read_as_pyscard_reads_them() -> None:
    theirs = {PCSCPart10.Features[name]: code for name, code in PCSCPart10.parseFeatureRequest(list(FEATURES[:18]))}
    ours = parse_features(FEATURES)
    assert ours == {Feature(tag): code for tag, code in theirs.items()}
    assert ours[Feature.VERIFY_PIN_DIRECT] == 0x42330006


def test_names_and_numbers_are_those_of_pyscard() -> None:
    known = {name.removeprefix("FEATURE_"): tag for name, tag in PCSCPart10.Features.items() if isinstance(name, str)}
    assert known == {feature.name: feature.value for feature in Feature}
    assert PCSCPart10.PCSCv2_PART10_PROPERTY_bMinPINSize == Property.MIN_PIN_SIZE
    assert PCSCPart10.PCSCv2_PART10_PROPERTY_bMaxPINSize == Property.MAX_PIN_SIZE


def test_the_request_for_features_is_pyscards() -> None:
    assert SCARD_CTL_CODE(FEATURE_REQUEST_FUNCTION) == PCSCPart10.CM_IOCTL_GET_FEATURE_REQUEST == GET_FEATURE_REQUEST


def test_no_answer_is_no_feature() -> None:
    assert parse_features(b"") == {}


@pytest.mark.parametrize("answer", ["06", "0604423300", "0604 42330006 07", "0603 42330006", "9000"])
def test_what_is_no_list_of_features_is_refused(answer: str) -> None:
    with pytest.raises(TlvError):
        parse_features(bytes.fromhex(answer))


def test_properties_are_read() -> None:
    answer = bytes.fromhex("0102 1002  0601 04  0701 0C  0803 312E30")
    assert parse_properties(answer) == {1: b"\x10\x02", 6: b"\x04", 7: b"\x0c", 8: b"1.0"}


@pytest.mark.parametrize("answer", ["06", "0601", "0601 04 0702 0C"])
def test_properties_that_break_off_are_refused(answer: str) -> None:
    with pytest.raises(TlvError):
        parse_properties(bytes.fromhex(answer))


def test_a_verify_block_is_the_one_that_opensc_sends() -> None:
    """Sent by OpenSC to a CardMan 3821 for 00 20 00 01 and PINs of four digits (its issue 424)."""
    block = PinVerifyStructure(
        timer_out=0x1E,
        timer_out2=0x1E,
        format_string=0x82,
        pin_block_string=0,
        pin_length_format=0,
        min_digits=4,
        max_digits=4,
        entry_validation=Validation.KEY_PRESSED,
        number_message=0xFF,
        language=0,
        message_index=0,
        data=bytes.fromhex("00200001"),
    )
    assert block.encode() == bytes.fromhex("1E1E8200000404 02FF0000000000000400000000200001")


class _Verify(ctypes.LittleEndianStructure):
    """PIN_VERIFY_STRUCTURE as PC/SC-lite's reader.h declares it."""

    _pack_ = 1
    _fields_ = [
        ("bTimerOut", ctypes.c_uint8),
        ("bTimerOut2", ctypes.c_uint8),
        ("bmFormatString", ctypes.c_uint8),
        ("bmPINBlockString", ctypes.c_uint8),
        ("bmPINLengthFormat", ctypes.c_uint8),
        ("wPINMaxExtraDigit", ctypes.c_uint16),
        ("bEntryValidationCondition", ctypes.c_uint8),
        ("bNumberMessage", ctypes.c_uint8),
        ("wLangId", ctypes.c_uint16),
        ("bMsgIndex", ctypes.c_uint8),
        ("bTeoPrologue", ctypes.c_uint8 * 3),
        ("ulDataLength", ctypes.c_uint32),
    ]


class _Modify(ctypes.LittleEndianStructure):
    """PIN_MODIFY_STRUCTURE as PC/SC-lite's reader.h declares it."""

    _pack_ = 1
    _fields_ = [
        ("bTimerOut", ctypes.c_uint8),
        ("bTimerOut2", ctypes.c_uint8),
        ("bmFormatString", ctypes.c_uint8),
        ("bmPINBlockString", ctypes.c_uint8),
        ("bmPINLengthFormat", ctypes.c_uint8),
        ("bInsertionOffsetOld", ctypes.c_uint8),
        ("bInsertionOffsetNew", ctypes.c_uint8),
        ("wPINMaxExtraDigit", ctypes.c_uint16),
        ("bConfirmPIN", ctypes.c_uint8),
        ("bEntryValidationCondition", ctypes.c_uint8),
        ("bNumberMessage", ctypes.c_uint8),
        ("wLangId", ctypes.c_uint16),
        ("bMsgIndex1", ctypes.c_uint8),
        ("bMsgIndex2", ctypes.c_uint8),
        ("bMsgIndex3", ctypes.c_uint8),
        ("bTeoPrologue", ctypes.c_uint8 * 3),
        ("ulDataLength", ctypes.c_uint32),
    ]


COMMON: dict[str, Any] = {
    "timer_out": 30,
    "timer_out2": 29,
    "format_string": 0x81,
    "pin_block_string": 3,
    "pin_length_format": 0x10,
    "min_digits": 4,
    "max_digits": 12,
    "entry_validation": 2,
    "language": 0x0804,
}
THEIRS: dict[str, int] = {
    "bTimerOut": 30,
    "bTimerOut2": 29,
    "bmFormatString": 0x81,
    "bmPINBlockString": 3,
    "bmPINLengthFormat": 0x10,
    "wPINMaxExtraDigit": 0x040C,
    "bEntryValidationCondition": 2,
    "wLangId": 0x0804,
}


def test_a_verify_block_is_the_c_structure() -> None:
    data = bytes.fromhex("0020000003FFFFFF")
    expected = bytes(_Verify(**THEIRS, bNumberMessage=1, bMsgIndex=7, ulDataLength=len(data))) + data
    assert PinVerifyStructure(**COMMON, number_message=1, message_index=7, data=data).encode() == expected


def test_a_modify_block_is_the_c_structure() -> None:
    data = bytes.fromhex("805E010007FFFFFFFFFFFFFF")
    fields = THEIRS | {"bMsgIndex1": 5, "bMsgIndex2": 6, "bMsgIndex3": 7, "bConfirmPIN": 3}
    theirs = _Modify(**fields, bInsertionOffsetOld=1, bInsertionOffsetNew=4, bNumberMessage=3, ulDataLength=len(data))
    ours = PinModifyStructure(
        **COMMON,
        offset_old=1,
        offset_new=4,
        confirm_pin=Confirm.CURRENT | Confirm.NEW_AGAIN,
        number_message=3,
        message_indices=(5, 6, 7),
        data=data,
    )
    assert ours.encode() == bytes(theirs) + data
    # §2.5.3: numbers of several bytes are little-endian.
    assert struct.unpack_from("<I", ours.encode(), 20) == (len(data),)
