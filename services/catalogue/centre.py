"""The centre that has the keys does not answer, or does not answer this."""

from typing import Final

from services.catalogue.refusal import Code, Fixer, Refusal
from services.custody.errors import CentreAwayError, KeyUnknownError, VerificationsBlockedError

CENTRE: Final[dict[type[Exception], Refusal]] = {
    CentreAwayError: Refusal(
        Code.UNAVAILABLE,
        "KEY_CENTRE_AWAY",
        "The centre that has the keys cannot be reached, or did not answer in time.",
        "无法连接密钥中心，或密钥中心未及时应答。",
        "Repeat the same call; if it stays so, the administrator checks the connection and the service at the centre.",
        "请重复同一操作；仍失败时请管理员检查网络连接及中心服务。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    KeyUnknownError: Refusal(
        Code.FAILED_PRECONDITION,
        "KEY_UNKNOWN",
        "The request names a key that the service does not know.",
        "请求中的密钥名称未知。",
        "Correct the name; for a key of a region the administrator gives the centre the same regional profile.",
        "请更正密钥名称；如为地区自定义密钥，请管理员在密钥中心配置相同的地区规范。",
        -2201,
        fixer=Fixer.ADMINISTRATOR,
    ),
    VerificationsBlockedError: Refusal(
        Code.RESOURCE_EXHAUSTED,
        "VERIFICATIONS_BLOCKED",
        "Too many answers of this card were wrong; for now none is checked.",
        "该卡应答验证失败次数过多，暂停验证。",
        "Keep the card: it may be forged. Try again after a quarter of an hour; the administrator looks into the log.",
        "请留存该卡，可能为伪卡；15分钟后可重试，并请管理员查看日志。",
        fixer=Fixer.OPERATOR,
    ),
}
