"""Personal values are sealed in their place, and found without being read."""

import hmac
import subprocess
import unicodedata
from hashlib import sha256

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apdu.secret import Secret
from services.custody.data_keys import AesWrapper
from services.errors import JournalError
from services.store.engine import StoreError
from services.store.personal import DataKeyError, PersonalValueError, normal_form, open_personal, sealed_columns
from services.store.schema import INDEX, card, data_key, medical_card, metadata, person
from tests.services.store.people import PERSON, change, columns, numbered, put, read


def test_what_is_sealed_is_read_as_it_was(engine, personal) -> None:
    identifier = put(engine, personal, PERSON)
    assert read(engine, personal, identifier) == PERSON
    empty = dict.fromkeys(PERSON, "")
    assert read(engine, personal, put(engine, personal, empty)) == empty


def test_the_columns_that_are_personal() -> None:
    found = {table.name: sealed_columns(table) for table in metadata.sorted_tables if sealed_columns(table)}
    assert found == {
        "person": tuple(PERSON),
        "card": ("card_identifier", "card_number"),
        "medical_card": ("number",),
    }
    for name in found:
        assert {"id", "key_version"} <= {*metadata.tables[name].columns.keys()}


def test_text_that_nobody_has_sealed_is_not_stored(engine) -> None:
    with pytest.raises(sa.exc.StatementError, match="sealed before it is stored"), engine.begin() as connection:
        connection.execute(sa.insert(person).values(id="x", **PERSON, key_version=1))


def test_a_row_is_sealed_whole(engine, personal) -> None:
    with engine.begin() as connection, pytest.raises(ValueError, match="is sealed whole"):
        personal.seal(connection, person, "x", {"name": "Li"})


def test_equal_values_look_different_everywhere(engine, personal) -> None:
    one, two = (columns(engine, put(engine, personal, numbered(number) | {"name": "Li"})) for number in (1, 2))
    assert one["phone"] != two["phone"]
    assert one["name"] != two["name"]
    assert one["social_security_number"] != one["document_number"]


def test_the_format_is_as_it_is_documented(engine, personal, wrapper) -> None:
    """Opened once more by the cryptography library alone, from the key of the fixture."""
    identifier = put(engine, personal, PERSON)
    row = columns(engine, identifier)
    wrapping = HKDF(SHA256(), 32, b"sscard database", b"wrapping data keys").derive(bytes(range(32)))
    with engine.begin() as connection:
        wrapped = {key.purpose: key.wrapped for key in connection.execute(sa.select(data_key))}
    keys = {
        use: AESGCM(wrapping).decrypt(
            kept[:12], kept[12:], f"sscard data key\0{use}\0001".replace("\0001", "\x001").encode()
        )
        for use, kept in wrapped.items()
    }
    bound = f"person\0name\0{identifier}\x001".encode()
    assert AESGCM(keys["data"]).decrypt(row["name"][:12], row["name"][12:], bound).decode() == PERSON["name"]
    told = b"person\0social_security_number\0" + PERSON["social_security_number"].encode()
    assert row["social_security_number_index"] == hmac.new(keys["index"], told, sha256).digest()
    ran = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{keys['index'].hex()}", "-binary"],
        input=told,
        capture_output=True,
        check=True,
    )
    assert ran.stdout == row["social_security_number_index"]


@pytest.mark.parametrize("table", [person, card, medical_card], ids=str)
def test_values_are_found_by_their_digests_each_in_its_own_column(engine, personal, table) -> None:
    for name in (column.removesuffix(INDEX) for column in list(table.columns.keys()) if column.endswith(INDEX)):
        digests = {personal.index(table.columns[name], "99000019900101001X") for _ in range(2)}
        assert len(digests) == 1
        assert len(digests.pop()) == 32
    assert personal.index(card.c.card_number, "A1") != personal.index(medical_card.c.number, "A1")
    assert personal.index(card.c.card_number, "A1") != personal.index(card.c.card_identifier, "A1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("99000019900101001X", " 99000019900101001x\n"),
        ("\u00e9", unicodedata.normalize("NFD", "\u00e9")),
        ("straße", "STRASSE"),
        ("\u1fb3", "\u0391\u0399"),
    ],
)
def test_values_are_compared_in_one_form(personal, one, other) -> None:
    assert personal.index(person.c.social_security_number, one) == personal.index(
        person.c.social_security_number, other
    )
    assert normal_form(normal_form(one)) == normal_form(one)


