"""DELIVERY SESSION KEY and CIPHER DATA: status words, modes, and the life of the temporary key [S2.9 §9.7, §9.8]."""

import pytest

from cardlib.crypto import Algorithm

BLOCK = "0102030405060708"
FACTORS = "866065010000000136353031303073783635303030307368"
RANDOM = "0011223344556677"
ENCRYPTING = f"BFDE672D20{FACTORS}{RANDOM}"
AUTHENTICATING = f"BFDE660920{FACTORS}{RANDOM}"
BOTH = f"BFDE681020{FACTORS}{RANDOM}"
ENCRYPT, ENCRYPT_MORE = f"80FA000008{BLOCK}", f"80FA020008{BLOCK}"
MAC, FIRST = f"80FA050010{'00' * 8}{BLOCK}", f"80FA070010{'00' * 8}{BLOCK}"
NEXT, LAST = f"80FA030008{BLOCK}", f"80FA010008{BLOCK}"


def outcomes(psam, *commands):
    return [psam(command)[-4:] for command in commands]


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (f"BFDE672D18{FACTORS}", "6A80"),
        (f"BFDE472D20{FACTORS}{RANDOM}", "6A80"),
        (f"BFDE472D18{FACTORS}", "6A80"),
        (f"BFDE671F20{FACTORS}{RANDOM}", "6A88"),
        (f"BFDE682D20{FACTORS}{RANDOM}", "6A88"),
        (f"BFDE6E0120{FACTORS}{RANDOM}", "6A88"),
        (f"BFDE620120{FACTORS}{RANDOM}", "6985"),
        (f"BFDE697C20{FACTORS}{RANDOM}", "6985"),
        (f"BFDE6C7B20{FACTORS}{RANDOM}", "6985"),
        (f"BFDE672D1F{FACTORS}{RANDOM[2:]}", "6700"),
        (f"BFDE672D28{FACTORS}{RANDOM}{RANDOM}", "6700"),
        ("BFDE672D", "6700"),
    ],
)
def test_what_delivery_refuses_leaves_no_key(psam, command, sw):
    assert psam(ENCRYPTING) == "9000"
    assert psam(command) == sw
    assert psam(ENCRYPT) == "6901"


def test_delivery_needs_the_application(make_psam):
    assert make_psam()(ENCRYPTING) == "6985"


@pytest.mark.parametrize(
    ("deliver", "command", "sw"),
    [
        (ENCRYPTING, f"80FA040008{BLOCK}", "6A86"),
        (ENCRYPTING, f"80FA000108{BLOCK}", "6A86"),
        (ENCRYPTING, "80FA000007" + "00" * 7, "6700"),
        (ENCRYPTING, "80FA000048" + "00" * 72, "6700"),
        (ENCRYPTING, "80FA0000", "6700"),
        (AUTHENTICATING, f"80FA050008{BLOCK}", "6700"),
        (ENCRYPTING, MAC, "6985"),
        (ENCRYPTING, FIRST, "6985"),
        (AUTHENTICATING, ENCRYPT, "6985"),
        (AUTHENTICATING, ENCRYPT_MORE, "6985"),
        (AUTHENTICATING, NEXT, "6985"),
        (AUTHENTICATING, LAST, "6985"),
    ],
)
def test_what_cipher_data_refuses(psam, deliver, command, sw):
    psam(deliver)
    assert psam(command) == sw


@pytest.mark.parametrize("command", [ENCRYPT, ENCRYPT_MORE, MAC, FIRST, NEXT, LAST])
def test_without_a_key_every_mode_is_6901(psam, command):
    assert psam(command) == "6901"


def test_the_longest_data_of_each_cipher(make_psam, algorithm):
    psam = make_psam()
    psam.enter(algorithm)
    size, tail = (0x40, RANDOM) if algorithm is Algorithm.DES else (0x80, RANDOM + "00" * 8)
    psam(f"BFDE68{'1020' if algorithm is Algorithm.DES else '1028'}{FACTORS}{tail}")
    assert len(psam(f"80FA0000{size:02X}" + "00" * size)) == 2 * size + 4
    assert len(psam(f"80FA0500{size:02X}" + "00" * size)) == size // 4 + 4


