"""Which claims are archived, and why others of their age are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg import sql

from api.archives.records import LeftReason
from api.retention import IN_FORCE

Connection = psycopg.Connection[tuple[object, ...]]
RESTORED_DAYS: Final = 30
"""Days for which a restored claim is not archived again."""

_LATER: Final = " OR ".join(
    f"EXISTS (SELECT FROM {table} AS later WHERE later.claim_id = {{one}}.claim_id AND later.{column} >= %(before)s)"
    for table, column in (
        *(("assessments", "made_at"), ("decisions", "made_at"), ("dispositions", "known_at"), ("labels", "known_at")),
        *(("selections", "made_at"), ("appeals", "filed_at"), ("rescreening_findings", "found_at")),
        *(("rescreening_findings", "closed_at"), ("earlier_decisions", "ended_at")),
    )
)
_APPEALED: Final = "SELECT FROM appeals LEFT JOIN appeal_decisions AS decided USING (appeal_id)"
_REASONS: Final = (
    (
        LeftReason.LEGAL_HOLD,
        f"EXISTS (SELECT FROM legal_holds AS hold WHERE hold.member_id = {{one}}.member_id AND {IN_FORCE})",
    ),
    (LeftReason.IN_REVIEW, "{one}.status = 'in_review'"),
    (
        LeftReason.OPEN_APPEAL,
        f"EXISTS ({_APPEALED} WHERE appeals.claim_id = {{one}}.claim_id AND decided.appeal_id IS NULL)",
    ),
    (
        LeftReason.OPEN_CASE,
        (
            "{one}.claim_id IN (SELECT claim_id FROM case_claims JOIN cases USING (case_id)"
            " WHERE cases.status = 'open' UNION ALL SELECT claim_id FROM sample_items JOIN samples USING (sample_id)"
            " JOIN cases USING (case_id) WHERE cases.status = 'open')"
        ),
    ),
    (
        LeftReason.OPEN_EVENT,
        (
            "{one}.claim_id IN (SELECT entity_key FROM outbox WHERE done_at IS NULL"
            " UNION ALL SELECT entity_key FROM dead_letters WHERE resolved_at IS NULL)"
        ),
    ),
    (
        LeftReason.OPEN_FINDING,
        (
            "{one}.claim_id IN (SELECT claim_id FROM rescreening_findings WHERE closed_at IS NULL"
            " UNION ALL SELECT claim_id FROM rescreening_claims)"
        ),
    ),
    (
        LeftReason.EDIT_SUSPENSION,
        "{one}.claim_id IN (SELECT claim_id FROM edit_suspensions JOIN appeals USING (appeal_id))",
    ),
    (
        LeftReason.AUTHORIZATION,
        (
            "EXISTS (SELECT FROM authorizations AS used WHERE used.authorization_number = {one}.authorization_number"
            " AND coalesce(used.last_day, 'infinity') >= %(before)s::timestamptz::date)"
        ),
    ),
    (
        LeftReason.RECENT_ACTIVITY,
        "coalesce({one}.voided_at, '-infinity') >= %(before)s OR "
        + _LATER
        + f" OR EXISTS ({_APPEALED} WHERE appeals.claim_id = {{one}}.claim_id AND decided.made_at >= %(before)s)",
    ),
    (LeftReason.BENEFIT_YEAR, "{one}.service_to >= (%(before)s::timestamptz - interval '1 year')::date"),
    (
        LeftReason.RESTORED,
        (
            "EXISTS (SELECT FROM archived_claims AS entry WHERE entry.claim_id = {one}.claim_id"
            f" AND entry.restored_at >= %(now)s::timestamptz - interval '{RESTORED_DAYS} days')"
        ),
    ),
)
"""In the order in which they are stated; `one` is the row of the claim."""


def _reason(one: str) -> str:
    cases = " ".join(f"WHEN {condition.format(one=one)} THEN '{reason.value}'" for reason, condition in _REASONS)
    return f"CASE {cases} END"


_RELATED: Final = f"""
    EXISTS (
        SELECT FROM claims AS other
        WHERE other.claim_id = ANY (claim_chain(old.claim_id)) AND other.claim_id <> old.claim_id
        AND (other.received_at >= %(before)s OR {_reason("other")} IS NOT NULL))
"""
_LINKED: Final = """
    (old.replaces IS NOT NULL OR old.inherits_from IS NOT NULL
     OR EXISTS (SELECT FROM claims AS newer WHERE newer.replaces = old.claim_id OR newer.inherits_from = old.claim_id))
"""
_WITH_REASON: Final = f"""
    SELECT claim_id, received_at,
           coalesce(reason, CASE WHEN linked AND {_RELATED} THEN '{LeftReason.RELATED_CLAIM.value}' END)
    FROM (SELECT old.claim_id, old.received_at, {_reason("old")} AS reason, {_LINKED} AS linked FROM claims AS old
          WHERE {{which}}) AS old
"""
_OLD: Final = _WITH_REASON.format(
    which="old.received_at < %(before)s AND (old.received_at, old.claim_id) > (%(at)s, %(id)s)"
    " ORDER BY old.received_at, old.claim_id LIMIT %(limit)s"
)
_BY_ID: Final = _WITH_REASON.format(which="old.claim_id = ANY (%(claims)s)")


@dataclass(frozen=True, slots=True)
class Cutoff:
    """What is old enough."""

    before: datetime
    """Claims that were received, and last changed, before this instant."""
    hold_day: date
    """The current day in the insurer's time zone, on which legal holds are in force or have expired."""
    now: datetime

    @property
    def params(self) -> dict[str, object]:
        """Of the statements."""
        return {"before": self.before, "hold_day": self.hold_day, "now": self.now}


@dataclass(frozen=True, slots=True)
class OldClaim:
    """A claim that is old enough."""

    claim_id: str
    received_at: datetime
    left: LeftReason | None
    """Why it is left; `None`: it is archived."""


def old_claims(connection: Connection, cutoff: Cutoff, *, after: tuple[datetime, str], limit: int) -> list[OldClaim]:
    """The next claims that are old enough after a place, in the order of their receipt."""
    params = {**cutoff.params, "at": after[0], "id": after[1], "limit": limit}
    found = [_claim(row) for row in connection.execute(sql.SQL(_OLD), params)]
    return sorted(found, key=lambda one: (one.received_at, one.claim_id))


def left_now(connection: Connection, cutoff: Cutoff, claim_ids: Sequence[str]) -> list[OldClaim]:
    """Those of some claims that are not to be archived any more."""
    rows = connection.execute(sql.SQL(_BY_ID), {**cutoff.params, "claims": list(claim_ids)})
    return [one for one in map(_claim, rows) if one.left is not None]


def _claim(row: tuple[object, ...]) -> OldClaim:
    claim_id, received_at, reason = row
    assert isinstance(received_at, datetime)
    return OldClaim(str(claim_id), received_at, None if reason is None else LeftReason(reason))
