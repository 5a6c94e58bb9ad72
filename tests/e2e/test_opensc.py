"""OpenSC's own programs and our cards, through a real pcscd: what they print is what the cards hold."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cardlib.issuance.order import records_of
from simulator.pcscd import VirtualReaders
from simulator.people import READY, ready_card

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.timeout(60)]

VERSIONS = ("2.0", "3.0")
SSSE = "7378312E73682EC9E7BBE1B1A3D5CF"
SELECT = f"00A404000F{SSSE}"
FCI = {
    "2.0": f"6F16840F{SSSE}A50388011E",
    "3.0": f"6F1C840F{SSSE}A50988011E9F0C03860103",  # 86 01 03: SM4
}
ISSUER, HOLDER = 0x05 << 3, 0x06 << 3
"""P2 of READ RECORD: SFI, and the record by its identifier in P1; plus 4: by its number."""
SENT = re.compile(
    r"^Sending: (?P<command>[0-9A-F ]+?) *\n"
    r"Received \(SW1=0x(?P<sw1>[0-9A-F]{2}), SW2=0x(?P<sw2>[0-9A-F]{2})\):?\n"
    r"(?P<dump>(?:(?:[0-9A-F]{2} )+ *.{1,16}\n)*)",
    re.MULTILINE,
)
"""One command, and its answer as lines of at most 16 bytes, each in hexadecimal and then as text."""


class Exchange(NamedTuple):
    """A command and what was answered, in hexadecimal."""

    command: str
    data: str
    sw: str


def dumped(lines: list[str]) -> str:
    """The bytes of a dump. A single line is "XX " and a character for each of them; of several, text begins at 48."""
    sizes = [len(line) // 4 for line in lines] if len(lines) == 1 else [len(line) - 48 for line in lines]
    return "".join(line[: 3 * size] for line, size in zip(lines, sizes, strict=True)).replace(" ", "")


def exchanges(printed: str) -> list[Exchange]:
    """What a program says it has sent and received."""
    assert printed.count("Sending:") == len(SENT.findall(printed)), printed
    return [
        Exchange(
            found["command"].replace(" ", ""),
            dumped(found["dump"].splitlines()),
            found["sw1"] + found["sw2"],
        )
        for found in SENT.finditer(printed)
    ]


def records(version: str, file: str) -> dict[int, str]:
    """The records of a file of the ready-made card by their tag, in hexadecimal."""
    ready = READY[version]
    stored = records_of(ready.profile, ready.contents(ready.serial))[file]
    return {record[0]: record.hex().upper() for record in stored}


def spoken(program: str, *arguments: str, complaint: str = "") -> str:
    """What a program prints, and no more than this ``complaint``; it is killed when it takes more than 20 seconds."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == complaint
    return done.stdout


@pytest.fixture(scope="module")
def readers(pcscd: VirtualReaders) -> Iterator[dict[str, str]]:
    """A card of each version; the names of their readers. The third slot is empty."""
    for slot, version in enumerate(VERSIONS):
        pcscd.insert(slot, ready_card(version))
    pcscd.wait_noticed()
    yield dict(zip(VERSIONS, pcscd.readers, strict=False))
    for slot in range(len(VERSIONS)):
        pcscd.remove(slot)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def send(reader: str, *commands: str) -> list[Exchange]:
    """The conversation that opensc-tool has; the card is reset before it."""
    said = exchanges(spoken("opensc-tool", "--reader", reader, *(part for raw in commands for part in ("-s", raw))))
    assert [exchange.command for exchange in said] == list(commands)
    return said


def explore(reader: str, script: Path, *lines: str, complaint: str = "") -> str:
    """What opensc-explorer prints when it carries out a file of its commands."""
    script.write_text("\n".join((*lines, "quit", "")))
    return spoken("opensc-explorer", "--reader", reader, "--card-driver", "default", str(script), complaint=complaint)


def test_the_readers_are_listed_with_their_cards(readers: dict[str, str], pcscd: VirtualReaders) -> None:
    listed = [line.split(maxsplit=2) for line in spoken("opensc-tool", "--list-readers").splitlines()[2:]]
    present = ["Yes" if name in readers.values() else "No" for name in pcscd.readers]
    assert listed == [[str(number), *row] for number, row in enumerate(zip(present, pcscd.readers, strict=True))]


