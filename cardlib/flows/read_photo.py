"""Read the holder's photo: 4 096 bytes, the one file of the card that takes seconds."""

from dataclasses import dataclass, field
from typing import Final

from apdu.flow import Flow
from apdu.secret import Secret
from cardlib.errors import NotInProfileError
from cardlib.flows.pin import CardMark, card_mark
from cardlib.flows.rights import PinPolicy, Rights
from cardlib.flows.session import STANDARD, CardSession, Profiles, RandomBytes
from cardlib.forms import FormMemory
from cardlib.model import AddressableFile

PHOTO: Final = "photo"
PADDING: Final = b"\x00\xff"
BITMAP: Final = b"BM"


@dataclass(frozen=True)
class PhotoReading:
    """A photo, and whose card it is on.

    ``image``: JPEG or BMP as it was stored, without the padding behind it; b"" for none.
    """

    image: bytes = field(repr=False)
    card: CardMark


def read_photo(  # noqa: PLR0913  # what a caller decides, each by its name
    atr: bytes,
    *,
    rng: RandomBytes,
    forms: FormMemory,
    pin: Secret | None = None,
    allow_last_try: bool = False,
    keys_are_remote: bool = False,
    profiles: Profiles = STANDARD,
) -> Flow[PhotoReading]:
    """Read the photo (照片).

    Options and errors as for :func:`~cardlib.flows.read_files.read_files`; what would be a reason there is raised here.
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
    return PhotoReading(trimmed((yield from session.read(file))), card_mark(session))


def trimmed(content: bytes) -> bytes:
    """The picture without the padding 00 or FF behind it.

    A JPEG ends in D9, which is no padding; a bitmap says itself how long it is, since its last pixels may look so.
    """
    size = int.from_bytes(content[2:6], "little") if content.startswith(BITMAP) else 0
    return content[: max(size, len(content.rstrip(PADDING)))]
