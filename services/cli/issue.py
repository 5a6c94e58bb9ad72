"""``sscard issue``, ``verify`` and ``face``: a person's card, from a blank chip to the printed front."""

import os
import sys
import uuid
from pathlib import Path
from typing import Annotated, Final

import grpc
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cardlib.issuance.questions import Stage
from services.cli.client import channel_to
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import ConfigFile, ReaderName, ServerAddress, Simulated, configuration, quiet
from services.cli.orders import PersonFile, PhotoFile, TemplateName, contents_of, order_of
from services.cli.read import PATIENCE, chosen
from services.errors import CertificateDamagedError
from services.issuance.certificate import Certificate
from services.statuses import call_of, told_by
from sscard.v1 import issuance_pb2
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

LONGEST: Final = 7200.0
"""Seconds that the making of a card is waited for; the service has its own, shorter, limit."""
MAX_CERTIFICATE: Final = 1 << 20
INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""

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
    operator: Annotated[str, typer.Option("--operator", help="Who makes the card, for its certificate.")] = "",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="File for the certificate, JSON; its page goes beside it.")
    ] = None,
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Make a person's card of the chip in a reader, and prove it. 制卡。

    Sent again with the same request id and the same data, it goes on where the chip is.
    """
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    if certificate is not None and certificate.exists():
        fail(f"{certificate}: is there already 文件已存在", code=UNUSABLE)
    request = issuance_pb2.PersonaliseCardRequest(
        order=order_of(person, template, photo), request_id=request_id or str(uuid.uuid4()), operator=operator
    )
    with reported(), channel_to(server, settings) as channel:
        request.reader = chosen(channel, reader)
        try:
            issued = _issued(channel, request)
        except grpc.RpcError as error:
            other = _open_request(error)
            if not (resume and other):
                if other:
                    _tell_of(other)
                raise
            request.request_id = other
            issued = _issued(channel, request)
    _show(issued, certificate)


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


def _issued(  # noqa: RET503  fail() does not return
    channel: grpc.Channel, request: issuance_pb2.PersonaliseCardRequest
) -> issuance_pb2.IssuedCard:
    """The result of the call; meanwhile a bar is shown, where there is a terminal."""
    console = Console(stderr=True)
    console.print(f"request {request.request_id} 请求编号", highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    call = IssuanceServiceStub(channel).PersonaliseCard(request, timeout=LONGEST)
    written = False
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(Stage.EXAMINED.value, total=None)
            for event in call:
                if event.HasField("issued"):
                    return event.issued
                step = event.progress
                written = written or step.stage >= issuance_pb2.ISSUANCE_STAGE_BUILDING
                bar.update(task, description=_words(step), completed=step.done, total=step.total or None)
    except grpc.RpcError:
        if written:
            _tell_how_to_go_on(request.request_id)
        raise
    except KeyboardInterrupt:
        call.cancel()
        if written:
            _tell_how_to_go_on(request.request_id)
        fail("stopped 已中断", code=INTERRUPTED)
    fail("the service ended without a result 服务未返回结果")


def _words(step: issuance_pb2.IssuanceProgress) -> str:
    name = issuance_pb2.IssuanceStage.Name(step.stage).removeprefix("ISSUANCE_STAGE_")
    return f"{Stage[name].value} {name.lower()} {step.detail}".rstrip()


def _open_request(error: grpc.RpcError) -> str:
    """The request that has begun with the chip, where that is what is wrong."""
    told = told_by(call_of(error))
    return told.metadata.get("request_id", "") if told is not None and told.reason == "ISSUANCE_OPEN" else ""


def _tell_of(other: str) -> None:
    sys.stderr.write(
        f"sscard: with this chip the request {other} has begun; with the same person's data go on by "
        f"--request-id {other} or --resume 该芯片已由请求{other}开始制卡，人员数据相同时可用上述选项续作\n"
    )


def _tell_how_to_go_on(request_id: str) -> None:
    sys.stderr.write(
        f"sscard: the chip is half-built; put it in again and repeat with --request-id {request_id} "
        "芯片尚未制作完成，请重新放入并加上此选项续作\n"
    )


def _show(issued: issuance_pb2.IssuedCard, file: Path | None) -> None:
    made = issued.certificate
    if issued.already_issued:
        typer.echo(
            "This request was done before; the card in the reader was not touched. "
            "该请求此前已完成，未对读卡器中的卡片作任何操作。"
        )
    for warning in issued.warnings:
        typer.echo(f"look at 请注意: {warning}")
    told = Certificate.load(made.document, made.number).told
    typer.echo(f"card {told['card']['version']} {told['card']['algorithm']} made and proven 制卡完成并已验证")
    typer.echo(f"{len(told['files'])} files, {len(told['keys'])} keys 文件、密钥数量")
    typer.echo(f"certificate {made.number}, kept by the service 证书已由服务保存")
    if file is not None:
        _write(file, made.document)
        page = file.with_suffix(".txt")
        _write(page, made.page.encode())
        typer.echo(f"{file}, {page}: written 证书文件")


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
