"""Building cards on chips that take everything, and on chips that refuse."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from apdu.command import CommandAPDU
from apdu.errors import MalformedError, MuteCardError
from apdu.secret import Secret
from cardlib.cos.encoder import Encoder
from cardlib.cos.fmcos import Fmcos
from cardlib.cos.plan import CardParameters, Plan, PlanError, plan_card
from cardlib.cos.protection import loading_mac
from cardlib.cos.t514 import T514
from cardlib.crypto import SM4, TRIPLE_DES, Algorithm, CipherSuite
from cardlib.development_keys import load
from cardlib.errors import KeyUnavailableError
from cardlib.issuance.order import records_of
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.model import Structure
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from simulator.making.maker import TEMPORARY_KEY, MakingError, make
from simulator.people import INITIAL_PIN, READY

FACTORY = bytes.fromhex("00814E43200000990000000001")
HISTORICAL = READY["2.0"].historical_bytes(2000)
ROOTS = load()
MAC_SIZE = 4

Rule = Callable[[CommandAPDU], bytes | None]


class FakeChip:
    """Writes down what it is told, and answers 9000 unless ``rule`` knows better; a SELECT has an FCI waiting."""

    def __init__(self, historical: bytes = FACTORY, rule: Rule = lambda _: None) -> None:
        self.atr = bytes.fromhex("3B6D0000") + historical if historical else b""
        self.rule = rule
        self.commands: list[CommandAPDU] = []
        self.challenges: list[bytes] = []
        self.powered = False

    def power_on(self) -> bytes:
        self.powered = True
        return self.atr

    def reset(self) -> bytes:
        return self.atr

    def power_off(self) -> None:
        self.powered = False

    def process(self, raw: bytes) -> bytes:
        command = CommandAPDU.from_bytes(raw)
        answer = self.rule(command)
        if answer is not None:
            return answer
        self.commands.append(command)
        if command.ins == 0x84:
            assert command.ne is not None
            self.challenges.append(bytes([len(self.challenges) % 256]) * command.ne)
            return self.challenges[-1] + b"\x90\x00"
        return b"\x61\x17" if command.ins == 0xA4 and command.p1 == 4 else b"\x90\x00"


def planned(ready: str, historical: bytes = HISTORICAL, **files: Sequence[bytes]) -> tuple[Plan, dict]:
    card = READY[ready]
    records = {**records_of(card.profile, card.contents(2000)), **files}
    parameters = CardParameters(algorithm=card.algorithm, historical_bytes=historical)
    return plan_card(card.profile, parameters, ROOTS, records), records


def key_values(plan: Plan) -> dict[KeyReference, Secret]:
    card = CardFactors(plan.algorithm, "990000", plan.historical_bytes[5:])
    return {reference: card.card_key(reference, ROOTS[reference]) for reference in plan.references}


def build(ready: str, dialect: Encoder, chip: FakeChip, historical: bytes = HISTORICAL) -> tuple[Plan, dict]:
    plan, records = planned(ready, historical)
    transport = Secret(b"\xff" * (8 if dialect.name == "fmcos" else 16))
    make(chip, plan, records, key_values(plan), INITIAL_PIN, transport, dialect)
    return plan, records


@pytest.fixture(scope="module", params=["2.0", "3.0"])
def t514(request) -> tuple[FakeChip, Plan, dict]:
    chip = FakeChip()
    return chip, *build(request.param, T514(), chip)


@pytest.fixture(scope="module")
def fmcos() -> tuple[FakeChip, Plan, dict]:
    chip = FakeChip(HISTORICAL)
    return chip, *build("2.0", Fmcos(), chip)


def data(command: CommandAPDU) -> bytes:
    assert isinstance(command.data, bytes)
    return command.data


def headers(chip: FakeChip) -> list[str]:
    return [command.header.hex().upper() for command in chip.commands]


def is_directory(command: CommandAPDU) -> bool:
    return command.header == bytes.fromhex("80E00100") and data(command)[4] == 1


def sections(chip: FakeChip) -> list[list[CommandAPDU]]:
    """What was sent, cut before each creation of a directory; the last has the end of building too."""
    cuts = [at for at, command in enumerate(chip.commands) if is_directory(command)]
    return [chip.commands[start:end] for start, end in pairwise([*cuts, len(chip.commands)])]


def test_transport_key_first_then_the_serial_number_then_the_master_file(t514) -> None:
    chip, plan, _ = t514
    assert headers(chip)[:4] == ["80E00300", "80E00500", "00140000", "80E00100"]
    assert data(chip.commands[1]) == bytes(2) + plan.historical_bytes[7:]
    assert data(chip.commands[3])[5:7] == bytes.fromhex("3F00")
    assert not chip.powered


def test_a_chip_with_the_right_historical_bytes_keeps_them() -> None:
    chip = FakeChip(HISTORICAL)
    build("2.0", T514(), chip)
    assert headers(chip)[:2] == ["80E00300", "80E00100"]


def test_directories_are_built_in_their_order(t514) -> None:
    chip, plan, _ = t514
    assert [data(section[0])[5:7].hex() for section in sections(chip)] == [
        f"{found.fid:04x}" for found in plan.mf.walk()
    ]


def test_the_key_file_is_the_first_file_and_the_master_key_the_first_key(t514) -> None:
    chip, plan, _ = t514
    for section, directory in zip(sections(chip), plan.mf.walk(), strict=True):
        create, select, key_file, master = section[:4]
        assert data(create)[5:7] == data(select) == directory.fid.to_bytes(2, "big")
        assert data(key_file)[7:12].hex() == "c300020418"
        algorithm = "03" if plan.algorithm is Algorithm.SM4 else "00"
        assert (master.cla, data(master)[:8].hex()) == (0x80, f"000001ef08{algorithm}ff10")
        # Under construction a directory has a key that is not the card's.
        assert data(master)[8:] == TEMPORARY_KEY.reveal()
        assert [command.header.hex() for command in section[4:6]] == ["00840000", "00820000"]


def loaded(chip: FakeChip, plan: Plan) -> list[tuple[int, bytes]]:
    """Where each protected key came, and what was in it; its MAC has to be right."""
    suite: CipherSuite = SM4 if plan.algorithm is Algorithm.SM4 else TRIPLE_DES
    challenge, found = b"", []
    challenges = iter(chip.challenges)
    for at, command in enumerate(chip.commands):
        if command.ins == 0x84:
            challenge = next(challenges)
        if command.header[:2] == b"\x84\xd4":
            cipher, mac = data(command)[:-MAC_SIZE], data(command)[-MAC_SIZE:]
            message = command.header + bytes((command.nc,)) + cipher
            assert mac == loading_mac(plan.algorithm, TEMPORARY_KEY, challenge, message)
            found.append((at, suite.decrypt(TEMPORARY_KEY, cipher).reveal()))
    return found


def test_all_keys_come_encrypted_with_a_mac_the_pin_last_of_its_directory(t514) -> None:
    chip, plan, _ = t514
    values = key_values(plan)
    blocks = [block for _, block in loaded(chip, plan)]
    others = [(key, found) for found in plan.mf.walk() for key in found.keys[1:]]
    expected = [(key.card_id, key.version, values[key.reference].reveal()) for key, _ in others]
    pin_at = next(at for at, block in enumerate(blocks) if block[0] == 0x01)
    pin = blocks.pop(pin_at)
    assert pin[8:] == bytes.fromhex("123456").ljust(16, b"\xff")
    assert pin_at == sum(found.name == "SSSE" for _, found in others)
    keys = blocks[: len(expected)]
    assert [(block[1], block[2], block[8 : 8 + block[7]]) for block in keys] == expected


def test_master_keys_are_replaced_at_the_end_from_the_innermost(t514) -> None:
    chip, plan, _ = t514
    values = key_values(plan)
    masters = [(at, block[8:]) for at, block in loaded(chip, plan) if block[0] == 0x00]
    ssse = plan.mf.children[0]
    order = [*ssse.children, ssse, plan.mf]
    assert [block for _, block in masters] == [values[found.master_key.reference].reveal() for found in order]
    # Each is followed by the end of its directory's pre-issue, and nothing else is written any more.
    assert [headers(chip)[at + 1] for at, _ in masters] == ["80E00200"] * len(order)
    tail = {command.header.hex().upper() for command in chip.commands[masters[0][0] :]}
    assert tail == {"84D40100", "80E00200", "00A40000", "00A40400", "00840000", "00820000"}


def test_files_are_filled_while_their_directory_is_built(t514) -> None:
    chip, plan, records = t514
    written: dict[int, bytes] = {}
    for section, directory in zip(sections(chip), plan.mf.walk(), strict=True):
        current, by_fid = 0, {}
        for command in section:
            if command.header == bytes.fromhex("00A40200"):
                current = int.from_bytes(data(command), "big")
            elif command.ins == 0xD6 and not command.p1 & 0x80:
                assert command.p1 << 8 | command.p2 == len(by_fid.get(current, b""))
                by_fid[current] = by_fid.get(current, b"") + data(command)
            elif command.ins == 0xDC:
                assert command.p2 in {3, 4}
                before = by_fid.get(current, b"")
                by_fid[current] = data(command) + before if command.p2 == 3 else before + data(command)
        for file in directory.files:
            if file.fid is not None:
                expected = b"".join(records.get(file.name, file.contents))
                assert by_fid.get(file.fid, b"") == expected, file.name
        written.update(by_fid)
    assert {0xEF1E, 0xEF05, 0xEF08} <= written.keys()


def test_amounts_are_written_by_short_identifier(t514) -> None:
    chip, _, records = t514
    (command,) = (command for command in chip.commands if command.header == bytes.fromhex("00D68300"))
    assert [data(command)] == list(records["medical_account"])


def test_nothing_is_written_where_nothing_is_given() -> None:
    chip = FakeChip(HISTORICAL)
    plan = plan_card(V2, CardParameters(algorithm=Algorithm.DES, historical_bytes=HISTORICAL), ROOTS)
    make(chip, plan, {}, key_values(plan), INITIAL_PIN, Secret(bytes(16)), T514())
    written = [command for command in chip.commands if command.ins in {0xDC, 0xD6}]
    assert [data(command) for command in written] == list(plan.mf.children[0].files[0].contents)


def test_fmcos_has_its_transport_code_in_the_master_file_and_new_keys_in_clear(fmcos) -> None:
    chip, plan, _ = fmcos
    assert data(chip.commands[0]).hex() == "38ffffaaaa" + "ff" * 8
    values = key_values(plan)
    clear = [data(command) for command in chip.commands if command.header[:3] == b"\x80\xd4\x01"]
    pin = next(at for at, block in enumerate(clear) if block[0] == 0x3A)
    assert clear.pop(pin)[5:].hex() == "123456"
    keys = [key for found in plan.mf.walk() for key in found.keys]
    expected = [
        TEMPORARY_KEY.reveal() if key.card_id == 0 and key.name.startswith("MK") else values[key.reference].reveal()
        for key in keys
    ]
    assert [block[-key.size :] for block, key in zip(clear, keys, strict=True)] == expected


def test_fmcos_replaces_its_master_keys_and_ends_nothing(fmcos) -> None:
    chip, plan, _ = fmcos
    values = key_values(plan)
    ssse = plan.mf.children[0]
    found = [block[-16:] for _, block in loaded(chip, plan)]
    order = [*ssse.children, ssse, plan.mf]
    assert found == [values[directory.master_key.reference].reveal() for directory in order]
    assert "80E00200" not in headers(chip)
    # One step at the MF, two below.
    assert {command.nc for command in chip.commands if command.ins == 0x82} == {8, 16}


def test_fmcos_fills_the_files_of_a_directory_before_it_is_left(fmcos) -> None:
    chip, _, _ = fmcos
    names = headers(chip)
    last_update_above = max(at for at, name in enumerate(names[: names.index("80E0DF01")]) if name[:4] == "00DC")
    leaving = names.index("80E0DF01")
    assert "00A40400" not in names[:leaving]
    assert last_update_above < leaving


@pytest.mark.parametrize("dialect", [T514(), Fmcos()], ids=lambda dialect: dialect.name)
def test_cards_of_1_0_are_built_too(dialect) -> None:
    chip = FakeChip(HISTORICAL)
    card = READY["1.0"]
    records = records_of(card.profile, card.contents(2000))
    parameters = CardParameters(algorithm=Algorithm.DES, historical_bytes=HISTORICAL)
    plan = plan_card(card.profile, parameters, ROOTS, records)
    make(chip, plan, records, key_values(plan), INITIAL_PIN, Secret(b"\xff" * 8), dialect)
    written = [data(command) for command in chip.commands if command.ins == 0xDC]
    files = (file for directory in plan.mf.walk() for file in directory.files)
    held = [file for file in files if file.structure is not Structure.TRANSPARENT]
    assert len(written) == sum(len(records.get(file.name, file.contents)) for file in held)


def test_fmcos_cannot_be_given_historical_bytes() -> None:
    chip = FakeChip(FACTORY)
    with pytest.raises(PlanError, match="historical bytes"):
        build("2.0", Fmcos(), chip)
    assert (chip.commands, chip.powered) == ([], False)


@pytest.mark.parametrize(
    ("header", "sw", "step"),
    [
        pytest.param("80E00300", 0x6982, "transport authentication", id="transport key"),
        pytest.param("80E00100", 0x6A84, "create MF", id="directory"),
        pytest.param("00820000", 0x63C2, "authentication with the master key of MF", id="authentication"),
        pytest.param("84D40000", 0x6988, "key IRK version 1 of SSSE", id="key"),
        pytest.param("00DC0104", 0x6A85, "fill file DIR of SSSE", id="record"),
        pytest.param("84D40100", 0x9302, "master key of DF01", id="last key"),
        pytest.param("80E00200", 0x6F00, "end of pre-issue of DF01", id="end"),
    ],
)
def test_a_refusal_names_the_step_and_nothing_secret(header, sw, step) -> None:
    refusal = sw.to_bytes(2, "big")
    chip = FakeChip(rule=lambda command: refusal if command.header.hex().upper() == header else None)
    with pytest.raises(MakingError) as raised:
        build("2.0", T514(), chip)
    assert (raised.value.step, raised.value.sw) == (step, sw)
    assert str(raised.value).startswith(f"{step}: status word {sw:04X}")
    assert not chip.powered


def test_a_chip_that_talks_t0_is_understood() -> None:
    """Challenges whose Le was wrong are asked for again."""

    def awkward(command: CommandAPDU) -> bytes | None:
        return b"\x6c\x08" if command.ins == 0x84 and command.ne != 8 else None

    chip = FakeChip(rule=awkward)
    build("2.0", T514(), chip)
    assert headers(chip).count("80E00200") == len(list(V2.directories)) + 1


def test_a_challenge_of_another_length_ends_the_building() -> None:
    chip = FakeChip(rule=lambda command: b"\x00\x90\x00" if command.ins == 0x84 else None)
    with pytest.raises(MalformedError, match="a challenge of 1 bytes, not 8"):
        build("2.0", T514(), chip)


@pytest.mark.parametrize("mute", [FakeChip(b""), FakeChip(rule=lambda _: b"")], ids=["at reset", "later"])
def test_a_mute_chip(mute) -> None:
    with pytest.raises(MuteCardError):
        build("2.0", T514(), mute)


def test_missing_and_unfitting_keys_are_found_before_a_chip_is_touched() -> None:
    plan, records = planned("2.0")
    values = key_values(plan)
    chip = FakeChip()
    arguments = (INITIAL_PIN, Secret(bytes(16)), T514())
    without = {reference: value for reference, value in values.items() if reference.name != "UK1DF07"}
    with pytest.raises(KeyUnavailableError, match="UK1DF07 is not available: version 1"):
        make(chip, plan, records, without, *arguments)
    long = {**values, KeyReference("STKSSSE"): Secret(bytes(16))}
    with pytest.raises(MalformedError, match="key STKSSSE has 8 bytes on this card, not 16"):
        make(chip, plan, records, long, *arguments)
    assert chip.commands == []


def test_what_a_dialect_cannot_express_is_found_before_a_chip_is_touched() -> None:
    parameters = CardParameters(algorithm=Algorithm.SM4, historical_bytes=HISTORICAL)
    plan = plan_card(V3, parameters, ROOTS)
    chip = FakeChip(HISTORICAL)
    with pytest.raises(PlanError, match="FMCOS has no empty PIN"):
        make(chip, plan, {}, key_values(plan), Secret(b""), Secret(bytes(8)), Fmcos())
    assert chip.commands == []
