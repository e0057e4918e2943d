"""What an evidence pack is made of, read in one snapshot of the database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NotRequired, TypedDict

from sqlalchemy import Double, RowMapping, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from api.assessments import AssessmentRow
from api.cases import CaseClaimRow, CaseEventRow, CaseRow
from api.field_keys import CASE_TEXT, FieldKeys
from api.intake import ClaimLineRow, ClaimRow
from api.providers import ProviderRow
from claims.evidence import ActionTaken, CustodyAct, PeerGroup

MAX_ACTS: Final = 10_000
"""Entries of a case's history that a pack has."""
MAX_PEER_LINES: Final = 20_000
"""The latest lines of other providers that a price is compared with."""
PEER_DAYS: Final = 365
ACTIONS: Final = (
    "case.contact",
    "case.education",
    "case.referral",
    "case.add_records_request",
    "case.finish_records_request",
    "case.propose_closing",
    "case.close",
    "case.reopen",
)
"""Acts of a case that are actions taken."""
_CLAIM: Final = tuple(
    ClaimRow.__table__.c[name]
    for name in (
        *("claim_id", "received_at", "service_from", "service_to", "member_id", "provider_id", "diagnosis_code"),
        *("place_of_service", "region", "specialty", "amount_cents", "approved_cents", "status", "payment"),
    )
)


class StoredFinding(TypedDict):
    """A finding of an assessment, as far as a pack states it."""

    code: str
    line: int | None
    text: str
    cites: str
    superseded: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class StoredScore:
    """A score of a claim with its reasons, as it was stored."""

    values: RowMapping


@dataclass(frozen=True, slots=True)
class ReadCase:
    """What was read of a case."""

    case: RowMapping
    providers: Sequence[RowMapping]
    """Of the subject."""
    claims: Sequence[RowMapping]
    missing: Sequence[str]
    """Claims of the case that are archived, or erased."""
    lines: Mapping[str, Sequence[RowMapping]]
    findings: Mapping[str, Sequence[StoredFinding]]
    """Of the latest assessment of each claim."""
    scores: Mapping[str, StoredScore]
    """The latest score of each claim that has one."""
    actions: Sequence[ActionTaken]
    custody: Sequence[CustodyAct]


async def read_case(connection: AsyncConnection, keys: FieldKeys, case_id: str) -> ReadCase | None:
    """A case with its claims; None: there is no such case. Raises what `FieldKeys` raises."""
    case = (await connection.execute(select(CaseRow.__table__).where(CaseRow.case_id == case_id))).mappings().first()
    if case is None:
        return None
    named = select(CaseClaimRow.claim_id).where(CaseClaimRow.case_id == case_id)
    of_case = list(await connection.scalars(named.order_by(CaseClaimRow.added_at, CaseClaimRow.claim_id)))
    statement = select(*_CLAIM).where(ClaimRow.claim_id.in_(of_case))
    claims = (await connection.execute(statement.order_by(ClaimRow.received_at, ClaimRow.claim_id))).mappings().all()
    found = [one["claim_id"] for one in claims]
    events = await _events(connection, keys, case)
    return ReadCase(
        case=case,
        providers=await _providers(connection, case),
        claims=claims,
        missing=sorted(set(of_case) - set(found)),
        lines=await _lines(connection, found),
        findings=await _findings(connection, found),
        scores=await _scores(connection, found),
        actions=events[0],
        custody=events[1],
    )


async def peers_of_prices(
    connection: AsyncConnection, claims: Sequence[RowMapping], codes: Sequence[str], last_day: date
) -> dict[str, PeerGroup]:
    """What other providers billed per unit of procedures in the year before a day, by procedure.

    Peers have the specialty and the region that most of the claims have, where they have one.
    """
    alike = {name: _usual([one[name] for one in claims]) for name in ("specialty", "region")}
    own = {one["provider_id"] for one in claims}
    described = " in ".join(value for value in alike.values() if value is not None) or "all specialties and regions"
    found = {}
    for code in codes:
        latest = (
            select(ClaimLineRow.claim_id, ClaimLineRow.amount_cents, ClaimLineRow.units)
            .where(ClaimLineRow.procedure_code == code)
            .order_by(ClaimLineRow.claim_id.desc())
            .limit(MAX_PEER_LINES)
            .subquery()
        )
        per_unit = cast(latest.c.amount_cents, Double) / latest.c.units
        quantiles = func.percentile_cont([0.5, 0.95, 0.99]).within_group(per_unit)
        statement = (
            select(func.count(), quantiles)
            .select_from(latest.join(ClaimRow.__table__, ClaimRow.claim_id == latest.c.claim_id))
            .where(
                ClaimRow.provider_id.not_in(own),
                ClaimRow.status != "voided",
                ClaimRow.service_from > last_day - timedelta(days=PEER_DAYS),
                ClaimRow.service_from <= last_day,
                latest.c.units > 0,
                *(ClaimRow.__table__.c[name] == value for name, value in alike.items() if value is not None),
            )
        )
        n, values = (await connection.execute(statement)).one()
        if n:
            name = f"lines of other providers, {described}, within {PEER_DAYS} days before {last_day + timedelta(1)}"
            found[code] = PeerGroup(name, n, *map(float, values))
    return found


