"""What making a card costs against the fewest commands it can be made with, and how often somebody far is asked."""

import secrets
from dataclasses import dataclass, field, replace

from apdu.atr import ATR
from apdu.flow import Flow, Question, R, Responses, Script, T, run
from apdu.readers import executor
from apdu.secret import Secret
from apdu.transport.inprocess import Chip
from apdu.transport.wrappers import get_response
from bench.bound import Bound, Part, bound_of
from cardlib.cos.encoders import ENCODERS
from cardlib.crypto import Algorithm
from cardlib.issuance.flow import issue_card
from cardlib.issuance.order import CardOrder, records_of
from cardlib.issuance.questions import Note, Reset, Stage
from cardlib.model import TransparentFile
from cardlib.profiles import ALL
from services.custody.development import DevelopmentCustodian
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.line import CHARACTER
from simulator.people import INITIAL_PIN, READY
from simulator.timing import TimedChip, TimingProfile

RATES = (9_600, 115_200)
"""Bits per second."""
ROUND_TRIPS = (20, 50)
"""Milliseconds to somebody far and back."""
SUITES = (Algorithm.DES, Algorithm.SM4)
PREMADE = (("2.0", Algorithm.DES), ("3.0", Algorithm.SM4))
ACCOUNT = ("medical_account", "medical_transactions")
"""Files of the medical account: the one of a new card holds nothing."""
HOLDER = "holder"

_PARTS = {Stage.SEALING: Part.SEALING, Stage.WRITING: Part.FINISHING, Stage.PROVING: Part.FINISHING}


@dataclass
class Spent:
    """What was spent on one part: commands and bytes, scripts and resets, requests for keys, seconds at each rate."""

    commands: int = 0
    size: int = 0
    scripts: int = 0
    requests: int = 0
    seconds: tuple[float, ...] = (0.0,) * len(RATES)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.commands + other.commands,
            self.size + other.size,
            self.scripts + other.scripts,
            self.requests + other.requests,
            tuple(map(sum, zip(self.seconds, other.seconds, strict=True))),
        )


