"""What is on a card beside the social security application, as far as a reader meets it (相邻应用).

A bank application up to the bank card number, and the certificate area of third-generation cards, which is only there.
"""

from typing import Final

from apdu.errors import MalformedError
from apdu.tlv import encode
from cardlib.cos.plan import PlannedDirectory, PlannedFile, PlannedKey
from cardlib.keys import KeyReference, Level, Purpose
from cardlib.model import Structure
from cardlib.rules import FREE, NEVER
from cardlib.text import encode_text

BANK_AID: Final = bytes.fromhex("A000000333010101")
"""PBOC debit [S6]."""
PKI_NAME: Final = b"PKI." + encode_text("社会保障")
CERTIFICATES_NAME: Final = b"SS.CERT.ADF1"

_BANK_FID, _PKI_FID, _CERTIFICATES_FID = 0xADF1, 0xDDF3, 0xDF01
_LABEL, _PDOL, _RECORD, _TRACK_2, _NUMBER, _EXPIRY = 0x50, 0x9F38, 0x70, 0x57, 0x5A, 0x5F24
_TERMINAL_DATA: Final = bytes.fromhex("9F66049F1A02")
"""What GET PROCESSING OPTIONS is to bring: qualifiers of the terminal, 4 bytes, and its country, 2 (PDOL)."""
_EXPIRY_DATE: Final = "491231"
_SERVICE_CODE: Final = "220"
_DIGITS: Final = range(16, 20)


def bank_application(number: str) -> PlannedDirectory:
    """A PBOC debit application (金融应用) whose one record has the bank card number, 16…19 digits, and its expiry.

    Raises :class:`~apdu.errors.MalformedError` for anything else; the number is not in its text.
    """
    if not number.isdecimal() or not number.isascii() or len(number) not in _DIGITS:
        raise MalformedError("a bank card number has 16 to 19 digits")
    track = _packed(f"{number}D{_EXPIRY_DATE[:4]}{_SERVICE_CODE}0000")
    record = encode(_TRACK_2, track) + encode(_NUMBER, _packed(number)) + encode(_EXPIRY, bytes.fromhex(_EXPIRY_DATE))
    records = (encode(_RECORD, record),)
    file = PlannedFile(
        name="bank card number",
        fid=0x0001,
        sfi=1,
        structure=Structure.LINEAR_VARIABLE,
        space=sum(map(len, records)),
        read=FREE,
        update=NEVER,
        contents=records,
    )
    return PlannedDirectory(
        name="bank application",
        fid=_BANK_FID,
        df_name=BANK_AID,
        is_ddf=False,
        outside=True,
        fci_objects=encode(_LABEL, b"PBOC DEBIT") + encode(_PDOL, _TERMINAL_DATA),
        files=(file,),
        keys=(_master("MKBANK"),),
    )


def certificate_area() -> PlannedDirectory:
    """The DDF of a third-generation card's certificates, and the ADF in it, both empty (PKI区)."""
    certificates = PlannedDirectory(
        name="certificates",
        fid=_CERTIFICATES_FID,
        df_name=CERTIFICATES_NAME,
        is_ddf=False,
        outside=True,
        keys=(_master("MKCERTIFICATES"),),
    )
    return PlannedDirectory(
        name="PKI",
        fid=_PKI_FID,
        df_name=PKI_NAME,
        is_ddf=True,
        outside=True,
        keys=(_master("MKPKI"),),
        children=(certificates,),
    )


def _master(name: str) -> PlannedKey:
    reference = KeyReference(name)
    return PlannedKey(
        name=name, reference=reference, purpose=Purpose.MASTER, level=Level.ISSUER, card_id=0, tries=3, size=16
    )


def _packed(digits: str) -> bytes:
    """Two digits a byte, filled with F on the right."""
    return bytes.fromhex(digits + "F" * (len(digits) % 2))
