"""Which commands leave a row in the audit log, and who writes it: the one table of them.

Each command of `cli.tree` is in exactly one of the three tables; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AuditedCommand:
    """What a command does, and which of its parameters its row has."""

    act: str
    kind: str | None = None
    """Of the subject, such as `model`; `None`: it is about no single one."""
    parameter: str | None = None
    """That has the subject's id. A command that chooses it itself states it with `cli.recording.note`."""
    details: tuple[str, ...] = ()
    """Parameters that are recorded where they are given; none of them has personal data."""


_BY_REASON: Final = ("reason",)

RECORDED: Final[Mapping[str, AuditedCommand]] = {
    "crypto encrypt": AuditedCommand("field_key.encrypt"),
    "crypto rotate": AuditedCommand("field_key.rotate"),
    "users list": AuditedCommand("user.list"),
    "users emergency-report": AuditedCommand("user.emergency_report"),
    "data model-report": AuditedCommand("member.model_report", "member", "member_id"),
    "dead-letters replay": AuditedCommand("dead_letter.replay", "event", "position", ("every",)),
    "dead-letters discard": AuditedCommand("dead_letter.discard", "event", "position", _BY_REASON),
    "audit list": AuditedCommand(
        "audit.search", details=("actor", "act", "subject", "outcome", "since", "until", "limit")
    ),
    "audit show": AuditedCommand("audit.read", "audit_entry", "audit_id", details=("changes", "archive")),
    "audit export": AuditedCommand(
        "audit.export", details=("actor", "act", "subject", "outcome", "since", "until", "form", "output")
    ),
    "data ingest members": AuditedCommand("member.load", details=("path",)),
    "data ingest plans": AuditedCommand("plan.load", details=("file", "dry_run")),
    "data ingest authorizations": AuditedCommand("authorization.load", details=("file", "dry_run")),
    "data ingest requirements": AuditedCommand("requirement.load", details=("file", "dry_run")),
    "data consents list": AuditedCommand("consent.list", "member", "member_id"),
    "data hold list": AuditedCommand("legal_hold.list", "member", "member_id"),
    "data load": AuditedCommand("claim.load", details=("folder", "source")),
    "reference import": AuditedCommand("code_table.import", "code_table", "kind", ("file", "release", "dry_run")),
    "reference rollback": AuditedCommand("code_table.rollback", "code_table", "kind"),
    "features apply": AuditedCommand("feature.apply"),
    "features build": AuditedCommand("feature.export", details=("claims", "labels")),
    "features rebuild": AuditedCommand("feature.rebuild"),
    "features roll-over": AuditedCommand("feature.roll_over"),
    "model train": AuditedCommand(
        "model.train",
        "model",
        details=("dataset", "data", "as_of", "family", "use", "trust", "reason", "accept_rejects"),
    ),
    "model evaluate": AuditedCommand("model.evaluate", "model", "version", ("dataset", "data")),
    "model explain": AuditedCommand("model.explain", "claim", "claim_id", ("dataset", "version")),
    "model score": AuditedCommand("model.score", details=("file", "out")),
    "model threshold": AuditedCommand(
        "model.threshold", "model", "version", ("dataset", "threshold", "choose", "reason")
    ),
    "model promote": AuditedCommand(
        "model.promote", "model", "version", ("force", "change_use", "list_gates", "reason")
    ),
    "model rollback": AuditedCommand("model.rollback", "model", details=("from_version", "reason")),
    "model retrain": AuditedCommand("model.retrain", "model", details=("family",)),
    "model sign": AuditedCommand("model.sign", "model", "version", ("every", "reason")),
    "model trial start": AuditedCommand("model.trial_start", "model", "version", ("canary",)),
    "model trial stop": AuditedCommand("model.trial_stop", "model"),
    "model trial report": AuditedCommand("model.trial_report", "model", "version", ("days",)),
    "review list": AuditedCommand("review.list", details=("week",)),
    "review select": AuditedCommand("review.select", details=("week", "capacity", "audit_share")),
    "review backfill": AuditedCommand("review.backfill", details=("weeks",)),
    "review evaluate": AuditedCommand("review.evaluate"),
    "review rescreening": AuditedCommand(
        "rescreening_finding.list", details=("cause", "provider_id", "claim_id", "with_closed", "retry_failed")
    ),
    "review resume-edit": AuditedCommand("edit.resume", "edit", "edit", _BY_REASON),
    "sample export": AuditedCommand("sample.export", "case", "case_id", ("sample_id", "output")),
    "report remittance": AuditedCommand("remittance.read", "provider", "provider_id", ("first_day", "last_day", "edi")),
    "report daily-decisions": AuditedCommand("report.daily_decisions", details=("day", "form", "output")),
    "report provider-scorecard": AuditedCommand(
        "report.provider_scorecard", "provider", "provider_id", ("first_day", "last_day", "form", "output")
    ),
    "report save": AuditedCommand("report.read", "report", "report_id", ("form", "output")),
    "evidence write": AuditedCommand("case.export_evidence", "case", "case_id", ("out",)),
    "dossier write": AuditedCommand("dossier.export", details=("as_of", "first_day", "output")),
    "policy test": AuditedCommand("policy.test", "policy", "policy", ("base", "dataset", "claims")),
    "policy replay": AuditedCommand("policy.replay", "policy", "policy", ("claims",)),
    "policy backtest": AuditedCommand("policy.backtest", details=("dataset", "version", "days", "claims")),
    "policy verify": AuditedCommand("policy.verify", details=("claims",)),
    "monitor prompt-pay": AuditedCommand("claim.list_due", details=("days",)),
}
"""Recorded by the command line: a file before the command begins, a row of the log when it ended."""

