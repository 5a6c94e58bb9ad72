"""``sscard issue``, ``verify`` and ``face``: a person's card, from a blank chip to the printed front."""

import os
import sys
import uuid
from pathlib import Path
from typing import Annotated, Final

import grpc
import typer

from services import requests
from services.cli.batch import issue_all
from services.cli.certificate import CertificateFiles, certificate_files
from services.cli.check import CSV
from services.cli.client import channel_to
from services.cli.errors import UNUSABLE, checked, fail, reported
from services.cli.issuing import LONGEST, issued, open_request, repeated_request
from services.cli.options import ConfigFile, ReaderName, ServerAddress, Simulated, configuration, quiet
from services.cli.orders import PersonFile, PhotoFile, TemplateName, contents_of, order_of
from services.cli.read import PATIENCE, chosen
from services.errors import CertificateDamagedError
from services.issuance.certificate import Certificate
from sscard.v1 import issuance_pb2
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

MAX_CERTIFICATE: Final = 1 << 20
MADE_BUT: Final = 3
"""Exit code where the card is made, and its certificate could not be written."""

FORMATS: Final = {
    ".png": issuance_pb2.FACE_FORMAT_PNG,
    ".pdf": issuance_pb2.FACE_FORMAT_PDF,
}

CertificateFile = Annotated[
    Path | None, typer.Option("--certificate", help="A certificate's file, as `sscard issue --certificate` wrote it.")
]


def issue(
    person: PersonFile,
    reader: ReaderName = "",
    template: TemplateName = "",
    photo: PhotoFile = None,
    request_id: Annotated[
        str, typer.Option("--request-id", help="Of the request to go on with; none: a new one is made and shown.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the request that has begun with this chip, whichever it is.")
    ] = False,
    run: Annotated[str, typer.Option("--run", help="Of a table of persons: the run to go on with.")] = "",
    operator: Annotated[
        str, typer.Option("--operator", help="Who makes the card; a caller's certificate says it otherwise.")
    ] = "",
    again: Annotated[
        str, typer.Option("--again", metavar="REASON", help="Why the same card is made once more, for the journal.")
    ] = "",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="File for the certificate, JSON; its page goes beside it.")
    ] = None,
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Make a person's card of the chip in a reader, and prove it; of a table (.csv), one after the other. 制卡。

    Sent again with the same request id and the same data, it goes on where the chip is.
    """
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    checked("--operator", requests.operator, operator)
    if person.suffix.lower() == CSV:
        if request_id or resume or again or photo or certificate:
            fail(
                "a table takes --run, not --request-id, --resume, --again, --photo, --certificate 批量制卡请用--run",
                code=UNUSABLE,
            )
        # The row's number goes behind it.
        checked("--run", requests.request_id, f"{run}-0000000")
        issue_all(person, template, reader, operator, run, server, settings)
        return
    if run:
        fail("--run is for a table of persons, .csv; for one person there is --request-id", code=UNUSABLE)
    request = issuance_pb2.PersonaliseCardRequest(
        order=order_of(person, template, photo),
        request_id=checked("--request-id", requests.request_id, request_id or str(uuid.uuid4())),
        operator=operator,
        again_reason=again,
    )
    with certificate_files(certificate) as files:
        with reported(), channel_to(server, settings) as channel:
            request.reader = chosen(channel, reader)
            try:
                made = issued(channel, request)
            except grpc.RpcError as error:
                other = open_request(error)
                if not (resume and other):
                    _tell_of(other, repeated_request(error))
                    raise
                request.request_id = other
                made = issued(channel, request)
        _show(made)
        if files is not None:
            _keep(made.certificate, files)


def verify(
    person: Annotated[
        Path | None, typer.Argument(metavar="[PERSON]", help="JSON file with the person's data.", show_default=False)
    ] = None,
    reader: ReaderName = "",
    template: TemplateName = "",
    photo: PhotoFile = None,
    certificate: CertificateFile = None,
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Compare a card with what was ordered, and prove its keys. 验证卡片。

    Without a person's data, a certificate alone: whether it is genuine, and of the chip in the reader.
    """
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    if person is None and certificate is None:
        fail("a person's data or --certificate is needed 需要个人数据或证书", code=UNUSABLE)
    document = _document(certificate) if certificate is not None else b""
    if person is None:
        with reported(), channel_to(server, settings) as channel:
            _check_certificate(channel, chosen(channel, reader), Certificate.load(document))
        return
    order = order_of(person, template, photo)
    with reported(), channel_to(server, settings) as channel:
        request = issuance_pb2.VerifyCardRequest(
            reader=chosen(channel, reader), order=order, certificate_document=document
        )
        found = IssuanceServiceStub(channel).VerifyCard(request, timeout=LONGEST)
    typer.echo(f"{found.files} files read back, {found.keys} keys proven 文件已核对，密钥已验证")
    if found.certificate_number:
        typer.echo(f"compared with the certificate {found.certificate_number} 已与证书比对")
    if found.not_compared:
        typer.echo(f"not looked at 未能核对: {', '.join(found.not_compared)}")
    if found.differences:
        fail("\n        ".join(["the card is not as its certificate says 卡片与证书不符", *found.differences]))


