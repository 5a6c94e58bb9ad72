"""``sscard registry``, with a service and a software card of its own behind every command."""

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli import registry
from services.store.engine import open_engine
from simulator.people import READY
from tests.services.registry.people import LI, MEDICAL, NUMBER, WANG

READER = "Software reader 01"
HOLDER = {"social_security_number": LI.social_security_number}
PERSON = {"name": LI.name, "phone": LI.phone} | HOLDER
DOCUMENT = {"number": LI.social_security_number, "name": LI.name}
IDENTIFIER = READY["2.0"].description.with_serial(READY["2.0"].serial).contents["issuer"]["card_identifier"].digits
CARD = {"card_identifier": IDENTIFIER, "card_number": NUMBER} | HOLDER
PERSONAL = (LI.social_security_number, LI.name, LI.phone, NUMBER, IDENTIFIER, MEDICAL)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("registry") / "sscard.db"
    open_engine(str(path)).dispose()
    return path


@pytest.fixture(autouse=True)
def database(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of the test's own."""
    shutil.copy(migrated, tmp_path / "sscard.db")
    monkeypatch.setenv("SSCARD_DATABASE", str(tmp_path / "sscard.db"))


def done(*arguments: str, stdin: object = "") -> Result:
    given = stdin if isinstance(stdin, str) else json.dumps(stdin)
    return CliRunner().invoke(registry.app, [*arguments, "--simulated"], input=given)


def told(*arguments: str, stdin: object = "") -> dict:
    result = done(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_persons_card_from_being_entered_to_being_lost() -> None:
    result = done("person", "-", stdin=PERSON)
    assert result.exit_code == 0, result.output
    for text in ("社会保障号码", "social security number", LI.name, LI.social_security_number):
        assert text in result.output
    assert told("medical-card", "-", stdin={"number": MEDICAL} | HOLDER)["medical_card"]["number"] == MEDICAL
    card = told("card", "-", stdin=CARD)["card"]
    given = done("deliver", "-", "--reader", READER, "--received", "2026-01-31", stdin=DOCUMENT)
    assert given.exit_code == 0, given.output
    for text in ("已领卡未激活", "delivered", "激活期限", "2026-07-31", card["id"]):
        assert text in given.output
    repeated = ("state", "report-loss", "--id", card["id"], "--reason", "电话挂失", "--request-id", "one")
    assert told(*repeated) == told(*repeated)
    assert told("show", "--ask-number", stdin=f"{NUMBER}\n")["card"]["state"] == "CARD_STATE_LOST"
    whole = done("holder", stdin=f"{LI.social_security_number}\n")
    assert whole.exit_code == 0, whole.output
    for text in ("人员 · Person", "已挂失 lost", "原医疗卡 · Original medical card", "正常 valid"):
        assert text in whole.output


def test_what_is_refused_is_told_without_anybodys_data() -> None:
    told("person", "-", stdin=PERSON)
    told("card", "-", stdin=CARD)
    refused = done("deliver", "-", "--reader", READER, stdin={"number": WANG.social_security_number, "name": LI.name})
    assert refused.exit_code == 1
    assert "[DOCUMENT_MISMATCH]" in refused.output
    assert "身份证件与持卡人登记信息不符" in refused.output
    unknown = done("show", "--ask-number", stdin="T00000009\n")
    assert "[CARD_NOT_REGISTERED]" in unknown.output
    wrong = done("card", "-", stdin=CARD | {"card_identifier": "0" * 31})
    assert "[INVALID_REQUEST]" in wrong.output
    spoken = refused.output + unknown.output + wrong.output
    assert not [value for value in (*PERSONAL, WANG.social_security_number, "T00000009") if value in spoken]


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("no json", "is no JSON"),
        (json.dumps([PERSON]), "takes a JSON object of texts"),
        (json.dumps(PERSON | {"phone": 13900000000}), "takes a JSON object of texts"),
        (json.dumps(PERSON | {"nickname": LI.name}), "social_security_number, name, birth_date"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_of_without_what_stands_in_it(stdin: str, said: str) -> None:
    refused = done("person", "-", stdin=stdin)
    assert refused.exit_code == 2
    assert said in refused.output
    assert not [value for value in PERSONAL if value in refused.output]


@pytest.mark.parametrize(
    "arguments",
    [
        ("institution", "bank-1", "测试银行", "--kind", "library"),
        ("state", "activate", "--id", "0" * 32),
        ("show", "--id", "0" * 32, "--ask-number"),
        ("person", "/nowhere/person.json"),
        ("person", "-", "--request-id", "a b"),
    ],
)
def test_what_cannot_be_meant_has_an_exit_code_of_its_own(arguments: tuple[str, ...]) -> None:
    assert done(*arguments, stdin=PERSON).exit_code == 2


def test_an_institution_is_entered() -> None:
    result = done("institution", "bank-1", "测试银行", "--kind", "bank")
    assert result.exit_code == 0, result.output
    assert "bank-1: entered 已登记" in result.output
    assert re.search(r"^request [0-9a-f-]{36} 请求编号$", result.stderr, re.MULTILINE), "so that it can be repeated"
