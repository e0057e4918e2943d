"""Which routes read or change personal data, and how each is recorded: the one table of them.

A route that is in neither table stops the application at its start: a new route comes with a declaration of what it
shows of whom.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class RecordedBy(Enum):
    """Who writes the row of an act that succeeded. Denials are recorded with the response, of every route."""

    RESPONSE = "response"
    """It is written before the response is sent (`api/audited_requests.py`)."""
    SERVICE = "service"
    """The service writes it in the transaction of the change."""
    OUTBOX = "outbox"
    """The worker writes it from the event that is stored with the claim (`api/audit/submissions.py`)."""


@dataclass(frozen=True, slots=True)
class AuditedRoute:
    """What a route does with personal data."""

    act: str
    kind: str | None = None
    """Of the subject, such as `claim`; `None`: the act is about no single one."""
    parameter: str | None = None
    """Of the path or the query, that has the subject's id."""
    by: RecordedBy = RecordedBy.RESPONSE


def _claim(act: str, by: RecordedBy = RecordedBy.RESPONSE) -> AuditedRoute:
    return AuditedRoute(act, "claim", "claim_id", by)


def _case(act: str, by: RecordedBy = RecordedBy.RESPONSE) -> AuditedRoute:
    return AuditedRoute(act, "case", "case_id", by)


def _lead(act: str, by: RecordedBy = RecordedBy.RESPONSE) -> AuditedRoute:
    return AuditedRoute(act, "lead", "lead_id", by)


_SERVICE, _OUTBOX = RecordedBy.SERVICE, RecordedBy.OUTBOX
_SUBMIT = AuditedRoute("claim.submit", by=_OUTBOX)

