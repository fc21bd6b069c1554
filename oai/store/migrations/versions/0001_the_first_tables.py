"""The first tables."""

import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "contribution",
        sa.Column("file_id", NUMBER, nullable=False),
        sa.Column("item_id", NUMBER, nullable=False),
        sa.Column("line", NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "item_id", name="pk_contribution"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contribution_item_id", "contribution", ["item_id"], unique=False)
    op.create_table(
        "format",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_format"),
        sa.UniqueConstraint("prefix", name="uq_format_prefix"),
    )
    op.create_table(
        "item",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("local", sa.String(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sa.UniqueConstraint("local", name="uq_item_local"),
    )
    op.create_table(
        "placement",
        sa.Column("set_id", NUMBER, nullable=False),
        sa.Column("format_id", sa.SmallInteger(), nullable=False),
        sa.Column("scope", sa.SmallInteger(), nullable=False),
        sa.Column("datestamp", NUMBER, nullable=False),
        sa.Column("serial", NUMBER, nullable=False),
        sa.Column("item_id", NUMBER, nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("set_id", "format_id", "scope", "datestamp", "serial", name="pk_placement"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_placement_item_id", "placement", ["item_id"], unique=False)
    op.create_table(
        "record",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("format_id", sa.SmallInteger(), nullable=False),
        sa.Column("datestamp", NUMBER, nullable=False),
        sa.Column("serial", NUMBER, nullable=False),
        sa.Column("item_id", NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("set_specs", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_record"),
        sa.UniqueConstraint("item_id", "format_id", name="uq_record_item_id_format_id"),
    )
    op.create_index(
        "ix_record_format_id_datestamp_serial", "record", ["format_id", "datestamp", "serial"], unique=True
    )
    op.create_table(
        "repository",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.String(), nullable=True),
        sa.Column("earliest_datestamp", NUMBER, nullable=False),
        sa.Column("last_datestamp", NUMBER, nullable=False),
        sa.Column("last_serial", NUMBER, nullable=False),
        sa.Column("publishing_since", NUMBER, nullable=True),
        sa.Column("claimed", NUMBER, nullable=False),
        sa.Column("writer", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_repository"),
    )
    op.create_table(
        "sets",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("spec", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("members", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sets"),
        sa.UniqueConstraint("spec", name="uq_sets_spec"),
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
    )
    op.create_table(
        "source",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("synced", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("name", name="uq_source_name"),
    )
    op.create_table(
        "tally",
        sa.Column("set_id", NUMBER, nullable=False),
        sa.Column("format_id", sa.SmallInteger(), nullable=False),
        sa.Column("scope", sa.SmallInteger(), nullable=False),
        sa.Column("day", NUMBER, nullable=False),
        sa.Column("records", NUMBER, nullable=False),
        sa.Column("deleted", NUMBER, nullable=False),
        sa.Column("digest", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("set_id", "format_id", "scope", "day", name="pk_tally"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "file",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("own_ids", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_file_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
        sa.UniqueConstraint("source_id", "name", name="uq_file_source_id_name"),
    )
    op.create_table(
        "problem",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("file_id", NUMBER, nullable=False),
        sa.Column("line", NUMBER, nullable=False),
        sa.Column("local", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("done", sa.String(), nullable=False),
        sa.Column("rejected", sa.Boolean(), nullable=False),
        sa.Column("rendering", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_problem_file_id"),
        sa.PrimaryKeyConstraint("id", name="pk_problem"),
    )
    op.create_index("ix_problem_file_id", "problem", ["file_id"], unique=False)
    now = int(time.time())
    repository = sa.table(
        "repository",
        *map(sa.column, ("id", "earliest_datestamp", "last_datestamp", "last_serial", "claimed")),
    )
    op.execute(
        repository.insert().values(id=1, earliest_datestamp=now, last_datestamp=0, last_serial=0, claimed=0)
    )
    signing_key = sa.table("signing_key", sa.column("id"), sa.column("secret", sa.LargeBinary()))
    op.execute(signing_key.insert().values(id=1, secret=secrets.token_bytes(32)))
