"""The certificate of a card that was made (制卡证书): what was written, what proves it, by whom, when and where."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from typing import Any, Final, Self

from rich.cells import cell_len

from cardlib.issuance.questions import Stage
from cardlib.issuance.report import CardReport, KeyProof
from services.errors import CertificateDamagedError
from services.issuance.digests import Digests

FORM: Final = "sscard.v1/card-certificate"
NUMBER: Final = 16
"""Hexadecimal digits of a certificate's number, which are the first of its SHA-256."""


class Kind(Enum):
    """What was done to the card (证书类别); the value is its Chinese term."""

    MAKING = "制卡"
    """The whole card was made: the certificate states all of it."""
    PERSONALISATION = "预制卡个人化"
    """A pre-made card got its holder: the certificate states what was written, and the keys that were used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How a card came to be made: the request, who, where, and by which template (制卡过程)."""

    kind: Kind = Kind.MAKING

    request_id: str
    operator: str
    station: str
    template: str
    template_version: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: its canonical JSON, byte by byte. Neither names nor PINs nor keys are in it.

    Files stand in it with keyed digests (:mod:`services.issuance.digests`): whoever has the key can compare a card
    with it, and nobody else can guess whose card it is.
    """

    document: bytes = field(repr=False)

    @classmethod
    def of(cls, report: CardReport, making: Making, made: datetime, digests: Digests) -> Self:
        """The certificate of a card; ``made`` has its time zone."""
        told = {
            "form": FORM,
            "kind": making.kind.name,
            "request_id": making.request_id,
            "made": made.astimezone(UTC).isoformat(timespec="seconds"),
            "operator": making.operator,
            "station": making.station,
            "template": {"name": making.template, "version": making.template_version},
            "card": {
                "version": report.version,
                "algorithm": report.algorithm.name,
                "chip": report.chip,
                "atr": report.atr.hex(),
                "historical_bytes": report.historical_bytes.hex(),
                "card_identifier": report.card_identifier.hex(),
                "pin_tries": report.pin_tries,
            },
            "digest_key": digests.key_id,
            "files": [
                {
                    "name": file.name,
                    "records": file.records,
                    "size": file.size,
                    "hmac_sha256": digests.of_file(file.name, file.digest).hex(),
                }
                for file in report.files
            ],
            "keys": [
                {
                    "name": proven.key.name,
                    "version": proven.key.version,
                    "directory": proven.directory,
                    "proof": proven.proof.name,
                    "check_value": proven.check_value.hex(),
                }
                for proven in report.keys
            ],
            "commands": dict(report.commands),
        }
        return cls(canonical(told))

    @classmethod
    def load(cls, document: bytes, number: str = "") -> Self:
        """A certificate as it was stored or handed over, under its number unless that is not known.

        Raises :class:`~services.errors.CertificateDamagedError` when it is not one, or not as it was made.
        """
        loaded = cls(document)
        try:
            told = json.loads(document)
            sound = told["form"] == FORM and canonical(told) == document and bool(loaded.page())
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound or (number and number != loaded.number):
            raise CertificateDamagedError(number or "without a number")
        return loaded

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the document, 32 bytes."""
        return sha256(self.document).digest()

    @property
    def number(self) -> str:
        """The certificate's number (证书编号): the beginning of its SHA-256, so that it checks itself."""
        return self.sha256.hex()[:NUMBER]

    @property
    def told(self) -> dict[str, Any]:
        """What the document says."""
        told: dict[str, Any] = json.loads(self.document)
        return told

    @property
    def kind(self) -> Kind:
        """What was done to the card."""
        return Kind[self.told["kind"]]

    @property
    def chip(self) -> bytes:
        """Historical bytes of the card's ATR, by which it is known."""
        return bytes.fromhex(self.told["card"]["historical_bytes"])

    @property
    def made(self) -> datetime:
        """When the card was made, in UTC."""
        return datetime.fromisoformat(self.told["made"])

    def page(self) -> str:
        """The certificate as one page of text, to be printed."""
        told = self.told
        card, template = told["card"], told["template"]
        tries = "未设置" if card["pin_tries"] is None else f"剩余 {card['pin_tries']} 次"
        lines = [
            "社会保障卡制卡证书  Card certificate",
            "",
            *_table(
                ("证书编号 certificate", self.number),
                ("证书类别 kind", f"{self.kind.value} {self.kind.name.lower()}"),
                ("请求编号 request", told["request_id"]),
                ("制卡时间 made", told["made"]),
                ("制卡人员 operator", told["operator"] or "-"),
                ("制卡设备 station", told["station"] or "-"),
                ("卡模板 template", " ".join(filter(None, (template["name"], template["version"])))),
                ("规范版本 version", card["version"]),
                ("算法 algorithm", card["algorithm"]),
                ("芯片操作系统 chip", card["chip"] or "-"),
                ("复位信息 ATR", card["atr"].upper()),
                ("卡的识别码 card identifier", card["card_identifier"].upper()),
                ("个人密码 PIN", tries),
            ),
            "",
            f"数据文件 files ({len(told['files'])})",
            *_table(
                *(
                    (file["name"], f"{file['records']:3} 条 {file['size']:6} 字节  {file['hmac_sha256'][:16]}…")
                    for file in told["files"]
                )
            ),
            "",
            f"密钥 keys ({len(told['keys'])})",
            *_table(*_keys_by_directory(told["keys"])),
            "",
            "发送命令 commands: "
            + ", ".join(f"{_stage(stage)} {number}" for stage, number in told["commands"].items()),
            "各密钥的版本与校验值见证书文件。 Versions and check values of the keys stand in the certificate's file.",
            f"SHA-256: {self.sha256.hex()}",
        ]
        return "\n".join(lines) + "\n"

    def compared(self, report: CardReport, digests: Digests, earlier: "Sequence[Certificate]" = ()) -> "Comparison":
        """A card as it is now beside the certificate. The PIN's tries are not compared: they change with use.

        ``earlier``: older ones of the same chip, the newest first; where this one is of a personalisation, they say
        what it leaves out.
        """
        card = self.told["card"]
        facts = {
            "chip": (card["historical_bytes"], report.historical_bytes.hex()),
            "card identifier": (card["card_identifier"], report.card_identifier.hex()),
            "version": (card["version"], report.version),
            "algorithm": (card["algorithm"], report.algorithm.name),
        }
        then: dict[str, str] = {}
        states_all = False
        for one in (self, *earlier):
            then |= {name: value for name, value in one.stated(digests).items() if not then.get(name)}
            if one.kind is Kind.MAKING:
                states_all = True
                break
        now = {
            f"key {key.directory} {key.key.name} of version {key.key.version}": key.check_value.hex()
            for key in report.keys
        }
        now |= {f"file {file.name}": digests.of_file(file.name, file.digest).hex() for file in report.files}
        comparable = {name for name in then if then[name] and now.get(name)}
        return Comparison(
            differences=(
                *(f"the {name} is another one" for name, (before, after) in facts.items() if before != after),
                *(f"the {name} was changed" for name in then if name in comparable and then[name] != now[name]),
                *(f"the {name} is not in the certificate" for name in now if states_all and name not in then),
            ),
            not_compared=tuple(name for name in then if name not in comparable),
        )

    def stated(self, digests: Digests) -> dict[str, str]:
        """Check values of keys, then digests of files, by their names; "" for what cannot be compared."""
        told = self.told
        known = told["digest_key"] == digests.key_id
        stated = {f"key {_key(key)}": key["check_value"] for key in told["keys"]}
        return stated | {f"file {file['name']}": file["hmac_sha256"] if known else "" for file in told["files"]}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A card beside its certificate: what is not the same, in sentences, and what could not be looked at.

    Only while a card is built do its master keys show themselves; without its PIN some files are closed; files are not
    compared under another digest key, and keys not without a check value.
    """

    differences: tuple[str, ...]
    not_compared: tuple[str, ...]


def canonical(told: object) -> bytes:
    """JSON of which there is one form only: keys in order, no spaces, UTF-8."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _key(key: dict[str, Any]) -> str:
    return f"{key['directory']} {key['name']} of version {key['version']}"


def _table(*rows: tuple[str, str]) -> list[str]:
    """Two columns, for Chinese characters that are twice as wide."""
    width = max((cell_len(name) for name, _ in rows), default=0)
    return [f"  {name}{' ' * (width - cell_len(name))}  {value}" for name, value in rows]


def _keys_by_directory(keys: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """How many keys each directory has, and how they were proven."""
    proofs: dict[str, Counter[str]] = {}
    for key in keys:
        proofs.setdefault(key["directory"], Counter())[_proof(key["proof"])] += 1
    return [
        (name, f"{found.total():3} 个  {', '.join(f'{proof} {number}' for proof, number in found.items())}")
        for name, found in proofs.items()
    ]


def _proof(name: str) -> str:
    return KeyProof[name].value if name in KeyProof.__members__ else name


def _stage(name: str) -> str:
    return Stage[name].value if name in Stage.__members__ else name
