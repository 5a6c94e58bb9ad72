"""No answer from a card came about."""

from typing import Final

from apdu import errors
from services.catalogue.refusal import Code, Refusal

TRANSPORT: Final[dict[type[Exception], Refusal]] = {
    errors.TransportError: Refusal(
        Code.UNAVAILABLE,
        "TRANSPORT",
        "The card could not be reached.",
        "无法与卡片通信。",
        "Try again; if it stays so, reconnect the reader.",
        "请重试；仍失败时请重新连接读卡器。",
        -4,
    ),
    errors.NoServiceError: Refusal(
        Code.UNAVAILABLE,
        "NO_SERVICE",
        "The PC/SC service of this machine does not run.",
        "本机PC/SC服务（pcscd）未运行。",
        "The administrator starts pcscd; nothing else has to be restarted.",
        "请管理员启动pcscd，其他服务无需重启。",
        -11,
    ),
    errors.ReaderNotFoundError: Refusal(
        Code.NOT_FOUND,
        "NO_READER",
        "There is no reader of this name.",
        "未找到该读卡器。",
        "Connect the reader, or take its name from ListReaders.",
        "请连接读卡器，或以ListReaders返回的名称为准。",
        -12,
    ),
    errors.ReaderError: Refusal(
        Code.UNAVAILABLE,
        "READER_FAULT",
        "The reader fails.",
        "读卡器故障。",
        "Disconnect and connect the reader, then try again.",
        "请重新插拔读卡器后重试。",
        -11,
    ),
    errors.NoCardError: Refusal(
        Code.FAILED_PRECONDITION,
        "NO_CARD",
        "There is no card in the reader.",
        "读卡器中无卡。",
        "Insert the card.",
        "请插入卡片。",
        -2,
    ),
    errors.CardRemovedError: Refusal(
        Code.ABORTED,
        "CARD_REMOVED",
        "The card was taken out, or reset by another program, half-way.",
        "操作过程中卡片被取出，或被其他程序复位。",
        "Insert the card again, leave it in and start again.",
        "请重新插入卡片，操作完成前请勿取出。",
        -3,
    ),
    errors.MuteCardError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_MUTE",
        "The card does not answer.",
        "卡片无响应。",
        "Insert it the right way round, chip first and clean; a broken card is replaced.",
        "请检查插卡方向并清洁芯片；卡片损坏的须换卡。",
        -4,
    ),
    errors.CardInUseError: Refusal(
        Code.UNAVAILABLE,
        "CARD_IN_USE",
        "Another call or program holds the card.",
        "卡片正被其他程序使用。",
        "Try again in a moment.",
        "请稍后重试。",
        -11,
    ),
    errors.ProtocolError: Refusal(
        Code.INTERNAL,
        "PROTOCOL",
        "Card or reader do not keep to the transmission protocol.",
        "卡片或读卡器不符合传输协议。",
        "Try another reader; if it stays so, the card is at fault.",
        "请更换读卡器重试；仍出现时为卡片问题。",
        -15,
    ),
    errors.TranscriptMismatchError: Refusal(
        Code.INTERNAL,
        "TRANSCRIPT_MISMATCH",
        "The recorded conversation went another way.",
        "与录制的会话不一致。",
        "A developer records it again.",
        "请开发人员重新录制。",
    ),
}
