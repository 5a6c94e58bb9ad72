"""What is kept of an entry, and its hash as anybody computes it."""

import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.audit.entry import FIELDS, LONGEST, START, WITHHELD, chained, hash_of, texts_of
from services.audit.errors import AuditError
from services.audit.port import AuditEntry
from tests.services.audit.entries import NOON, entry, some_texts


def openssl(data: bytes) -> bytes:
    command = ["openssl", "dgst", "-sm3", "-binary"]
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=30).stdout


def test_a_hash_is_what_openssl_makes_of_the_bytes_that_the_manual_describes() -> None:
    texts = texts_of(entry(7))
    assert texts == (
        "2026-11-22T12:00:07.000250Z",
        "/sscard.v1.CardService/ReadIdentity",
        "bank-990001",
        "teller",
        "欧阳测试",
        "window 3",
        "branch 7",
        "Reader 01",
        "card0007",
        "person0007",
        "EF05 EF06",
        "request-7",
        "OK",
        "",
    )
    first = b"sscard audit 1\x00" + bytes(32) + bytes.fromhex("0000000000000001")
    for text in texts:
        first += len(text.encode()).to_bytes(4, "big") + text.encode()
    assert hash_of(START, 1, texts) == openssl(first)


def test_entries_follow_each_other() -> None:
    texts = some_texts(3)
    links = chained(None, texts)
    assert [link.sequence for link in links] == [1, 2, 3]
    assert [link.texts for link in links] == texts
    assert links[0].hash == hash_of(bytes(32), 1, texts[0])
    assert links[2].hash == hash_of(links[1].hash, 3, texts[2])
    assert chained(links[1], texts[2:]) == links[2:], "it is the same whoever goes on"


def test_the_same_letters_in_other_fields_are_another_entry() -> None:
    texts = texts_of(entry())
    moved = ("", *texts[:-1])
    joined = (texts[0] + texts[1], "", *texts[2:])
    assert len({hash_of(START, 1, each) for each in (texts, moved, joined)}) == 3
    assert hash_of(START, 1, texts) != hash_of(START, 2, texts)
    assert hash_of(START, 1, texts) != hash_of(bytes(31) + b"\x01", 1, texts)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22, 20, 0, 1, 250, tzinfo=timezone(timedelta(hours=8))),
        datetime(2026, 11, 22, 12, 0, 1, 250, tzinfo=UTC),
    ],
)
def test_moments_are_kept_in_utc_so_that_they_sort(moment) -> None:
    assert texts_of(AuditEntry(moment=moment, method="/m"))[0] == "2026-11-22T12:00:01.000250Z"


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(AuditError, match="no time zone"):
        texts_of(AuditEntry(moment=NOON.replace(tzinfo=None), method="/m"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("吉䶮 㐂", "吉䶮 㐂", id="rare"),
        pytest.param("𠮷", "𠮷", id="beyond-the-bmp"),
        pytest.param("a\nb\0c", "a\\u{000A}b\\u{0000}c", id="control"),
        pytest.param("a\u202eb", "a\\u{202E}b", id="direction"),
        pytest.param("a\ud800b", "a\\u{D800}b", id="surrogate"),
        pytest.param("x" * LONGEST, "x" * LONGEST, id="just-fits"),
        pytest.param("x" * 100_000, "x" * (LONGEST - 1) + "…", id="too-long"),
        pytest.param("\n" * LONGEST, ("\\u{000A}" * 25)[: LONGEST - 1] + "…", id="longer-when-written"),
    ],
)
def test_no_text_keeps_an_entry_from_being_kept(given, kept) -> None:
    texts = texts_of(AuditEntry(moment=NOON, method="/m", reader=given))
    assert texts[FIELDS.index("reader")] == kept
    assert len(hash_of(START, 1, texts)) == 32


@pytest.mark.parametrize("field", FIELDS[1:])
def test_an_identity_number_is_withheld_wherever_somebody_writes_it(field) -> None:
    """Canary: a caller may make its request ids of them, and a program may err."""
    told = {"method": "/m", field: "activate-990000199001010017/99000019900101001x"}
    kept = texts_of(AuditEntry(moment=NOON, **told))[FIELDS.index(field)]
    assert kept == f"activate-{WITHHELD}/{WITHHELD}"


@pytest.mark.parametrize("text", ["202611220813551234", "9900001990010100171", "OMNIKEY 5422 (99000019901301)"])
def test_other_numbers_are_kept(text) -> None:
    assert texts_of(AuditEntry(moment=NOON, method="/m", request_id=text))[FIELDS.index("request_id")] == text
