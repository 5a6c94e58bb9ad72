import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.command import SW, Command, Refused
from simulator.commands import INSTRUCTIONS, Instruction
from simulator.dialects.t514 import T514
from simulator.session import Session

SSSE = "7378312E73682EC9E7BBE1B1A3D5CF"
FCI = f"6F11840F{SSSE}"


def test_the_atr_announces_t0_and_the_historical_bytes(make_terminal):
    card = make_terminal().card
    assert card.power_on() == card.reset() == card.atr == bytes.fromhex("3B6D000000814A444686609900DEADBEEF")


def test_an_answer_to_a_command_with_data_waits_for_get_response(make_terminal):
    card = make_terminal()
    assert card(f"00A404000F{SSSE}") == "6113"
    assert card("00C0000013") == f"{FCI}9000"
    assert card("00C0000013") == "6F00"


def test_le_travels_in_get_response_not_in_the_command(make_terminal):
    assert make_terminal()(f"00A404000F{SSSE}00") == "6113"


@pytest.mark.parametrize("le", ["", "00", "14", "FF"])
def test_get_response_for_more_than_waits_names_what_does(make_terminal, le):
    card = make_terminal()
    card(f"00A404000F{SSSE}")
    assert card(f"00C00000{le}") == "6C13"
    assert card("00C0000013") == f"{FCI}9000"


def test_get_response_may_fetch_in_pieces(make_terminal):
    card = make_terminal()
    card(f"00A404000F{SSSE}")
    assert card("00C0000003") == "6F11846110"
    assert card("00C0000010") == f"{FCI[6:]}9000"


@pytest.mark.parametrize(("command", "sw"), [("00C0010013", "6A86"), ("00C000000100", "6700")])
def test_a_malformed_get_response_loses_nothing(make_terminal, command, sw):
    card = make_terminal()
    card(f"00A404000F{SSSE}")
    assert card(command) == sw
    assert card("00C0000013") == f"{FCI}9000"


@pytest.mark.parametrize("command", ["0084000008", "00200000", "00FF0000", "80C0000013", "00", "00A4020002EF1D"])
def test_any_other_command_drops_what_waits(make_terminal, command):
    card = make_terminal()
    card(f"00A404000F{SSSE}")
    card(command)
    assert card("00C0000013") == "6F00"


def test_reset_drops_what_waits(make_terminal):
    card = make_terminal()
    card(f"00A404000F{SSSE}")
    card.card.reset()
    assert card("00C0000013") == "6F00"


def test_a_reader_that_hides_61_and_6c_brings_the_data_at_once_cut_to_le(make_terminal):
    card = make_terminal(t0=False)
    assert card(f"00A404000F{SSSE}") == card(f"00A404000F{SSSE}00") == card(f"00A404000F{SSSE}FF") == f"{FCI}9000"
    assert card(f"00A404000F{SSSE}02") == "6F119000"
    assert card("00B2012DFF") == card("00B2012D") == "0101AA0202BBBB0301C10301C20401DD0301C39000"
    assert card("00B2012D03") == "0101AA9000"
    assert card("00C0000003") == "6F00"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("", "6700", id="nothing"),
        pytest.param("00A404", "6700", id="three bytes"),
        pytest.param("80A4000000", "6E00", id="other class"),
        pytest.param("FFA4000000", "6E00", id="no class"),
        pytest.param("04B2010403", "6E00", id="secure messaging of a free file"),
        pytest.param("04A4000000", "6E00", id="secure messaging of SELECT"),
        pytest.param("0001000000", "6D00", id="no such instruction"),
        pytest.param("00A4000003EF05", "6700", id="Lc too large"),
        pytest.param("00A4000001EF0500", "6700", id="Lc too small"),
        pytest.param("00A400000000023F00", "6700", id="extended"),
        pytest.param("00A4000005", "6700", id="Lc without data"),
        pytest.param("00A4030003EF05", "6700", id="length before P1"),
    ],
)
def test_what_is_no_command_of_this_card_is_refused(terminal, command, sw):
    assert terminal(command) == sw


def test_a_card_without_power_answers_6f00(make_terminal):
    card = make_terminal()
    card.card.power_off()
    assert card("00A4000000") == "6F00"
    card.card.power_on()
    assert card("00A4000000") == "6112"


def test_the_same_randomness_gives_the_same_conversation(make_terminal):
    commands = ["0084000008", "0084000010", f"0088000010{'01' * 16}", "00C0000008"]
    conversations = []
    for _ in range(2):
        card = make_terminal()
        card.select_ssse()
        conversations.append([card(command) for command in commands])
    assert conversations[0] == conversations[1]


def test_cards_made_from_one_image_share_no_state(make_terminal):
    first, second = make_terminal(), make_terminal()
    first.select_ssse()
    second.select_ssse()
    first("0020000003999999")
    assert second("0020000000") == "63C6"


