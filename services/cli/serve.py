"""``sscard serve``: the service."""

import asyncio

from services import logs
from services.cli.entering import asked_opener
from services.cli.errors import reported
from services.cli.options import ConfigFile, Simulated, configuration
from services.config import Mode
from services.server import serve as run_server


def serve(config: ConfigFile = None, simulated: Simulated = False) -> None:
    """Serve the cards in this machine's readers over gRPC until SIGTERM or Ctrl-C. 启动服务。"""
    settings = configuration(config, simulated=simulated)
    logs.configure(settings.log_level, json=settings.mode is Mode.PRODUCTION)
    with reported():
        asyncio.run(run_server(settings, opener=asked_opener(settings)))
