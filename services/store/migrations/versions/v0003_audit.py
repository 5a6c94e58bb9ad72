"""The audit: a table to which rows are added, and nothing else is done."""
# ruff: noqa: INP001

import sqlalchemy as sa
from alembic import op

from services.store.append_only import make_append_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXTS = (
    "moment",
    "method",
    "institution",
    "role",
    "caller",
    "terminal",
    "station",
    "reader",
    "card",
    "person",
    "detail",
    "request_id",
    "code",
    "reason",
)
INDEXED = {"moment", "card", "person"}
NOT_AT_THE_END = "rows of audit_entry are added at its end"
NEXT = "(SELECT COALESCE(MAX(sequence), 0) + 1 FROM audit_entry)"


def upgrade() -> None:
    """Make the table and its guards."""
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(200), nullable=False, index=name in INDEXED) for name in TEXTS),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    make_append_only(op.get_bind(), "audit_entry")
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER audit_entry_insert BEFORE INSERT ON audit_entry WHEN NEW.sequence <> {NEXT} "
            f"BEGIN SELECT RAISE(ABORT, '{NOT_AT_THE_END}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION audit_entry_at_the_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.sequence <> {NEXT} THEN RAISE EXCEPTION '{NOT_AT_THE_END}'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_insert BEFORE INSERT ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_at_the_end()"
    )
