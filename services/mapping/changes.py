"""The request of UpdateItems as new values by names of file and item."""

from collections.abc import Iterable, Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from cardlib.model import AddressableFile, CardProfile
from cardlib.values import Value
from services.errors import InvalidRequestError
from services.mapping.incoming import generic_value, typed_values, value_names
from services.requests import mask_paths
from sscard.v1 import card_pb2, files_pb2, items_pb2

Changes = dict[str, dict[str, Value]]


def changes(request: card_pb2.UpdateItemsRequest, profiles: Sequence[CardProfile]) -> Changes:
    """What a request asks to be written.

    The card's version is not known yet: ``profiles``, the oldest first, are all that it may follow, and the newest that
    has an item says which kind of value it takes. Raises :class:`~services.errors.InvalidRequestError`.
    """
    mask = request.update_mask if request.HasField("update_mask") else None
    found = _typed(request.files, mask, profiles)
    for place, update in enumerate(request.items):
        _add(found, update, f"items[{place}]", profiles)
    if not any(found.values()):
        raise InvalidRequestError("files", "holds nothing to write, and neither does items")
    return found


def _typed(files: files_pb2.CardFiles, mask: FieldMask | None, profiles: Sequence[CardProfile]) -> Changes:
    set_files = {field.name for field, _ in files.ListFields()}
    if mask is None:
        return {name: _of_file(files, name, None, profiles) for name in sorted(set_files)}
    found: Changes = {}
    for path in mask_paths("update_mask", mask):
        name, _, item = path.partition(".")
        variants = _variants(name, profiles)
        names = {item} if item else {each for file in variants[-1:] for each in value_names(file)}
        found.setdefault(name, {}).update(_of_file(files, name, names, profiles))
    return found


def _of_file(
    files: files_pb2.CardFiles, name: str, names: set[str] | None, profiles: Sequence[CardProfile]
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for file in _variants(name, profiles):
        values |= typed_values(file, getattr(files, name), f"files.{name}", names)
    return values


def _add(found: Changes, update: items_pb2.ItemUpdate, path: str, profiles: Sequence[CardProfile]) -> None:
    variants = _variants(update.file, profiles)
    if not variants:
        raise InvalidRequestError(f"{path}.file", "there is no file of this name")
    file = next((file for file in reversed(variants) if update.item in value_names(file)), None)
    if file is None:
        raise InvalidRequestError(f"{path}.item", f"the file {update.file} has no item of this name")
    values = found.setdefault(update.file, {})
    if update.item in values:
        raise InvalidRequestError(path, "is to be written twice")
    values[update.item] = generic_value(file, update.item, update.value, f"{path}.value")


def _variants(name: str, profiles: Iterable[CardProfile]) -> list[AddressableFile]:
    """The file as each of the profiles has it."""
    return [
        file
        for profile in profiles
        for directory in profile.directories
        for file in directory.files
        if file.name == name and isinstance(file, AddressableFile)
    ]
