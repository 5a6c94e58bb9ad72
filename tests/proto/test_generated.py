"""The committed generated code is what the committed .proto files compile to."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto"


def files_below(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*_pb2*.py*")}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("generated")
    # A process of its own: the compiler writes to descriptors 1 and 2 and keeps state.
    subprocess.run([sys.executable, PROTO / "generate.py", output], check=True, timeout=60)
    return files_below(output / "sscard" / "v1")


def test_the_committed_code_is_up_to_date(fresh: dict[str, str]) -> None:
    committed = files_below(PROTO / "sscard" / "v1")
    assert sorted(committed) == sorted(fresh), "run `make proto`"
    assert [name for name in fresh if fresh[name] != committed[name]] == [], "run `make proto`"


def test_only_files_with_a_service_get_a_grpc_module(fresh: dict[str, str]) -> None:
    with_service = {
        path.stem for path in PROTO.glob("sscard/v1/*.proto") if "\nservice " in path.read_text(encoding="utf-8")
    }
    assert with_service
    assert {name.removesuffix("_pb2_grpc.py") for name in fresh if name.endswith("_grpc.py")} == with_service


def test_imports_name_the_package_and_not_the_folder(fresh: dict[str, str]) -> None:
    assert "from sscard.v1 import identity_pb2" in fresh["card_pb2.py"]
    assert not any("proto.sscard" in text for text in fresh.values())
