"""The table of the audit, and what guards it.

Texts, the moment among them, are kept as they are hashed. Triggers, which the migration makes, refuse to change or
remove rows, and to put one anywhere but at the end.
"""

from typing import Final

import sqlalchemy as sa

from services.audit.entry import FIELDS, LONGEST
from services.store.schema import metadata

audit_entry: Final = sa.Table(
    "audit_entry",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    *(
        sa.Column(name, sa.String(LONGEST), nullable=False, index=name in {"moment", "card", "person"})
        for name in FIELDS
    ),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
)
"""One row for each call (审计记录), see :mod:`services.audit.entry`. Rows are added and never changed."""

GUARDS: Final = {
    "sqlite": frozenset({"audit_entry_insert", "audit_entry_update", "audit_entry_delete"}),
    "postgresql": frozenset({"audit_entry_insert", "audit_entry_rows", "audit_entry_whole"}),
}
"""Names of the triggers, by the kind of database."""
