"""CREATE KEY and CHANGE KEY: every status word [S2.9 §9.5, §9.6]."""

import pytest

from apdu.secret import Secret
from cardlib.cos.protection import encrypted_key, loading_mac, ssc_authentication
from cardlib.crypto import Algorithm

MASTER = bytes(range(0x40, 0x50))
KID = {number: bytes(range(0x10 * number, 0x10 * number + 16)) for number in (1, 2, 3)}
K = bytes(range(16)).hex()
CREATE, CHANGE = 0, 1


def authenticate(psam, number=1, algorithm=Algorithm.DES):
    psam("0084000008")
    challenge = bytes(range(0xA0, 0xA8))
    data = ssc_authentication(algorithm, Secret(KID[number]), challenge)
    assert psam(f"008200{number:02X}10" + data.hex()) == "9000"


def load(psam, p1, record, *, p2="11", key=MASTER, algorithm=Algorithm.DES, challenge="0084000004"):
    value = bytes.fromhex(psam(challenge)[:-4])
    wrapped = encrypted_key(algorithm, Secret(key), Secret(bytes.fromhex(record)))
    message = bytes.fromhex(f"84D4{p1:02X}{p2}{len(wrapped) + 4:02X}") + wrapped
    return psam((message + loading_mac(algorithm, Secret(key), value, message)).hex())


@pytest.mark.parametrize(
    ("record", "sw"),
    [
        ("672E000000000000" + K, "9000"),
        ("2709000000000000" + K, "9000"),
        ("6605000100000000" + K[:16], "9000"),
        ("0791000000000000" + K, "9000"),
        ("4C7A000000000000" + K, "9000"),
        ("672D000000000000" + K, "6A80"),
        ("277C000000000000" + K, "9000"),
        ("697C000000000000" + K, "6A80"),
        ("872E000000000000" + K, "6A80"),
        ("0205000000000000" + K, "6A80"),
        ("0E01000000000000" + K, "6A80"),
        ("0101000000000000" + K, "6A80"),
        ("672E000300000000" + K, "6A80"),
        ("672E000200000000" + K, "6A80"),
        ("672E000100000000" + K, "6A80"),
        ("672E000000000000" + K[:16], "6A80"),
        ("672E010000000000" + K, "6A80"),
        ("672E000000010000" + K, "6A80"),
    ],
)
def test_records_of_create_key(psam, record, sw):
    authenticate(psam)
    assert load(psam, CREATE, record) == sw


@pytest.mark.parametrize(
    ("record", "sw"),
    [
        ("672D00" + K, "9000"),
        ("672E00" + K, "6A88"),
        ("682D00" + K, "6A88"),
        ("660900" + K[:16], "9000"),
        ("660900" + K, "6A80"),
        ("672D00" + K[:16], "6A80"),
        ("672D01" + K, "6A80"),
    ],
)
def test_records_of_change_key(psam, record, sw):
    authenticate(psam)
    assert load(psam, CHANGE, record) == sw


def test_change_keeps_algorithm_and_levels(psam):
    authenticate(psam)
    assert load(psam, CHANGE, "072A00" + K) == "9000"
    assert psam("BFDE072A08" + "00" * 8) == "6A80"
    assert psam("BFDE472A18" + "00" * 24) == "9000"


@pytest.mark.parametrize("p2", ["11", "12", "13"])
def test_a_key_file_wants_its_own_kid(psam, p2):
    for number in (1, 2, 3):
        psam.enter(Algorithm.DES)
        authenticate(psam, number)
        right = f"1{number}" == p2
        record = f"67{0xA0 + number:02X}000000000000" + K
        assert load(psam, CREATE, record, p2=p2) == ("9000" if right else "6982")


def test_a_refusal_uses_the_challenge_up(psam):
    psam("0084000004")
    assert psam("84D4001124" + "00" * 36) == "6982"
    authenticate(psam)
    assert psam("84D4001124" + "00" * 36) == "6984"
    psam("0084000004")
    assert psam("84D4001124" + "00" * 36) == "6988"
    assert psam("84D4001124" + "00" * 36) == "6984"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("84D4021124" + "00" * 36, "6A86"),
        ("84D4000024" + "00" * 36, "6A86"),
        ("84D4001123" + "00" * 35, "6700"),
        ("84D4001114" + "00" * 20, "6700"),
        ("84D4011124" + "00" * 36, "6700"),
        ("84D4001424" + "00" * 36, "6A82"),
        ("84D4001924" + "00" * 36, "6A82"),
    ],
)
def test_what_key_loading_refuses_before_it_looks(psam, command, sw):
    authenticate(psam)
    psam("0084000004")
    assert psam(command) == sw


def test_a_wrong_form_under_a_right_mac_is_6988(psam):
    authenticate(psam)
    psam("0084000004")
    message = bytes.fromhex("84D4001124") + bytes(32)
    mac = loading_mac(Algorithm.DES, Secret(MASTER), bytes.fromhex("11223344"), message)
    assert psam((message + mac).hex()) == "6988"


def test_all_eight_bytes_of_a_challenge_begin_the_mac(psam):
    authenticate(psam)
    assert load(psam, CREATE, "672E000000000000" + K, challenge="0084000008") == "9000"


def test_a_file_takes_as_many_keys_as_it_has_room_for(psam):
    authenticate(psam, 3)
    answers = [load(psam, CREATE, f"27{number:02X}000000000000{K}", p2="13") for number in range(0xA0, 0xE0)]
    assert answers == ["9000"] * 63 + ["6A84"]


def test_a_blocked_master_key_loads_nothing(psam):
    for left in (2, 1, 0):
        psam("0084000008")
        assert psam("0082000010" + "00" * 16) == f"63C{left}"
    authenticate(psam)
    assert load(psam, CREATE, "672E000000000000" + K) == "6983"


def test_a_master_key_and_a_kid_are_replaced_under_the_old_master_key(make_psam, algorithm):
    psam = make_psam()
    psam.enter(algorithm)
    assert load(psam, CHANGE, "000000" + "77" * 16, p2="00", algorithm=algorithm) == "9000"
    assert load(psam, CHANGE, "000000" + "78" * 16, p2="00", algorithm=algorithm) == "6988"
    assert load(psam, CHANGE, "0E0100" + KID[2].hex(), p2="00", key=b"\x77" * 16, algorithm=algorithm) == "9000"
    psam("0084000008")
    data = ssc_authentication(algorithm, Secret(KID[2]), bytes(range(0xA0, 0xA8)))
    assert psam("0082000110" + data.hex()) == "9000"


def test_sm4_has_one_length(make_psam):
    psam = make_psam()
    psam.enter(Algorithm.SM4)
    authenticate(psam, algorithm=Algorithm.SM4)
    psam("0084000004")
    assert psam("84D400111C" + "00" * 28) == "6700"
    assert psam("84D401111C" + "00" * 28) == "6700"
    record = "672E000300000000" + K
    assert load(psam, CREATE, record, algorithm=Algorithm.SM4, challenge="0084000010") == "9000"
    assert load(psam, CREATE, "672F000000000000" + K, algorithm=Algorithm.SM4) == "6A80"
