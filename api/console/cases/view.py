"""Contents of the pages of cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from api.case_files import CaseFile
from api.cases import CaseEvent, CaseRecord, CaseTask
from api.console.case_files import CaseFileLine
from api.console.cases.history_wording import act_title, details_text
from api.console.claim import DISPOSITIONS as CLAIM_DISPOSITIONS
from claims.money import format_cents
from core.format import utc_minute

DISPOSITIONS: Final[Mapping[str, str]] = {
    "substantiated_fraud": "Substantiated fraud",
    "waste": "Waste",
    "abuse": "Abuse",
    "billing_error": "Billing error",
    "unsubstantiated": "Unsubstantiated",
    "inconclusive": "Inconclusive",
}
LOSS_METHODS: Final[Mapping[str, str]] = {
    "none": "No loss",
    "claim_review": "Review of the claims",
    "sample": "Random audit sample",
    "estimate": "Estimate",
}
FINDINGS: Final[Mapping[str, str]] = {"": "No disposition of claims", **dict(CLAIM_DISPOSITIONS)}
DETECTIONS: Final[Mapping[str, str]] = {
    "score": "Score",
    "edit": "Claim edit",
    "policy": "Policy",
    "audit_sample": "Random audit sample",
    "appeal": "Appeal",
    "referral": "Referral",
    "manual": "Investigator",
}
NOTES: Final[Mapping[str, str]] = {
    "note": "Note",
    "contact": "Contact",
    "education": "Education",
    "referral": "Referral to an agency",
}


@dataclass(frozen=True, slots=True)
class ListedCaseLine:
    """A line of the list of cases."""

    case_id: str
    subject: str
    status: str
    detection: str
    owner: str
    opened_at: str
    disposition: str
    loss: str


@dataclass(frozen=True, slots=True)
class CaseClaimLine:
    """A claim of a case."""

    claim_id: str
    received: str
    amount: str
    paid: str
    status: str
    finding: str


@dataclass(frozen=True, slots=True)
class CaseEventLine:
    """An entry of the history."""

    number: int | None
    """None: a file was read, which does not change the case."""
    at: str
    by: str
    what: str
    details: str
    text: str | None


@dataclass(frozen=True, slots=True)
class CaseTaskLine:
    """A task, or a request of records."""

    task_id: str
    kind: str
    title: str
    letter: str | None
    due_on: str
    late: bool
    files: list[str]
    """Names of what came in."""
    done_at: str | None


@dataclass(frozen=True, slots=True)
class CasePage:
    """Everything the page of a case prints."""

    case: CaseRecord
    line: ListedCaseLine
    subject_path: str | None
    subject_key: str
    """That opens the page of the subject."""
    closed_at: str | None
    claims: list[CaseClaimLine]
    claims_total: int
    claimed: str
    paid: str
    tasks: list[CaseTaskLine]
    history: list[CaseEventLine]
    files: list[CaseFileLine]
    most_bytes: str
    """Of a file."""
    accepted: str
    """Endings of names of files."""
    author: str
    draft: Mapping[str, str]
    is_own: bool
    may_work: bool
    may_change: bool
    """Whether the case is not another's, or the session leads."""
    may_approve: bool


def case_line(case: CaseRecord) -> ListedCaseLine:
    """A case as a line of the list."""
    status = "closing proposed" if case.is_proposed else case.status
    subject = f"{case.subject_kind} {case.subject_id}"
    if case.provider_ids:
        subject = f"ring of {', '.join(case.provider_ids)}"
    return ListedCaseLine(
        case_id=case.case_id,
        subject=subject,
        status=status,
        detection=DETECTIONS[case.detection],
        owner=case.assigned_name or "unassigned",
        opened_at=utc_minute(case.opened_at),
        disposition="–" if case.disposition is None else DISPOSITIONS[case.disposition],
        loss="–" if case.loss_cents is None else format_cents(case.loss_cents),
    )


def history_lines(events: Sequence[CaseEvent], files: Sequence[CaseFile]) -> list[CaseEventLine]:
    """The history with each reading of a file, the latest first; `events`: the latest of them."""
    lines = [(one.at, _event_line(one)) for one in events]
    oldest = min((one.at for one in events), default=None)
    for file in files:
        for read in file.accesses:
            if oldest is not None and read.at >= oldest:
                by = f"{read.name}, {read.role}"
                lines.append((read.at, CaseEventLine(None, utc_minute(read.at), by, "File read", "", file.name)))
    return [line for _, line in sorted(lines, key=lambda one: one[0], reverse=True)]


def _event_line(event: CaseEvent) -> CaseEventLine:
    return CaseEventLine(
        number=event.event_no,
        at=utc_minute(event.at),
        by=f"{event.name}, {event.role}",
        what=act_title(event.act),
        details=details_text(event.details),
        text=event.text,
    )


def task_line(task: CaseTask, today: date, files: Sequence[CaseFile]) -> CaseTaskLine:
    """A task; `files`: of its case."""
    return CaseTaskLine(
        task_id=task.task_id,
        kind="Records request" if task.kind == "records_request" else "Task",
        title=task.title,
        letter=task.letter,
        due_on=task.due_on.isoformat(),
        late=task.done_at is None and task.due_on < today,
        files=[one.name for one in files if one.task_id == task.task_id and one.withdrawal is None],
        done_at=None if task.done_at is None else utc_minute(task.done_at),
    )
