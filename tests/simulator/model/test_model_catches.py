"""Cards that are wrong in one way each: the model has to notice every one of them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from apdu.secret import Secret
from simulator.account.transactions import PendingLoad, PendingPurchase
from simulator.card import SoftwareCard
from simulator.command import Refused
from simulator.credentials import Key, KeyUse
from simulator.files import Path
from simulator.quirks import Quirks
from simulator.security import SecurityState
from tests.simulator.model.machine import CardAgainstModel
from tests.simulator.model.terminal import DisagreedError

FIRST_FAILURE = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Broken(SoftwareCard):
    """``Security``: in place of the right one. It is changed under the session, so that nothing else is."""

    Security: type[SecurityState] = SecurityState

    def reset(self) -> bytes:
        atr = super().reset()
        if self._session is not None:
            self._session.security.__class__ = self.Security
        return atr


class NeverCountsPins(Broken):
    class Security(SecurityState):
        __slots__ = ()

        def spend_try(self, key: Key) -> None:
            if key.use is not KeyUse.PIN:
                super().spend_try(key)


class ComparesFirst(Broken):
    """A right PIN costs no write, a wrong one does: power cut at that write gives a try for nothing."""

    class Security(SecurityState):
        __slots__ = ()

        def verify(self, presented: Secret) -> None:
            found = self._pin()
            if found and not self.is_blocked(found[1]) and presented == found[1].value:
                self.restore_tries(found[1])
                self.mark_verified(found[0])
            else:
                super().verify(presented)


class TriesComeBack(SoftwareCard):
    """After a cut, the PIN has its tries again."""

    def power_on(self) -> bytes:
        torn = self._dead
        atr = super().power_on()
        if torn and self._session is not None:
            (environment,) = self._session.directory.directories
            (pin,) = (key for key in self._store.keys(environment) if key.use is KeyUse.PIN)
            self._session.security.restore_tries(pin)
            self._store.commit()
        return atr


class ChallengeStays(Broken):
    class Security(SecurityState):
        __slots__ = ()

        def spend_challenge(self, most: int = 16) -> bytes:
            kept = self._challenge
            try:
                return super().spend_challenge(most)
            finally:
                self._challenge = kept


class RightsOutliveReset(SoftwareCard):
    def reset(self) -> bytes:
        before = self._session
        atr = super().reset()
        if before is not None and self._session is not None:
            self._session.security._granted = before.security._granted
            self._session.security._verified = before.security._verified
        return atr


class RightsOutliveSelection(Broken):
    class Security(SecurityState):
        __slots__ = ()

        def enter(self, path: Path) -> None:
            granted = self._granted
            super().enter(path)
            self._granted = granted


class FailureKeepsThePin(Broken):
    class Security(SecurityState):
        __slots__ = ()

        def verify(self, presented: Secret) -> None:
            verified = set(self._verified)
            try:
                super().verify(presented)
            except Refused:
                self._verified = verified
                raise


class OneFenTooMuch(SoftwareCard):
    """After a purchase."""

    def process(self, command: bytes) -> bytes:
        session = self._session
        if session is not None and command[:2] == b"\xb0\x2c" and isinstance(session.transaction, PendingPurchase):
            amounts = session.transaction.amounts
            session.transaction = replace(session.transaction, amounts=replace(amounts, balance=amounts.balance + 1))
        return super().process(command)


class PurchaseInLoad(SoftwareCard):
    """A purchase that was begun can still be finished after a load was begun."""

    begun: PendingPurchase | None = None

    def process(self, command: bytes) -> bytes:
        session = self._session
        if session is not None and command[:2] == b"\xb0\x2c" and isinstance(session.transaction, PendingLoad):
            session.transaction = self.begun
        answer = super().process(command)
        if self._session is not None and isinstance(self._session.transaction, PendingPurchase):
            self.begun = self._session.transaction
        return answer


class StateOutlivesFailure(SoftwareCard):
    """A wrong MAC leaves a transaction begun."""

    def process(self, command: bytes) -> bytes:
        begun = self._session.transaction if self._session else None
        answer = super().process(command)
        if answer == b"\x93\x02" and self._session is not None:
            self._session.transaction = begun
        return answer


class TornFiles(SoftwareCard):
    """No journal but for the medical account."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, quirks=Quirks(sloppy=True), **options)


class ProofGoesFirst(SoftwareCard):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, quirks=Quirks(drop_on_receipt=True), **options)


@pytest.mark.parametrize(
    "kind",
    [
        NeverCountsPins,
        ComparesFirst,
        TriesComeBack,
        ChallengeStays,
        RightsOutliveReset,
        RightsOutliveSelection,
        FailureKeepsThePin,
        OneFenTooMuch,
        PurchaseInLoad,
        StateOutlivesFailure,
        TornFiles,
        ProofGoesFirst,
    ],
)
def test_the_model_notices(kind: type[SoftwareCard]) -> None:
    machine = type("Machine", (CardAgainstModel,), {"version": "3.0", "kind": kind})
    with pytest.raises(DisagreedError):
        run_state_machine_as_test(machine, settings=FIRST_FAILURE)
