"""Cards that are made here are entered into the registry (制卡入库), with the people whose they are."""

from collections.abc import Mapping
from dataclasses import asdict

from cardlib.issuance.order import CardOrder
from cardlib.profiles.ssse import HOLDER, ISSUER
from cardlib.values import CardDate, Coded, Value
from services.audit.subject import about
from services.issuance.certificate import Certificate
from services.registry.errors import CardNotOfPersonError, CardNotRegisteredError, PersonNotRegisteredError
from services.registry.model import Person, PersonData, Registry

NO_NUMBER = "the card has a holder without a social security number: it is not in the registry"
OF_ANOTHER = "the registry has this card as another person's: a supervisor should look at it"


def changes(registry: Registry, data: PersonData) -> tuple[Person | None, str]:
    """Whom ``data`` are of, None for somebody new, and in words what of it is changed by them.

    Whoever compares documents with it later trusts these values.
    """
    try:
        known = registry.person_by_number(data.social_security_number)
    except PersonNotRegisteredError:
        return None, "new"
    changed = [name for name, value in asdict(data).items() if value and value != getattr(known.data, name)]
    return known, f"changed {' '.join(changed)}" if changed else "unchanged"


def holder_of(order: CardOrder) -> PersonData | None:
    """The person whose card is ordered; None where nothing is said of one, as for stock."""
    contents = order.contents.get(HOLDER.name, {})
    if not any(contents.values()):
        return None
    birth = contents.get("birth_date")
    sex = contents.get("sex")
    return PersonData(
        social_security_number=_text(contents, "social_security_number").upper(),
        name=_text(contents, "name"),
        birth_date=birth.date.isoformat() if isinstance(birth, CardDate) and birth.date else "",
        sex=sex.code if isinstance(sex, Coded) else "",
    )


def enter(registry: Registry, order: CardOrder, certificate: Certificate, *, again: bool) -> tuple[str, ...]:
    """Enter a card that was made, and its holder; what somebody should look at, in sentences without anybody's data.

    The audit is told what changes of the holder, before it does.

    Idempotent. ``again``: its request was done before, so that this may have happened already: what the registry has
    learnt of the person since then stays. Raises :class:`~services.errors.JournalError`.
    """
    holder = holder_of(order)
    if holder is None:
        return ()
    if not holder.social_security_number:
        return (NO_NUMBER,)
    identifier = certificate.told["card"]["card_identifier"].upper()
    if again:
        try:
            known = registry.person(registry.card_by_identifier(identifier).person_id)
        except CardNotRegisteredError:
            pass  # the service was killed between the certificate and the registry
        else:
            return () if known.data.social_security_number == holder.social_security_number else (OF_ANOTHER,)
    before, changed = changes(registry, holder)
    about(person=before.id if before else "", detail=f"{certificate.number} {changed}")
    person = registry.register_person(holder)
    about(person=person.id)
    number = _text(order.contents.get(ISSUER.name, {}), "card_number")
    try:
        registry.register_card(person.id, identifier, number.upper(), issued=certificate.made)
    except CardNotOfPersonError:
        return (OF_ANOTHER,)
    return ()


def _text(contents: Mapping[str, Value], item: str) -> str:
    value = contents.get(item)
    return value.strip() if isinstance(value, str) else ""
