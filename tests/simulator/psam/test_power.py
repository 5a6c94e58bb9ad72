"""Power lost at every page write and between all commands: no trade number twice, no key half loaded."""

import pytest

from apdu.secret import Secret
from cardlib.cos.protection import encrypted_key, loading_mac
from cardlib.crypto import Algorithm
from simulator.card import SoftwareCard
from simulator.memory.eeprom import Cut, CutMoment, Eeprom
from simulator.psam.quirks import PsamQuirks

INITIALISE = (
    "8070010034A1B2C3D40001000003E8000000000000000032202401020304050100866065010000000136353031303073783635303030307368"
)
DELIVERY = "BFDE672D20" + "8660650100000001" + "3635303130307378" + "3635303030307368" + "0011223344556677"
ENCRYPT = "80FA0000080102030405060708"
CREATE = "84D40011247681B0DB2C7EB25FAD7F9414997A6D2B1DA59435ECFAF252FF7D09C3614A38632A6E22B7"
MOMENTS = list(CutMoment)
MANY = 50
"""More page writes than any command makes."""


def writes_of(make_psam, image, *commands):
    """Page writes that the last of these commands makes."""
    psam = make_psam(image)
    psam.enter(Algorithm.DES)
    for command in commands[:-1]:
        psam(command)
    before = psam.card.eeprom.writes
    assert psam(commands[-1]).endswith("9000")
    return psam.card.eeprom.writes - before


@pytest.mark.parametrize("first", [1, 0xFF, 0xFFFF, 0xFFFFFFFD, 0xFFFFFFFE])
@pytest.mark.parametrize("sloppy", [False, True])
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_trade_number_occurs_twice_however_80_70_is_cut(make_psam, image_of, moment, sloppy, first):
    for write in range(1, MANY):
        psam = make_psam(image_of(trade_number=first), quirks=PsamQuirks(sloppy=sloppy))
        psam.enter(Algorithm.DES)
        answers = [psam(INITIALISE)]
        psam.card.eeprom.arm(Cut(write, moment))
        answers.append(psam(INITIALISE))
        psam.card.eeprom.arm(None)
        psam.card.power_on()
        psam("00A4000002DF01")
        assert psam("8072000004CA349A8D") == "6901"
        answers += [psam(INITIALISE), psam(INITIALISE)]
        numbers = [int(answer[:8], 16) for answer in answers if answer.endswith("9000")]
        assert numbers == sorted(set(numbers))
        assert numbers[0] == first
        assert set(answers[2:]) <= {"6985"} or numbers[-1] <= first + 3
        if answers[1]:
            break
    assert 2 < write < MANY - 1


@pytest.mark.parametrize("at", range(5))
def test_power_lost_between_the_commands_of_a_purchase(make_psam, at):
    commands = ("00B0960006", "00A4000002DF01", "00B09C000A", INITIALISE, "8072000004CA349A8D")
    psam = make_psam()
    answers = [psam(command) for command in commands[: at + 1]]
    psam.card.power_off()
    psam.card.power_on()
    psam("00A4000002DF01")
    assert psam("8072000004CA349A8D") == "6901"
    used = [answer[:8] for answer in answers[3:4]]
    assert psam(INITIALISE)[:8] == ("00000002" if used else "00000001")


def test_a_cut_while_the_cut_is_undone(make_psam, image_of):
    image = image_of()
    count = writes_of(make_psam, image, INITIALISE)
    for write in range(1, count + 1):
        for second in (1, 2, 3):
            psam = make_psam(image)
            psam.enter(Algorithm.DES)
            psam.card.eeprom.arm(Cut(write))
            assert psam(INITIALISE) == ""
            psam.card.eeprom.arm(Cut(second))
            psam.card.power_on()
            psam.card.eeprom.arm(None)
            psam.card.power_on()
            psam("00A4000002DF01")
            assert psam("00B0990004") in {"000000019000", "000000029000"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_key_is_loaded_whole_or_not_at_all(make_psam, image_of, moment):
    image = image_of(empty=True)
    kid = ("0084000008", "00820001101473B29EBFECCFB20102030405060708", "0084000004")
    count = writes_of(make_psam, image, *kid, CREATE)
    seen = set()
    for write in range(1, count + 1):
        psam = make_psam(image)
        psam.enter(Algorithm.DES)
        for command in kid:
            psam(command)
        psam.card.eeprom.arm(Cut(write, moment))
        assert psam(CREATE) == ""
        psam.card.power_on()
        psam("00A4000002DF01")
        answer = psam(DELIVERY)
        seen.add(answer)
        assert answer in {"9000", "6A88"}
        if answer == "9000":
            assert psam(ENCRYPT) == "215380A05943AA8E9000"
        else:
            for command in kid:
                psam(command)
            assert psam(CREATE) == "9000"
            psam(DELIVERY)
            assert psam(ENCRYPT) == "215380A05943AA8E9000"
    assert "6A88" in seen


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_changed_key_is_the_old_or_the_new_one(make_psam, image_of, moment):
    change = "84D401111CD67A4D41E8B64EE4761F66E471F466956F98B3F4ECEAD2B9E24B335D"
    kid = ("0084000008", "00820001101473B29EBFECCFB20102030405060708", "0084000004")
    memory = make_psam(image_of())
    memory.enter(Algorithm.DES)
    key = changed_to(memory, kid, "FF" * 16)
    old = other_answer(memory)
    count = writes_of(make_psam, key, *kid, change)
    for write in range(1, count + 1):
        psam = make_psam(key)
        psam.enter(Algorithm.DES)
        for command in kid:
            psam(command)
        psam.card.eeprom.arm(Cut(write, moment))
        assert psam(change) == ""
        psam.card.power_on()
        psam("00A4000002DF01")
        assert other_answer(psam) in {old, "215380A05943AA8E9000"}


def other_answer(psam):
    assert psam(DELIVERY) == "9000"
    return psam(ENCRYPT)


def changed_to(psam, kid, value):
    """The image after (7, 2D) got another value."""
    for command in kid:
        psam(command)
    master = Secret(bytes(range(0x40, 0x50)))
    wrapped = encrypted_key(Algorithm.DES, master, Secret(bytes.fromhex("672D00" + value)))
    message = bytes.fromhex("84D40111") + bytes((len(wrapped) + 4,)) + wrapped
    mac = loading_mac(Algorithm.DES, master, bytes.fromhex("11223344"), message)
    assert psam((message + mac).hex()) == "9000"
    return psam.card.image


def test_a_try_cut_off_is_a_try_spent(make_psam, image_of):
    psam = make_psam(image_of())
    psam.enter(Algorithm.DES)
    psam("0084000008")
    before = psam.card.eeprom.writes
    assert psam("0082000110" + "00" * 16) == "63C2"
    count = psam.card.eeprom.writes - before
    memory = Eeprom(image_of().content)
    for left in range(3):
        card = SoftwareCard(memory, t0=False)
        card.power_on()
        card.process(bytes.fromhex("00A4000002DF01"))
        card.process(bytes.fromhex("0084000008"))
        memory.arm(Cut(count, CutMoment.AFTER))
        assert card.process(bytes.fromhex("0082000110" + "00" * 16)) == b"", left
    card.power_on()
    card.process(bytes.fromhex("00A4000002DF01"))
    card.process(bytes.fromhex("0084000008"))
    assert card.process(bytes.fromhex("0082000110" + "00" * 16)).hex() == "6983"
