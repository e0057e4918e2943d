"""The outbox: events are added in the transaction they belong to, and consumed at least once."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from psycopg.types.json import Jsonb
from pydantic import JsonValue
from sqlalchemy import ARRAY, Text, any_, bindparam, func, insert, null, select, update
from sqlalchemy.dialects.postgresql import JSONB

from api.database import Query, Rows, compiled, nothing
from api.outbox.tables import FeatureStoreRow, OutboxRow
from claims.scoring import StorePosition

RECEIVED = "claim.received"
VOIDED = "claim.voided"
RESCORE = "claim.rescore"
DECIDED = "claim.decided"
"""A person decided or reopened the claim: its status and paid amount may have changed."""
PENDED = "claim.pended"
"""A person requested documents."""
RETURNED = "claim.returned_to_review"
"""A later score sent a decided claim to review."""
APPEALED = "claim.appealed"
APPEAL_DECIDED = "claim.appeal_decided"
"""A person decided an appeal; where it was overturned, `claim.decided` says what changed."""
FLAGGED_AFTER_DECISION = "claim.flagged_after_decision"
"""A later score flags a claim that a person decided; the decision is unchanged."""
RESCREENED = "claim.rescreened"
"""A change of a list, price or registry opened findings about a claim; the claim is unchanged."""

EDIT_SUSPENDED = "edit.suspended"
EDIT_RESUMED = "edit.resumed"
POLICY_ACTIVATED = "policy.activated"
"""A person activated a version of the policy, or rolled one back."""
MODEL_PROMOTED = "model.promoted"
"""Another champion serves than before, after a promotion or a rollback."""
CONSENT_CHANGED = "consent.changed"
"""A consent or an objection of a member was recorded or withdrawn."""
CASE_CLOSED = "case.closed"
"""An investigation ended with a disposition."""

HISTORY_LOADED = "history.loaded"
"""Claims or labels were loaded in bulk: the worker rebuilds the online store."""

TOPICS = (
    *(HISTORY_LOADED, RECEIVED, VOIDED, RESCORE, DECIDED, PENDED, RETURNED),
    *(APPEALED, APPEAL_DECIDED, FLAGGED_AFTER_DECISION, RESCREENED),
    *(EDIT_SUSPENDED, EDIT_RESUMED, POLICY_ACTIVATED, MODEL_PROMOTED, CONSENT_CHANGED, CASE_CLOSED),
)

_PROJECT = "ginja"
"""The project of the online store that the scorer reads."""
_COLUMNS = ("topic", "entity_key", "payload", "created_at")
_ADD = compiled(insert(OutboxRow).inline().values({name: bindparam(name) for name in _COLUMNS}))  # no RETURNING


def add(topic: str, entity_key: str, payload: Mapping[str, JsonValue], at: datetime) -> Query[None]:
    """Add an event."""
    params = {"topic": topic, "entity_key": entity_key, "payload": Jsonb(dict(payload)), "created_at": at}
    return Query(_ADD, params, nothing)


_DONE = compiled(update(OutboxRow).where(OutboxRow.position == bindparam("at")).values(done_at=func.clock_timestamp()))
_POSTPONE = compiled(
    update(OutboxRow)
    .where(OutboxRow.position == bindparam("at"))
    .values(attempts=OutboxRow.attempts + 1, not_before=bindparam("not_before_"))
)
_OPEN = compiled(select(OutboxRow.topic, func.count()).where(OutboxRow.done_at.is_(None)).group_by(OutboxRow.topic))


def done(position: int) -> Query[None]:
    """Mark an event as done."""
    return Query(_DONE, {"at": position}, nothing)


def postpone(position: int, until: datetime) -> Query[None]:
    """Leave an event open, count the attempt, and offer it again from `until`."""
    return Query(_POSTPONE, {"at": position, "not_before_": until}, nothing)


PARKED = datetime(9999, 12, 31, tzinfo=UTC)
"""`not_before` of a claim that waits for another model rather than for a time."""
_WITHHELD_BY = "withheld_by"
_WITHHOLD = compiled(
    update(OutboxRow)
    .where(OutboxRow.position == bindparam("at"))
    .values(
        attempts=OutboxRow.attempts + 1,
        not_before=bindparam("not_before_"),
        payload=OutboxRow.payload.op("||")(bindparam("withheld", type_=JSONB)),
    )
)
_is_parked = (OutboxRow.topic == RESCORE, OutboxRow.done_at.is_(None), OutboxRow.not_before == bindparam("parked"))
_parked_by = OutboxRow.payload[_WITHHELD_BY].astext
_PARKED_BY = compiled(select(_parked_by).where(*_is_parked).distinct())
_RELEASE = compiled(
    update(OutboxRow)
    .where(*_is_parked, _parked_by == any_(bindparam("versions", type_=ARRAY(Text))))
    .values(not_before=null())
)


def withhold(position: int, version: str, until: datetime) -> Query[None]:
    """Postpone a claim whose score by the model `version` was not used; `PARKED`: until another model serves."""
    params = {"at": position, "withheld": Jsonb({_WITHHELD_BY: version}), "not_before_": until}
    return Query(_WITHHOLD, params, nothing)


def parked_by() -> Query[set[str]]:
    """The models because of whose scores claims are parked."""
    return Query(_PARKED_BY, {"parked": PARKED}, lambda rows: {row[0] for row in rows if row[0] is not None})


def release(versions: Iterable[str]) -> Query[None]:
    """Offer the claims again that are parked because of the scores of these models."""
    return Query(_RELEASE, {"parked": PARKED, "versions": sorted(versions)}, nothing)


_STORE_POSITION = compiled(
    select(FeatureStoreRow.generation, FeatureStoreRow.writes).where(FeatureStoreRow.project == bindparam("project"))
)


def store_position() -> Query[StorePosition | None]:
    """The recorded position of the online store; `None` before its first write."""

    def read(rows: Rows) -> StorePosition | None:
        return StorePosition(*rows[0]) if rows and rows[0][0] is not None else None

    return Query(_STORE_POSITION, {"project": _PROJECT}, read)


def open_events() -> Query[dict[str, int]]:
    """Number of open events of each topic that has any."""

    def read(rows: Rows) -> dict[str, int]:
        return {row[0]: row[1] for row in rows}

    return Query(_OPEN, {}, read)