# [S2.5 §6, the command tables; 6987 S2.7 §7.3]; 6A81 6A86 6E00 belong to every command, 6700 to whatever is no
# well-formed command.
ALWAYS = ("9000", "6A81", "6A86", "6700")
ALLOWED = {
    0x20: ("63C.", "6983", "6984", "6A88"),
    0x82: ("63C.", "6581", "6983", "6984", "6A88"),
    0x84: (),
    0x88: ("61..", "6A88"),
    0xA4: ("61..", "6A82"),
    0xB0: ("6981", "6982", "6986", "6A82", "6C..", "6B00"),
    0xB2: ("6981", "6982", "6986", "6A82", "6C..", "6A83"),
    0xC0: ("61..", "6C..", "6F00"),
    0xD6: ("6581", "6981", "6982", "6984", "6986", "6987", "6988", "6A82", "6B00", "6E00"),
    0xDC: ("6581", "6981", "6982", "6984", "6986", "6987", "6988", "6A82", "6A83", "6A84", "6A85", "6E00"),
}
SECURE = {0xD6, 0xDC}


def test_a_command_that_is_refused_half_way_leaves_nothing(make_terminal, monkeypatch):
    def half(session: Session, command: Command) -> bytes:
        (path,) = (path for path in session.selection.root.walk() if path[-1].fid == 0xDDF1)
        session.store.write_content(path[-1].by_fid[0xEF07], 0, b"\xaa" * command.p1)
        raise Refused(SW.MEMORY)

    card = make_terminal(t0=False)
    before = card("00A4000002DDF1"), card("00B0870004"), card.card.eeprom.writes
    monkeypatch.setattr(type(T514), "instructions", lambda *_: {**INSTRUCTIONS, b"\x00\x77": Instruction(half)})
    assert card("00770400") == "6581"
    assert card.card.eeprom.writes > before[2]
    assert (card("00A4000002DDF1"), card("00B0870004")) == before[:2] == (before[0], "000102039000")


BUILDING = (b"\x00\x14", b"\x00\xd2", b"\x80\xd4", b"\x80\xe0", b"\x80\xe1", b"\x84\xd4")
"""T514's own commands, on a card that is finished."""
ACCOUNT = tuple(bytes((0xB0, ins)) for ins in (0x26, 0x28, 0x2A, 0x2C, 0x2E, 0x56))
"""Those of the medical account, which there is none of."""
PROPRIETARY = {
    **dict.fromkeys((*BUILDING, *ACCOUNT), ("6985",)),
    b"\x80\x5e": ("63C.", "6581", "6983", "6A80"),
    b"\x84\x16": ("6581", "6982", "6984", "6985", "6988", "6A88"),
    b"\x84\x1e": ("6581", "6982", "6984", "6985", "6988", "6A88"),
    b"\x84\x24": ("6581", "6982", "6984", "6985", "6988", "6A80", "6A88"),
}


def allowed(command: bytes) -> tuple[str, ...]:
    if len(command) < 4:
        return ("6700",)
    if command[:2] in PROPRIETARY:
        return (*ALWAYS, *PROPRIETARY[command[:2]])
    if command[0] != 0 and not (command[0] == 0x04 and command[1] in SECURE):
        return ("6E00",)
    return (*ALWAYS, *ALLOWED[command[1]]) if command[1] in ALLOWED else ("6D00",)


def fits(sw: str, patterns: tuple[str, ...]) -> bool:
    return any(all(p in (".", s) for p, s in zip(pattern, sw, strict=True)) for pattern in patterns)


HEADERS = st.tuples(
    st.sampled_from([0x00, 0x00, 0x00, 0x04, 0x80, 0x84, 0xB0, 0xFF]),
    st.sampled_from([*ALLOWED, *SECURE, 0x00, 0x16, 0x1E, 0x24, 0x28, 0x5E, 0xD4, 0xE0, 0xE1]) | st.integers(0, 255),
    st.sampled_from([0x00, 0x01, 0x02, 0x04, 0x85, 0x87, 0x8F, 0xFF]) | st.integers(0, 255),
    st.sampled_from([0x00, 0x02, 0x05, 0x0A, 0x2C, 0x34, 0x5C, 0x6B, 0x73]) | st.integers(0, 255),
).map(bytes)
RECORDS = [b"\x0a\x01\xff", b"\x0c\x01\xff", b"\xd3\xd3", b"\xd3\xd3\x00\x00\x00\x00"]
NAMES = [bytes.fromhex(SSSE), b"\x3f\x00", b"\xef\x05", b"\xef\x0b", b"\xdf\x01"]
DATA = st.binary(max_size=20) | st.sampled_from([*NAMES, *RECORDS])
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=1),
    DATA.map(lambda data: bytes((len(data),)) + data),
    DATA.map(lambda data: bytes((len(data),)) + data + b"\x00"),
    DATA.map(lambda data: b"\x00" + len(data).to_bytes(2, "big") + data),
    st.binary(max_size=300),
)
ANYTHING = st.binary(max_size=12) | st.builds(bytes.__add__, HEADERS, BODIES)


@settings(max_examples=400, deadline=None)
@given(commands=st.lists(ANYTHING, min_size=1, max_size=30), t0=st.booleans())
def test_any_bytes_get_a_status_word_of_their_command_and_harm_nothing(make_terminal, commands, t0):
    card = make_terminal(t0=t0)
    for command in commands:
        answer = card.card.process(command)
        sw = answer[-2:].hex().upper()
        assert fits(sw, allowed(command)), f"{command.hex()} -> {sw}"
        assert len(answer) == 2 or sw == "9000" or sw.startswith("61")
        assert len(answer) <= 258
    card.card.reset()
    card.select_ssse()
    assert card("00B2012D13")[-42:] == "0101AA0202BBBB0301C10301C20401DD0301C39000"
    assert card("00B2013403") == "6982"
