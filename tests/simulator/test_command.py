import pytest

from apdu.status import meaning_of
from simulator.command import SW, Command, Refused


@pytest.mark.parametrize("sw", SW)
def test_every_status_word_of_the_card_has_a_meaning(sw):
    assert meaning_of(sw).text != "unknown status word"


@pytest.mark.parametrize(("le", "wanted"), [(None, 256), (0, 256), (1, 1), (255, 255)])
def test_an_le_of_00_and_none_ask_for_256_bytes(le, wanted):
    assert Command(0, 0, b"", le, exact=True).wanted == wanted


@pytest.mark.parametrize(
    ("le", "available", "sw"), [(0, 64, 0x6C40), (63, 64, 0x6C40), (9, 256, 0x6C00), (0, 257, 0x6A81)]
)
def test_an_answer_not_asked_for_is_refused(le, available, sw):
    with pytest.raises(Refused) as refused:
        Command(0, 0, b"", le, exact=True).fit(available)
    assert refused.value.sw == sw


def test_without_exactness_only_the_size_of_an_answer_counts():
    command = Command(0, 0, b"", 1, exact=False)
    command.fit(256)
    with pytest.raises(Refused):
        command.fit(257)
