import pytest

from services.callers.caller import LOCAL, Caller, Role
from services.callers.errors import CallerUnknownError
from services.callers.identity import caller_of, uri_of

TELLER = Caller("柜员 01/a%", "990001", Role.TELLER, "T/1?#")
URI = "spiffe://sscard/institution/990001/role/teller/terminal/T%2F1%3F%23/name/%E6%9F%9C%E5%91%98%2001%2Fa%25"


def test_a_caller_is_written_as_the_manual_says() -> None:
    assert uri_of(TELLER) == URI
    assert uri_of(Caller("pos-3", "H-7", Role.HOSPITAL)) == "spiffe://sscard/institution/H-7/role/hospital/name/pos-3"


@pytest.mark.parametrize("caller", [TELLER, Caller("𠮷" * 64, "a" * 32, Role.AUDITOR, "终" * 64)])
def test_what_is_written_is_read(caller) -> None:
    assert caller_of([uri_of(caller)]) == caller


def test_uris_of_others_are_left_alone() -> None:
    assert caller_of(["https://example.org/", URI, "spiffe://example.org/role/supervisor"]) == TELLER


@pytest.mark.parametrize(
    "uris",
    [
        pytest.param([], id="none"),
        pytest.param([URI, URI.replace("teller", "supervisor")], id="two"),
        pytest.param([URI.replace("spiffe", "SPIFFE")], id="scheme"),
        pytest.param([URI.replace("sscard/", "sscard.example/")], id="domain"),
        pytest.param([URI.replace("/role/teller", "/role/local")], id="local"),
        pytest.param([URI.replace("/role/teller", "/role/Teller")], id="case"),
        pytest.param([URI.replace("/role/teller", "/role/king")], id="role unknown"),
        pytest.param([URI.replace("/role/teller", "")], id="no role"),
        pytest.param([URI.replace("990001", "99%2F0001")], id="code"),
        pytest.param([URI.replace("990001", "service")], id="the service itself"),
        pytest.param([URI.replace("990001", "Local")], id="whoever started it"),
        pytest.param([URI.replace("990001", "9" * 33)], id="long code"),
        pytest.param([URI + "/role/supervisor"], id="more behind"),
        pytest.param([URI + "?role=supervisor"], id="query"),
        pytest.param([URI + "/"], id="slash"),
        pytest.param([URI + "%"], id="half an escape"),
        pytest.param([URI.replace("%E6", "%FF")], id="not UTF-8"),
        pytest.param([URI.replace("%2001", "%0A")], id="line"),
        pytest.param([URI.partition("/name")[0]], id="no name"),
        pytest.param([URI.partition("/name")[0] + "/name/"], id="empty name"),
        pytest.param([URI.partition("/name")[0] + "/name/%20"], id="blank name"),
        pytest.param([URI.partition("/name")[0] + "/name/" + "a" * 65], id="long name"),
        pytest.param([URI + "a" * 3000], id="long"),
    ],
)
def test_what_says_something_else_is_nobody(uris) -> None:
    with pytest.raises(CallerUnknownError):
        caller_of(uris)


@pytest.mark.parametrize(
    "caller",
    [
        LOCAL,
        Caller("a", "", Role.TELLER),
        Caller("a", "机构", Role.TELLER),
        Caller("", "990001", Role.TELLER),
        Caller("a\n", "990001", Role.TELLER),
        Caller("a" * 65, "990001", Role.TELLER),
        Caller("a", "990001", Role.TELLER, " "),
    ],
)
def test_what_stands_in_no_certificate_is_not_written(caller) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        uri_of(caller)
