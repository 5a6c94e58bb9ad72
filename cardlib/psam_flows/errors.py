"""Why a PSAM did not give what was asked, each with its return code of the national terminal interface [S3 annex A].

::

    KeyUnavailableError
    └─ PsamError
       ├─ NoPsamError               no PSAM in the slot, or no answer from it
       ├─ PsamBusyError             somebody else has it: repeat the same call
       ├─ PsamAlgorithmError        it has no environment for the card's algorithm; an AlgorithmUnsupportedError too
       ├─ PsamKeyMissingError       it has no such key, or none for this use
       │  └─ PsamReadKeyError       it has no RKSSSE, without which nothing of a 3.0 card's holder is read
       ├─ PsamLevelError            its key is one of another area, or of a level that cannot be found
       ├─ PsamPurchaseError         it has no purchase key of this version
       ├─ PsamProofRefusedError     the card's MAC2 is wrong
       ├─ PsamPurchaseLostError     it was reset, or used otherwise, between MAC1 and MAC2
       ├─ PsamAnswerError           what it answered cannot be an answer
       └─ PsamRefusedError          any other status word
"""

from typing import Final

from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError


class PsamError(KeyUnavailableError):
    """The PSAM did not do what was asked of it.

    ``key``: name of the key in the specification, "" where it is about none. ``national_code``: return code of the
    national terminal interface, negative; None where that has none.
    """

    national_code: int | None = None

    def __init__(self, key: str, reason: str) -> None:
        KeyUnavailableError.__init__(self, key, reason)
        if not key:
            self.args = (reason,)


class NoPsamError(PsamError):
    """There is no PSAM in the slot, or it does not answer (无PSAM卡)."""

    national_code = -2201


class PsamBusyError(PsamError):
    """Others have the PSAM, or it is kept for another card's purchase (PSAM卡正被占用): repeat the same call.

    Nothing was asked of it. The centre is not asked instead: a purchase goes on where it began.
    """


class PsamAlgorithmError(PsamError, AlgorithmUnsupportedError):
    """The PSAM has no environment for the card's ``algorithm``, given by its name (PSAM卡不支持该算法)."""

    national_code = -2202

    def __init__(self, algorithm: str, reason: str) -> None:
        PsamError.__init__(self, "", reason)
        self.algorithm = algorithm


class PsamKeyMissingError(PsamError):
    """The PSAM has no such key, or none for this use (PSAM卡中无此密钥)."""

    national_code = -27272


class PsamReadKeyError(PsamKeyMissingError):
    """The PSAM has no RKSSSE, which the holder data of a 3.0 card ask for (PSAM卡中无RKSSSE)."""

    national_code = -2203


class PsamLevelError(PsamError):
    """The PSAM's key does not reach this card: it is another area's, or of a level not found (PSAM卡密钥级别不足)."""

    national_code = -24


class PsamPurchaseError(PsamError):
    """The PSAM does not support purchases with this version of the key (PSAM卡不支持消费)."""

    national_code = -37891


class PsamProofRefusedError(PsamError):
    """MAC2 is not that of the purchase (MAC2验证失败): the card has been debited, and did not prove it."""

    national_code = -37634


class PsamPurchaseLostError(PsamError):
    """MAC2 can no longer be checked by the PSAM that made MAC1 (消费状态已丢失): the debit is unverified."""

    national_code = -26881


class PsamAnswerError(PsamError):
    """The PSAM's answer has a length that none has, or is what it should have encrypted (PSAM卡应答错误)."""


class PsamRefusedError(PsamError):
    """The PSAM answered a status word that nothing was prepared for; ``sw``. The national code is its negative."""

    def __init__(self, key: str, sw: int) -> None:
        self.sw = sw
        self.national_code = -sw
        super().__init__(key, f"the PSAM answered {sw:04X}")


FALLBACK_CODES: Final = frozenset({-2201, -2202, -2203, -27272, -24})
"""After these the centre is asked, and after no others [S3 §10.5]."""


def missing(key: str, reason: str) -> PsamKeyMissingError:
    """The error for a key that is not there: RKSSSE has one of its own."""
    return (PsamReadKeyError if key == "RKSSSE" else PsamKeyMissingError)(key, reason)
