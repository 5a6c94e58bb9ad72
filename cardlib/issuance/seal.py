"""Sealing a card (替换主控密钥): every directory gets its own master key in place of the temporary one, and is ended.

From the innermost to the MF, so what is sealed is always a beginning of all that is to be. Up to here a chip can be
emptied and begun anew, after it not [S2.10 §5.2.6].
"""

from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib.cos.encoder import MASTER_CHALLENGE
from cardlib.cos.plan import Place, PlannedDirectory
from cardlib.issuance.build import enter
from cardlib.issuance.material import Material
from cardlib.issuance.questions import Stage
from cardlib.issuance.talk import BuildingTalk, Conversation

_EXTERNAL_AUTHENTICATE = 0x82


class Sealer:
    """Seals what is not sealed yet.

    Asking a directory which master key it has may cost a try of the key, at one directory in each run; the right
    answer, which comes next, gives it back. Where the system says of itself which directories are ended, every other
    ``attempt`` asks for the other key first, so that runs that are cut off between the two do not add up.
    """

    def __init__(self, talk: BuildingTalk, material: Material, attempt: int) -> None:
        self._talk = talk
        self._material = material
        self._final_first = attempt % 2 == 1
        self._custodian_answers = False
        self._open = False  # a directory was found that is not sealed: those behind it are not, either

    def run(self, *, begun: bool) -> Conversation[bool]:
        """All directories; whether the MF, which comes last, was sealed before. ``begun``: some may be."""
        self._open = not begun
        sealed = False
        for directory, above in _inside_out(self._talk.plan.mf, ()):
            yield from self._talk.note(Stage.SEALING, directory.name)
            enter(self._talk, directory, above)
            sealed = yield from self._directory(directory)
        yield from self._talk.flush()
        return sealed

    def _directory(self, directory: PlannedDirectory) -> Conversation[bool]:
        """One directory that was selected; whether it was sealed before."""
        if self._open:
            yield from self._show_temporary(directory)
        else:
            state = yield from self._ask(directory)
            if state is None:
                return True
            if state:
                self._end(directory)
                return not self._talk.encoder.end(directory)
            self._open = True
        yield from self._replace(directory)
        self._end(directory)
        return False

    def _ask(self, directory: PlannedDirectory) -> Conversation[bool | None]:
        """Which master key a directory has: the final one, the temporary one, or None for one that is ended.

        The right of the one it has is won.
        """
        talk = self._talk
        label = f"authentication with the master key of {directory.name}"
        if not self._custodian_answers:
            # Whoever is away must not be missed after a wrong question, when the right one has to follow.
            yield from self._proof(directory, bytes(MASTER_CHALLENGE))
        # A system that ends directories says so at no cost; another has most of them sealed when it is asked.
        final = self._final_first or not talk.encoder.ended
        answer = yield from self._try(directory, final=final)
        if answer.sw & 0xFFF0 == 0x63C0:
            final = not final
            answer = yield from self._try(directory, final=final)
        if answer.is_among((OK,)):
            return final
        if answer.sw in talk.encoder.ended:
            return None
        raise talk.refusal(label, answer, _EXTERNAL_AUTHENTICATE)

    def _try(self, directory: PlannedDirectory, *, final: bool) -> Conversation[ResponseAPDU]:
        """The answer to an authentication with one master key or the other."""
        talk, algorithm = self._talk, self._talk.encoder.algorithm(directory, self._talk.plan)
        label = f"authentication with the master key of {directory.name}"
        challenge = yield from talk.challenge(label, MASTER_CHALLENGE)
        if final:
            command = talk.encoder.show(directory, (yield from self._proof(directory, challenge)), challenge)
        else:
            key = self._material.temporary[algorithm]
            command = talk.encoder.authenticate(directory, algorithm, key, challenge)
        return (yield from talk.ask(label, command))

    def _show_temporary(self, directory: PlannedDirectory) -> Conversation[None]:
        talk, algorithm = self._talk, self._talk.encoder.algorithm(directory, self._talk.plan)
        label = f"authentication with the temporary master key of {directory.name}"
        challenge = yield from talk.challenge(label, MASTER_CHALLENGE)
        key = self._material.temporary[algorithm]
        talk.put(label, talk.encoder.authenticate(directory, algorithm, key, challenge))

    def _replace(self, directory: PlannedDirectory) -> Conversation[None]:
        """The final master key, and the proof that it is there."""
        talk, algorithm = self._talk, self._talk.encoder.algorithm(directory, self._talk.plan)
        label = f"master key of {directory.name}"
        challenge = yield from talk.challenge(label, talk.encoder.mac_challenge)
        load = self._material.loads[directory.name, directory.master_key.reference]
        talk.put(label, self._material.protected(load, algorithm, challenge))
        challenge = yield from talk.challenge(f"proof of the {label}", MASTER_CHALLENGE)
        proof = yield from self._proof(directory, challenge)
        talk.put(f"proof of the {label}", talk.encoder.show(directory, proof, challenge))

    def _proof(self, directory: PlannedDirectory, challenge: bytes) -> Conversation[bytes]:
        """The custodian's cryptogram with the final master key."""
        talk, algorithm = self._talk, self._talk.encoder.algorithm(directory, self._talk.plan)
        (proof,) = yield from talk.keys(talk.encoder.proof(directory, challenge), algorithm=algorithm)
        self._custodian_answers = True
        return proof

    def _end(self, directory: PlannedDirectory) -> None:
        self._talk.put(f"end of pre-issue of {directory.name}", *self._talk.encoder.end(directory))


def _inside_out(directory: PlannedDirectory, above: tuple[PlannedDirectory, ...]) -> list[Place]:
    """Every directory behind those in it."""
    inside = [place for child in directory.children for place in _inside_out(child, (*above, directory))]
    return [*inside, (directory, above)]
