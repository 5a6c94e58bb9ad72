"""What the registry refuses; grafted on the tree of :mod:`services.errors`.

::

    RegistryError
    ├─ CardNotShownError         the caller may ask about a card that is there, and about no other
    ├─ CardNotRegisteredError
    ├─ PersonNotRegisteredError
    ├─ MedicalCardNotRegisteredError
    ├─ CardNotOfPersonError      the card, or the original medical card, is somebody else's
    ├─ CardAtOtherOutletError    another outlet has the card, or has handed it out
    ├─ InstitutionKindError      the caller's institution is of a kind that does not do this
    ├─ BankActivationNotedError  a bank has said something else before
    ├─ CardStateError            not from where the card stands
    │  ├─ CardNotDeliveredError
    │  ├─ CardLostError
    │  ├─ CardReplacedError
    │  ├─ CardCancelledError
    │  ├─ CardBlockedByCentreError
    │  └─ CardAlreadyActivatedError
    ├─ DocumentMismatchError     the identity document is not the holder's
    └─ HolderMismatchError       the card says another holder than the registry

No message holds data of a person, or says which card or person was looked for.
"""

from services.errors import ServiceError


class RegistryError(ServiceError):
    """The registry does not allow it (持卡库拒绝)."""


class CardNotShownError(RegistryError):
    """The caller may ask about a card that is in a reader, and about no other (须出示卡片)."""

    def __init__(self, role: str) -> None:
        super().__init__(f"a caller with the role {role} names a card by showing it, by reader or lease")


class CardNotRegisteredError(RegistryError):
    """The registry has no such card (卡片未登记)."""

    def __init__(self, why: str = "the registry has no such card") -> None:
        super().__init__(why)


class PersonNotRegisteredError(RegistryError):
    """The registry has no such person (人员未登记); ``which``: of two cards the one whose holder it is, "" for none."""

    def __init__(self, which: str = "") -> None:
        self.which = which
        super().__init__("the registry has no such person" + f": the holder of the {which}" * bool(which))


class MedicalCardNotRegisteredError(RegistryError):
    """The registry has no such original medical card (原医疗卡未登记)."""

    def __init__(self) -> None:
        super().__init__("the registry has no such original medical card")


class CardNotOfPersonError(RegistryError):
    """The card, or the original medical card, is another person's (卡片不属于该人员)."""

    def __init__(self, what: str = "the card") -> None:
        super().__init__(f"{what} is another person's")


class CardAtOtherOutletError(RegistryError):
    """Another outlet has received the card, or has handed it out (卡片在其他网点)."""

    def __init__(self) -> None:
        super().__init__("another outlet has received the card, or has handed it out")


class InstitutionKindError(RegistryError):
    """The caller's institution is of a kind that does not do this (机构类型不允许).

    ``what``: what was asked for, a sentence's subject; ``kinds``: values of
    :class:`~services.registry.model.InstitutionKind` that do it.
    """

    def __init__(self, what: str, *kinds: str) -> None:
        super().__init__(f"{what} is for institutions that the registry has as {' or '.join(kinds)}")


class BankActivationNotedError(RegistryError):
    """A bank has said something else of its application on this card before (银行已报告激活)."""

    def __init__(self) -> None:
        super().__init__("another institution, or another time, is noted for the bank's application on this card")


class CardStateError(RegistryError):
    """Where the card stands forbids what was asked (卡片状态不允许).

    ``state``, ``event``: values of :class:`~services.registry.lifecycle.CardState` and
    :class:`~services.registry.lifecycle.CardEvent`.
    """

    def __init__(self, state: str, event: str) -> None:
        self.state = state
        self.event = event
        super().__init__(f"the card is {state.replace('_', ' ')}: {event.replace('_', ' ')} is not possible")


class CardNotDeliveredError(CardStateError):
    """The card was not handed out to its holder yet (尚未领卡)."""


class CardLostError(CardStateError):
    """The card was reported lost (已挂失)."""


class CardReplacedError(CardStateError):
    """Another card took its place (已补换)."""


class CardCancelledError(CardStateError):
    """The card was cancelled (已注销)."""


class CardBlockedByCentreError(CardStateError):
    """The centre has blocked the card (已由中心锁定)."""


class CardAlreadyActivatedError(CardStateError):
    """The card's social security function is on already (已激活)."""


class DocumentMismatchError(RegistryError):
    """The identity document is not the holder's (身份证件与持卡人不符); ``field``: what differs first."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"{field} is not that of the card's holder")


class HolderMismatchError(RegistryError):
    """The card says another holder than the registry does (卡内信息与登记信息不符); ``item``: what differs first."""

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(f"{item} on the card is not what the registry has")
