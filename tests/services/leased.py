"""What tests of leases share: a hub over in-process readers, cards that say what reached them, callers by name."""

import asyncio
import secrets
import threading
import time
from contextlib import contextmanager

from apdu.flow import send
from cardlib import commands
from cardlib.flows.pin import PinResult, verify_pin
from cardlib.flows.session import CardSession
from cardlib.forms import FormMemory
from services.callers.caller import Caller, Role, current_caller, set_caller
from services.leases import LeaseTerms
from services.places import CardPlace
from services.readers import ReaderHub
from simulator.people import INITIAL_PIN, ready_card

READER = "leased"
VERIFY, LONGEST_QUERY = 0x20, 5


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  what is waited for happens in a thread
            await asyncio.sleep(0.002)


@contextmanager
def caller(institution: str):
    """Calls are made by this institution."""
    before = current_caller()
    set_caller(Caller("somebody", institution, Role.TELLER))
    try:
        yield
    finally:
        set_caller(before)


class Told:
    """A software card that keeps what it was told since it got power, and can be made to wait before it answers.

    ``verified``: whether it has taken a PIN since, seen from outside. ``seconds``: what it takes for each command.
    """

    def __init__(self, chip) -> None:
        self._chip = chip
        self.commands: list[bytes] = []
        self.seconds = 0.0
        self.powerings = 0
        self.powered = False
        self.verified = False
        self._passing = 0
        self.waits = threading.Event()
        self._go_on = threading.Event()
        self._go_on.set()

    def power_on(self) -> bytes:
        self._got_power()
        return self._chip.power_on()

    def reset(self) -> bytes:
        self._got_power()
        return self._chip.reset()

    def power_off(self) -> None:
        self.powered = self.verified = False
        self._chip.power_off()

    def process(self, command: bytes) -> bytes:
        self.commands.append(command)
        time.sleep(self.seconds)
        self._passing -= 1
        if self._passing < 0 and not self._go_on.is_set():
            self.waits.set()
            assert self._go_on.wait(30), "a test forgot to let its card go on"
        answer = self._chip.process(command)
        if command[1] == VERIFY and len(command) > LONGEST_QUERY:
            self.verified = answer == b"\x90\x00"
        return answer

    def _got_power(self) -> None:
        self.powerings += 1
        self.powered, self.verified = True, False
        self.commands.clear()

    def hold(self, *, behind: int = 0) -> None:
        """Wait with the next command, or ``behind`` so many of them."""
        self._passing = behind
        self.waits.clear()
        self._go_on.clear()

    def go_on(self) -> None:
        self._go_on.set()


def told(name: str = "2.0", **which) -> Told:
    return Told(ready_card(name, **which))


def nobody(question):
    raise AssertionError(question)


def challenge():
    (answer,) = (yield from send(commands.get_challenge(8))).ok()
    return answer


def challenges(number: int):
    return (yield from send(*[commands.get_challenge(8)] * number)).ok()


def place(view, epoch: int | None = None) -> CardPlace:
    return CardPlace(lease_id=view.lease_id, epoch=view.epoch if epoch is None else epoch)


def made_hub(
    readers, *, clock=time.monotonic, idle: float = 10.0, longest: float = 60.0, wait: float = 0.2
) -> ReaderHub:
    return ReaderHub(readers, card_wait=wait, terms=LeaseTerms(idle, longest, clock))


async def used(hub, view, epoch: int | None = None) -> bytes:
    """One command under a lease."""
    async with hub.addressed(place(view, epoch), deadline=soon()) as card:
        return await card.run(challenge(), nobody)


def verified(atr: bytes):
    session = CardSession(atr, secrets.token_bytes, FormMemory())
    yield from session.open()
    return (yield from verify_pin(session, INITIAL_PIN))


async def verify(hub, view) -> None:
    """Have the PIN of a ready-made card verified under a lease."""
    async with hub.addressed(place(view), deadline=soon()) as card:
        attempt = await card.run(verified(card.atr), nobody)
        assert attempt.result is PinResult.OK


async def acquired(hub, **how):
    return await hub.leases.acquire(READER, deadline=soon(), **how)


async def release(hub, view) -> None:
    await hub.leases.release(view.lease_id, deadline=soon())


async def renewed(hub, view):
    return await hub.leases.renew(place(view), deadline=soon())


async def put_back(readers, hub, chip) -> None:
    """The card was out; wait until the hub has seen both."""
    before = hub.states()[0].insertions
    readers.remove(READER)
    readers.insert(READER, chip, t0=True)
    await until(lambda: hub.states()[0].insertions == before + 2)
