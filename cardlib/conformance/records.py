"""Groups SSSE_RECORD and DFnn_RECORD: what the files hold, and the forms of the commands that read them."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Final

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.status import OK
from apdu.tlv import encode_simple
from cardlib import commands
from cardlib.access import ways
from cardlib.commands import RecordMode
from cardlib.conformance.case import Allowed, Case, CaseFlow, Harm, NotRun, Subject
from cardlib.conformance.steps import (
    RECORD_NOT_FOUND,
    Steps,
    enter,
    environment,
    first_of,
    must,
    opened,
    present,
    require,
    tell,
    win,
    written_back,
)
from cardlib.model import AddressableFile, CardProfile, CyclicFile, Directory, Item, LinearFile, TransparentFile
from cardlib.profiles.ssse import ISSUER
from cardlib.profiles.v1 import V1

LONGEST: Final = 256
_MOST_RECORDS: Final = 254
_LONGEST_VALUE: Final = 253


def record_cases(profile: CardProfile) -> Iterator[Case]:
    """The cases of SSSE_RECORD and DFnn_RECORD for cards of a profile; one set for each file that can be read."""
    yield from _reading_forms()
    for directory in profile.directories:
        for file in directory.files:
            if isinstance(file, AddressableFile):
                yield from _of(profile, directory, file)


def _of(profile: CardProfile, directory: Directory, file: AddressableFile) -> Iterator[Case]:
    group, name = f"{directory.name}_RECORD", f"{file.fid:04X}"
    clause = f"{file.clause}, S2.5 §6.10"
    if ways(file.read):
        if isinstance(file, LinearFile):
            # The order of records of a 1.0 card is not public outside its environment, nor is the list complete.
            ordered = profile.version != V1.version or directory.fid is None
            flow = partial(_linear, directory, file, ordered)
            title = f"{name}: the records, read by number, have the tags and lengths of the standard"
            yield Case(f"{group}.{name}.records", clause, title, Allowed("6A83"), flow)
            title = f"{name}: the records, read by tag, are those read by number"
            yield Case(f"{group}.{name}.tags", clause, title, Allowed("9000"), partial(_by_tag, directory, file))
            title = f"{name}: all records from a number on come in one answer, in either order"
            yield Case(f"{group}.{name}.runs", clause, title, Allowed("9000"), partial(_runs, directory, file))
        elif isinstance(file, CyclicFile):
            title = f"{name}: the records have the length of the standard"
            yield Case(f"{group}.{name}.records", clause, title, Allowed("6A83"), partial(_cyclic, directory, file))
        elif isinstance(file, TransparentFile):
            title = f"{name}: bytes are read from an offset; one outside the file is refused"
            clause = f"{file.clause}, S2.5 §6.9"
            yield Case(f"{group}.{name}.bytes", clause, title, Allowed("6B00"), partial(_bytes, directory, file))
    if not ways(file.update) or not ways(file.read) or file.secure_messaging:
        return
    if isinstance(file, CyclicFile):
        title = f"{name}: with the right to, a record is appended: it is number 1, and the others move on by one"
        clause = "S2.3 §5.3, S2.5 §6.13"
        flow = partial(_append, directory, file)
        yield Case(f"{group}.{name}.append", clause, title, Allowed("9000"), flow, Harm.WRITES)
    else:
        title = f"{name}: with the right to, a record is written, and read back the same"
        flow = partial(_update, directory, file)
        yield Case(f"{group}.{name}.update", "S2.5 §6.12, §6.13", title, Allowed("9000"), flow, Harm.WRITES)


def _linear(directory: Directory, file: LinearFile, ordered: bool, subject: Subject) -> Steps[ResponseAPDU]:  # noqa: FBT001
    yield from opened(subject, file, directory)
    declared = [item for item in file.items for _ in range(item.repeat)]
    found: list[bytes] = []
    while True:
        answer = yield from tell(_record(file, len(found) + 1, ne=LONGEST))
        if not answer.is_among((OK,)) or len(found) == _MOST_RECORDS:
            break
        record = answer.data
        require(len(record) >= 2 and record[1] == len(record) - 2, f"record {len(found) + 1} is no simple TLV object")
        found.append(record)
    if not found:
        present(file, answer)
    if ordered:
        _compare(file, declared, found, extensible=directory.fid is not None)
    else:
        sizes = {item.tag: item.record_size for item in declared}
        for number, record in enumerate(found, 1):
            size = sizes.get(record[0], len(record))
            require(len(record) == size, f"record {number} has {len(record)} bytes, not {size}")
        surplus = Counter(record[0] for record in found) - Counter(item.tag or 0 for item in declared)
        require(not surplus.keys() & sizes.keys(), "a tag occurs too often")
    return answer


def _compare(file: LinearFile, declared: list[Item], found: list[bytes], *, extensible: bool) -> None:
    """Tags and lengths in the order of the standard; a record that a card may lack is passed over.

    ``extensible``: further items may follow, as in all files but the environment's own [S1 §6].
    """
    remaining = list(found)
    number = 0
    for item in declared:
        if item.optional and (not remaining or remaining[0][0] != item.tag):
            continue
        number += 1
        require(bool(remaining), f"record {number}, tag {item.tag:02X}, is missing")
        record = remaining.pop(0)
        require(record[0] == item.tag, f"record {number} has tag {record[0]:02X}, not {item.tag:02X}")
        require(len(record) == item.record_size, f"record {number} has {len(record)} bytes, not {item.record_size}")
    known = {item.tag for item in file.items}
    require(not any(record[0] in known for record in remaining), "a tag occurs too often")
    require(extensible or not remaining, "there are more records than the standard has, which allows none here")


def _by_tag(directory: Directory, file: LinearFile, subject: Subject) -> Steps[ResponseAPDU]:
    yield from opened(subject, file, directory)
    records = yield from _all(file)
    answer = ResponseAPDU(b"")
    seen: dict[int, bytes] = {}
    for record in records:
        seen.setdefault(record[0], record)
    for tag, record in seen.items():
        read = commands.read_record(tag, RecordMode.FIRST_WITH_IDENTIFIER, sfi=file.sfi, ne=len(record))
        answer = yield from must(read)
        require(answer.data == record, f"the record with tag {tag:02X} is another one than that read by number")
    return answer


def _runs(directory: Directory, file: LinearFile, subject: Subject) -> Steps[ResponseAPDU]:
    yield from opened(subject, file, directory)
    records = yield from _all(file)
    # From the end, as many as one answer holds.
    first = next(at for at in range(len(records)) if sum(map(len, records[at:])) <= LONGEST)
    run = records[first:]
    size = sum(map(len, run))
    up = commands.read_record(first + 1, RecordMode.FROM_NUMBER_TO_LAST, sfi=file.sfi, ne=size)
    down = commands.read_record(first + 1, RecordMode.FROM_LAST_TO_NUMBER, sfi=file.sfi, ne=size)
    answer = yield from must(up)
    require(answer.data == b"".join(run), "the records up to the last are not those read one by one")
    answer = yield from must(down)
    require(answer.data == b"".join(reversed(run)), "the records from the last on are not those read one by one")
    return answer


def _all(file: LinearFile | CyclicFile) -> Steps[list[bytes]]:
    """The records of a file that may be read, by number; NotRun where there need not be any."""
    found: list[bytes] = []
    while len(found) < _MOST_RECORDS:
        answer = yield from tell(_record(file, len(found) + 1, ne=LONGEST))
        if answer.sw == RECORD_NOT_FOUND and found:
            break
        require(present(file, answer).is_among((OK,)), f"READ RECORD was answered {answer.sw:04X}")
        require(bool(answer.data), "an answer of READ RECORD is empty")
        found.append(answer.data)
    return found


def _cyclic(directory: Directory, file: CyclicFile, subject: Subject) -> Steps[ResponseAPDU]:
    yield from opened(subject, file, directory)
    short = sum(item.size for item in file.items[: file.short_record_items])
    sizes: set[int] = set()
    answer = ResponseAPDU(b"")
    for number in range(1, _MOST_RECORDS + 1):
        answer = yield from tell(_record(file, number, ne=LONGEST))
        if not answer.is_among((OK,)):
            break
        sizes.add(len(answer.data))
    require(len(sizes) <= 1, "the records have different lengths")
    wanted = {file.record_size, short} - {0}
    require(sizes <= wanted, f"the records do not have {' or '.join(map(str, sorted(wanted)))} bytes")
    return answer if sizes else present(file, answer)


def _bytes(directory: Directory, file: TransparentFile, subject: Subject) -> Steps[ResponseAPDU]:
    yield from opened(subject, file, directory)
    answer = present(file, (yield from tell(first_of(file))))
    require(answer.is_among((OK,)), f"READ BINARY was answered {answer.sw:04X}")
    require(len(answer.data) == 1, "READ BINARY did not answer the byte it was asked for")
    return (yield from tell(commands.read_binary(0x7FFF, ne=1)))


def _update(directory: Directory, file: AddressableFile, subject: Subject) -> Steps[ResponseAPDU]:
    """Write what was read: nothing changes on a card that does as it is told."""
    yield from opened(subject, file, directory)
    before = present(file, (yield from tell(first_of(file))))
    require(before.is_among((OK,)), f"the file could not be read: {before.sw:04X}")
    yield from win(subject, ways(file.update)[0])
    answer = yield from tell(written_back(file, before.data))
    if answer.is_among((OK,)):
        after = yield from must(first_of(file))
        require(after.data == before.data, "what was written is not what is read back")
    return answer


def _append(directory: Directory, file: CyclicFile, subject: Subject) -> Steps[ResponseAPDU]:
    """The newest record once more. Where that pushes out the oldest, all are appended again: the file is as before."""
    yield from opened(subject, file, directory)
    before = yield from _all(file)
    yield from win(subject, ways(file.update)[0])
    answer = yield from tell(written_back(file, before[0]))
    if not answer.is_among((OK,)):
        return answer
    after = yield from _all(file)
    pushed_out = len(after) == len(before) >= file.records
    if pushed_out:
        for record in reversed(before):
            yield from must(written_back(file, record))
    require(after[0] == before[0], "the record appended is not number 1")
    require(pushed_out or len(after) == len(before) + 1, "the number of records is another than before, or one more")
    require(after[1:] == before[: len(after) - 1], "the other records did not move on by one")
    require(not pushed_out or (yield from _all(file)) == before, "a whole round of appending does not restore the file")
    return answer


def _record(file: AddressableFile, number: int, *, ne: int) -> CommandAPDU:
    return commands.read_record(number, RecordMode.NUMBER, sfi=file.sfi, ne=ne)


def _reading_forms() -> Iterator[Case]:
    """What holds for READ RECORD of any file, tried on EF05, which is free to read."""
    sfi = ISSUER.sfi

    def case(name: str, title: str, expected: str, flow: CaseFlow) -> Case:
        return Case(f"SSSE_RECORD.{name}", "S2.3 §5.3, S2.5 §6.10", title, Allowed(expected), flow)

    def form(name: str, title: str, expected: str, command: CommandAPDU) -> Case:
        return case(name, title, expected, partial(_form, command))

    absent = commands.read_record(0x99, RecordMode.FIRST_WITH_IDENTIFIER, sfi=sfi, ne=LONGEST)
    yield form("tag_absent", "A tag that no record has is not found", "6A83", absent)
    reserved = commands.read_record(0xFF, RecordMode.NUMBER, sfi=sfi, ne=LONGEST)
    yield form("number_ff", "Record number FF is refused", "6A86", reserved)
    yield form("mode_7", "Mode 7 is refused", "6A86 6981", CommandAPDU(0, 0xB2, 1, sfi << 3 | 7, ne=LONGEST))
    nowhere = commands.read_record(1, RecordMode.NUMBER, sfi=0x1D, ne=LONGEST)
    yield form("file_absent", "An SFI that no file has is not found", "6A82", nowhere)
    yield form(
        "no_file",
        "Without a current file READ RECORD is refused",
        "6986",
        commands.read_record(1, RecordMode.NUMBER, ne=LONGEST),
    )
    yield form(
        "structure", "READ BINARY of a file of records is refused", "6981", commands.read_binary(0, sfi=sfi, ne=1)
    )
    yield case("pointer", "Next and previous follow the record pointer", "9000", _pointer)
    clause = "S2.3 §5.3, S2.5 T45"
    title = "A record whose length byte is wrong is not written"
    yield Case("SSSE_RECORD.tlv", clause, title, Allowed("6A85"), _broken_record, Harm.WRITES)
    title = "A record longer than the file has room for is not written, where records may have another length at all"
    yield Case("SSSE_RECORD.full", clause, title, Allowed("6A84 6700"), _too_long, Harm.WRITES)
    title = "UPDATE RECORD without a record is refused"
    yield Case("SSSE_RECORD.no_data", clause, title, Allowed("6700"), _no_record, Harm.WRITES)
    title = "A number behind the next free one is not found"
    yield Case("SSSE_RECORD.gap", clause, title, Allowed("6A83"), _gap, Harm.WRITES)


def _form(command: CommandAPDU, subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    return (yield from tell(command))


def _pointer(subject: Subject) -> Steps[ResponseAPDU]:
    yield from environment(subject)
    records = yield from _all(ISSUER)
    require(len(records) > 2, "EF05 has fewer than three records")
    yield from must(commands.read_record(0x00, RecordMode.FIRST_WITH_IDENTIFIER, sfi=ISSUER.sfi, ne=LONGEST))
    answer = yield from must(commands.read_record(0x00, RecordMode.NEXT_WITH_IDENTIFIER, ne=LONGEST))
    require(answer.data == records[1], "the next record after the first is not the second")
    answer = yield from must(commands.read_record(0x00, RecordMode.NEXT_WITH_IDENTIFIER, ne=LONGEST))
    require(answer.data == records[2], "the next record after the second is not the third")
    answer = yield from must(commands.read_record(0x00, RecordMode.PREVIOUS_WITH_IDENTIFIER, ne=LONGEST))
    require(answer.data == records[1], "the previous record before the third is not the second")
    return answer


def _updatable(subject: Subject) -> Steps[tuple[AddressableFile, bytes]]:
    """Win the right to update EF05; the file as this card's profile has it, and its first record."""
    file = subject.profile.file_named(ISSUER.name)
    assert isinstance(file, AddressableFile), "EF05 is in all profiles"
    yield from enter(subject, subject.profile.directories[0])
    (record, *_) = yield from _all(ISSUER)
    yield from win(subject, ways(file.update)[0])
    return file, record


