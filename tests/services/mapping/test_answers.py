import pytest

from cardlib.crypto import Algorithm
from cardlib.flows.read_identity import Authenticity, AuthenticityCheck
from services.events import EventKind
from sscard.v1 import card_pb2, reader_pb2


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Authenticity, card_pb2.Authenticity, "AUTHENTICITY"),
        (AuthenticityCheck, card_pb2.AuthenticityCheck, "AUTHENTICITY_CHECK"),
        (Algorithm, card_pb2.Algorithm, "ALGORITHM"),
        (EventKind, reader_pb2.ReaderEvent.Kind, "KIND"),
    ],
)
def test_enumerations_have_the_same_members(ours, theirs, prefix) -> None:
    assert {f"{prefix}_{member.name}" for member in ours} | {f"{prefix}_UNSPECIFIED"} == set(theirs.keys())


def test_the_numbers_of_algorithms_are_those_on_the_card() -> None:
    assert {f"ALGORITHM_{each.name}": each.value for each in Algorithm}.items() <= dict(
        card_pb2.Algorithm.items()
    ).items()
