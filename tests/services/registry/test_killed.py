"""The service is killed at each line that touches the database; the same request, sent again, converges."""

from dataclasses import asdict, dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from services.store import registry as store_registry
from services.store.schema import card_event, operation, operation_step
from sscard.v1 import registry_pb2
from tests.services.registry.people import LI, MEDICAL, NUMBER, WANG

LEFT = registry_pb2.CardReference(reader="left")
DOCUMENT = registry_pb2.IdentityDocument(
    kind=registry_pb2.DOCUMENT_KIND_RESIDENT_CARD, number=LI.social_security_number, name=LI.name
)
HOLDER = {"social_security_number": LI.social_security_number}
REQUESTS = {
    "RegisterInstitution": {"code": "bank-1", "name": "测试银行", "kind": registry_pb2.INSTITUTION_KIND_BANK},
    "RegisterPerson": {"person": registry_pb2.Person(social_security_number=WANG.social_security_number, name="王")},
    "RegisterMedicalCard": {"number": "YB2", **HOLDER},
    "RegisterCard": {"card_identifier": "C" * 32, "card_number": "T00000002", **HOLDER},
    "DeliverCard": {"card": LEFT, "document": DOCUMENT},
    "ChangeCardState": {"card": LEFT, "event": registry_pb2.CARD_EVENT_RECEIVE},
}


class Killed(BaseException):
    """The process is gone at this line."""


@dataclass
class Life:
    """Ends at the call of this number, before it or behind it."""

    ends: int
    late: bool
    calls: int = 0


@dataclass
class Mortal:
    """Passes calls on, and dies at one of them."""

    inner: Any
    life: Life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        def called(*arguments: Any, **named: Any) -> Any:
            number = self.life.calls
            self.life.calls += 1
            if number == self.life.ends and not self.life.late:
                raise Killed
            result = method(*arguments, **named)
            if number == self.life.ends:
                raise Killed
            return result

        return called


@pytest.mark.parametrize("method", REQUESTS)
async def test_a_request_that_was_cut_off_anywhere_is_done_once_when_it_is_sent_again(
    centre, method, monkeypatch
) -> None:
    await centre.registered()
    whole = centre.registry, centre.operations
    points = 0
    for ends in range(10):
        survived = True
        for late in (False, True):
            life = Life(ends, late)
            centre.registry, centre.operations = (Mortal(each, life) for each in whole)
            try:
                await centre.call(method, request_id="one", **REQUESTS[method])
            except Killed:
                survived = False
                points += 1
            centre.registry, centre.operations = whole
            with monkeypatch.context() as patched:
                # Between what is changed and the end of the operation, in the middle of the transaction.
                patched.setattr(store_registry, "finish_operation", _killed)
                try:
                    await centre.call(method, request_id="one", **REQUESTS[method])
                except Killed:
                    points += 1
        if survived:
            break
    done = await centre.call(method, request_id="one", **REQUESTS[method])
    assert await centre.call(method, request_id="one", **REQUESTS[method]) == done
    assert survived
    assert points >= 4
    with centre.desk.engine.begin() as connection:
        states = connection.execute(sa.select(operation.c.state).where(operation.c.request_id == "one")).scalars()
        assert list(states) == ["done"]
        events = connection.execute(sa.select(sa.func.count()).select_from(card_event)).scalar_one()
    assert events == (1 if method in {"DeliverCard", "ChangeCardState"} else 0)


async def test_the_journal_and_what_is_logged_hold_nobodys_data(centre, log) -> None:
    await centre.registered()
    await centre.call("DeliverCard", request_id="give", card=LEFT, document=DOCUMENT)
    with centre.desk.engine.begin() as connection:
        told = [*connection.execute(sa.select(operation)), *connection.execute(sa.select(operation_step))]
    shown = repr(told) + log.getvalue()
    assert "RegistryService.RegisterMedicalCard" in shown
    assert not [value for value in (*asdict(LI).values(), NUMBER, MEDICAL) if len(value) > 1 and value in shown]


def _killed(*_: Any) -> None:
    raise Killed
