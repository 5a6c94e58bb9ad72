"""What can go wrong with a call rather than with a card. What the caller hears of it: :mod:`services.catalogue`.

::

    ServiceError
    ├─ InvalidRequestError  the request itself is wrong
    ├─ DeadlineError        the time for the call is over
    ├─ CallEndedError       the caller is gone
    ├─ EventsLostError      the watcher of a stream does not keep up
    └─ ShuttingDownError    the service is being stopped
"""


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
