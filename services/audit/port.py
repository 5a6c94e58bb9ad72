"""What is put on record for one call, and the port that does it (审计记录).

The interceptor makes an entry of every call that has reached a method, whatever became of it, and gives the answer only
when the entry is kept.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One call: who, from where, what, about which card, and what became of it. No field is data of a holder in clear.

    Texts are up to 200 characters that can be printed, on one line; see :mod:`services.audit.entry`.
    """

    moment: datetime
    """When the call was answered; aware. Kept in UTC, to the microsecond."""
    method: str
    """Full name of the method: ``/sscard.v1.PinService/VerifyPin``."""
    institution: str = ""
    """Code of the caller's institution (机构), as its certificate says."""
    role: str = ""
    """The caller's role (角色): a value of :class:`services.callers.caller.Role`; "" where there is no caller."""
    caller: str = ""
    """Name of the caller, as its certificate says: an official or a machine, in clear for the auditor (操作人)."""
    terminal: str = ""
    """Where it called from (终端)."""
    station: str = ""
    """Name of the machine that answered (服务站点)."""
    reader: str = ""
    """Name of the reader (读卡器)."""
    card: str = ""
    """The registry's id of the card, or a keyed digest of its identifier (卡片)."""
    person: str = ""
    """The registry's id of the person, or a keyed digest of its number (人员)."""
    detail: str = ""
    """Names of files, kinds of events: words of this software (内容)."""
    request_id: str = ""
    """The caller's own id of a call that changes something (请求编号)."""
    code: str = "OK"
    """Name of the gRPC code of the answer (结果)."""
    reason: str = ""
    """Reason of the catalogue of errors, "" where the call went well (原因)."""


class AuditSink(Protocol):
    """Where entries are kept. Implementation: :class:`services.audit.writer.AuditWriter`."""

    async def record(self, entry: AuditEntry) -> None:
        """Keep one entry; it is on the disk then. Raises :class:`~services.audit.errors.AuditError` where it is not.

        Then the call's answer must not be given.
        """
