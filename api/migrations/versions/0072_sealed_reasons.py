"""Encrypted columns of reasons of voided claims, bodies of webhooks, and texts of legal holds, beside those in clear.

The release that runs until it is restarted reads the columns in clear; `ginja crypto encrypt` empties them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"

_CLEAR = "In clear, of an earlier release."
_DATA_KEY = "Encrypted with a data key."
_CONTACT = "Whom to ask for a release."


def upgrade() -> None:
    _add("claims", "void_reason", "Encrypted with the member's key.")
    _add(
        "webhook_deliveries",
        "body",
        "As it is sent and signed; encrypted with a data key.",
        "As it is sent and signed.",
    )
    # Rows that are there have the body in clear; they are not read to check it.
    op.execute(
        "ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_body_check "
        "CHECK (num_nonnulls(body, body_sealed) = 1) NOT VALID"
    )
    _add("legal_holds", "case_number", _DATA_KEY)
    _add("legal_holds", "reason", _DATA_KEY)
    _add("legal_holds", "contact", "Whom to ask for a release; encrypted with a data key.", _CONTACT)
    _add("legal_holds", "release_reason", _DATA_KEY)
    op.drop_constraint("legal_holds_released_check", "legal_holds")
    op.create_check_constraint(
        "legal_holds_released_check",
        "legal_holds",
        "num_nonnulls(released_at, released_by) IN (0, 2) "
        "AND num_nonnulls(release_reason, release_reason_sealed) = num_nonnulls(released_at)",
    )
    op.create_check_constraint(
        "legal_holds_texts_check",
        "legal_holds",
        "num_nonnulls(case_number, case_number_sealed) = 1 AND num_nonnulls(reason, reason_sealed) = 1 "
        "AND num_nonnulls(contact, contact_sealed) = 1",
    )


def downgrade() -> None:
    """Drops what was encrypted; deliveries of it are deleted, and a legal hold then says that."""
    op.drop_constraint("legal_holds_texts_check", "legal_holds")
    op.drop_constraint("legal_holds_released_check", "legal_holds")
    lost = "'encrypted by a later release'"
    op.execute(
        f"UPDATE legal_holds SET case_number = coalesce(case_number, {lost}), reason = coalesce(reason, {lost}), "
        f"contact = coalesce(contact, {lost}), release_reason = CASE WHEN released_at IS NOT NULL "
        f"THEN coalesce(release_reason, {lost}) END"
    )
    for column, comment in (("release_reason", None), ("contact", _CONTACT), ("reason", None), ("case_number", None)):
        _remove("legal_holds", column, comment, nullable=column == "release_reason")
    op.create_check_constraint(
        "legal_holds_released_check", "legal_holds", "num_nonnulls(released_at, released_by, release_reason) IN (0, 3)"
    )
    op.drop_constraint("webhook_deliveries_body_check", "webhook_deliveries")
    op.execute("DELETE FROM webhook_deliveries WHERE body IS NULL")
    _remove("webhook_deliveries", "body", "As it is sent and signed.", nullable=False)
    _remove("claims", "void_reason", None, nullable=True)


def _add(table: str, column: str, comment: str, comment_before: str | None = None) -> None:
    op.add_column(table, sa.Column(f"{column}_sealed", sa.LargeBinary(), nullable=True, comment=comment))
    op.alter_column(
        table, column, existing_type=sa.Text(), nullable=True, comment=_CLEAR, existing_comment=comment_before
    )


def _remove(table: str, column: str, comment: str | None, *, nullable: bool) -> None:
    op.drop_column(table, f"{column}_sealed")
    op.alter_column(table, column, existing_type=sa.Text(), nullable=nullable, comment=comment, existing_comment=_CLEAR)