def test_the_answer_to_reset_is_that_of_the_card(readers: dict[str, str], version: str) -> None:
    printed = spoken("opensc-tool", "--reader", readers[version], "--atr")
    assert bytes.fromhex(printed.replace(":", "")) == ready_card(version).atr
    ready = READY[version]
    assert printed.strip() == "3b:6d:00:00:" + ready.historical_bytes(ready.serial).hex(":")


def test_the_application_is_selected_and_answers_its_fci(readers: dict[str, str], version: str) -> None:
    assert send(readers[version], SELECT + "00") == [Exchange(SELECT + "00", FCI[version], "9000")]


def test_every_record_of_the_issuer_is_read(readers: dict[str, str], version: str) -> None:
    stored = records(version, "issuer")
    assert bytes.fromhex(stored[0x03])[2:5].decode() == version
    by_tag = [f"00B2{tag:02X}{ISSUER:02X}{len(record) // 2:02X}" for tag, record in stored.items()]
    answers = send(readers[version], SELECT, *by_tag)[1:]
    assert [(answer.data, answer.sw) for answer in answers] == [(record, "9000") for record in stored.values()]

    rest = f"00B201{ISSUER | 5:02X}{sum(map(len, stored.values())) // 2:02X}"  # from number 1 to the last
    assert send(readers[version], SELECT, rest)[1] == Exchange(rest, "".join(stored.values()), "9000")


def test_a_wrong_le_is_mended_below_opensc(readers: dict[str, str]) -> None:
    asked = f"00B207{ISSUER:02X}00"
    assert send(readers["2.0"], SELECT, asked)[1] == Exchange(asked, records("2.0", "issuer")[0x07], "9000")


def test_the_holder_of_a_2_0_card_is_free_to_read_and_of_a_3_0_card_is_not(readers: dict[str, str]) -> None:
    asked = f"00B208{HOLDER:02X}14"
    number = str(READY["2.0"].holder["social_security_number"]).encode()
    assert send(readers["2.0"], SELECT, asked)[1] == Exchange(asked, "0812" + number.hex(), "9000")
    assert send(readers["3.0"], SELECT, asked)[1] == Exchange(asked, "", "6982")


def test_the_tries_of_the_pin_are_asked_for_and_not_spent(readers: dict[str, str], version: str) -> None:
    asked = "0020000000"
    tries = f"63C{READY[version].description.issue.pin_tries:X}"
    said = send(readers[version], SELECT, asked, asked, SELECT, asked)
    assert [exchange.sw for exchange in said if exchange.command == asked] == [tries] * 3


def test_files_that_there_are_not_and_commands_that_there_are_not_have_their_status(
    readers: dict[str, str], version: str
) -> None:
    wrong = {"00A4000002EEEE": "6A82", f"00B27F{ISSUER:02X}04": "6A83", "00FF000000": "6D00", "90B0000000": "6E00"}
    said = send(readers[version], SELECT, *wrong)[1:]
    assert {exchange.command: exchange.sw for exchange in said} == wrong


def test_the_explorer_has_the_same_conversation(readers: dict[str, str], version: str, tmp_path: Path) -> None:
    stored = records(version, "issuer")
    number = f"00B207{ISSUER | 4:02X}0B"
    printed = explore(readers[version], tmp_path / "script", "info", f"apdu {SELECT}", f"apdu {number}")
    assert re.search(r"^File path: +3F00$", printed, re.MULTILINE)
    assert exchanges(printed) == [Exchange(SELECT, "", "9000"), Exchange(number, stored[0x07], "9000")]
    assert printed.count("Success!") == 2


def test_the_explorer_goes_back_to_the_master_file(readers: dict[str, str], version: str, tmp_path: Path) -> None:
    read = f"00B207{ISSUER:02X}0B"
    lines = (f"apdu {SELECT}", f"apdu {read}", "cd 3F00", "info", f"apdu {read}")
    printed = explore(readers[version], tmp_path / "script", *lines, complaint="Failure: File not found")
    before, after = (exchange for exchange in exchanges(printed) if exchange.command == read)
    assert before == Exchange(read, records(version, "issuer")[0x07], "9000")
    assert after == Exchange(read, "", "6A82")  # no such file below the MF
    assert printed.count("unable to select") == 0
    assert re.search(r"^File path: +3F00$", printed, re.MULTILINE)
