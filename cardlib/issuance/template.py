"""Templates (制卡模板): what all cards of a batch have in common, with placeholders for what the persons' records say.

:func:`parse` checks a template without any person or card; the checks of records are in
:mod:`cardlib.issuance.checker`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from cardlib.codes.region import province
from cardlib.crypto import Algorithm
from cardlib.errors import ItemError
from cardlib.files import CyclicFile, ElementaryFile, InternalFile
from cardlib.issuance.document import OF_BUILDING, Document
from cardlib.issuance.faults import Fault, OrderFaultsError, split
from cardlib.issuance.order import IdentificationCode
from cardlib.issuance.placeholders import (
    Placeholder,
    Source,
    Use,
    filled,
    in_words,
    pieces,
    placeholder_in,
    placeholders,
)
from cardlib.issuance.structure import structure_faults
from cardlib.model import CardProfile
from cardlib.profiles import ALL
from cardlib.regional import RegionalProfiles
from cardlib.rules import COS, NEVER, NONE
from cardlib.schema import Schema, SchemaError
from cardlib.values import CardIdentifier, Value
from cardlib.written.entries import SUITES, historical_bytes
from cardlib.written.mistakes import TOO_DEEP, mistakes_in, tables, told
from cardlib.written.tables import place_of, written_files
from cardlib.written.values import file_values

PIN_PLACE: Final = "pin.value"
HISTORICAL_PLACE: Final = "historical_bytes"
_TEST_REGIONS: Final = "99"
"""Where nobody lives."""
_NO_REGIONS: Final = RegionalProfiles()
_PROFILES: Final = MappingProxyType({profile.version: profile for profile in ALL})


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Template:
    """A template without faults; its ``repr`` shows nothing of what it holds.

    ``fixed``: values, by file and item, in which no placeholder plays a part. ``awaited``: what is written, by file,
    for the items with placeholders; for a cyclic file the list of its records. ``uses``: the placeholders by name, in
    the order in which they stand. ``warnings``: what is to be looked at.
    """

    document: Document
    profile: CardProfile
    fixed: Mapping[str, Mapping[str, Value]]
    awaited: Mapping[str, Any]
    uses: Mapping[str, Use]
    warnings: tuple[Fault, ...]

    @property
    def premade(self) -> bool:
        """Whether the cards are made already, and only get what is written here (即时制卡)."""
        return self.document.premade

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of the cards."""
        return Algorithm[self.document.algorithm] if self.document.algorithm else SUITES[self.profile.version]

    @property
    def identification_code(self) -> IdentificationCode:
        """Where the last four bytes of item 01 come from."""
        return IdentificationCode(self.document.identification_code)

    @property
    def face(self) -> Mapping[str, Any]:
        """``[face]`` as it is written: the business of whoever prints."""
        return MappingProxyType(self.document.face)

    def __repr__(self) -> str:
        return f"<Template: {self.profile.version}, {self.document.region}, {len(self.uses)} placeholders>"


def parse(text: str, *, regional: RegionalProfiles = _NO_REGIONS) -> Template:
    """The template in a TOML text.

    ``regional``: what the deployment's regions add to their cards; what applies to the template's region, applies.
    Raises :class:`~cardlib.issuance.faults.OrderFaultsError` with everything that is wrong.
    """
    faults: list[Fault] = []
    try:
        template = _Reading(tables(text), regional, faults).template()
    except ValueError as error:
        raise OrderFaultsError([Fault("template", str(error))]) from None
    except RecursionError:
        raise OrderFaultsError([Fault("template", TOO_DEEP)]) from None
    if template is None:
        raise OrderFaultsError(faults)
    return template


class _Probe(Source):
    """Notes what the placeholders of one place stand for; gives blanks."""

    def __init__(self, place: str, uses: dict[str, Use]) -> None:
        self._place = place
        self._uses = uses

    def value(self, placeholder: Placeholder, schema: Schema, fill: int) -> Value:  # noqa: ARG002
        self.note(placeholder, in_words(schema))
        return None

    def note(self, placeholder: Placeholder, takes: str) -> None:
        use = self._uses.setdefault(placeholder.name, Use(placeholder.name))
        use.stands(self._place, takes, optional=placeholder.optional)


