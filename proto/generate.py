"""Compile ``sscard/v1/*.proto`` to Python modules and type stubs beside them: ``python proto/generate.py [OUTPUT]``.

The output is committed, so that installing needs no compiler; a test compiles again and compares. The version of
grpcio-tools decides which grpcio and protobuf can run it: it is pinned to the oldest that this project supports.
"""
# A package here would be named `proto`, which belongs to somebody else (proto-plus).
# ruff: noqa: INP001

import re
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent
"""Where the plug-ins of mypy-protobuf are; an environment that is not activated is not on PATH."""


def generate(output: Path) -> None:
    """Write the modules below ``output``, removing older ones first; RuntimeError: a source does not compile."""
    for kind in ("py", "pyi"):
        for stale in output.glob(f"sscard/v1/*_pb2*.{kind}"):
            stale.unlink()
    sources = sorted(PROTO.glob("sscard/v1/*.proto"))
    command = [
        "protoc",
        # The root is `proto`, so that the output says `from sscard.v1 import`.
        f"-I{PROTO}",
        f"-I{files('grpc_tools') / '_proto'}",
        *(f"--plugin=protoc-gen-{name}={PROGRAMS / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")),
        *(f"--{kind}_out={output}" for kind in ("python", "grpc_python")),
        *(f"--{kind}_out=quiet:{output}" for kind in ("mypy", "mypy_grpc")),
        *map(str, sources),
    ]
    if protoc.main(command) != 0:
        raise RuntimeError("protoc refused the sources; its message stands above")
    for source in sources:
        if not re.search(r"^service ", source.read_text(encoding="utf-8"), re.MULTILINE):
            for suffix in ("_pb2_grpc.py", "_pb2_grpc.pyi"):
                (output / "sscard" / "v1" / f"{source.stem}{suffix}").unlink(missing_ok=True)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO)