def _broken_record(subject: Subject) -> Steps[ResponseAPDU]:
    file, record = yield from _updatable(subject)
    if record != encode_simple(record[0], record[2:]):
        raise NotRun("the first record is none itself")
    broken = bytes((record[0], record[1] + 1)) + record[2:]
    return (yield from tell(written_back(file, broken)))


def _too_long(subject: Subject) -> Steps[ResponseAPDU]:
    """The longest record there is in place of the first one; a card that has room for it gets the old one back."""
    file, record = yield from _updatable(subject)
    long = encode_simple(record[0], bytes(_LONGEST_VALUE))
    answer = yield from tell(written_back(file, long))
    if answer.is_among((OK,)):
        stored = yield from must(first_of(file))
        yield from must(written_back(file, record))
        require(stored.data == long, "a record is said to be written that was cut")
        raise NotRun("the file has more room than one command can fill")
    return answer


def _no_record(subject: Subject) -> Steps[ResponseAPDU]:
    file, _ = yield from _updatable(subject)
    return (yield from tell(written_back(file, b"")))


def _gap(subject: Subject) -> Steps[ResponseAPDU]:
    """The first record once more, far behind the last."""
    file, record = yield from _updatable(subject)
    return (yield from tell(commands.update_record(_MOST_RECORDS, RecordMode.NUMBER, record, sfi=file.sfi)))
