"""Where a description's root keys (根密钥) come from: the published development keys, or a file of the same form."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from apdu.secret import Secret
from cardlib import development_keys
from cardlib.keys import KEYS, VERSIONS, KeyReference
from cardlib.written.mistakes import tables, unknown

DEVELOPMENT: Final = "development"
KEY_SIZE: Final = 16


def root_keys(source: str, folder: Path, mistakes: list[str]) -> Mapping[KeyReference, Secret]:
    """First-level root keys, 16 bytes each; ``source``: ``development``, or a file, looked for in ``folder``.

    The file has a table ``keys``: by the name of the key a list of its values in hexadecimal, version 1 first. Keys and
    versions that it leaves out are not on the card. Everything that is wrong with it is told in ``mistakes``.
    """
    if source == DEVELOPMENT:
        return development_keys.load()
    path = folder / source
    try:
        listed = tables(path.read_text(encoding="utf-8")).get("keys")
    except OSError as error:
        mistakes.append(f"keys.source: {path}: cannot be read: {error.strerror}")
        return {}
    except ValueError as error:
        mistakes.append(f"keys.source: {path}: {error}")
        return {}
    if not isinstance(listed, Mapping) or not listed:
        mistakes.append(f"keys.source: {path}: has no table of keys")
        return {}
    return MappingProxyType(_read(listed, f"keys.source: {path}", mistakes))


def _read(listed: Mapping[str, Any], place: str, mistakes: list[str]) -> dict[KeyReference, Secret]:
    found: dict[KeyReference, Secret] = {}
    for name, values in listed.items():
        if name not in KEYS:
            mistakes.append(f"{place}: {name}: {unknown('key', name, KEYS)}")
        elif not isinstance(values, list) or not 1 <= len(values) <= len(VERSIONS):
            mistakes.append(f"{place}: {name}: takes a list of 1 to {len(VERSIONS)} values, version 1 first")
        else:
            for version, value in zip(VERSIONS, values, strict=False):
                key = _key(value)
                if key is None:
                    mistakes.append(f"{place}: {name}[{version}]: takes {2 * KEY_SIZE} hexadecimal digits")
                else:
                    found[KeyReference(name, version)] = key
    return found


def _key(value: object) -> Secret | None:
    try:
        key = Secret(bytes.fromhex(value if isinstance(value, str) else "?"))
    except ValueError:
        return None
    return key if len(key) == KEY_SIZE else None
