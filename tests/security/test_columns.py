"""Each column that can hold text or bytes is encrypted, or declared here with why it has nobody's data in clear."""

import importlib
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import ARRAY, JSON, LargeBinary, Text

from api.field_keys import BACKFILLED, SEALED_COLUMNS
from api.tables import Base

API = Path(__file__).parents[2] / "api"
MODULES = {".".join(path.relative_to(API.parent).with_suffix("").parts) for path in API.rglob("tables.py")}
for module in MODULES:
    importlib.import_module(module)

ENCRYPTED: Final = {
    **{f"{one.table}.{one.column}": "SEALED_COLUMNS" for one in SEALED_COLUMNS},
    **{f"{one.table}.{one.clear}": "of an earlier release, until `ginja crypto encrypt`" for one in BACKFILLED},
    "members.name_sealed": "the member's key",
    "members.birth_date_sealed": "the member's key",
    "members.sex_sealed": "the member's key",
    "members.name": "of an earlier release, until `ginja crypto encrypt`",
    "members.sex": "of an earlier release, until `ginja crypto encrypt`",
    "registry_history.state": "of a member the values are sealed as in its row",
    "member_search.entry": "HMAC-SHA-256 with a key derived of a data key (api/members/search_index.py)",
    "audit_log.change": "the member's key, or a data key (api/audit/changes.py)",
}
"""Columns of personal data that are encrypted, and by what."""
SIGNATURES: Final = {
    "api_keys.name",
    "audit_log.name",
    "case_events.name",
    "cases.assigned_name",
    "leads.assigned_name",
    "evidence_packs.written_name",
    "case_files.added_name",
    "case_file_accesses.name",
    "case_file_withdrawals.name",
    "request_signing_keys.name",
    "users.display_name",
    "appeal_decisions.decided_by",
    "appeals.filed_by",
    "code_table_imports.imported_by",
    "code_table_imports.rolled_back_by",
    "dead_letters.resolved_by",
    "decisions.decided_by",
    "dispositions.decided_by",
    "edit_suspensions.resumed_by",
    "notification_subscriptions.created_by",
    "policy_activations.approver",
    "policy_activations.author",
    "policy_tests.tested_by",
    "policy_versions.author",
    "rescreening_findings.closed_by",
}
"""Names of people who work at the insurer and of keys, as of what they did: the printed name of a signature, which has
to be read and verified without the keys of the platform, and the names that those are copies of
(`docs/adr/0274-texts-of-work-and-messages-are-encrypted-too.md`)."""
WHO_WORKS_HERE: Final = {
    "audit_log.details",
    "audit_log.address",
    "audit_log.agent",
    "consents.recorded_by",
    "consent_withdrawals.withdrawn_by",
    "token_families.address",
    "user_identities.subject",
}
"""Ids, addresses of machines and details of acts of people who work at the insurer or sign in: searched by SQL. Details
of releases before recipients were encrypted have the addresses of subscriptions: the log is hashed as it is written."""
REASONS: Final = {
    "audit_log.subject_id",
    "bulk_jobs.failure",
    "claims.attributes",
    "dead_letters.payload",
    "dead_letters.reason",
    "edit_suspensions.resume_reason",
    "idempotency_keys.headers",
    "consents.document_place",
    "outbox.payload",
    "policy_activations.reason",
    "reports.csv",
    "users.emergency_reason",
    "reports.pdf",
    "webhook_endpoints.description",
}
"""Ids, amounts, values that models use, and reasons of acts on the platform: not about who a member
is, by the documentation of their fields; a client that writes a name there is not prevented. `users.emergency_reason`
is why an administrator gave a user another role, which the row of the audit log says too, for those who review it."""
GENERATED: Final = {
    "api_keys": "api_key_id api_version member_id previous_version provider_id replaced_by role scopes secret_hash",
    "appeal_decisions": "api_key_id appeal_id decision_id outcome role",
    "appeals": "api_key_id appeal_id appellant caused_by claim_id decision_id status",
    "archived_claims": "archive claim_id member_id provider_id",
    "archives": "archive folder kind manifest_sha256",
    "assessments": (
        "assessment_id breaker_state changes claim_id contributions counterfactual decided_by explained_by "
        "feature_times findings groups model_version outcome policy_trace reasons rule schema_hash "
        "score_failure shadow stale_views supersedes vector"
    ),
    "audit_archives": "archive folder manifest members signature",
    "audit_log": "act api_key_id claim_id outcome purpose request_id role subject_kind",
    "audit_seals": "entries hash previous",
    "consents": "consent_id document_sha256 kind member_id purpose scope",
    "consent_withdrawals": "consent_id",
    "console_sessions": "api_key_id family_id token_hash",
    "authorizations": "authorization_number counts member_id procedures provider_id state",
    "bulk_chunks": "job_id",
    "bulk_jobs": "api_key_id format job_id lease position sha256 status",
    "bulk_rejects": "code field job_id remedy",
    "claim_lines": "claim_id modifiers procedure_code",
    "claims": (
        "authorization_number authorized_days claim_id decision_id diagnosis_code inherits_from "
        "line_of_business member_id other_diagnoses payment place_of_service procedure_code provider_id "
        "region replaces sex source specialty state_code status status_before_void submitted_by"
    ),
    "case_claims": "added_by case_id claim_id",
    "case_events": "act actor_id case_id details role",
    "case_drafts": "actor_id case_id",
    "case_tasks": "added_by case_id done_by kind task_id",
    "evidence_packs": "case_id pack_id pack_sha256 written_by",
    "case_files": "added_by case_id file_id media_type sha256 task_id",
    "case_file_parts": "file_id",
    "case_file_scans": "file_id signature",
    "case_file_accesses": "access_id actor_id file_id role",
    "case_file_withdrawals": "actor_id file_id",
    "cases": (
        "assigned_to case_id closed_by detection disposition findings loss_method opened_by proposed_by provider_ids "
        "status subject_id subject_kind"
    ),
    "recoupment_entries": "by claims kind recoupment_id",
    "recoupments": "case_id demanded_by provider_id recoupment_id sample_id",
    "sample_items": "claim_id number reason reviewed_by sample_id stratum",
    "rings": "provider_ids ring_id",
    "samples": (
        "boundaries_cents case_id created_by estimate fixed_by frame frame_sha256 method provider_id sample_id seed "
        "strata"
    ),
    "code_table_entries": "code indicator other",
    "code_table_imports": "kind release sha256 source",
    "data_keys": "master_version provider purpose wrapped_key",
    "dead_letters": "consumer entity_key error resolution topic",
    "decisions": ("action answers api_key_id assessment_id claim_id decision_id disposition effect kind outcome role"),
    "diagnoses": "diagnosis_code sex",
    "dispositions": "claim_id disposition kind",
    "earlier_decisions": "claim_id decision_id payment provider_id status",
    "edit_suspensions": "appeal_id edit",
    "feature_store": "project",
    "idempotency_keys": "api_key_id identity_of key request_hash",
    "labels": "claim_id kind source",
    "lead_claims": "claim_id lead_id source",
    "leads": "assigned_to indicators lead_id snooze_reason source status subject_id subject_kind",
    "legal_holds": "added_by hold_id member_id released_by",
    "mails": "answer mail_id recipient report_ids status",
    "member_keys": "member_id wrapped_key",
    "member_search": "field member_id",
    "members": "earlier_periods member_id plan_id region",
    "notification_subscriptions": "recipient event subscription_id",
    "notifications": "event event_id link mail_id recipient text",
    "outbox": "entity_key topic",
    "plan_authorizations": "first_code last_code places plan_id",
    "plan_cost_sharing": "plan_id",
    "plans": "line_of_business plan_id state_code",
    "policy_activations": "kind",
    "policy_tests": "dataset gates",
    "policy_versions": "document sha256",
    "procedures": "earlier_periods procedure_code sex specialties",
    "providers": "earlier_periods npi provider_id region specialty",
    "recipients": "address_index recipient_id",
    "recovery_codes": "code_hash user_id",
    "reference_statistics": "entity procedure_code scope",
    "refresh_tokens": "family_id successor token_hash",
    "registry_history": "entry_id kind",
    "reports": "kind provider_id report_id report_key title",
    "request_nonces": "key_id nonce",
    "request_signing_keys": "actor_id algorithm key_id public_key signing_key_id",
    "rescreening_claims": "claim_id",
    "rescreening_findings": ("cites claim_id closed_reason code difference entry finding_id provider_id status"),
    "rescreening_jobs": "kind subject",
    "rescreening_subjects": "subject",
    "retention_runs": "kind",
    "saved_views": "actor_id query view_id",
    "selections": "claim_id model_version selected_by",
    "serving_models": "model_version",
    "sign_in_counters": "counter_key",
    "sign_in_places": "place_key",
    "tasks": "api_key_id error kind lease queue schedule_key state task_id",
    "token_families": "agent end_reason family_id kind methods user_id",
    "token_keys": "kid private_key public_key",
    "user_identities": "issuer user_id",
    "users": (
        "emergency_role login_index member_id password_hash pending_totp_secret provider_id role state "
        "totp_secret user_id"
    ),
    "webhook_attempts": "delivery_id error",
    "webhook_deliveries": "delivery_id endpoint_id error event_id event_type status",
    "webhook_endpoints": "api_version disabled_reason endpoint_id events status url",
    "webhook_secrets": "ciphertext endpoint_id",
}
"""By table: ids, codes, hashes, keys, reference data, and texts that the platform writes of them. `recipient` is an id;
an address of an earlier release until `ginja crypto encrypt`."""
DECLARED: Final = {
    "bulk_rejects.reason": "written by the platform, without the value",
    "code_table_entries.text": "of a published code list",
    "decisions.reason": "a code",
    "diagnoses.name": "of a code",
    "plans.name": "of a plan",
    "procedures.name": "of a code",
    "providers.name": "of a clinic or a practice, public with its NPI",
    "saved_views.name": "what a person who works here calls own filters, seen by nobody else",
    "rescreening_findings.text": "written by the platform from codes and amounts",
}


