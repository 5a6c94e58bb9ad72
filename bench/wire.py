"""What an identity read costs on the wire: commands and bytes."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from apdu.command import CommandAPDU
from apdu.flow import run
from apdu.readers import executor
from apdu.transport.inprocess import Chip
from apdu.transport.wrappers import get_response
from cardlib.flows.read_identity import AuthenticityCheck, read_identity
from cardlib.forms import FormMemory
from services.custody.development import DevelopmentCustodian
from simulator.people import ready_card

READS = (("2.0", AuthenticityCheck.SKIP), ("2.0", AuthenticityCheck.REQUIRED), ("3.0", AuthenticityCheck.REQUIRED))


@dataclass
class Meter:
    """A transport that counts what goes to the card and comes back."""

    card: Chip
    commands: int = 0
    fetches: int = 0
    sent: int = 0
    received: int = 0

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        """Pass commands to the card."""
        answers = [self.card.process(command) for command in commands]
        for command, answer in zip(commands, answers, strict=True):
            is_fetch = CommandAPDU.from_bytes(command).name == "GET RESPONSE"
            self.fetches += is_fetch
            self.commands += not is_fetch
            self.sent += len(command)
            self.received += len(answer)
        return answers


def main() -> None:
    """commands and bytes of an identity read, T=0"""  # noqa: D400, D403
    for version, check in READS:
        meter, custodian = Meter(ready_card(version)), DevelopmentCustodian(development_mode=True)
        flow = read_identity(
            meter.card.power_on(), rng=secrets.token_bytes, today=dt.date(2026, 1, 1), forms=FormMemory(), check=check
        )
        reading = run(flow, executor(get_response(meter.transmit, strip_le=True)), custodian.answer)
        print(
            f"{version} card, authenticity {reading.authenticity.value:11}: {meter.commands} commands, "
            f"{meter.fetches} GET RESPONSE, {meter.sent} bytes to the card, {meter.received} from it"
        )
