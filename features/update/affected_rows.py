"""Which rows a batch of events touches, and what they are now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.clock import DAY_US
from features.declare import PLANS, Key, key_of
from features.online import pack_rows
from features.update.database import Connection
from features.update.hot_keys import HotKeys
from features.update.recompute_history import recompute_history

RECEIVED, VOIDED, LABELLED = "claim.received", "claim.voided", "label.recorded"
TOPICS = [RECEIVED, VOIDED, LABELLED]

_COLUMNS = """c.claim_id, c.service_from, c.member_id, c.provider_id, c.procedure_code, c.diagnosis_code, c.region,
    c.specialty, c.age_years, c.sex, (extract(epoch FROM c.received_at) * 1000000)::bigint AS us,
    CASE WHEN c.voided_at IS NOT NULL
         THEN (extract(epoch FROM greatest(c.voided_at, c.received_at)) * 1000000)::bigint END AS void_us,
    (o.payload ->> 'known_us')::bigint AS known_us"""

_OPEN = f"""
    SELECT o.position, o.created_at, o.topic, {_COLUMNS}
    FROM outbox AS o LEFT JOIN claim_facts AS c ON c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
    WHERE o.done_at IS NULL AND o.topic = ANY(%(topics)s)
      AND (c.received_at IS NULL OR c.received_at < 'epoch'::timestamptz + %(until)s * interval '1 microsecond')
    ORDER BY o.position LIMIT %(limit)s"""

_DONE_SINCE = f"""
    SELECT o.position, o.created_at, o.topic, {_COLUMNS}
    FROM outbox AS o JOIN claim_facts AS c ON c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
    WHERE o.done_at >= %(since)s AND o.topic = ANY(%(topics)s)"""


@dataclass(frozen=True, slots=True)
class ClaimEvent:
    """One thing that happened to a claim, with what of the claim makes keys."""

    position: int
    created_at: Any
    topic: str
    claim_id: str | None
    """`None`: the claim is gone."""
    service_from: date
    member_id: str
    provider_id: str
    procedure_code: str
    diagnosis_code: str
    region: str | None
    specialty: str | None
    age_years: int | None
    sex: str | None
    us: int
    void_us: int | None
    known_us: int | None
    """When the label of `label.recorded` became known."""

    @property
    def day(self) -> int:
        """The day on which the claim was received."""
        return self.us // DAY_US

    def moves_history(self, rolled_day: int) -> bool:
        """Whether history as of `rolled_day` ought to know of it: the claim, its voiding or its label came late."""
        if self.topic == VOIDED:
            return self.void_us is not None and self.void_us // DAY_US < rolled_day
        if self.topic == LABELLED:
            return self.known_us is not None and max(self.known_us, self.us) // DAY_US < rolled_day
        return self.day < rolled_day


def open_events(connection: Connection, *, before_us: int, limit: int | None) -> list[ClaimEvent]:
    """Events not yet done, by position, of claims received before an instant; `limit` is how many, `None`: all."""
    params = {"topics": TOPICS, "until": before_us, "limit": limit}
    return [ClaimEvent(*row) for row in connection.execute(_OPEN, params)]


def done_since(connection: Connection, since: Any) -> list[ClaimEvent]:
    """Events done at or after an instant of the database's clock."""
    return [ClaimEvent(*row) for row in connection.execute(_DONE_SINCE, {"topics": TOPICS, "since": since})]


def affected_keys(events: Iterable[Any]) -> dict[str, list[Key]]:
    """Entity name → the different keys of these claims."""
    found: dict[str, dict[Key, None]] = {name: {} for name in PLANS}
    for event in events:
        for plan in PLANS.values():
            key = key_of(plan.keys, event)
            if key is not None:
                found[plan.name][key] = None
    return {name: list(keys) for name, keys in found.items() if keys}


def affected_values(
    connection: Connection,
    events: Sequence[ClaimEvent],
    *,
    rolled_day: int,
    project: str,
    generation: int,
    hot: HotKeys,
    writes: int,
) -> dict[bytes, bytes]:
    """The keys of the online store that these events touch, with their values as they are now, on `rolled_day`.

    `writes` is the watermark's count, by which `hot` sees whether somebody else wrote.
    """
    known = [event for event in events if event.claim_id is not None]
    late = [event for event in known if event.moves_history(rolled_day)]
    # A label changes no today row: a finding counts from the midnight after it became known.
    late_claims = [event for event in late if event.topic != LABELLED]
    of_day = [event for event in known if event.day == rolled_day and event.topic != LABELLED]
    values: dict[bytes, bytes] = {}
    hot.begin(day=rolled_day, writes=writes, late=bool(late_claims))
    today = hot.today_rows_of(connection, affected_keys(of_day + late_claims), of_day)
    for name, rows in today.items():
        view = PLANS[name].today
        if view is not None:
            values |= pack_rows(project, generation, view, rows)
    return values | late_history(connection, late, day=rolled_day, project=project, generation=generation)


def late_history(
    connection: Connection, late: Sequence[ClaimEvent], *, day: int, project: str, generation: int
) -> dict[bytes, bytes]:
    """The history keys that late events touch, with their values as of `day`."""
    values: dict[bytes, bytes] = {}
    if late:
        for name, rows in recompute_history(connection, affected_keys(late), day=day).items():
            values |= pack_rows(project, generation, PLANS[name].history, rows)
    return values
