"""Why a card is not activated, besides what card and registry say; grafted on the tree of :mod:`services.errors`.

::

    ActivationError
    ├─ CardExpiredError          the last day of its validity has passed
    ├─ CardAwaitedError          no card was inserted in time
    ├─ CardNotSwappedError       the original medical card stayed in the reader, or came back
    ├─ OriginalFirstError        the new card was inserted in place of the original medical card
    └─ OriginalUnprovenError     a social security card of elsewhere is no proof of who holds it
"""

from services.errors import ServiceError


class ActivationError(ServiceError):
    """The card is not activated (激活被拒绝)."""


class CardExpiredError(ActivationError):
    """The last day on which the card is valid has passed (卡片已过有效期) [flows §1.3]."""

    def __init__(self) -> None:
        super().__init__("the last day on which the card is valid has passed")


class CardAwaitedError(ActivationError):
    """No card was inserted in time (等待插卡超时); the same request goes on."""

    def __init__(self, reader: str, seconds: float) -> None:
        self.reader = reader
        super().__init__(f"no card was inserted within {seconds:.0f} seconds")


class CardNotSwappedError(ActivationError):
    """The original medical card stayed in the reader, or was inserted again (未换插新卡); the same request goes on."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        super().__init__("the card in the reader is still the original medical card")


class OriginalFirstError(ActivationError):
    """In the place of the original medical card is a card that is still to be activated (请先出示原医疗卡)."""

    def __init__(self) -> None:
        super().__init__("this is a new card: the original medical card comes first")


class OriginalUnprovenError(ActivationError):
    """The original medical card is not in the registry, and nobody here can prove that it is genuine (原卡无法验证)."""

    def __init__(self) -> None:
        super().__init__("the original medical card is not in the registry, and its keys are not known here")
