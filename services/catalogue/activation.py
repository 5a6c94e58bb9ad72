"""Activation."""

from typing import Final

from services.activation import errors
from services.catalogue.refusal import Code, Fixer, Refusal

ACTIVATION: Final[dict[type[Exception], Refusal]] = {
    errors.ActivationError: Refusal(
        Code.FAILED_PRECONDITION,
        "ACTIVATION",
        "The card cannot be activated now.",
        "当前无法激活该卡。",
        "Tell support.",
        "请报告技术支持。",
        fixer=Fixer.SUPPORT,
    ),
    errors.CardExpiredError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_EXPIRED",
        "The last day on which the card is valid has passed.",
        "该卡已过有效期。",
        "The holder has the card exchanged for a new one, which is activated then.",
        "请持卡人办理换卡，领取新卡后再激活。",
        -22,
        fixer=Fixer.HOLDER,
    ),
    errors.CardAwaitedError: Refusal(
        Code.ABORTED,
        "CARD_AWAITED",
        "No card was inserted in time.",
        "等待插卡超时。",
        "Send the same request again, and insert the card when the prompt says so.",
        "请重发同一请求，并按提示插卡。",
        -2,
        fixer=Fixer.OPERATOR,
    ),
    errors.CardNotSwappedError: Refusal(
        Code.ABORTED,
        "CARD_NOT_SWAPPED",
        "The original medical card is still in the reader, or was inserted again.",
        "读卡器中仍为原医疗卡，未换插社会保障卡。",
        "Send the same request again; take the original medical card out and insert the new card.",
        "请重发同一请求，取出原医疗卡并插入社会保障卡。",
        fixer=Fixer.OPERATOR,
    ),
    errors.OriginalFirstError: Refusal(
        Code.ABORTED,
        "ORIGINAL_CARD_FIRST",
        "The new card was inserted in the place of the original medical card.",
        "应先出示原医疗卡，当前插入的是新的社会保障卡。",
        "Send the same request again; insert the original medical card first, then the new card.",
        "请重发同一请求，先插入原医疗卡，再插入社会保障卡。",
        fixer=Fixer.OPERATOR,
    ),
    errors.OriginalUnprovenError: Refusal(
        Code.FAILED_PRECONDITION,
        "ORIGINAL_CARD_UNPROVEN",
        "The original medical card is neither in the registry nor can it prove here that it is genuine.",
        "原医疗卡未登记，且无法在此验证其真伪。",
        "The holder has it registered at the social security office, or activates at a bank outlet with an identity "
        "document.",
        "请到社保经办机构登记原医疗卡，或持身份证件到银行网点激活。",
        fixer=Fixer.HOLDER,
    ),
}
