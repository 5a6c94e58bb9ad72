import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("apdu", "cardlib", "services", "simulator")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[PurePosixPath]:
    """The files of the wheel that the build back end makes of this tree; nothing is fetched."""
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return [PurePosixPath(name) for name in zipfile.ZipFile(built).namelist()]


def test_only_our_own_names_are_put_at_the_top_of_site_packages(wheel: list[PurePosixPath]) -> None:
    top = {path.parts[0] for path in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {*PACKAGES, "sscard"}


def test_the_generated_code_is_reached_without_an_init_file_that_could_shadow_others(
    wheel: list[PurePosixPath],
) -> None:
    generated = [path for path in wheel if path.parts[0] == "sscard"]
    assert any(path.name.endswith("_pb2.py") for path in generated)
    assert not any(path.name == "__init__.py" for path in generated)


def test_every_file_of_the_packages_rides_along(wheel: list[PurePosixPath]) -> None:
    sources = [(ROOT, package) for package in PACKAGES] + [(ROOT / "proto", "sscard")]
    in_tree = {
        PurePosixPath(path.relative_to(base))
        for base, package in sources
        for path in (base / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert in_tree == {path for path in wheel if not path.parts[0].endswith(".dist-info")}


@pytest.mark.parametrize("pattern", ["cardlib/data/*.toml", "cardlib/py.typed", "sscard/v1/*.proto", "sscard/v1/*.pyi"])
def test_files_that_are_not_python_are_among_them(wheel: list[PurePosixPath], pattern: str) -> None:
    assert any(path.match(pattern) for path in wheel)


def test_the_licence_rides_along(wheel: list[PurePosixPath]) -> None:
    assert any(path.name == "LICENSE" and path.parts[0].endswith(".dist-info") for path in wheel)
