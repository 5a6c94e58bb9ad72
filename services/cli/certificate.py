"""Certificates as files: made beside the card they are of, or fetched again with ``sscard certificate``."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from services import requests
from services.cli.client import channel_to
from services.cli.errors import UNUSABLE, checked, fail, reported
from services.cli.options import ConfigFile, ServerAddress, Simulated, configuration, quiet
from services.cli.read import PATIENCE
from sscard.v1 import issuance_pb2
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub

PAGE: Final = ".txt"
"""Ending of the page that goes beside a certificate."""


class CertificateFiles:
    """A certificate's file and its page, which are not there yet; until :meth:`keep` they are drafts beside them.

    The drafts are opened at once, so that a full or foreign directory is noticed before a card is made.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.page = file, file.with_suffix(PAGE)
        self._drafts: list[tuple[Path, Path, int]] = []
        if file.suffix.lower() == PAGE:
            fail(f"{file}: ends in {PAGE}, which is for the page beside it; take .json 请用.json结尾", code=UNUSABLE)
        for path in (self.file, self.page):
            if os.path.lexists(path):
                self.drop()
                fail(f"{path}: is there already 文件已存在", code=UNUSABLE)
            draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
            try:
                number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except OSError as error:
                self.drop()
                fail(f"{path}: {error.strerror}", code=UNUSABLE)
            self._drafts.append((draft, path, number))

    def keep(self, certificate: issuance_pb2.CardCertificate) -> None:
        """Write both, on the disk, under their names, which nobody may have taken; raises :class:`OSError`."""
        contents = (certificate.document, certificate.page.encode())
        for (draft, path, number), content in zip(self._drafts, contents, strict=True):
            with open(os.dup(number), "wb") as file:  # noqa: PTH123  its number
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # A link is refused where there is a file by now; renaming would replace it.
            path.hardlink_to(draft)

    def drop(self) -> None:
        """Take the drafts away. Idempotent."""
        for draft, _, number in self._drafts:
            os.close(number)
            draft.unlink(missing_ok=True)
        self._drafts.clear()


@contextmanager
def certificate_files(file: Path | None) -> Iterator[CertificateFiles | None]:
    """The files for a certificate, None where nobody wants any; no draft is left, however it ends."""
    files = CertificateFiles(file) if file is not None else None
    try:
        yield files
    finally:
        if files is not None:
            files.drop()


def certificate(
    number: Annotated[
        str, typer.Argument(metavar="[NUMBER]", help="The certificate's number, 16 digits.", show_default=False)
    ] = "",
    request_id: Annotated[str, typer.Option("--request-id", help="Of the request that made the card.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for it; its page goes beside it.")
    ] = None,
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Get the certificate of a card that was made. 查询制卡证书。"""
    if bool(number) == bool(request_id):
        fail("one of both is needed: a certificate's number, or --request-id 请提供证书编号或请求编号", code=UNUSABLE)
    if number:
        wanted = issuance_pb2.GetCertificateRequest(number=checked("NUMBER", requests.certificate_number, number))
    else:
        wanted = issuance_pb2.GetCertificateRequest(request_id=checked("--request-id", requests.request_id, request_id))
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    with certificate_files(output) as files:
        with reported(), channel_to(server, settings) as channel:
            found = IssuanceServiceStub(channel).GetCertificate(wanted, timeout=PATIENCE).certificate
        if files is None:
            typer.echo(found.page)
            return
        try:
            files.keep(found)
        except OSError as error:
            fail(f"{files.file}: {error.strerror}")
        typer.echo(f"{files.file}, {files.page}: written 证书文件")
