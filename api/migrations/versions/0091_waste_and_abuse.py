"""A claim's disposition can be waste or abuse, as that of a case. Earlier dispositions stay what they are."""

from alembic import op

revision = "0091"
down_revision = "0090"

_BEFORE = "'confirmed', 'cleared', 'billing_error', 'overpayment', 'inconclusive'"
_BEFORE_WITH_MONEY = "'confirmed', 'billing_error', 'overpayment'"
_ADDED = ", 'waste', 'abuse'"


def upgrade() -> None:
    _allow(_BEFORE + _ADDED, _BEFORE_WITH_MONEY + _ADDED)


def downgrade() -> None:
    _allow(_BEFORE, _BEFORE_WITH_MONEY)


def _allow(values: str, with_money: str) -> None:
    """Replace both checks. Rows are read under a lock that stops no writes; a downgrade refuses the new values."""
    checks = {
        "dispositions_disposition_check": f"disposition IN ({values})",
        "dispositions_amount_recovered_cents_check": "amount_recovered_cents >= 0 AND "
        f"(amount_recovered_cents = 0 OR disposition IN ({with_money}))",
    }
    for name, condition in checks.items():
        op.drop_constraint(name, "dispositions", type_="check")
        op.execute(f"ALTER TABLE dispositions ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    with op.get_context().autocommit_block():
        for name in checks:
            op.execute(f"ALTER TABLE dispositions VALIDATE CONSTRAINT {name}")
