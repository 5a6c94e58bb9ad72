"""The real flow over gRPC: blank software chips of both operating systems become cards."""

import io
import json
from importlib import resources

import pytest

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from services.issuance.opening import STANDARD
from simulator.blanks import blank_chip
from simulator.card import SoftwareCard
from simulator.dialects import BY_NAME
from sscard.v1 import card_pb2, card_pb2_grpc, issuance_pb2

DATA = resources.files("cardlib.issuance") / "data"


def shipped(version: str, chip: str) -> str:
    text = DATA.joinpath(f"template-{version}.toml").read_text(encoding="utf-8")
    return text.replace('chip = "t514"', f'chip = "{chip}"')


class Pulled(SoftwareCard):
    """Pulled out of its reader after so many commands."""

    left = 1 << 30
    pull = staticmethod(lambda: None)

    def process(self, command: bytes) -> bytes:
        self.left -= 1
        if self.left < 0:
            self.pull()
            return b""
        return super().process(command)


@pytest.mark.parametrize("version", ["2.0", "3.0"])
@pytest.mark.parametrize("cos", ["t514", "fmcos"])
async def test_a_blank_chip_becomes_a_card_that_is_verified_and_read(
    desk_over, refusal, cos, version, log: io.StringIO
) -> None:
    readers = InProcessReaders(["left"])
    chip = Pulled(blank_chip(cos))
    readers.insert("left", chip, t0=True)
    desk = await desk_over(readers, flows=STANDARD)
    person = DATA.joinpath("person.json").read_bytes()
    order = issuance_pb2.CardOrder(template_text=shipped(version, cos), person_json=person)

    chip.left, chip.pull = 120, lambda: readers.remove("left")
    _, info = await refusal(desk.issue(order=order))
    assert info.reason == "CARD_REMOVED"
    chip.left = 1 << 30
    readers.insert("left", chip, t0=True)

    issued = await desk.issue(order=order)
    told = json.loads(issued.certificate.document)
    assert told["card"]["version"] == version
    assert len(told["keys"]) > 30
    assert desk.steps[-1].stage == issuance_pb2.ISSUANCE_STAGE_DONE
    found = await desk.stub.VerifyCard(issuance_pb2.VerifyCardRequest(reader="left", order=order))
    assert (found.certificate_number, found.differences) == (issued.certificate.number, [])
    assert {name.split()[2][:2] for name in found.not_compared} == {"MK"}, "master keys, and nothing else"
    assert found.pin_tries == 6
    cards = card_pb2_grpc.CardServiceStub(desk.channel)
    read = await cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="left"))
    assert read.identity.holder.name == json.loads(person)["name"]
    assert read.authenticity == card_pb2.AUTHENTICITY_PROVEN
    other = issuance_pb2.CardOrder(template_text=order.template_text, person_json=person.replace(b"123456", b"654321"))
    _, info = await refusal(desk.issue("two", order=other))
    assert info.reason == "CHIP_USED"
    for reason, tries in (("PIN_WRONG", 5), ("PIN_REPEATED", 5)):  # the holder may have another PIN than was ordered
        _, info = await refusal(desk.stub.VerifyCard(issuance_pb2.VerifyCardRequest(reader="left", order=other)))
        assert (info.reason, info.metadata["tries_left"]) == (reason, str(tries))
    holder = json.loads(person)
    held = [log.getvalue().encode(), issued.certificate.SerializeToString()]
    held += [path.read_bytes() for path in desk.state.iterdir() if path.name.startswith("sscard.db")]
    for value in (holder["name"], holder["social_security_number"], holder["card_number"], holder["pin"]):
        stored = value.encode("gb18030")
        forms = {value.encode(), stored, stored.hex().encode(), ascii(value)[1:-1].encode()}
        assert not any(form in one or form in one.lower() for form in forms for one in held)


PREMADE = """
version = "3.0"
region = "990000"
chip = "t514"
[issuer]
card_category = "3"
initialising_body = "915600000299000099010001"
issue_date = 2024-05-20
expiry_date = 2034-05-19
[pin]
value = "123456"
"""


