"""The tables, as the newest migration leaves them; a test compares both.

No column holds data of a person, a PIN or a key. What was ordered is known by a keyed digest alone
(:mod:`services.issuance.digests`).
"""

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

NAMES: Final = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints that do not depend on the database, so that migrations can refer to them."""


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment, stored in UTC and read with its time zone, by databases that know of none too."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Into UTC; a moment without its time zone is refused with ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """In UTC, with its time zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata: Final = sa.MetaData(naming_convention=NAMES)

setting: Final = sa.Table(
    "setting",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)
"""Facts about the database itself, such as which key its digests are made with."""

certificate: Final = sa.Table(
    "certificate",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("chip", sa.String(64), nullable=False, index=True),
    sa.Column("card_identifier", sa.String(64), nullable=False, index=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("made", Moment, nullable=False),
    sa.Column("station", sa.String(255), nullable=False),
    sa.Column("operator", sa.String(255), nullable=False),
)
"""Certificates of cards (制卡证书): ``document`` is the canonical JSON, byte by byte.

``sequence`` says which one is newer, whatever clocks say. Rows are added and never removed.
"""

issuance: Final = sa.Table(
    "issuance",
    metadata,
    sa.Column("request_id", sa.String(64), primary_key=True),
    sa.Column("chip", sa.String(64), nullable=False, index=True),
    # The chip again while the issuance is open, else NULL: unique, so that a chip is in one open issuance at most. A
    # partial index would say the same, differently in every database.
    sa.Column("open_chip", sa.String(64), unique=True),
    sa.Column("order_digest", sa.String(64), nullable=False, index=True),
    sa.Column("number_digest", sa.String(64), index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("stage", sa.String(32), nullable=False),
    sa.Column("detail", sa.String(255), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("written", sa.Boolean, nullable=False),
    sa.Column("again_reason", sa.String(255), nullable=False),
    sa.Column("started", Moment, nullable=False),
    sa.Column("updated", Moment, nullable=False),
    sa.Column("finished", Moment),
    sa.Column("station", sa.String(255), nullable=False),
    sa.Column("operator", sa.String(255), nullable=False),
    sa.Column("error", sa.String(64), nullable=False),
    sa.Column("certificate_id", sa.String(32), sa.ForeignKey("certificate.id")),
)
"""One row for each request to make a card (制卡任务)."""

issuance_step: Final = sa.Table(
    "issuance_step",
    metadata,
    sa.Column("request_id", sa.String(64), sa.ForeignKey("issuance.request_id"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("stage", sa.String(32), nullable=False),
    sa.Column("detail", sa.String(255), nullable=False),
    sa.Column("time", Moment, nullable=False),
)
"""What was about to be done, in order (制卡步骤). Rows are added and never changed."""
