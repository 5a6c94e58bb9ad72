"""Certificates: one form only, no names, they check themselves, they fit one page."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.issuance.report import CardReport, KeyProof, ProvenKey, WrittenFile
from cardlib.keys import KeyReference
from services.errors import CertificateDamagedError
from services.issuance.certificate import Certificate, Kind, Making
from services.issuance.digests import DigestKeyError, Digests

KEY = bytes(range(32))
DIGESTS = Digests(Secret(KEY))
MAKING = Making(request_id="r-1", operator="李", station="desk 1", template="plain", template_version="0123")
MADE = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone(timedelta(hours=8)))


def report(*, content: bytes = b"content", check_value: bytes = b"\x01\x02\x03", serial: int = 1, keys: int = 2):
    historical = bytes.fromhex(f"00814A44008660990000{serial:06d}")
    return CardReport(
        version="2.0",
        algorithm=Algorithm.DES,
        chip="t514",
        atr=b"\x3b\x6d\x00\x00" + historical,
        historical_bytes=historical,
        card_identifier=bytes(16),
        pin_tries=6,
        files=(WrittenFile("holder", hashlib.sha256(content).digest(), 1, len(content)),),
        keys=tuple(
            ProvenKey(KeyReference("IRK", number), "SSSE", KeyProof.INTERNAL_AUTHENTICATION, check_value)
            for number in range(1, keys + 1)
        ),
        commands={"BUILDING": 7},
    )


MADE_OF_IT = Certificate.of(report(), MAKING, MADE, DIGESTS)


def test_what_it_says_is_what_was_reported() -> None:
    told = json.loads(MADE_OF_IT.document)
    assert told["made"] == "2026-03-03T21:06:07+00:00"
    assert MADE_OF_IT.made == MADE
    assert told["card"] == {
        "version": "2.0",
        "algorithm": "DES",
        "chip": "t514",
        "atr": "3b6d000000814a44008660990000000001",
        "historical_bytes": "00814a44008660990000000001",
        "card_identifier": "00" * 16,
        "pin_tries": 6,
    }
    assert told["keys"][1] == {
        "name": "IRK",
        "version": 2,
        "directory": "SSSE",
        "proof": "INTERNAL_AUTHENTICATION",
        "check_value": "010203",
    }


def test_files_stand_in_it_with_keyed_digests() -> None:
    """So that nobody tries names out: HMAC-SHA-256 as RFC 2104 writes it, over SHA-256 of the records."""
    plain = hashlib.sha256(b"content")
    (file,) = json.loads(MADE_OF_IT.document)["files"]
    block = KEY.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in block) + b"file\0holder\0" + plain.digest()).digest()
    outer = hashlib.sha256(bytes(one ^ 0x5C for one in block) + inner).hexdigest()
    assert file == {"name": "holder", "records": 1, "size": 7, "hmac_sha256": outer}
    assert plain.hexdigest().encode() not in MADE_OF_IT.document


def test_there_is_one_form_and_it_checks_itself() -> None:
    assert MADE_OF_IT.document == Certificate.of(report(), MAKING, MADE.astimezone(UTC), DIGESTS).document
    assert MADE_OF_IT.sha256 == hashlib.sha256(MADE_OF_IT.document).digest()
    assert MADE_OF_IT.number == MADE_OF_IT.sha256.hex()[:16]
    assert Certificate.load(MADE_OF_IT.document, MADE_OF_IT.number) == MADE_OF_IT


DAMAGED = {
    "another number": (MADE_OF_IT.document, "0" * 16),
    "a changed value": (MADE_OF_IT.document.replace("李".encode(), "王".encode()), MADE_OF_IT.number),
    "another form": (json.dumps(MADE_OF_IT.told).encode(), ""),
    "another kind": (MADE_OF_IT.document.replace(b"card-certificate", b"card"), ""),
    "a part is missing": (MADE_OF_IT.document.replace(b'"pin_tries":6,', b""), ""),
    "no object": (b"[]", ""),
    "no JSON": (b"\xff", ""),
    "too deep": (b"[" * 100_000, ""),
}


@pytest.mark.parametrize(("document", "number"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_refused(document, number) -> None:
    assert (document, number) != (MADE_OF_IT.document, MADE_OF_IT.number)
    with pytest.raises(CertificateDamagedError):
        Certificate.load(document, number)


def test_its_repr_shows_nothing_of_it() -> None:
    assert repr(MADE_OF_IT) == "Certificate()"
    assert repr(DIGESTS) == f"<Digests under key {DIGESTS.key_id}>"
    assert KEY.hex() not in repr(DIGESTS)


def test_the_page_has_chinese_labels_and_fits_one_sheet() -> None:
    many = Certificate.of(report(keys=3), MAKING, MADE, DIGESTS).page()
    for words in ("社会保障卡制卡证书", "制卡人员 operator", "李", "holder", "内部认证 3", "建立文件与密钥 7"):
        assert words in many
    assert len(many.splitlines()) < 66
    assert MADE_OF_IT.sha256.hex() in MADE_OF_IT.page()


@pytest.mark.parametrize(
    ("now", "differences"),
    [
        (report(), ()),
        (report(content=b"changed"), ("the file holder was changed",)),
        (report(check_value=b"\xff\xff\xff", keys=1), ("the key SSSE IRK of version 1 was changed",)),
        (report(serial=2), ("the chip is another one",)),
        (report(keys=3), ("the key SSSE IRK of version 3 is not in the certificate",)),
    ],
    ids=["the same", "a file", "a key", "another chip", "a key more"],
)
def test_a_card_is_compared_with_it(now, differences) -> None:
    assert MADE_OF_IT.compared(now, DIGESTS).differences == differences


def test_what_could_not_be_looked_at_is_told() -> None:
    other = Digests(Secret(b"\x55" * 32))
    beside = MADE_OF_IT.compared(report(content=b"changed", keys=1), other)
    assert beside.differences == ()
    assert beside.not_compared == ("key SSSE IRK of version 2", "file holder")


def test_a_check_value_that_nobody_had_is_not_compared() -> None:
    without = Certificate.of(report(check_value=b""), MAKING, MADE, DIGESTS)
    for certificate, now in ((without, report()), (MADE_OF_IT, report(check_value=b""))):
        beside = certificate.compared(now, DIGESTS)
        assert beside.differences == ()
        assert beside.not_compared == ("key SSSE IRK of version 1", "key SSSE IRK of version 2")


PERSONALISED = Certificate.of(
    report(content=b"with a holder", check_value=b"", keys=1),
    dataclasses.replace(MAKING, kind=Kind.PERSONALISATION),
    MADE,
    DIGESTS,
)


def test_a_certificate_says_its_kind() -> None:
    assert (MADE_OF_IT.kind, PERSONALISED.kind) == (Kind.MAKING, Kind.PERSONALISATION)
    assert "预制卡个人化 personalisation" in PERSONALISED.page()
    odd = PERSONALISED.document.replace(b"PERSONALISATION", b"NOTHING")
    with pytest.raises(CertificateDamagedError):
        Certificate.load(odd)


def test_a_personalisation_compares_what_it_states_and_earlier_certificates_the_rest() -> None:
    now = report(content=b"with a holder", keys=3)
    alone = PERSONALISED.compared(now, DIGESTS)
    assert (alone.differences, alone.not_compared) == ((), ("key SSSE IRK of version 1",))
    both = PERSONALISED.compared(now, DIGESTS, [MADE_OF_IT])
    assert both.differences == ("the key SSSE IRK of version 3 is not in the certificate",)
    assert both.not_compared == ()
    changed = report(content=b"with a holder", check_value=b"\xff\xff\xff")
    assert PERSONALISED.compared(changed, DIGESTS, [MADE_OF_IT]).differences == (
        "the key SSSE IRK of version 1 was changed",
        "the key SSSE IRK of version 2 was changed",
    )
    assert PERSONALISED.compared(report(), DIGESTS, [MADE_OF_IT]).differences == ("the file holder was changed",)


def test_a_digest_key_has_one_length() -> None:
    with pytest.raises(DigestKeyError, match="has 32 bytes, not 31"):
        Digests(Secret(bytes(31)))
