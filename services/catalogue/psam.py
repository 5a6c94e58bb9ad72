"""The PSAM in the terminal does not do what the card needs."""

from typing import Final

from cardlib.psam_flows import errors
from services.catalogue.refusal import Code, Refusal

PSAM: Final[dict[type[Exception], Refusal]] = {
    errors.PsamError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM",
        "The PSAM did not do what the card needs.",
        "PSAM卡未能完成所需操作。",
        "The administrator checks the PSAM, or has the centre do it.",
        "请管理员检查PSAM卡，或由中心处理。",
    ),
    errors.NoPsamError: Refusal(
        Code.UNAVAILABLE,
        "PSAM_ABSENT",
        "There is no PSAM in its reader, or it does not answer.",
        "未插入PSAM卡，或PSAM卡无响应。",
        "Insert the PSAM, or correct the name of its reader; then try again.",
        "请插入PSAM卡，或更正其读卡器名称后重试。",
        errors.NoPsamError.national_code,
    ),
    errors.PsamAlgorithmError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_ALGORITHM",
        "The PSAM does not have the card's algorithm.",
        "PSAM卡不支持卡片所用算法。",
        "Use a PSAM that has it, or the centre.",
        "请更换支持该算法的PSAM卡，或由中心处理。",
        errors.PsamAlgorithmError.national_code,
    ),
    errors.PsamKeyMissingError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_KEY_MISSING",
        "The PSAM has no such key, or none for this use.",
        "PSAM卡中无此密钥，或该密钥不可用于此操作。",
        "Have the centre do it, or the issuer of the PSAM load the key.",
        "请由中心处理，或请PSAM卡发行方装载该密钥。",
        errors.PsamKeyMissingError.national_code,
    ),
    errors.PsamReadKeyError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_READ_KEY_MISSING",
        "The PSAM has no RKSSSE: it opens no holder data of a 3.0 card.",
        "PSAM卡中无RKSSSE，无法读取第三代卡的持卡人信息。",
        "Have the centre do it, or use a PSAM for 3.0 cards.",
        "请由中心处理，或更换支持第三代卡的PSAM卡。",
        errors.PsamReadKeyError.national_code,
    ),
    errors.PsamLevelError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_LEVEL",
        "The PSAM's key does not reach this card: it is one of another area, or of too low a level.",
        "PSAM卡密钥级别不足，或不属于卡片所在地区。",
        "Have the centre do it.",
        "请由中心处理。",
        errors.PsamLevelError.national_code,
    ),
    errors.PsamPurchaseError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_PURCHASE",
        "The PSAM does not make purchases with this version of the key.",
        "PSAM卡不支持该版本密钥的消费。",
        "Use a PSAM for purchases; nothing was paid.",
        "请更换支持消费的PSAM卡；未发生扣款。",
        errors.PsamPurchaseError.national_code,
    ),
    errors.PsamProofRefusedError: Refusal(
        Code.DATA_LOSS,
        "PSAM_PROOF_REFUSED",
        "The card has debited the amount, and its MAC2 is wrong.",
        "卡片已扣款，但MAC2验证失败。",
        "Do not debit again; record trade number, TAC and MAC2, and have the centre check the TAC.",
        "请勿重复扣款；请记录交易序号、TAC和MAC2，并由中心核验TAC。",
        errors.PsamProofRefusedError.national_code,
    ),
    errors.PsamPurchaseLostError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_PURCHASE_LOST",
        "The PSAM can no longer check MAC2: it was reset, or used otherwise, after it had made MAC1.",
        "PSAM卡在生成MAC1后被复位或另作他用，无法再验证MAC2。",
        "Do not debit again; record the purchase as unverified, and have the centre check the TAC.",
        "请勿重复扣款；请将该笔消费记为未验证，并由中心核验TAC。",
        errors.PsamPurchaseLostError.national_code,
    ),
    errors.PsamRefusedError: Refusal(
        Code.FAILED_PRECONDITION,
        "PSAM_REFUSED",
        "The PSAM answered a status word that nothing was prepared for.",
        "PSAM卡返回了未预期的状态字。",
        "Give the status word to support; a PSAM that is blocked is replaced.",
        "请将状态字报告技术支持；PSAM卡已锁定的须更换。",
    ),
}
