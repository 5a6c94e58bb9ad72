"""READ, UPDATE and APPEND of files, in clear, with a MAC and encrypted."""

import pytest

from simulator.memory.eeprom import Cut

LINE = "36FF36FF36FF3601"
WRONG = "00" * 8


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param("00B0850008", "0011223344556677" + "9000", id="by SFI"),
        pytest.param("00B0850107", "112233445566779000", id="to the end"),
        pytest.param("00B0850702", "6C01", id="beyond the end"),
        pytest.param("00B0850801", "6B00", id="from behind the end"),
        pytest.param("00B0860001", "6A82", id="no such file"),
        pytest.param("00B0910001", "6981", id="a file with records"),
        pytest.param("00B09F0001", "6A86", id="SFI 1F"),
        pytest.param("04B0850004" + "00" * 4, "6900", id="with a MAC"),
    ],
)
def test_reading_bytes(make, command, answer):
    chip = make(t0=True)
    chip.mf()
    chip.script("80E0000507280008F0F0FFFF", "80E00011072C0008F0F0FFFF", "00D68500080011223344556677")
    assert chip(command) == answer


def test_bytes_never_written_come_with_a_warning(chip):
    chip.script("80E0000507280008F0F0FFFF")
    assert chip("00B0850004") == "000000006281"
    chip.script("00D68500021122")
    assert chip("00B0850002") == "11229000"
    assert chip("00B0850004") == "112200006281"


def test_without_a_current_file(chip):
    assert chip("00B0000001") == "6986"
    assert chip("00B2010400") == "6986"


def test_an_offset_of_15_bits_in_the_current_file(chip):
    chip.script("80E0010107280200F0F0FFFF", "00A40000020101", "00D6010102BEEF")
    assert chip("00B0010102") == "BEEF9000"
    assert chip("00B0020001") == "6B00"
    assert chip("00D6020001AA") == "6B00"
    assert chip("00D601FF02AABB") == "6B00"


def test_239_bytes_are_the_most(chip):
    chip.script("80E0000507280100F0F0FFFF", "00D68500EF" + "AA" * 239, "00D685EF11" + "BB" * 17)
    assert chip("00D68500F0" + "AA" * 240) == "6700"
    assert chip("00B08500F0") == "6700"
    assert chip("00B0850000") == "AA" * 239 + "9000"


def test_write_binary_and_write_record_are_other_names(chip):
    chip.script("80E0000507280008F0F0FFFF", "80E00006072A0202F0F0FFFF", "00D0850002CAFE", "00D2013402BEEF")
    assert chip("00B0850002") == "CAFE9000"
    assert chip("00B2013402") == "BEEF9000"


def test_records_of_one_length(chip):
    chip.script("80E00006072A0302F0F0FFFF", "00DC0134021111", "00E20034022222")
    chip.script("00A40000020006", "00DC0304023333")
    assert [chip(f"00B20{number}3402") for number in (1, 2, 3)] == ["11119000", "22229000", "33339000"]
    assert chip("00E20034024444") == "6A84"
    assert chip("00DC0134014F") == "6700"
    assert chip("00DC0534024444") == "6A83"
    assert chip("00DC1130024444") == "6A83"
    assert chip("00B2043402") == "6A83"
    assert chip("00B2113002") == "6A83"


def test_a_record_takes_the_right_to_read(chip):
    chip.script("80E00006072A0302EFF0FFFF", "00DC0134021111")
    assert chip("00B2013402") == "11119000"
    chip.reset()
    assert chip("00B2013402") == "6982"


def test_a_cyclic_file_has_the_newest_first(chip):
    chip.script("80E00007072E0202F0F0FFFF", "00E2003C021111", "00DC003B022222", "00E2003C023333")
    assert [chip(f"00B20{number}3C02") for number in (1, 2)] == ["33339000", "22229000"]
    assert chip("00DC013C024444") == "6A86"
    assert chip("00E2003C0144") == "6700"


def test_records_with_a_tag(chip):
    chip.script("80E00001072C0010F0F0FFFF", "00DC000A04AA021122", "00E2000C03BB0133")
    assert chip("00B2AA0804") == "AA0211229000"
    assert chip("00B2020C03") == "BB01339000"
    chip.script("00DCAA0804CC023344")
    assert chip("00B2010C04") == "CC0233449000"
    assert chip("00B2AA0804") == "6A83"
    assert chip("00DCCC0803CC0133") == "6700"
    assert chip("00DC030C03AA0244") == "6A80"
    assert chip("00DCDD0803DD0144") == "6A83"
    assert chip("00E2000C0ADD08" + "00" * 8) == "6A84"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("00B2000C00", "6A86", id="number 0"),
        pytest.param("00B2FF0C00", "6A86", id="number FF"),
        pytest.param("00B2010D00", "6A86", id="mode 5"),
        pytest.param("00B201FC00", "6A86", id="SFI 1F"),
        pytest.param("00DC010D0100", "6A86", id="update, mode 5"),
        pytest.param("00E2010C0100", "6A86", id="append with a number"),
        pytest.param("00E200080100", "6A86", id="append with a tag"),
        pytest.param("00B2012C00", "6981", id="a file without records"),
        pytest.param("00E2002C0100", "6981", id="append to it"),
        pytest.param("00E2000C00", "6700", id="append nothing"),
        pytest.param("00D6850000", "6700", id="write nothing"),
        pytest.param("04DC010C05AA00000000", "6900", id="a MAC that nobody asked for"),
    ],
)
def test_what_is_refused(chip, command, status):
    chip.script("80E00001072C0010F0F0FFFF", "80E0000507280010F0F0FFFF")
    assert chip(command) == status


