"""The specification's worked examples to the byte; computed there twice, by implementations written apart."""

import pytest

from cardlib.crypto import Algorithm

CARD, CITY, PROVINCE = "8660650100000001", "3635303130307378", "3635303030307368"
RANDOM = "0011223344556677"
FACTORS = {3: CARD + CITY + PROVINCE, 2: CARD + CITY, 1: CARD}
SESSION = {Algorithm.DES: RANDOM, Algorithm.SM4: RANDOM + "00" * 8}
ORIGINAL = {Algorithm.DES: "0102030405060708", Algorithm.SM4: "0102030405060708" + "00" * 8}
AUTHENTICATION = {Algorithm.DES: "215380A05943AA8E", Algorithm.SM4: "446C45F2824F08529B0EECED4D51BA4E"}
DELIVERIES = {
    (Algorithm.DES, 3): f"BFDE672D20 {FACTORS[3]} {RANDOM}",
    (Algorithm.DES, 2): f"BFDE472A18 {FACTORS[2]} {RANDOM}",
    (Algorithm.DES, 1): f"BFDE272610 {FACTORS[1]} {RANDOM}",
    (Algorithm.SM4, 3): f"BFDE672D28 {FACTORS[3]} {RANDOM}{'00' * 8}",
    (Algorithm.SM4, 2): f"BFDE472A20 {FACTORS[2]} {RANDOM}{'00' * 8}",
    (Algorithm.SM4, 1): f"BFDE272618 {FACTORS[1]} {RANDOM}{'00' * 8}",
}
AMOUNTS = "000003E80000000000000000"


def with_length(header, data):
    data = data.replace(" ", "")
    return f"{header}{len(data) // 2:02X}{data}"


@pytest.mark.parametrize("level", [3, 2, 1])
def test_external_authentication_from_roots_of_every_level(make_psam, algorithm, level):
    psam = make_psam()
    psam.enter(algorithm)
    assert psam(DELIVERIES[algorithm, level]) == "9000"
    encrypt = with_length("80FA0000", ORIGINAL[algorithm])
    assert psam(encrypt) == AUTHENTICATION[algorithm] + "9000"
    assert psam(encrypt) == "6901"


def test_a_key_of_level_0_takes_no_factor(make_psam, algorithm):
    psam = make_psam()
    psam.enter(algorithm)
    assert psam(with_length("BFDE0790", SESSION[algorithm])) == "9000"
    assert psam(with_length("80FA0000", ORIGINAL[algorithm])).endswith("9000")


def test_mac_of_pin_unblocking(make_psam, algorithm):
    psam = make_psam()
    psam.enter(algorithm)
    assert psam(with_length("BFDE6609", FACTORS[3] + SESSION[algorithm])) == "9000"
    if algorithm is Algorithm.DES:
        assert psam("80FA050010 0000000000000000 8424000004800000") == "4074092F57607F239000"
    else:
        message = "84240000048000000000000000000000"
        assert psam("80FA050020" + "00" * 16 + message) == "5A10D0A7710EAEC40B37DE4C09FFC4149000"


@pytest.mark.parametrize("chained", [False, True], ids=["in one", "chained"])
def test_pin_reset_with_one_delivery(make_psam, algorithm, chained):
    psam = make_psam()
    psam.enter(algorithm)
    assert psam(with_length("BFDE6810", FACTORS[3] + SESSION[algorithm])) == "9000"
    if algorithm is Algorithm.DES:
        assert psam("80FA000008 0312345680000000") == "3037B886D197418E9000"
        mac = "E0A9546B21A2CA989000"
        whole = "80FA050018 0000000000000000 842400010C3037B886D197418E800000"
        parts = "80FA070010 0000000000000000 842400010C3037B8", "80FA010008 86D197418E800000"
    else:
        assert psam("80FA000010 03123456800000000000000000000000") == "D0E4107471AC3FC9BDBBD871267880129000"
        mac = "AF29162D928EDAD6A1E2D6B180C8EF999000"
        first, last = "8424000114D0E4107471AC3FC9BDBBD8", "71267880128000000000000000000000"
        whole = f"80FA050030 {'00' * 16} {first} {last}"
        parts = f"80FA070020 {'00' * 16} {first}", f"80FA010010 {last}"
    if chained:
        assert psam(parts[0]) == "9000"
        assert psam(parts[1]) == mac
    else:
        assert psam(whole) == mac


