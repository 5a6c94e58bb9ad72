"""``sscard issue-psam``: a PSAM from a blank chip, with keys that never leave their custodian."""

import secrets
import sys
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from apdu.flow import Flow, run
from apdu.readers import Readers, executor
from apdu.transport.wrappers import get_response
from cardlib.issuance.psam.flow import issue_psam as issuing
from cardlib.issuance.psam.flow import verify_psam as verifying
from cardlib.issuance.psam.report import PsamKeyProof, PsamReport
from cardlib.issuance.questions import Note, Stage
from cardlib.psam_keys import PSAM_KEYS
from services import logs
from services.cli.entering import asked_opener
from services.cli.errors import reported
from services.cli.issuing import INTERRUPTED
from services.cli.options import ConfigFile, ReaderName, Simulated, configuration, quiet
from services.cli.read import pick
from services.config import Config
from services.custody.opening import open_custodian
from services.issuance.psam_order import read_psam_order
from services.issuance.runner import noting_only_progress
from services.opening import open_readers, open_regional_profiles
from sscard.v1.reader_pb2 import SLOT_STATE_CARD, SLOT_STATE_EMPTY, Reader

PATIENCE: Final = 5.0
"""Seconds to wait for a reader that another program has."""
_ATTEMPTS: Final = 4
"""After so many attempts a look for master keys is done in the same way again."""


def issue_psam(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="TOML file with what the PSAM is to become.", show_default=False)
    ],
    reader: ReaderName = "",
    serial: Annotated[str, typer.Option("--serial", help="Serial number, 20 digits, in place of the file's.")] = "",
    terminal: Annotated[
        str, typer.Option("--terminal", help="Terminal number, 12 digits, in place of the file's.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a chip on which this very PSAM was begun.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Only compare a finished PSAM, and prove its keys.")] = False,
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Issue a PSAM on a blank chip, and prove its keys. PSAM发卡。

    The keys come from the custodian of the configuration, wrapped for this PSAM.
    """
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    with reported():
        order = read_psam_order(
            file,
            serial=serial,
            terminal=terminal,
            table=settings.psam_keys,
            # The ids of software PSAMs are nobody's.
            otherwise=PSAM_KEYS if settings.development else (),
            known=open_regional_profiles(settings).keys,
        )
    # Which attempt it is, nobody knows here: any one is as good.
    attempt = secrets.randbelow(_ATTEMPTS) if resume else 0
    flow = partial(issuing, order, begun=resume, attempt=attempt, rng=secrets.token_bytes)
    if verify:
        flow = partial(verifying, order, rng=secrets.token_bytes)
    with reported(), closing(open_readers(settings)) as readers:
        present = [
            Reader(name=s.name, slot=SLOT_STATE_CARD if s.present else SLOT_STATE_EMPTY) for s in readers.states()
        ]
        try:
            report = _conversed(readers, pick(present, reader), settings, flow)
        except KeyboardInterrupt:
            sys.stderr.write("sscard: stopped; go on with --resume 已中断，续作时请加上--resume\n")
            raise typer.Exit(INTERRUPTED) from None
    _show(report, verified=verify)


def _conversed(readers: Readers, reader: str, settings: Config, begin: "partial[Flow[PsamReport]]") -> PsamReport:
    """The flow on the chip in a reader, with a bar where there is a terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with (
        closing(open_custodian(settings, readers, opener=asked_opener(settings))) as custodian,
        closing(readers.connect(reader, timeout=PATIENCE)) as chip,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task(Stage.EXAMINED.value, total=None)

        def progress(note: Note) -> None:
            words = f"{note.stage.value} {note.stage.name.lower()} {note.detail}".rstrip()
            bar.update(task, description=words, completed=note.done, total=note.total or None)

        transmit = logs.traffic(settings.log_level)(get_response(chip.transmit, strip_le=chip.t0), reader)
        return run(begin(atr=chip.atr), executor(transmit), noting_only_progress(custodian.answer, progress))


def _show(report: PsamReport, *, verified: bool) -> None:
    done = "compared and proven 已核对并验证" if verified else "issued and proven 发卡完成并已验证"
    typer.echo(f"PSAM {report.serial}, terminal 终端 {report.terminal}: {done}")
    for algorithm, files in report.files.items():
        keys = Counter(key.proof for key in report.keys if key.algorithm is algorithm)
        typer.echo(
            f"{algorithm.name}: {len(files)} files read back, {keys.total()} keys 文件、密钥数量: "
            f"{keys[PsamKeyProof.AUTHENTICATION]} authenticated, {keys[PsamKeyProof.COMPUTATION]} computed, "
            f"{keys[PsamKeyProof.ACCEPTED_LOAD]} accepted only 仅装载鉴别"
        )
