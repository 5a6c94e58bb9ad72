"""What an institution may act on (机构业务范围): it follows from its kind in the registry, whoever calls for it.

==================================  ============================  ==================  ============================
Kind                                Cards                         Reminders           Deadlines, corrected persons
==================================  ============================  ==================  ============================
office, issuer                      all                           of all outlets      yes
bank, hospital, pharmacy, or none   those whose outlet it is      of its own cards    no
==================================  ============================  ==================  ============================

A card that has no outlet yet becomes an outlet's by being received or handed out there. The role ``local``, whoever
started the service, is bound by nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.callers.caller import Caller, Role
from services.registry.errors import CardAtOtherOutletError, InstitutionKindError
from services.registry.lifecycle import CardEvent
from services.registry.model import InstitutionKind, RegisteredCard, Registry

OF_CENTRE: Final = (InstitutionKind.OFFICE, InstitutionKind.ISSUER)
"""Kinds of institutions that belong to the centre."""
IDENTITY: Final = ("name", "birth_date", "document_number")
"""What identity documents are compared with, of :class:`~services.registry.model.PersonData`."""
_TAKING: Final = frozenset({CardEvent.RECEIVE, CardEvent.DELIVER})
"""How a card that has no outlet gets one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the institution of a caller may act on. ``kind``: None where it is not registered."""

    institution: str
    kind: InstitutionKind | None
    local: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is kept from it."""
        return self.local or self.kind in OF_CENTRE

    @property
    def only_of(self) -> str:
        """The outlet whose cards alone it may act on; "" for all."""
        return "" if self.everything else self.institution

    def require_centre(self, what: str) -> None:
        """Raises InstitutionKindError unless it belongs to the centre; ``what``: is asked for."""
        if not self.everything:
            raise InstitutionKindError(what, *OF_CENTRE)

    def outlet_of_reminders(self, asked: str) -> str:
        """Of which outlet's cards reminders are listed, "" for all; ``asked``: "" where none was asked for.

        Raises InstitutionKindError where another's are asked for.
        """
        if asked and asked != self.institution:
            self.require_centre("a list of another outlet's reminders")
        return asked or self.only_of

    def require_bank_of(self, card: RegisteredCard) -> None:
        """Who tells what a bank did with its application: the bank whose card it is, or the office.

        Raises InstitutionKindError, CardAtOtherOutletError.
        """
        if self.local or self.kind is InstitutionKind.OFFICE:
            return
        if self.kind is not InstitutionKind.BANK or not card.outlet:
            raise InstitutionKindError(
                "a report of a bank's own activation of this card", InstitutionKind.BANK, InstitutionKind.OFFICE
            )
        if card.outlet != self.institution:
            raise CardAtOtherOutletError


def scope_of(registry: Registry, caller: Caller) -> Scope:
    """What a caller may act on. Blocking. Raises :class:`~services.errors.JournalError`."""
    if caller.role is Role.LOCAL:
        return Scope(caller.institution, None, local=True)
    found = registry.institution(caller.institution)
    return Scope(caller.institution, found.kind if found else None)


def require_card_of(outlet: str, has: str, event: CardEvent) -> None:
    """Whether something may happen to a card at an outlet; ``has``: the card's own outlet, "" for none yet.

    Raises CardAtOtherOutletError, InstitutionKindError.
    """
    if not has and event not in _TAKING:
        raise InstitutionKindError("a change of a card that no outlet has received", *OF_CENTRE)
    if has and has != outlet:
        raise CardAtOtherOutletError


def require_same_identity(known: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Whether documents are compared with the same values as before. Raises InstitutionKindError."""
    if any(known[name] != new[name] for name in IDENTITY):
        raise InstitutionKindError("a new name, birth date or document of a person who is known", *OF_CENTRE)