class _Reading:
    """One template being read; ``faults`` grows."""

    def __init__(self, tables_: Mapping[str, Any], regional: RegionalProfiles, faults: list[Fault]) -> None:
        self._tables = tables_
        self._regional = regional
        self._faults = faults
        self._uses: dict[str, Use] = {}

    def template(self) -> Template | None:
        """None where ``faults`` says why."""
        try:
            document = Document.model_validate(self._tables)
        except ValidationError as error:
            self._faults += map(split, told(error))
            document = None
        version = self._tables.get("version")
        base = _PROFILES.get(version) if isinstance(version, str) else None
        if base is None:
            self._fault("version", "items are checked once it is right", "更正版本后再检查数据项")
            return None
        region = self._tables.get("region")
        profile = self._regional.profile_for(base, region if isinstance(region, str) else None)
        fixed, awaited = self._items(profile)
        if document is None:
            return None
        self._checked_regional(document, base)
        self._checked_building(document)
        self._faults += structure_faults(profile, pin=bool(document.pin.value) or document.premade)
        if document.premade:
            self._checked_writable(profile, fixed, awaited)
        else:
            fixed = self._with_version(profile, fixed, awaited)
        self._checked_identifier(document, fixed, awaited)
        if self._faults:
            return None
        return Template(
            document=document,
            profile=profile,
            fixed=MappingProxyType(fixed),
            awaited=MappingProxyType(awaited),
            uses=MappingProxyType(self._uses),
            warnings=tuple(_warnings(document, fixed, awaited)),
        )

    def _fault(self, place: str, message: str, message_zh: str = "") -> None:
        self._faults.append(Fault(place, message, message_zh))

    def _items(self, profile: CardProfile) -> tuple[dict[str, Mapping[str, Value]], dict[str, Any]]:
        """What is written for the items, without and with placeholders; mistakes are told, and left out."""
        mistakes: list[str] = []
        fixed: dict[str, Mapping[str, Value]] = {}
        awaited: dict[str, Any] = {}
        for file, place, written in written_files(profile, self._tables, mistakes):
            plain, open_ = self._apart(file, place, written, mistakes)
            fixed[file.name] = file_values(file, plain, place, mistakes)
            if open_:
                awaited[file.name] = open_
            self._checked_together(file, place, fixed[file.name], open_, mistakes)
        self._faults += map(split, mistakes)
        return fixed, awaited

    def _apart(self, file: ElementaryFile, place: str, written: object, mistakes: list[str]) -> tuple[Any, Any]:
        """What is written without placeholders, and what is written with them; notes what those stand for."""
        if isinstance(file, CyclicFile):
            found = self._noted(file, place, written, mistakes)
            return ([], written) if found else (written, None)
        if not isinstance(written, Mapping):
            return written, None
        open_ = {
            name: value
            for name, value in written.items()
            if self._noted(file, f"{place}.{name}", {name: value}, mistakes, place)
        }
        return {name: value for name, value in written.items() if name not in open_}, open_

    def _noted(
        self, file: ElementaryFile, place: str, written: object, mistakes: list[str], table: str | None = None
    ) -> bool:
        """Whether there are placeholders in it."""
        try:
            found = placeholders(written)
        except SchemaError as error:
            mistakes.append(f"{place}: {error.reason}")
            return True
        if found:
            file_values(file, filled(written, _Probe(place, self._uses)), table or place, mistakes)
        return bool(found)

    @staticmethod
    def _checked_together(
        file: ElementaryFile, place: str, fixed: Mapping[str, Value], open_: Any, mistakes: list[str]
    ) -> None:
        """Values that are sound each for itself and do not go together; and an account begins whole or not at all."""
        if mistakes_in(place, mistakes):
            return
        if isinstance(file, InternalFile):
            missing = [item.name for item in file.items if item.name not in {**fixed, **(open_ or {})}]
            mistakes.extend(f"{place}: {name} is missing: the operating system needs all of it" for name in missing)
        if not (open_ and isinstance(file, CyclicFile)):
            try:
                file.encode(fixed)
            except ItemError as error:
                mistakes.append(f"{place}.{error.item}: {error.reason}")

    def _checked_regional(self, document: Document, base: CardProfile) -> None:
        applying = [one.title for one in self._regional.profiles if one.applies(base.version, document.region)]
        if document.regional is not None and document.regional not in applying:
            self._fault(
                "regional",
                "no regional profile of this title applies to this region and version",
                "没有适用于该地区和版本的同名地方扩展配置",
            )

    def _checked_building(self, document: Document) -> None:
        """What belongs to the chip, its keys and its PIN."""
        if document.premade:
            for name in OF_BUILDING:
                if name in self._tables:
                    self._fault(name, "is fixed already on a premade card: leave it out", "预制卡已确定此项，请删去")
            return
        if document.chip is None:
            self._fault("chip", 'is missing: "t514" or "fmcos", or premade = true', "缺少芯片操作系统名称")
        try:
            found = placeholder_in(document.pin.value)
        except SchemaError as error:
            self._fault(PIN_PLACE, error.reason)
        else:
            if found:
                _Probe(PIN_PLACE, self._uses).note(found, "PIN of 4 to 12 digits")
        self._checked_historical(document.historical_bytes)

    def _checked_historical(self, written: str | None) -> None:
        if written is None:
            return
        found = [piece for piece in pieces(written) if isinstance(piece, Placeholder)]
        if not found:
            try:
                historical_bytes(written)
            except ValueError as error:
                self._fault(HISTORICAL_PLACE, str(error))
        for placeholder in found:
            if placeholder.optional:
                self._fault(HISTORICAL_PLACE, "cannot be blank", "不能为空")
            _Probe(HISTORICAL_PLACE, self._uses).note(placeholder, "hexadecimal digits of the historical bytes")

    def _checked_writable(
        self, profile: CardProfile, fixed: Mapping[str, Mapping[str, Value]], awaited: Mapping[str, Any]
    ) -> None:
        """On a card that is made, files are written by their rules, and only those that have something."""
        for name in {**fixed, **awaited}:
            file = profile.file_named(name)
            if file.update in {NEVER, NONE, COS}:
                self._fault(place_of(name), "no key opens it on a premade card", "预制卡上无密钥可更新该文件")
        if not any((*fixed.values(), *awaited.values())):
            self._fault("template", "writes nothing", "没有要写入的数据")

    def _with_version(
        self, profile: CardProfile, fixed: dict[str, Mapping[str, Value]], awaited: Mapping[str, Any]
    ) -> dict[str, Mapping[str, Value]]:
        """With item 03, by which readers know the layout."""
        issuer = {"spec_version": f"{profile.version}0", **fixed.get("issuer", {})}
        stated = issuer["spec_version"]
        if "spec_version" in awaited.get("issuer", {}) or not str(stated).startswith(profile.version):
            self._fault(f"{place_of('issuer')}.spec_version", "is not the template's version", "与模板版本不一致")
        return {**fixed, "issuer": issuer}

    def _checked_identifier(
        self, document: Document, fixed: Mapping[str, Mapping[str, Value]], awaited: Mapping[str, Any]
    ) -> None:
        """Item 01 is stated exactly where the template says that it is given."""
        place = f"{place_of('issuer')}.card_identifier"
        stated = fixed.get("issuer", {}).get("card_identifier")
        is_awaited = "card_identifier" in awaited.get("issuer", {})
        given = document.identification_code == IdentificationCode.GIVEN.value and not document.premade
        if given and stated is None and not is_awaited:
            self._fault(place, 'is missing: identification_code = "given"', "缺少卡的识别码")
        if not given and ("card_identifier" in fixed.get("issuer", {}) or is_awaited):
            self._fault(place, 'is made with the card, unless identification_code = "given"', "卡的识别码由制卡时生成")
        if isinstance(stated, CardIdentifier) and stated.region != document.region:
            self._fault(place, "its region is not the template's", "地区代码与模板不一致")


def _warnings(
    document: Document, fixed: Mapping[str, Mapping[str, Value]], awaited: Mapping[str, Any]
) -> Iterator[Fault]:
    if not province(document.region).known and not document.region.startswith(_TEST_REGIONS):
        yield Fault("region", "there is no such province", "省级行政区划代码不存在")
    stated = {**fixed.get("holder", {}), **awaited.get("holder", {})}
    if not {"social_security_number", "name"} <= stated.keys():
        yield Fault(place_of("holder"), "the cards will have no holder yet", "卡内尚无持卡人信息")
