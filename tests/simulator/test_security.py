"""A small model of PIN, key counters and rights, held against the card through any order of commands."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cardlib.crypto import Algorithm
from simulator.security import TryCounter

RIGHT_KEY, WRONG_KEY = "0A01" * 8, "0A02" * 8
PINS = {"123456": True, "1234": False, "654321": False}


class CardAgainstModel(RuleBasedStateMachine):
    """Where: MF, DDF1 (SSSE) or DF01 inside it. The PIN lies in the SSSE (6 tries), RKSSSE too (3 tries)."""

    make_terminal = cryptogram = None

    @initialize()
    def insert(self):
        self.card = type(self).make_terminal()
        self.where = "MF"
        self.pin_tries, self.pin_ok = 6, False
        self.key_tries, self.key_ok = 3, False
        self.challenge = None

    @rule(where=st.sampled_from(["MF", "DDF1", "DF01"]))
    def select(self, where):
        sw = self.card("00A4000000" if where == "MF" else f"00A4000002{where}")
        if where == "DF01" and self.where == "MF":
            assert sw == "6A82"
            return
        assert sw[:2] == "61"
        if where != self.where:
            self.challenge = None
        if where == "MF":
            self.key_ok = False
        self.where = where

    @rule(pin=st.sampled_from(sorted(PINS)))
    def verify(self, pin):
        answer = self.card(f"00200000{len(pin) // 2:02X}{pin}")
        if self.where == "MF":
            assert answer == "6A88"
        elif self.pin_tries == 0:
            assert answer == "6983"
        elif PINS[pin]:
            assert answer == "9000"
            self.pin_tries, self.pin_ok = 6, True
        else:
            self.pin_tries, self.pin_ok = self.pin_tries - 1, False
            assert answer == f"63C{self.pin_tries}"

    @rule()
    def ask_for_tries(self):
        expected = f"63C{self.pin_tries}" if self.pin_tries else "6983"
        assert self.card("0020000000") == ("6A88" if self.where == "MF" else expected)

    @rule()
    def get_challenge(self):
        answer = self.card("0084000008")
        assert answer.endswith("9000")
        self.challenge = bytes.fromhex(answer[:-4])

    @rule(right=st.booleans())
    def authenticate(self, right):
        key = bytes.fromhex(RIGHT_KEY if right else WRONG_KEY)
        proof = type(self).cryptogram(Algorithm.SM4, key, self.challenge or bytes(8), bytes(8))
        answer = self.card(f"0082000A10{proof.hex()}{'00' * 8}")
        if self.where == "MF":
            assert answer == "6A88"
        elif self.key_tries == 0:
            assert answer == "6983"
        elif self.challenge is None:
            assert answer == "6984"
        else:
            self.challenge = None
            self.key_tries = 3 if right else self.key_tries - 1
            self.key_ok |= right
            assert answer == ("9000" if right else f"63C{self.key_tries}")

    @precondition(lambda self: self.where != "MF")
    @rule()
    def read(self):
        if self.where == "DDF1":
            assert self.card("00B2013403") == ("0801339000" if self.key_ok else "6982")
        else:
            assert self.card("00B2013403") == ("2301329000" if self.pin_ok else "6982")

    @rule(cold=st.booleans())
    def reset(self, cold):
        if cold:
            self.card.card.power_off()
            self.card.card.power_on()
        else:
            self.card.card.reset()
        self.where, self.pin_ok, self.key_ok, self.challenge = "MF", False, False, None


def test_pin_key_and_rights_follow_the_model(make_terminal, cryptogram):
    given = {"make_terminal": staticmethod(make_terminal), "cryptogram": staticmethod(cryptogram)}
    machine = type("Machine", (CardAgainstModel,), given)
    case = machine.TestCase
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
    case().runTest()


def test_a_counter_is_spent_before_and_restored_after():
    counter = TryCounter(2)
    counter.spend()
    counter.spend()
    assert (counter.left, counter.blocked, counter.status) == (0, True, 0x63C0)
    counter.restore()
    assert (counter.left, counter.blocked, counter.status) == (2, False, 0x63C2)


def test_a_counter_without_a_maximum_never_blocks():
    counter = TryCounter(None)
    for _ in range(100):
        counter.spend()
    assert (counter.blocked, counter.status) == (False, 0x63CF)