_EVENT = "the worker records each claim from the event of its receipt, in the name of `--by`"

BY_SERVICE: Final[Mapping[str, str]] = {
    "keys create": "key.create",
    "keys rotate": "key.rotate",
    "keys revoke": "key.revoke",
    "keys pin": "api_version.set",
    "keys signing-key create": "signing_key.create",
    "keys signing-key add": "signing_key.create",
    "keys signing-key revoke": "signing_key.revoke",
    "users create": "user.create",
    "users disable": "user.change",
    "users enable": "user.change",
    "users reset-password": "user.reset_password",
    "users reset-totp": "user.reset_second_factor",
    "users emergency-access": "user.emergency_access",
    "users end-emergency-access": "user.end_emergency_access",
    "users link": "user.link",
    "users unlink": "user.unlink",
    "tokens rotate-keys": "token_key.rotate",
    "tasks replay": "task.replay",
    "tasks discard": "task.discard",
    "webhook replay": "webhook_endpoint.replay",
    "notifications add": "notification_subscription.add",
    "notifications remove": "notification_subscription.remove",
    "notifications retry": "mail.retry",
    "data ingest fhir": _EVENT,
    "data ingest x12": _EVENT,
    "data erase-member": "member.erase",
    "data reapply-erasures": "member.erase",
    "data find-member": "member.search",
    "data export-member": "member.export",
    "audit archive": "audit.archive",
    "data archive run": "archive.add",
    "data archive restore": "archive.restore",
    "data consents import": "consent.record",
    "data consents record": "consent.record",
    "data consents withdraw": "consent.withdraw",
    "data hold add": "legal_hold.add",
    "data hold release": "legal_hold.release",
    "review record": "disposition.record",
    "policy draft": "policy.draft",
    "policy activate": "policy.activate",
    "policy rollback": "policy.rollback",
}
"""Recorded in the transaction of the change, with the act that is named."""

_PROCESSES = "starts and stops processes; what these do is recorded by them"
_STEPS = "each step that changes something is recorded as the command that does it (`cli.demo.platform.recorded`)"
_FILES = "makes or checks files of claims outside the database, whose access the system controls"
_NO_PERSON = "shows ids, states and counts; nothing about persons"
_SIMULATED = "simulated claims"
_BENCHMARK = "a platform of its own with simulated claims"

NOT_RECORDED: Final[Mapping[str, str]] = {
    "up": _STEPS,
    "demo": _STEPS,
    "doctor": _NO_PERSON,
    "status": _NO_PERSON,
    "run api": _PROCESSES,
    "run scorer": _PROCESSES,
    "run worker": _PROCESSES,
    "run tasks": _PROCESSES,
    "run migrate": "changes tables; the migrations are part of the release",
    "servers start": _PROCESSES,
    "servers show": _NO_PERSON,
    "servers stop": _PROCESSES,
    "keys list": "keys of programs",
    "keys signing-key list": "public keys",
    "keys sign-request": "signs a request, which is recorded where it is received",
    "crypto status": _NO_PERSON,
    "audit verify": _NO_PERSON,
    "dead-letters list": _NO_PERSON,
    "dead-letters show": _NO_PERSON,
    "tasks list": _NO_PERSON,
    "tasks show": _NO_PERSON,
    "webhook endpoints": _NO_PERSON,
    "webhook deliveries": _NO_PERSON,
    "notifications list": "who of the insurer is notified of what",
    "notifications test": "sends a message without data",
    "notifications mails": "what was sent to people of the insurer: ids and links",
    "data simulate": _SIMULATED,
    "data ingest csv": _FILES,
    "data ingest provider-fraud": _FILES,
    "data ingest history": _FILES,
    "data check": _FILES,
    "data archive verify": _FILES,
    "data check-residency": _NO_PERSON,
    "data retention": _NO_PERSON,
    "reference list": "published tables",
    "features verify": _NO_PERSON,
    "features docs": "declarations",
    "model public-key": "a public key",
    "model list": "models and their figures",
    "model show": "a model and its figures",
    "review simulate": _SIMULATED,
    "review simulate-clock": _SIMULATED,
    "review edits": "edits and counts of their appeals",
    "sample frame": _FILES,
    "sample size": _FILES,
    "sample draw": _FILES,
    "sample worksheet": _FILES,
    "sample estimate": _FILES,
    "dossier verify": "compares files with their manifest",
    "evidence verify": "compares a file with itself, its signature and a model",
    "evidence narrate": "reads a file",
    "report ai-use": "counts",
    "report list": "which reports there are",
    "policy list": "versions of the policy",
    "policy show": "a version of the policy",
    "policy diff": "versions of the policy",
    "monitor drift": "distributions and counts",
    "bench score": _BENCHMARK,
    "bench features": _BENCHMARK,
    "bench training-set": _BENCHMARK,
    "bench behaviour": _BENCHMARK,
    "bench chaos": _BENCHMARK,
    "bench crash": _BENCHMARK,
    "bench overload": _BENCHMARK,
    "bench soak": _BENCHMARK,
    "bench api": _BENCHMARK,
    "bench rescreen": _BENCHMARK,
    "bench retries": _BENCHMARK,
    "bench tasks": _BENCHMARK,
    "bench console": _BENCHMARK,
    "bench recovery": _BENCHMARK,
    "bench audit-share": _BENCHMARK,
}
"""Commands without a row, and why."""
