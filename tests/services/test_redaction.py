from services.redaction import redacted
from sscard.v1 import card_pb2, identity_pb2, reader_pb2, values_pb2


def test_sensitive_fields_are_cleared_at_any_depth() -> None:
    answer = card_pb2.ReadIdentityResponse(
        identity=identity_pb2.Identity(
            issuer=identity_pb2.Issuer(card_number="T00000001", spec_version="2.00"),
            holder=identity_pb2.Holder(name="张三", sex=values_pb2.CodedValue(code="1")),
        ),
        card_version="2.0",
        atr=b"\x3b\x00",
    )
    shown = redacted(answer)
    assert shown.identity.issuer.spec_version == "2.00"
    assert shown.card_version == "2.0"
    assert not shown.identity.issuer.HasField("card_number")
    assert shown.identity.holder == identity_pb2.Holder()
    assert shown.atr == b""
    assert answer.identity.holder.name == "张三", "the message itself is left alone"


def test_sensitive_fields_in_lists_are_cleared() -> None:
    answer = reader_pb2.ListReadersResponse(readers=[reader_pb2.Reader(name="r", atr=b"\x3b\x00")])
    assert list(redacted(answer).readers) == [reader_pb2.Reader(name="r")]
