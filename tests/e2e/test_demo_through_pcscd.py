"""The demonstration as `make demo PCSC=1` runs it: in virtual readers of a real pcscd."""

import os
import subprocess
import sys

import pytest

from tests.services.cli.told_story import check

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.usefixtures("no_pcscd")]

SSCARD = [sys.executable, "-m", "services.cli"]


def test_the_story_is_told_in_readers_that_had_other_cards() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PCSCLITE", "SSCARD"))}
    simulate = [
        *SSCARD,
        "simulate",
        "--control",
        "127.0.0.1:0",
        "--slots",
        "2",
        "--card",
        "2.0",
        "--card",
        "memory-card",
    ]
    told = subprocess.run(
        [*simulate, "--", *SSCARD, "demo", "--pcsc"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env=environment | {"SSCARD_CARD_CACHE": "", "COLUMNS": "80"},
        cwd="/",
    )
    assert told.returncode == 0, told.stderr
    check(told.stdout)
