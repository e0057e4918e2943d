"""Sections 7 and 8: human review and appeals. Persons are ids of users and keys."""

from dataclasses import astuple, fields
from statistics import median
from typing import TYPE_CHECKING, Final

from cli.dossier.answers import (
    CO_COMPLAINTS,
    CO_GOVERNANCE,
    EU_OVERSIGHT,
    NAIC_OUTCOMES,
    NAIC_RISK,
    NO_RECORD,
    answer,
    shows,
)
from cli.dossier.cells import column, share, table
from cli.dossier.collected import Collected
from cli.dossier.document import CellValue, DossierAnswer, DossierSection, EvidenceLink

if TYPE_CHECKING:
    from api.dossier import FiledAppeal

_ABOUT_IDS: Final = (
    "Reviewers are ids of users or keys; `ginja users list` and `ginja keys list` say to the insurer who they are."
)

_BASES: Final = {"model": "model", "rule": "rule in place of a score", None: "no assessment"}


def review(found: Collected) -> DossierSection:
    """Section 7."""
    return DossierSection(number=7, title="Human review", answers=(_bases(found), _reviewers(found), _changed(found)))


def appeals(found: Collected) -> DossierSection:
    """Section 8."""
    return DossierSection(number=8, title="Appeals", answers=(_outcomes(found), _times(found)))


def _decisions_link(found: Collected) -> EvidenceLink:
    from api.dossier import ActOnClaim

    names = [one.name for one in fields(ActOnClaim)]
    rows = [astuple(one) for one in found.stored.decisions]
    about = "each act of a person in the period, by its id; claims and notes are left out"
    return found.files.add_rows("decisions.csv", names, rows, about)


def _bases(found: Collected) -> DossierAnswer:
    question = "How often did persons decide, and how often against a flag?"
    asked = (EU_OVERSIGHT, NAIC_OUTCOMES)
    if not found.stored.bases:
        text = f"{NO_RECORD} No person settled a claim in the period."
        return answer("7.1", question, text, asked_by=asked, status="no_record")
    rows = [
        (
            _BASES[one.decided_by],
            {True: "flagged", False: "not flagged", None: "none"}[one.flagged],
            one.decisions,
            share(one.released, one.decisions),
            one.median_s,
        )
        for one in found.stored.bases
    ]
    shown = table(
        "Decisions of persons, by what had decided about a flag",
        [
            column("basis", "Basis"),
            column("flagged", "Flag"),
            column("decisions", "Decisions", "count"),
            column("released", "Paid in full", "share"),
            column("median", "Median time from receipt", "duration"),
        ],
        rows,
        note="Paid in full after a flag: the person overturned the flag.",
    )
    text = f"Persons settled claims with {sum(one.decisions for one in found.stored.bases):,} decisions in the period."
    return answer("7.1", question, text, asked_by=asked, tables=[shown], evidence=[_decisions_link(found)])


def _reviewers(found: Collected) -> DossierAnswer:
    question = "Who reviewed, and how long did it take?"
    if not found.stored.reviewers:
        text = f"{NO_RECORD} No person settled a claim in the period."
        return answer("7.2", question, text, asked_by=(EU_OVERSIGHT, CO_GOVERNANCE), status="no_record")
    rows: list[tuple[CellValue, ...]] = [
        (
            one.actor_id, one.role, one.approved, one.partially_approved, one.denied, one.median_s, one.longest_s,
            one.changed,
        )
        for one in found.stored.reviewers
    ]  # fmt: skip
    shown = table(
        "Reviewers",
        [
            column("reviewer", "Reviewer"),
            column("role", "Role"),
            column("approved", "Paid in full", "count"),
            column("partly", "Paid in part", "count"),
            column("denied", "Denied", "count"),
            column("median", "Median time", "duration"),
            column("longest", "Longest time", "duration"),
            column("changed", "Changed later", "count"),
        ],
        rows,
        note="Times are from receipt of the claim to the decision. Changed later: settled with another amount.",
    )
    return answer(
        "7.2", question, _ABOUT_IDS, asked_by=(EU_OVERSIGHT, CO_GOVERNANCE), tables=[shown],
        evidence=[_decisions_link(found)],
    )  # fmt: skip


