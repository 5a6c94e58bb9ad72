"""An update whose card is pulled out, at every command of it, and the same update again."""

import datetime as dt

import pytest

from apdu.errors import CardRemovedError
from cardlib.flows.read_files import read_files
from cardlib.flows.update_items import update_items
from cardlib.profiles import profile_for
from simulator.people import INITIAL_PIN

V2 = profile_for(b"2.00")


def entry(number: int) -> dict:
    (record,) = V2.file_named("employment_history").sample["records"]
    return {**record, "employer_name": f"虚构单位{number}"}


CHANGES = {
    "residence": {"telephone": "1", "contact_name": "样本四"},
    "employment_history": {"records": (entry(2), entry(1))},
}


@pytest.mark.parametrize("command", range(21))
def test_an_update_that_is_pulled_at_any_command_can_be_repeated(new_desk, new_card, command):
    desk = new_desk(new_card(t0=False))
    card = desk.card

    class Pulled:
        left = command

        def power_on(self):
            return card.power_on()

        def process(self, raw):
            if self.left == 0:
                raise CardRemovedError("pulled")
            self.left -= 1
            return card.process(raw)

    desk.card = Pulled()
    with pytest.raises(CardRemovedError):
        desk.run(update_items, CHANGES, pin=INITIAL_PIN)
    desk.card = card
    assert desk.run(update_items, CHANGES, pin=INITIAL_PIN).complete
    now = desk.run(read_files, CHANGES, today=dt.date(2026, 1, 15), pin=INITIAL_PIN).files
    assert now["residence"].values["telephone"] == "1"
    (before,) = V2.file_named("employment_history").sample["records"]
    assert now["employment_history"].values["records"] == (entry(2), entry(1), before)
