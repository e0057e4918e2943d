"""An example of every body that the API takes, with every field of its schema."""

import json
from typing import Any

from tests.api.makers import LINES, MINIMAL
from tests.api.signing import SIGNER
from tests.formats.fhir_claims import fhir_claim
from tests.formats.x12_files import claim as x12_claim
from tests.formats.x12_files import file_of as x12_file

_FULL = MINIMAL | {"units": 1, "place_of_service": "11", "replaces": "clm_1", "service_from": "2026-03-01"}
_FULL |= {"service_to": "2026-03-01", "diagnosis_codes": ["D001", "D002"], "attributes": {"policy_start": "2024-05-31"}}
_FULL |= {"other_payer_paid": "10.00", "authorization_number": "AUTH-1"}
_LINED = LINES | {
    "lines": [line | {"modifiers": ["25", "59"], "other_payer_paid": 1.5} for line in LINES["lines"][::-1]]
}
_DAYS = {"first_day": "2026-01-01", "last_day": "2026-12-31"}
_MEMBER = _DAYS | {"name": "Jane Roe", "birth_date": "1980-03-02", "sex": "F", "region": "Coast", "plan_id": "PL1"}
_PROVIDER = _DAYS | {"npi": "1234567893", "name": "Clinic", "specialty": "cardiology", "region": "Coast"}
_PROVIDER |= {"excluded_from": "2026-06-01"}
_PROCEDURE = _DAYS | {"name": "Cast", "specialties": ["cardiology"], "typical_price": "40.00", "sex": "F"}
_PROCEDURE |= {"min_age_years": 1, "max_age_years": 99, "max_units": 2}
_AUTHORIZATION = _DAYS | {"provider_id": "H456", "procedures": ["P001", "P002..P009"], "units": 2, "counts": "visits"}
_AUTHORIZATION |= {"state": "approved"}
_USER = {"display_name": "Ann Otieno", "role": "member", "provider_id": "H456", "member_id": "M123"}
_ATTEMPT = {"login": "ann@insurer.example", "password": "the tide comes in", "code": "123456", "recovery_code": "ABCD"}
_OLD = {"claim_id": "old-1", "received_at": "2026-03-02T10:15:00Z"}
BODIES: dict[str, list[dict[str, Any]]] = {
    # by schema; together the examples have every field of it
    "ClaimIn": [_FULL, _LINED],
    "ScoreBatchIn": [{"claims": [_FULL | _OLD]}, {"claims": [_LINED | _OLD]}],
    "DispositionIn": [{"disposition": "confirmed", "kind": "upcoding", "amount_recovered": "1.50", "note": "n"}],
    "VoidIn": [{"reason": "billed in error"}],
    "DecisionIn": [
        {
            "action": "pend",
            "reason": "medical_records_needed",
            "expected_version": 1,
            "amount": "1.50",
            "documents": ["operative report"],
            "due_on": "2026-03-20",
            "disposition": "confirmed",
            "kind": "upcoding",
            "note": "n",
        }
    ],
    "AppealIn": [
        {
            "appellant": "provider",
            "reason": "The records show two services.",
            "documents": [{"name": "report", "media_type": "application/pdf", "sha256": "ab" * 32}],
        }
    ],
    "EvidencePackIn": [
        {
            "organization": "Example Health Plan",
            "unit": "SIU",
            "person": "A. Miller",
            "contact": "siu@insurer.example",
            "category": "fraud",
            "statement": "Services billed twice.",
            "provisions": ["18 U.S.C. 1347"],
            **dict.fromkeys(("who", "what", "when", "where", "how", "why"), "n"),
        }
    ],
    "SamplePlanIn": [
        {
            "first_day": "2026-01-01",
            "last_day": "2026-06-30",
            "provider_id": "H456",
            "size": 30,
            "seed": "2026-11-28/417",
            "boundaries": ["250.00"],
            "allocation": "neyman",
            "error_rate": 0.4,
        },
        {"first_day": "2026-01-01", "last_day": "2026-06-30", "precision": 0.2},
    ],
    "SampleReviewsIn": [{"items": [{"claim_id": "c-1", "correct_amount": "0.00", "reason": "not_documented"}]}],
    "SampleEstimateIn": [{"estimator": "difference"}],
    "OverpaymentDemandIn": [{"due_on": "2999-01-31", "appeal_until": "2999-02-28"}],
    "LedgerEntryIn": [{"kind": "received", "amount": "1.50", "claims": {"c-1": "1.50"}}],
    "CaseIn": [
        {
            "subject_kind": "provider",
            "subject_id": "H456",
            "claim_ids": ["clm_1"],
            "detection": "referral",
            "detected_at": "2026-03-02T10:15:00Z",
        },
        {"subject_kind": "ring", "provider_ids": ["H456", "H457"]},
    ],
    "CaseClaimsIn": [{"claim_ids": ["clm_1"]}],
    "CaseAssignmentIn": [{"assignee_id": "me"}],
    "CaseNoteIn": [{"kind": "contact", "text": "Called.", "on": "2026-03-02"}],
    "CaseTaskIn": [{"kind": "records_request", "title": "Records", "due_on": "2026-04-02", "letter": "Please send."}],
    "CaseTaskDoneIn": [{}],
    "CaseClosingIn": [
        {
            "disposition": "substantiated_fraud",
            "loss": "1.50",
            "loss_method": "claim_review",
            "note": "n",
            "findings": [
                {"claim_id": "clm_1", "disposition": "confirmed", "kind": "upcoding", "amount_recovered": "1.50"}
            ],
        }
    ],
    "CaseClosingAnswerIn": [{"expected_version": 1, "note": "n"}],
    "CaseReopeningIn": [{"note": "n"}],
    "LeadActIn": [{}],
    "SnoozeIn": [{"until": "2026-12-14", "reason": "awaiting_records"}],
    "EndpointIn": [
        {
            "url": "https://127.0.0.1:9/hook",
            "events": ["claim.decided"],
            "api_version": "2026-11-27",
            "description": "n",
        }
    ],
    "EndpointChangeIn": [
        {
            "url": "https://127.0.0.1:9/hook",
            "events": ["claim.decided"],
            "api_version": "2026-11-27",
            "description": "n",
            "status": "disabled",
        }
    ],
    "SecretRotationIn": [{"overlap_hours": 24}],
    "TrialEventIn": [{"event": "claim.decided"}],
    "ReplayIn": [{"delivery_id": "dlv_1", "failed_since": "2026-03-02T10:15:00Z"}],
    "MailRetryIn": [{}],
    "SubscriptionIn": [{"event": "claim.in_review", "recipient": "ann@insurer.example", "minimum": "1.50"}],
    "MemberIn": [_MEMBER | {"member_id": "M900"}],
    "MemberUpdate": [_MEMBER],
    "MemberSearchIn": [{name: _MEMBER[name] for name in ("name", "birth_date", "sex", "region", "plan_id")}],
    "ProviderIn": [_PROVIDER | {"provider_id": "H900"}],
    "ProviderUpdate": [_PROVIDER],
    "ProcedureIn": [_PROCEDURE | {"procedure_code": "P900"}],
    "ProcedureUpdate": [_PROCEDURE],
    "CoverIn": [_DAYS | {"plan_id": "PL1"}],
    "PeriodIn": [_DAYS],
    "AuthorizationIn": [_AUTHORIZATION | {"authorization_number": "AUTH-1", "member_id": "M123"}],
    "AuthorizationUpdate": [_AUTHORIZATION],
    "EndIn": [{"last_day": "2026-12-31", "reason": "left the plan"}],
    "PolicyDraftIn": [{"document": {"title": "Long stays", "valid_from": "2026-01-01", "rules": []}}],
    "PolicyActivationIn": [{"reason": "agreed", "force": True}],
    "PolicyRollbackIn": [{"reason": "too many reviews"}],
    "KeyIn": [
        {
            "name": "clinic",
            "role": "provider",
            "provider_id": "H456",
            "member_id": "M123",
            "scopes": ["claims:submit"],
            "expires_in_days": 90,
        }
    ],
    "LegalHoldIn": [
        {
            "member_id": "M123",
            "case_number": "2026-CV-0417",
            "reason": "preservation order",
            "contact": "legal@insurer.example",
            "last_day": "2999-12-31",
        }
    ],
    "ConsentIn": [
        {
            "purpose": "HRESCH",
            "kind": "granted",
            "scope": "claims",
            "first_day": "2026-01-01",
            "last_day": "2028-12-31",
            "document_sha256": "ab" * 32,
            "document_place": "records/2026/0417",
        }
    ],
    "ConsentWithdrawalIn": [{}],
    "CaseFileWithdrawIn": [{"reason": "of another provider"}],
    "LegalHoldReleaseIn": [{"reason": "the case was closed"}],
    "KeyRotationIn": [{"overlap_hours": 24, "expires_in_days": 90}],
    "KeyRevocationIn": [{}],
    "SigningKeyIn": [
        {"actor_id": "key_1", "name": "approval service", "public_key": SIGNER.public_pem, "expires_in_days": 90}
    ],
    "SigningKeyRevocationIn": [{}],
    "VersionUpgradeIn": [{"version": "2026-11-27"}],
    "VersionRollbackIn": [{}],
    "UserIn": [_USER | {"login": "ann@insurer.example"}],
    "UserUpdate": [_USER | {"state": "active"}],
    "SecondFactorResetIn": [{"reason": "lost phone"}],
    "PasswordResetIn": [{"reason": "forgotten"}],
    "SignInIn": [_ATTEMPT],
    "SecondFactorIn": [_ATTEMPT],
    "SecondFactorConfirmIn": [{name: _ATTEMPT[name] for name in ("login", "password", "code")}],
    "PasswordChangeIn": [_ATTEMPT | {"new_password": "the tide goes out"}],
    "RefreshIn": [{"refresh_token": "gjr_unknown"}],
    "SignOutIn": [{"refresh_token": "gjr_unknown"}],
    "BulkUploadIn": [{"format": "csv", "size": 1000, "sha256": "ab" * 32}],
    "BulkCancelIn": [{"reason": "the wrong month"}],
    "RescreeningCloseIn": [{"reason": "recovery_started", "note": "n"}],
    "AppealDecisionIn": [{"outcome": "partly_overturned", "amount": "1.50", "note": "n"}],
}
_FILE_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="obtained_from"\r\n\r\nExample Clinic\r\n'
    b'--b\r\nContent-Disposition: form-data; name="obtained_on"\r\n\r\n2026-03-02\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n--b--\r\n'
)
RAW: dict[str, tuple[str, bytes]] = {
    # by path: bodies that are no JSON of our own
    "/v1/cases/{case_id}/files": (
        "multipart/form-data; boundary=b",
        _FILE_FORM,
    ),
    "/v1/x12/837": ("application/edi-x12", x12_file(x12_claim())),
    "/v1/bulk/claims/{job_id}": ("application/octet-stream", b"x"),
    "/v1/fhir/Claim": ("application/fhir+json", json.dumps(fhir_claim()).encode()),
}
_FORM = {"login": "ann@insurer.example", "password": "the tide comes in", "code": "123456"}
FORMS: dict[str, dict[str, str]] = {
    # by path; together they have every name of the templates' forms
    "/console/claims/{claim_id}/finding": {
        "form_token": "TOKEN",
        "disposition": "confirmed",
        "kind": "upcoding",
        "amount_recovered": "1.50",
        "note": "n",
    },
    "/console/cases": {
        "form_token": "TOKEN",
        "kind": "provider",
        "subject": "H456",
        "detection": "manual",
        "claim_ids": "clm_none",
        # fields of the forms of a case, which send fewer at a time
        "to": "me",
        "title": "t",
        "on": "2026-03-02",
        "task_id": "ctk_none",
        "version": "1",
    },
    "/console/cases/{case_id}": {
        "form_token": "TOKEN",
        "author": "00",
        "act": "close",
        "disposition": "billing_error",
        "loss": "1.50",
        "loss_method": "claim_review",
        "finding": "billing_error",
        "kind": "upcoding",
        "claim_ids": "clm_none",
        "text": "n",
        "code": "123456",
    },
    "/console/claims/{claim_id}/appeal": {
        "form_token": "TOKEN",
        "appeal_id": "app_none",
        "outcome": "partly_overturned",
        "amount": "1.50",
        "note": "n",
    },
    "/console/claims/{claim_id}/rescreening": {
        "form_token": "TOKEN",
        "finding_id": "rsf_none",
        "reason": "no_action",
        "note": "n",
    },
    "/console/own/claims/{claim_id}/appeal": {
        "form_token": "TOKEN",
        "author": "00",
        "reason": "n",
        **{f"name_{row}": "n" for row in range(1, 6)},
        **{f"kind_{row}": "application/pdf" for row in range(1, 6)},
        **{f"sha256_{row}": "ab" * 32 for row in range(1, 6)},
    },
    "/console/providers/{provider_id}/case": {"form_token": "TOKEN"},
    "/console/providers/{provider_id}/ring": {"form_token": "TOKEN"},
    "/console/members/{member_id}/case": {"form_token": "TOKEN"},
    "/console/members/{member_id}/identity": {"form_token": "TOKEN", "reveal_for": "FRAUD"},
    "/console/members": {
        "form_token": "TOKEN",
        "name": "Jane Roe",
        "birth_date": "1980-03-02",
        "sex": "F",
        "region": "Coast",
        "plan_id": "PL1",
    },
    "/console/members/{member_id}/consents": {
        "form_token": "TOKEN",
        "purpose": "HRESCH",
        "scope": "all",
        "first_day": "2026-01-01",
        "last_day": "2026-12-31",
        "document_sha256": "0" * 64,
        "document_place": "records/1",
    },
    "/console/members/{member_id}/consents/{consent_id}/withdraw": {"form_token": "TOKEN"},
    "/console/dead-letters/{position:int}": {"form_token": "TOKEN", "action": "discard", "reason": "a test claim"},
    "/console/claims/{claim_id}/decision": {
        "form_token": "TOKEN",
        "action": "pend",
        "reason": "medical_records_needed",
        "expected_version": "1",
        "amount": "1.50",
        "documents": "operative report",
        "due_on": "2026-03-20",
        "disposition": "confirmed",
        "kind": "upcoding",
        "note": "n",
    },
    "/console/cases/{case_id}/evidence": {
        "form_token": "TOKEN",
        "organization": "Example Health Plan",
        "unit": "SIU",
        "person": "A. Miller",
        "contact": "siu@insurer.example",
        "category": "fraud",
        **dict.fromkeys(("statement", "provisions", "how", "why"), "n"),
    },
    "/console/cases/{case_id}/files": {
        "form_token": "TOKEN",
        "obtained_from": "Example Clinic",
        "obtained_on": "2026-03-02",
        "task_id": "ctk_none",
        "file": "x",
    },
    "/console/cases/{case_id}/files/{file_id}/withdraw": {"form_token": "TOKEN", "reason": "n"},
    "/console/sign-in": {"next": "/console", "api_key": "gnj_x"},
    "/console/oidc": {"next": "/console", "fresh": "yes"},
    "/console/password": _FORM | {"new_password": "the tide goes out"},
    "/console/second-factor": _FORM,
    "/console/second-factor/confirm": _FORM,
    "/console/sessions": {"form_token": "TOKEN", "session_id": "ses_none"},
    "/console/tasks/{task_id}": {
        "form_token": "TOKEN",
        "action": "discard",
        "reason": "sent again",
        "confirmed": "yes",
    },
    "/console/queue/next": {"form_token": "TOKEN"},
    "/console/queue/leads": {
        "form_token": "TOKEN",
        "act": "snooze",
        "lead_id": "led_none",
        "reason": "no_capacity",
        "until": "2999-01-01",
        "back": "/console/queue",
    },
    "/console/queue/leads/{lead_id}/case": {"form_token": "TOKEN"},
    "/console/queue/views": {"form_token": "TOKEN", "name": "Large", "remove": "viw_none"},
    "/console/sign-out": {"form_token": "TOKEN"},
    "/console/cases/{case_id}/samples": {
        "form_token": "TOKEN",
        "provider_id": "H456",
        "first_day": "2026-01-01",
        "last_day": "2026-03-31",
        "boundaries": "250.00 1000.00",
        "size": "30",
        "error_rate": "50",
        "allocation": "neyman",
        "seed": "2026-11-28/417",
    },
    "/console/cases/{case_id}/samples/{sample_id}/reviews": {
        "form_token": "TOKEN",
        "first": "1",
        "correct_1": "1.50",
        "reason_1": "upcoded",
    },
    "/console/cases/{case_id}/samples/{sample_id}/estimate": {"form_token": "TOKEN", "estimator": "difference"},
    "/console/cases/{case_id}/samples/{sample_id}/demand": {
        "form_token": "TOKEN",
        "due_on": "2026-12-28",
        "appeal_until": "2027-01-28",
    },
    "/console/cases/{case_id}/samples/{sample_id}/entries": {
        "form_token": "TOKEN",
        "lines": "1",
        "kind": "received",
        "amount": "1.50",
    },
}
