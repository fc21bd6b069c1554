"""How far the harvests of other repositories have come."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "harvest",
        sa.Column("source_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("mark", NUMBER, nullable=True),
        sa.Column("first", NUMBER, nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_harvest_source_id"),
        sa.PrimaryKeyConstraint("source_id", name="pk_harvest"),
    )
