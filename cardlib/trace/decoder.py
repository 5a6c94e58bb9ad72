"""A recorded conversation explained: every command with the file it concerns, and the items that it carried.

Nothing of the holder, no PIN and no cryptogram is in what is shown, unless it is asked for: what a declaration calls
sensitive, and what has no declaration, is masked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from cardlib.crypto import Algorithm
from cardlib.describe import describe_answer, describe_command
from cardlib.errors import AlgorithmUnsupportedError, CardDataError, VersionUnsupportedError
from cardlib.fci import algorithm_of
from cardlib.follow import BINARY, PLAIN, READ_BINARY, READ_RECORD, RECORDS, SELECT, WITH_MAC, Follower
from cardlib.model import CardProfile, ElementaryFile
from cardlib.profiles import LATEST, profile_for
from cardlib.trace.exchanges import Conversed, joined
from cardlib.trace.formats import Exchange
from cardlib.trace.items import SeenItem, element, items_of, unknown
from cardlib.trace.parts import Part, answer_parts, command_parts

MAC_SIZE = 4
_MAC = Part("MAC", "报文鉴别码", MAC_SIZE)
_BROKEN = Part("bytes that are no command", "非命令数据")


@dataclass(frozen=True, slots=True, repr=False)
class Decoded:
    """One command of a conversation and its answer, in words (报文解析).

    ``line``: where it stands in the trace. ``command`` is None for bytes that are none, ``answer`` where none was
    recorded. ``sent``: how many commands went over the wire for it. ``what`` says what was asked, ``outcome`` how it
    was answered, both without data; ``sent_items`` and ``items`` are what the command and the answer carried. ``atr``
    is not empty where the card was reset before.
    """

    line: int
    atr: bytes
    raw: bytes
    command: CommandAPDU | None
    answer: ResponseAPDU | None
    sent: int
    what: str
    outcome: str
    sent_items: tuple[SeenItem, ...]
    items: tuple[SeenItem, ...]


def decode(exchanges: Iterable[Exchange], *, profile: CardProfile | None = None) -> Iterator[Decoded]:
    """Explain a conversation.

    ``profile``: the card's layout. Without one, it is that of the version which the conversation itself reads from the
    card, the newest one until then and where it reads none.
    """
    conversed = tuple(joined(tuple(exchanges)))
    decoder = _Decoder(profile or _first_version(conversed) or LATEST, fixed=profile is not None)
    return map(decoder.explain, conversed)


def _first_version(conversed: Iterable[Conversed]) -> CardProfile | None:
    """The profile of the version that is read first: items before it may be understood by it already."""
    decoder = _Decoder(LATEST, fixed=False)
    for one in conversed:
        decoder.explain(one)
        if decoder.version_seen:
            return decoder.follower.profile
    return None


class _Decoder:
    """Goes through a conversation; ``version_seen`` is set once the card has said its version."""

    def __init__(self, profile: CardProfile, *, fixed: bool) -> None:
        self.follower = Follower(profile)
        self.version_seen = False
        self._fixed = fixed

    def explain(self, one: Conversed) -> Decoded:
        if one.atr:
            self.follower.reset()
        command, answer = one.command, one.answer
        if command is None:
            broken = element(_BROKEN, one.raw)
            return Decoded(one.line, one.atr, one.raw, None, answer, one.sent, "no command APDU", "", (broken,), ())
        what = describe_command(command, self.follower)
        file = self.follower.file_of(command)
        sent = tuple(self._sent(command, file))
        items: tuple[SeenItem, ...] = ()
        outcome = "no answer"
        if answer is not None:
            outcome = describe_answer(answer, command)
            if _worked(answer):
                self.follower.follow(command, answer.data)
                items = tuple(self._answered(command, answer.data, file))
                if command.ins == SELECT:
                    outcome += self._entered(answer.data)
            else:
                items = unknown(answer.data)
        return Decoded(one.line, one.atr, one.raw, command, answer, one.sent, what, outcome, sent, items)

    def _sent(self, command: CommandAPDU, file: ElementaryFile | None) -> Iterator[SeenItem]:
        data = command.data if isinstance(command.data, bytes) else b""
        if _plain(command, SELECT) or not data:
            return
        if command.cla in {PLAIN, WITH_MAC} and command.ins in RECORDS | BINARY:
            mac = data[-MAC_SIZE:] if command.cla == WITH_MAC else b""
            yield from items_of(file, command, data[: len(data) - len(mac)])
            if mac:
                yield element(_MAC, mac)
        else:
            for part, raw in command_parts(command):
                yield element(part, raw)

    def _answered(self, command: CommandAPDU, data: bytes, file: ElementaryFile | None) -> Iterator[SeenItem]:
        if _plain(command, SELECT) or not data:
            return
        if _plain(command, READ_RECORD, READ_BINARY):
            found = items_of(file, command, data)
            self._notice_version(file, found)
            yield from found
        else:
            for part, raw in answer_parts(command, data):
                yield element(part, raw)

    def _entered(self, fci: bytes) -> str:
        """What is selected now, as far as it is not a file, and the algorithm that the card names."""
        directory = next(
            (found for found in self.follower.profile.directories if found.name == self.follower.directory), None
        )
        if directory is None or self.follower.fid is not None:
            return ""
        words = f", {directory.name} {directory.chinese}"
        if directory is not self.follower.profile.directories[0] or not fci:
            return words
        try:
            algorithm = algorithm_of(fci, None)
        except (CardDataError, AlgorithmUnsupportedError):
            return words
        # A card that names none may be one of Beijing, with SSF33.
        return words if algorithm is Algorithm.DES else f"{words}, {algorithm.name}"

    def _notice_version(self, file: ElementaryFile | None, found: Iterable[SeenItem]) -> None:
        if file is None or file not in self.follower.profile.directories[0].files:
            return
        for item in found:
            if item.name == "spec_version" and not self._fixed:
                try:
                    self.follower.profile = profile_for(item.raw)
                except VersionUnsupportedError:
                    continue
                self.version_seen = True


def _plain(command: CommandAPDU, *instructions: int) -> bool:
    return command.cla == PLAIN and command.ins in instructions


def _worked(answer: ResponseAPDU) -> bool:
    """Success, or success with a warning that comes with data."""
    return answer.sw == 0x9000 or answer.sw >> 8 in {0x61, 0x62}