@dataclass
class Station:
    """A card in a reader, timed at each of :data:`RATES`, and keys beside it."""

    chip: Chip
    algorithm: Algorithm
    spent: dict[Part, Spent] = field(default_factory=lambda: {part: Spent() for part in Part})

    def __post_init__(self) -> None:
        self.timed: list[TimedChip] = []
        for rate in RATES:
            inner = self.timed[-1] if self.timed else self.chip
            self.timed.append(TimedChip(inner, TimingProfile(bit_rate=rate), algorithm=self.algorithm))
        self._outer = self.timed[-1]
        self._custodian = DevelopmentCustodian(development_mode=True)
        self._part = Part.BUILDING
        transmit = get_response(lambda commands: [self._outer.process(command) for command in commands], strip_le=True)
        self._execute = executor(transmit)

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its end."""
        return run(flow, self._script, self._answer)

    @property
    def total(self) -> Spent:
        """All parts."""
        return sum(self.spent.values(), Spent())

    def _script(self, script: Script) -> Responses:
        before = self._counted()
        answers = self._execute(script)
        self._count(before, scripts=1)
        return answers

    def _answer(self, question: Question[R]) -> R:
        if isinstance(question, Note):
            self._part = _PARTS.get(question.stage, self._part)
            return None  # type: ignore[return-value]
        if isinstance(question, Reset):
            before = self._counted()
            atr = self._outer.reset()
            self._count(before, scripts=1)
            return atr  # type: ignore[return-value]
        self.spent[self._part] += Spent(requests=1)
        return self._custodian.answer(question)

    def _counted(self) -> Spent:
        reports = [chip.report() for chip in self.timed]
        return Spent(
            reports[0].apdus,
            reports[0].sent + reports[0].received,
            seconds=tuple(report.seconds for report in reports),
        )

    def _count(self, before: Spent, scripts: int) -> None:
        after = self._counted()
        seconds = tuple(new - old for new, old in zip(after.seconds, before.seconds, strict=True))
        self.spent[self._part] += Spent(
            after.commands - before.commands, after.size - before.size, scripts, seconds=seconds
        )


def order_for(cos: str, algorithm: Algorithm, version: str = "2.0") -> CardOrder:
    """An order for a card with the data of an invented person in every file, all versions of all keys, and a PIN."""
    ready = READY[version]
    return CardOrder(
        profile=next(profile for profile in ALL if profile.version == version),
        algorithm=algorithm,
        chip=cos,
        region="990000",
        contents={name: items for name, items in ready.contents(ready.serial).items() if name not in ACCOUNT},
        pin=INITIAL_PIN,
    )


def bound_for(order: CardOrder, atr: bytes) -> Bound:
    """The bound of an order on a chip that answers ``atr``."""
    records = records_of(order.profile, order.contents)
    plan = order.plan(ATR.from_bytes(atr).historical_bytes, records)
    written = {
        name: run
        for name, run in records.items()
        if name in order.contents or not isinstance(order.profile.file_named(name), TransparentFile)
    }
    return bound_of(plan, written, order.pin, ENCODERS[order.chip])


def blank(order: CardOrder) -> SoftwareCard:
    """A chip for this order, on a reader that talks T=0."""
    return SoftwareCard(blank_chip(order.chip), t0=True)


def made(order: CardOrder, chip: Chip) -> tuple[Station, Bound]:
    """A blank chip made the card of this order: what it took, and the bound."""
    station = Station(chip, order.algorithm)
    atr = station.timed[-1].power_on()
    station.run(issue_card(order, atr, begun=False, rng=secrets.token_bytes))
    return station, bound_for(order, atr)


def given_a_holder(order: CardOrder) -> Station:
    """A card that was made before without a holder got one: what that took."""
    chip = blank(order)
    made(replace(order, contents={name: items for name, items in order.contents.items() if name != HOLDER}), chip)
    counter = Station(chip, order.algorithm)
    atr = counter.timed[-1].reset()
    wanted = replace(order, contents={HOLDER: order.contents[HOLDER]}, pin=Secret(b""), premade=True)
    counter.run(issue_card(wanted, atr, begun=False, rng=secrets.token_bytes))
    return counter


def main() -> None:
    """making a card in virtual time against the bound of unavoidable commands (T=0); trips to somebody far"""  # noqa: D400, D403
    for cos in ENCODERS:
        for algorithm in SUITES:
            order = order_for(cos, algorithm)
            station, bound = made(order, blank(order))
            print(f"{cos}, {algorithm.name}:")
            _print_bound(station, bound)
            _print_times(station, bound)
            initialising = station.spent[Part.BUILDING] + station.spent[Part.SEALING]
            _print_trips("initialisation", initialising)
            _print_trips("personalisation and proof", station.spent[Part.FINISHING])
    for cos in ENCODERS:
        for version, algorithm in PREMADE:
            station = given_a_holder(order_for(cos, algorithm, version))
            print(f"{cos}, {algorithm.name}, pre-made {version} card: {station.total.commands} commands")
            _print_trips("a holder", station.total)


def _print_bound(station: Station, bound: Bound) -> None:
    rows = [(part.value, station.spent[part], bound.commands[part], bound.size[part]) for part in Part]
    rows.append(("all", station.total, bound.commands.total(), bound.size.total()))
    for title, spent, commands, size in rows:
        print(
            f"  {title:25} {spent.commands:5} commands, bound {commands:5}, ratio {spent.commands / commands:.3f}; "
            f"{spent.size:6} bytes, bound {size:6}, ratio {spent.size / size:.3f}"
        )


def _print_times(station: Station, bound: Bound) -> None:
    for rate, chip in zip(RATES, station.timed, strict=True):
        report = chip.report()
        least = bound.size.total() * CHARACTER / rate
        print(
            f"  at {rate:6} bit/s: wire {report.wire_seconds:6.2f} s, bound {least:6.2f} s, "
            f"ratio {report.wire_seconds / least:.3f}; EEPROM {report.eeprom_seconds:5.2f} s "
            f"({report.eeprom_writes} pages), cipher {report.crypto_seconds:.2f} s, all {report.seconds:6.2f} s"
        )


def _print_trips(title: str, spent: Spent) -> None:
    rate, seconds = RATES[-1], spent.seconds[-1]
    for who, trips in (("card far", spent.scripts), ("keys far", spent.requests)):
        times = ", ".join(
            f"{seconds + trips * round_trip / 1000:6.2f} s at {round_trip} ms" for round_trip in ROUND_TRIPS
        )
        print(f"  {title:25} {who}: {trips:3} trips, {times} ({rate} bit/s)")
