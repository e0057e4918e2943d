"""Whatever changes something is an operation of `ginja bench crash`, or is exempt for a reason that is given here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from api.app import ROUTERS
from benchmarks.crash import known_boundaries, operation_names

ROOT = Path(__file__).parents[2]
ONE_STATEMENT = "one statement in a transaction of its own: it is done, or it is not"
ONE_TRANSACTION = "the one transaction of an operator's command, which can be run again"

ROUTES = {
    "POST /claims": "submit",
    "POST /v1/claims": "submit",
    "POST /v1/x12/837": "submit",
    "POST /v1/fhir/Claim": "submit",
    "POST /v1/claims/{claim_id}/void": "void",
    "POST /v1/claims/{claim_id}/decisions": "decide",
    "POST /v1/claims/{claim_id}/dispositions": "record a finding",
    "POST /v1/claims/{claim_id}/appeals": "file an appeal",
    "POST /v1/appeals/{appeal_id}/decision": "decide an appeal",
}
REFERENCE_DATA = "one transaction of reference data with its audit row and the reply under its key: no event, no claim"
_OF_HOLDS = "one transaction about a legal hold: no claim is changed, and it can be sent again"
_OF_CASES = "one transaction of a case with its event, its audit row and the findings of its claims"
_OF_LEADS = "one transaction about who works on a lead, with its audit row: no claim is changed"
_OF_WEBHOOKS = "one transaction about a receiver of events: no claim is changed, and it can be sent again"
_OF_POLICIES = "one transaction: a row of an append-only table, its event, and the reply under its key; no claim"
_OF_CONSENTS = "one transaction of append-only rows with their event: no claim is changed, and it can be sent again"
_OF_SAMPLES = "one transaction of a sample with its event; no claim is decided (tests/api/test_samples.py)"
_OF_VERSIONS = "one transaction: a row of a key, its audit row, and the reply under its key; no claim"
_OF_KEYS = "one transaction about a key with its audit row; no claim"
_OF_UPLOADS = "one transaction of an upload: a part is stored with its offset or not, and can be sent again"
_OF_USERS = (
    "one transaction each; the states are in tests/api/test_users.py, test_sign_in.py and test_refresh_tokens.py"
)
_OF_NOTIFICATIONS = "one transaction each; the states are in tests/api/test_notifications.py"
_ROTATED = (
    "a command; each batch is one transaction, and it goes on where it was ended (tests/api/test_key_rotation.py)"
)
EXEMPT_ROUTES = {
    "POST /v1/auth/password": _OF_USERS,
    "POST /v1/auth/refresh": _OF_USERS,
    "DELETE /v1/auth/sessions/{session_id}": _OF_USERS,
    "DELETE /v1/auth/sessions": _OF_USERS,
    "POST /v1/auth/sign-out": _OF_USERS,
    "POST /v1/auth/token": _OF_USERS,
    "POST /v1/auth/totp": _OF_USERS,
    "POST /v1/auth/totp/confirm": _OF_USERS,
    "POST /v1/cases/{case_id}/evidence": "one transaction of an append-only row with its event; no claim",
    "POST /v1/cases/{case_id}/files": "one transaction of append-only rows with their event; no claim",
    "POST /v1/cases/{case_id}/files/{file_id}/withdraw": "one transaction of an append-only row with its event",
    "POST /v1/cases/{case_id}/samples": _OF_SAMPLES,
    "POST /v1/cases/{case_id}/samples/{sample_id}/reviews": _OF_SAMPLES,
    "POST /v1/cases/{case_id}/samples/{sample_id}/estimate": _OF_SAMPLES,
    "POST /v1/cases/{case_id}/samples/{sample_id}/demand": _OF_SAMPLES,
    "POST /v1/cases/{case_id}/samples/{sample_id}/entries": _OF_SAMPLES,
    "POST /v1/cases": _OF_CASES,
    **{
        f"POST /v1/cases/{{case_id}}/{act}": _OF_CASES
        for act in (
            *("claims", "claims/remove", "assign", "notes", "tasks", "tasks/{case_task_id}/complete", "reopen"),
            *("closing", "closing/approve", "closing/refuse"),
        )
    },
    "POST /v1/leads:take-next": _OF_LEADS,
    **{f"POST /v1/leads/{{lead_id}}/{act}": _OF_LEADS for act in ("take", "release", "snooze", "wake", "case")},
    "POST /v1/legal-holds": _OF_HOLDS,
    "POST /v1/legal-holds/{hold_id}/release": _OF_HOLDS,
    "POST /v1/members/{member_id}/consents": _OF_CONSENTS,
    "POST /v1/members/{member_id}/consents/{consent_id}/withdraw": _OF_CONSENTS,
    "POST /v1/users": _OF_USERS,
    "PUT /v1/users/{user_id}": _OF_USERS,
    "POST /v1/users/{user_id}/reset-password": _OF_USERS,
    "POST /v1/users/{user_id}/reset-second-factor": _OF_USERS,
    "POST /v1/notification-subscriptions": _OF_NOTIFICATIONS,
    "DELETE /v1/notification-subscriptions/{subscription_id}": _OF_NOTIFICATIONS,
    "POST /v1/notification-mails/{mail_id}/retry": _OF_NOTIFICATIONS,
    "POST /v1/keys": _OF_KEYS,
    "POST /v1/keys/{api_key_id}/rotate": _OF_KEYS,
    "POST /v1/keys/{api_key_id}/revoke": _OF_KEYS,
    "POST /v1/signing-keys": _OF_KEYS,
    "POST /v1/signing-keys/{signing_key_id}/revoke": _OF_KEYS,
    "POST /v1/version": _OF_VERSIONS,
    "POST /v1/version:rollback": _OF_VERSIONS,
    "POST /v1/bulk/claims": _OF_UPLOADS,
    "PATCH /v1/bulk/claims/{job_id}": _OF_UPLOADS,
    "POST /v1/bulk/claims/{job_id}/cancel": _OF_UPLOADS,
    "POST /v1/webhook-endpoints": _OF_WEBHOOKS,
    "PATCH /v1/webhook-endpoints/{endpoint_id}": _OF_WEBHOOKS,
    "DELETE /v1/webhook-endpoints/{endpoint_id}": _OF_WEBHOOKS,
    "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret": _OF_WEBHOOKS,
    "POST /v1/webhook-endpoints/{endpoint_id}/test": _OF_WEBHOOKS,
    "POST /v1/webhook-endpoints/{endpoint_id}/replay": _OF_WEBHOOKS,
    **{f"POST /v1/{kind}": REFERENCE_DATA for kind in ("members", "providers", "procedures", "authorizations")},
    **{
        f"{method} /v1/{path}{verb}": REFERENCE_DATA
        for path in ("members/{member_id}", "providers/{provider_id}", "procedures/{procedure_code}")
        for method, verb in (("PUT", ""), ("POST", "/end"), ("POST", "/periods"))
    },
    "PUT /v1/authorizations/{authorization_number}": REFERENCE_DATA,
    "POST /v1/authorizations/{authorization_number}/end": REFERENCE_DATA,
    "POST /v1/policies": _OF_POLICIES,
    "POST /v1/policies/{version}/activate": _OF_POLICIES,
    "POST /v1/policies:rollback": _OF_POLICIES,
    "POST /v1/rescreening-findings/{finding_id}/close": "one transaction about a finding: no claim is changed",
    "POST /v1/claims:score-batch": "scores claims and stores nothing",
    "POST /v1/members:search": "stores nothing but the audit rows of what it shows",
}

_FANNED_OUT = "one transaction with the position in the outbox, which is read again; tests/api/test_webhook_events.py"
_SENT = "one transaction after sending, within a lease; tests/api/test_webhook_delivery.py kills a worker before it"
_SLICED = "one transaction after the claims of a slice, within a lease; tests/api/test_bulk.py kills a worker before it"
_LEASED = "one transaction of a task, within a lease; tests/api/test_task_processes.py kills processes before and after"
_SCREENED = "one transaction that holds its job or claims; tests/api/test_rescreening_queue.py ends it early"
_MAILED = "one transaction whose keys let it be repeated; tests/api/test_notifications.py kills a worker after sending"
_REPORTED = "one transaction with the report, by key; tests/api/test_scheduled_reports.py repeats it"
_ARCHIVED = "a command that goes on where it was ended; tests/api/test_archives.py kills it at each step"
_LOG_ARCHIVED = "a command; one transaction once its files were read again: tests/api/test_audit_archives.py"
_NAMED = "one transaction with the subscription or notification that names the recipient, or one for each address moved"
EXEMPT_STATEMENTS = {
    ("DELETE", "notifications"): _NAMED,
    ("INSERT", "recipients"): _NAMED,
    ("UPDATE", "notification_subscriptions"): _NAMED,
    ("UPDATE", "recipients"): _NAMED,
    ("DELETE", "archives"): _ARCHIVED,
    ("INSERT", "archives"): _ARCHIVED,
    ("UPDATE", "archives"): _ARCHIVED,
    ("INSERT", "archived_claims"): _ARCHIVED,
    ("INSERT", "audit_archives"): _LOG_ARCHIVED,
    ("DELETE", "audit_log"): _LOG_ARCHIVED,
    ("UPDATE", "archived_claims"): _ARCHIVED,
    ("INSERT", "key_rotations"): _ROTATED,
    ("UPDATE", "key_rotations"): _ROTATED,
    ("UPDATE", "data_keys"): _ROTATED,
    ("UPDATE", "member_keys"): _ROTATED,
    ("DELETE", "member_search"): ONE_TRANSACTION,
    ("INSERT", "member_search"): ONE_TRANSACTION,
    ("DELETE", "recovery_codes"): ONE_TRANSACTION,
    ("DELETE", "sign_in_counters"): ONE_TRANSACTION,
    ("INSERT", "audit_seals"): ONE_TRANSACTION,
    ("DELETE", "case_claims"): ONE_TRANSACTION,
    ("DELETE", "case_drafts"): ONE_TRANSACTION,
    ("INSERT", "case_events"): ONE_TRANSACTION,
    ("INSERT", "case_tasks"): ONE_TRANSACTION,
    ("UPDATE", "case_tasks"): ONE_TRANSACTION,
    ("UPDATE", "cases"): ONE_TRANSACTION,
    ("INSERT", "evidence_packs"): ONE_TRANSACTION,
    ("INSERT", "case_files"): ONE_TRANSACTION,
    ("INSERT", "case_file_parts"): ONE_TRANSACTION,
    ("INSERT", "case_file_accesses"): ONE_TRANSACTION,
    ("INSERT", "case_file_withdrawals"): ONE_TRANSACTION,
    ("INSERT", "leads"): ONE_TRANSACTION,
    ("UPDATE", "leads"): ONE_TRANSACTION,
    ("UPDATE", "lead_claims"): ONE_TRANSACTION,
    ("INSERT", "rings"): ONE_TRANSACTION,
    ("DELETE", "rings"): ONE_TRANSACTION,
    ("INSERT", "saved_views"): ONE_TRANSACTION,
    ("DELETE", "saved_views"): ONE_TRANSACTION,
    ("INSERT", "samples"): ONE_TRANSACTION,
    ("UPDATE", "samples"): ONE_TRANSACTION,
    ("INSERT", "sample_items"): ONE_TRANSACTION,
    ("UPDATE", "sample_items"): ONE_TRANSACTION,
    ("INSERT", "recoupments"): ONE_TRANSACTION,
    ("INSERT", "recoupment_entries"): ONE_TRANSACTION,
    ("INSERT", "consents"): ONE_TRANSACTION,
    ("INSERT", "consent_withdrawals"): ONE_TRANSACTION,
    ("INSERT", "legal_holds"): ONE_TRANSACTION,
    ("UPDATE", "legal_holds"): ONE_TRANSACTION,
    ("INSERT", "retention_runs"): "one transaction with the last batch of a kind; what is due is found again",
    ("INSERT", "recovery_codes"): ONE_TRANSACTION,
    ("INSERT", "refresh_tokens"): ONE_TRANSACTION,
    ("INSERT", "sign_in_places"): ONE_TRANSACTION,
    ("INSERT", "token_families"): ONE_TRANSACTION,
    ("INSERT", "token_keys"): ONE_TRANSACTION,
    ("DELETE", "user_identities"): ONE_TRANSACTION,
    ("INSERT", "user_identities"): ONE_TRANSACTION,
    ("INSERT", "users"): ONE_TRANSACTION,
    ("UPDATE", "recovery_codes"): ONE_TRANSACTION,
    ("UPDATE", "refresh_tokens"): ONE_TRANSACTION,
    ("UPDATE", "sign_in_counters"): ONE_TRANSACTION,
    ("UPDATE", "token_families"): ONE_TRANSACTION,
    ("UPDATE", "token_keys"): ONE_TRANSACTION,
    ("UPDATE", "users"): ONE_TRANSACTION,
    ("INSERT", "notification_subscriptions"): ONE_TRANSACTION,
    ("DELETE", "notification_subscriptions"): ONE_TRANSACTION,
    ("INSERT", "notifications"): _FANNED_OUT,
    ("UPDATE", "notifications"): _MAILED,
    ("INSERT", "mails"): _MAILED,
    ("UPDATE", "mails"): _MAILED,
    ("INSERT", "reports"): _REPORTED,
    ("INSERT", "rescreening_claims"): _SCREENED,
    ("UPDATE", "rescreening_claims"): _SCREENED,
    ("DELETE", "rescreening_claims"): _SCREENED,
    ("DELETE", "rescreening_subjects"): _SCREENED,
    ("INSERT", "rescreening_findings"): _SCREENED,
    ("UPDATE", "rescreening_findings"): _SCREENED,
    ("UPDATE", "rescreening_jobs"): _SCREENED,
    ("INSERT", "tasks"): "one transaction with the reply under the key of its request: the task is stored or not",
    ("UPDATE", "tasks"): _LEASED,
    ("DELETE", "tasks"): ONE_STATEMENT,
    ("INSERT", "bulk_jobs"): _OF_UPLOADS,
    ("UPDATE", "bulk_jobs"): _SLICED,
    ("INSERT", "bulk_chunks"): _OF_UPLOADS,
    ("DELETE", "bulk_chunks"): _SLICED,
    ("INSERT", "bulk_rejects"): _SLICED,
    ("INSERT", "serving_models"): "one transaction with its event; a change that was not stored is seen again",
    ("INSERT", "webhook_endpoints"): _OF_WEBHOOKS,
    ("UPDATE", "webhook_endpoints"): _SENT,
    ("DELETE", "webhook_endpoints"): _OF_WEBHOOKS,
    ("INSERT", "webhook_secrets"): _OF_WEBHOOKS,
    ("UPDATE", "webhook_secrets"): _OF_WEBHOOKS,
    ("INSERT", "webhook_deliveries"): _FANNED_OUT,
    ("UPDATE", "webhook_deliveries"): _SENT,
    ("INSERT", "webhook_attempts"): _SENT,
    ("UPDATE", "webhook_position"): _FANNED_OUT,
    ("INSERT", "webhook_gaps"): _FANNED_OUT,
    ("DELETE", "webhook_gaps"): _FANNED_OUT,
    ("INSERT", "request_signing_keys"): ONE_TRANSACTION,
    ("UPDATE", "request_signing_keys"): ONE_TRANSACTION,
    ("INSERT", "api_keys"): ONE_STATEMENT,
    ("UPDATE", "api_keys"): ONE_STATEMENT,
    ("INSERT", "code_table_entries"): ONE_TRANSACTION,
    ("INSERT", "code_table_imports"): ONE_TRANSACTION,
    ("UPDATE", "code_table_imports"): ONE_STATEMENT,
    ("INSERT", "edit_suspensions"): "in the transaction of an appeal's outcome, whose crash points are explored",
    ("UPDATE", "edit_suspensions"): ONE_STATEMENT,
    ("INSERT", "authorizations"): ONE_TRANSACTION,
    ("UPDATE", "authorizations"): REFERENCE_DATA,
    ("INSERT", "plan_authorizations"): ONE_TRANSACTION,
    ("DELETE", "plan_authorizations"): ONE_TRANSACTION,
    ("INSERT", "data_keys"): ONE_STATEMENT,
    ("INSERT", "members"): ONE_TRANSACTION,
    ("INSERT", "plan_cost_sharing"): ONE_TRANSACTION,
    ("INSERT", "plans"): ONE_TRANSACTION,
    ("INSERT", "policy_activations"): ONE_STATEMENT,
    ("INSERT", "policy_tests"): ONE_STATEMENT,
    ("INSERT", "policy_versions"): ONE_STATEMENT,
    ("INSERT", "console_sessions"): ONE_STATEMENT,
    ("UPDATE", "console_sessions"): ONE_STATEMENT,
}


def tables() -> dict[str, str]:
    """Class of a table → its name."""
    found = {}
    for path in (ROOT / "api").rglob("tables.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__tablename__":
                        found[node.name] = ast.literal_eval(line.value)
    return found


def statements() -> Iterator[tuple[str, str, str]]:
    """Verb, table and file of every statement in the code that writes."""
    names = tables()
    for folder in ("api", "features/update"):
        for path in (ROOT / folder).rglob("*.py"):
            if "migrations" in path.parts or path.name == "loading.py":
                continue  # run by hand, in one transaction
            file = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func) in ("insert", "update", "delete")
                    and node.args
                ):
                    table = names.get(ast.unparse(node.args[0]).removesuffix(".__table__"))
                    if table is not None:
                        yield ast.unparse(node.func).upper(), table, file
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for verb, table in re.findall(r"\b(INSERT INTO|UPDATE|DELETE FROM) ([a-z_]+)", node.value):
                        yield verb.split()[0], table, file


def explored() -> set[tuple[str, str]]:
    """Verb and table of every statement at a crash point."""
    labels = [label for boundaries in known_boundaries().values() for label in boundaries]
    return {pair for label in labels for pair in re.findall(r"\b(INSERT|UPDATE|DELETE) (\w+)", label)}


def test_every_statement_that_writes_is_at_a_crash_point() -> None:
    done = explored()
    missing = {
        f"{verb} {table} in {file}"
        for verb, table, file in statements()
        if (verb, table) not in done and (verb, table) not in EXEMPT_STATEMENTS
    }
    assert not missing, f"add an operation in benchmarks/crash/operations.py that reaches: {sorted(missing)}"


def test_no_statement_is_exempt_without_need() -> None:
    written = {(verb, table) for verb, table, _ in statements()}
    assert set(EXEMPT_STATEMENTS) <= written - explored()


def test_every_route_that_changes_something_is_an_operation() -> None:
    routes = {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        for method in route.methods - {"GET", "HEAD", "OPTIONS"}
    }
    assert routes == set(ROUTES) | set(EXEMPT_ROUTES)
    assert set(ROUTES.values()) <= set(known_boundaries())


def test_the_requests_are_signed_as_a_platform_requires_it() -> None:
    sources = [path.read_text() for path in (ROOT / "benchmarks" / "crash").glob("*.py")]
    assert not any('"signed_requests"' in source for source in sources), "the default requires signatures"


def test_every_operation_was_explored() -> None:
    assert set(operation_names()) == set(known_boundaries())
    assert all(len(boundaries) > 1 for boundaries in known_boundaries().values())
