"""What was read and written, as the answers of CardService."""

from collections.abc import Iterable, Iterator
from typing import Final

from apdu.errors import CardError
from cardlib.flows.read_files import FilesReading
from cardlib.flows.read_identity import IdentityReading
from cardlib.flows.update_items import ItemOutcome, UpdateReport
from cardlib.model import CardProfile
from cardlib.values import ItemWarning
from services.catalogue import failure_of
from services.mapping.generic import item_file
from services.mapping.typed import fill
from sscard.v1 import card_pb2, files_pb2, identity_pb2, values_pb2

PIECE: Final = 1024
"""Bytes of the photo in one message."""

_MEDIA_TYPES: Final = {b"\xff\xd8\xff": "image/jpeg", b"BM": "image/bmp"}
_UNKNOWN_MEDIA: Final = "application/octet-stream"


def identity_response(reading: IdentityReading, atr: bytes) -> card_pb2.ReadIdentityResponse:
    """What was read, as the answer of ReadIdentity."""
    identity = identity_pb2.Identity()
    fill(identity.issuer, reading.issuer)
    fill(identity.holder, reading.holder)
    return card_pb2.ReadIdentityResponse(
        identity=identity,
        authenticity=card_pb2.Authenticity.Value(f"AUTHENTICITY_{reading.authenticity.name}"),
        authenticity_note=reading.authenticity_note,
        warnings=[warning(each) for each in reading.warnings],
        card_version=reading.version,
        algorithm=card_pb2.Algorithm.Value(f"ALGORITHM_{reading.algorithm.name}"),
        atr=atr,
        historical_bytes=reading.historical_bytes,
    )


def files_response(reading: FilesReading) -> card_pb2.ReadFilesResponse:
    """What was read, as the answer of ReadFiles."""
    typed = files_pb2.CardFiles()
    for name, contents in reading.files.items():
        if name in files_pb2.CardFiles.DESCRIPTOR.fields_by_name:
            fill(getattr(typed, name), contents)
    read = [_read(name, reading.warnings) for name in reading.files]
    refused = [_refused(name, error) for name, error in reading.refused.items()]
    place = _places(reading.profile)
    return card_pb2.ReadFilesResponse(
        files=typed,
        results=sorted((*read, *refused), key=lambda result: place.get(result.file, len(place))),
        item_files=[item_file(reading.profile, contents) for contents in reading.files.values()],
        card_version=reading.version,
    )


def update_response(report: UpdateReport) -> card_pb2.UpdateItemsResponse:
    """What was written, as the answer of UpdateItems."""
    place = _places(report.profile)
    return card_pb2.UpdateItemsResponse(
        outcomes=[
            _outcome(file, item, report.items[file][item])
            for file in sorted(report.items, key=lambda name: place[name])
            for item in report.items[file]
        ]
    )


def photo_pieces(photo: bytes) -> Iterator[card_pb2.ReadPhotoResponse]:
    """The photo in pieces; one that is empty, if there is no photo."""
    media_type = next((kind for start, kind in _MEDIA_TYPES.items() if photo.startswith(start)), _UNKNOWN_MEDIA)
    for at in range(0, max(len(photo), 1), PIECE):
        chunk = photo[at : at + PIECE]
        yield card_pb2.ReadPhotoResponse(chunk=chunk, size=len(photo), media_type=media_type)


def _outcome(file: str, item: str, outcome: ItemOutcome) -> files_pb2.ItemOutcome:
    answer = files_pb2.ItemOutcome(
        file=file, item=item, result=files_pb2.ItemOutcome.Result.Value(f"RESULT_{outcome.outcome.name}")
    )
    if outcome.reason is not None:
        failure = failure_of(outcome.reason)
        answer.reason, answer.message = failure.refusal.reason, failure.message
        answer.chinese_message = failure.refusal.chinese
    return answer


def _read(name: str, warnings: Iterable[ItemWarning]) -> files_pb2.FileResult:
    return files_pb2.FileResult(
        file=name, read=True, warnings=[warning(each) for each in warnings if each.file == name]
    )


def _refused(name: str, error: CardError) -> files_pb2.FileResult:
    failure = failure_of(error)
    file, _, item = name.partition(".")
    return files_pb2.FileResult(
        file=file,
        item=item,
        reason=failure.refusal.reason,
        message=failure.message,
        chinese_message=failure.refusal.chinese,
    )


def _places(profile: CardProfile) -> dict[str, int]:
    """Where each file stands in the order of the card."""
    names = [file.name for directory in profile.directories for file in directory.files]
    return {name: place for place, name in enumerate(names)}


def warning(concern: ItemWarning) -> values_pb2.Warning:
    """Something to be said about an item."""
    return values_pb2.Warning(
        code=concern.code.value,
        file=concern.file,
        item=concern.item,
        message=concern.message,
        chinese_message=concern.message_zh,
    )
