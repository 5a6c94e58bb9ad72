"""Over gRPC: reasons arrive as the catalogue has them, and nothing of anybody is left behind in clear."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage
from grpc_status import rpc_status

from services.callers.caller import LOCAL
from sscard.v1 import activation_pb2, activation_pb2_grpc, registry_pb2
from tests.services.activation.desk import (
    CHOSEN,
    HOLDER,
    INITIAL,
    MEDICAL_NUMBER,
    Desk,
    at_bank,
    at_hospital,
    at_pharmacy,
    document,
    memory_card,
)


@asynccontextmanager
async def stub_of(desk: Desk) -> AsyncIterator[Any]:
    async with desk.served() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield activation_pb2_grpc.ActivationServiceStub(channel)


async def outcome_of(call: Any) -> activation_pb2.ActivationOutcome:
    *_, last = [event async for event in call]
    assert last.HasField("outcome")
    return last.outcome


async def test_activation_and_its_record_over_the_wire(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with stub_of(desk) as stub:
        outcome = await outcome_of(stub.ActivateAtBank(at_bank()))
        assert outcome.activated
        request = activation_pb2.GetActivationRequest(card=registry_pb2.CardReference(reader="left"))
        assert (await stub.GetActivation(request)).activation == outcome.activation
    assert outcome.activation.institution == LOCAL.institution


async def test_a_refusal_has_its_reason_in_both_languages(desk: Desk) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    async with stub_of(desk) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await outcome_of(stub.ActivateAtBank(at_bank(document=document(name="李四"))))
    status = rpc_status.from_call(raised.value)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert (info.reason, info.metadata["field"]) == ("DOCUMENT_MISMATCH", "document.name")
    chinese = LocalizedMessage()
    assert status.details[1].Unpack(chinese)
    assert chinese.message.startswith("身份证件与持卡人登记信息不符")


async def test_pins_numbers_and_names_are_nowhere_in_clear(desk: Desk, log: io.StringIO) -> None:
    """Not in the log at its most talkative level, not in the text of errors, not in the files of the database."""
    card, medical = desk.card(), desk.medical_card()
    entry = card.entry
    desk.readers.insert("left", memory_card())
    desk.readers.insert("right", card.chip, t0=True)
    told = ""
    async with stub_of(desk) as stub:
        for method, request in (
            ("ActivateAtBank", at_bank(reader="right", document=document(name="欧阳测试"))),
            ("ActivateAtBank", at_bank(reader="right", new_pin=INITIAL)),
            ("ActivateAtBank", at_bank(reader="right", request_id="b-2", old_pin="998877")),
            ("ActivateAtPharmacy", at_pharmacy(new_pin=CHOSEN)),
            ("ActivateAtHospital", at_hospital(reader="right")),
            ("ActivateAtPharmacy", at_pharmacy(request_id="p-2", new_pin=CHOSEN)),
            ("ActivateAtHospital", at_hospital(reader="left")),
        ):
            try:
                await outcome_of(getattr(stub, method)(request))
            except grpc.aio.AioRpcError as error:
                told += str(error) + repr(error.trailing_metadata())
    assert "CARD_ALREADY_ACTIVATED" in told
    assert desk.registry.activation_of(card.id).medical_card_id == medical.id
    kept = b"".join(
        path.read_bytes() for path in sorted(desk.place.parent.glob(f"{desk.place.name}*")) if path.is_file()
    )
    assert medical.id.encode() in kept  # the files are those of this database
    canaries = [CHOSEN, "998877", MEDICAL_NUMBER, "欧阳测试", *HOLDER.values()]
    canaries += [entry.card_number, entry.card_identifier]
    assert "ActivateAtPharmacy" in log.getvalue()
    for canary in canaries:
        assert canary not in told
        assert canary not in log.getvalue()
        for coding in ("utf-8", "gb18030", "utf-16-le"):
            assert canary.encode(coding) not in kept
            assert canary.encode(coding).hex() not in log.getvalue().lower()
    for packed in (bytes.fromhex(CHOSEN), bytes.fromhex("998877")):
        assert packed.hex() not in log.getvalue()
