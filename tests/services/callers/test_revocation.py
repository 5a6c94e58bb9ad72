import os

import pytest

from services.callers.caller import Caller, Role
from services.callers.recognition import now_utc
from services.callers.revocation import RevocationList, RevocationListError
from services.custody.certificates import facts_of
from tests.services.callers.world import authority, caller_pair

AUTHORITY = authority()
ONE = caller_pair(AUTHORITY, Caller("one", "990001", Role.TELLER)).certificate
OTHER = caller_pair(AUTHORITY, Caller("other", "9900011", Role.TELLER)).certificate
RENEWED = AUTHORITY.renewed(ONE, now=now_utc(), days=2)


@pytest.fixture
def listed(tmp_path):
    file = tmp_path / "revoked"

    def of(text: str) -> RevocationList:
        file.write_text(text, encoding="utf-8")
        return RevocationList(file)

    return of


def revoked(found: RevocationList) -> list[bool]:
    return [found.has(facts_of(each)) for each in (ONE, RENEWED, OTHER)]


def test_a_certificate_is_taken_back_and_no_other(listed) -> None:
    assert revoked(listed(f"# nobody\n\n{facts_of(ONE).fingerprint}  # one 柜员\n")) == [True, False, False]


def test_a_key_is_taken_back_with_all_certificates_that_it_gets(listed) -> None:
    digits = facts_of(ONE).key.upper()
    coloured = ":".join(digits[at : at + 2] for at in range(0, 64, 2))
    assert revoked(listed(coloured)) == [True, True, False]


@pytest.mark.parametrize(
    ("uri", "which"),
    [
        ("spiffe://sscard/institution/990001", [True, True, False]),
        ("spiffe://sscard/institution/990001/", [True, True, False]),
        ("spiffe://sscard/institution/9900011/role/teller", [False, False, True]),
        ("spiffe://sscard/institution/990001/role/tell", [False, False, False]),
        ("spiffe://sscard/institution", [True, True, True]),
    ],
)
def test_a_uri_takes_back_everything_below_it(listed, uri, which) -> None:
    assert revoked(listed(uri)) == which


@pytest.mark.parametrize(
    ("listed_as", "certificate_says"),
    [
        ("institution/990001", "institution/99000%31/role/teller/name/a"),
        ("institution/99000%31", "institution/990001/role/teller/name/a"),
        (
            "institution/990001/role/teller/name/%e6%9f%9c%e5%91%98",
            "institution/990001/role/teller/name/%E6%9F%9C%E5%91%98",
        ),
        ("institution/990001/role/teller/name/a%7eb", "institution/990001/role/teller/name/a~b"),
    ],
)
def test_another_way_to_write_a_uri_does_not_get_round_the_list(listed, listed_as, certificate_says) -> None:
    shown = AUTHORITY.caller("a", f"spiffe://sscard/{certificate_says}", now=now_utc(), days=1).certificate
    assert listed(f"spiffe://sscard/{listed_as}").has(facts_of(shown))
    assert not listed(f"spiffe://sscard/{listed_as}").has(facts_of(OTHER))


def test_the_list_is_read_again_when_it_has_changed(listed, tmp_path) -> None:
    found = listed("")
    assert revoked(found) == [False, False, False]
    (tmp_path / "new").write_text(facts_of(OTHER).fingerprint)
    (tmp_path / "new").replace(tmp_path / "revoked")
    assert revoked(found) == [False, False, True]


def test_a_list_that_disappears_counts_on_and_is_told_of_once(listed, tmp_path, log) -> None:
    found = listed(facts_of(ONE).fingerprint)
    (tmp_path / "revoked").unlink()
    assert revoked(found) == [True, False, False]
    assert log.getvalue().count("revocation_list_lost") == 1
    (tmp_path / "revoked").write_text("")
    assert revoked(found) == [False, False, False]


def test_of_a_list_with_a_wrong_line_the_others_count(listed, tmp_path, log) -> None:
    found = listed("")
    text = f"nonsense\n{facts_of(ONE).fingerprint}\n"
    (tmp_path / "revoked").write_text(text)
    os.utime(tmp_path / "revoked", ns=(1, 1))
    assert revoked(found) == [True, False, False]
    assert "revocation_line_wrong" in log.getvalue()


@pytest.mark.parametrize("line", ["nonsense", "12ab", "spiffe://example.org/role/a", "0" * 63])
def test_a_wrong_line_at_the_start_is_refused_by_its_number(listed, line) -> None:
    with pytest.raises(RevocationListError, match="line 2 is neither"):
        listed(f"# list\n{line}\n")


def test_what_is_no_text_is_no_list(tmp_path) -> None:
    (tmp_path / "revoked").write_bytes(b"\xff\xfe")
    with pytest.raises(RevocationListError, match="UTF-8"):
        RevocationList(tmp_path / "revoked")
    with pytest.raises(RevocationListError, match="cannot be read: No such file"):
        RevocationList(tmp_path / "none")