def test_a_person_is_entered_once(engine, personal) -> None:
    put(engine, personal, PERSON)
    again = PERSON | {"social_security_number": PERSON["social_security_number"].lower()}
    with pytest.raises(JournalError, match=r"UNIQUE|unique") as raised:
        put(engine, personal, again)
    assert PERSON["social_security_number"] not in str(raised.value)


def swapped_columns(engine, identifier: str, _other: str) -> str:
    row = columns(engine, identifier)
    change(engine, identifier, phone=row["document_number"])
    return "phone"


def swapped_rows(engine, identifier: str, other: str) -> str:
    change(engine, identifier, name=columns(engine, other)["name"])
    return "name"


def under_another_number(engine, identifier: str, _other: str) -> str:
    """Who looks for somebody else would find this one."""
    change(engine, identifier, social_security_number_index=bytes(32))
    return "social_security_number_index"


def cut_short(engine, identifier: str, _other: str) -> str:
    change(engine, identifier, sex=columns(engine, identifier)["sex"][:27])
    return "sex"


def cut_by_a_byte(engine, identifier: str, _other: str) -> str:
    change(engine, identifier, name=columns(engine, identifier)["name"][:-1])
    return "name"


def a_bit_turned(engine, identifier: str, _other: str) -> str:
    sealed = bytearray(columns(engine, identifier)["birth_date"])
    sealed[14] ^= 1
    change(engine, identifier, birth_date=bytes(sealed))
    return "birth_date"


def of_a_version_that_is_not_there(engine, identifier: str, _other: str) -> str:
    change(engine, identifier, key_version=7)
    return "social_security_number"


@pytest.mark.parametrize(
    "damage",
    [
        swapped_columns,
        swapped_rows,
        under_another_number,
        cut_short,
        cut_by_a_byte,
        a_bit_turned,
        of_a_version_that_is_not_there,
    ],
    ids=lambda damage: damage.__name__,
)
def test_a_value_that_is_not_where_or_what_it_was_is_not_given_out(engine, personal, damage) -> None:
    identifier, other = put(engine, personal, numbered(1)), put(engine, personal, numbered(2))
    column = damage(engine, identifier, other)
    with pytest.raises(JournalError, match=f"the value in person.{column} of row {identifier}") as raised:
        read(engine, personal, identifier)
    assert isinstance(raised.value.__cause__, PersonalValueError)
    assert (raised.value.__cause__.column, raised.value.__cause__.row) == (column, identifier)
    assert "Canary" not in str(raised.value)
    assert read(engine, personal, other) == numbered(2)


def test_another_key_does_not_open_the_database(engine, personal) -> None:
    identifier = put(engine, personal, PERSON)
    with pytest.raises(DataKeyError, match="does not unwrap the database's data keys: configure the one") as raised:
        open_personal(engine, AesWrapper(Secret(bytes(32)), "file"))
    assert isinstance(raised.value, StoreError)
    assert read(engine, personal, identifier) == PERSON


def test_data_keys_that_were_exchanged_do_not_open(engine, personal, wrapper) -> None:
    with engine.begin() as connection:
        of_data = sa.select(data_key.c.wrapped).where(data_key.c.purpose == "data").scalar_subquery()
        connection.execute(sa.update(data_key).where(data_key.c.purpose == "index").values(wrapped=of_data))
    with pytest.raises(DataKeyError, match="does not unwrap"):
        open_personal(engine, wrapper)


@pytest.mark.parametrize("lost", ["data", "index"])
def test_a_database_that_has_lost_a_data_key_gets_no_other(engine, personal, wrapper, lost) -> None:
    with engine.begin() as connection:
        connection.execute(sa.delete(data_key).where(data_key.c.purpose == lost))
    with pytest.raises(DataKeyError, match="restore it from a backup"):
        open_personal(engine, wrapper)


def test_the_first_keys_are_made_once(engine, wrapper) -> None:
    personals = [open_personal(engine, wrapper) for _ in range(2)]
    assert read(engine, personals[1], put(engine, personals[0], PERSON)) == PERSON
    assert len({one.index(person.c.social_security_number, "1") for one in personals}) == 1
    with engine.begin() as connection:
        kept = connection.execute(sa.select(data_key.c.purpose, data_key.c.version, data_key.c.wrapping_key)).all()
    assert sorted(kept) == [("data", 1, wrapper.key_id), ("index", 1, wrapper.key_id)]


def test_nothing_is_told_by_what_is_printed(personal) -> None:
    assert repr(personal) == f"<Personal under {personal._wrapper.key_id}>"
