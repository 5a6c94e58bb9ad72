"""What README promises is tried."""

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from services.catalogue.__main__ import markdown
from services.config import Config
from services.custody.opening import open_custodian
from services.opening import open_readers
from services.server import build_server
from sscard.v1.activation_pb2_grpc import ActivationServiceStub
from sscard.v1.card_pb2 import ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.pin_pb2_grpc import PinServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub
from sscard.v1.registry_pb2 import (
    DOCUMENT_KIND_RESIDENT_CARD,
    CardReference,
    DeliverCardRequest,
    IdentityDocument,
    Person,
    RegisterCardRequest,
    RegisterPersonRequest,
)
from sscard.v1.registry_pb2_grpc import RegistryServiceStub

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
CLIENT = next(example for example in EXAMPLES if "ReadIdentity" in example)
COUNTER = next(example for example in EXAMPLES if "AcquireCard" in example)
IN_PROCESS = next(example for example in EXAMPLES if "InProcessReaders" in example)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """An all-in-one service with software cards, as ``sscard serve --simulated``."""
    config = Config.load(
        mode="development", readers="simulated", listen="127.0.0.1:0", database=str(tmp_path / "readme.db")
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[object, int]:
        server = build_server(config, open_readers(config), open_custodian(config))
        await server.start()
        return server, server.port

    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    yield port
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)  # type: ignore[attr-defined]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


def test_the_client_of_the_readme_reads_both_cards(port: int) -> None:
    program = CLIENT.replace("127.0.0.1:50551", f"127.0.0.1:{port}")
    assert f":{port}" in program
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "2.0" in first
    assert first.endswith("female genuine")
    assert "示例𠮷 male genuine" in second


def test_the_client_of_the_readme_has_about_twenty_lines() -> None:
    assert len(CLIENT.splitlines()) <= 22


def test_the_counter_of_the_readme_activates_a_card_and_verifies_its_pin(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        cards, registry = CardServiceStub(channel), RegistryServiceStub(channel)
        reader = ReaderServiceStub(channel).ListReaders(ListReadersRequest()).readers[1].name
        identity = cards.ReadIdentity(ReadIdentityRequest(reader=reader)).identity
        number = identity.holder.social_security_number
        person = Person(social_security_number=number, name=identity.holder.name)
        registry.RegisterPerson(RegisterPersonRequest(request_id="1", person=person))
        card = registry.RegisterCard(
            RegisterCardRequest(
                request_id="2",
                card_identifier=identity.issuer.card_identifier,
                card_number=identity.issuer.card_number,
                social_security_number=number,
            )
        ).card
        document = IdentityDocument(kind=DOCUMENT_KIND_RESIDENT_CARD, number=number, name=person.name)
        handed_out = DeliverCardRequest(request_id="3", card=CardReference(id=card.id), document=document)
        registry.DeliverCard(handed_out)
        names = {
            "cards": cards,
            "activation": ActivationServiceStub(channel),
            "pins": PinServiceStub(channel),
            "reader": reader,
            "request_id": "4",
            "chosen_pin": "271828",
        }
        exec(compile(COUNTER, "README.md", "exec"), names)
    assert {"True 示例𠮷", "PIN_RESULT_OK 6"} <= set(capsys.readouterr().out.splitlines())


def test_the_in_process_card_of_the_readme_answers() -> None:
    exec(compile(IN_PROCESS, "README.md", "exec"), {})


def test_the_page_of_errors_is_the_catalogue() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    assert page == markdown(), "run: python -m services.catalogue > docs/errors.md"


def test_the_page_of_settings_names_each_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", page, re.MULTILINE))
    defaults = {name: field.default for name, field in Config.model_fields.items()}
    assert rows.keys() == defaults.keys()
    for name, written in rows.items():
        default = defaults[name]
        expected = list(default) if isinstance(default, tuple) else getattr(default, "value", default)
        assert json.loads(written) == expected, name
