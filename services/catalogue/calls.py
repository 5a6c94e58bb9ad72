"""The call itself cannot be carried out."""

from typing import Final

from services import errors
from services.catalogue.refusal import Code, Fixer, Refusal

CALLS: Final[dict[type[Exception], Refusal]] = {
    errors.InvalidRequestError: Refusal(
        Code.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "The request is not complete or not right.",
        "请求参数错误。",
        "The caller's developer corrects the field named.",
        "请调用方开发人员更正所指字段。",
        -14,
        fixer=Fixer.DEVELOPER,
    ),
    errors.DeadlineError: Refusal(
        Code.DEADLINE_EXCEEDED,
        "DEADLINE",
        "The time for the call was over before the card had answered.",
        "操作超时。",
        "Try again; a reader that stays busy is disconnected and connected.",
        "请重试；读卡器持续占用时请重新插拔。",
        fixer=Fixer.OPERATOR,
    ),
    errors.CallEndedError: Refusal(
        Code.CANCELLED,
        "CALL_ENDED",
        "The caller ended the call.",
        "调用方已取消操作。",
        "Nothing is to be done.",
        "无需处理。",
        fixer=Fixer.NOBODY,
    ),
    errors.EventsLostError: Refusal(
        Code.RESOURCE_EXHAUSTED,
        "EVENTS_LOST",
        "Events were lost: they were not read fast enough, or were asked for too late.",
        "部分事件已丢失：读取过慢，或续接过晚。",
        "Watch again without `instance`: the stream begins with the present state.",
        "请不带instance重新监视，事件流从当前状态开始。",
        fixer=Fixer.DEVELOPER,
    ),
    errors.ShuttingDownError: Refusal(
        Code.UNAVAILABLE,
        "SHUTTING_DOWN",
        "The service is being stopped.",
        "服务正在停止。",
        "Try again in a moment.",
        "请稍后重试。",
        fixer=Fixer.OPERATOR,
    ),
    errors.ServiceError: Refusal(
        Code.INTERNAL,
        "SERVICE_FAILURE",
        "The service could not do this.",
        "服务处理失败。",
        "Tell support.",
        "请报告技术支持。",
        fixer=Fixer.SUPPORT,
    ),
}

UNKNOWN: Final = Refusal(
    Code.INTERNAL,
    "INTERNAL",
    "Something went wrong in the service.",
    "服务内部错误。",
    "Tell support when it happened; the service's log says more.",
    "请将发生时间报告技术支持，详情见服务日志。",
    fixer=Fixer.SUPPORT,
)
"""For everything that is not in the tree: nothing about it is told to the caller."""