async def test_a_card_that_was_made_before_gets_its_holder(desk_over, refusal) -> None:
    readers = InProcessReaders(["left"])
    readers.insert("left", SoftwareCard(blank_chip("t514")), t0=True)
    desk = await desk_over(readers, flows=STANDARD)
    stock = await desk.issue("stock", order=issuance_pb2.CardOrder(template_text=PREMADE))
    assert stock.warnings == ["person: the cards will have no holder yet"]
    template = DATA.joinpath("template-premade.toml").read_text(encoding="utf-8")
    person = json.loads(DATA.joinpath("person.json").read_bytes())
    wanted = {name: person[name] for name in ("social_security_number", "name", "sex", "birth_date", "card_number")}
    order = issuance_pb2.CardOrder(template_text=template, person=wanted)
    issued = await desk.issue("counter", order=order)
    assert issued.certificate.number != stock.certificate.number
    read = await card_pb2_grpc.CardServiceStub(desk.channel).ReadIdentity(card_pb2.ReadIdentityRequest(reader="left"))
    assert read.identity.holder.name == person["name"]
    _, info = await refusal(desk.stub.VerifyCard(issuance_pb2.VerifyCardRequest(reader="left", order=order)))
    assert info.reason == "INVALID_REQUEST"
    told = json.loads(issued.certificate.document)
    assert (told["kind"], told["card"]["chip"]) == ("PERSONALISATION", "")
    assert {key["name"] for key in told["keys"]} == {"IRK", "RKSSSE", "UKSSSE"}
    assert all(len(key["check_value"]) == 6 for key in told["keys"])
    _, info = await refusal(desk.issue("another", order=order, again_reason="a second one for the same holder"))
    assert (info.reason, info.metadata["written"]) == ("CARD_NOT_PREMADE", "false")


WITH_HOLDER = """card_number = "${card_number}"
[person]
social_security_number = "${social_security_number}"
name = "${name}"
sex = "${sex}"
birth_date = "${birth_date}"
[pin]"""


async def test_a_card_that_got_its_holder_is_compared_with_both_of_its_certificates(desk_over) -> None:
    readers = InProcessReaders(["left"])
    readers.insert("left", SoftwareCard(blank_chip("t514")), t0=True)
    desk = await desk_over(readers, flows=STANDARD)
    await desk.issue("stock", order=issuance_pb2.CardOrder(template_text=PREMADE))
    template = DATA.joinpath("template-premade.toml").read_text(encoding="utf-8")
    person = json.loads(DATA.joinpath("person.json").read_bytes())
    wanted = {name: person[name] for name in ("social_security_number", "name", "sex", "birth_date", "card_number")}
    issued = await desk.issue("counter", order=issuance_pb2.CardOrder(template_text=template, person=wanted))
    whole = issuance_pb2.CardOrder(template_text=PREMADE.replace("[pin]", WITH_HOLDER), person=wanted)
    found = await desk.stub.VerifyCard(issuance_pb2.VerifyCardRequest(reader="left", order=whole))
    assert (found.certificate_number, found.differences) == (issued.certificate.number, [])
    assert {name.split()[2][:2] for name in found.not_compared} == {"MK"}, "the rest stands in the first certificate"


@pytest.mark.parametrize("cos", ["t514", "fmcos"])
async def test_a_blank_chip_is_neither_a_card_to_verify_nor_one_that_was_made_before(desk_over, refusal, cos) -> None:
    readers = InProcessReaders(["left"])
    readers.insert("left", SoftwareCard(blank_chip(cos)), t0=True)
    desk = await desk_over(readers, flows=STANDARD)
    person = DATA.joinpath("person.json").read_bytes()
    order = issuance_pb2.CardOrder(template_text=shipped("3.0", cos), person_json=person)
    _, info = await refusal(desk.stub.VerifyCard(issuance_pb2.VerifyCardRequest(reader="left", order=order)))
    assert info.reason == "CHIP_BLANK"
    template = DATA.joinpath("template-premade.toml").read_text(encoding="utf-8")
    fields = ("social_security_number", "name", "sex", "birth_date", "card_number")
    wanted = {name: json.loads(person)[name] for name in fields}
    _, info = await refusal(desk.issue("one", order=issuance_pb2.CardOrder(template_text=template, person=wanted)))
    assert (info.reason, info.metadata["written"]) == ("CARD_NOT_PREMADE", "false")


@pytest.mark.parametrize("cos", ["t514", "fmcos"])
async def test_a_chip_of_another_lot_is_left_blank_and_free_for_another_order(desk_over, refusal, cos) -> None:
    readers = InProcessReaders(["left"])
    historical = bytes.fromhex("00814A44008660990000000042")
    image = BY_NAME[cos].blank(historical_bytes=historical, serial=historical[5:], transport_key=Secret(b"\x2a" * 16))
    readers.insert("left", SoftwareCard(image), t0=True)
    desk = await desk_over(readers, flows=STANDARD)
    person = DATA.joinpath("person.json").read_bytes()
    for request, version, left in (("one", "2.0", "2"), ("two", "3.0", "1")):
        order = issuance_pb2.CardOrder(template_text=shipped(version, cos), person_json=person)
        _, info = await refusal(desk.issue(request, order=order))
        assert (info.reason, info.metadata["tries_left"]) == ("TRANSPORT_KEY_WRONG", left)