def test_encryption_is_finished_once_and_goes_on_before(psam):
    psam(ENCRYPTING)
    assert outcomes(psam, ENCRYPT_MORE, ENCRYPT_MORE, ENCRYPT) == ["9000"] * 3
    assert outcomes(psam, ENCRYPT, ENCRYPT_MORE) == ["6901"] * 2


def test_parts_of_encryption_are_encrypted_as_the_whole(psam):
    psam(ENCRYPTING)
    whole = psam(f"80FA000010{BLOCK}{RANDOM}")
    psam(ENCRYPTING)
    assert psam(ENCRYPT_MORE)[:-4] + psam(f"80FA000008{RANDOM}") == whole


def test_a_mac_is_finished_once(psam):
    psam(AUTHENTICATING)
    assert outcomes(psam, MAC, MAC, FIRST, NEXT, LAST) == ["9000", "6901", "6901", "6901", "6901"]
    psam(AUTHENTICATING)
    assert outcomes(psam, FIRST, NEXT, NEXT, LAST, LAST) == ["9000", "9000", "9000", "9000", "6901"]


def test_an_open_chain_refuses_05_and_starts_afresh_with_07(psam):
    psam(AUTHENTICATING)
    assert outcomes(psam, FIRST, NEXT, MAC) == ["9000", "9000", "6985"]
    assert outcomes(psam, FIRST) == ["9000"]
    chained = psam(LAST)
    psam(AUTHENTICATING)
    assert psam(f"80FA050018{'00' * 8}{BLOCK}{BLOCK}") == chained


def test_a_key_of_type_8_does_one_of_each(psam):
    psam(BOTH)
    assert outcomes(psam, MAC, ENCRYPT, MAC, ENCRYPT) == ["9000", "9000", "6901", "6901"]
    psam(BOTH)
    assert outcomes(psam, FIRST, ENCRYPT, LAST, ENCRYPT) == ["9000", "9000", "9000", "6901"]


@pytest.mark.parametrize("command", ["0084000008", "00B0990004", "00A40000020019", "00A40000029999", "80FB0000"])
def test_what_the_temporary_key_outlives(psam, command):
    psam(BOTH)
    psam(FIRST)
    psam(command)
    assert outcomes(psam, ENCRYPT, LAST) == ["9000", "9000"]


@pytest.mark.parametrize(
    "command",
    [
        "00A4000002DF01",
        "00A4040006D15600000590",
        "BFEC00000165",
        "BFDE681F20" + "00" * 32,
        "80700100",
        "8070010034" + "00" * 52,
    ],
)
def test_what_the_temporary_key_does_not_outlive(psam, command):
    psam(BOTH)
    psam(command)
    psam("00A4000002DF01") if command.startswith("BFEC") else None
    assert outcomes(psam, ENCRYPT, MAC) == ["6901", "6901"]


def test_a_reset_loses_the_temporary_key(psam):
    psam(BOTH)
    psam.card.reset()
    psam("00A4000002DF01")
    assert psam(ENCRYPT) == "6901"


def test_a_challenge_does_not_outlive_the_selection_of_a_directory(psam):
    psam("0084000008")
    psam("00A40000020019")
    assert psam("0082000110" + "00" * 16) == "63C2"
    psam("0084000008")
    psam("00A4000002DF01")
    assert psam("0082000110" + "00" * 16) == "6984"


def test_answers_wait_for_get_response(make_psam):
    psam = make_psam(t0=True)
    psam("00A4000002DF01")
    psam(ENCRYPTING)
    assert psam(ENCRYPT) == "6108"
    assert psam("00C0000008") == "215380A05943AA8E9000"
