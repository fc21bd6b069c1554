"""Blocks in the forms in which they are sent, in the place of plain XML."""

import sqlalchemy as sa
from alembic import op

from oai.store.forms import Maker

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEX = "ix_block_format_id_datestamp_serial"
ORDER = ["format_id", "datestamp", "serial"]
KEPT = ("id", "format_id", "first_datestamp", "first_serial", "datestamp", "serial", "records")
FORMS = ("lz4", "deflate", "zstd")
AT_ONCE = 100


def upgrade() -> None:
    """Apply the step."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.drop_index(INDEX, "block")
    op.rename_table("block", "plain_block")
    if on_postgresql:
        op.execute("ALTER TABLE plain_block RENAME CONSTRAINT pk_block TO pk_plain_block")
    op.create_table(
        "block",
        sa.Column("id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("format_id", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in (*KEPT[2:], "size", "crc32")),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in FORMS),
        sa.PrimaryKeyConstraint("id", name="pk_block"),
    )
    if on_postgresql:  # what is compressed already need not be tried again
        for name in FORMS:
            op.execute(f"ALTER TABLE block ALTER COLUMN {name} SET STORAGE EXTERNAL")
    _fill()
    op.drop_table("plain_block")
    op.create_index(INDEX, "block", ORDER, unique=True)


def _fill() -> None:
    connection = op.get_bind()
    maker = Maker()
    behind = 0
    while rows := connection.execute(_NEXT, {"behind": behind, "limit": AT_ONCE}).all():
        connection.execute(_INSERT, [row._asdict() | maker.forms(row.xml)._asdict() for row in rows])
        behind = rows[-1].id


_NEXT = sa.text(
    f"SELECT {', '.join(KEPT)}, xml FROM plain_block WHERE id > :behind ORDER BY id LIMIT :limit"  # noqa: S608
)
_ALL = (*KEPT, "size", "crc32", *FORMS)
_INSERT = sa.text(
    f"INSERT INTO block ({', '.join(_ALL)}) VALUES ({', '.join(f':{name}' for name in _ALL)})"  # noqa: S608
)
