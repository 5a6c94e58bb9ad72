"""What the data dictionary costs: parsing and building files, and reading a whole card."""

import datetime as dt
import secrets
import time
from collections.abc import Callable

from apdu.flow import Question, R, run
from apdu.readers import executor
from apdu.transport.inprocess import Chip
from apdu.transport.wrappers import get_response
from bench.wire import Meter
from cardlib.development_keys import load
from cardlib.flows.read_files import read_files
from cardlib.forms import FormMemory
from cardlib.model import AddressableFile, CardProfile, CyclicFile
from cardlib.profiles import V2
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import INITIAL_PIN, READY
from simulator.timing import TimedChip, TimingProfile

RATES = (9_600, 38_400, 115_200)
"""Bits per second that the reader may have negotiated."""
SECONDS = 0.5


class TimedMeter(Meter):
    """Counts commands, and times the line at each of :data:`RATES`."""

    def __init__(self, card: Chip) -> None:
        self.timed: list[TimedChip] = []
        for rate in RATES:
            card = TimedChip(card, TimingProfile(bit_rate=rate))
            self.timed.append(card)
        super().__init__(card)


def files_of(profile: CardProfile) -> list[AddressableFile]:
    """The files of a profile that commands reach, and whose items are known."""
    files = [file for directory in profile.directories for file in directory.files]
    return [file for file in files if isinstance(file, AddressableFile) and file.items]


def per_second(work: Callable[[], object]) -> float:
    """How often ``work`` can be done in a second."""
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < SECONDS:
        work()
        count += 1
    return count / passed


def main() -> None:
    """parse and build of files; a full read of a personalised 2.0 card in APDUs, bytes and seconds on the wire"""  # noqa: D400, D403
    basic = [V2.file_named("issuer"), V2.file_named("holder")]
    for title, files in (("EF05 + EF06", basic), ("all files", files_of(V2))):
        stored = [(file, b"".join(file.encode(file.sample))) for file in files]
        size = sum(len(run) for _, run in stored)
        parsed = per_second(lambda stored=stored: [file.parse(run) for file, run in stored])
        built = per_second(lambda files=files: [file.encode(file.sample) for file in files])
        print(f"{title:11} ({len(files):2} files, {size:5} bytes): parse {parsed:8.0f}/s, build {built:8.0f}/s")
    for title, pin in (("keys alone", None), ("PIN and keys", INITIAL_PIN)):
        meter, requests = TimedMeter(full_card()), 0
        custodian = DevelopmentCustodian(development_mode=True)

        def answer(question: Question[R], custodian: DevelopmentCustodian = custodian) -> R:
            nonlocal requests
            requests += 1
            return custodian.answer(question)

        flow = read_files(
            meter.card.power_on(), rng=secrets.token_bytes, today=dt.date(2026, 1, 1), forms=FormMemory(), pin=pin
        )
        start = time.perf_counter()
        reading = run(flow, executor(get_response(meter.transmit, strip_le=True)), answer)
        seconds = time.perf_counter() - start
        reports = [chip.report() for chip in meter.timed]
        wire = ", ".join(f"{done.wire_seconds:.2f} s at {rate}" for rate, done in zip(RATES, reports, strict=True))
        print(
            f"full read, {title:12}: {len(reading.files)} files read, {len(reading.refused)} refused; "
            f"{meter.commands} APDUs, {meter.fetches} GET RESPONSE, {requests} key requests, "
            f"{reports[0].sent + reports[0].received} bytes; "
            f"{wire}; {1000 * seconds:.0f} ms of computing, card included"
        )


def full_card() -> SoftwareCard:
    """A 2.0 card that holds the sample of every item, and as many records in cyclic files as it must have room for."""
    contents = {file.name: dict(file.sample) for file in files_of(V2)}
    for file in files_of(V2):
        if isinstance(file, CyclicFile):
            contents[file.name] = {name: value * file.records for name, value in file.sample.items()}
    ready = READY["2.0"]
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(1), pin=INITIAL_PIN)
    return SoftwareCard(image_for(V2, contents, issue, load()))