async def _providers(connection: AsyncConnection, case: RowMapping) -> Sequence[RowMapping]:
    ids = {"provider": [case["subject_id"]], "ring": list(case["provider_ids"])}.get(case["subject_kind"], [])
    columns = [ProviderRow.__table__.c[name] for name in ("provider_id", "name", "npi", "specialty", "region")]
    statement = select(*columns).where(ProviderRow.provider_id.in_(ids)).order_by(ProviderRow.provider_id)
    return (await connection.execute(statement)).mappings().all()


async def _lines(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    statement = (
        select(ClaimLineRow.__table__)
        .where(ClaimLineRow.claim_id.in_(ids))
        .order_by(ClaimLineRow.claim_id, ClaimLineRow.line)
    )
    found: dict[str, list[RowMapping]] = defaultdict(list)
    for row in (await connection.execute(statement)).mappings():
        found[row["claim_id"]].append(row)
    return found


async def _findings(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[StoredFinding]]:
    statement = (
        select(AssessmentRow.claim_id, AssessmentRow.findings)
        .ext(distinct_on(AssessmentRow.claim_id))
        .where(AssessmentRow.claim_id.in_(ids))
        .order_by(AssessmentRow.claim_id, AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
    )
    found: dict[str, list[StoredFinding]] = {}
    for claim_id, findings in await connection.execute(statement):
        stored: list[StoredFinding] = findings  # type: ignore[assignment]  # JSON that assessments are stored with
        found[claim_id] = [one for one in stored if not one.get("superseded")]
    return found


async def _scores(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, StoredScore]:
    statement = (
        select(AssessmentRow.__table__)
        .ext(distinct_on(AssessmentRow.claim_id))
        .where(AssessmentRow.claim_id.in_(ids), AssessmentRow.probability.is_not(None))
        .order_by(AssessmentRow.claim_id, AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
    )
    return {row["claim_id"]: StoredScore(row) for row in (await connection.execute(statement)).mappings()}


async def _events(
    connection: AsyncConnection, keys: FieldKeys, case: RowMapping
) -> tuple[list[ActionTaken], list[CustodyAct]]:
    """Actions of the case and of earlier cases of the subject, and the history of the case."""
    events = CaseEventRow.__table__
    of_case = select(events).where(events.c.case_id == case["case_id"]).order_by(events.c.event_no).limit(MAX_ACTS)
    rows = (await connection.execute(of_case)).mappings().all()
    earlier = (
        select(events)
        .join(CaseRow.__table__, CaseRow.case_id == events.c.case_id)
        .where(
            CaseRow.subject_kind == case["subject_kind"],
            CaseRow.subject_id == case["subject_id"],
            events.c.case_id != case["case_id"],
            events.c.act == "case.education",
        )
        .order_by(events.c.at, events.c.case_id, events.c.event_no)
        .limit(MAX_ACTS)
    )
    before = (await connection.execute(earlier)).mappings().all()
    acts = [one for one in (*before, *rows) if one["act"] in ACTIONS]
    actions = [await _action(keys, one, is_earlier=one["case_id"] != case["case_id"]) for one in acts]
    return actions, [CustodyAct(one["event_no"], one["at"], _person(one), one["act"]) for one in rows]


async def _action(keys: FieldKeys, event: RowMapping, *, is_earlier: bool) -> ActionTaken:
    row = (event["case_id"], event["event_no"])
    text = await CASE_TEXT.shown(keys, event[CASE_TEXT.column], None, *row) or ""
    day = event["details"].get("on")
    notes = [f"on {day}" if day else "", f"in case {event['case_id']}" if is_earlier else "", text]
    at: datetime = event["at"]
    return ActionTaken(at, event["act"].removeprefix("case."), _person(event), "; ".join(filter(None, notes)))


def _person(event: RowMapping) -> str:
    return f"{event['name']} ({event['actor_id']})"


def _usual(values: Sequence[str | None]) -> str | None:
    """The value that most have; None: none has one."""
    stated = [one for one in values if one is not None]
    return min(set(stated), key=lambda one: (-stated.count(one), one), default=None)
