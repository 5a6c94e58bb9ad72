"""A holder for a card that was made before: whose card it may be, when it is noted as written, which keys show."""

from functools import cache
from typing import Any

import pytest

from cardlib.errors import KeyUnavailableError, NotAuthenticError, OtherHolderError, PremadeCardError, ReadBackError
from cardlib.issuance.order import CardOrder
from cardlib.issuance.questions import Stage
from cardlib.key_requests import CheckValue, KeyRequest
from simulator.card import SoftwareCard
from tests.issuance.chips import Custodian, Kind, contents
from tests.issuance.workbench import DES, SM4, Bench, blank, copy_of, issued

KINDS = {"t514 3.0": SM4["t514"], "fmcos 3.0": SM4["fmcos"], "t514 2.0": DES["t514"], "fmcos 2.0": DES["fmcos"]}
EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
EMPTY = frozenset({"social_security_number", "name"})
OTHER = {"social_security_number": "990000196001010099", "name": "测试"}


def holder(kind: Kind) -> dict[str, Any]:
    return dict(contents(kind.version)["holder"])


def made(kind: Kind, **holder: Any) -> SoftwareCard:
    """A card with this holder, of which everything else is as the kind has it."""
    return copy_of(_stock(kind, tuple(holder.items())))


@cache
def _stock(kind: Kind, who: tuple[tuple[str, Any], ...]) -> SoftwareCard:
    card = blank(kind)
    Bench(card).issue(kind.order(contents={**contents(kind.version), "holder": dict(who)}), begun=False)
    return card


def person(kind: Kind, **changed: Any) -> CardOrder:
    return kind.order(premade=True, chip="", contents={"holder": holder(kind) | changed})


class NoCheckValues(Custodian):
    """As a PSAM, which shows none."""

    def answer(self, request: KeyRequest) -> tuple[bytes, ...]:
        if any(isinstance(task, CheckValue) for task in request.tasks):
            raise KeyUnavailableError("IRK", "it shows no check values")
        return super().answer(request)


@EACH_KIND
def test_the_certificate_of_the_keys_is_asked_for_when_all_is_written(kind: Kind) -> None:
    stock = made(kind)
    bench = Bench(stock)
    report = bench.issue(person(kind), begun=False)
    whole = {one.key: one.check_value for one in Bench(copy_of(stock)).verify(kind.order()).keys}
    assert report.chip == ""
    assert {one.key.name for one in report.keys} >= {"IRK", "UKSSSE"}
    assert all(len(one.check_value) == 3 and one.check_value == whole[one.key] for one in report.keys)
    assert all(isinstance(task, CheckValue) for task in bench.requests[-1].tasks)
    assert not any(isinstance(task, CheckValue) for request in bench.requests[:-1] for task in request.tasks)
    (found,) = (file for file in report.files if file.name == "holder")
    assert found.records > 1


@EACH_KIND
def test_a_custodian_without_check_values_is_no_failure(kind: Kind) -> None:
    bench = Bench(made(kind), NoCheckValues())
    report = bench.issue(person(kind), begun=False)
    assert {one.check_value for one in report.keys} == {b""}
    assert bench.notes[-1].stage is Stage.DONE


@EACH_KIND
@pytest.mark.parametrize("item", sorted(EMPTY))
@pytest.mark.parametrize("own", [True, False], ids=["the same person", "somebody else"])
def test_a_card_with_a_number_or_a_name_is_refused_unless_this_request_was_begun_on_it(
    kind: Kind, item: str, own: bool
) -> None:
    value = holder(kind)[item] if own else OTHER[item]
    card = made(kind, **{item: value})
    bench = Bench(card)
    with pytest.raises(PremadeCardError, match="has a holder already") as told:
        bench.issue(person(kind), begun=False)
    assert told.value.untouched
    assert {note.stage for note in bench.notes} == {Stage.EXAMINED}
    assert not any(one[1] in {0xD6, 0xDC, 0xE2} for one in bench.sent)
    if own:
        bench.issue(person(kind), begun=True)
        return
    with pytest.raises(PremadeCardError, match="another holder") as told:
        bench.issue(person(kind), begun=True)
    assert not told.value.untouched, "an earlier attempt may have written"


@EACH_KIND
def test_a_holder_is_looked_for_whatever_the_order_writes(kind: Kind) -> None:
    bench = Bench(issued(kind))
    order = kind.order(premade=True, contents={"issuer": {"card_number": "T00000009"}})
    with pytest.raises(PremadeCardError):
        bench.issue(order, begun=False)


class Unlike(Custodian):
    """Its first answer is not the card's."""

    def answer(self, request: KeyRequest) -> tuple[bytes, ...]:
        first, *rest = super().answer(request)
        return (bytes(len(first)), *rest)


@EACH_KIND
def test_nothing_is_noted_as_written_on_a_card_that_is_not_genuine(kind: Kind) -> None:
    bench = Bench(made(kind), Unlike())
    with pytest.raises(NotAuthenticError):
        bench.issue(person(kind), begun=False)
    assert {note.stage for note in bench.notes} == {Stage.EXAMINED}


@EACH_KIND
def test_nothing_more_is_said_to_a_chip_without_the_application(kind: Kind) -> None:
    bench = Bench(blank(kind))
    with pytest.raises(PremadeCardError, match="no social security application") as told:
        bench.issue(person(kind), begun=False)
    assert told.value.untouched
    assert [one[1] for one in bench.sent] == [0xA4]


@EACH_KIND
def test_a_card_of_somebody_else_is_told_so_and_no_pin_is_sent(kind: Kind) -> None:
    bench = Bench(issued(kind))
    order = kind.order(contents={**contents(kind.version), "holder": holder(kind) | OTHER})
    with pytest.raises(OtherHolderError):
        bench.verify(order)
    assert 0x20 not in {one[1] for one in bench.sent}


@EACH_KIND
def test_a_difference_that_needs_no_pin_is_found_before_it_is_sent(kind: Kind) -> None:
    bench = Bench(issued(kind))
    told = contents(kind.version)
    order = kind.order(contents={**told, "issuer": {**told["issuer"], "card_number": "T00000009"}})
    with pytest.raises(ReadBackError):
        bench.verify(order)
    assert 0x20 not in {one[1] for one in bench.sent}