ROUTES: Final[Mapping[str, AuditedRoute]] = {
    "POST /claims": _SUBMIT,
    "POST /v1/claims": _SUBMIT,
    "POST /v1/fhir/Claim": _SUBMIT,
    "GET /v1/claims": AuditedRoute("claim.list"),
    "GET /v1/claims/{claim_id}": _claim("claim.read"),
    "GET /v1/claims/{claim_id}/explanation": _claim("claim.explain"),
    "POST /v1/claims/{claim_id}/void": _claim("claim.void", _SERVICE),
    "GET /v1/claims/{claim_id}/dispositions": _claim("disposition.list"),
    "POST /v1/claims/{claim_id}/dispositions": _claim("disposition.record", _SERVICE),
    "GET /v1/claims/{claim_id}/decisions": _claim("decision.list"),
    "POST /v1/claims/{claim_id}/decisions": _claim("claim.decide", _SERVICE),
    "GET /v1/claims/{claim_id}/appeals": _claim("appeal.list"),
    "POST /v1/claims/{claim_id}/appeals": _claim("claim.appeal", _SERVICE),
    "GET /v1/appeals": AuditedRoute("appeal.list"),
    "POST /v1/appeals/{appeal_id}/decision": AuditedRoute("claim.appeal_decided", "appeal", "appeal_id", _SERVICE),
    "POST /v1/claims:score-batch": AuditedRoute("claim.score"),
    "GET /v1/tasks/{task_id}": AuditedRoute("task.read", "task", "task_id"),
    "POST /v1/bulk/claims": AuditedRoute("bulk.create"),
    "PATCH /v1/bulk/claims/{job_id}": AuditedRoute("bulk.upload", "bulk_job", "job_id"),
    "GET /v1/bulk/claims/{job_id}": AuditedRoute("bulk.read", "bulk_job", "job_id"),
    "GET /v1/bulk/claims/{job_id}/rejects": AuditedRoute("bulk.read_rejects", "bulk_job", "job_id"),
    "POST /v1/bulk/claims/{job_id}/cancel": AuditedRoute("bulk.cancel", "bulk_job", "job_id"),
    "POST /v1/x12/837": AuditedRoute("x12.submit"),
    "GET /v1/exports/claims": AuditedRoute("claim.export"),
    "GET /v1/reviews": AuditedRoute("review.list"),
    "GET /v1/rescreening-findings": AuditedRoute("rescreening_finding.list"),
    "POST /v1/rescreening-findings/{finding_id}/close": AuditedRoute(
        "rescreening_finding.close", "rescreening_finding", "finding_id", _SERVICE
    ),
    "GET /v1/remittances": AuditedRoute("remittance.read", "provider", "provider_id"),
    "GET /v1/reports": AuditedRoute("report.list"),
    "GET /v1/reports/{report_id}/file": AuditedRoute("report.read", "report", "report_id"),
    "GET /v1/members": AuditedRoute("member.list"),
    "POST /v1/members": AuditedRoute("member.create", by=_SERVICE),
    "POST /v1/members:search": AuditedRoute("member.search", by=_SERVICE),
    "GET /v1/members/{member_id}": AuditedRoute("member.read", "member", "member_id"),
    "PUT /v1/members/{member_id}": AuditedRoute("member.change", "member", "member_id", _SERVICE),
    "POST /v1/members/{member_id}/end": AuditedRoute("member.end", "member", "member_id", _SERVICE),
    "POST /v1/members/{member_id}/periods": AuditedRoute("member.period", "member", "member_id", _SERVICE),
    "GET /v1/providers": AuditedRoute("provider.list"),
    "POST /v1/providers": AuditedRoute("provider.create", by=_SERVICE),
    "GET /v1/providers/{provider_id}": AuditedRoute("provider.read", "provider", "provider_id"),
    "PUT /v1/providers/{provider_id}": AuditedRoute("provider.change", "provider", "provider_id", _SERVICE),
    "POST /v1/providers/{provider_id}/end": AuditedRoute("provider.end", "provider", "provider_id", _SERVICE),
    "POST /v1/providers/{provider_id}/periods": AuditedRoute("provider.period", "provider", "provider_id", _SERVICE),
    "GET /v1/authorizations": AuditedRoute("authorization.list"),
    "POST /v1/authorizations": AuditedRoute("authorization.create", by=_SERVICE),
    "GET /v1/authorizations/{authorization_number}": AuditedRoute(
        "authorization.read", "authorization", "authorization_number"
    ),
    "GET /v1/authorizations/{authorization_number}/use": AuditedRoute(
        "authorization.read_use", "authorization", "authorization_number"
    ),
    "PUT /v1/authorizations/{authorization_number}": AuditedRoute(
        "authorization.change", "authorization", "authorization_number", _SERVICE
    ),
    "POST /v1/authorizations/{authorization_number}/end": AuditedRoute(
        "authorization.end", "authorization", "authorization_number", _SERVICE
    ),
    "GET /v1/cases": AuditedRoute("case.list"),
    "POST /v1/cases": AuditedRoute("case.open", by=_SERVICE),
    "GET /v1/cases/{case_id}": _case("case.read"),
    "GET /v1/cases/{case_id}/history": _case("case.read_history"),
    "GET /v1/cases/{case_id}/claims": _case("case.list_claims"),
    "POST /v1/cases/{case_id}/claims": _case("case.add_claims", _SERVICE),
    "POST /v1/cases/{case_id}/claims/remove": _case("case.remove_claims", _SERVICE),
    "POST /v1/cases/{case_id}/assign": _case("case.assign", _SERVICE),
    "POST /v1/cases/{case_id}/notes": _case("case.note", _SERVICE),
    "GET /v1/cases/{case_id}/tasks": _case("case.list_tasks"),
    "POST /v1/cases/{case_id}/tasks": _case("case.add_task", _SERVICE),
    "POST /v1/cases/{case_id}/tasks/{case_task_id}/complete": _case("case.finish_task", _SERVICE),
    "POST /v1/cases/{case_id}/closing": _case("case.close", _SERVICE),
    "POST /v1/cases/{case_id}/closing/approve": _case("case.approve_closing", _SERVICE),
    "POST /v1/cases/{case_id}/closing/refuse": _case("case.refuse_closing", _SERVICE),
    "POST /v1/cases/{case_id}/reopen": _case("case.reopen", _SERVICE),
    "GET /v1/leads": AuditedRoute("lead.list"),
    "GET /v1/leads/{lead_id}": _lead("lead.read"),
    "POST /v1/leads:take-next": AuditedRoute("lead.assign", by=_SERVICE),
    "POST /v1/leads/{lead_id}/take": _lead("lead.assign", _SERVICE),
    "POST /v1/leads/{lead_id}/release": _lead("lead.release", _SERVICE),
    "POST /v1/leads/{lead_id}/snooze": _lead("lead.snooze", _SERVICE),
    "POST /v1/leads/{lead_id}/wake": _lead("lead.wake", _SERVICE),
    "POST /v1/leads/{lead_id}/case": _lead("lead.open_case", _SERVICE),
    "POST /v1/cases/{case_id}/evidence": AuditedRoute("case.write_evidence", "case", "case_id", _SERVICE),
    "GET /v1/cases/{case_id}/evidence": AuditedRoute("case.list_evidence", "case", "case_id"),
    "POST /v1/cases/{case_id}/files": _case("case.add_file", _SERVICE),
    "GET /v1/cases/{case_id}/files": _case("case.list_files"),
    "GET /v1/cases/{case_id}/files/{file_id}": _case("case.read_file_record"),
    "GET /v1/cases/{case_id}/files/{file_id}/content": _case("case.read_file", _SERVICE),
    "POST /v1/cases/{case_id}/files/{file_id}/withdraw": _case("case.withdraw_file", _SERVICE),
    "GET /v1/cases/{case_id}/evidence/{pack_id}/file": AuditedRoute("case.read_evidence", "case", "case_id"),
    "GET /v1/cases/{case_id}/samples": _case("sample.list"),
    "POST /v1/cases/{case_id}/samples": _case("sample.draw", _SERVICE),
    "GET /v1/cases/{case_id}/samples/{sample_id}": _case("sample.read"),
    "GET /v1/cases/{case_id}/samples/{sample_id}/frame": _case("sample.export_frame"),
    "GET /v1/cases/{case_id}/samples/{sample_id}/worksheet": _case("sample.export_worksheet"),
    "POST /v1/cases/{case_id}/samples/{sample_id}/reviews": _case("sample.review", _SERVICE),
    "POST /v1/cases/{case_id}/samples/{sample_id}/estimate": _case("sample.estimate", _SERVICE),
    "POST /v1/cases/{case_id}/samples/{sample_id}/demand": _case("recoupment.demand", _SERVICE),
    "GET /v1/cases/{case_id}/samples/{sample_id}/letter": _case("recoupment.letter"),
    "GET /v1/cases/{case_id}/samples/{sample_id}/entries": _case("recoupment.list_entries"),
    "POST /v1/cases/{case_id}/samples/{sample_id}/entries": _case("recoupment.entry", _SERVICE),
    "GET /v1/legal-holds": AuditedRoute("legal_hold.list"),
    "POST /v1/legal-holds": AuditedRoute("legal_hold.add", by=_SERVICE),
    "POST /v1/legal-holds/{hold_id}/release": AuditedRoute("legal_hold.release", "legal_hold", "hold_id", _SERVICE),
    "GET /v1/members/{member_id}/consents": AuditedRoute("consent.list", "member", "member_id"),
    "POST /v1/members/{member_id}/consents": AuditedRoute("consent.record", "member", "member_id", _SERVICE),
    "POST /v1/members/{member_id}/consents/{consent_id}/withdraw": AuditedRoute(
        "consent.withdraw", "member", "member_id", _SERVICE
    ),
    "GET /v1/fhir/Consent": AuditedRoute("consent.search", "member", "patient"),
    "GET /v1/fhir/Consent/{consent_id}": AuditedRoute("consent.read", "consent", "consent_id"),
    "GET /v1/audit/events": AuditedRoute("audit.search"),
    "GET /v1/audit/events/{audit_id}": AuditedRoute("audit.read", "audit_entry", "audit_id"),
    "GET /v1/fhir/AuditEvent": AuditedRoute("audit.search"),
    "GET /v1/fhir/AuditEvent/{audit_id}": AuditedRoute("audit.read", "audit_entry", "audit_id"),
    "GET /v1/users": AuditedRoute("user.list"),
    "POST /v1/policies": AuditedRoute("policy.draft", by=_SERVICE),
    "POST /v1/policies/{version}/activate": AuditedRoute("policy.activate", "policy", "version", _SERVICE),
    "POST /v1/policies:rollback": AuditedRoute("policy.rollback", by=_SERVICE),
    "POST /v1/keys": AuditedRoute("api_key.create", by=_SERVICE),
    "POST /v1/keys/{api_key_id}/rotate": AuditedRoute("api_key.rotate", "api_key", "api_key_id", _SERVICE),
    "POST /v1/keys/{api_key_id}/revoke": AuditedRoute("api_key.revoke", "api_key", "api_key_id", _SERVICE),
    "POST /v1/users": AuditedRoute("user.create", by=_SERVICE),
    "GET /v1/users/{user_id}": AuditedRoute("user.read", "user", "user_id"),
    "PUT /v1/users/{user_id}": AuditedRoute("user.change", "user", "user_id", _SERVICE),
    "POST /v1/users/{user_id}/reset-password": AuditedRoute("user.reset_password", "user", "user_id", _SERVICE),
    "POST /v1/users/{user_id}/reset-second-factor": AuditedRoute(
        "user.reset_second_factor", "user", "user_id", _SERVICE
    ),
    "POST /v1/auth/token": AuditedRoute("sign_in", by=_SERVICE),
    "POST /v1/auth/refresh": AuditedRoute("sign_in.refresh", by=_SERVICE),
    "POST /v1/auth/sign-out": AuditedRoute("sign_out", by=_SERVICE),
    "POST /v1/auth/password": AuditedRoute("user.change_password", by=_SERVICE),
    "POST /v1/auth/totp": AuditedRoute("user.begin_second_factor"),
    "POST /v1/auth/totp/confirm": AuditedRoute("user.confirm_second_factor", by=_SERVICE),
    "DELETE /v1/auth/sessions/{session_id}": AuditedRoute("user.session_end", by=_SERVICE),
    "DELETE /v1/auth/sessions": AuditedRoute("user.session_end", by=_SERVICE),
    "GET /console/": AuditedRoute("console.home"),
    "GET /console/own": AuditedRoute("claim.list"),
    "GET /console/own/claims/{claim_id}": _claim("claim.read"),
    "POST /console/own/claims/{claim_id}/appeal": _claim("claim.appeal", _SERVICE),
    "GET /console/claims": AuditedRoute("console.counted_claims", "claim", "claim"),
    "GET /console/claims.csv": AuditedRoute("console.export_counted_claims", "claim", "claim"),
    "GET /console/claims/{claim_id}": _claim("console.claim"),
    "POST /console/claims/{claim_id}/finding": _claim("disposition.record", _SERVICE),
    "POST /console/claims/{claim_id}/decision": _claim("claim.decide", _SERVICE),
    "POST /console/claims/{claim_id}/appeal": _claim("claim.appeal_decided", _SERVICE),
    "POST /console/claims/{claim_id}/rescreening": _claim("rescreening_finding.close", _SERVICE),
    "GET /console/providers/{provider_id}": AuditedRoute("console.provider", "provider", "provider_id"),
    "GET /console/providers/{provider_id}/claims.csv": AuditedRoute("claim.export", "provider", "provider_id"),
    "POST /console/providers/{provider_id}/case": AuditedRoute("case.open", "provider", "provider_id", _SERVICE),
    "GET /console/members/{member_id}": AuditedRoute("console.member", "member", "member_id"),
    "GET /console/members/{member_id}/claims.csv": AuditedRoute("claim.export", "member", "member_id"),
    "POST /console/providers/{provider_id}/ring": AuditedRoute("case.open", "provider", "provider_id", _SERVICE),
    "GET /console/rings": AuditedRoute("console.rings"),
    "GET /console/rings/{ring_id}": AuditedRoute("console.ring", "ring", "ring_id"),
    "POST /console/members/{member_id}/case": AuditedRoute("case.open", "member", "member_id", _SERVICE),
    "POST /console/members/{member_id}/identity": AuditedRoute("member.reveal", "member", "member_id", _SERVICE),
    "POST /console/members": AuditedRoute("member.search", by=_SERVICE),
    "POST /console/members/{member_id}/consents": AuditedRoute("consent.record", "member", "member_id", _SERVICE),
    "POST /console/members/{member_id}/consents/{consent_id}/withdraw": AuditedRoute(
        "consent.withdraw", "member", "member_id", _SERVICE
    ),
    "GET /console/cases/{case_id}/evidence": _case("case.list_evidence"),
    "POST /console/cases/{case_id}/evidence": _case("case.write_evidence", _SERVICE),
    "GET /console/cases/{case_id}/evidence/{pack_id}.json": _case("case.read_evidence"),
    "GET /console/cases/{case_id}/evidence/{pack_id}.pdf": _case("case.read_evidence"),
    "POST /console/cases/{case_id}/files": _case("case.add_file", _SERVICE),
    "GET /console/cases/{case_id}/files/{file_id}/content": _case("case.read_file", _SERVICE),
    "POST /console/cases/{case_id}/files/{file_id}/withdraw": _case("case.withdraw_file", _SERVICE),
    "GET /console/cases/{case_id}/requests/{task_id}/letter.txt": _case("case.read_letter"),
    "GET /console/cases/{case_id}/requests/{task_id}/letter.pdf": _case("case.read_letter"),
    "GET /console/cases/{case_id}/samples": _case("sample.list"),
    "POST /console/cases/{case_id}/samples": _case("sample.draw", _SERVICE),
    "GET /console/cases/{case_id}/samples/{sample_id}": _case("sample.read"),
    "POST /console/cases/{case_id}/samples/{sample_id}/reviews": _case("sample.review", _SERVICE),
    "POST /console/cases/{case_id}/samples/{sample_id}/estimate": _case("sample.estimate", _SERVICE),
    "POST /console/cases/{case_id}/samples/{sample_id}/demand": _case("recoupment.demand", _SERVICE),
    "POST /console/cases/{case_id}/samples/{sample_id}/entries": _case("recoupment.entry", _SERVICE),
    "GET /console/cases/{case_id}/samples/{sample_id}/letter.txt": _case("recoupment.letter"),
    "GET /console/cases/{case_id}/samples/{sample_id}/letter.pdf": _case("recoupment.letter"),
    "GET /console/cases/{case_id}/samples/{sample_id}/frame.txt": _case("sample.export_frame"),
    "GET /console/queue": AuditedRoute("lead.list"),
    "POST /console/queue/next": AuditedRoute("lead.assign", by=_SERVICE),
    "POST /console/queue/leads": AuditedRoute("lead.change", by=_SERVICE),
    "GET /console/queue/leads/{lead_id}": AuditedRoute("lead.read", "lead", "lead_id"),
    "POST /console/queue/leads/{lead_id}/case": AuditedRoute("lead.open_case", "lead", "lead_id", _SERVICE),
    "GET /console/cases": AuditedRoute("console.cases"),
    "POST /console/cases": AuditedRoute("case.open", by=_SERVICE),
    "GET /console/cases/{case_id}": AuditedRoute("console.case", "case", "case_id"),
    "POST /console/cases/{case_id}": AuditedRoute("case.act", "case", "case_id", _SERVICE),
    "GET /console/search": AuditedRoute("console.search"),
    "GET /console/cases/{case_id}/summary": AuditedRoute("console.case_summary", "case", "case_id"),
    "GET /console/team": AuditedRoute("console.team"),
    "GET /console/health": AuditedRoute("console.health"),
    "GET /console/model": AuditedRoute("console.model"),
    "GET /console/rescreening": AuditedRoute("console.rescreening"),
    "GET /console/appeals": AuditedRoute("console.appeals"),
    "GET /console/in-review": AuditedRoute("console.in_review"),
    "GET /console/audit": AuditedRoute("audit.search"),
    "GET /console/audit/{audit_id}": AuditedRoute("audit.read", "audit_entry", "audit_id"),
    "GET /console/reviews": AuditedRoute("console.reviews"),
    "POST /console/sign-in": AuditedRoute("sign_in"),
    "GET /console/oidc/callback": AuditedRoute("sign_in", by=_SERVICE),
    "POST /console/sign-out": AuditedRoute("sign_out"),
    "POST /console/password": AuditedRoute("user.change_password", by=_SERVICE),
    "POST /console/second-factor": AuditedRoute("user.begin_second_factor", by=_SERVICE),
    "POST /console/second-factor/confirm": AuditedRoute("user.confirm_second_factor", by=_SERVICE),
    "POST /console/sessions": AuditedRoute("user.session_end", by=_SERVICE),
}
"""By method and path. `HEAD` is recorded as `GET`."""

