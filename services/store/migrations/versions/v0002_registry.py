"""The registry, the journal of operations, the keys of personal values; what is only added to is guarded."""
# ruff: noqa: INP001

import sqlalchemy as sa
from alembic import op

from services.store.append_only import make_append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
APPEND_ONLY = ("certificate", "issuance_step", "operation_step", "card_event", "activation", "bank_activation")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "data_key",
        sa.Column("purpose", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("wrapping_key", sa.String(255), nullable=False),
        sa.Column("made", MOMENT, nullable=False),
    )
    op.create_table(
        "institution",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
    )
    op.create_table(
        "operation",
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
        sa.Column("started", MOMENT, nullable=False),
        sa.Column("updated", MOMENT, nullable=False),
        sa.Column("finished", MOMENT),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("social_security_number", sa.LargeBinary, nullable=False),
        sa.Column("social_security_number_index", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("birth_date", sa.LargeBinary, nullable=False),
        sa.Column("sex", sa.LargeBinary, nullable=False),
        sa.Column("phone", sa.LargeBinary, nullable=False),
        sa.Column("document_number", sa.LargeBinary, nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False, index=True),
    )
    op.create_table(
        "card",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", sa.String(32), sa.ForeignKey("person.id"), nullable=False, index=True),
        sa.Column("card_identifier", sa.LargeBinary, nullable=False),
        sa.Column("card_identifier_index", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("card_number", sa.LargeBinary, nullable=False),
        sa.Column("card_number_index", sa.LargeBinary(32), nullable=False, index=True),
        sa.Column("key_version", sa.Integer, nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outlet", sa.String(64), nullable=False),
        sa.Column("issued", MOMENT, nullable=False),
        sa.Column("received", sa.Date),
        sa.Column("deadline", sa.Date),
        sa.Column("activated", MOMENT),
        sa.Index(None, "state", "deadline"),
    )
    op.create_table(
        "medical_card",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", sa.String(32), sa.ForeignKey("person.id"), nullable=False, index=True),
        sa.Column("number", sa.LargeBinary, nullable=False),
        sa.Column("number_index", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("key_version", sa.Integer, nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_since", sa.Date, nullable=False),
    )
    op.create_table(
        "operation_step",
        sa.Column("institution", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("time", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["institution", "request_id"], ["operation.institution", "operation.request_id"]),
    )
    op.create_table(
        "activation",
        sa.Column("card_id", sa.String(32), sa.ForeignKey("card.id"), primary_key=True),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("institution", sa.String(64), nullable=False),
        sa.Column("station", sa.String(255), nullable=False),
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("time", MOMENT, nullable=False),
        sa.Column("medical_card_id", sa.String(32), sa.ForeignKey("medical_card.id")),
        sa.Column("pin_changed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "bank_activation",
        sa.Column("card_id", sa.String(32), sa.ForeignKey("card.id"), primary_key=True),
        sa.Column("institution", sa.String(64), nullable=False),
        sa.Column("time", MOMENT, nullable=False),
    )
    op.create_table(
        "card_event",
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
        sa.Column("time", MOMENT, nullable=False),
    )
    for table in APPEND_ONLY:
        make_append_only(op.get_bind(), table)
