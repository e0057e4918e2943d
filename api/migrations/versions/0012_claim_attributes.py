"""Claims may have attributes: further values that models use. Null for a claim without any."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

_CHECK = """
    attributes IS NULL OR (
        jsonb_typeof(attributes) = 'object'
        AND jsonb_array_length(jsonb_path_query_array(attributes, '$.keyvalue()')) BETWEEN 1 AND 100
        AND NOT jsonb_path_exists(attributes, '$.keyvalue() ? (
            !(@.key like_regex "^[a-z][a-z0-9_]{0,39}$")
            || @.value.type() == "object" || @.value.type() == "array"
            || (@.value.type() == "string" && !(@.value like_regex "^.{1,64}$"))
            || (@.value.type() == "number" && (@.value > 1000000000000000 || @.value < -1000000000000000)))'))
"""


def upgrade() -> None:
    op.add_column(
        "claims",
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Further values that models use, by name; null: none.",
        ),
    )
    op.create_check_constraint("claims_attributes_check", "claims", sa.text(_CHECK))


def downgrade() -> None:
    """Drops the attributes of every claim."""
    op.drop_constraint("claims_attributes_check", "claims", type_="check")
    op.drop_column("claims", "attributes")
