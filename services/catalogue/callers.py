"""Callers and what they may do."""

from typing import Final

from services.callers import errors
from services.catalogue.refusal import Code, Fixer, Refusal

CALLERS: Final[dict[type[Exception], Refusal]] = {
    errors.CallerError: Refusal(
        Code.PERMISSION_DENIED,
        "CALLER_REFUSED",
        "The call is not answered because of who makes it.",
        "调用方不被接受。",
        "The administrator looks at the caller's certificate.",
        "请管理员检查调用方证书。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.CallerUnknownError: Refusal(
        Code.UNAUTHENTICATED,
        "CALLER_UNKNOWN",
        "The caller shows no certificate that says who it is.",
        "无法确认调用方身份。",
        "The administrator gives the caller a certificate with institution, role and name.",
        "请管理员为调用方签发含机构、角色和名称的证书。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.CallerExpiredError: Refusal(
        Code.UNAUTHENTICATED,
        "CALLER_EXPIRED",
        "The caller's certificate is not valid at this time.",
        "调用方证书不在有效期内。",
        "The administrator renews the certificate; both machines' clocks must be right.",
        "请管理员更新证书，并核对双方时钟。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.CallerRevokedError: Refusal(
        Code.UNAUTHENTICATED,
        "CALLER_REVOKED",
        "The caller's certificate has been revoked.",
        "调用方证书已吊销。",
        "The administrator finds out why, and gives out another certificate if that is right.",
        "请管理员查明原因，确有必要时重新签发证书。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.AccessDeniedError: Refusal(
        Code.PERMISSION_DENIED,
        "ACCESS_DENIED",
        "The caller's role may not do this.",
        "调用方角色无权执行此操作。",
        "Have somebody with the right role do it; `sscard access` shows which roles may.",
        "请由具备相应角色的人员操作；可用 sscard access 查看各角色权限。",
        fixer=Fixer.OPERATOR,
    ),
}
"""Who calls (调用方): identity and role of a caller, as its certificate says."""
