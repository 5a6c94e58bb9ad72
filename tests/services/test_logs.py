import io
import json
import logging

import pytest
import structlog

from apdu.secret import Secret
from services import logs
from services.config import LogLevel
from simulator.people import READY
from sscard.v1 import card_pb2, identity_pb2


def lines(log: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_a_canary_no_data_of_the_holder_reach_the_log_at_its_most_talkative(service, log) -> None:
    for reader in ("two", "three"):
        await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader=reader))
    text = log.getvalue()
    assert '"exchange"' in text, "the commands are logged at this level"
    assert '"answer"' in text
    for ready in (READY["2.0"], READY["3.0"]):
        contents = ready.contents(ready.serial)
        number = str(contents["holder"]["social_security_number"])
        name = str(contents["holder"]["name"])
        card_number = str(contents["issuer"]["card_number"])
        identifier = contents["issuer"]["card_identifier"].digits
        for canary in (number, name, card_number, identifier):
            assert canary not in text
            assert canary.encode("gb18030").hex().upper() not in text.upper()
        assert ready.historical_bytes(ready.serial).hex().upper() not in text.upper()


async def test_a_call_leaves_one_line_with_method_reader_code_reason_and_duration(service, refusal, log) -> None:
    await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="two"))
    await refusal(service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="none")))
    good, bad = [line for line in lines(log) if line["event"] == "call"]
    assert (good["method"], good["reader"], good["code"], good["reason"]) == (
        "CardService/ReadIdentity",
        "two",
        "OK",
        "",
    )
    assert (bad["reader"], bad["code"], bad["reason"]) == ("none", "FAILED_PRECONDITION", "NO_CARD")
    assert good["milliseconds"] > 0


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("name", "张三", "***"),
        ("social_security_number", "990000199001010017", "***"),
        ("data", b"\x01\x02", "<2 bytes>"),
        ("pin", Secret(b"\x12\x34\x56"), "<3 bytes>"),
        ("parts", {"name": "张三", "left": 2}, {"name": "***", "left": 2}),
        ("message", identity_pb2.Holder(name="张三"), ""),
        ("reader", "left", "left"),
    ],
)
def test_values_are_masked_before_they_are_written(log, key, value, shown) -> None:
    structlog.get_logger("services.test").warning("event", **{key: value})
    assert lines(log)[-1][key] == shown
    assert "张三" not in log.getvalue()


def test_levels_hold(log) -> None:
    logs.configure(LogLevel.WARNING, json=True, stream=log)
    logger = structlog.get_logger("services.test")
    logger.info("quiet")
    logger.warning("loud")
    assert [line["event"] for line in lines(log)] == ["loud"]


def test_libraries_are_heard_when_something_goes_wrong_only(log) -> None:
    logging.getLogger("somebody").info("chatter")
    logging.getLogger("somebody").warning("trouble")
    assert [(line["event"], line["logger"]) for line in lines(log)] == [("trouble", "somebody")]


def test_people_get_lines_and_machines_json(log) -> None:
    logs.configure(LogLevel.INFO, json=False, stream=log)
    structlog.get_logger("services.test").info("event", reader="left")
    assert "reader=left" in log.getvalue()
    with pytest.raises(json.JSONDecodeError):
        lines(log)


def test_commands_are_logged_from_debug_on_and_data_at_traffic_only(log) -> None:
    select = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF00")
    for level, shown in ((LogLevel.INFO, None), (LogLevel.DEBUG, False), (LogLevel.TRAFFIC, True)):
        log.truncate(0)
        log.seek(0)
        transmit = logs.traffic(level)(lambda commands: [b"\x90\x00" for _ in commands], "left")
        assert transmit([select]) == [b"\x90\x00"]
        found = [("command_data" in line) for line in lines(log) if line["event"] == "exchange"]
        assert found == ([] if shown is None else [shown])
