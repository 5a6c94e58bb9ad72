"""The audit."""

from typing import Final

from services.audit import errors
from services.catalogue.refusal import Code, Fixer, Refusal

AUDIT: Final[dict[type[Exception], Refusal]] = {
    errors.AuditError: Refusal(
        Code.UNAVAILABLE,
        "AUDIT",
        "The call could not be put on record, so no answer is given; it may have been carried out.",
        "无法写入审计记录，故不返回结果；操作可能已执行。",
        "The administrator checks the database and its disk; then the same request is sent again, with the same id.",
        "请管理员检查数据库及磁盘，之后以相同编号重发同一请求。",
        fixer=Fixer.ADMINISTRATOR,
    ),
}
