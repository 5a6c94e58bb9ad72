"""Group ACCOUNT, against an account written from the specification, right and with every rule broken once."""

import pytest

from apdu.secret import Secret
from cardlib.conformance import Outcome, cases
from cardlib.conformance.booking import NO_ACCOUNT
from cardlib.crypto import load_factor, purchase_factor, suite_for
from cardlib.development_keys import load
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from simulator.people import READY, ready_card

SELECT_DF04 = bytes.fromhex("00A4040006D15600000503")
LOG_RECORD_1 = bytes.fromhex("00B20144")
RANDOM = bytes.fromhex("A1B2C3D4")
IDLE = "idle"


class RefusedError(Exception):
    def __init__(self, sw: str) -> None:
        self.sw = bytes.fromhex(sw)


class AccountChip:
    """A ready card with an account beside it; ``wrong`` names the rules that it breaks.

    It knows PIN and selection from what the card answers; its keys are the published development keys.
    """

    def __init__(self, *wrong: str, version: str = "3.0") -> None:
        ready = READY[version]
        self.card = ready_card(version, t0=False)
        self.wrong = frozenset(wrong)
        self.suite = suite_for(ready.algorithm)
        self.code = b"\x03" if ready.algorithm.name == "SM4" else b"\x00"
        self.factors = CardFactors(ready.algorithm, "990000", ready.historical_bytes(ready.serial)[-8:])
        self.roots = load()
        self.numbers = {0x31: 7, 0x32: 9}
        self.balance, self.self_paid, self.pooled = 250_000, 500, 123_456
        self.year, self.day = bytes.fromhex("2024"), bytes.fromhex("0101")
        self.log: list[bytes] = []
        self.proof = (0, 0, b"")
        self.reset()

    # --- as a chip ---

    def power_on(self) -> bytes:
        return self.reset()

    def reset(self) -> bytes:
        self.inside = self.verified = False
        self.state, self.pending = IDLE, b""
        if "proof lost" in self.wrong:
            self.proof = (0, 0, b"")
        return self.card.reset()

    def power_off(self) -> None:
        self.card.power_off()

    def process(self, command: bytes) -> bytes:
        if command[0] != 0xB0:
            return self._listen(command)
        if not self.inside:
            return bytes.fromhex("6985")
        try:
            data = self._account(command)
        except RefusedError as refused:
            forgiven = "refusals forgiven" if refused.sw == bytes.fromhex("6901") else "macs forgiven"
            if forgiven not in self.wrong:
                self.state = IDLE
            return refused.sw
        return data + b"\x90\x00"

    def _listen(self, command: bytes) -> bytes:
        answer = self.card.process(command)
        good = answer[-2:] == b"\x90\x00"
        if command[1] == 0xA4 and good:
            self.inside = command.startswith(SELECT_DF04)
            if "selection forgets nothing" not in self.wrong:
                self.state = IDLE
        if command[1] == 0x20 and len(command) > 5:
            self.verified = good
        if command.startswith(LOG_RECORD_1) and self.log and self.verified:
            return self.log[0] + b"\x90\x00"
        return answer

    # --- the account ---

    def _account(self, command: bytes) -> bytes:
        ins, p1, p2 = command[1:4]
        data = command[5 : 5 + command[4]] if len(command) > 5 else b""
        if ins == 0x26:
            return self._get_balance(p2, command[4])
        if ins == 0x28:
            return self._begin(p1, data)
        if ins == 0x2A:
            return self._credit(data)
        if ins == 0x2C:
            return self._debit(data)
        if ins == 0x2E:
            return self._get_proof(p2, data)
        if ins == 0x56 and p1 == 1:
            return bytes.fromhex("1301") if "starting day" in self.wrong else self.day
        if ins == 0x56:
            raise RefusedError("9000" if "starting day right" in self.wrong else "6982")
        raise RefusedError("6D00")

    def _get_balance(self, p2: int, le: int) -> bytes:
        found = {
            1: self.balance.to_bytes(4, "big"),
            2: self.self_paid.to_bytes(4, "big") + self.year,
            3: self.pooled.to_bytes(4, "big") + self.year,
        }
        if p2 not in found:
            raise RefusedError("6A88" if "balance p2" in self.wrong else "6A86")
        self._need_pin()
        if le != len(found[p2]):
            raise RefusedError("6C04" if "le named" in self.wrong else "6700")
        if "balance ends it" in self.wrong:
            self.state = IDLE
        return bytes(len(found[p2])) if "other balance" in self.wrong else found[p2]

    def _begin(self, p1: int, data: bytes) -> bytes:
        if p1 not in {0, 1}:
            raise RefusedError("6700" if "p1" in self.wrong else "6A86")
        if len(data) != (11, 19)[p1]:
            raise RefusedError("6A80" if "lengths" in self.wrong else "6700")
        self._need_pin()
        if data[0] not in {1, 2, 3} - ({3} if "two versions" in self.wrong else set()):
            raise RefusedError("6A88" if "index" in self.wrong else "9403")
        account = int.from_bytes(data[1:5], "big")
        if p1 and account > self.balance and "credit given" not in self.wrong:
            raise RefusedError("9401")
        self.pending = data
        if p1:
            self.state = "purchase"
            totals = self.self_paid.to_bytes(4, "big") + self.pooled.to_bytes(4, "big")
            number = self.numbers[0x32].to_bytes(2, "big")
            tail = number + data[:1] + self.code + RANDOM
            return self.balance.to_bytes(4, "big") + totals + self.year + tail
        self.state = "load"
        number = self.numbers[0x31]
        said = self.balance.to_bytes(4, "big") + data[1:5] + b"1" + data[5:]
        mac1 = self._mac("DLK", load_factor(RANDOM, number), said)
        if "mac1" in self.wrong:
            mac1 = bytes(4)
        head = self.balance.to_bytes(4, "big") + number.to_bytes(2, "big")
        return head + data[:1] + self.code + RANDOM + mac1

    def _credit(self, data: bytes) -> bytes:
        self._in_state("load")
        amount, terminal, time = self.pending[1:5], self.pending[5:], data[:7]
        number = self.numbers[0x31]
        expected = self._mac("DLK", load_factor(RANDOM, number), amount + b"1" + terminal + time)
        self._compare(data[7:], expected)
        self.balance += int.from_bytes(amount, "big") + ("interest" in self.wrong)
        total = self.balance.to_bytes(4, "big")
        tac = self._tac(total + number.to_bytes(2, "big") + amount + b"1" + terminal + time)
        self._book(0x31, terminal, time, amount + bytes(8), mac=bytes(4), tac=tac)
        return tac

    def _debit(self, data: bytes) -> bytes:
        self._in_state("purchase")
        amounts, terminal = self.pending[1:13], self.pending[13:]
        sequence, time = data[:4], data[4:11]
        factor = purchase_factor(RANDOM, self.numbers[0x32], int.from_bytes(sequence, "big"))
        self._compare(data[11:], self._mac("DPK", factor, amounts + b"2" + terminal + time))
        self.balance -= int.from_bytes(amounts[:4], "big")
        self.self_paid += int.from_bytes(amounts[4:8], "big") + ("interest" in self.wrong)
        mac2 = self._mac("DPK", factor, amounts)
        tac = self._tac(amounts + b"2" + terminal + sequence + time)
        self._book(0x32, terminal, time, amounts, mac=mac2, tac=tac)
        return mac2 + tac if "debit order" in self.wrong else tac + mac2

    def _book(self, trade: int, terminal: bytes, time: bytes, amounts: bytes, *, mac: bytes, tac: bytes) -> None:
        self.state = IDLE
        if "counter" not in self.wrong:
            self.numbers[trade] += 1
        number = self.numbers[trade]
        if "log" not in self.wrong:
            self.log.insert(0, number.to_bytes(2, "big") + bytes((trade,)) + terminal + time + amounts)
        self.proof = (trade, number, tac + mac if "proof order" in self.wrong else mac + tac)

    def _get_proof(self, trade: int, data: bytes) -> bytes:
        if "any proof" in self.wrong or (trade, int.from_bytes(data, "big")) == self.proof[:2]:
            return self.proof[2] or bytes(8)
        raise RefusedError("9406")

    def _in_state(self, wanted: str) -> None:
        if self.state != wanted and "any state" not in self.wrong:
            raise RefusedError("6901")
        if len(self.pending) != (19 if wanted == "purchase" else 11):
            raise RefusedError("9302")

    def _compare(self, mac: bytes, expected: bytes) -> None:
        if mac != expected:
            raise RefusedError("6988" if "mac word" in self.wrong else "9302")

    def _need_pin(self) -> None:
        if not self.verified and "no pin" not in self.wrong:
            raise RefusedError("6982")

    def _key(self, name: str) -> Secret:
        reference = KeyReference(name, self.pending[0])
        return self.factors.card_key(reference, self.roots[reference])

    def _mac(self, name: str, factor: bytes, data: bytes) -> bytes:
        return self.suite.mac(self.suite.session_key(self._key(name), factor), data)

    def _tac(self, data: bytes) -> bytes:
        if "tac" in self.wrong:
            return bytes(4)
        return self.suite.mac(self.suite.tac_key(self._key("DTK")), data)


