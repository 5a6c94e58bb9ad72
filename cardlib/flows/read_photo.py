"""Read the holder's photo: 4 096 bytes, the one file of the card that takes seconds."""

from collections.abc import Callable, Generator
from typing import Any, Final

from apdu.flow import Flow, Script
from apdu.secret import Secret
from apdu.status import error_for
from cardlib.errors import NotInProfileError
from cardlib.flows.rights import PinPolicy, Rights
from cardlib.flows.session import STANDARD, CardSession, Profiles, RandomBytes
from cardlib.forms import LONGEST_ANSWER, OFFSET_OUTSIDE, FormMemory
from cardlib.model import AddressableFile

PHOTO: Final = "photo"
PADDING: Final = b"\x00\xff"
BITMAP: Final = b"BM"


def read_photo(  # noqa: PLR0913  # what a caller decides, each by its name
    atr: bytes,
    *,
    rng: RandomBytes,
    forms: FormMemory,
    deliver: Callable[[bytes], None] = lambda _: None,
    pin: Secret | None = None,
    allow_last_try: bool = False,
    keys_are_remote: bool = False,
    profiles: Profiles = STANDARD,
) -> Flow[bytes]:
    """Read the photo (照片), JPEG or BMP as it was stored, without the padding behind it; b"" for none.

    ``deliver`` is given each piece as soon as the card has sent it: together they are what is returned. Others, and
    errors, as for :func:`~cardlib.flows.read_files.read_files`; what would be a reason there is raised here.
    """
    session = CardSession(atr, rng, forms, profiles)
    rights = Rights(session, PinPolicy(pin, allow_last_try, keys_are_remote))
    yield from session.open()
    try:
        file = session.profile.file_named(PHOTO)
    except KeyError:
        raise NotInProfileError(PHOTO) from None
    assert isinstance(file, AddressableFile), "the photo is read by command"
    yield from rights.win([file.read], {})
    if not rights.open(file.read):
        raise rights.obstacle(file, file.read)
    return (yield from _deliver(session, file, deliver))


def trimmed(content: bytes) -> bytes:
    """The picture without the padding 00 or FF behind it.

    A JPEG ends in D9, which is no padding; a bitmap says itself how long it is, since its last pixels may look so.
    """
    size = int.from_bytes(content[2:6], "little") if content.startswith(BITMAP) else 0
    return content[: max(size, len(content.rstrip(PADDING)))]


def _deliver(
    session: CardSession, file: AddressableFile, deliver: Callable[[bytes], None]
) -> Generator[Script, Any, bytes]:
    """Slice by slice, a script each; padding is held back until something else follows."""
    way = session.forms.reading
    steps = way.steps(file)
    place = len(way.select(file))
    answers = yield from session.exchange(*steps[: place + 1])
    if steps[len(answers) - 1].accepts(answers[-1]):
        content = answers[-1].data
    else:  # the other ways to read a file bring all of it
        content = yield from session.finish(file, way, answers)
    delivered = _pass_on(content, 0, deliver)
    for step in steps[place + 1 :]:
        if len(content) % LONGEST_ANSWER or len(content) >= file.size:
            break
        (answer,) = yield from session.exchange(step)
        if answer.sw == OFFSET_OUTSIDE:
            break
        if not step.accepts(answer):
            raise error_for(answer.sw, step.command.ins)
        content += answer.data
        delivered = _pass_on(content, delivered, deliver)
    photo = trimmed(content)
    deliver(photo[delivered:])
    return photo


def _pass_on(content: bytes, delivered: int, deliver: Callable[[bytes], None]) -> int:
    """Deliver what is not padding so far; returns how much has been delivered in all."""
    solid = len(content.rstrip(PADDING))
    if solid <= delivered:
        return delivered
    deliver(content[delivered:solid])
    return solid
