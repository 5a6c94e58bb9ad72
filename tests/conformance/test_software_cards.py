"""The software cards conform: with T=0 and behind a reader that hides it, and through a real pcscd."""

from dataclasses import replace

import pytest

from apdu.transport.pcsc import PcscReaders
from cardlib.conformance import GROUPS, Outcome, cases, conduct, recognise
from cardlib.conformance.booking import NO_ACCOUNT
from cardlib.profiles import ALL
from simulator.card import SoftwareCard
from simulator.making.cache import image_of
from simulator.people import READY, ready_card

NOT_IN_USE = "the file is not in use on this card, and need not be"
UNKNOWN_NUMBER = tuple(f"the number of RK{number}DF03 on the card is not public" for number in (3, 4, 5))


@pytest.mark.parametrize(("cos", "t0"), [("t514", True), ("t514", False), ("fmcos", True)])
@pytest.mark.parametrize("name", READY)
def test_a_ready_card_passes_every_case(run_suite, name, cos, t0):
    description = replace(READY[name].description, cos=cos)
    results = run_suite(SoftwareCard(image_of(description), t0=t0), t0=t0)
    failed = {id_: result.detail for id_, result in results.items() if result.outcome is Outcome.FAILED}
    assert not failed
    # What 1.0 had is known in part only: some of its files are missing, some keys have no number, none is the account.
    allowed = {NO_ACCOUNT, NOT_IN_USE, *UNKNOWN_NUMBER} if name == "1.0" else set()
    undecided = {result.detail for result in results.values() if result.outcome is Outcome.NOT_RUN}
    assert undecided <= allowed


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.version)
def test_the_ids_of_cases_are_unique_and_their_groups_known(profile):
    found = cases(profile)
    assert len({case.id for case in found}) == len(found)
    assert {case.group for case in found} <= GROUPS.keys()
    assert all(case.clause and case.title for case in found)


def test_every_group_has_cases_for_some_card():
    assert {case.group for profile in ALL for case in cases(profile)} == GROUPS.keys()


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
def test_a_card_behind_a_real_pcscd_passes_every_case(pcscd, custodian):
    pcscd.insert(0, ready_card("3.0", t0=True))
    pcscd.wait_noticed()
    readers = PcscReaders()
    try:
        reader = next(state.name for state in readers.states() if state.present)
        card = readers.connect(reader)
        try:
            subject = recognise(card)
            results = list(conduct(card, subject, cases(subject.profile), custodian))
        finally:
            card.close(reset=True)
    finally:
        readers.close()
        pcscd.remove(0)
    assert not [(result.case.id, result.detail) for result in results if result.outcome is Outcome.FAILED]
    assert sum(result.outcome is Outcome.PASSED for result in results) > 250
