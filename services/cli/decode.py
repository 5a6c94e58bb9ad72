"""``sscard decode``: a recorded conversation with a card in words, to file, item and meaning."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cardlib.model import CardProfile
from cardlib.profiles import ALL
from cardlib.trace import Decoded, TraceError, TraceFormat, decode, read_trace
from services.cli.errors import UNUSABLE, fail

AUTO = "auto"
FORMATS = (AUTO, *TraceFormat)

_MARGIN = " " * 8


def decode_trace(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The recorded conversation; - for standard input.")],
    show_data: Annotated[
        bool, typer.Option("--show-data", help="Show every byte, also data of the holder, PINs and cryptograms.")
    ] = False,
    trace_format: Annotated[
        str, typer.Option("--format", "-f", metavar="|".join(FORMATS), help="How the conversation is written down.")
    ] = AUTO,
    version: Annotated[
        str, typer.Option("--version", help="The card's version, 1.0, 2.0 or 3.0; none: as the card says itself.")
    ] = "",
) -> None:
    """Explain a recorded conversation with a card. 解析报文记录。

    Takes transcripts of sscard apdu --record, logs of pcscd --apdu, output of opensc-tool --send-apdu, and plain
    hexadecimal lines. Data of the holder, PINs and cryptograms are masked.
    """
    chosen, profile = _format(trace_format), _profile(version)
    try:
        trace = read_trace(_lines(file), chosen)
    except TraceError as error:
        fail(f"{file}: {error}", code=UNUSABLE)
    console = Console(highlight=False, soft_wrap=True)
    for decoded in decode(trace.exchanges, profile=profile):
        for line in _told(decoded, show_data=show_data):
            console.print(line)


def _format(name: str) -> TraceFormat | None:
    if name not in FORMATS:
        fail(f"there is no trace format {name!r}; there are {', '.join(FORMATS)}", code=UNUSABLE)
    return None if name == AUTO else TraceFormat(name)


def _profile(version: str) -> CardProfile | None:
    profiles = {profile.version: profile for profile in ALL}
    if version and version not in profiles:
        fail(f"there is no version {version!r} of the card; there are {', '.join(profiles)}", code=UNUSABLE)
    return profiles.get(version)


def _lines(file: str) -> list[str]:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", code=UNUSABLE)
    # Logs hold what programs put there; of what is no text nothing is needed.
    return raw.decode("utf-8", errors="replace").split("\n")


def _told(decoded: Decoded, *, show_data: bool) -> Iterator[Text]:
    if decoded.atr:
        # Its historical bytes hold the card's serial number.
        atr = decoded.atr.hex(" ").upper() if show_data else f"<{len(decoded.atr)} bytes masked>"
        yield Text(f"{_MARGIN}card reset 卡复位, ATR {atr}", style="dim")
    header = decoded.raw[:4].hex(" ").upper() if decoded.command is not None else ""
    yield Text.assemble((f"{decoded.line:>6}  ", "dim"), (header, "dim"), "  " if header else "", decoded.what)
    for item in decoded.sent_items:
        yield Text(f"{_MARGIN}> {item.shown(show_data=show_data)}", style="yellow")
    took = f" ({decoded.sent} commands)" if decoded.sent > 1 else ""
    yield Text.assemble(f"{_MARGIN}→ ", (decoded.outcome or "no answer", "cyan"), took)
    for item in decoded.items:
        yield Text(f"{_MARGIN}  {item.shown(show_data=show_data)}", style="green" if item.public else "")
