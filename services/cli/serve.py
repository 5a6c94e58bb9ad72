"""``sscard serve``: the service."""

import asyncio
from collections.abc import Mapping

import structlog

from services import logs
from services.cli.entering import asked_opener
from services.cli.errors import reported
from services.cli.options import ConfigFile, Simulated, configuration
from services.config import Config, Mode
from services.memory import keep_memory_private
from services.server import serve as run_server

_log = structlog.get_logger("services.cli.serve")


def lacking(settings: Config) -> Mapping[str, str]:
    """What a service in production is without, by the setting that would give it; in development nothing is missed."""
    if settings.development:
        return {}
    keys = settings.keystore or settings.hsm_library or settings.psam_reader or settings.centre
    missing = {}
    if not keys:
        missing["keystore, hsm_library, psam_reader, centre"] = "no keys: cards are neither proven nor made 未配置密钥"
    if not (settings.data_key or settings.data_key_name):
        missing["data_key, data_key_name"] = (
            "no key for what the registry knows of people: nobody is registered, no card is handed out or activated "
            "未配置个人信息密钥，无法登记、发放或激活"
        )
    if not settings.templates:
        missing["templates"] = "no templates: only callers that send one can have cards made 未配置卡模板"
    return missing


def serve(config: ConfigFile = None, simulated: Simulated = False) -> None:
    """Serve the cards in this machine's readers over gRPC until SIGTERM or Ctrl-C. 启动服务。"""
    settings = configuration(config, simulated=simulated)
    logs.configure(settings.log_level, json=settings.mode is Mode.PRODUCTION)
    for setting, lack in lacking(settings).items():
        _log.warning("not_configured", setting=setting, lack=lack)
    with reported():
        keep_memory_private()
        asyncio.run(run_server(settings, opener=asked_opener(settings)))
