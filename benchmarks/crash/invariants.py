"""What must hold after every crash and recovery, read from the database, the online store and the models folder."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
import redis

from api.field_keys import STORED_REPLY, FieldKeys
from api.migrate import plain_url
from benchmarks.crash.processes import StepPlace
from benchmarks.crash.steps import SentReply
from core import clock
from core.settings import Settings
from features.declare import PLANS, VIEW, RowKind
from features.offline import file_of
from features.online import PACKERS, Watermark, watermark_key
from features.update import rebuild

_NONE_OF: Final = {
    "a claim without an assessment": """
        SELECT claim_id FROM claims AS c
        WHERE source = 'api' AND NOT EXISTS (SELECT FROM assessments AS a WHERE a.claim_id = c.claim_id)""",
    "a claim whose lines are not its amount": """
        SELECT claim_id FROM claims AS c WHERE source = 'api' AND amount_cents IS DISTINCT FROM
        (SELECT sum(l.amount_cents) FROM claim_lines AS l WHERE l.claim_id = c.claim_id)""",
    "a claim with two current assessments": """
        SELECT claim_id FROM assessments AS a
        WHERE NOT EXISTS (SELECT FROM assessments AS later WHERE later.supersedes = a.assessment_id)
        GROUP BY claim_id HAVING count(*) > 1""",
    "a claim without exactly one event of its receipt": """
        SELECT c.claim_id FROM claims AS c WHERE source = 'api'
        AND (SELECT count(*) FROM outbox AS o WHERE o.topic = 'claim.received' AND o.entity_key = c.claim_id) <> 1""",
    "a voided or replaced claim without exactly one event of it": """
        SELECT c.claim_id FROM claims AS c WHERE source = 'api' AND voided_at IS NOT NULL
        AND (SELECT count(*) FROM outbox AS o WHERE o.topic = 'claim.voided' AND o.entity_key = c.claim_id) <> 1""",
    "a benefit overspent": """
        SELECT member_id || ' ' || extract(year FROM service_from) FROM claims
        JOIN members USING (member_id) JOIN plans USING (plan_id)
        WHERE voided_at IS NULL AND plans.benefit_limit_cents IS NOT NULL
        GROUP BY member_id, extract(year FROM service_from), plans.benefit_limit_cents
        HAVING sum(approved_cents + reserved_cents) > plans.benefit_limit_cents""",
    "a voided claim that is paid": """
        SELECT claim_id FROM claims WHERE voided_at IS NOT NULL AND approved_cents + reserved_cents > 0""",
    "a decision of a person that does not stand": """
        SELECT c.claim_id FROM claims AS c JOIN decisions AS d USING (decision_id)
        WHERE c.voided_at IS NULL AND (c.status <> d.outcome OR c.approved_cents <> d.approved_cents)""",
    "two decisions of one number": """
        SELECT claim_id FROM decisions GROUP BY claim_id, number HAVING count(*) > 1""",
    "a decision without its audit row": """
        SELECT decision_id FROM decisions AS d WHERE NOT EXISTS
        (SELECT FROM audit_log AS a WHERE a.details ->> 'decision_id' = d.decision_id)""",
    "a finding without its label": """
        SELECT claim_id FROM dispositions AS d WHERE disposition = 'confirmed'
        AND NOT EXISTS (SELECT FROM labels AS l WHERE l.claim_id = d.claim_id AND l.is_fraud)""",
    "an event that is still open": """
        SELECT topic || ' ' || position FROM outbox WHERE done_at IS NULL AND topic IN
        ('claim.received', 'claim.voided', 'label.recorded', 'history.loaded', 'claim.rescore')""",
    "a dead letter": "SELECT position::text FROM dead_letters WHERE resolved_at IS NULL",
}
"""What no query may find."""


def broken_rows(place: StepPlace) -> list[str]:
    """Each invariant of the database that is broken, with the rows that break it."""
    found = []
    with psycopg.connect(plain_url(place.database_url), autocommit=True) as connection:
        for name, query in _NONE_OF.items():
            rows = [str(row[0]) for row in connection.execute(query.encode())]
            if rows:
                found.append(f"{name}: {', '.join(rows[:3])}")
        if lost := _replies_without_claim(place, connection):
            found.append(f"a stored reply without its claim: {', '.join(lost[:3])}")
    return found


def _replies_without_claim(place: StepPlace, connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """The keys of stored (encrypted) replies whose claim does not exist."""
    stored = connection.execute(
        "SELECT api_key_id, key, body_sealed FROM idempotency_keys WHERE body_sealed IS NOT NULL"
    ).fetchall()
    keys = FieldKeys(Settings.model_validate({"home": place.home}), place.database_url)

    async def claims() -> dict[str, str]:
        bodies = {
            str(key): await STORED_REPLY.opened(keys, bytes(sealed), str(actor), str(key))  # type: ignore[call-overload]
            for actor, key, sealed in stored
        }
        return {key: str(json.loads(body)["claim_id"]) for key, body in bodies.items()}

    named = asyncio.run(claims())
    there = {
        str(one)
        for (one,) in connection.execute("SELECT claim_id FROM claims WHERE claim_id = ANY (%s)", [[*named.values()]])
    }
    return sorted(key for key, claim_id in named.items() if claim_id not in there)


def broken_store(place: StepPlace, beside_url: str, at: datetime | None) -> list[str]:
    """How the online store differs from one rebuilt from the database in the store at `beside_url`."""
    network = file_of(place.home, PLANS["provider_network"].history)
    with (
        nullcontext() if at is None else clock.held(at),
        psycopg.connect(plain_url(place.database_url), autocommit=True) as connection,
        redis.Redis.from_url(place.redis_url) as client,
        redis.Redis.from_url(beside_url) as beside,
    ):
        beside.flushdb()
        stored = _contents(client)
        rebuild(connection, beside, network=network if network.exists() else None)
        rebuilt = _contents(beside)
    differ = sorted(key for key in stored.keys() | rebuilt.keys() if stored.get(key) != rebuilt.get(key))
    return [f"the online store differs from a rebuild in {len(differ)} rows: {differ[:3]}"] if differ else []


Contents = dict[tuple[str, bytes], tuple[int, ...]]
"""View and key → the values that a read uses; rows of zeros are left out."""


def _contents(client: "redis.Redis") -> Contents:
    stored = client.get(watermark_key())
    mark = Watermark.unpack(stored if isinstance(stored, bytes) else None)
    if mark is None:
        return {}
    today = clock.day_number(clock.now())
    found: Contents = {}
    keys = list(client.scan_iter(match=f"ginja:{mark.generation}:*", count=10_000))
    values = client.mget(keys)
    assert isinstance(values, list)
    for key, value in zip(keys, values, strict=True):
        name, encoded = key.split(b":", 3)[2:]
        view = VIEW[name.decode()]
        us, first, *rest = PACKERS[view.name].unpack(value)
        if view.kind is RowKind.HISTORY and any(rest):
            found[view.name, encoded] = tuple(rest)
        elif view.kind is RowKind.TODAY and first == today:
            found[view.name, encoded] = (us, *rest)
    return found


@dataclass(frozen=True, slots=True)
class Expected:
    """What the database holds after an operation, whatever happened in between."""

    what: str
    query: str
    """Its only row and column is compared."""
    value: object


def broken_replies(responses: Sequence[SentReply], statuses: tuple[int, ...], *, repeated: bool) -> list[str]:
    """A request sent twice after a crash gets an expected status, and the same reply twice where it is `repeated`."""
    found = [
        f"the request sent again got {one.status}: {one.body[:200].decode(errors='replace')}"
        for one in responses
        if one.status not in statuses
    ]
    if repeated and any(first != second for first, second in zip(responses[::2], responses[1::2], strict=True)):
        found.append("two replies to one request differ")
    return found


def broken_expectations(place: StepPlace, expected: tuple[Expected, ...]) -> list[str]:
    """What the database holds other than expected."""
    found = []
    with psycopg.connect(plain_url(place.database_url), autocommit=True) as connection:
        for one in expected:
            row = connection.execute(one.query.encode()).fetchone()
            if row is None or row[0] != one.value:
                found.append(f"{one.what}: {None if row is None else row[0]}, expected {one.value}")
    return found