def _changed(found: Collected) -> DossierAnswer:
    question = "What else did reviewers do, such as proposals, second approvals and requests for documents?"
    if not found.stored.decisions:
        text = f"{NO_RECORD} No person acted on a claim in the period."
        return answer("7.3", question, text, asked_by=(EU_OVERSIGHT, NAIC_RISK), status="no_record")
    acts: dict[tuple[str, str], int] = {}
    for one in found.stored.decisions:
        acts[one.action, one.effect] = acts.get((one.action, one.effect), 0) + 1
    rows = [(action, effect, count) for (action, effect), count in sorted(acts.items())]
    shown = table(
        "Acts of persons on claims",
        [column("action", "Act"), column("effect", "Effect"), column("count", "Number", "count")],
        rows,
        note="Above an amount, a second person approves or refuses what the first one proposes.",
    )
    text = (
        f"{len(found.stored.decisions):,} acts in the period; {found.ai_use.overturns.decisions_changed:,} decisions "
        "of persons were changed later in it."
    )
    return answer(
        "7.3",
        question,
        text,
        asked_by=(EU_OVERSIGHT, NAIC_RISK),
        tables=[shown],
        evidence=[_decisions_link(found), shows("ginja report ai-use --quarter QUARTER", "overturns by quarter")],
    )


def _appeals_link(found: Collected) -> EvidenceLink:
    from api.dossier import FiledAppeal

    names = [one.name for one in fields(FiledAppeal)]
    rows = [astuple(one) for one in found.stored.appeals]
    about = "each appeal filed in the period as it stood at the instant; claims and reasons are left out"
    return found.files.add_rows("appeals.csv", names, rows, about)


def _outcomes(found: Collected) -> DossierAnswer:
    question = "How many appeals were there, and with which outcome?"
    asked = (CO_COMPLAINTS, NAIC_OUTCOMES)
    filed = found.stored.appeals
    if not filed:
        text = f"{NO_RECORD} No appeal was filed in the period."
        return answer("8.1", question, text, asked_by=asked, status="no_record")
    rows: list[tuple[CellValue, ...]] = []
    for basis in sorted({one.basis for one in filed}):
        mine = [one for one in filed if one.basis == basis]
        decided = [one for one in mine if one.outcome is not None]
        overturned = sum(one.outcome != "upheld" for one in decided)
        rows.append((basis, len(mine), len(mine) - len(decided), len(decided), share(overturned, len(decided))))
    shown = table(
        "Appeals filed in the period",
        [
            column("basis", "Against a decision by"),
            column("filed", "Filed", "count"),
            column("open", "Open at the instant", "count"),
            column("decided", "Decided", "count"),
            column("overturned", "Overturned, in full or in part", "share"),
        ],
        rows,
    )
    by_kind = ", ".join(
        f"{sum(one.appellant == kind for one in filed):,} by a {kind}"
        for kind in sorted({one.appellant for one in filed})
    )
    text = f"{len(filed):,} appeals were filed in the period: {by_kind}. An appeal is decided by another person."
    return answer("8.1", question, text, asked_by=asked, tables=[shown], evidence=[_appeals_link(found)])


def _times(found: Collected) -> DossierAnswer:
    question = "Were appeals decided in time?"
    filed = found.stored.appeals
    if not filed:
        text = f"{NO_RECORD} No appeal was filed in the period."
        return answer("8.2", question, text, asked_by=(CO_COMPLAINTS,), status="no_record")
    late = [one for one in filed if _is_late(found, one)]
    waits = [(one.decided_at - one.filed_at).total_seconds() for one in filed if one.decided_at is not None]
    shown = table(
        "Times",
        [
            column("decided", "Decided", "count"),
            column("median", "Median time", "duration"),
            column("longest", "Longest time", "duration"),
            column("late", "After the due day, or overdue at the instant", "count"),
        ],
        [(len(waits), median(waits) if waits else None, max(waits, default=None), len(late))],
    )
    return answer(
        "8.2",
        question,
        f"{len(late):,} of {len(filed):,} were decided after their due day, or overdue at the instant.",
        asked_by=(CO_COMPLAINTS,),
        tables=[shown],
        evidence=[_appeals_link(found)],
    )


def _is_late(found: Collected, one: "FiledAppeal") -> bool:
    ended = found.until if one.decided_at is None else one.decided_at
    return ended.astimezone(found.settings.zone).date() > one.due_on
