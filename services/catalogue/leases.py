"""Leases of cards."""

from typing import Final

from services import errors
from services.catalogue.refusal import Code, Fixer, Refusal

LEASES: Final[dict[type[Exception], Refusal]] = {
    errors.LeaseEndedError: Refusal(
        Code.FAILED_PRECONDITION,
        "LEASE_ENDED",
        "The lease of the card is over: its time had come, it was released, or there never was one.",
        "卡片占用已结束：已到期、已释放或不存在。",
        "Acquire the card again; what was verified on it has to be verified again.",
        "请重新占用卡片，密码须重新验证。",
        fixer=Fixer.OPERATOR,
    ),
    errors.LeaseEpochError: Refusal(
        Code.ABORTED,
        "LEASE_EPOCH",
        "The card was taken out and put back, or reset, since the call's epoch; nothing was sent to it.",
        "卡片曾被取出或复位，占用序号已失效，未向卡片发送命令。",
        "Renew the lease to learn the present epoch; the PIN has to be verified again.",
        "请续占卡片以取得当前序号，密码须重新验证。",
        fixer=Fixer.OPERATOR,
    ),
    errors.LeaseOtherCardError: Refusal(
        Code.FAILED_PRECONDITION,
        "LEASE_OTHER_CARD",
        "Another card is in the reader than the one that was acquired; the lease is over.",
        "读卡器中已不是原占用的卡片，占用已结束。",
        "Check whose card it is, and acquire it if it is the right one.",
        "请核对卡片，确认无误后重新占用。",
        fixer=Fixer.OPERATOR,
    ),
}
