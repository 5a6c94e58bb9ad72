from collections import Counter

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulator.model.machine import CARDS, CardAgainstModel

MANY = settings(max_examples=70, stateful_step_count=50, deadline=None)


@pytest.mark.parametrize("version", CARDS, ids=CARDS.values())
def test_a_card_answers_as_the_model_does(version: str) -> None:
    total: Counter[str] = Counter()
    machine = type("Machine", (CardAgainstModel,), {"version": version, "total": total})
    run_state_machine_as_test(machine, settings=MANY)
    # Each answer was held against the model's; a machine that asks nothing would agree with any card.
    assert total["compared"] > 3000
    assert total["lost"] > 30
