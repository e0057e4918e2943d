"""Acts on models and policies, access, dead letters and acts of privacy, as recorded before an instant."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dossier.records import (
    AccessInForce,
    ActCount,
    DeadLetterCount,
    KeyInForce,
    ModelAct,
    PolicyActivationRecord,
    RecordedPeriod,
    ServedModel,
    UserInForce,
)

MODEL_ACTS: Final = (
    "model.train",
    "model.evaluate",
    "model.threshold",
    "model.promote",
    "model.rollback",
    "model.retrain",
    "model.sign",
    "model.trial_start",
    "model.trial_stop",
    "model.serve",
)
_DETAILS: Final = (
    "dataset",
    "as_of",
    "family",
    "use",
    "trust",
    "reason",
    "threshold",
    "choose",
    "force",
    "change_use",
    "from_version",
    "canary",
    "previous",
    "interrupted",
)
"""Details of these acts that name no file."""
COUNTED_ACTS: Final = (
    "member.erase",
    "member.export",
    "member.model_report",
    "legal_hold.add",
    "legal_hold.release",
    "key.create",
    "key.rotate",
    "key.revoke",
    "user.create",
    "user.change",
    "user.list",
    "user.emergency_access",
    "user.end_emergency_access",
    "user.emergency_report",
    "signing_key.create",
    "signing_key.revoke",
    "audit.export",
    "audit.search",
    "dossier.export",
)
_OUTSIDE: Final = ("member", "provider")
"""Roles of people who are none of the insurer's."""


async def served(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[ServedModel]:
    """Every champion that a worker found serving before the instant."""
    return [ServedModel(*row) for row in await connection.execute(_SERVED, {"until": period.until})]


async def model_acts(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[ModelAct]:
    """Every act on a model before the instant."""
    rows = await connection.execute(_MODEL_ACTS, {"until": period.until, "acts": list(MODEL_ACTS)})
    return [_model_act(row) for row in rows.mappings()]


async def policy_changes(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[PolicyActivationRecord]:
    """Every activation and rollback of the policy before the instant."""
    return [PolicyActivationRecord(*row) for row in await connection.execute(_POLICY, {"until": period.until})]


async def dead_letters(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[DeadLetterCount]:
    """Events that became dead letters in the period; one resolved from the instant on is open."""
    rows = await connection.execute(_DEAD_LETTERS, {"first": period.first, "until": period.until})
    return [DeadLetterCount(*row) for row in rows]


async def act_counts(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[ActCount]:
    """How often each of `COUNTED_ACTS` was done in the period, by outcome."""
    params = {"first": period.first, "until": period.until, "acts": list(COUNTED_ACTS)}
    return [ActCount(*row) for row in await connection.execute(_ACTS, params)]


async def access(connection: AsyncConnection, period: RecordedPeriod) -> AccessInForce:
    """The keys that were valid at the instant, and the people of the insurer who had an account."""
    params = {"until": period.until, "outside": list(_OUTSIDE)}
    keys = [KeyInForce(*row) for row in await connection.execute(_KEYS, params)]
    users = [UserInForce(*row) for row in await connection.execute(_USERS, params)]
    return AccessInForce(keys, users)


async def legal_holds(connection: AsyncConnection, period: RecordedPeriod) -> int:
    """Legal holds in force: added before the instant, not released then, and their last day not over."""
    day = (period.until - timedelta(microseconds=1)).astimezone(ZoneInfo(period.time_zone)).date()
    return int((await connection.execute(_HOLDS, {"until": period.until, "day": day})).scalar_one())


async def archived_claims(connection: AsyncConnection, period: RecordedPeriod) -> int:
    """Claims in archives only that were received before the instant.

    Records of a claim are older than its archive, so archives made before the period have none of it.
    """
    params = {"first": period.first, "until": period.until}
    return int((await connection.execute(_ARCHIVED, params)).scalar_one())


def _model_act(row: RowMapping) -> ModelAct:
    details = {name: one for name, one in row["details"].items() if name in _DETAILS}
    return ModelAct(**{str(name): one for name, one in row.items()} | {"details": details})


_ARCHIVED = text("""
    SELECT count(*) FROM archived_claims AS one JOIN archives USING (archive)
    WHERE one.restored_at IS NULL AND one.received_at < :until AND archives.archived_at >= :first
""")
_SERVED = text("SELECT serving_id, model_version, seen_at FROM serving_models WHERE seen_at < :until ORDER BY 1")
_MODEL_ACTS = text("""
    SELECT audit_id, at, api_key_id AS actor_id, name, act, subject_id AS version, outcome, details FROM audit_log
    WHERE act = ANY(:acts) AND at < :until ORDER BY audit_id
""")
_POLICY = text("""
    SELECT activation_id, made_at, kind, version, activations.author, approver, reason, forced, test_id, sha256
    FROM policy_activations AS activations LEFT JOIN policy_versions USING (version)
    WHERE made_at < :until ORDER BY activation_id
""")
_DEAD_LETTERS = text("""
    SELECT consumer, topic, count(*), count(*) FILTER (WHERE resolved_at IS NULL OR resolved_at >= :until),
           count(*) FILTER (WHERE resolution = 'replayed' AND resolved_at < :until),
           count(*) FILTER (WHERE resolution = 'discarded' AND resolved_at < :until), min(failed_at), max(failed_at)
    FROM dead_letters WHERE failed_at >= :first AND failed_at < :until GROUP BY 1, 2 ORDER BY 1, 2
""")
_ACTS = text("""
    SELECT act, outcome, count(*), min(audit_id), max(audit_id) FROM audit_log
    WHERE act = ANY(:acts) AND at >= :first AND at < :until GROUP BY 1, 2 ORDER BY 1, 2
""")
_KEYS = text("""
    SELECT api_key_id, role, created_at, expires_at FROM api_keys
    WHERE created_at < :until AND role <> 'member' AND (revoked_at IS NULL OR revoked_at >= :until)
      AND (expires_at IS NULL OR expires_at >= :until)
    ORDER BY role, created_at, api_key_id
""")
_USERS = text("""
    SELECT user_id, CASE WHEN NOT later THEN role END, CASE WHEN NOT later THEN state END, created_at
    FROM (
        SELECT users.*, updated_at >= :until AND EXISTS (
            SELECT FROM audit_log WHERE act = 'user.change' AND at >= :until AND outcome = 'success'
              AND details ->> 'user_id' = users.user_id) AS later
        FROM users WHERE created_at < :until AND role <> ALL(:outside)
    ) AS accounts
    ORDER BY created_at, user_id
""")
"""A role that was changed later is unknown: the row has the present one, and the log the one after each change."""
_HOLDS = text("""
    SELECT count(*) FROM legal_holds WHERE added_at < :until AND (released_at IS NULL OR released_at >= :until)
      AND (last_day IS NULL OR last_day >= :day)
""")
