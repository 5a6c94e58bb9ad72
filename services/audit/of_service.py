"""The audit of one service: opened when it starts, closed before its database."""

from services.audit.errors import AuditError
from services.audit.opening import open_audit
from services.audit.port import AuditEntry, AuditSink
from services.audit.writer import AuditWriter
from services.config import Config
from services.issuance.opening import StoreOfService


class AuditOfService(AuditSink):
    """Where the accesses to a service are put on record, in the database of its store."""

    def __init__(self, config: Config, store: StoreOfService) -> None:
        self._config = config
        self._store = store
        self._writer: AuditWriter | None = None

    def open(self) -> None:
        """Begin; raises :class:`~services.config.ConfigError`, as :meth:`StoreOfService.at_start`."""
        self._writer = self._store.at_start(lambda store: open_audit(self._config, store.engine))

    async def record(self, entry: AuditEntry) -> None:
        """See the port."""
        if self._writer is None:
            raise AuditError("it is not open")
        await self._writer.record(entry)

    def close(self) -> None:
        """Write what waits, and end. Idempotent."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
