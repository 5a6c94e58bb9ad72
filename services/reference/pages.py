"""The pages of the card reference: one for each directory of each version, the code tables, the keys.

All are made from the declarations: an item, a code or a key that is declared is on its page, and the same declarations
always make the same bytes.
"""

from collections.abc import Iterator
from typing import Final

from cardlib.codes import ALL as CODE_TABLES
from cardlib.codes import CodeTable
from cardlib.keys import KEYS, Evidence, KeyDeclaration
from cardlib.model import FileClass, Structure
from cardlib.profiles import ALL
from services.reference.markdown import anchor, code, heading, plain, table
from services.reference.rows import DirectoryRow, FileRow, ItemRow, ProfileRow, profile_row, shortened

FOLDER: Final = "card/"
"""Where the pages stand in the manual."""

_STRUCTURES: Final = {
    Structure.LINEAR_VARIABLE: "变长线性记录 · records of different lengths, each tag, length, value",
    Structure.LINEAR_FIXED: "定长线性记录 · records of one length, each tag, length, value",
    Structure.CYCLIC: "循环定长记录 · records of one length without tags; record 1 is the newest",
    Structure.TRANSPARENT: "透明 · plain bytes",
    Structure.INTERNAL: "内部 · kept by the card's operating system, out of reach of any command",
}
_CLASSES: Final = {
    FileClass.ACTIVE: "启用 · in use",
    FileClass.PRESET: "预设 · defined, not in use yet",
    FileClass.RESERVED: "预留 · space for later",
    FileClass.MANDATORY: "必备 · mandatory in 1.0",
    FileClass.OPTIONAL: "可选 · optional in 1.0",
    FileClass.INFORMATIVE: "资料性附录 · proposed in the specification's annex B",
    FileClass.INTERNAL: "内部 · the operating system's own",
}
_EVIDENCE: Final = {
    Evidence.SEEN: "seen in public code or on a wire",
    Evidence.PUBLISHED: "published, not seen",
    Evidence.INFERRED: "continues the published numbering; a deployment may have another",
}


def pages() -> dict[str, str]:
    """Every page: its path in the manual, its Markdown; in the order of the navigation."""
    profiles = [profile_row(profile) for profile in ALL]
    written = {"index.md": _index(profiles), "codes.md": _codes(profiles), "keys.md": _keys()}
    for profile in reversed(profiles):
        written[f"{profile.version}/index.md"] = _version(profile)
        for directory in profile.directories:
            written[f"{profile.version}/{_page(directory)}"] = _directory(directory)
    return {f"{FOLDER}{path}": "\n".join(lines) for path, lines in written.items()}


def _page(directory: DirectoryRow) -> str:
    return f"{directory.name.lower()}.md"


def _index(profiles: list[ProfileRow]) -> Iterator[str]:
    yield from heading(1, "Card reference 卡片参考")
    yield (
        "Every file and every data item of the social security card, as the software knows them: these pages are made "
        "from its declarations (`cardlib/profiles`). People in examples are invented; region 990000 was never issued."
    )
    yield ""
    yield from heading(2, "Versions 规范版本")
    yield from table(
        ("Version", "Directories 目录"),
        (
            (
                f"[{profile.version}]({profile.version}/index.md)",
                ", ".join(f"[{each.name}]({profile.version}/{_page(each)})" for each in profile.directories),
            )
            for profile in reversed(profiles)
        ),
    )
    yield "[Code tables 代码表](codes.md) · [Keys 密钥](keys.md)"
    yield ""
    yield from heading(2, "How to read the tables 说明")
    yield "Tags and identifiers are hexadecimal; sizes and lengths are bytes, decimal, the hexadecimal beside them."
    yield ""
    yield from table(("Structure 文件结构", ""), ((code(each.value), words) for each, words in _STRUCTURES.items()))
    yield from table(("Class 文件类别", ""), ((code(each.value), words) for each, words in _CLASSES.items()))
    yield from table(
        ("Type 类型", ""),
        (
            (code("cn"), "packed decimal digits, left aligned, filled up with F; all F is blank"),
            (code("an"), "text in GB 18030, left aligned, filled up with 00"),
            (code("b"), "binary, the most significant byte first"),
            (code("BTLV"), "inner items one behind the other, each a tag byte, a length byte and a value; not BER"),
        ),
    )
    yield from table(
        ("Rule 访问控制", ""),
        (
            (code("free"), "no condition"),
            (code("PIN"), "the holder's PIN was verified"),
            (code("RK…, UK…"), "external authentication with this [key](keys.md)"),
            (code("|") + " " + code("&"), "one is enough; both are needed"),
            (code("never"), "no command may"),
            (code("none, COS"), "the file is out of reach; the card's operating system keeps it"),
        ),
    )


