"""Whether an identity document is the holder's."""

import pytest

from services.errors import InvalidRequestError
from services.registry.documents import require_document, same_name
from services.registry.errors import DocumentMismatchError
from services.registry.model import Person
from sscard.v1 import registry_pb2
from tests.services.registry.people import LI, WANG

HOLDER = Person(id="1" * 32, data=LI)
RESIDENT = registry_pb2.DOCUMENT_KIND_RESIDENT_CARD
HOUSEHOLD = registry_pb2.DOCUMENT_KIND_HOUSEHOLD_REGISTER
PASSPORT = registry_pb2.DOCUMENT_KIND_PASSPORT
PERMIT = registry_pb2.DOCUMENT_KIND_RESIDENCE_PERMIT


def document(kind=RESIDENT, number=LI.social_security_number, name=LI.name):
    return registry_pb2.IdentityDocument(kind=kind, number=number, name=name)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (RESIDENT, "99000019850312002X"),
        (RESIDENT, "99000019850312002x"),
        (RESIDENT, "９９００００１９８５０３１２００２Ｘ"),
        (RESIDENT, " 990000 19850312 002X "),
        (HOUSEHOLD, LI.social_security_number),
        (PASSPORT, "e99000017"),
        (PERMIT, LI.document_number),
        (PERMIT, LI.social_security_number),
    ],
)
def test_the_number_of_a_kind_of_document_is_compared_however_it_was_typed(kind, number) -> None:
    require_document(document(kind, number), HOLDER)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (RESIDENT, LI.document_number),
        (HOUSEHOLD, LI.document_number),
        (PASSPORT, LI.social_security_number),
        (PERMIT, WANG.social_security_number),
    ],
)
def test_the_number_of_another_kind_or_person_does_not_do(kind, number) -> None:
    with pytest.raises(DocumentMismatchError, match=r"document\.number"):
        require_document(document(kind, number), HOLDER)


def test_a_passport_is_nobodys_whose_number_is_not_known() -> None:
    with pytest.raises(DocumentMismatchError):
        require_document(document(PASSPORT, "E1", WANG.name), Person(id="2" * 32, data=WANG))


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("李𠮷·阿依古丽", "李𠮷·阿依古丽"),
        ("李𠮷•阿依古丽", "李𠮷·阿依古丽"),
        ("李𠮷・阿依古丽", "李𠮷·阿依古丽"),
        ("李𠮷.阿依古丽", "李𠮷·阿依古丽"),
        ("王　丁", "王丁"),
        ("ＺＨＡＮＧ　ＳＡＮ", "Zhang San"),
        ("Ren\u0065\u0301e", "RENÉE"),
        ("\ue863名", "\ue863名"),
        ("\ue864名", "龻名"),
        ("龻名", "\ue864名"),
    ],
)
def test_a_name_is_the_same_however_it_was_typed(typed, known) -> None:
    assert same_name(typed, known)


@pytest.mark.parametrize(("typed", "known"), [("王丁", "王J"), ("王丁", "王丁丁"), ("王·丁", "王丁"), ("𠮷", "吉")])
def test_another_name_is_another_name(typed, known) -> None:
    assert not same_name(typed, known)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (document(kind=0), "document.kind"),
        (document(kind=9), "document.kind"),
        (document(number=""), "document.number"),
        (document(number="1" * 33), "document.number"),
        (document(name=" "), "document.name"),
        (document(name="王" * 51), "document.name"),
        (document(name="王\n"), "document.name"),
    ],
)
def test_a_document_that_is_not_complete_is_no_mismatch(given, field) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        require_document(given, HOLDER)
    assert refused.value.field == field
