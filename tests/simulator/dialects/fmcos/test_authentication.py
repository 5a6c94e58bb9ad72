"""GET CHALLENGE, EXTERNAL and INTERNAL AUTHENTICATE with the manual's examples."""

import pytest

MASTER = "39FF39FF39FF39FF39FF39FF39013901"
DATA_KEY = "1122334455667788"


def test_the_manuals_external_authentication(make):
    chip = make("BB83BFF300000000")
    chip.mf()
    chip.script("80E00000073F005001F0FFFF", "80D401010D39F0EF11330102030405060708", "80E000050728000111F0FFFF")
    chip.script("00D6850001AA")
    chip.reset()
    assert chip("0084000004") == "BB83BFF39000"
    chip.script("008200010874B0047DD681D96C")
    assert chip("00B0850001") == "AA9000"


def test_external_authentication_with_3des(chip):
    """The cryptogram was computed from the manual's rules and 11223344."""
    assert chip("0084000004") == "112233449000"
    chip.script("00820000081DF4FE1331C256FE")


def test_a_challenge_of_8_bytes(chip):
    assert chip("0084000008") == "11223344556677889000"
    assert chip.authenticate(0, MASTER, 8) == "9000"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("0084000010", "6700", id="16 bytes"),
        pytest.param("0084000000", "6700", id="256 bytes"),
        pytest.param("0084010004", "6A86", id="P1"),
        pytest.param("0082010008" + "00" * 8, "6A86", id="P1 of the authentication"),
        pytest.param("008200000C" + "00" * 12, "6700", id="12 bytes"),
        pytest.param("0082000110" + "00" * 16, "6700", id="16 bytes, the SSC layer's"),
        pytest.param("0082000508" + "00" * 8, "6A88", id="no such key"),
        pytest.param("0082000008" + "00" * 8, "6984", id="no challenge"),
    ],
)
def test_what_is_refused(chip, command, status):
    assert chip(command) == status


def test_without_a_key_file(blank):
    blank.mf()
    assert blank("0082000008" + "00" * 8) == "6A82"
    assert blank("0088000008" + "00" * 8) == "6A82"
    assert blank("002000000212FF") == "6A82"


def test_a_challenge_is_good_for_one_try(chip):
    assert chip.authenticate(0, MASTER) == "9000"
    assert chip("00820000081DF4FE1331C256FE") == "6984"
    assert chip.authenticate(0, "00" * 16) == "63C2"
    assert chip("00820000081DF4FE1331C256FE") == "6984"


def test_failures_are_counted_and_a_success_forgets_them(chip, again):
    assert chip.authenticate(0, "00" * 16) == "63C2"
    assert chip.authenticate(0, "00" * 16) == "63C1"
    assert chip.authenticate(0, MASTER) == "9000"
    assert [chip.authenticate(0, "00" * 16) for _ in range(3)] == ["63C2", "63C1", "63C0"]
    assert chip.authenticate(0, MASTER) == "6983"
    assert again(chip).authenticate(0, MASTER) == "6983"


def test_a_failure_leaves_the_security_state_as_it_is(chip):
    chip.script("80E0000507280001AAF0FFFF", "00D6850001AA")
    chip.reset()
    assert chip.authenticate(0, MASTER) == "9000"
    assert chip.authenticate(0, "00" * 16) == "63C2"
    assert chip("00B0850001") == "AA9000"


def test_the_low_nibble_of_the_counter_is_what_is_left(chip):
    chip.script(f"80D401021539F0EF1182{MASTER}")
    assert chip.authenticate(2, "00" * 16) == "63C1"
    assert chip.authenticate(2, MASTER) == "9000"
    assert chip.authenticate(2, "00" * 16) == "63C7"


def test_the_right_to_use_a_key(chip):
    chip.script(f"80D401021539AAEF1133{MASTER}", f"80D4010315309AEF0501{MASTER}")
    assert chip.authenticate(2, MASTER) == "6982"
    assert chip("0088000308" + "00" * 8) == "6982"
    assert chip.authenticate(0, MASTER) == "9000"
    assert chip.authenticate(2, MASTER) == "9000"


def ciphers(chip) -> None:
    chip.script(
        f"80D401010D30F0EF0598{DATA_KEY}",
        f"80D401020D31F0EF0598{DATA_KEY}",
        f"80D401030D32F0EF0598{DATA_KEY}",
    )


def test_the_manuals_internal_authentications(chip):
    ciphers(chip)
    assert chip("00880001080102030405060708") == "178F59F8578E0D3F9000"
    assert chip("0088010208178F59F8578E0D3F") == "01020304050607089000"
    assert chip("00880203080102030405060708") == "A82A8CEB9000"


def test_internal_authentication_fills_up_what_it_encrypts(chip, crypto):
    ciphers(chip)
    expected = crypto["des"](bytes.fromhex(DATA_KEY), bytes.fromhex("11223344556677889980000000000000"))
    assert chip("0088000109112233445566778899") == expected.hex().upper() + "9000"


def test_a_mac_of_internal_authentication_with_16_bytes(chip, crypto):
    chip.script(f"80D401041532F0EF0500{MASTER}")
    expected = crypto["retail_mac"](bytes.fromhex(MASTER), bytes(8), bytes(range(20)))
    assert chip(f"0088020414{bytes(range(20)).hex()}") == expected.hex().upper() + "9000"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("0088030108" + "00" * 8, "6A86", id="P1"),
        pytest.param("0088000000", "6700", id="nothing"),
        pytest.param("0088010207" + "00" * 7, "6700", id="no whole blocks to decrypt"),
        pytest.param("0088000208" + "00" * 8, "6A88", id="a key that decrypts does not encrypt"),
        pytest.param("0088020108" + "00" * 8, "6A88", id="a key that encrypts makes no MAC"),
        pytest.param("0088000008" + "00" * 8, "6A88", id="nor does the key of EXTERNAL AUTHENTICATE"),
        pytest.param("00880001F0" + "00" * 240, "6700", id="240 bytes"),
        pytest.param("00880001EF" + "00" * 239, "6700", id="239 bytes, 240 to answer"),
    ],
)
def test_what_internal_authentication_refuses(chip, command, status):
    ciphers(chip)
    assert chip(command) == status


def test_an_answer_waits_for_get_response(make):
    chip = make(t0=True)
    chip.mf()
    chip.script("80E00000073F005001F0FFFF", f"80D401010D30F0EF0598{DATA_KEY}")
    assert chip("00880001080102030405060708") == "6108"
    assert chip("00C0000008") == "178F59F8578E0D3F9000"
