"""What the demonstration has to have told, wherever the cards are."""

import re

from rich.cells import cell_len

from services.demo.people import MEDICAL_CARD, OF_BANK, OF_HOSPITAL, OF_PHARMACY, PINS
from services.demo.story import WRONG_PIN
from simulator.people import INITIAL_PIN

ACTIVATED_NOW, ACTIVATED_BEFORE = "activated now", "activated before"

STEPS = (
    *[("administrator", "RegisterInstitution", ())] * 5,
    ("issuer", "PersonaliseCard", ("examined → opened → building → sealing → writing → done", "certificate")),
    ("supervisor", "GetPerson", (f"{OF_BANK.name}: ISSUED",)),
    ("issuer", "PersonaliseCard", ("examined → opened → building → sealing → writing → done", "certificate")),
    ("supervisor", "GetPerson", (f"{OF_PHARMACY.name}: ISSUED",)),
    ("supervisor", "RegisterPerson", ()),
    ("hospital", "ReadIdentity", (OF_HOSPITAL.name, OF_HOSPITAL.number, "proven")),
    ("supervisor", "RegisterCard", ()),
    *[("supervisor", "RegisterMedicalCard", ())] * len(MEDICAL_CARD),
    *[("teller", "DeliverCard", ("DELIVERED", "to be activated by"))] * 3,
    ("teller", "ActivateAtBank", ("✗ DOCUMENT_MISMATCH",)),
    ("teller", "ActivateAtBank", (f"{OF_BANK.name}: ACTIVATED", ACTIVATED_NOW)),
    ("teller", "ActivateAtBank", (f"{OF_BANK.name}: ACTIVATED", ACTIVATED_NOW)),
    ("teller", "AcquireCard", ()),
    ("teller", "VerifyPin", ("✓ REJECTED", "tries left 5")),
    ("teller", "VerifyPin", ("✓ OK",)),
    ("teller", "GetPinStatus", ("已验证 verified", "tries left 6")),
    ("teller", "ReadIdentity", (OF_BANK.name, OF_BANK.number, "proven")),
    ("teller", "ReleaseCard", ()),
    ("pharmacy", "ActivateAtPharmacy", ("换插社会保障卡", f"{OF_PHARMACY.name}: ACTIVATED", ACTIVATED_NOW)),
    ("supervisor", "ListActivationReminders", (f"{OF_HOSPITAL.name}: 剩余天数 days left -",)),
    ("supervisor", "ApplyActivationDeadlines", ("overdue 1", "restricted now 1")),
    ("supervisor", "ApplyActivationDeadlines", ("overdue 1", "restricted now 0")),
    ("supervisor", "GetActivation", ("DELIVERED, 逾期 overdue", "original medical card: RESTRICTED")),
    ("hospital", "ActivateAtHospital", (f"{OF_HOSPITAL.name}: ACTIVATED", ACTIVATED_NOW)),
    ("hospital", "ActivateAtHospital", (f"{OF_HOSPITAL.name}: ACTIVATED", ACTIVATED_BEFORE)),
    ("supervisor", "GetActivation", ("ACTIVATED", "original medical card: VALID")),
    ("hospital", "AcquireCard", ()),
    ("hospital", "VerifyPin", ("✓ OK",)),
    ("hospital", "ReadFiles", ("pension", "110", "medical_insurance", "offline_settlement", "123.45 元")),
    ("auditor", "sscard audit verify", ("unbroken 审计链完整",)),
)
"""Who does what, and what it comes to."""

_STEP = re.compile(r"^ ?(\d+)\. \S+ (\w+) → (?:\w+Service\.)?(.+)$", re.MULTILINE)


def check(told: str) -> None:
    """Every step in its order with what came of it, 80 columns at most, the whole audit, and no PIN."""
    found = [*_STEP.finditer(told)]
    assert [(step[2], step[3]) for step in found] == [(role, method) for role, method, _ in STEPS]
    assert [int(step[1]) for step in found] == [*range(1, len(STEPS) + 1)]
    ends = [*(step.start() for step in found[1:]), len(told)]
    for step, end, (_, method, texts) in zip(found, ends, STEPS, strict=True):
        for text in texts:
            assert text in told[step.end() : end], (step[1], method)
    assert max(map(cell_len, told.splitlines())) <= 80
    audited = re.search(r"(\d+) entries, unbroken 审计链完整; signed up to entry (\d+)\n", told)
    assert audited, told[-500:]
    assert audited[1] == audited[2]
    # Calls of the story, and those that look whether a card is there; the auditor's command is none.
    assert int(audited[1]) >= len(STEPS) - 1
    for pin in (*PINS.values(), WRONG_PIN, INITIAL_PIN.reveal().hex()):
        # Numbers of cards and certificates may have the same digits among theirs.
        assert not re.search(rf"(?<!\w){pin}(?!\w)", told)
