"""The card answered, and refused: status words."""

from typing import Final

from apdu import errors
from services.catalogue.refusal import Code, Refusal

STATUS_WORDS: Final[dict[type[Exception], Refusal]] = {
    errors.StatusWordError: Refusal(
        Code.INTERNAL,
        "CARD_ERROR",
        "The card answered a status word that nothing was prepared for.",
        "卡片返回了未预期的状态字。",
        "Take the card out and try again; if it stays so, give the status word to support.",
        "请取出卡片后重试；仍出现时请将状态字报告技术支持。",
    ),
    errors.WrongPinError: Refusal(
        Code.PERMISSION_DENIED,
        "PIN_WRONG",
        "The PIN is wrong.",
        "密码错误。",
        "Have the holder enter it again; mind how many tries are left.",
        "请持卡人重新输入，注意剩余次数。",
        -51,
    ),
    errors.WrongKeyError: Refusal(
        Code.PERMISSION_DENIED,
        "KEY_WRONG",
        "The card refused the key.",
        "外部认证失败。",
        "Do not repeat it: each try counts. The administrator checks which root keys this region uses.",
        "请勿重试（次数有限）；请管理员核对本地区使用的密钥。",
    ),
    errors.AuthenticationBlockedError: Refusal(
        Code.FAILED_PRECONDITION,
        "PIN_BLOCKED",
        "The PIN is blocked.",
        "密码已锁定。",
        "The holder has it reset at a service desk, with card and identity document.",
        "请持卡人携卡及有效身份证件到服务网点办理密码重置。",
        -52,
    ),
    errors.SecurityStatusError: Refusal(
        Code.PERMISSION_DENIED,
        "ACCESS_RULE",
        "The card wants a PIN or a key before it does this.",
        "不满足卡片安全条件。",
        "Verify the PIN or use a custodian that has the key, then try again.",
        "请先校验密码或使用具备相应密钥的终端。",
    ),
    errors.ConditionsError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_STATE",
        "The card is not in a state for this.",
        "卡片当前状态不允许该操作。",
        "Take the card out, insert it again and start from the beginning.",
        "请取出卡片重新插入后从头操作。",
    ),
    errors.FileNotFoundOnCardError: Refusal(
        Code.NOT_FOUND,
        "NOT_ON_CARD",
        "The card has no such file, record or key.",
        "卡内无此文件、记录或密钥。",
        "The issuer tells whether cards of this batch should have it.",
        "请向发卡机构确认该批次卡片是否应有此内容。",
    ),
    errors.ApplicationBlockedError: Refusal(
        Code.FAILED_PRECONDITION,
        "APPLICATION_BLOCKED",
        "The application on the card is blocked for ever.",
        "卡内应用已被永久锁定。",
        "The holder applies for a replacement card.",
        "请持卡人申请换卡。",
    ),
    errors.FunctionUnsupportedError: Refusal(
        Code.FAILED_PRECONDITION,
        "FUNCTION_UNSUPPORTED",
        "The card does not offer this function, or is blocked as a whole.",
        "卡片不支持该功能，或卡片已锁定。",
        "The issuer tells which; a blocked card is replaced.",
        "请向发卡机构查询；卡片锁定的须换卡。",
    ),
    errors.SecureMessagingError: Refusal(
        Code.DATA_LOSS,
        "MAC_INVALID",
        "A message authentication code was not accepted.",
        "报文鉴别码（MAC）无效。",
        "The administrator checks which keys this region uses.",
        "请管理员核对本地区使用的密钥。",
    ),
    errors.InsufficientBalanceError: Refusal(
        Code.FAILED_PRECONDITION,
        "BALANCE",
        "The personal account holds less than the amount.",
        "个人账户余额不足。",
        "The holder pays in another way.",
        "请持卡人以其他方式支付。",
    ),
    errors.CardMemoryError: Refusal(
        Code.RESOURCE_EXHAUSTED,
        "CARD_MEMORY",
        "The card's memory is full or broken.",
        "卡片存储器已满或损坏。",
        "The holder applies for a replacement card.",
        "请持卡人申请换卡。",
    ),
}

KEY_BLOCKED: Final = Refusal(
    Code.FAILED_PRECONDITION,
    "KEY_BLOCKED",
    "The card has blocked the key after too many wrong tries.",
    "卡内密钥已锁定。",
    "The holder applies for a replacement card.",
    "请持卡人申请换卡。",
)
"""6983 to EXTERNAL AUTHENTICATE, where no PIN is meant [S2.5 §6.4]."""
