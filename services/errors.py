"""What can go wrong with a call rather than with a card. What the caller hears of it: :mod:`services.catalogue`.

::

    ServiceError
    ├─ InvalidRequestError  the request itself is wrong
    ├─ DeadlineError        the time for the call is over
    ├─ CallEndedError       the caller is gone
    ├─ EventsLostError      the watcher of a stream does not keep up
    ├─ ShuttingDownError    the service is being stopped
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
    """The watcher read so slowly that events had to be dropped."""

    def __init__(self) -> None:
        super().__init__("events were lost because they were not read fast enough; watch again")


class ShuttingDownError(ServiceError):
    """The service is being stopped."""

    def __init__(self) -> None:
        super().__init__("the service is being stopped")


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
