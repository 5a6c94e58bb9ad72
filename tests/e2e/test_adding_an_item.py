"""Adding a data item takes one entry in a profile and one line in a .proto file; all else follows.

It is done to a copy of the packages, whose code is generated anew, as ``make proto`` does.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("apdu", "cardlib", "services", "simulator", "proto")

# One more item of DF01/EF05; ``STORED`` is ``VALUE`` in ASCII.
VALUE, STORED = "HB-990000-0001", "48422D3939303030302D30303031"
ENTRY = f'personal(0xEC, "household_book_number", "户口簿编号", an(14), ("{STORED}", "{VALUE}")),'
LINE = "  optional string household_book_number = 100 [(sensitive) = true];"

PROGRAM = """
import asyncio, io, json, sys

import grpc

import cardlib
from apdu.command import CommandAPDU
from cardlib.disclosure import Disclosure
from google.protobuf.json_format import MessageToDict
from services import logs
from services.config import Config, LogLevel
from services.redaction import redacted
from services.reference.pages import pages
from services.custody.opening import open_custodian
from services.opening import open_readers
from services.server import build_server
from sscard.v1.card_pb2 import ReadFilesRequest
from sscard.v1.card_pb2_grpc import CardServiceStub


async def read():
    config = Config.load(mode="development", readers="simulated", listen="127.0.0.1:0", simulated_cards=("2.0",),
                         log_level="traffic")
    server = build_server(config, open_readers(config), open_custodian(config))
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            request = ReadFilesRequest(reader="Software reader 01 (2.0)", files=["household"])
            return await CardServiceStub(channel).ReadFiles(request, timeout=20)
    finally:
        await server.stop()


def disclosed():
    disclosure = Disclosure()
    disclosure(CommandAPDU(0x00, 0xA4, 0x04, 0x00, bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")))
    disclosure(CommandAPDU(0x00, 0xA4, 0x00, 0x00, bytes.fromhex("DF01")))
    return disclosure(CommandAPDU(0x00, 0xB2, 0xEC, 0x05 << 3, ne=16))


log = io.StringIO()
logs.configure(LogLevel.TRAFFIC, json=False, stream=log)
response = asyncio.run(read())
json.dump(
    {
        "cardlib": cardlib.__file__,
        "response": MessageToDict(response, preserving_proto_field_name=True),
        "redacted": str(redacted(response)),
        "log": log.getvalue(),
        "page": pages()["card/2.0/df01.md"],
        "disclosed": disclosed(),
    },
    sys.stdout,
)
"""


def run(copy: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": f"{copy}{os.pathsep}{copy / 'proto'}", "PYTHONUTF8": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def insert(file: Path, after: str, line: str) -> None:
    """One new line behind the only one that holds ``after``."""
    lines = file.read_text(encoding="utf-8").splitlines()
    (place,) = (number for number, text in enumerate(lines) if after in text)
    lines.insert(place + 1, line)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module", name="copy")
def copy_with_the_item(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    insert(copy / "cardlib" / "profiles" / "df01.py", 'personal(0x0E, "household_region"', f"        {ENTRY}")
    insert(copy / "proto" / "sscard" / "v1" / "person.proto", "optional string household_region", LINE)
    run(copy, "proto/generate.py")
    return copy


@pytest.fixture(scope="module", name="seen")
def what_the_program_sees(copy: Path) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(run(copy, "-c", PROGRAM))
    assert Path(seen["cardlib"]).is_relative_to(copy)
    return seen


def test_a_software_card_holds_the_new_item_and_it_is_read_over_grpc(seen: dict[str, Any]) -> None:
    assert seen["response"]["files"]["household"]["household_book_number"] == VALUE


def test_the_new_item_is_in_the_generic_view(seen: dict[str, Any]) -> None:
    (file,) = seen["response"]["item_files"]
    item = file["items"][-1]
    assert (item["tag"], item["chinese"], item["value"]) == (0xEC, "户口簿编号", {"text": VALUE})


def test_the_new_item_is_kept_out_of_logs(seen: dict[str, Any]) -> None:
    assert VALUE not in seen["redacted"]
    assert "header=00B2" in seen["log"]  # READ RECORD
    assert STORED not in seen["log"].replace(" ", "")
    assert VALUE not in seen["log"]
    assert seen["disclosed"] == [False, False]


def test_the_new_item_is_on_its_page_of_the_manual(seen: dict[str, Any]) -> None:
    (row,) = (line for line in seen["page"].splitlines() if "`EC`" in line)
    for cell in ("`household_book_number`", "户口簿编号", "14 (0E)", VALUE, "masked 脱敏"):
        assert cell in row


def test_the_new_item_is_shown_by_the_command_line_and_counts_in_the_size_of_its_file(copy: Path) -> None:
    shown = json.loads(run(copy, "-m", "services.cli", "profile", "show", "3.0", "--json"))
    (file,) = (file for directory in shown["directories"] for file in directory["files"] if file["name"] == "household")
    assert file["items"][-1]["name"] == "household_book_number"
    # 91 bytes in the specification; the record adds tag, length and 14 bytes.
    assert file["size"] == 91 + 16
