import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from cardlib.errors import KeyUnavailableError
from services.catalogue import failure_of
from services.errors import CardNotMadeError
from services.statuses import Told, call_of, told, told_by


def test_what_a_failure_says_is_found_in_its_status() -> None:
    answer = told(failure_of(KeyUnavailableError("IRK", "it is elsewhere")).to_status())
    assert answer.message == "key IRK is not available: it is elsewhere"
    assert (answer.reason, answer.metadata) == ("KEY_UNAVAILABLE", {"key": "IRK", "national_code": "-2201"})
    assert answer.texts[0] == "缺少卡片所需的密钥。请管理员配置密钥、PSAM卡或与中心的连接。"
    assert answer.texts[1].startswith("A key that the card asks for is not at hand. ")
    assert answer.mistakes == ()


def test_the_mistakes_of_a_document_are_told_in_their_order() -> None:
    error = CardNotMadeError("new_card.description", ["line 1: what", "line 7: no"])
    assert told(failure_of(error).to_status()).mistakes == ("line 1: what", "line 7: no")


def test_details_of_somebody_else_are_passed_over() -> None:
    status = Status(code=5, message="gone")
    status.details.add().Pack(ErrorInfo(reason="KEY_UNAVAILABLE", domain="example.org"))
    status.details.append(Any(type_url="type.googleapis.com/example.Unknown", value=b"\x08"))
    assert told(status) == Told("gone", "", {}, (), ())


def test_a_call_that_nobody_answered_says_nothing() -> None:
    with grpc.insecure_channel("127.0.0.1:1") as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/sscard.v1.CardService/ReadIdentity")(b"", timeout=5)
    assert told_by(call_of(raised.value)) is None