def columns() -> dict[str, str]:
    """Table and column of each that holds text, JSON or bytes, with the name of the column."""
    kinds = (Text, JSON, LargeBinary, ARRAY)
    return {
        f"{table.name}.{one.name}": one.name
        for table in (one.local_table for one in Base.registry.mappers if one.class_.__module__ in MODULES)
        for one in table.columns
        if isinstance(one.type, kinds)
    }


COLUMNS = columns()
ALONE = {**ENCRYPTED, **DECLARED} | dict.fromkeys(SIGNATURES | WHO_WORKS_HERE | REASONS, "")


@pytest.mark.parametrize("column", sorted(COLUMNS))
def test_a_column_is_encrypted_or_declared(column: str) -> None:
    table, _, name = column.partition(".")
    if column in ALONE:
        return
    assert name in GENERATED.get(table, "").split(), f"{column}: encrypt personal data, or declare what it holds here"


def test_what_is_declared_exists() -> None:
    assert ALONE.keys() - COLUMNS.keys() == set()
    assert {f"{table}.{one}" for table, names in GENERATED.items() for one in names.split()} - COLUMNS.keys() == set()


def test_a_sealed_column_is_bytes_beside_one_in_clear_and_bound_to_the_primary_key() -> None:
    for one in BACKFILLED:
        table = Base.metadata.tables[one.table]
        assert isinstance(table.c[_key(one.table, one.column)].type, LargeBinary)
        assert {column.name for column in table.primary_key} == set(one.row)


def _key(table: str, name: str) -> str:
    """The key of a column in its table, by its name in the database."""
    return next(one.key for one in Base.metadata.tables[table].columns if one.name == name)
