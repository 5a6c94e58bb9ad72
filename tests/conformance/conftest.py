"""Cards in readers of this process, and runs of the suite against them."""

from collections.abc import Callable
from typing import Any

import pytest

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessConnection, InProcessReaders
from cardlib.conformance import Result, cases, conduct, recognise
from cardlib.custody import KeyCustodian
from services.custody.development import DevelopmentCustodian

PIN = Secret(bytes.fromhex("123456"))


@pytest.fixture(scope="session")
def custodian() -> KeyCustodian:
    return DevelopmentCustodian(development_mode=True)


@pytest.fixture(scope="session")
def connect() -> Callable[..., InProcessConnection]:
    def connected(chip: Any, *, t0: bool = False) -> InProcessConnection:
        readers = InProcessReaders(["Counter 1"])
        readers.insert("Counter 1", chip, t0=t0)
        return readers.connect("Counter 1")

    return connected


@pytest.fixture(scope="session")
def run_suite(connect: Any, custodian: KeyCustodian) -> Callable[..., dict[str, Result]]:
    """Run groups, or all, against a chip; the results by the ids of the cases."""

    def run(
        chip: Any,
        *groups: str,
        t0: bool = False,
        keys: KeyCustodian = custodian,
        pin: Secret | None = PIN,
        destructive: bool = True,
        irreversible: bool = True,
    ) -> dict[str, Result]:
        card = connect(chip, t0=t0)
        subject = recognise(card, pin=pin)
        selected = [case for case in cases(subject.profile) if not groups or case.group in groups]
        harm = {"destructive": destructive, "irreversible": irreversible}
        results = list(conduct(card, subject, selected, keys, **harm))
        assert [result.case for result in results] == selected
        return {result.case.id: result for result in results}

    return run
