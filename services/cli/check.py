"""``sscard check``: whether cards can be made of a file of persons' records; no chip is needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from cardlib.errors import ItemError
from cardlib.issuance.attachments import attachments_in
from cardlib.issuance.faults import Fault, OrderFaultsError
from cardlib.issuance.filling import BASE64
from cardlib.issuance.record import PersonRecord, read_csv
from services.cli.errors import FAILED, UNUSABLE, fail, reported
from services.cli.options import ConfigFile, configuration, quiet
from services.cli.orders import PhotoFile, TemplateName, order_of, template_in
from services.config import Config
from services.issuance.opening import templates_of
from services.issuance.orders import PHOTO
from services.opening import open_regional_profiles

CSV: Final = ".csv"


def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Persons' data: JSON for one, CSV for many.", show_default=False)
    ],
    template: TemplateName = "",
    photo: PhotoFile = None,
    config: ConfigFile = None,
) -> None:
    """Check persons' data with a template, and list everything that is wrong; no chip is needed. 检查制卡数据。"""
    settings = configuration(config)
    quiet(settings)
    if file.suffix.lower() == CSV:
        if photo is not None:
            fail("--photo is of one person; a table has a column `photo` 批量数据请用photo列", code=UNUSABLE)
        count = len(checked_records(file, template, settings))
    else:
        order = order_of(file, template, photo)
        with reported():
            read = templates_of(settings, open_regional_profiles(settings), anywhere=True).read(order)
        for warning in read.warnings:
            typer.echo(f"look at 请注意: {warning}")
        count = 1
    typer.echo(f"{count} records without a fault 条数据检查通过")


def checked_records(file: Path, template: str, settings: Config) -> list[PersonRecord]:
    """The records of a table, none of which has a fault; else all faults are told, and the command ends."""
    try:
        records = list(read_csv(lambda: file.open("rb")))
    except OSError as error:
        fail(f"{file}: {error.strerror}", code=UNUSABLE)
    except OrderFaultsError as error:
        _refuse(file, error.faults)
    with reported():
        templates = templates_of(settings, open_regional_profiles(settings), anywhere=True)
        checked = templates.check(template_in(template), records, photos_of(records, file))
    for warning in checked.warnings:
        typer.echo(f"look at 请注意: {warning}")
    if checked.faults:
        _refuse(file, checked.faults)
    return records


def photos_of(records: list[PersonRecord], file: Path) -> Callable[[str, int], bytes]:
    """The photos that these records name, from the folder of their file; no other file is read."""
    named = {name for record in records if (name := photo_of(record))}
    inside = attachments_in(file.absolute().parent)

    def photo(name: str, room: int) -> bytes:
        if name not in named:
            raise ItemError("file", "is not in the column `photo`, and no other file is sent")
        return inside(name, room)

    return photo


def photo_of(record: PersonRecord) -> str:
    """The name of the photo's file, "" where the record names none."""
    name = record.values.get(PHOTO)
    return name if isinstance(name, str) and not name.startswith(BASE64) else ""


def _refuse(file: Path, faults: tuple[Fault, ...]) -> NoReturn:
    for fault in faults:
        typer.echo(f"{fault} {fault.message_zh}".rstrip(), err=True)
    fail(f"{file}: {len(faults)} faults, all of them above; no chip was touched 数据有误，请全部更正", code=FAILED)
