"""What SELECT answers: the file control information of a directory [S2.5 T36–T38]."""

from typing import Final

from apdu.errors import TlvError
from apdu.tlv import find
from cardlib.crypto.suite import Algorithm
from cardlib.errors import AlgorithmUnsupportedError, CardDataError

FCI_TEMPLATE, DF_NAME, PROPRIETARY, ISSUER_DISCRETIONARY, ALGORITHM_ID = 0x6F, 0x84, 0xA5, 0x9F0C, 0x86

SSF33_REGION: Final = "11"
"""Cards of Beijing that name no algorithm use SSF33, all others DES [S3 §10.1]."""


def algorithm_of(fci: bytes, region: str | None) -> Algorithm:
    """The card's algorithm (算法标识): 6F{A5{9F0C{86 01 xx}}}, or the default of its region [S2.3 §6.4, S3 §10.1].

    ``fci``: the SELECT answer, may be empty where the reader did not bring it; ``region``: six digits of item 01, None
    when unknown. Raises :class:`CardDataError` for a broken FCI, :class:`AlgorithmUnsupportedError` for an unknown id.
    """
    try:
        named = find(fci, FCI_TEMPLATE, PROPRIETARY, ISSUER_DISCRETIONARY, ALGORITHM_ID) if fci else None
    except TlvError as error:
        raise CardDataError("the card's file control information is malformed") from error
    if named is None:
        return Algorithm.SSF33 if (region or "").startswith(SSF33_REGION) else Algorithm.DES
    try:
        return Algorithm(int.from_bytes(named, "big"))
    except ValueError:
        raise AlgorithmUnsupportedError(f"with identifier {named[:4].hex().upper()}") from None