@pytest.mark.parametrize("level", [3, 2, 1])
def test_purchase_from_roots_of_every_level(make_psam, algorithm, level):
    version = 4 - level
    psam = make_psam()
    psam.enter(algorithm)
    code, mac1, mac2 = ("00", "B9452D7C", "CA349A8D") if algorithm is Algorithm.DES else ("03", "8B15863D", "49694902")
    data = f"A1B2C3D4 0001 {AMOUNTS} 32 20240102 030405 {version:02X} {code} {FACTORS[level]}"
    assert psam(with_length("80700100", data) + "08") == f"00000001{mac1}9000"
    assert psam(f"8072000004{mac2}") == "9000"
    assert psam("00B0990004") == "000000029000"
    assert psam(f"8072000004{mac2}") == "6901"


CREATE_AND_CHANGE = {
    Algorithm.DES: (
        "84D4001124 7681B0DB2C7EB25FAD7F9414997A6D2B1DA59435ECFAF252FF7D09C3614A3863 2A6E22B7",
        "84D401111C D67A4D41E8B64EE4761F66E471F466956F98B3F4ECEAD2B9 E24B335D",
    ),
    Algorithm.SM4: (
        "84D4001124 E21160DAA7149776FAAF2C914428F6989ECB6205C97512E89DCB85D582228AB3 021E9684",
        "84D4011124 21FE2F927546F79FD5E82EFD1028D5E902336E35592E0B799E70D4EF33A09EB7 91CF47C2",
    ),
}
KID = {
    Algorithm.DES: "0082000110 1473B29EBFECCFB2 0102030405060708",
    Algorithm.SM4: "0082000110 60788B353F864A57 0102030405060708",
}


def test_key_loading(make_psam, image_of, algorithm):
    psam = make_psam(image_of(empty=True))
    psam.enter(algorithm)
    create, change = CREATE_AND_CHANGE[algorithm]
    assert psam(DELIVERIES[algorithm, 3]) == "6A88"
    assert psam("0084000008") == "A0A1A2A3A4A5A6A79000"
    assert psam(KID[algorithm]) == "9000"
    assert psam("0084000004") == "112233449000"
    assert psam(create) == "9000"
    assert psam(DELIVERIES[algorithm, 3]) == "9000"
    assert psam(with_length("80FA0000", ORIGINAL[algorithm])) == AUTHENTICATION[algorithm] + "9000"
    psam("0084000004")
    assert psam(change) == "9000"
    assert psam(DELIVERIES[algorithm, 3]) == "9000"
    assert psam(with_length("80FA0000", ORIGINAL[algorithm])) == AUTHENTICATION[algorithm] + "9000"


def test_loading_of_an_8_byte_key(make_psam, image_of):
    psam = make_psam(image_of(empty=True))
    psam.enter(Algorithm.DES)
    psam("0084000008")
    psam(KID[Algorithm.DES])
    psam("0084000004")
    assert psam("84D400111C E0169C98B9060C05AD7F9414997A6D2B97BEDB6A2DC59102 5F46B3C2") == "9000"
    psam("0084000004")
    assert psam("84D4011114 B3856B401B67DDFAB4C3981931B7FB27 6027B786") == "9000"
    assert psam(f"BFDE260910 {CARD} {RANDOM}") == "9000"


@pytest.mark.parametrize(("algorithm", "mac"), [(Algorithm.DES, "42CD240F"), (Algorithm.SM4, "5FE1CFAA")])
def test_terminal_number_with_a_mac(make_psam, algorithm, mac):
    psam = make_psam()
    psam.enter(algorithm, application=False)
    psam("0084000004")
    assert psam(f"04D696000A 650100000001 {mac}") == "9000"
    assert psam("00B0960006") == "6501000000019000"
    psam("0084000004")
    assert psam(f"04D696000A 650100000002 {mac}") == "6988"
    assert psam(f"04D696000A 650100000001 {mac}") == "6984"
