"""Cards that are made here are in the registry afterwards, whatever happened between."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apdu.transport.inprocess import InProcessReaders
from services.custody.data_keys_file import file_wrapper
from services.errors import JournalError
from services.issuance.opening import StoreOfService
from services.registry import entering
from services.registry.days import day_of
from services.registry.errors import CardNotRegisteredError
from services.registry.lifecycle import CardState
from services.registry.model import PersonData
from services.store.registry import SqlRegistry
from services.store.store import open_store
from sscard.v1 import issuance_pb2
from tests.services.issuance.desk import NAME, NUMBER, PERSON, TEMPLATE

IDENTIFIER = "990000" + "0" * 26
"""That of every card which the small flow makes."""
OTHER = PERSON | {"name": "另一人", "number": "990000199001010017"}
CARD_NUMBER = TEMPLATE + '\n[issuer]\ncard_number = "T00000001"\n'


@contextmanager
def registry_of(desk) -> Iterator[SqlRegistry]:
    """The registry as another process sees it."""
    database = desk.state / "sscard.db"
    key = database.with_suffix(".data-key")
    store = open_store(str(database), database.with_suffix(".digest-key"), lambda new: file_wrapper(key, make=new))
    try:
        yield store.registry()
    finally:
        store.close()


async def test_a_card_that_was_made_is_there_with_its_holder(desk) -> None:
    order = issuance_pb2.CardOrder(template_text=CARD_NUMBER, person=PERSON)
    assert list((await desk.issue(order=order)).warnings) == []
    with registry_of(desk) as registry:
        card = registry.card_by_number("T00000001")
        assert (card.card_identifier, card.state) == (IDENTIFIER, CardState.ISSUED)
        assert registry.made_day(IDENTIFIER) == day_of(card.issued)
        assert registry.made_day("0" * 32) is None
        assert registry.person(card.person_id).data == PersonData(social_security_number=NUMBER, name=NAME)


async def test_a_card_for_stock_is_not_there(desk) -> None:
    bare = TEMPLATE[: TEMPLATE.index("[person]")]
    order = issuance_pb2.CardOrder(template_text=bare, person={"pin": PERSON["pin"]})
    assert not {entering.NO_NUMBER, entering.OF_ANOTHER}.intersection((await desk.issue(order=order)).warnings)
    with registry_of(desk) as registry, pytest.raises(CardNotRegisteredError):
        registry.card_by_identifier(IDENTIFIER)


async def test_a_holder_without_a_number_is_told_of(desk) -> None:
    unnumbered = TEMPLATE.replace('social_security_number = "${number}"\n', "")
    person = {name: value for name, value in PERSON.items() if name != "number"}
    made = await desk.issue(order=issuance_pb2.CardOrder(template_text=unnumbered, person=person))
    assert entering.NO_NUMBER in made.warnings
    with registry_of(desk) as registry, pytest.raises(CardNotRegisteredError):
        registry.card_by_identifier(IDENTIFIER)


@pytest.mark.parametrize("method", ["register_person", "register_card"])
async def test_what_the_registry_could_not_take_is_entered_by_the_same_request(
    desk, refusal, monkeypatch, method
) -> None:
    def away(*_: object, **__: object) -> None:
        raise JournalError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(SqlRegistry, method, away)
        _, info = await refusal(desk.issue())
    assert (info.reason, info.metadata["written"]) == ("JOURNAL", "false")
    with registry_of(desk) as registry, pytest.raises(CardNotRegisteredError):
        registry.card_by_identifier(IDENTIFIER)
    desk.readers.remove("left")
    assert (await desk.issue()).already_issued
    with registry_of(desk) as registry:
        assert registry.person_by_number(NUMBER).id == registry.card_by_identifier(IDENTIFIER).person_id


async def test_a_request_sent_again_changes_nothing_that_was_learnt_since(desk) -> None:
    await desk.issue()
    with registry_of(desk) as registry:
        registry.register_person(PersonData(social_security_number=NUMBER, name="新名"))
    assert list((await desk.issue()).warnings) == []
    with registry_of(desk) as registry:
        assert registry.person_by_number(NUMBER).data.name == "新名"


async def test_a_card_that_the_registry_has_as_somebody_elses_is_made_and_told_of(desk) -> None:
    await desk.issue()
    order = issuance_pb2.CardOrder(template="plain", person=OTHER)
    made = await desk.issue("two", reader="right", order=order)
    assert list(made.warnings) == [entering.OF_ANOTHER]
    again = await desk.issue("two", reader="right", order=order)
    assert (again.already_issued, list(again.warnings)) == (True, [entering.OF_ANOTHER])
    with registry_of(desk) as registry:
        holder = registry.person(registry.card_by_identifier(IDENTIFIER).person_id)
        assert holder.data.social_security_number == NUMBER


async def test_without_a_key_for_personal_values_cards_are_made_and_not_entered(
    desk_over, chip, tmp_path, monkeypatch
) -> None:
    def unasked(_: StoreOfService) -> None:
        raise AssertionError("nobody configured a registry")

    monkeypatch.setattr(StoreOfService, "registry", unasked)
    for module in ("services.issuance.opening", "services.counter"):
        monkeypatch.setattr(f"{module}.keeps_registry", lambda _: False)
    readers = InProcessReaders(["left"])
    readers.insert("left", chip, t0=True)
    desk = await desk_over(readers)
    assert list((await desk.issue()).warnings) == []
    assert not (tmp_path / "state" / "sscard.data-key").exists()
