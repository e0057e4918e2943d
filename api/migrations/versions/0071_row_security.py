"""Row security: a transaction sees the rows of the provider or member that it states, and none where it states nothing.

`current_setting` is in a subquery, so that it is read once a statement. `IS NOT NULL` over a subquery counts as true of
nearly all rows for the planner: its estimates of a statement that sees everything stay what they are without a policy.
The policies of tables below claims look the claim up, under the policy of `claims`, only where not everything is seen.

Each table is a transaction of its own: a wait for the lock of one keeps no other locked. What was done is done again
where the upgrade is repeated.
"""

from collections.abc import Mapping

from alembic import op

revision = "0071"
down_revision = "0070"

_ALL = "(SELECT nullif(current_setting('ginja.sees', true) = 'all', false)) IS NOT NULL"


def _stated(column: str) -> str:
    return f"(SELECT nullif(current_setting('ginja.{column}', true), ''))"


def _own(column: str) -> str:
    return f"{column} = {_stated(column)}"


def _of_claim(table: str) -> str:
    return f"EXISTS (SELECT FROM claims seen WHERE seen.claim_id = {table}.claim_id)"


_SEEN = {
    "claims": f"{_own('provider_id')} OR {_own('member_id')}",
    **{
        table: _of_claim(table) for table in ("claim_lines", "assessments", "decisions", "earlier_decisions", "appeals")
    },
    "appeal_decisions": "EXISTS (SELECT FROM appeals seen WHERE seen.appeal_id = appeal_decisions.appeal_id)",
    "members": f"{_own('member_id')} OR EXISTS (SELECT FROM claims seen WHERE seen.member_id = members.member_id)",
    **{table: f"api_key_id = {_stated('actor_id')}" for table in ("tasks", "bulk_jobs", "idempotency_keys")},
    **{
        table: f"EXISTS (SELECT FROM bulk_jobs seen WHERE seen.job_id = {table}.job_id)"
        for table in ("bulk_chunks", "bulk_rejects")
    },
}
"""Which rows a caller sees that does not see everything."""
_STAFF_ONLY = (
    *("labels", "selections", "dispositions", "authorizations", "registry_history", "reports"),
    *("rescreening_claims", "rescreening_subjects", "rescreening_findings", "dead_letters"),
    *("webhook_deliveries", "webhook_attempts", "notifications", "mails", "legal_holds"),
    *("webhook_endpoints", "webhook_secrets", "notification_subscriptions", "rescreening_jobs"),
)
"""A provider or member sees none of these."""
_WRITTEN_BY_ALL = ("outbox", "audit_log")
"""Read by who sees everything; a row is added by everybody, in the transaction of what it is about."""
_OWN_ALONE = (
    f"coalesce({_own('provider_id')}, {_stated('provider_id')} IS NULL) "
    f"AND coalesce({_own('member_id')}, {_stated('member_id')} IS NULL)"
)


def upgrade() -> None:
    own = {
        # Who decides a claim sees those of others, and still writes its own alone.
        "own_insert": f"AS RESTRICTIVE FOR INSERT WITH CHECK ({_OWN_ALONE})",
        "own_update": f"AS RESTRICTIVE FOR UPDATE USING ({_OWN_ALONE})",
        "own_delete": f"AS RESTRICTIVE FOR DELETE USING ({_OWN_ALONE})",
    }
    with op.get_context().autocommit_block():
        for table, seen in _SEEN.items():
            _secure(table, {"seen": f"USING ({_ALL} OR {seen})", **(own if table == "claims" else {})})
        for table in _STAFF_ONLY:
            _secure(table, {"seen": f"USING ({_ALL})"})
        for table in _WRITTEN_BY_ALL:
            _secure(table, {"seen": f"USING ({_ALL})", "added": "FOR INSERT WITH CHECK (true)"})


def downgrade() -> None:
    policies = {"claims": ("own_insert", "own_update", "own_delete")}
    # Policies that refer to other tables go first.
    for table in reversed((*_SEEN, *_STAFF_ONLY, *_WRITTEN_BY_ALL)):
        for policy in ("seen", *policies.get(table, ("added",) if table in _WRITTEN_BY_ALL else ())):
            op.execute(f"DROP POLICY {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def _secure(table: str, policies: Mapping[str, str]) -> None:
    """Enable the row security of a table together with its policies, in one transaction (a single message)."""
    statements = [f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"]
    for name, rule in policies.items():
        statements += [f"DROP POLICY IF EXISTS {name} ON {table}", f"CREATE POLICY {name} ON {table} {rule}"]
    op.execute("; ".join(statements))
