"""The tables, as the newest migration leaves them; a test compares both.

No column holds a PIN, or a key in clear. Data of people are in columns of the type :data:`Sealed`, which hold them
encrypted, and are found by the columns beside them that end in ``_index`` (:mod:`services.store.personal`). What was
ordered is known by a keyed digest alone (:mod:`services.issuance.digests`).
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


class Sealed(sa.types.TypeDecorator[bytes]):
    """A personal value, encrypted by :class:`services.store.personal.Personal`; anything but bytes is refused."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002
        """As it is; TypeError for text, which nobody has sealed."""
        if value is not None and not isinstance(value, bytes):
            raise TypeError("a personal value is sealed before it is stored")
        return value


INDEX: Final = "_index"
"""Ending of the column by which a sealed column is searched."""


def blind_index(name: str, **more: Any) -> sa.Column[bytes]:
    """The column by which the sealed column ``name`` is searched: 32 bytes."""
    return sa.Column(name + INDEX, sa.LargeBinary(32), nullable=False, **more)


def key_version() -> sa.Column[int]:
    """The version of the data key under which the row's values are sealed."""
    return sa.Column("key_version", sa.Integer, nullable=False, index=True)


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

data_key: Final = sa.Table(
    "data_key",
    metadata,
    sa.Column("purpose", sa.String(16), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("wrapping_key", sa.String(255), nullable=False),
    sa.Column("made", Moment, nullable=False),
)
"""Keys of personal values (数据密钥), wrapped by a key that is not here; ``wrapping_key`` tells which."""

operation: Final = sa.Table(
    "operation",
    metadata,
    sa.Column("institution", sa.String(64), primary_key=True),
    sa.Column("request_id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("step", sa.String(64), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("result", sa.LargeBinary, nullable=False),
    sa.Column("error", sa.String(64), nullable=False),
    sa.Column("station", sa.String(255), nullable=False),
    sa.Column("operator", sa.String(255), nullable=False),
    sa.Column("started", Moment, nullable=False),
    sa.Column("updated", Moment, nullable=False),
    sa.Column("finished", Moment),
)
"""One row for each request that changes something (业务). ``station`` and ``operator``: those of its last attempt."""

operation_step: Final = sa.Table(
    "operation_step",
    metadata,
    sa.Column("institution", sa.String(64), primary_key=True),
    sa.Column("request_id", sa.String(64), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("step", sa.String(64), nullable=False),
    sa.Column("time", Moment, nullable=False),
    sa.ForeignKeyConstraint(["institution", "request_id"], ["operation.institution", "operation.request_id"]),
)
"""What was about to be done, in order, and how attempts ended (业务步骤). Rows are added and never changed."""

institution: Final = sa.Table(
    "institution",
    metadata,
    sa.Column("code", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
)
"""Institutions (机构)."""

person: Final = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("social_security_number", Sealed, nullable=False),
    blind_index("social_security_number", unique=True),
    sa.Column("name", Sealed, nullable=False),
    sa.Column("birth_date", Sealed, nullable=False),
    sa.Column("sex", Sealed, nullable=False),
    sa.Column("phone", Sealed, nullable=False),
    sa.Column("document_number", Sealed, nullable=False),
    key_version(),
)
"""People (持卡人); what is not known of one is sealed as ""."""

card: Final = sa.Table(
    "card",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(32), sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("card_identifier", Sealed, nullable=False),
    blind_index("card_identifier", unique=True),
    sa.Column("card_number", Sealed, nullable=False),
    blind_index("card_number", index=True),
    key_version(),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("outlet", sa.String(64), nullable=False),
    sa.Column("issued", Moment, nullable=False),
    sa.Column("received", sa.Date),
    sa.Column("deadline", sa.Date),
    sa.Column("activated", Moment),
    sa.Index(None, "state", "deadline"),
)
"""Cards as they stand (卡片)."""

card_event: Final = sa.Table(
    "card_event",
    metadata,
    sa.Column("card_id", sa.String(32), sa.ForeignKey("card.id"), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("before", sa.String(16), nullable=False),
    sa.Column("after", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(255), nullable=False),
    sa.Column("outlet", sa.String(64), nullable=False),
    sa.Column("replacement_id", sa.String(32), sa.ForeignKey("card.id")),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("time", Moment, nullable=False),
)
"""What has happened to cards, in order (卡片历史). Rows are added and never changed.

``institution`` and ``request_id`` name the operation that did it, and are "" without one.
"""

medical_card: Final = sa.Table(
    "medical_card",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person_id", sa.String(32), sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("number", Sealed, nullable=False),
    blind_index("number", unique=True),
    key_version(),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("state_since", sa.Date, nullable=False),
)
"""Original medical cards (原医疗卡)."""

activation: Final = sa.Table(
    "activation",
    metadata,
    sa.Column("card_id", sa.String(32), sa.ForeignKey("card.id"), primary_key=True),
    sa.Column("way", sa.String(16), nullable=False),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("station", sa.String(255), nullable=False),
    sa.Column("operator", sa.String(255), nullable=False),
    sa.Column("time", Moment, nullable=False),
    sa.Column("medical_card_id", sa.String(32), sa.ForeignKey("medical_card.id")),
    sa.Column("pin_changed", sa.Boolean, nullable=False),
)
"""Activations (激活记录), one for a card. Rows are added and never changed."""

bank_activation: Final = sa.Table(
    "bank_activation",
    metadata,
    sa.Column("card_id", sa.String(32), sa.ForeignKey("card.id"), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("time", Moment, nullable=False),
)
"""What banks have said of their own application (金融账户激活), one for a card. Rows are added and never changed."""

APPEND_ONLY: Final = (certificate, issuance_step, operation_step, card_event, activation, bank_activation)
"""Tables in which the database itself refuses to change or to remove a row."""
