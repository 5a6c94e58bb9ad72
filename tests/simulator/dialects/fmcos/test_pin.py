"""VERIFY, PIN UNBLOCK, RELOAD PIN and CHANGE PIN."""

import pytest

MASTER = "39FF39FF39FF39FF39FF39FF39013901"
RELOAD = "38003800380038003811381138113811"


@pytest.fixture
def pin(chip):
    """PIN 00 is 12345, of three tries; it wins state 1, and the file 0005 asks for that."""
    chip.script("80D401000D3AF0EF013312345FFFFFFFFFFF", "80E000050728000111F0FFFF", "00D6850001AA")
    chip.script(f"80D401001538F002FF33{RELOAD}")
    chip.reset()
    return chip


def test_the_pin_wins_its_state(pin):
    assert pin("00B0850001") == "6982"
    pin.script("002000000312345F")
    assert pin("00B0850001") == "AA9000"
    pin.reset()
    assert pin("00B0850001") == "6982"


def test_ff_at_the_end_does_not_count(pin):
    pin.script("002000000412345FFF", "002000000812345FFFFFFFFFFF", "002000000312345F")


def test_a_pin_of_nothing_but_ff_takes_one(chip):
    chip.script("80D401000D3AF0EF0133FFFFFFFFFFFFFFFF", "0020000001FF", "0020000003FFFFFF")
    assert chip("002000000212FF") == "63C2"


def test_wrong_pins_are_counted(pin, again):
    assert [pin("00200000021234") for _ in range(2)] == ["63C2", "63C1"]
    pin.script("002000000312345F")
    assert [pin("00200000021234") for _ in range(4)] == ["63C2", "63C1", "63C0", "6983"]
    assert again(pin)("002000000312345F") == "6983"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("002001000312345F", "6A86", id="P1"),
        pytest.param("0020000000", "6700", id="nothing"),
        pytest.param("0020000009" + "12" * 9, "6700", id="9 bytes"),
        pytest.param("002000010312345F", "9403", id="no such PIN"),
        pytest.param("805E020007123456FF654321", "6A86", id="neither reload nor change"),
        pytest.param("805E0100041234FF12", "6700", id="too short to change"),
        pytest.param("805E01000E" + "12" * 6 + "FF" + "34" * 7, "6700", id="too long to change"),
        pytest.param("805E0100051234567890", "6A80", id="not two PINs"),
        pytest.param("805E010006FF1234561234", "6A80", id="no old PIN"),
        pytest.param("805E0101051234FF5678", "9403", id="no such PIN to change"),
        pytest.param("805E00000512" + "00" * 4, "6700", id="a PIN of 1 byte to reload"),
        pytest.param("805E00000B12345678901234" + "00" * 4, "6700", id="a PIN of 7 bytes to reload"),
        pytest.param("842401000C" + "00" * 12, "6A86", id="P1 of unblock"),
        pytest.param("842400020C" + "00" * 12, "6A86", id="P2 of unblock"),
        pytest.param("8424000004" + "00" * 4, "6700", id="no PIN to unblock"),
        pytest.param("842400000C" + "00" * 12, "6984", id="no challenge to unblock"),
    ],
)
def test_what_is_refused(pin, command, status):
    assert pin(command) == status


def test_the_right_to_use_a_pin(chip):
    chip.script("80D40100073AAAEF01331234")
    assert chip("00200000021234") == "6982"
    assert chip("805E0100051234FF5678") == "6982"
    chip.authenticate(0, MASTER)
    chip.script("00200000021234")


def test_the_holder_changes_the_pin(pin):
    pin("00200000021234")
    pin.script("805E01000612345FFF6543")
    assert pin("002000000312345F") == "63C2"
    pin.script("00200000026543", "805E0100096543FF112233445566", "0020000006112233445566")
    assert pin("805E0100056543FF7777") == "63C2"
    for _ in range(2):
        pin("805E0100056543FF7777")
    assert pin("805E010009112233445566FF7777") == "6983"


def reload(pin, crypto, new: str, key: str = RELOAD) -> str:
    value = bytes.fromhex(key).rjust(16, b"\0")
    folded = bytes(a ^ b for a, b in zip(value[:8], value[8:], strict=True))
    mac = crypto["retail_mac"](folded, bytes(8), bytes.fromhex(new)).hex()
    return pin(f"805E0000{len(new) // 2 + 4:02X}{new}{mac}")


def test_the_issuer_reloads_the_pin(pin, crypto):
    for _ in range(3):
        pin("00200000021234")
    assert pin("002000000312345F") == "6983"
    assert reload(pin, crypto, "223344556677") == "9000"
    pin.script("0020000006223344556677")
    assert pin("002000000312345F") == "63C2"


def test_a_reloading_key_of_8_bytes_is_used_as_it_is(chip, crypto):
    chip.script("80D40100073AF0EF01331234", "80D401000D38F002FF330102030405060708")
    assert reload(chip, crypto, "2233", "0102030405060708") == "9000"
    chip.script("00200000022233")


def test_a_wrong_mac_of_reload_costs_a_try_of_its_key(pin, crypto):
    wrong = "00" * 16
    assert [reload(pin, crypto, "2233", wrong) for _ in range(2)] == ["9302"] * 2
    assert reload(pin, crypto, "2233") == "9000"
    assert [reload(pin, crypto, "2233", wrong) for _ in range(3)] == ["9302"] * 3
    assert reload(pin, crypto, "2233") == "6983"


def test_reloading_needs_its_key(chip, crypto):
    chip.script("80D40100073AF0EF01331234")
    assert reload(chip, crypto, "2233") == "9403"


@pytest.mark.parametrize("p2", ["00", "01"])
def test_the_pin_as_it_is_unblocks_it(pin, crypto, p2):
    for _ in range(3):
        pin("00200000021234")
    assert pin.secured(f"842400{p2}", crypto["encrypted"](MASTER, "12345F"), MASTER) == "9000"
    pin.script("002000000312345F")


def test_what_does_not_unblock_it(pin, crypto):
    for _ in range(3):
        pin("00200000021234")
    cipher = crypto["encrypted"](MASTER, "12345F")
    assert pin.secured("84240000", cipher, MASTER, wrong=True) == "6988"
    assert pin.secured("84240000", crypto["encrypted"](MASTER, "654321"), MASTER) == "6988"
    assert pin.secured("84240000", crypto["encrypted"]("11" * 16, "12345F"), MASTER) == "6988"
    assert pin("002000000312345F") == "6983"
