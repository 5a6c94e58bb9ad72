"""The registry: people and cards."""

from typing import Final

from services.catalogue.refusal import Code, Refusal
from services.registry import errors

REGISTRY: Final[dict[type[Exception], Refusal]] = {
    errors.RegistryError: Refusal(
        Code.FAILED_PRECONDITION,
        "REGISTRY",
        "The registry does not allow this.",
        "持卡库不允许该操作。",
        "Tell support.",
        "请报告技术支持。",
    ),
    errors.CardNotRegisteredError: Refusal(
        Code.NOT_FOUND,
        "CARD_NOT_REGISTERED",
        "The registry has no such card.",
        "持卡库中没有该卡。",
        "Check what was asked for. A card that was made elsewhere has to be registered by who made it.",
        "请核对卡片；外部制作的卡片须由制卡机构先行登记。",
    ),
    errors.PersonNotRegisteredError: Refusal(
        Code.NOT_FOUND,
        "PERSON_NOT_REGISTERED",
        "The registry has no such person.",
        "持卡库中没有该人员。",
        "Check the social security number; the person is registered before cards are.",
        "请核对社会保障号码；须先登记人员，再登记卡片。",
    ),
    errors.MedicalCardNotRegisteredError: Refusal(
        Code.NOT_FOUND,
        "MEDICAL_CARD_NOT_REGISTERED",
        "The registry has no such original medical card.",
        "持卡库中没有该原医疗卡。",
        "Check its number, or have it registered at the social security office.",
        "请核对卡号，或到社保经办机构登记原医疗卡。",
    ),
    errors.CardNotOfPersonError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_NOT_OF_PERSON",
        "This card is another person's.",
        "该卡属于其他人员。",
        "Check card and person; nothing was changed. Where the registry is wrong, a supervisor corrects it.",
        "请核对卡片与人员，未作任何变更；登记有误的，请业务主管更正。",
    ),
    errors.CardStateError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_STATE_FORBIDS",
        "Where the card stands in its life does not allow this.",
        "卡片当前状态不允许该操作。",
        "See where the card stands (GetCard); nothing was changed.",
        "请查询卡片状态，未作任何变更。",
    ),
    errors.CardNotDeliveredError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_NOT_DELIVERED",
        "The card has not been handed out to its holder.",
        "该卡尚未发放给持卡人。",
        "The outlet hands it out first, against the holder's identity document.",
        "请先由发卡网点核对身份证件后发放。",
    ),
    errors.CardLostError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_LOST",
        "The card was reported lost.",
        "该卡已挂失。",
        "Check the identity of who presents it. The holder has the loss report undone, or the card replaced.",
        "请核实持卡人身份；由本人办理解挂或补换卡。",
    ),
    errors.CardReplacedError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_REPLACED",
        "Another card has taken the place of this one.",
        "该卡已补换，不再有效。",
        "The holder uses the new card; this one is kept back.",
        "请使用新卡，并收回旧卡。",
    ),
    errors.CardCancelledError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_CANCELLED",
        "The card was cancelled.",
        "该卡已注销。",
        "The holder applies for a new card; this one is kept back.",
        "请重新申领社会保障卡，并收回本卡。",
    ),
    errors.CardBlockedByCentreError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_BLOCKED_BY_CENTRE",
        "The centre has blocked the card.",
        "该卡已被中心锁定。",
        "The holder asks the social security office, which alone can unblock it.",
        "请持卡人到社保经办机构查询并办理解锁。",
    ),
    errors.CardAlreadyActivatedError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_ALREADY_ACTIVATED",
        "The social security function of the card is on already.",
        "该卡社会保障功能已激活。",
        "Nothing is to be done; the card can be used.",
        "无需再次激活，可直接使用。",
    ),
    errors.DocumentMismatchError: Refusal(
        Code.FAILED_PRECONDITION,
        "DOCUMENT_MISMATCH",
        "The identity document is not that of the card's holder.",
        "身份证件与持卡人登记信息不符。",
        "Check number and name as they stand on the document; where the registry is wrong, have the person's data "
        "corrected. The card stays where it is.",
        "请核对证件号码与姓名；登记有误的，先办理信息变更，卡片暂不交付。",
    ),
    errors.HolderMismatchError: Refusal(
        Code.FAILED_PRECONDITION,
        "HOLDER_MISMATCH",
        "The card says another holder than the registry.",
        "卡内持卡人信息与登记信息不符。",
        "Keep the card back and tell the social security office: it was made or registered wrongly.",
        "请留存卡片并报告社保经办机构核查制卡或登记信息。",
        -22,
    ),
}
