"""What `sscard audit verify` finds out, for the database of the demonstration."""

from services.audit.checkpoint import read_checkpoints
from services.audit.opening import signing_key
from services.audit.verify import Examination, examine
from services.config import Config
from services.store.audit import SqlAuditChain
from services.store.engine import open_engine


def examined_audit(config: Config) -> Examination:
    """The whole record, against the checkpoints that the service signed; the service has ended.

    Raises AuditError, CheckpointError, ConfigError and StoreError where it cannot be found out.
    """
    checkpoints = read_checkpoints(config.audit_checkpoint_file, [signing_key(config).public])
    engine = open_engine(config.database_or_default)
    try:
        return examine(SqlAuditChain(engine), checkpoints)
    finally:
        engine.dispose()
