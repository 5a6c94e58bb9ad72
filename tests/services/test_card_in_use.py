"""A card that another program holds: the call waits as long as the configuration says, and says who is in the way."""

from apdu.transport.inprocess import InProcessReaders
from simulator.people import ready_card
from sscard.v1.card_pb2 import ReadIdentityRequest


async def test_a_card_held_by_another_program_is_in_use_before_the_deadline(service_over, refusal) -> None:
    readers = InProcessReaders(["shared"])
    readers.insert("shared", ready_card("2.0"), t0=True)
    other = readers.connect("shared")
    service = await service_over(readers, card_wait=0.1, call_deadline=30.0)
    _, info = await refusal(service.cards.ReadIdentity(ReadIdentityRequest(reader="shared")))
    assert info.reason == "CARD_IN_USE"
    other.close()
    assert (await service.cards.ReadIdentity(ReadIdentityRequest(reader="shared"))).card_version == "2.0"
