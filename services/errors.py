"""What can go wrong with a call rather than with a card. What the caller hears of it: :mod:`services.catalogue`.

::

    ServiceError
    ├─ InvalidRequestError  the request itself is wrong
    ├─ DeadlineError        the time for the call is over
    ├─ CallEndedError       the caller is gone
    ├─ EventsLostError      the watcher of a stream does not keep up
    ├─ ShuttingDownError    the service is being stopped
    ├─ LeaseEndedError      the lease of a card is over, or was never there
    ├─ LeaseEpochError      the card was powered anew since the epoch that the call names
    ├─ LeaseOtherCardError  another card is where the lease's card was
    ├─ IssuanceError        a card cannot be made for this request
    │  ├─ IssuanceOpenError       another request has begun with this chip
    │  ├─ RequestReusedError      the request id is that of another request
    │  ├─ OrderRepeatedError      another request makes this card, or has made it
    │  ├─ SupersededError         somebody else has begun the issuance again, or ended it
    │  ├─ JournalError            the journal cannot be kept
    │  ├─ CertificateUnknownError
    │  └─ CertificateDamagedError
    └─ SimulatorError       slots and cards of the simulator are not in a state for this
       ├─ SlotUnknownError
       ├─ SlotTakenError
       ├─ CardUnknownError
       ├─ CardInSlotError
       ├─ CardNameTakenError
       ├─ FaultScriptRefusedError
       └─ CardNotMadeError
"""

from collections.abc import Sequence


class ServiceError(Exception):
    """Root of what is wrong with a call rather than with a card."""


class InvalidRequestError(ServiceError):
    """The request breaks a rule of the .proto file; ``field`` is the name of the field that does."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(f"{field}: {message}")


class DeadlineError(ServiceError):
    """The call's deadline passed; the card was told nothing more and is reset."""

    def __init__(self) -> None:
        super().__init__("the deadline of the call has passed")


class CallEndedError(ServiceError):
    """The caller went away; the card is told nothing more and is reset. Nobody is left to hear of it."""

    def __init__(self) -> None:
        super().__init__("the caller has ended the call")


class EventsLostError(ServiceError):
    """Events are not there any more: the watcher read too slowly, or goes on from too long ago."""

    def __init__(self, why: str = "they were not read fast enough") -> None:
        super().__init__(f"events were lost because {why}; watch again")


class ShuttingDownError(ServiceError):
    """The service is being stopped."""

    def __init__(self) -> None:
        super().__init__("the service is being stopped")


class LeaseEndedError(ServiceError):
    """There is no such lease of this caller's institution: it is over, or there never was one (占用已结束)."""

    def __init__(self) -> None:
        super().__init__("the lease is over, or there never was one")


class LeaseEpochError(ServiceError):
    """The card was powered anew since the epoch of the call, or has to be: nothing was sent to it (占用序号失效)."""

    def __init__(self, *, reader: str) -> None:
        self.reader = reader
        super().__init__("the card was taken out or reset meanwhile; renew the lease")


class LeaseOtherCardError(ServiceError):
    """Another card is in the slot than the one that was leased; the lease is over (卡片已更换)."""

    def __init__(self, *, reader: str) -> None:
        self.reader = reader
        super().__init__("another card is in the reader; the lease is over")


class IssuanceError(ServiceError):
    """A card cannot be made for this request, whatever the chip is (制卡请求错误).

    What is wrong with a request's id or with the journal is one of these for other journalled calls, too: of PINs, of
    activations, of the registry.
    """


class IssuanceOpenError(IssuanceError):
    """Another request has begun to write to this chip; ``request_id`` is that one, with which it goes on."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(f"this chip is being made by the request {request_id}")


class RequestReusedError(IssuanceError):
    """The request id is that of another request, or of the same about another card or person; nothing was done."""

    def __init__(self, request_id: str, what: str) -> None:
        self.request_id = request_id
        super().__init__(f"the request {request_id} is known with another {what}")


class OrderRepeatedError(IssuanceError):
    """Another request makes, or has made, the card of this order or of its number; ``request_id`` is that one.

    To make it once more takes a reason (``again_reason``).
    """

    def __init__(self, request_id: str, what: str) -> None:
        self.request_id = request_id
        super().__init__(f"the request {request_id} makes, or has made, a card {what}")


class SupersededError(IssuanceError):
    """The request was begun again, or ended, by another call; this attempt may do nothing more."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(f"the request {request_id} was begun again or ended by another call")


class JournalError(IssuanceError):
    """The journal cannot be read or written; without it nothing is done to a card, and nothing entered."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the journal cannot be kept: {why}")


class CertificateUnknownError(IssuanceError):
    """There is no such certificate."""

    def __init__(self, which: str) -> None:
        super().__init__(f"there is no certificate {which}")


class CertificateDamagedError(IssuanceError):
    """A certificate is not what it was when it was made, or none at all."""

    def __init__(self, which: str) -> None:
        super().__init__(f"the certificate {which} is damaged")


class SimulatorError(ServiceError):
    """Slots and cards of the simulator are not in a state for what is asked (模拟器状态)."""


class SlotUnknownError(SimulatorError):
    """There is no slot of this number."""


class SlotTakenError(SimulatorError):
    """A card is in the slot already."""


class CardUnknownError(SimulatorError):
    """No card of the simulator has this name."""


class CardInSlotError(SimulatorError):
    """The card is in a slot already."""


class CardNameTakenError(SimulatorError):
    """Another card of the simulator has this name."""


class FaultScriptRefusedError(SimulatorError):
    """A fault script cannot be used; ``mistakes`` has all of them, of ``field`` of the request."""

    def __init__(self, field: str, mistakes: Sequence[str]) -> None:
        self.field = field
        self.mistakes = tuple(mistakes)
        super().__init__(f"the fault script has mistakes: {len(self.mistakes)}")


class CardNotMadeError(SimulatorError):
    """No card can be made of what is given; ``mistakes`` has all that is wrong, of ``field`` of the request."""

    def __init__(self, field: str, mistakes: Sequence[str]) -> None:
        self.field = field
        self.mistakes = tuple(mistakes)
        super().__init__(f"no card can be made of this; mistakes: {len(self.mistakes)}")
