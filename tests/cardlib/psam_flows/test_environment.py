"""Opening software PSAMs, and what is none."""

import pytest

from apdu.errors import StatusWordError
from apdu.flow import run
from apdu.readers import executor
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.psam import CITY_KEYS, NATIONAL_KEYS
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_flows.environment import PsamEnvironment, enter_again, open_environment
from cardlib.psam_flows.errors import (
    NoPsamError,
    PsamAlgorithmError,
    PsamAnswerError,
    PsamBusyError,
    PsamError,
    PsamRefusedError,
)
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.making import EnvironmentDescription, PsamDescription, make
from simulator.psam.ready import own_keys, ready_psam


def opened(chip, algorithm=Algorithm.SM4, *, t0=True) -> PsamEnvironment:
    chip.power_on()

    def transmit(commands):
        return [chip.process(command) for command in commands]

    return run(open_environment(algorithm), executor(get_response(transmit, strip_le=t0)))


@pytest.mark.parametrize("t0", [True, False])
@pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4])
def test_serial_terminal_number_and_versions_are_read(algorithm, t0):
    chip = SoftwareCard(ready_psam(key_version=2, terminal="990000004711"), t0=t0)
    found = opened(chip, algorithm, t0=t0)
    assert found.algorithm is algorithm
    assert found.serial == bytes.fromhex("99000020200101000001")
    assert found.terminal_number == bytes.fromhex("990000004711")
    assert found.information[NATIONAL_KEYS].key_version == 2
    assert found.purchase_index == 1


def test_the_city_s_purchase_index_counts_first_and_an_absent_one_not_at_all():
    ddf, adf, *loaders = own_keys()

    def index(*indexes):
        information = tuple(ApplicationInformation(purchase_index=at) for at in indexes)
        environment = EnvironmentDescription(Algorithm.DES, ddf, adf, tuple(loaders), information=information)
        image = make(PsamDescription("99000020240102000001", "990000000001", (environment,)))
        return opened(SoftwareCard(image), Algorithm.DES)

    assert index(1, 2, 3).purchase_index == 3
    assert index(1, 2, 0xFF).purchase_index == 2
    assert index(1, 0, 0).purchase_index == 1
    none = index(0, 0xFF, 0)
    assert none.purchase_index is None
    assert none.information[CITY_KEYS].key_version == 1


def test_a_psam_without_the_algorithm():
    with pytest.raises(PsamAlgorithmError) as caught:
        opened(SoftwareCard(ready_psam(algorithms=(Algorithm.DES,))))
    assert (caught.value.national_code, caught.value.algorithm) == (-2202, "SM4")
    assert "6A82" in str(caught.value)


def test_a_holder_s_card_in_the_psam_s_slot_is_no_psam():
    """It has a directory with the name of the DES environment."""
    with pytest.raises(NoPsamError) as caught:
        opened(ready_card("2.0"), Algorithm.DES)
    assert caught.value.national_code == -2201


class Answering:
    """A PSAM whose answers to commands that begin so are other ones."""

    def __init__(self, start: str, answer: str) -> None:
        self.chip, self.start, self.answer = SoftwareCard(ready_psam()), bytes.fromhex(start), bytes.fromhex(answer)
        self.power_on = self.chip.power_on

    def process(self, command):
        return self.answer if command.startswith(self.start) else self.chip.process(command)


ENVIRONMENT, INFORMATION, TERMINAL, APPLICATION = "00A404000F", "00B095", "00B096", "00A4000002DF01"
REFUSALS = ["6A81", "6985", "6982", "6700", "6581", "6F00", "6D00", "6283"]


@pytest.mark.parametrize(
    ("start", "answer", "error", "code"),
    [
        (ENVIRONMENT, "6A82", PsamAlgorithmError, -2202),
        *((ENVIRONMENT, sw, PsamRefusedError, -int(sw, 16)) for sw in REFUSALS),
        (INFORMATION, "6A82", NoPsamError, -2201),
        (INFORMATION, "6981", NoPsamError, -2201),
        (INFORMATION, "00" * 14 + "9000", NoPsamError, -2201),
        (INFORMATION, "00" * 16 + "9000", NoPsamError, -2201),
        (INFORMATION, "9000", NoPsamError, -2201),
        *((INFORMATION, sw, PsamRefusedError, -int(sw, 16)) for sw in REFUSALS),
        (TERMINAL, "00" * 5 + "9000", PsamAnswerError, None),
        (TERMINAL, "00" * 7 + "9000", PsamAnswerError, None),
        (TERMINAL, "9000", PsamAnswerError, None),
        *((TERMINAL, sw, PsamRefusedError, -int(sw, 16)) for sw in ("6A82", "6981", *REFUSALS)),
        *((APPLICATION, sw, PsamRefusedError, -int(sw, 16)) for sw in ("6A82", *REFUSALS)),
    ],
)
def test_what_an_unusual_answer_at_opening_says(start, answer, error, code):
    with pytest.raises(error) as caught:
        opened(Answering(start, answer))
    assert (type(caught.value), caught.value.national_code) == (error, code)


@pytest.mark.parametrize(
    ("start", "answer", "error"),
    [
        (ENVIRONMENT, "6A82", PsamAlgorithmError),
        *((ENVIRONMENT, sw, PsamRefusedError) for sw in REFUSALS),
        *((APPLICATION, sw, PsamRefusedError) for sw in ("6A82", *REFUSALS)),
    ],
)
def test_nor_is_it_another_one_when_an_environment_is_entered_again(start, answer, error):
    chip = Answering(start, answer)
    chip.power_on()
    with pytest.raises(error) as caught:
        run(enter_again(Algorithm.SM4), executor(lambda commands: [chip.process(command) for command in commands]))
    assert type(caught.value) is error


def test_files_that_cannot_be_read_say_nothing():
    chip = SoftwareCard(ready_psam())

    class Closed:
        power_on = chip.power_on

        def process(self, command):
            return b"\x69\x82" if command[1:3] in {b"\xb0\x9a", b"\xb0\x9b", b"\xb0\x9c"} else chip.process(command)

    found = opened(Closed())
    assert found.purchase_index is None
    assert {level.key_version for level in found.information.values()} == {None}


def test_every_error_has_a_national_code_and_a_refusal_the_negative_of_its_status_word():
    kinds = set(PsamError.__subclasses__()) - {PsamRefusedError}
    codes = [kind.national_code for kind in kinds if kind.national_code is not None]
    assert sorted(codes) == sorted([-2201, -2202, -27272, -24, -37891, -37634, -26881])
    # The national interface knows neither.
    assert {kind for kind in kinds if kind.national_code is None} == {PsamBusyError, PsamAnswerError}
    assert PsamRefusedError("IRK", 0x6A81).national_code == -27265
    assert not issubclass(PsamError, StatusWordError)
