"""The card is not what it should be, or wants what is not at hand."""

from typing import Final

from apdu import errors as apdu
from cardlib import errors as card
from services.catalogue.refusal import Code, Refusal
from services.custody.development import DevelopmentKeysRefusedError

CARDS: Final[dict[type[Exception], Refusal]] = {
    apdu.UnansweredError: Refusal(
        Code.FAILED_PRECONDITION,
        "UNANSWERED",
        "Something was needed that nobody here can give.",
        "缺少完成操作所需的外部应答。",
        "The administrator checks the configuration of the service.",
        "请管理员检查服务配置。",
    ),
    card.KeyUnavailableError: Refusal(
        Code.FAILED_PRECONDITION,
        "KEY_UNAVAILABLE",
        "A key that the card asks for is not at hand.",
        "缺少卡片所需的密钥。",
        "The administrator provides the key, a PSAM, or a connection to the centre.",
        "请管理员配置密钥、PSAM卡或与中心的连接。",
        -2201,
    ),
    DevelopmentKeysRefusedError: Refusal(
        Code.FAILED_PRECONDITION,
        "DEVELOPMENT_KEYS_REFUSED",
        "The published development keys do not serve outside development mode.",
        "生产环境禁用公开的开发密钥。",
        "The administrator configures a real key custodian.",
        "请管理员配置正式的密钥托管。",
    ),
    card.ForeignCardError: Refusal(
        Code.FAILED_PRECONDITION,
        "FOREIGN_CARD",
        "This is no social security card.",
        "不是社会保障卡。",
        "Insert the social security card.",
        "请插入社会保障卡。",
        -1,
    ),
    card.VersionUnsupportedError: Refusal(
        Code.FAILED_PRECONDITION,
        "VERSION_UNSUPPORTED",
        "The card follows a version of the standard that is not known here.",
        "不支持该规范版本的卡片。",
        "The administrator updates this software.",
        "请管理员升级本软件。",
        -1,
    ),
    card.AlgorithmUnsupportedError: Refusal(
        Code.FAILED_PRECONDITION,
        "ALGORITHM_UNSUPPORTED",
        "The card's cipher is not available here; SSF33 is unpublished.",
        "不支持卡片所用算法（SSF33算法未公开）。",
        "Use a terminal with a PSAM of this algorithm, or the centre.",
        "请使用具备该算法PSAM卡的终端，或由中心处理。",
        -2202,
    ),
    card.NotAuthenticError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_NOT_AUTHENTIC",
        "The card did not prove that it is genuine.",
        "卡片未通过内部认证。",
        "Do not act on the card's data; check the holder's identity document and inform the issuer.",
        "请勿使用该卡数据；请核验持卡人身份证件并告知发卡机构。",
        -21,
    ),
    apdu.MalformedError: Refusal(
        Code.DATA_LOSS,
        "MALFORMED",
        "What the card sent does not have the form it should have.",
        "卡片返回的数据格式错误。",
        "Try again; if it stays so, the issuer checks the card.",
        "请重试；仍出现时请发卡机构检查卡片。",
    ),
    apdu.ApduFormatError: Refusal(
        Code.INTERNAL,
        "APDU_FORMAT",
        "A command has lengths that contradict each other.",
        "命令报文长度不一致。",
        "This is a defect of the software: tell its developers.",
        "属软件缺陷，请报告开发人员。",
        -14,
    ),
    apdu.TlvError: Refusal(
        Code.DATA_LOSS,
        "TLV_MALFORMED",
        "A record of the card is cut off or too long.",
        "卡内记录被截断或超长。",
        "Try again; if it stays so, the issuer checks the card.",
        "请重试；仍出现时请发卡机构检查卡片。",
    ),
    apdu.AtrError: Refusal(
        Code.DATA_LOSS,
        "ATR_MALFORMED",
        "The card's answer to reset is not one of ISO/IEC 7816-3.",
        "卡片复位应答不符合标准。",
        "Clean the chip and try again; if it stays so, the card is replaced.",
        "请清洁芯片后重试；仍出现时须换卡。",
    ),
    card.ItemError: Refusal(
        Code.DATA_LOSS,
        "ITEM_MALFORMED",
        "An item of the card does not have the form it should have.",
        "卡内数据项格式错误。",
        "The issuer checks the card.",
        "请发卡机构检查卡片。",
    ),
    card.CardDataError: Refusal(
        Code.DATA_LOSS,
        "CARD_DATA",
        "The card lacks an item that everything else rests on.",
        "卡内缺少必需的数据项。",
        "The issuer checks the card.",
        "请发卡机构检查卡片。",
    ),
    apdu.CardError: Refusal(
        Code.INTERNAL,
        "CARD_FAILURE",
        "Something went wrong with the card.",
        "卡片操作失败。",
        "Take the card out and try again; if it stays so, tell support.",
        "请取出卡片后重试；仍出现时请报告技术支持。",
    ),
}
