"""What is wrong with the audit: it cannot be kept, or is not what it was."""

from services.errors import ServiceError


class AuditError(ServiceError):
    """The audit cannot be kept or read; a call whose entry is not kept gets no answer (审计无法写入)."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the audit cannot be kept: {why}")