def test_the_mac_of_an_update_is_the_computed_one(chip):
    """Computed from the manual's rules, key 36FF36FF36FF3601 and 11223344."""
    chip.script("80E0000507A80008F0F0FFFF")
    chip.reset()
    chip("0084000004")
    chip.script("04D68501061122003E9531")
    assert chip("00B0850103") == "1122006281"


def test_an_update_that_has_to_come_with_a_mac(chip):
    chip.script("80E0000507A80008F0F0FFFF", "00D6850001AA")  # free: in clear
    chip.reset()
    assert chip("00D6850001BB") == "6987"
    assert chip("04D6850001BB") == "6987"
    assert chip("04D6850005BB00000000") == "6984"
    assert chip.secured("04D68500", "BB", LINE, wrong=True) == "6988"
    assert chip("00B0850001") == "AA9000"
    assert chip.secured("04D68500", "BB", LINE) == "9000"
    assert chip("00B0850001") == "BB9000"
    assert chip.secured("04D68500", "", LINE) == "6700"


def test_an_update_that_has_to_come_encrypted(chip, crypto):
    chip.script("80E0000507E80008F0F0FFFF")
    chip.reset()
    assert chip.secured("04D68500", "01020304050607", LINE) == "6988"
    assert chip.secured("04D68500", crypto["encrypted"](LINE, "01020304050607"), LINE) == "9000"
    assert chip("00B0850007") == "010203040506079000"


@pytest.mark.parametrize("kind", ["AA", "AE", "AC"])
def test_records_with_a_mac(chip, kind):
    chip.script(f"80E0000107{kind}0304F0F0FFFF")
    chip.reset()
    assert chip("00E2000C04AA021122") == "6987"
    assert chip.secured("04E2000C", "AA021122", LINE) == "9000"
    assert chip("00B2010C04") == "AA0211229000"
    if kind != "AE":
        assert chip.secured("04DC010C", "BB021122", LINE) == "9000"
        assert chip("00B2010C04") == "BB0211229000"


def test_an_encrypted_record(chip, crypto):
    chip.script("80E0000107EA030CF0F0FFFF")
    chip.reset()
    record = "0102030405060708090A0B0C"
    assert chip.secured("04DC010C", crypto["encrypted"](LINE, record), LINE) == "9000"
    assert chip("00B2010C0C") == record + "9000"


def test_wrong_macs_cost_tries_of_their_key(chip, again):
    chip.script("80E0000607A80008F0F0FFFF")
    chip.reset()
    assert [chip.secured("04D68600", "BB", LINE, wrong=True) for _ in range(2)] == ["6988"] * 2
    assert chip.secured("04D68600", "BB", LINE) == "9000"
    assert [chip.secured("04D68600", "BB", LINE, wrong=True) for _ in range(3)] == ["6988"] * 3
    assert chip.secured("04D68600", "BB", LINE) == "6983"
    assert again(chip).secured("04D68600", "BB", LINE) == "6983"


def test_which_key_makes_the_mac(blank):
    """The last two bits name it inverted."""
    blank.mf()
    blank.script("80E00000073F010001F0FFFF", f"80D401020D36F0F0FF33{LINE}")
    blank.script("80E0000507A80008F0F0FFFD", "80E0000607A80008F0F0FFFF")
    blank.reset()
    assert blank.secured("04D68500", "BB", LINE) == "9000"
    assert blank.secured("04D68600", "BB", LINE) == "6A88"


def test_a_file_that_is_read_with_a_mac(chip, crypto):
    chip.script("80E0000507A80008F0F0FF7F", "80E00001072A0204F0F0FF7F")
    chip.script("00D68500080011223344556677", "00DC010C0401020304")
    assert chip("00B0850008") == "6900"
    assert chip("04B0850001AA") == "6987"
    assert chip.secured("04B08500", "", LINE, wrong=True) == "6988"
    mac = crypto["retail_mac"](bytes.fromhex(LINE), bytes.fromhex("11223344"), bytes.fromhex("0011223344556677"))
    assert chip.secured("04B08500", "", LINE) == "0011223344556677" + mac.hex().upper() + "9000"
    mac = crypto["retail_mac"](bytes.fromhex(LINE), bytes.fromhex("11223344"), bytes.fromhex("01020304"))
    assert chip.secured("04B2010C", "", LINE) == "01020304" + mac.hex().upper() + "9000"


def test_a_file_that_is_read_encrypted(chip, crypto):
    chip.script("80E0000507E80006F0F0FF7F", "00D6850006112233445566")
    cipher = crypto["encrypted"](LINE, "112233445566")
    mac = crypto["retail_mac"](bytes.fromhex(LINE), bytes.fromhex("11223344"), bytes.fromhex(cipher))
    assert chip.secured("04B08500", "", LINE) == cipher + mac.hex().upper() + "9000"


def test_power_that_fails_while_a_record_is_written_leaves_the_old_one(chip):
    chip.script("80E00006072A0320F0F0FFFF", "00DC013420" + "11" * 32)
    before = chip.card.image.content
    for write in range(1, 20):
        chip.card.eeprom.arm(Cut(write))
        if chip("00DC013420" + "22" * 32):
            break
        assert chip.card.power_on()
        assert chip("00B2013420") == "11" * 32 + "9000", write
    else:
        pytest.fail("the command never came through")
    assert chip("00B2013420") == "22" * 32 + "9000"
    assert chip.card.image.content != before
