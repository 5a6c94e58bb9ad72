"""A small model of PIN changes, unblocking and blocking, held against the card through any order of commands."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cardlib.crypto import Algorithm
from simulator.people import ready_image

PINS = ["123456", "1111", "99999F"]
OLD = st.sampled_from([*PINS, ""])
ENVIRONMENT, FREE_OF_LK, WITH_LK = "DDF1", "DF01", "DF04"
MOSTLY = st.integers(0, 5).map(bool)
"""What a terminal does most of the time: the right key, a challenge and the right before what needs them."""

SELDOM = MOSTLY.map(lambda mostly: not mostly)


class CardAgainstModel(RuleBasedStateMachine):
    """Where: MF, DDF1 (SSSE), DF01 (no LK) or DF04 inside it. PIN 6 tries, PUK 3, BK and LK never block.

    EF06 of DF01 is read with the PIN; a PIN that is not set opens it too.
    """

    make_terminal = ready_keys = cryptogram = mac = ecb = None

    @initialize()
    def insert(self):
        self.card = type(self).make_terminal(t0=False, image=ready_image("3.0"))
        self.keys = {name: bytes.fromhex(value) for name, value in type(self).ready_keys("3.0").items()}
        self.pin, self.pin_tries, self.verified = "123456", 6, False
        self.puk_tries = 3
        self.blocked, self.dead = set(), False
        self.power_up()
        self.select(ENVIRONMENT)

    def power_up(self):
        self.where, self.challenge, self.verified = "MF", None, False
        self.rights = set()

    @property
    def refusal(self):
        if self.dead:
            return "6A81"
        inside = self.where in self.blocked or (ENVIRONMENT in self.blocked and self.where != "MF")
        return "9303" if inside else None

    def check(self, answer, *expected):
        """The answer is the first status that applies: the blocking's, else the first that is not None."""
        wanted = next(sw for sw in (self.refusal, *expected) if sw is not None)
        assert answer[-4:] == wanted, f"{answer[-4:]} instead of {wanted}"
        return wanted

    @rule(cold=st.booleans())
    def reset(self, cold):
        if cold:
            self.card.card.power_off()
        self.card.card.reset()
        self.power_up()

    @rule(where=st.sampled_from([ENVIRONMENT, WITH_LK, FREE_OF_LK, ENVIRONMENT, WITH_LK, "MF"]))
    def select(self, where):
        answer = self.card("00A4000000" if where == "MF" else f"00A4000002{where}")
        if self.dead or (self.where == "MF" and where in {FREE_OF_LK, WITH_LK}):
            assert answer == ("6A81" if self.dead else "6A82")
            return
        if where != self.where:
            self.challenge = None
            self.rights = {(at, name) for at, name in self.rights if where != "MF" and at in {ENVIRONMENT, where}}
        self.where = where
        self.check(answer, "9000")

    @rule()
    def get_challenge(self):
        answer = self.card("0084000008")
        if self.check(answer, "9000") == "9000":
            self.challenge = bytes.fromhex(answer[:-4])

    @rule(name=st.sampled_from(["PUK", "BK", "LKDF04"]), right=MOSTLY, fresh=MOSTLY)
    def authenticate(self, name, right, fresh):
        if fresh:
            self.get_challenge()
        card_id = {"PUK": "06", "BK": "05", "LKDF04": "83"}[name]
        proof = type(self).cryptogram(Algorithm.SM4, self.keys[name], self.challenge or bytes(8), bytes(8))
        proof = proof if right else bytes(8)
        # 83 of DF01 is an update key: no cryptogram of these is right there, and its own counter is not in this model.
        if self.where == FREE_OF_LK and name == "LKDF04":
            return
        answer = self.card(f"008200{card_id}10{proof.hex()}{'00' * 8}")
        present = self.where == WITH_LK if name == "LKDF04" else self.where != "MF"
        locked = name == "PUK" and self.puk_tries == 0
        failed = f"63C{self.puk_tries - 1}" if name == "PUK" else "63CF"
        sw = self.check(
            answer,
            None if present else "6A88",
            "6983" if locked else None,
            None if self.challenge else "6984",
            "9000" if right else failed,
        )
        if sw == "9000" or sw.startswith("63C"):
            self.challenge = None
            if name == "PUK":
                self.puk_tries = 3 if right else self.puk_tries - 1
            if right:
                self.rights.add((WITH_LK if name == "LKDF04" else ENVIRONMENT, name))

    @rule(pin=st.sampled_from(PINS))
    def verify(self, pin):
        answer = self.card(f"00200000{len(pin) // 2:02X}{pin}")
        self.compared(answer, "6A88", pin == self.pin)

    @rule(old=OLD, new=OLD)
    def change(self, old, new):
        length = (len(old) + len(new)) // 2 + 1
        answer = self.card(f"805E0100{length:02X}{old}FF{new}")
        if not old and not new:
            self.check(answer, "6700")
        elif self.compared(answer, "6A81", old == self.pin, changes=True) == "9000":
            self.pin = new

    def compared(self, answer, absent, right, *, changes=False):
        sw = self.check(
            answer,
            absent if self.where == "MF" else None,
            "6983" if self.pin_tries == 0 else None,
            "9000" if right else f"63C{self.pin_tries - 1}",
        )
        if sw == "9000":
            self.pin_tries, self.verified = 6, self.verified if changes else True
        elif sw.startswith("63C"):
            self.pin_tries, self.verified = self.pin_tries - 1, False
        return sw

    @rule()
    def ask_for_tries(self):
        state = "9000" if not self.pin else f"63C{self.pin_tries}" if self.pin_tries else "6983"
        self.check(self.card("0020000000"), "6A88" if self.where == "MF" else None, state)

    @rule()
    def read(self):
        self.select(FREE_OF_LK)
        if self.where == FREE_OF_LK:
            self.check(self.card("00B2013400"), "9000" if self.verified or not self.pin else "6982")

    @rule(right=st.booleans(), new=st.sampled_from([None, *PINS, "", "1A"]), authorised=MOSTLY, fresh=MOSTLY)
    def unblock(self, right, new, authorised, fresh):
        self.prepare("PUK", authorised, fresh)
        session = type(self).ecb(Algorithm.SM4, self.keys["STKSSSE"], (self.challenge or bytes(8)).ljust(16, b"\0"))
        framed = bytes((len(new) // 2,)) + bytes.fromhex(new) + b"\x80" if new else b""
        data = type(self).ecb(Algorithm.SM4, session, framed.ljust(16, b"\0")) if framed else b""
        header = bytes((0x84, 0x24, 0, new is not None, len(data) + 4))
        allowed = (ENVIRONMENT, "PUK") in self.rights and self.puk_tries
        sw = self.check(
            self.with_mac(header + data, "STKSSSE", right),
            None if allowed else "6982",
            None if self.challenge else "6984",
            None if right else "6988",
            "6A80" if new == "1A" else "9000",
        )
        if sw in {"6988", "6A80", "9000"}:
            self.challenge = None
        if sw == "6988":
            self.puk_tries -= 1
        elif sw == "9000":
            self.puk_tries, self.pin_tries = 3, 6
            self.pin = self.pin if new is None else new

    def prepare(self, name, authorised, fresh):
        if authorised:
            self.authenticate(name, right=True, fresh=True)
        if fresh:
            self.get_challenge()

    @rule(right=st.booleans(), authorised=MOSTLY, fresh=MOSTLY)
    def block_application(self, right, authorised, fresh):
        self.prepare("LKDF04" if self.where == WITH_LK else "BK", authorised, fresh)
        key = "STKSSSE" if self.where in {"MF", ENVIRONMENT} else f"STK{self.where}"
        by = (WITH_LK, "LKDF04") if self.where == WITH_LK else (ENVIRONMENT, "BK")
        if self.blocks("841E000104", key, by, right):
            self.blocked.add(self.where)

    @rule(right=SELDOM, authorised=MOSTLY, fresh=MOSTLY)
    def block_card(self, right, authorised, fresh):
        self.prepare("BK", authorised, fresh)
        if self.blocks("8416000004", "STKSSSE", (ENVIRONMENT, "BK"), right):
            self.dead = True

    def blocks(self, header, key, by, right):
        sw = self.check(
            self.with_mac(bytes.fromhex(header), key, right),
            None if by in self.rights else "6982",
            None if self.challenge else "6984",
            "9000" if right else "6988",
        )
        if sw in {"6988", "9000"}:
            self.challenge = None
        return sw == "9000"

    def with_mac(self, message, key, right):
        code = type(self).mac(Algorithm.SM4, self.keys[key], self.challenge or bytes(8), message)
        return self.card((message + (code if right else bytes(4))).hex())


def test_maintenance_follows_the_model(make_terminal, ready_keys, cryptogram, mac, encrypt_blocks):
    given = {
        "make_terminal": make_terminal,
        "ready_keys": ready_keys,
        "cryptogram": cryptogram,
        "mac": mac,
        "ecb": encrypt_blocks,
    }
    machine = type("Machine", (CardAgainstModel,), {name: staticmethod(call) for name, call in given.items()})
    case = machine.TestCase
    case.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
    case().runTest()
