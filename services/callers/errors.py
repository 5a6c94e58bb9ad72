"""What is wrong with a caller, or with what it asks for; nothing was done.

::

    CallerError
    ├─ CallerUnknownError       nobody knows who calls
    │  ├─ CallerExpiredError    the certificate's time is over, or has not come
    │  └─ CallerRevokedError    the certificate is on the list of those that count no longer
    └─ AccessDeniedError        the caller's role may not do this
"""

from services.errors import ServiceError


class CallerError(ServiceError):
    """The call is not answered, because of who makes it."""


class CallerUnknownError(CallerError):
    """Nobody knows who calls: there is no certificate, or none that says it (调用方身份未知)."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the caller is not known: {why}")


class CallerExpiredError(CallerUnknownError):
    """The time of the caller's certificate is over, or has not come (证书过期)."""


class CallerRevokedError(CallerUnknownError):
    """The caller's certificate counts no longer (证书已吊销)."""

    def __init__(self) -> None:
        super().__init__("its certificate has been revoked")


class AccessDeniedError(CallerError):
    """The caller's role may not do this (无权操作).

    ``method``: its full name, as in a path; ``role``: the caller's; ``access``: what the method asks for.
    """

    def __init__(self, method: str, role: str, access: str) -> None:
        self.method = method
        self.role = role
        self.access = access
        super().__init__(f"a caller with the role {role} may not call {method}, which takes {access}")
