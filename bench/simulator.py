"""How fast software cards are in process."""

import time
from itertools import product
from statistics import median

from simulator.card import SoftwareCard
from simulator.people import ready_card, ready_image

READS = 40_000
CARDS = 2_000
ROUNDS = 5
SSSE = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
CARD_NUMBER = bytes.fromhex("00B2072C0B")
BODIES = (b"", b"\x00", b"\x02\x3f\x00", b"\x10" + bytes(16), bytes(600))


def main() -> None:
    """READ RECORD per second, a card from a cached image, the slowest answer to any command"""  # noqa: D400
    reads = [_reads() for _ in range(ROUNDS)]
    print(f"READ RECORD of 11 bytes: {median(reads):,.0f}/s (median of {ROUNDS}; least {min(reads):,.0f})")
    start = time.perf_counter()
    image = ready_image("2.0", copy=77)
    built = time.perf_counter() - start
    print(f"a 2.0 card built on a blank chip: {1000 * built:.0f} ms, {len(image.content)} bytes")
    start = time.perf_counter()
    cards = [SoftwareCard(image) for _ in range(CARDS)]
    made = time.perf_counter()
    for card in cards:
        card.power_on()
    on = time.perf_counter()
    print(
        f"{CARDS} cards from the cached image: {1000 * (made - start) / CARDS:.4f} ms each, "
        f"{1000 * (on - start) / CARDS:.3f} ms with power on"
    )
    slowest = max(_answers())
    print(f"slowest answer of any command class (each CLA and INS, {len(BODIES)} bodies): {1000 * slowest:.2f} ms")


def _reads() -> float:
    card = ready_card("2.0")
    card.power_on()
    card.process(SSSE)
    start = time.perf_counter()
    for _ in range(READS):
        card.process(CARD_NUMBER)
    return READS / (time.perf_counter() - start)


def _answers() -> list[float]:
    card = ready_card("2.0")
    card.power_on()
    card.process(SSSE)
    taken = []
    for cla, ins, body in product((0x00, 0x04, 0x80, 0x84, 0xB0, 0xFF), range(256), BODIES):
        start = time.perf_counter()
        card.process(bytes((cla, ins, 0, 0)) + body)
        taken.append(time.perf_counter() - start)
    return taken