def face(
    person: PersonFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Picture to make: .png or .pdf.")],
    template: TemplateName = "",
    photo: PhotoFile = None,
    front: Annotated[
        bool, typer.Option("--front", help="The side with emblem and lettering, as PNG; a PDF has both.")
    ] = False,
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Draw the face of a person's card, to be printed. 打印卡面。"""
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    form = FORMATS.get(output.suffix.lower())
    if form is None:
        fail(f"{output}: ends in .png or .pdf 文件名应以.png或.pdf结尾", code=UNUSABLE)
    if front and form == issuance_pb2.FACE_FORMAT_PNG:
        form = issuance_pb2.FACE_FORMAT_PNG_FRONT
    request = issuance_pb2.RenderCardFaceRequest(order=order_of(person, template, photo), format=form)
    with reported(), channel_to(server, settings) as channel:
        drawn = IssuanceServiceStub(channel).RenderCardFace(request, timeout=PATIENCE)
    _write(output, drawn.face)
    typer.echo(f"{output}: {drawn.media_type} 已生成")


def _tell_of(begun: str, repeated: str) -> None:
    """What to do about the other request that has ``begun`` with this chip, or that makes the same card."""
    if begun:
        sys.stderr.write(
            f"sscard: with this chip the request {begun} has begun; with the same person's data go on by "
            f"--request-id {begun} or --resume 该芯片已由请求{begun}开始制卡，人员数据相同时可用上述选项续作\n"
        )
    elif repeated:
        sys.stderr.write(
            f"sscard: go on with that card by --request-id {repeated}; a second one takes --again REASON "
            f"续作请用--request-id {repeated}，确需另制一张请用--again说明原因\n"
        )


def _show(made: issuance_pb2.IssuedCard) -> None:
    if made.already_issued:
        typer.echo(
            "This request was done before; the card in the reader was not touched. "
            "该请求此前已完成，未对读卡器中的卡片作任何操作。"
        )
        if made.chip:
            here = "is in the reader 即读卡器中的卡片" if made.in_reader else "is not in the reader 不在此读卡器中"
            typer.echo(f"its card, of the chip {made.chip.hex()}, {here}")
    for warning in made.warnings:
        typer.echo(f"look at 请注意: {warning}")
    told = Certificate.load(made.certificate.document, made.certificate.number).told
    typer.echo(f"card {told['card']['version']} {told['card']['algorithm']} made and proven 制卡完成并已验证")
    typer.echo(f"{len(told['files'])} files, {len(told['keys'])} keys 文件、密钥数量")
    typer.echo(f"certificate {made.certificate.number}, kept by the service 证书已由服务保存")


def _keep(made: issuance_pb2.CardCertificate, files: CertificateFiles) -> None:
    try:
        files.keep(made)
    except OSError as error:
        fail(
            f"{files.file}: {error.strerror}; the card IS made 卡片已制成，仅证书文件未能写入\n"
            f"        get its certificate with: sscard certificate {made.number} --output FILE",
            code=MADE_BUT,
        )
    typer.echo(f"{files.file}, {files.page}: written 证书文件")


def _document(file: Path) -> bytes:
    document = contents_of(file, MAX_CERTIFICATE)
    try:
        Certificate.load(document)
    except CertificateDamagedError:
        fail(f"{file}: is no certificate, or was changed 不是证书或已被改动")
    return document


def _check_certificate(channel: grpc.Channel, reader: str, certificate: Certificate) -> None:
    """Whether the service has made this certificate, and for the chip in the reader."""
    request = issuance_pb2.GetCertificateRequest(number=certificate.number)
    kept = IssuanceServiceStub(channel).GetCertificate(request, timeout=PATIENCE).certificate
    if kept.document != certificate.document:
        fail("the certificate is not the one that the service has kept 证书与服务保存的不一致")
    readers = ReaderServiceStub(channel).ListReaders(ListReadersRequest(), timeout=PATIENCE).readers
    atr = next((one.atr for one in readers if one.name == reader), b"")
    if atr.hex() != certificate.told["card"]["atr"]:
        fail("the certificate is genuine, but of another card 证书真实，但属于另一张卡")
    typer.echo(f"the certificate {certificate.number} is genuine, and of this card 证书真实且属于此卡")
    typer.echo("what the card holds was not compared: that takes the person's data 未核对卡内数据")


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and for nobody else to read."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  its number
            file.write(data)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        fail(f"{path}: {error.strerror}")
