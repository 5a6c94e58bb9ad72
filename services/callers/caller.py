"""Who made the call that is being answered (调用方)."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a caller is (角色); a certificate has one. The value stands in certificates."""

    TELLER = "teller"
    """Bank teller (银行柜员)."""
    HOSPITAL = "hospital"
    """Point of service of a hospital (医院终端)."""
    PHARMACY = "pharmacy"
    """Point of service of a pharmacy (药店终端)."""
    ISSUER = "issuer"
    """Who makes cards (制卡人员)."""
    SUPERVISOR = "supervisor"
    """Who approves and corrects (业务主管)."""
    INQUIRY = "inquiry"
    """Channel through which holders ask for themselves (查询渠道)."""
    AUDITOR = "auditor"
    """Who examines what others did (审计员)."""
    ADMINISTRATOR = "administrator"
    """Who runs the system, and enters institutions (系统管理员)."""
    TERMINAL = "terminal"
    """A terminal's own service, which asks its centre for results of keys (终端服务)."""
    LOCAL = "local"
    """Whoever started the service, in the same process, or on loopback in development; no certificate has it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller. ``name``: of the person or machine, as the certificate has it, up to 64 characters.

    ``institution``: code of the institution, up to 32 letters, digits and hyphens; ``terminal``: where it calls from,
    as the certificate says, "" where it does not.
    """

    name: str
    institution: str
    role: Role
    terminal: str = ""


LOCAL: Final = Caller("local", "local", Role.LOCAL)
"""The caller of a service that asks nobody for a certificate."""

OWN_CODES: Final = frozenset({LOCAL.institution, "service"})
"""What stands for an institution where the service itself does something, in its journal; no certificate has these."""

_CALLER: ContextVar[Caller] = ContextVar("caller", default=LOCAL)


def current_caller() -> Caller:
    """The caller of the call that is being answered, in its task; raises nothing."""
    return _CALLER.get()


def set_caller(caller: Caller) -> None:
    """Say who made the call of this task; the interceptor does it before the method is run."""
    _CALLER.set(caller)