BROKEN = {
    "balances": "other balance",
    "pin": "no pin",
    "balance_length": "le named",
    "balance_p2": "balance p2",
    "starting_day": "starting day",
    "starting_day_right": "starting day right",
    "load_index": "index",
    "purchase_index": "index",
    "balance_too_small": "credit given",
    "load_length": "lengths",
    "purchase_length": "lengths",
    "p1": "p1",
    "proof_absent": "any proof",
    "idle_credit": "any state",
    "idle_debit": "any state",
    "load_debit": "any state",
    "purchase_credit": "any state",
    "selected": "selection forgets nothing",
    "load_mac": "mac word",
    "purchase_mac": "mac word",
    "load_balance": "balance ends it",
    "purchase_balance": "balance ends it",
    "purchase_load": "mac word",
    "load_purchase": "mac word",
    "refused": "refusals forgiven",
    "once": "macs forgiven",
    "load": "tac",
    "purchase": "tac",
}
"""One thing that a card does wrong for each case of the group."""

BOOKED_WRONG = [
    ("load", "mac1", "MAC1"),
    ("load", "interest", "TAC is not"),
    ("load", "counter", "counter"),
    ("load", "log", "log"),
    ("load", "proof order", "proof"),
    ("load", "proof lost", "PROOF was answered 9406"),
    ("purchase", "debit order", "not the TAC"),
    ("purchase", "interest", "amounts"),
    ("purchase", "counter", "counter"),
    ("purchase", "log", "log"),
    ("purchase", "proof order", "in this order"),
    ("purchase", "proof lost", "PROOF was answered 9406"),
]


