"""PostgreSQL: text in the order of its bytes, no sequences, XML that a part of can be read."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = (
    ("format", "prefix fingerprint"),
    ("harvest", "token"),
    ("item", "local"),
    ("repository", "namespace writer"),
    ("sets", "spec name"),
    ("source", "name"),
    ("file", "name"),
    ("problem", "local reason done"),
)
NUMBERED = ("block", "file", "format", "item", "problem", "record", "sets", "signing_key", "source")
SIZES = ("start", "header_size", "set_specs_size", "size")


def upgrade() -> None:
    """Apply the step; SQLite needs none of it."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in TEXT:
        for column in columns.split():
            op.alter_column(table, column, type_=sa.String(collation="C"))
    for table in NUMBERED:  # who writes is alone, and gives the numbers
        op.alter_column(table, "id", server_default=None)
        op.execute(sa.schema.DropSequence(sa.Sequence(f"{table}_id_seq"), if_exists=True))
    for column in SIZES:  # substr takes no other numbers
        op.alter_column("record", column, type_=sa.Integer())
    # Else all of it is unpacked for each record that is cut from it.
    op.execute("ALTER TABLE block ALTER COLUMN xml SET STORAGE EXTERNAL")
