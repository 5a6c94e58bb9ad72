"""Where the medical account lies on the card, and how one transaction is stored as a unit [S2.7 §11.8, §12.6, §14]."""

from dataclasses import dataclass
from typing import Final

from simulator.account.amounts import AMOUNTS_SIZE, Amounts
from simulator.account.outcome import ACCOUNT_ONLY_RECORD, NO_PROOF, PROOF_SIZE, Proof
from simulator.account.transactions import Outcome
from simulator.command import SW, Refused
from simulator.files import Directory, File, Kind
from simulator.memory.layout import HEADER
from simulator.memory.store import Store

LOG_FID: Final = 0xEF08
"""FID of the log (医疗交易明细文件) beside the amounts [S1 T7]."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account of one directory: its amount file, which the proof follows, and its log.

    What is written here is journalled on a sloppy chip too; it has happened once the command's unit is committed.
    """

    store: Store
    file: File
    log: File

    @property
    def account_only(self) -> bool:
        """Whether the balance is all it accounts for (仅个人账户), told by the length of a log record [S2.7 §12]."""
        return self.log.size == ACCOUNT_ONLY_RECORD

    @property
    def amounts(self) -> Amounts:
        """The amounts as they are stored now."""
        return Amounts.unpack(self.store.eeprom.read(self._at, AMOUNTS_SIZE))

    @property
    def proof(self) -> Proof | None:
        """The proof of the last transaction, None without one."""
        return Proof.unpack(self.store.eeprom.read(self._at + AMOUNTS_SIZE, PROOF_SIZE))

    def write_amounts(self, amounts: Amounts) -> None:
        """Other amounts, as a part of the command's unit. Refuses with 6581, as all that writes here."""
        self.store.write(self._at, amounts.pack(), guarded=True)

    def finish(self, outcome: Outcome) -> None:
        """All that a transaction leaves behind, as a part of the command's unit: the log record last."""
        self.store.write(self._at + AMOUNTS_SIZE, outcome.proof.pack(), guarded=True)
        self.write_amounts(outcome.amounts)
        self.store.append_newest(self.log, outcome.record.pack(self.log.size), guarded=True)

    def drop_proof(self) -> None:
        """Forget the proof, whatever becomes of the command."""
        self.store.write(self._at + AMOUNTS_SIZE, NO_PROOF, guarded=True)
        self.store.commit()

    @property
    def _at(self) -> int:
        return self.file.at + HEADER


def account_of(store: Store, directory: Directory) -> Account:
    """The account of a directory; refuses with 6985 where amounts, or the log, are missing."""
    file = directory.internal_file(Kind.AMOUNTS)
    log = directory.by_fid.get(LOG_FID)
    if file is None or file.size < AMOUNTS_SIZE + PROOF_SIZE or log is None or log.kind is not Kind.CYCLIC:
        raise Refused(SW.CONDITIONS)
    return Account(store, file, log)
