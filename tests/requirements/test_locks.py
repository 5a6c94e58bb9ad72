import json
import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "requirements").glob("*.txt")}
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]


def pins(lock: str) -> dict[str, str]:
    """What ``lock`` installs: the version by canonical name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCKS[lock], re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    assert not re.findall(r"://|^--(?!hash)\S*|/(?:home|root|tmp)/", LOCKS[lock], re.MULTILINE)


def test_the_lock_of_buf_names_no_place_to_fetch_from() -> None:
    packages = json.loads((ROOT / "tools" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    fetched = {name: package for name, package in packages.items() if name}
    assert fetched
    assert all("integrity" in package and "resolved" not in package for package in fetched.values())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    pinned = re.findall(r"^[A-Za-z0-9._-]+==.*$", LOCKS[lock], re.MULTILINE)
    hashed = re.findall(r"^[A-Za-z0-9._-]+==.*\\\n +--hash=sha256:[0-9a-f]{64}", LOCKS[lock], re.MULTILINE)
    assert len(hashed) == len(pinned) > 0


def test_the_tests_run_with_the_versions_that_are_installed_to_run() -> None:
    development = pins("dev")
    assert {name: development.get(name) for name in pins("runtime")} == pins("runtime")


def test_the_installed_build_tools_are_those_of_the_build_constraints() -> None:
    development = pins("dev")
    assert {name: development.get(name) for name in pins("build")} == pins("build")


DECLARED = {
    "uv": GROUPS["uv"],
    "build": [*PROJECT["build-system"]["requires"], *GROUPS["build"]],
    "runtime": PROJECT["project"]["dependencies"],
    "dev": [
        *PROJECT["project"]["dependencies"],
        *chain.from_iterable(PROJECT["project"]["optional-dependencies"].values()),
        *(entry for entry in GROUPS["dev"] if isinstance(entry, str)),
    ],
}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_declared_dependency_is_pinned_to_a_version_that_the_declaration_allows(lock: str) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, DECLARED[lock]):
        assert requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0")), requirement
