"""The centre that has the keys does not answer."""

from typing import Final

from services.catalogue.refusal import Code, Refusal
from services.custody.errors import CentreAwayError

CENTRE: Final[dict[type[Exception], Refusal]] = {
    CentreAwayError: Refusal(
        Code.UNAVAILABLE,
        "KEY_CENTRE_AWAY",
        "The centre that has the keys cannot be reached, or did not answer in time.",
        "无法连接密钥中心，或密钥中心未及时应答。",
        "Repeat the same call; if it stays so, the administrator checks the connection and the service at the centre.",
        "请重复同一操作；仍失败时请管理员检查网络连接及中心服务。",
    ),
}
