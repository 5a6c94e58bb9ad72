"""``sscard issue people.csv``: a card for every row, one chip after the other."""

import json
import uuid
from pathlib import Path

import grpc
import typer

from services.cli.check import checked_records, photo_of, photos_of
from services.cli.client import channel_to
from services.cli.errors import fail, reported
from services.cli.issuing import issued
from services.cli.orders import template_in
from services.cli.read import PATIENCE, chosen
from services.config import Config
from services.issuance.orders import MAX_PHOTO
from services.statuses import call_of, told_by
from sscard.v1 import issuance_pb2
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub


def issue_all(file: Path, template: str, reader: str, operator: str, run: str, server: str, settings: Config) -> None:
    """Check all rows, then ask for a chip for each; the first failure ends it.

    The id of a row's request is made of ``run`` ("": a new one) and the number of the row, so that a run that is
    repeated knows which rows are done. Who stands in a row is not shown.
    """
    records = checked_records(file, template, settings)
    photo = photos_of(records, file)
    again = f"--run {run or uuid.uuid4().hex[:12]}"
    prefix = again.removeprefix("--run ")
    typer.echo(f"run {prefix}, {len(records)} rows; go on later with {again} 批次编号，中断后可用此选项续作", err=True)
    with reported(), channel_to(server, settings) as channel:
        for number, record in enumerate(records, 1):
            order = template_in(template)
            order.person_json = json.dumps(dict(record.values), ensure_ascii=False).encode()
            if name := photo_of(record):
                order.photo = photo(name, MAX_PHOTO)
            request = issuance_pb2.PersonaliseCardRequest(
                order=order, request_id=f"{prefix}-{record.place.removeprefix('row ')}", operator=operator
            )
            where = f"{record.place} ({number} of {len(records)})"
            if _is_done(channel, request.request_id):
                # Nothing is asked of a card; that the row is still the one that was made is compared.
                request.reader = reader or "none"
                issued(channel, request, again)
                typer.echo(f"{where}: done before 此前已完成")
                continue
            _ask_for_chip(where, again)
            request.reader = chosen(channel, reader)
            try:
                made = issued(channel, request, again)
            except grpc.RpcError:
                typer.echo(f"{where}: not made; once that is put right, go on with {again} 制卡未完成", err=True)
                raise
            for warning in made.warnings:
                typer.echo(f"look at 请注意: {warning}")
            typer.echo(f"{where}: made and proven, certificate {made.certificate.number} 制卡完成并已验证")


def _is_done(channel: grpc.Channel, request_id: str) -> bool:
    wanted = issuance_pb2.GetCertificateRequest(request_id=request_id)
    try:
        IssuanceServiceStub(channel).GetCertificate(wanted, timeout=PATIENCE)
    except grpc.RpcError as error:
        told = told_by(call_of(error))
        if told is None or told.reason != "CERTIFICATE_UNKNOWN":
            raise
        return False
    return True


def _ask_for_chip(where: str, again: str) -> None:
    try:
        typer.prompt(
            f"{where}: put its chip into the reader, then Enter 请放入芯片后按回车",
            default="",
            show_default=False,
            prompt_suffix=" ",
            err=True,
        )
    except typer.Abort:
        fail(f"stopped before {where}; go on with {again} 已中断")
