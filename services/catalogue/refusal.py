"""One row of the catalogue of errors."""

from dataclasses import dataclass

from grpc import StatusCode as Code

__all__ = ["Code", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of the catalogue of errors (错误目录).

    ``english`` and ``chinese``: what is the matter. ``remedy``, ``remedy_chinese``: who does what, safely.
    ``national``: return code of the national terminal interface [S3 annex A], None where it has none; a failing status
    word without a code of its own is its negative number there.
    """

    code: Code
    reason: str
    english: str
    chinese: str
    remedy: str
    remedy_chinese: str
    national: int | None = None
