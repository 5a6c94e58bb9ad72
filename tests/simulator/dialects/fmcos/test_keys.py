"""WRITE KEY: the five cases, adding and replacing, in clear and protected."""

import pytest

MASTER = "39FF39FF39FF39FF39FF39FF39013901"
OTHER = "39FF39FF39FF39FF39FF39FF39023902"
NEWEST = "39FF39FF39FF39FF39FF39FF39033903"
LINE = "36FF36FF36FF3601"
CASE_1 = ("30", "31", "32", "34", "3C", "3D", "3E", "3F")
K8, K16 = "0102030405060708", "0102030405060708090A0B0C0D0E0F10"


@pytest.mark.parametrize(
    ("record", "status"),
    [
        *(pytest.param(f"{kind}F0020001{K16}", "9000", id=f"{kind}, 16 bytes") for kind in CASE_1),
        *(pytest.param(f"{kind}F0020100{K8}", "9000", id=f"{kind}, 8 bytes") for kind in CASE_1),
        pytest.param(f"39F0024433{K8}", "9000", id="39, 8 bytes"),
        pytest.param(f"39F0024433{K16}", "9000", id="39, 16 bytes"),
        pytest.param(f"79F0024433{K16}", "9000", id="39, replaced with a MAC"),
        pytest.param(f"F9F0024433{K16}", "9000", id="39, replaced encrypted"),
        pytest.param(f"B9F0024433{K16}", "6A80", id="bit 8 alone"),
        pytest.param("3AF0EF01331234", "9000", id="PIN, 2 bytes"),
        pytest.param("3AF0EF01331234567890123456", "9000", id="PIN, 8 bytes"),
        pytest.param("3AF0EF013312", "6700", id="PIN, 1 byte"),
        pytest.param("3AF0EF0133123456789012345678", "6700", id="PIN, 9 bytes"),
        pytest.param(f"37F002FF33{K16}", "9000", id="37"),
        pytest.param(f"38F002FF33{K16}", "9000", id="38"),
        pytest.param(f"38F002FF33{K8}00", "6700", id="9 bytes"),
        pytest.param(f"33F0020001{K16}", "6A80", id="33, which the SSC layer has"),
        pytest.param(f"35F0020001{K16}", "6A80", id="35"),
        pytest.param(f"39F0024403{K16}", "6A80", id="counter without a maximum"),
        pytest.param(f"39F0024434{K16}", "6A80", id="counter above its maximum"),
        pytest.param("39F00244", "6700", id="no key"),
    ],
)
def test_which_keys_there_are(chip, record, status):
    assert chip(f"80D40105{len(record) // 2:02X}{record}") == status


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param(f"80D401FF1539F0024433{K16}", "6A86", id="id FF"),
        pytest.param(f"80D433001539F0024433{K16}", "6A88", id="no key to replace"),
        pytest.param(f"80D402001539F0024433{K16}", "6A86", id="P1"),
        pytest.param(f"80D401001539F0FAAA33{K16}", "6A86", id="there is one"),
        pytest.param(f"80D401010D36F0F0FF33{LINE}", "6A86", id="a second 36"),
        pytest.param("80D4010100", "6A80", id="nothing"),
    ],
)
def test_what_is_no_write_key(chip, command, status):
    assert chip(command) == status


def test_a_key_needs_a_key_file(blank):
    blank.mf()
    assert blank(f"80D401001539F0FAAA33{K16}") == "6A82"


def test_how_many_keys_a_key_file_holds(blank):
    blank.mf()
    blank.script("80E00000073F003801F0FFFF")  # 56 bytes: 24, 16 and 16
    blank.script(f"80D401001539F0FAAA33{K16}", f"80D401010D30F0F00001{K8}", f"80D401020D30F0F00001{K8}")
    assert blank("80D40100073AF0EF01331234") == "6A84"


def test_adding_keys_takes_the_key_files_right_once_the_directory_was_left(blank):
    blank.mf()
    blank.script("80E00000073F010001AAFFFF", f"80D401001539F0FAAA33{MASTER}")
    blank.reset()
    assert blank(f"80D401010D30F0F00001{K8}") == "6982"
    blank.authenticate(0, MASTER)
    blank.script(f"80D401010D30F0F00001{K8}")


def test_adding_with_a_mac_under_the_master_key(chip):
    record = f"34F0020001{K16}"
    assert chip.secured("84D40101", record, MASTER, wrong=True) == "9302"
    assert chip.secured("84D40101", record, LINE) == "9302"
    assert chip.secured("84D40101", record, MASTER) == "9000"
    assert chip(f"84D4010119{record}00000000") == "6984"
    assert chip("84D4010104" + "00" * 4) == "6700"


