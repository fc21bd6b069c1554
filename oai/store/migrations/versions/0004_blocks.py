"""The XML of records, moved from their rows into blocks."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTES = 200_000  # and twenty records: what a block takes
ADDED = ("block_id", "start", "header_size", "set_specs_size", "size")


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "block",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("format_id", sa.SmallInteger(), nullable=False),
        sa.Column("first_datestamp", NUMBER, nullable=False),
        sa.Column("first_serial", NUMBER, nullable=False),
        sa.Column("datestamp", NUMBER, nullable=False),
        sa.Column("serial", NUMBER, nullable=False),
        sa.Column("records", NUMBER, nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_block"),
    )
    op.create_index(
        "ix_block_format_id_datestamp_serial", "block", ["format_id", "datestamp", "serial"], unique=True
    )
    with op.batch_alter_table("record") as record:
        for name in ADDED:
            record.add_column(sa.Column(name, NUMBER, nullable=False, server_default="0"))
    _fill()
    with op.batch_alter_table("record") as record:
        for name in ("header", "set_specs", "body"):
            record.drop_column(name)
        for name in ADDED:
            record.alter_column(name, existing_type=NUMBER, server_default=None)
    op.create_index("ix_record_block_id", "record", ["block_id"], unique=False)


def _fill() -> None:
    connection = op.get_bind()
    behind = (-1, 0, 0)
    number = 0
    while rows := connection.execute(_NEXT, dict(zip("fds", behind, strict=True))).all():
        # As many as a block takes: those of the first one's format, up to the bytes that fill it.
        taken, xml, places = [], bytearray(), []
        for row in rows:
            if row.format_id != rows[0].format_id or len(xml) >= BYTES:
                break
            text = b"<record>%b%b</header>%b</record>\n" % (row.header, row.set_specs, row.body)
            places.append(
                {
                    "id": row.id,
                    "block_id": number + 1,
                    "start": len(xml),
                    "header_size": len(row.header),
                    "set_specs_size": len(row.set_specs),
                    "size": len(text),
                }
            )
            xml += text
            taken.append(row)
        number += 1
        first, last = taken[0], taken[-1]
        connection.execute(
            _BLOCK,
            {
                "id": number,
                "format_id": first.format_id,
                "first_datestamp": first.datestamp,
                "first_serial": first.serial,
                "datestamp": last.datestamp,
                "serial": last.serial,
                "records": len(taken),
                "xml": bytes(xml),
            },
        )
        connection.execute(_PLACE, places)
        behind = (last.format_id, last.datestamp, last.serial)


_NEXT = sa.text(
    "SELECT id, format_id, datestamp, serial, header, set_specs, body FROM record"
    " WHERE (format_id, datestamp, serial) > (:f, :d, :s)"
    " ORDER BY format_id, datestamp, serial LIMIT 20"
)
_BLOCK = sa.text(
    "INSERT INTO block (id, format_id, first_datestamp, first_serial, datestamp, serial, records, xml)"
    " VALUES (:id, :format_id, :first_datestamp, :first_serial, :datestamp, :serial, :records, :xml)"
)
_PLACE = sa.text(
    "UPDATE record SET block_id = :block_id, start = :start, header_size = :header_size,"
    " set_specs_size = :set_specs_size, size = :size WHERE id = :id"
)
