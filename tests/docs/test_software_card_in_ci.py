"""What the page about the software card in other people's CI shows is tried: the job, the lines, the programs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from simulator.cards import MEMORY_CARD, PSAM
from simulator.people import INITIAL_PIN, READY

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "software-card-in-ci.md").read_text(encoding="utf-8")
SETUP = (ROOT / "tools" / "setup.sh").read_text(encoding="utf-8")

INSTALL = "sudo apt-get install -y --no-install-recommends "
BUILT_HERE = re.compile(r"_?sscard.*|pip(-.*)?|.*\.pth|__pycache__")
"""What must not be found beside that which the lines install: this project itself, and another pip."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


SCRIPT = next(block for block in blocks("sh") if block.startswith("#!"))
ONCE, INSTALLING, EACH_RUN = (block.splitlines() for block in blocks("sh") if block != SCRIPT)
HINT, SPOKEN, PRINTED = blocks("text")
SEEDED, PULLED, OWN = blocks("python")


def run(code: str) -> None:
    exec(compile(code, "software-card-in-ci.md", "exec"), {})


# --- the job and the lines ---


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    (text,) = blocks("yaml")
    (job,) = yaml.safe_load(text)["jobs"].values()
    return dict(job)


def test_the_job_runs_the_lines_of_the_recipe_and_nothing_else(job: dict[str, Any]) -> None:
    commands = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    assert commands == [*ONCE, *INSTALLING, *EACH_RUN]


def test_the_job_has_this_repository_where_the_lines_want_it(job: dict[str, Any]) -> None:
    own, ours = (step for step in job["steps"] if "uses" in step)
    assert "with" not in own
    assert ours["with"]["path"] == "sscard"
    assert own["uses"] == ours["uses"]
    assert INSTALLING[-1].endswith(" ./sscard")
    assert job["timeout-minutes"] < 60


def test_the_packages_are_those_that_the_tests_here_run_with() -> None:
    (line,) = (line for line in ONCE if "apt-get install" in line)
    assert line.startswith(INSTALL)
    *needed, venv = line.removeprefix(INSTALL).split()
    (first,) = re.findall(r"^DEBIAN_PACKAGES=\(\n +([a-z -]+?) +#", SETUP, re.MULTILINE)
    assert needed == first.split()
    assert f"apt-get install python3 {venv}" in SETUP


def test_the_option_for_machines_that_stay_is_the_one_used_here() -> None:
    (option,) = re.findall(r"`-o (Dpkg::Options::=\S+)`", PAGE)
    assert f"-o {option})" in SETUP


def test_only_what_changes_the_machine_is_not_run_here() -> None:
    assert [line.split()[:2] for line in ONCE] == [["sudo", "apt-get"], ["sudo", "apt-get"], ["sudo", "sysctl"]]
    assert not any("sudo" in line for line in (*INSTALLING, *EACH_RUN))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """What a job begins with, and its environment.

    Nothing is fetched: the libraries are those of this environment, without this project, which pip is to install.
    """
    place = tmp_path_factory.mktemp("job")
    (place / "sscard").symlink_to(ROOT)
    script = place / "card-tests.sh"
    script.write_text(SCRIPT, encoding="utf-8")
    script.chmod(0o755)

    libraries, programs = place / "libraries", place / "bin"
    libraries.mkdir()
    programs.mkdir()
    here = {Path(module.__file__ or "").parents[1] for module in (pytest, yaml)}
    for found in {entry for site in here for entry in site.iterdir() if not BUILT_HERE.fullmatch(entry.name)}:
        (libraries / found.name).symlink_to(found)
    (programs / "python3").symlink_to(Path(sys.executable).resolve())

    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PCSCLITE_"))}
    environment = outside | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(libraries),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which means: none
        "PIP_NO_CACHE_DIR": "1",
    }
    return place, environment


def in_shell(line: str, place: Path, environment: dict[str, str]) -> str:
    """What a line prints as a job's shell runs it, which takes no more than two minutes."""
    done = subprocess.run(
        ["sh", "-euc", line], cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.usefixtures("no_pcscd")
@pytest.mark.timeout(300)
def test_the_lines_install_this_tree_and_the_command_finds_both_cards(workspace: tuple[Path, dict[str, str]]) -> None:
    printed = [in_shell(line, *workspace) for line in (*INSTALLING, *EACH_RUN)]
    assert [line.rstrip() for line in printed[-1].splitlines()] == SPOKEN.splitlines()
    place, _ = workspace
    (installed,) = place.glob(".sscard/lib/python3*/site-packages/simulator/pcscd.py")
    assert installed.read_bytes() == (ROOT / "simulator" / "pcscd.py").read_bytes()


# --- what else the page says ---


@pytest.mark.parametrize("sentence", [HINT.strip(), "no namespaces here"])
def test_what_is_told_where_namespaces_are_not_allowed_is_what_the_program_tells(sentence: str) -> None:
    assert sentence in PAGE
    assert sentence in (ROOT / "simulator" / "pcscd.py").read_text(encoding="utf-8")


def test_the_seeded_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    run(SEEDED)
    assert capsys.readouterr().out == PRINTED


def test_the_card_of_the_fault_example_is_pulled_out(capsys: pytest.CaptureFixture[str]) -> None:
    run(PULLED)
    assert capsys.readouterr().out == "the card is no longer held (reader 'Counter 1')\n"


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.usefixtures("no_pcscd")
def test_the_card_of_a_description_is_seen_by_other_programs(capfd: pytest.CaptureFixture[str]) -> None:
    run(OWN)
    assert capfd.readouterr().out.strip().endswith(":20:01")


def test_the_pin_the_kinds_and_the_keys_are_as_the_page_says() -> None:
    assert f"`{INITIAL_PIN.reveal().hex()}`" in PAGE
    *kinds, last = (f"`{kind}`" for kind in READY)
    assert f"the ready-made cards {', '.join(kinds)} and {last}, a `{PSAM}` under the development keys" in PAGE
    assert f"and `{MEMORY_CARD}`" in PAGE
    assert "`cardlib/data/development-keys.toml`" in PAGE
    assert (ROOT / "cardlib" / "data" / "development-keys.toml").is_file()


def test_the_lines_are_those_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = (
        found for found in re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL) if "apt-" in found
    )
    assert [line.split("#")[0].strip() for line in lines.splitlines()] == [ONCE[1], *INSTALLING, *EACH_RUN]
    assert "docs/software-card-in-ci.md" in readme