CHANGE_READ: Final = "audit.change_read"
"""Of a row beside `audit.read` and `audit show --changes`, about the member whose change was shown."""

_POLICY = "policies are rules of the insurer; their versions and activations are append-only tables"
_ENDPOINT = "receivers and what was sent to them: ids of claims and what happened; changes are recorded by the service"
_VERSION = "the version of a key; changes are recorded by the service"
_MAIL = "who of the insurer is notified of what, and what was sent: ids and links; changes are recorded by the service"
_KEYS = "keys of programs; changes are recorded by the service"
_PROCEDURE = "the catalogue of procedures; changes are recorded by the service"
_PUBLIC = "nothing about persons"
_OPERATION = "ids and kinds of failed work; what is done with them is recorded by the service"

NOT_PERSONAL: Final[Mapping[str, str]] = {
    "GET /v1/decision-reasons": _PUBLIC,
    "GET /v1/auth/keys": "public keys",
    "GET /v1/fhir/metadata": _PUBLIC,
    "GET /v1/auth/sessions": "the caller's own sign-ins",
    "GET /v1/me": "the caller's own role and scopes",
    "GET /v1/suspended-edits": "names of edits",
    "GET /v1/webhook-endpoints": _ENDPOINT,
    "POST /v1/webhook-endpoints": _ENDPOINT,
    "GET /v1/webhook-endpoints/{endpoint_id}": _ENDPOINT,
    "PATCH /v1/webhook-endpoints/{endpoint_id}": _ENDPOINT,
    "DELETE /v1/webhook-endpoints/{endpoint_id}": _ENDPOINT,
    "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret": _ENDPOINT,
    "POST /v1/webhook-endpoints/{endpoint_id}/test": _ENDPOINT,
    "POST /v1/webhook-endpoints/{endpoint_id}/replay": _ENDPOINT,
    "GET /v1/webhook-endpoints/{endpoint_id}/deliveries": _ENDPOINT,
    "GET /v1/webhook-deliveries/{delivery_id}": _ENDPOINT,
    "GET /v1/procedures": _PROCEDURE,
    "POST /v1/procedures": _PROCEDURE,
    "GET /v1/procedures/{procedure_code}": _PROCEDURE,
    "PUT /v1/procedures/{procedure_code}": _PROCEDURE,
    "POST /v1/procedures/{procedure_code}/end": _PROCEDURE,
    "POST /v1/procedures/{procedure_code}/periods": _PROCEDURE,
    "GET /v1/policies": _POLICY,
    "GET /v1/policies/{version}": _POLICY,
    "GET /v1/notification-subscriptions": _MAIL,
    "POST /v1/notification-subscriptions": _MAIL,
    "GET /v1/notification-subscriptions/{subscription_id}": _MAIL,
    "DELETE /v1/notification-subscriptions/{subscription_id}": _MAIL,
    "GET /v1/notification-mails": _MAIL,
    "POST /v1/notification-mails/{mail_id}/retry": _MAIL,
    "GET /v1/keys": _KEYS,
    "GET /v1/keys/{api_key_id}": _KEYS,
    "GET /v1/signing-keys": _KEYS,
    "POST /v1/signing-keys": _KEYS,
    "GET /v1/signing-keys/{signing_key_id}": _KEYS,
    "POST /v1/signing-keys/{signing_key_id}/revoke": _KEYS,
    "GET /v1/version": _VERSION,
    "POST /v1/version": _VERSION,
    "POST /v1/version:rollback": _VERSION,
    "GET /": _PUBLIC,
    "GET /livez": _PUBLIC,
    "GET /readyz": _PUBLIC,
    "GET /metrics": "counts and durations, by route and kind",
    "GET /docs": _PUBLIC,
    "GET /docs/problems": _PUBLIC,
    "GET /openapi.json": _PUBLIC,
    "GET /console/sign-in": _PUBLIC,
    "POST /console/oidc": "begins a sign-in; the person is not known yet",
    "GET /console/password": _PUBLIC,
    "GET /console/second-factor": _PUBLIC,
    "GET /console/members": "an empty form",
    "GET /console/sessions": "the user's own sign-ins",
    "POST /console/queue/views": "names and filters that the user chose",
    "GET /console/dead-letters": _OPERATION,
    "POST /console/dead-letters/{position:int}": _OPERATION,
    "GET /console/tasks": _OPERATION,
    "POST /console/tasks/{task_id}": _OPERATION,
}
"""Routes without personal data, and why."""


class UndeclaredRouteError(Exception):
    """A route of the application is in no table of this module."""

    def __init__(self, routes: Iterable[str]) -> None:
        super().__init__(
            f"routes not declared for the audit log: {', '.join(routes)}; say in ROUTES of api/audit/acts.py what each "
            "does with personal data, or in NOT_PERSONAL why it has none"
        )


def check_declared(routes: Iterable[tuple[str, str]]) -> None:
    """Check that each route, as method and path, is declared once. Raises `UndeclaredRouteError`."""
    known = {f"{method} {path}" for method, path in routes if method not in ("HEAD", "OPTIONS")}
    missing = sorted(one for one in known if (one in ROUTES) == (one in NOT_PERSONAL))
    if missing:
        raise UndeclaredRouteError(missing)
