"""Answers and links: what every section builds with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cli.dossier.document import AnswerStatus, DossierAnswer, DossierTable, EvidenceLink

# Exhibits are those of the AI Systems Evaluation Tool that states have piloted since March 2026.
NAIC_GOVERNANCE: Final = "NAIC bulletin 3, exhibit B: governance"
NAIC_RISK: Final = "NAIC bulletin 3, exhibit B: risk management and internal controls"
NAIC_INVENTORY: Final = "NAIC bulletin 4, exhibit A: inventory of models and systems"
NAIC_DATA: Final = "NAIC bulletin 4, exhibit D: data"
NAIC_TESTING: Final = "NAIC bulletin 4, exhibit C: validation, testing and drift"
NAIC_THIRD: Final = "NAIC bulletin 4: third parties"
NAIC_OUTCOMES: Final = "NAIC bulletin 4, exhibit A: adverse consumer outcomes"
CO_INVENTORY: Final = "Colorado 10-1-1: inventory, versions and material changes"
CO_TESTING: Final = "Colorado 10-1-1: testing and monitoring"
CO_DISCRIMINATION: Final = "Colorado SB 21-169: unfair discrimination"
CO_GOVERNANCE: Final = "Colorado 10-1-1: governance"
CO_COMPLAINTS: Final = "Colorado 10-1-1: complaints and adverse decisions"
EU_GENERAL: Final = "EU AI Act annex IV 1: general description"
EU_DEVELOPMENT: Final = "EU AI Act annex IV 2: elements and development"
EU_CONTROL: Final = "EU AI Act annex IV 3: monitoring, functioning and control"
EU_METRICS: Final = "EU AI Act annex IV 4: appropriateness of metrics"
EU_RISK: Final = "EU AI Act annex IV 5: risk management"
EU_CHANGES: Final = "EU AI Act annex IV 6: changes through the life cycle"
EU_POST_MARKET: Final = "EU AI Act annex IV 9: post-market monitoring"
EU_OVERSIGHT: Final = "EU AI Act article 14: human oversight"

NO_RECORD: Final = "No record."


def answer(
    number: str,
    question: str,
    text: str,
    *,
    asked_by: Sequence[str],
    status: AnswerStatus = "answered",
    tables: Sequence[DossierTable] = (),
    evidence: Sequence[EvidenceLink] = (),
) -> DossierAnswer:
    """An answer; an empty table is left out. Raises `ValueError` for one that is answered without evidence."""
    if status == "answered" and not evidence:
        raise ValueError(f"answer {number} has no evidence")
    return DossierAnswer(
        number=number,
        question=question,
        status=status,
        text=text,
        asked_by=tuple(asked_by),
        tables=tuple(one for one in tables if one.rows),
        evidence=tuple(evidence),
    )


def no_record(why: str) -> str:
    """The text of an answer without a record, with the reason as a sentence."""
    return f"{NO_RECORD} {why[:1].upper()}{why[1:].removesuffix('.')}."


def shows(line: str, about: str) -> EvidenceLink:
    """A command that shows the record in the installation."""
    return EvidenceLink(kind="command", reference=line, about=about)


def described_in(page: str, about: str) -> EvidenceLink:
    """A page of the documentation."""
    return EvidenceLink(kind="document", reference=page, about=about)


def logged(first_id: int, last_id: int, about: str) -> EvidenceLink:
    """Rows of the audit log."""
    reference = str(first_id) if first_id == last_id else f"{first_id} to {last_id}"
    return EvidenceLink(kind="audit", reference=reference, about=about)


def run_of(run_id: str, about: str) -> EvidenceLink:
    """A run in MLflow."""
    return EvidenceLink(kind="mlflow", reference=run_id, about=about)


def utc(at: datetime | None) -> str | None:
    """An instant as ISO 8601, for a record."""
    return None if at is None else at.isoformat()
