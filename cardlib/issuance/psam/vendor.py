"""The vendor's part of a PSAM: environments, application, files and own keys, from wherever the chip is now.

Until a directory's end of issue its rights do not bind, and every command that was done can be done again: what is
there is answered so, what is written is written anew with the same. A directory that is final says that by a status of
its own. The own keys come in clear here, so all of them are the temporary key of this PSAM; the issuer replaces them.
"""

from collections.abc import Iterable
from typing import Final

from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands, psam_building
from cardlib.crypto import Algorithm
from cardlib.errors import WrongChipError
from cardlib.issuance.material import TEMPORARY
from cardlib.issuance.psam.order import PsamOrder
from cardlib.issuance.questions import Stage
from cardlib.issuance.talk import Conversation, Talk
from cardlib.key_requests import Disclosure
from cardlib.psam import ADF_FID, DIR, ENVIRONMENTS, TRADE_NUMBER
from cardlib.psam_building import Labelled

DIALECT: Final = "psam"
THERE_ALREADY: Final = 0x6A80
"""What creating something is answered that is there already."""
_FINAL: Final = 0x6985
_CREATE: Final = 0x80


class Vendor:
    """Builds what is missing, and ends the issue of every directory."""

    def __init__(self, talk: Talk, order: PsamOrder) -> None:
        self._talk = talk
        self._order = order

    def run(self, *, begun: bool) -> Conversation[bool]:
        """All of it; whether it had been complete before. ``begun``: the chip has an MF."""
        if begun:
            self._talk.put("select the MF", commands.select_master_file())
            if (yield from self._is_final(DIR)):
                return True
        for algorithm in self._order.algorithms:
            yield from self._environment(algorithm, begun=begun)
        self._talk.put("end of the MF", commands.select_master_file(), psam_building.end_of_issue())
        yield from self._talk.flush()
        return False

    def _environment(self, algorithm: Algorithm, *, begun: bool) -> Conversation[None]:
        """One environment but for the end of the MF, which comes last of all."""
        talk = self._talk
        fid, name = ENVIRONMENTS[algorithm]
        label = f"environment of {algorithm.name}"
        yield from talk.note(Stage.BUILDING, algorithm.name)
        is_mf = algorithm is Algorithm.DES
        if not is_mf:
            talk.put(label, commands.select_master_file())
            self._put((label, psam_building.create_environment(algorithm)), begun=begun)
        elif not begun:
            command = psam_building.create_environment(algorithm)
            talk.put(label, command, refused=lambda sw: WrongChipError(DIALECT, sw))
        talk.put(label, commands.select_directory(fid))
        if begun and not is_mf and (yield from self._is_final(DIR)):
            return
        (value,) = yield from talk.keys(Disclosure(TEMPORARY), algorithm=algorithm)
        temporary = Secret(value)
        self._put_all(
            psam_building.environment_contents(algorithm, temporary, self._order.card_information), begun=begun
        )
        self._put(("application", psam_building.create_application(algorithm)), begun=begun)
        talk.put("application", commands.select_directory(ADF_FID))
        if not (begun and (yield from self._is_final(TRADE_NUMBER))):
            self._put_all(psam_building.application_contents(algorithm, temporary, (temporary,) * 3), begun=begun)
            talk.put("end of the application", psam_building.end_of_issue())
        if not is_mf:
            talk.put(label, commands.select_name(name, ne=None), psam_building.end_of_issue())

    def _is_final(self, fid: int) -> Conversation[bool]:
        """Whether the current directory's issue has ended; ``fid``: its first file, made where it is not there."""
        answer = yield from self._talk.ask(f"look for EF {fid:04X}", psam_building.create_file(fid))
        if answer.sw == _FINAL:
            return True
        if not answer.is_among((OK, THERE_ALREADY)):
            raise self._talk.refusal(f"look for EF {fid:04X}", answer, _CREATE)
        return False

    def _put_all(self, labelled: Iterable[Labelled], *, begun: bool) -> None:
        for one in labelled:
            self._put(one, begun=begun)

    def _put(self, labelled: Labelled, *, begun: bool) -> None:
        label, command = labelled
        self._talk.put(label, command, accept=(THERE_ALREADY,) if begun and command.ins == _CREATE else ())
