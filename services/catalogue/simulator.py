"""Slots and cards of the simulator are not in a state for what is asked."""

from typing import Final

from services import errors
from services.catalogue.refusal import Code, Fixer, Refusal

SIMULATOR: Final[dict[type[Exception], Refusal]] = {
    errors.SimulatorError: Refusal(
        Code.FAILED_PRECONDITION,
        "SIMULATOR",
        "The simulator cannot do this now.",
        "模拟器当前无法执行该操作。",
        "List the slots, and ask for what they allow.",
        "请查看卡槽状态后重试。",
        fixer=Fixer.OPERATOR,
    ),
    errors.SlotUnknownError: Refusal(
        Code.NOT_FOUND,
        "SLOT_UNKNOWN",
        "The simulator has no slot of this number.",
        "模拟器没有该编号的卡槽。",
        "Take the number from the list of slots, or start the simulator with more.",
        "请以卡槽列表中的编号为准，或以更多卡槽启动模拟器。",
        fixer=Fixer.OPERATOR,
    ),
    errors.SlotTakenError: Refusal(
        Code.FAILED_PRECONDITION,
        "SLOT_TAKEN",
        "There is a card in the slot already.",
        "卡槽中已有卡片。",
        "Remove it first, or swap the cards.",
        "请先拔出该卡，或使用换卡操作。",
        fixer=Fixer.OPERATOR,
    ),
    errors.CardUnknownError: Refusal(
        Code.NOT_FOUND,
        "CARD_UNKNOWN",
        "The simulator has no card of this name.",
        "模拟器没有该名称的卡片。",
        "Take the name from the list of slots, or make a new card.",
        "请以卡槽列表中的名称为准，或新建卡片。",
        fixer=Fixer.OPERATOR,
    ),
    errors.CardInSlotError: Refusal(
        Code.FAILED_PRECONDITION,
        "CARD_IN_SLOT",
        "The card is in a slot already.",
        "该卡片已在卡槽中。",
        "Remove it there first.",
        "请先将其从卡槽中拔出。",
        fixer=Fixer.OPERATOR,
    ),
    errors.CardNameTakenError: Refusal(
        Code.ALREADY_EXISTS,
        "CARD_NAME_TAKEN",
        "The simulator has a card of this name already.",
        "模拟器已有同名卡片。",
        "Give the new card another name, or none.",
        "请为新卡使用其他名称，或不指定名称。",
        fixer=Fixer.OPERATOR,
    ),
    errors.FaultScriptRefusedError: Refusal(
        Code.INVALID_ARGUMENT,
        "FAULT_SCRIPT",
        "The fault script has mistakes; nothing of it is loaded.",
        "故障脚本有误，未加载。",
        "Correct all of them; each is listed with its place.",
        "请按所列位置全部更正。",
        fixer=Fixer.OPERATOR,
    ),
    errors.CardNotMadeError: Refusal(
        Code.INVALID_ARGUMENT,
        "CARD_NOT_MADE",
        "No card can be made of this.",
        "无法据此生成卡片。",
        "Correct what is listed.",
        "请更正所列内容。",
        fixer=Fixer.OPERATOR,
    ),
}
