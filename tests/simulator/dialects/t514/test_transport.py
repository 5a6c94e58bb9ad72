"""Transport key, serial number and answer to reset of a chip that nothing is built on."""

import pytest

from cardlib.cos.t514 import T514Delete, delete
from simulator.memory.eeprom import Cut, CutMoment, Eeprom
from simulator.memory.system import LifeCycle

DELETE_MF = delete(T514Delete.MF, 0x3F00).to_bytes().hex()


def test_a_blank_chip_does_nothing_before_the_transport_key_was_shown(chip, commands):
    assert chip("00A4000000") == "6A82"
    assert chip(commands.MF) == chip("80E00500080000990000000001") == "6982"
    assert chip("001400000B3B6D000000814A44468660") == "6982"
    assert chip("80D4010018" + commands.master()) == "6982"
    assert chip(DELETE_MF) == "6982"
    assert chip("80E0020000") == "6982"
    assert chip.card.image.system.life_cycle is LifeCycle.BLANK


def test_the_right_transport_key_opens_a_chip_until_power_off(chip, commands):
    assert chip.transport() == "9000"
    chip.again()
    assert chip(commands.MF) == "6982"
    assert chip.transport() == "9000"
    assert chip(commands.MF) == "9000"


def test_the_cryptogram_is_over_the_serial_number(chip):
    assert chip.transport(serial="9900DEADBEEE") == "63C2"
    assert chip.transport() == "9000"


def test_wrong_transport_keys_are_counted_and_a_right_one_restores_the_counter(chip, commands):
    assert [chip.transport("00" * 16) for _ in range(2)] == ["63C2", "63C1"]
    chip.again()
    assert chip.transport() == "9000"
    assert [chip.transport("00" * 16) for _ in range(2)] == ["63C2", "63C1"]
    assert chip(commands.MF) == "6982", "a failure ends an earlier success"
    assert chip.transport("00" * 16) == "63C0"
    chip.again()
    assert chip.transport() == chip.transport("00" * 16) == "6983"


@pytest.mark.parametrize("moment", CutMoment)
@pytest.mark.parametrize("write", [1, 2, 3])
def test_a_tear_gives_no_free_try_of_the_transport_key(new_chip, blank, write, moment):
    logs: list[list[tuple[int, bytes]]] = [[], []]
    for log, key in zip(logs, ("00" * 16, "54" * 16), strict=True):
        whole = new_chip(Eeprom(blank.content, store=lambda at, part, log=log: log.append((at, part))))
        whole.transport(key)
    wrong, right = logs
    assert len(wrong) == 3, "all of them before the comparison"
    assert right[:3] == wrong
    chip = new_chip(Eeprom(blank.content))
    chip.card.eeprom.arm(Cut(write, moment))
    assert chip.transport("00" * 16) == ""
    chip.again()
    assert chip.card.image.system.transport_tries == (2 if (write, moment) == (3, CutMoment.AFTER) else 3)


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80E0030000", "6700"),
        ("80E0030007" + "00" * 7, "6700"),
        ("80E0030108" + "00" * 8, "6A86"),
        ("80E0040000", "6A86"),
        ("80E0000000", "6A86"),
    ],
)
def test_what_is_no_transport_authentication_costs_no_try(chip, command, sw):
    assert chip(command) == sw
    assert chip.transport("00" * 16) == "63C2"


def test_the_master_key_of_the_mf_hides_the_transport_key(chip, commands):
    assert chip.transport() == "9000"
    chip.script(commands.MF, commands.KEYS)
    assert chip.transport() == "9000", "the MF has no key yet"
    assert chip.load(commands.master(), p1=1) == "9000"
    assert chip.transport() == "6985"
    chip.again()
    assert chip.transport() == chip.transport("00" * 16) == "6985"
    assert chip(commands.file("EF05")) == "6982"


def test_after_the_deletion_of_the_mf_the_transport_key_is_alive_again(begun, commands):
    assert begun(DELETE_MF) == "9000"
    assert begun("00A4000000") == "6A82"
    assert begun.card.image.system.life_cycle is LifeCycle.BLANK
    begun.again()
    assert begun(commands.MF) == "6982"
    begun.mf()
    begun.script(commands.file("EF05"))


def test_a_new_mf_has_nothing_of_the_one_before(begun, commands):
    begun.script(commands.file("EF05"), DELETE_MF, commands.MF, commands.KEYS)
    assert begun("00A4020002EF05") == "6A82"
    assert begun.load(commands.master(commands.OTHER), p1=1) == "9000"
    assert begun(commands.file("EF05")) == "6982", "authentication with the old MK is none with the new"
    assert begun.authenticate() == "63C2"
    assert begun.authenticate(commands.OTHER) == "9000"
    begun.script(commands.file("EF05"))


def test_a_chip_is_given_its_serial_number_and_historical_bytes(chip):
    assert chip.transport() == "9000"
    chip.script("80E00500080000990000000123", "001400000B3B6D0000" + "00814A4C998660")
    assert chip.card.atr.hex().upper() == "3B6D0000" + "00814A4C998660" + "990000000123"
    chip.again()
    assert chip.transport() == "63C2"
    assert chip.transport(serial="990000000123") == "9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80E00500080001990000000123", "6A80"),
        ("80E005000700009900000001", "6700"),
        ("80E00501080000990000000123", "6A86"),
        ("001400000A3B6D000000814A4C9986", "6700"),
        ("001400000B3B6C000000814A4C998660", "6A80"),
        ("001400000B3F6D000000814A4C998660", "6A80"),
        ("001401000B3B6D000000814A4C998660", "6A86"),
    ],
)
def test_what_is_no_serial_number_or_answer_to_reset_changes_nothing(chip, command, sw):
    assert chip.transport() == "9000"
    atr = chip.card.atr
    assert chip(command) == sw
    assert chip.card.atr == atr