@pytest.mark.parametrize("version", READY)
def test_an_account_that_conforms_passes_every_case(run_suite, version):
    results = run_suite(AccountChip(version=version), "ACCOUNT", "KEY_VER1", "KEY_VER2", "KEY_VER3")
    found = {id_: result for id_, result in results.items() if id_.startswith("ACCOUNT.") or id_.endswith(".DPK")}
    assert {id_: result.detail for id_, result in found.items() if result.outcome is not Outcome.PASSED} == {}
    assert len(found) == len(BROKEN) + 3


@pytest.mark.parametrize(("case", "wrong"), BROKEN.items())
def test_an_account_that_breaks_a_rule_fails_its_case(run_suite, case, wrong):
    result = run_suite(AccountChip(wrong), "ACCOUNT")[f"ACCOUNT.{case}"]
    assert result.outcome is Outcome.FAILED, result.detail


@pytest.mark.parametrize(("case", "wrong", "detail"), BOOKED_WRONG)
def test_whatever_is_wrong_about_what_is_booked_is_said(run_suite, case, wrong, detail):
    result = run_suite(AccountChip(wrong), "ACCOUNT")[f"ACCOUNT.{case}"]
    assert result.outcome is Outcome.FAILED
    assert detail in result.detail


def test_a_key_of_purchases_that_is_not_there_fails_its_case(run_suite):
    result = run_suite(AccountChip("two versions"), "KEY_VER3")["KEY_VER3.DPK"]
    assert result.outcome is Outcome.FAILED


def test_every_case_of_the_group_is_broken_by_a_card():
    found = {case.id for case in cases(READY["3.0"].profile) if case.group == "ACCOUNT"}
    assert found == {f"ACCOUNT.{name}" for name in BROKEN}


def test_a_booking_leaves_the_amounts_as_they_were(run_suite):
    chip = AccountChip()
    run_suite(chip, "ACCOUNT")
    assert (chip.balance, chip.self_paid, chip.pooled, chip.year) == (250_000, 500, 123_456, bytes.fromhex("2024"))
    assert [record[2:3] for record in chip.log] == [b"2", b"1"]


@pytest.mark.parametrize("answer", ["6985", "6A81", "6D00", "6E00"])
def test_a_card_without_an_account_is_not_judged_by_it(run_suite, answer):
    chip = AccountChip()
    words = bytes.fromhex(answer)
    listen = chip.process
    chip.process = lambda command: words if command[0] == 0xB0 else listen(command)  # type: ignore[method-assign]
    results = run_suite(chip, "ACCOUNT")
    assert {(result.outcome, result.detail) for result in results.values()} == {(Outcome.NOT_RUN, NO_ACCOUNT)}