def test_a_new_key_is_never_loaded_encrypted(chip, crypto):
    cipher = crypto["encrypted"](MASTER, f"34F0020001{K16}")
    assert chip.secured("84D40101", cipher, MASTER) in {"6700", "6A80"}
    assert chip(f"80D40101{len(cipher) // 2:02X}{cipher}") in {"6700", "6A80"}


def test_a_mac_needs_a_master_key(blank):
    blank.mf()
    blank.script("80E00000073F010001F0FFFF")
    assert blank.secured("84D40101", f"34F0020001{K16}", MASTER) == "6A88"


def test_the_manuals_replacements_in_clear(chip):
    assert chip(f"80D439001539F0FAAA88{OTHER}") == "6982"
    assert chip("80D436000D36F0F0FF6636FF36FF36FF3602") == "9000"
    assert chip.authenticate(0, MASTER) == "9000"
    chip.script(f"80D439001539F0FAAA88{OTHER}")
    assert chip.authenticate(0, MASTER) == "63C7"
    assert chip.authenticate(0, OTHER) == "9000"


def test_the_manuals_replacement_encrypted_and_with_a_mac(chip):
    """Cipher and MAC were computed from the manual's rules and 11223344."""
    chip.authenticate(0, MASTER)
    chip.script(f"80D4390015F9F0FAAA88{OTHER}")
    assert chip(f"80D4390015F9F0FAAA88{NEWEST}") == "9302"
    assert chip("0084000004") == "112233449000"
    chip.script("84D439001CEEB940584356240FB529A46073C49A5D2A9665581FAC17A3ADC3BB5C")
    assert chip.authenticate(0, MASTER) == "63C7"
    assert chip.authenticate(0, NEWEST) == "9000"
    # Old and new key differ in parity only, so no cryptogram tells them apart.
    assert bytes.fromhex(NEWEST) in chip.card.image.content


def protected(chip, kind: str) -> None:
    """Key 34-05, which the master's holder may replace."""
    chip.script(f"80D4010515{kind}F0FA0001{K16}")
    chip.authenticate(0, MASTER)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        pytest.param("30", ["9000", "9000", "9000"], id="unprotected"),
        pytest.param("70", ["9302", "9000", "9000"], id="with a MAC"),
        pytest.param("F0", ["9302", "9302", "9000"], id="encrypted, with a MAC"),
    ],
)
def test_how_a_key_is_replaced(chip, crypto, kind, answers):
    record = f"{kind}F0FA0001{'11' * 16}"
    protected(chip, kind)
    cipher = crypto["encrypted"](MASTER, record)
    assert [
        chip(f"80D4300515{record}"),
        chip.secured("84D43005", record, MASTER),
        chip.secured("84D43005", cipher, MASTER),
    ] == answers
    expected = crypto["des"](b"\x11" * 16, bytes(8)).hex().upper()
    assert chip("0088000508" + "00" * 8) == expected + "9000"


def test_what_is_wrong_with_a_replacement(chip, crypto):
    protected(chip, "30")
    record = f"30F0FA0001{'11' * 16}"
    assert chip.secured("84D43005", record, MASTER, wrong=True) == "9302"
    assert chip.secured("84D43005", crypto["encrypted"](OTHER, record), MASTER) == "9302"
    assert chip("80D4300515" + f"31F0FA0001{'11' * 16}") == "6A80"
    assert chip("80D430050D" + f"30F0FA0001{'11' * 8}") == "6700"
    assert chip("80D4300615" + record) == "6A88"
    assert chip("84D4300519" + record + "00000000") == "6984"


def test_a_pin_is_not_replaced_by_write_key(chip):
    chip.script("80D40100073AF0EF01331234")
    assert chip("80D43A00073AF0EF01335678") == "6982"


def test_an_exhausted_key_of_external_authentication_stays_locked_for_ever(chip):
    chip.script(f"80D401011539F0F01133{K16}", f"80D401010D37F0F0FF30{K8}", f"80D401000D38F0F0FF30{K8}")
    for _ in range(3):
        chip.authenticate(1, "00" * 16)
    assert chip(f"80D439011539F0F01133{K16}") == "6983"
    assert chip(f"80D437010D37F0F0FF33{K8}") == "6983"
    assert chip(f"80D438000D38F0F0FF33{K8}") == "9000"
