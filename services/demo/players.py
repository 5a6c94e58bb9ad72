"""Who takes part in the story: each has a channel of their own, as the caller that they are."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import grpc

from services.callers.caller import Caller, Role

ADMINISTRATOR: Final = Caller("administrator 1", "990000-CENTRE", Role.ADMINISTRATOR, "centre")
ISSUER: Final = Caller("station 3", "990000-BUREAU", Role.ISSUER, "bureau")
SUPERVISOR: Final = Caller("supervisor 1", "990000-CENTRE", Role.SUPERVISOR, "centre")
TELLER: Final = Caller("teller 7", "990000-BANK-1", Role.TELLER, "window 2")
HOSPITAL: Final = Caller("registration", "990000-HOSPITAL-1", Role.HOSPITAL, "desk 4")
PHARMACY: Final = Caller("till", "990000-PHARMACY-1", Role.PHARMACY, "till 1")

LABELS: Final = {
    Role.ADMINISTRATOR: "系统管理员",
    Role.ISSUER: "制卡人员",
    Role.SUPERVISOR: "业务主管",
    Role.TELLER: "银行柜员",
    Role.HOSPITAL: "医院终端",
    Role.PHARMACY: "药店终端",
    Role.AUDITOR: "审计员",
}


@dataclass(frozen=True, slots=True)
class Players:
    """The channels of all, by caller."""

    channels: dict[Caller, grpc.Channel]

    def __getitem__(self, caller: Caller) -> grpc.Channel:
        return self.channels[caller]


@contextmanager
def players(channel_as: Callable[[Caller | None], grpc.Channel]) -> Iterator[Players]:
    """Everybody's channel, for as long as the block lasts."""
    everybody = (ADMINISTRATOR, ISSUER, SUPERVISOR, TELLER, HOSPITAL, PHARMACY)
    with ExitStack() as opened:
        yield Players({caller: opened.enter_context(channel_as(caller)) for caller in everybody})
