"""A small model of PIN, key counters and rights, held against the card through any order of commands."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cardlib.crypto import Algorithm

RIGHT_KEY, WRONG_KEY = "0A01" * 8, "0A02" * 8
PINS = {"123456": True, "1234": False, "654321": False}


class CardAgainstModel(RuleBasedStateMachine):
    """Where: MF, DDF1 (SSSE) or DF01 inside it. The PIN lies in the SSSE (6 tries), RKSSSE too (3 tries).

    UK1DF01 lies in DF01, where EF05 is updated with it; EF0E of the SSSE and EF07 of DF01 ask for a MAC.
    """

    make_terminal = cryptogram = mac = None

    @initialize()
    def insert(self):
        self.card = type(self).make_terminal()
        self.where = "MF"
        self.pin_tries, self.pin_ok = 6, False
        self.key_tries, self.key_ok = 3, False
        self.update_ok = False
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
        self.key_ok &= where != "MF"
        self.update_ok &= where == "DF01"
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

    @rule()
    def authenticate_for_updates(self):
        proof = type(self).cryptogram(Algorithm.SM4, bytes.fromhex("8301" * 8), self.challenge or bytes(8), bytes(8))
        answer = self.card(f"0082008310{proof.hex()}{'00' * 8}")
        if self.where != "DF01":
            assert answer == "6A88"
        elif self.challenge is None:
            assert answer == "6984"
        else:
            self.challenge = None
            self.update_ok = True
            assert answer == "9000"

    @precondition(lambda self: self.where == "DF01")
    @rule()
    def update(self):
        assert self.card("00DC012C03200131") == ("9000" if self.update_ok else "6982")

    @precondition(lambda self: self.where != "MF")
    @rule(right=st.booleans())
    def update_with_a_mac(self, right):
        header, record, key = (
            ("04DC007306", "D3D3", "0201") if self.where == "DDF1" else ("04DC013C07", "2901AA", "8201")
        )
        message = bytes.fromhex(header + record)
        code = type(self).mac(
            Algorithm.SM4, bytes.fromhex(key if right else "FFFF") * 8, self.challenge or bytes(8), message
        )
        answer = self.card((message + code).hex())
        if self.challenge is None:
            assert answer == "6984"
        else:
            self.challenge = None
            assert answer == ("9000" if right else "6988")

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
        self.where, self.challenge = "MF", None
        self.pin_ok = self.key_ok = self.update_ok = False


def test_pin_keys_and_rights_follow_the_model(make_terminal, cryptogram, mac):
    given = {"make_terminal": make_terminal, "cryptogram": cryptogram, "mac": mac}
    machine = type("Machine", (CardAgainstModel,), {name: staticmethod(call) for name, call in given.items()})
    case = machine.TestCase
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
    case().runTest()


@pytest.mark.parametrize(("card_id", "answer"), [("0A", "63C2"), ("05", "63CF")], ids=["counted", "not counted"])
def test_a_counter_is_spent_before_and_restored_after(make_terminal, card_id, answer):
    card = make_terminal(t0=False)
    card.select_ssse()
    for _ in range(2):
        assert card.authenticate(card_id, WRONG_KEY) == answer
        assert card.authenticate(card_id, f"{card_id}01" * 8) == "9000"


def test_a_key_is_blocked_when_no_try_is_left_and_one_without_a_counter_never(make_terminal):
    card = make_terminal(t0=False)
    card.select_ssse()
    assert [card.authenticate("0A", WRONG_KEY) for _ in range(4)] == ["63C2", "63C1", "63C0", "6983"]
    assert card.authenticate("0A", RIGHT_KEY) == "6983"
    assert {card.authenticate("05", WRONG_KEY) for _ in range(100)} == {"63CF"}
    assert card.authenticate("05", "0501" * 8) == "9000"
