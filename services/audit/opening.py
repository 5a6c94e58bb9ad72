"""The audit as the configuration wants it."""

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from services.audit.checkpoint import Checkpoint, add_to, checkpoint_of
from services.audit.entry import Link
from services.audit.writer import AuditWriter
from services.config import Config, ConfigError
from services.custody.signing import SigningKey, SigningKeyError, open_signing_key
from services.store.audit import SqlAuditChain


def _utc_now() -> datetime:
    return datetime.now(UTC)


def open_audit(config: Config, engine: sa.Engine, *, now: Callable[[], datetime] = _utc_now) -> AuditWriter | None:
    """What keeps the audit, in this database; None where the configuration wants none.

    The caller closes it before the database. Raises :class:`~services.config.ConfigError`.
    """
    if not config.keeps_audit:
        return None
    key = signing_key(config)

    def sign(end: Link) -> None:
        add_checkpoint(config, key, end, now=now)

    return AuditWriter(SqlAuditChain(engine), sign=sign, every=config.audit_checkpoint_every)


def signing_key(config: Config) -> SigningKey:
    """The key of the checkpoints, made where there is none; raises :class:`~services.config.ConfigError`."""
    try:
        return open_signing_key(config.audit_key_file, development_mode=config.development)
    except SigningKeyError as error:
        raise ConfigError(f"audit_key: {error}") from None


def add_checkpoint(config: Config, key: SigningKey, end: Link, *, now: Callable[[], datetime] = _utc_now) -> Checkpoint:
    """Sign a checkpoint and put it into the file for them; raises CheckpointError."""
    checkpoint = checkpoint_of(end, key, station=config.station_or_default, now=now())
    add_to(config.audit_checkpoint_file, checkpoint)
    return checkpoint
