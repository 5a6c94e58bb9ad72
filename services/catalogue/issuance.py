"""A card cannot be made for this request."""

from typing import Final

from cardlib.issuance.faults import OrderFaultsError
from services import errors
from services.catalogue.refusal import Code, Fixer, Refusal

ISSUANCE: Final[dict[type[Exception], Refusal]] = {
    OrderFaultsError: Refusal(
        Code.INVALID_ARGUMENT,
        "ORDER_FAULTS",
        "The template or the person's record has faults; no card was touched.",
        "制卡模板或个人数据有误，未对卡片作任何操作。",
        "Correct all of them; each is listed with its place.",
        "请按所列位置全部更正。",
        fixer=Fixer.OPERATOR,
    ),
    errors.IssuanceError: Refusal(
        Code.FAILED_PRECONDITION,
        "ISSUANCE",
        "The card cannot be made now.",
        "当前无法制卡。",
        "Tell support.",
        "请报告技术支持。",
        fixer=Fixer.SUPPORT,
    ),
    errors.IssuanceOpenError: Refusal(
        Code.FAILED_PRECONDITION,
        "ISSUANCE_OPEN",
        "Another request has begun to make a card of this chip.",
        "该芯片正由另一请求制卡，尚未完成。",
        "Repeat that request with the same person, or take another chip; nothing was written by this one.",
        "请以同一人员数据重发该请求，或换用另一芯片；本次未作任何写入。",
        fixer=Fixer.OPERATOR,
    ),
    errors.RequestReusedError: Refusal(
        Code.ALREADY_EXISTS,
        "REQUEST_REUSED",
        "This request id belongs to another request.",
        "该请求编号已用于另一请求。",
        "Give this request an id of its own; for an interrupted one, send the very same data, about the same card.",
        "请使用新的请求编号；续作中断的请求时，数据与卡片须完全相同。",
        fixer=Fixer.DEVELOPER,
    ),
    errors.OrderRepeatedError: Refusal(
        Code.ALREADY_EXISTS,
        "ORDER_REPEATED",
        "The card of this order, or of this card number, was made or begun by another request.",
        "该制卡任务或该卡号已由另一请求制卡或开始制卡。",
        "Repeat that request; where a second card is really meant, say why (again_reason).",
        "请重发该请求；确需另制一张时，请说明原因（again_reason）。",
        fixer=Fixer.OPERATOR,
    ),
    errors.SupersededError: Refusal(
        Code.ABORTED,
        "ISSUANCE_SUPERSEDED",
        "Another call has taken over this request.",
        "该请求已由另一调用接续。",
        "Wait for the other call; then repeat the request, which tells how it ended.",
        "请等待另一调用结束后重发请求查询结果。",
        fixer=Fixer.OPERATOR,
    ),
    errors.JournalError: Refusal(
        Code.UNAVAILABLE,
        "JOURNAL",
        "The journal cannot be kept, so nothing more is done.",
        "业务日志无法写入，已停止办理。",
        "The administrator checks the database and its disk; then the same request goes on.",
        "请管理员检查数据库及磁盘，之后重发同一请求即可续作。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.CertificateUnknownError: Refusal(
        Code.NOT_FOUND,
        "CERTIFICATE_UNKNOWN",
        "There is no such certificate.",
        "没有该制卡证书。",
        "Take the number from the certificate's page, or ask by the request id.",
        "请核对证书编号，或以请求编号查询。",
        fixer=Fixer.OPERATOR,
    ),
    errors.CertificateDamagedError: Refusal(
        Code.DATA_LOSS,
        "CERTIFICATE_DAMAGED",
        "The certificate is not what it was when it was made.",
        "制卡证书内容与生成时不一致。",
        "Do not rely on it; the administrator finds out who changed it.",
        "请勿采信；请管理员查明被改动的原因。",
        fixer=Fixer.ADMINISTRATOR,
    ),
}
