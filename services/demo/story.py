"""The story (演示): cards of three people are made, handed out, activated in three ways, and used."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from services.counter import utc_now
from services.demo.desk import Desk, wait_until
from services.demo.people import MEDICAL_CARD, OF_BANK, OF_HOSPITAL, OF_PHARMACY, OLD_CARD, PINS, Holder
from services.demo.players import ADMINISTRATOR, HOSPITAL, ISSUER, PHARMACY, SUPERVISOR, TELLER, Players
from services.demo.telling import Narrator
from services.registry.days import today
from sscard.v1 import activation_pb2, card_pb2, issuance_pb2, lease_pb2, pin_pb2, reader_pb2, registry_pb2
from sscard.v1.activation_pb2_grpc import ActivationServiceStub
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub
from sscard.v1.pin_pb2_grpc import PinServiceStub
from sscard.v1.registry_pb2_grpc import RegistryServiceStub

LONG: Final = 120.0
"""Seconds that a call may take: through a PC/SC daemon the making of a card takes a few."""
LATE: Final = timedelta(days=220)
"""How long ago one of the cards was handed out: more than half a year."""
WRONG_PIN: Final = "246813"
ACCOUNT_FILES: Final = ("pension", "medical_insurance", "offline_settlement")


class Story:
    """One run of it, on a desk, with everybody's channels."""

    def __init__(self, desk: Desk, players: Players, narrator: Narrator) -> None:
        self._desk = desk
        self._players = players
        self._tell = narrator
        self._first, self._second = desk.readers[:2]
        self._cards: dict[Holder, registry_pb2.RegisteredCard] = {}

    def run(self) -> None:
        """From blank chips to the last activation. Raises :class:`grpc.RpcError` where a call fails."""
        for reader in (self._first, self._second):
            self._noticed(reader, reader_pb2.SLOT_STATE_EMPTY)
        self._enter_institutions()
        self._issue(OF_BANK)
        self._issue(OF_PHARMACY)
        self._enter_card_of_elsewhere()
        self._deliver()
        self._activate_at_bank()
        self._use_pin()
        self._activate_at_pharmacy()
        self._apply_half_year_rule()
        self._activate_at_hospital()
        self._read_account_files()

    def _enter_institutions(self) -> None:
        self._tell.chapter("登记机构", "The institutions")
        registry = RegistryServiceStub(self._players[ADMINISTRATOR])
        kinds = registry_pb2.InstitutionKind
        for caller, name, kind in (
            (SUPERVISOR, "示例市社保中心", kinds.INSTITUTION_KIND_OFFICE),
            (ISSUER, "示例市制卡中心", kinds.INSTITUTION_KIND_ISSUER),
            (TELLER, "示例银行一号网点", kinds.INSTITUTION_KIND_BANK),
            (HOSPITAL, "示例医院", kinds.INSTITUTION_KIND_HOSPITAL),
            (PHARMACY, "示例药店", kinds.INSTITUTION_KIND_PHARMACY),
        ):
            self._tell.step(ADMINISTRATOR, "RegistryService.RegisterInstitution", name, caller.institution)
            request = registry_pb2.RegisterInstitutionRequest(
                request_id=_new_id(), code=caller.institution, name=name, kind=kind
            )
            registry.RegisterInstitution(request, timeout=LONG)

    def _issue(self, holder: Holder) -> None:
        self._tell.chapter(f"为{holder.name}制卡", f"A card for {holder.english}")
        self._insert(self._first, holder.card, holder.kind)
        order = issuance_pb2.CardOrder(template=holder.template, person=holder.order)
        request = issuance_pb2.PersonaliseCardRequest(
            reader=self._first, request_id=_new_id(), order=order, operator=ISSUER.name
        )
        self._tell.step(ISSUER, "IssuanceService.PersonaliseCard", "空白芯片制卡", f"from a {holder.kind} chip")
        stages: list[str] = []
        stub = IssuanceServiceStub(self._players[ISSUER])
        for event in stub.PersonaliseCard(request, timeout=LONG):
            if event.HasField("progress"):
                stage = issuance_pb2.IssuanceStage.Name(event.progress.stage).removeprefix("ISSUANCE_STAGE_").lower()
                if stage not in stages:
                    stages.append(stage)
            else:
                self._tell.result(" → ".join(stages))
                self._tell.result(f"证书 certificate {event.issued.certificate.number}")
        self._cards[holder] = self._registered(holder)
        self._remove(self._first)

    def _registered(self, holder: Holder) -> registry_pb2.RegisteredCard:
        number = registry_pb2.GetPersonRequest(social_security_number=holder.number)
        registry = RegistryServiceStub(self._players[SUPERVISOR])
        self._tell.step(SUPERVISOR, "RegistryService.GetPerson", "登记状态", "what the registry has")
        card = registry.GetPerson(number, timeout=LONG).cards[0]
        self._tell.result(f"{holder.name}: {_state(card)}")
        return card

    def _enter_card_of_elsewhere(self) -> None:
        self._tell.chapter(f"登记{OF_HOSPITAL.name}的卡", f"The card of {OF_HOSPITAL.english}, made elsewhere")
        registry = RegistryServiceStub(self._players[SUPERVISOR])
        self._tell.step(SUPERVISOR, "RegistryService.RegisterPerson", "登记人员", "a person")
        person = registry_pb2.Person(social_security_number=OF_HOSPITAL.number, name=OF_HOSPITAL.name, phone="12333")
        registry.RegisterPerson(registry_pb2.RegisterPersonRequest(request_id=_new_id(), person=person), timeout=LONG)
        self._insert(self._first, OF_HOSPITAL.card, OF_HOSPITAL.kind)
        self._tell.step(HOSPITAL, "CardService.ReadIdentity", "读取卡片", "read the card")
        identity = CardServiceStub(self._players[HOSPITAL]).ReadIdentity(
            card_pb2.ReadIdentityRequest(reader=self._first), timeout=LONG
        )
        self._tell.show(identity)
        issuer = identity.identity.issuer
        self._tell.step(SUPERVISOR, "RegistryService.RegisterCard", "登记卡片", "the card")
        self._cards[OF_HOSPITAL] = registry.RegisterCard(
            registry_pb2.RegisterCardRequest(
                request_id=_new_id(),
                card_identifier=issuer.card_identifier,
                card_number=issuer.card_number,
                social_security_number=OF_HOSPITAL.number,
            ),
            timeout=LONG,
        ).card
        self._remove(self._first)
        for holder, number in MEDICAL_CARD.items():
            self._tell.step(SUPERVISOR, "RegistryService.RegisterMedicalCard", "登记原医疗卡", holder.english)
            registry.RegisterMedicalCard(
                registry_pb2.RegisterMedicalCardRequest(
                    request_id=_new_id(), social_security_number=holder.number, number=number
                ),
                timeout=LONG,
            )

    def _deliver(self) -> None:
        self._tell.chapter("领卡", "The cards are handed out")
        registry = RegistryServiceStub(self._players[TELLER])
        for holder, received in ((OF_BANK, ""), (OF_PHARMACY, ""), (OF_HOSPITAL, str(today(utc_now) - LATE))):
            self._tell.step(TELLER, "RegistryService.DeliverCard", "核对证件并发卡", holder.english)
            request = registry_pb2.DeliverCardRequest(
                request_id=_new_id(),
                card=registry_pb2.CardReference(id=self._cards[holder].id),
                document=holder.document(),
                received_date=received,
            )
            card = registry.DeliverCard(request, timeout=LONG).card
            self._tell.result(f"{holder.name}: {_state(card)}, 领卡 received {card.received_date}")
            self._tell.result(f"激活期限 to be activated by {card.activation_deadline}")

    def _activate_at_bank(self) -> None:
        self._tell.chapter("银行网点激活", "Activation at the bank")
        self._insert(self._first, OF_BANK.card)
        stub = ActivationServiceStub(self._players[TELLER])
        request = activation_pb2.ActivateAtBankRequest(
            reader=self._first, request_id=_new_id(), document=OF_PHARMACY.document(), new_pin=PINS[OF_BANK]
        )
        self._tell.step(TELLER, "ActivationService.ActivateAtBank", "他人证件", "somebody else's document")
        self._tell.refused(lambda: list(stub.ActivateAtBank(request, timeout=LONG)), "DOCUMENT_MISMATCH")
        request.request_id = _new_id()
        request.document.CopyFrom(OF_BANK.document())
        self._tell.step(TELLER, "ActivationService.ActivateAtBank", "本人证件，设新密码", "the holder's; a new PIN")
        self._told(stub.ActivateAtBank(request, timeout=LONG))
        self._tell.step(TELLER, "ActivationService.ActivateAtBank", "同一请求重发", "the same request once more")
        self._told(stub.ActivateAtBank(request, timeout=LONG))

    def _use_pin(self) -> None:
        self._tell.chapter("密码与读卡", "PIN and identity")
        channel = self._players[TELLER]
        cards, pins = CardServiceStub(channel), PinServiceStub(channel)
        self._tell.step(TELLER, "CardService.AcquireCard", "占用卡片", "keep the card")
        acquire = lease_pb2.AcquireCardRequest(reader=self._first)
        held = cards.AcquireCard(acquire, timeout=LONG).state.lease
        for pin, words, english in (
            (WRONG_PIN, "密码错误", "a wrong PIN"),
            (PINS[OF_BANK], "密码正确", "the right one"),
        ):
            self._tell.step(TELLER, "PinService.VerifyPin", words, english)
            self._verified(pins, held, pin)
        self._tell.step(TELLER, "PinService.GetPinStatus", "查询密码状态", "which costs no try")
        status = pins.GetPinStatus(pin_pb2.GetPinStatusRequest(lease=held), timeout=LONG)
        verified = "已验证 verified" if status.verified else "未验证 not verified"
        self._tell.result(f"{verified}, 剩余次数 tries left {status.tries_left}")
        self._tell.step(TELLER, "CardService.ReadIdentity", "读取基本信息", "identity")
        identity = card_pb2.ReadIdentityRequest(lease=held)
        self._tell.show(cards.ReadIdentity(identity, timeout=LONG))
        self._tell.step(TELLER, "CardService.ReleaseCard", "释放卡片", "let it go: the card forgets the PIN")
        cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=held), timeout=LONG)
        self._remove(self._first)

    def _activate_at_pharmacy(self) -> None:
        self._tell.chapter("药店激活", "At the pharmacy: the old card, then the new one")
        request = activation_pb2.ActivateAtPharmacyRequest(
            request_id=_new_id(), medical_card_reader=self._second, swap_seconds=60, new_pin=PINS[OF_PHARMACY]
        )
        self._tell.step(PHARMACY, "ActivationService.ActivateAtPharmacy", "一台读卡器，先旧后新", "one reader, a swap")
        stub = ActivationServiceStub(self._players[PHARMACY])
        self._told(stub.ActivateAtPharmacy(request, timeout=LONG))
        self._remove(self._second)

    def _apply_half_year_rule(self) -> None:
        self._tell.chapter("半年激活期限", "The half-year rule")
        channel = self._players[SUPERVISOR]
        stub = ActivationServiceStub(channel)
        self._tell.step(SUPERVISOR, "ActivationService.ListActivationReminders", "提醒名单", "who is to be reminded")
        for reminder in stub.ListActivationReminders(
            activation_pb2.ListActivationRemindersRequest(days=30), timeout=LONG
        ):
            self._tell.result(f"{reminder.person.name}: 剩余天数 days left {reminder.days_left}")
        for words, english in (("执行", "apply the rule"), ("再次执行", "once more changes nothing")):
            self._tell.step(SUPERVISOR, "ActivationService.ApplyActivationDeadlines", words, english)
            apply = activation_pb2.ApplyActivationDeadlinesRequest(request_id=_new_id())
            done = stub.ApplyActivationDeadlines(apply, timeout=LONG)
            self._tell.result(f"逾期 overdue {done.overdue}, 本次限制 restricted now {done.restricted}")
        self._show_activation(OF_HOSPITAL)

    def _activate_at_hospital(self) -> None:
        self._tell.chapter("医院激活", "Activation at the hospital, by the first registration")
        self._insert(self._first, OF_HOSPITAL.card)
        stub = ActivationServiceStub(self._players[HOSPITAL])
        for words, english in (("首次门诊登记", "the first registration"), ("再次登记", "a later one just reads")):
            request = activation_pb2.ActivateAtHospitalRequest(
                reader=self._first,
                request_id=_new_id(),
                registration=activation_pb2.REGISTRATION_OUTPATIENT,
                new_pin=PINS[OF_HOSPITAL],
            )
            self._tell.step(HOSPITAL, "ActivationService.ActivateAtHospital", words, english)
            self._told(stub.ActivateAtHospital(request, timeout=LONG))
        self._show_activation(OF_HOSPITAL)

    def _read_account_files(self) -> None:
        self._tell.chapter("读取账户文件", "Account files, with the PIN")
        channel = self._players[HOSPITAL]
        cards, pins = CardServiceStub(channel), PinServiceStub(channel)
        self._tell.step(HOSPITAL, "CardService.AcquireCard", "占用卡片", "keep the card")
        held = cards.AcquireCard(lease_pb2.AcquireCardRequest(reader=self._first), timeout=LONG).state.lease
        self._tell.step(HOSPITAL, "PinService.VerifyPin", "验证密码", "the holder's PIN")
        self._verified(pins, held, PINS[OF_HOSPITAL])
        self._tell.step(HOSPITAL, "CardService.ReadFiles", "读取账户文件", "account files")
        files = card_pb2.ReadFilesRequest(lease=held, files=ACCOUNT_FILES)
        self._tell.show(cards.ReadFiles(files, timeout=LONG))
        cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=held), timeout=LONG)
        self._remove(self._first)

    def _verified(self, pins: PinServiceStub, held: lease_pb2.CardLease, pin: str) -> None:
        answer = pins.VerifyPin(pin_pb2.VerifyPinRequest(lease=held, pin=pin), timeout=LONG)
        result = pin_pb2.PinResult.Name(answer.result).removeprefix("PIN_RESULT_")
        self._tell.result(f"{result}, 剩余次数 tries left {answer.tries_left}")

    def _told(self, events: Iterable[Any]) -> None:
        """The prompts of an activation done, as they come, and its outcome."""
        for event in events:
            if event.HasField("prompt"):
                self._tell.happens(event.prompt.text)
                self._follow(event.prompt)
            elif event.HasField("outcome"):
                outcome, words = event.outcome, "本次激活 activated now"
                if not outcome.activated:
                    words = "此前已激活 activated before"
                self._tell.result(f"{outcome.name}: {_state(outcome.activation.card)}; {words}")

    def _follow(self, prompt: activation_pb2.ActivationPrompt) -> None:
        """What the customer's hands do."""
        actions = activation_pb2.ActivationPrompt
        if prompt.action == actions.ACTION_INSERT_MEDICAL_CARD:
            self._desk.insert(prompt.reader, OLD_CARD, "1.0")
            return
        if prompt.action == actions.ACTION_SWAP_CARDS:
            self._desk.remove(prompt.reader)
        self._desk.insert(prompt.reader, OF_PHARMACY.card)

    def _show_activation(self, holder: Holder) -> None:
        self._tell.step(SUPERVISOR, "ActivationService.GetActivation", "激活状态", holder.english)
        request = activation_pb2.GetActivationRequest(card=registry_pb2.CardReference(id=self._cards[holder].id))
        found = ActivationServiceStub(self._players[SUPERVISOR]).GetActivation(request, timeout=LONG)
        overdue = "逾期 overdue" if found.overdue else "未逾期 in time, or activated"
        states = [
            registry_pb2.MedicalCardState.Name(card.state).removeprefix("MEDICAL_CARD_STATE_")
            for card in found.medical_cards
        ]
        self._tell.result(f"{_state(found.card)}, {overdue}")
        self._tell.result(f"原医疗卡 original medical card: {', '.join(states)}")

    def _insert(self, reader: str, card: str, kind: str = "") -> None:
        self._desk.insert(reader, card, kind)
        self._noticed(reader, reader_pb2.SLOT_STATE_CARD)

    def _remove(self, reader: str) -> None:
        self._desk.remove(reader)
        self._noticed(reader, reader_pb2.SLOT_STATE_EMPTY)

    def _noticed(self, reader: str, slot: reader_pb2.SlotState.ValueType) -> None:
        wait_until(self._players[TELLER], reader, slot)


def _new_id() -> str:
    return str(uuid.uuid4())


def _state(card: registry_pb2.RegisteredCard) -> str:
    return registry_pb2.CardState.Name(card.state).removeprefix("CARD_STATE_")