def _version(profile: ProfileRow) -> Iterator[str]:
    yield from heading(1, f"Version {profile.version}")
    for directory in profile.directories:
        yield from heading(2, f"[{directory.name}]({_page(directory)}) {plain(directory.chinese)}", directory.name)
        yield from table(
            ("EF", "SFI", "File 文件", "", "结构", "Bytes", "Records", "Read 读", "Update 更新", "Class"),
            (
                (
                    code(file.fid),
                    code(file.sfi),
                    plain(file.chinese),
                    f"[{code(file.name)}]({_page(directory)}#{anchor(file.name)})",
                    code(file.structure),
                    str(file.size),
                    file.record_count,
                    code(file.read),
                    code(file.update),
                    file.file_class,
                )
                for file in directory.files
            ),
        )


def _directory(directory: DirectoryRow) -> Iterator[str]:
    yield from heading(1, f"{directory.name} {plain(directory.chinese)}")
    fid = f"File identifier {code(directory.fid)}. " if directory.fid else ""
    yield f"{fid}Selected by name: {code(directory.df_name)}."
    yield ""
    for file in directory.files:
        yield from _file(file)


def _file(file: FileRow) -> Iterator[str]:
    yield from heading(2, f"{file.fid} {plain(file.chinese)} {code(file.name)}".lstrip(), file.name)
    yield from table(
        ("结构", "SFI", "Bytes", "Records", "Read 读", "Update 更新", "MAC", "Class", "Clause 出处"),
        [
            (
                code(file.structure),
                code(file.sfi),
                f"{file.size} ({file.size:02X})",
                file.record_count,
                code(file.read),
                code(file.update),
                code(file.secure_messaging or ""),
                file.file_class,
                plain(file.clause),
            )
        ],
    )
    yield from table(
        ("Record", "Tag", "Item 数据项", "", "Type", "Length", "Meaning", "Log", "Example 示例", "Stored 存储", "Note"),
        map(_item, file.items),
    )


def _item(item: ItemRow) -> tuple[str, ...]:
    part = "↳ " if item.parent and item.parent != "record" else ""
    return (
        item.record_numbers,
        part + code(item.tag),
        plain(item.chinese),
        code(item.name),
        code(item.type),
        f"{item.length} ({item.length:02X})",
        ", ".join(f"[{plain(name)}](../codes.md#{anchor(name)})" for name in item.tables),
        "masked 脱敏" if item.sensitive else "shown",
        plain(shortened(item.example)),
        code(shortened(item.stored)),
        item.note,
    )


def _codes(profiles: list[ProfileRow]) -> Iterator[str]:
    yield from heading(1, "Code tables 代码表")
    yield "A code that is not in its table is kept, shown as it is, and marked unknown."
    yield ""
    for each in CODE_TABLES:
        yield from _code_table(each, profiles)


def _code_table(each: CodeTable, profiles: list[ProfileRow]) -> Iterator[str]:
    yield from heading(2, f"{plain(each.chinese)} {plain(each.name)}", each.name)
    yield f"{plain(each.clause)}."
    used = {
        f"[{file.name}.{item.name}]({profile.version}/{directory.name.lower()}.md#{anchor(file.name)})"
        for profile, directory, file, item in _items(profiles[-1:])
        if each.name in item.tables
    }
    if used:
        yield f"Items: {', '.join(sorted(used))}."
    yield ""
    yield from table(
        ("Code 代码", "中文", "English"),
        ((code(number), plain(chinese), plain(english)) for number, chinese, english in each.rows),
    )


def _items(profiles: list[ProfileRow]) -> Iterator[tuple[ProfileRow, DirectoryRow, FileRow, ItemRow]]:
    for profile in profiles:
        for directory in profile.directories:
            for file in directory.files:
                for item in file.items:
                    yield profile, directory, file, item


def _keys() -> Iterator[str]:
    yield from heading(1, "Keys 密钥")
    yield (
        "Names and identifiers, never a key. P2 is how a command names the key to the card. "
        "An identifier of 80 or more belongs to the directory that is selected."
    )
    yield ""
    yield from table(("Mark", "Where a card's identifier comes from"), ((e.value, w) for e, w in _EVIDENCE.items()))
    places = dict.fromkeys(key.directory for key in KEYS.values())
    rules = _rules()
    for place in places:
        yield from heading(2, place, place)
        yield from table(
            ("Key 密钥", "", "Level 级别", "P2", "", "Rules 用于"),
            (_key(key, rules.get(key.name, [])) for key in KEYS.values() if key.directory == place),
        )


def _key(key: KeyDeclaration, uses: list[str]) -> tuple[str, ...]:
    number = "" if key.card_id is None else code(f"{key.card_id:02X}")
    evidence = "" if key.card_id is None else key.card_id_source.value
    return code(key.name), key.chinese, key.level.value, number, evidence, ", ".join(uses)


def _rules() -> dict[str, list[str]]:
    """The files that each key opens, of all versions, without repetition."""
    found: dict[str, dict[str, None]] = {}
    for profile in reversed(ALL):
        for directory in profile.directories:
            for file in directory.files:
                for word, rule in (("read", file.read), ("update", file.update)):
                    for name in sorted(rule.keys):
                        found.setdefault(name, {})[f"{code(file.name)} {word}"] = None
    return {name: list(uses) for name, uses in found.items()}
