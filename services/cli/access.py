"""``sscard access``: which role may call which method."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from rich.console import Console
from rich.table import Table

from services.callers.caller import Role
from services.callers.methods import every_service
from services.callers.roles import access_of, may
from services.reference.markdown import code, table
from sscard.v1 import options_pb2

YES, NO = "●", "–"
"""Stand where a role may, and may not, call a method."""


def access(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the manual has it.")] = False,
) -> None:
    """Show which role may call which method. 角色权限表。"""
    if markdown:
        typer.echo("\n".join(as_markdown()), nl=False)
        return
    console = Console()
    made = Table(title="权限 · Access", title_justify="left", header_style="bold")
    made.add_column("Method", no_wrap=True)
    for role in Role:
        made.add_column(role.value, justify="center", min_width=2, overflow="fold")
    for service in every_service():
        made.add_section()
        for method, cells in _rows(service):
            made.add_row(f"{service.name}.{method.name}", *cells)
    if not console.is_terminal:
        console = Console(width=160)
    console.print(made)


def as_markdown() -> Iterator[str]:
    """The lines of the tables: one of each service, methods down, roles across."""
    for service in every_service():
        yield f"### {service.name}"
        yield ""
        headings = ("Method", "Takes", *(role.value for role in Role))
        yield from table(headings, [(code(method.name), _access(method), *cells) for method, cells in _rows(service)])


def _rows(service: ServiceDescriptor) -> Iterator[tuple[MethodDescriptor, Sequence[str]]]:
    for method in service.methods:
        yield method, tuple(YES if may(role, access_of(method)) else NO for role in Role)


def _access(method: MethodDescriptor) -> str:
    return code(options_pb2.Access.Name(access_of(method)).removeprefix("ACCESS_"))
