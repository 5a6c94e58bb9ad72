from pathlib import Path

from typer.testing import CliRunner

from services.callers.caller import Role
from services.callers.methods import every_service
from services.cli import app

MANUAL = Path(__file__).parents[3] / "docs" / "callers.md"


def test_the_manual_has_the_table_as_it_is() -> None:
    """Else: `sscard access --markdown`, behind the mark at its end."""
    printed = CliRunner().invoke(app, ["access", "--markdown"])
    assert printed.exit_code == 0
    mark = "<!-- sscard access --markdown -->\n"
    assert MANUAL.read_text(encoding="utf-8").partition(mark)[2].strip() == printed.stdout.strip()


def test_every_method_has_a_line_and_every_role_a_column() -> None:
    printed = CliRunner().invoke(app, ["access"]).stdout
    for service in every_service():
        for method in service.methods:
            assert f"{service.name}.{method.name} " in printed
    assert all(role.value in printed for role in Role)
