"""The holder's PIN."""

from typing import Final

from cardlib import errors as card
from services.catalogue.refusal import Code, Refusal

PIN: Final[dict[type[Exception], Refusal]] = {
    card.PinStatusUnknownError: Refusal(
        Code.FAILED_PRECONDITION,
        "PIN_STATUS_UNKNOWN",
        "The card does not say how its PIN stands; no PIN was sent to it.",
        "卡片未返回密码状态，未送卡校验。",
        "Take the card out, insert it again and try again; if it stays so, the issuer checks the card.",
        "请取出卡片重新插入后重试；仍出现时请发卡机构检查卡片。",
    ),
    card.PinNotSetError: Refusal(
        Code.FAILED_PRECONDITION,
        "PIN_NOT_SET",
        "The card has no PIN; none was sent to it.",
        "卡片未设置密码，未送卡校验。",
        "Ask for no PIN; the holder may set one: change the PIN with an empty old one.",
        "无需校验密码；持卡人可办理密码设置（原密码留空）。",
    ),
    card.PinRepeatedError: Refusal(
        Code.FAILED_PRECONDITION,
        "PIN_REPEATED",
        "The card has refused this PIN before; it was not sent again.",
        "该密码已被卡片拒绝，未重复送卡校验。",
        "The holder enters another PIN, or has it reset; no try was used.",
        "请持卡人输入其他密码或办理密码重置；未消耗校验次数。",
        -51,
    ),
    card.InitialPinError: Refusal(
        Code.FAILED_PRECONDITION,
        "INITIAL_PIN",
        "This is an initial PIN, and the card is activated or not known to be new; it was not sent.",
        "该密码为初始密码，且卡片已激活或无法确认为新卡，未送卡校验。",
        "The holder enters the PIN that was chosen, or has it reset; for a new card the caller says so.",
        "请持卡人输入自设密码或办理密码重置；如为新卡，请调用方注明。",
        -35,
    ),
    card.InitialPinChosenError: Refusal(
        Code.INVALID_ARGUMENT,
        "INITIAL_PIN_CHOSEN",
        "An initial PIN cannot be chosen as the new one.",
        "新密码不得为初始密码。",
        "The holder chooses another PIN; nothing was done to the card.",
        "请持卡人另选密码；卡片未作任何更改。",
        -36,
    ),
    card.PinUnprovenError: Refusal(
        Code.DATA_LOSS,
        "PIN_UNPROVEN",
        "The card took the new PIN, and then refused it.",
        "卡片接受新密码后校验未通过。",
        "The holder has the PIN reset; if it stays so, the card is replaced.",
        "请办理密码重置；仍出现时须换卡。",
    ),
}
