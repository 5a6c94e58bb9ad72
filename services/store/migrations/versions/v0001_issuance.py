"""The journal of issuance, and certificates."""
# ruff: noqa: INP001

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "setting",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(255), nullable=False),
    )
    op.create_table(
        "certificate",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("chip", sa.String(64), nullable=False, index=True),
        sa.Column("card_identifier", sa.String(64), nullable=False, index=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("made", MOMENT, nullable=False),
        sa.Column("station", sa.String(255), nullable=False),
        sa.Column("operator", sa.String(255), nullable=False),
    )
    op.create_table(
        "issuance",
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("chip", sa.String(64), nullable=False, index=True),
        sa.Column("open_chip", sa.String(64), unique=True),
        sa.Column("order_digest", sa.String(64), nullable=False, index=True),
        sa.Column("number_digest", sa.String(64), index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(255), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("written", sa.Boolean, nullable=False),
        sa.Column("again_reason", sa.String(255), nullable=False),
        sa.Column("started", MOMENT, nullable=False),
        sa.Column("updated", MOMENT, nullable=False),
        sa.Column("finished", MOMENT),
        sa.Column("station", sa.String(255), nullable=False),
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("error", sa.String(64), nullable=False),
        sa.Column("certificate_id", sa.String(32), sa.ForeignKey("certificate.id")),
    )
    op.create_table(
        "issuance_step",
        sa.Column("request_id", sa.String(64), sa.ForeignKey("issuance.request_id"), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(255), nullable=False),
        sa.Column("time", MOMENT, nullable=False),
    )
