"""``sscard serve``: the service."""

import asyncio

from services import logs
from services.cli.errors import UNUSABLE, fail
from services.cli.options import ConfigFile, Simulated, configuration
from services.config import ConfigError, Mode
from services.server import serve as run_server


def serve(config: ConfigFile = None, simulated: Simulated = False) -> None:
    """Serve the cards in this machine's readers over gRPC until SIGTERM or Ctrl-C. 启动服务。"""
    settings = configuration(config, simulated=simulated)
    logs.configure(settings.log_level, json=settings.mode is Mode.PRODUCTION)
    try:
        asyncio.run(run_server(settings))
    except ConfigError as error:
        fail(str(error), code=UNUSABLE)
