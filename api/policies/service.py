"""Storing, activating and rolling back versions of the policy; each in one transaction."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime

from pydantic import JsonValue
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit, outbox, request_context
from api.audit import AuditedChange, Subject
from api.database import Database, fetch
from api.field_keys import FieldKeys
from api.policies.records import (
    PolicyActivation,
    PolicyHistory,
    PolicyNotTested,
    PolicyRefused,
    PolicyTest,
    PolicyTestResult,
    PolicyVersion,
    no_version,
)
from api.policies.tables import PolicyActivationRow, PolicyTestRow, PolicyVersionRow
from api.request_context import Actor
from claims.policy import OF_SETTINGS, PolicyDocument, read_stored_document
from core import clock

_VERSION = (
    PolicyVersionRow.version,
    PolicyVersionRow.document["title"].astext,
    PolicyVersionRow.valid_from,
    PolicyVersionRow.valid_until,
    PolicyVersionRow.sha256,
    PolicyVersionRow.author,
    PolicyVersionRow.created_at,
)
_ACTIVATION = (
    PolicyActivationRow.activation_id,
    PolicyActivationRow.kind,
    PolicyActivationRow.version,
    PolicyActivationRow.approver,
    PolicyActivationRow.reason,
    PolicyActivationRow.made_at,
    PolicyActivationRow.forced,
    PolicyActivationRow.undoes,
)
_TEST = (
    PolicyTestRow.test_id,
    PolicyTestRow.passed,
    PolicyTestRow.gates,
    PolicyTestRow.tested_by,
    PolicyTestRow.dataset,
    PolicyTestRow.claims,
    PolicyTestRow.scored,
    PolicyTestRow.first_day,
    PolicyTestRow.last_day,
    PolicyTestRow.capacity,
)


async def history(database: Database) -> PolicyHistory:
    """Every version and activation, without documents."""
    async with database.reading() as connection:
        return await _history(connection)


async def policy_document(database: Database, version: int) -> PolicyDocument:
    """The document of a version. Raises `PolicyRefused` where there is no version."""
    statement = select(PolicyVersionRow.document).where(PolicyVersionRow.version == version)
    async with database.reading() as connection:
        found = (await connection.execute(statement)).scalar_one_or_none()
    if found is None:
        raise no_version(version)
    return read_stored_document(found)


async def policy_documents(database: Database) -> dict[int, PolicyDocument]:
    """The document of every version, by number."""
    async with database.reading() as connection:
        rows = (await connection.execute(select(PolicyVersionRow.version, PolicyVersionRow.document))).all()
    return {version: read_stored_document(document) for version, document in rows}


async def create_draft(database: Database, keys: FieldKeys, document: PolicyDocument, *, author: str) -> PolicyVersion:
    """Store a document as a new version that decides nothing yet.

    Raises `PolicyRefused` where a version has the same content.
    """
    stored = document.as_json()
    sha256 = hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()
    async with database.transaction() as connection:
        known = await _history(connection, lock=True)
        same = next((one for one in known.versions if one.sha256 == sha256), None)
        if same is not None:
            raise PolicyRefused(f"version {same.version} of {same.author} has the same content; use that one")
        statement = (
            insert(PolicyVersionRow)
            .values(
                document=stored,
                sha256=sha256,
                valid_from=document.valid_from,
                valid_until=document.valid_until,
                author=author,
                created_at=clock.now(),
            )
            .returning(*_VERSION)
        )
        made = PolicyVersion(*tuple((await connection.execute(statement)).one()))
        change = AuditedChange(None, _as_json(made) | {"document": stored})
        details: dict[str, JsonValue] = {"sha256": sha256}
        await _audit(connection, keys, "policy.draft", author, made.version, details, made.created_at, change)
        return made


async def record_test(database: Database, result: PolicyTestResult) -> int:
    """Store what a test of a version found; returns its number. Raises `PolicyRefused` where there is no version."""
    async with database.transaction() as connection:
        (await _history(connection)).version(result.version)
        statement = (
            insert(PolicyTestRow).values(**asdict(result), tested_at=clock.now()).returning(PolicyTestRow.test_id)
        )
        number: int = (await connection.execute(statement)).scalar_one()
        return number


async def activate(
    database: Database, keys: FieldKeys, version: int, *, approver: str, reason: str, today: date, force: bool = False
) -> PolicyActivation:
    """Let a version decide claims received on its days; the version before it is superseded on them.

    Raises `PolicyRefused` where the approver wrote it, where its days are over, or where it is the last one activated,
    and `PolicyNotTested` where its last test against what is in force did not pass, or there is none; `force` activates
    it all the same, and is stored with the reason.
    """
    async with database.transaction() as connection:
        known = await _history(connection, lock=True)
        chosen = known.version(version)
        if chosen.author.casefold() == approver.casefold():
            raise PolicyRefused(f"{approver} wrote version {version}; another person activates it")
        until = chosen.valid_until
        if until is not None and until < today:
            raise PolicyRefused(f"version {version} was valid until {until}; store it with later days")
        if known.stack[-1:] == (version,):
            raise PolicyRefused(f"version {version} is already active")
        test = await _last_test(connection, version, known.base_of(chosen.valid_from, today))
        if not force and (test is None or not test.passed):
            raise PolicyNotTested(_not_passed(version, test))
        passed = test is not None and test.passed
        test_id = None if test is None else test.test_id
        made = await _add(connection, "activate", chosen, approver, reason, test_id=test_id, forced=not passed)
        await _record(connection, keys, made, known)
        return replace(made, test=test)


async def _last_test(connection: AsyncConnection, version: int, base: PolicyVersion | None) -> PolicyTest | None:
    """The newest test of a version against the version in force."""
    base_version = None if base is None else base.version
    statement = (
        select(*_TEST)
        .where(PolicyTestRow.version == version, PolicyTestRow.base_version.is_not_distinct_from(base_version))
        .where(PolicyTestRow.dataset.is_not(None))
        .order_by(PolicyTestRow.test_id.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else PolicyTest(*tuple(row))


def _not_passed(version: int, test: PolicyTest | None) -> str:
    if test is None:
        return (
            f"version {version} was not tested against what is in force; run `ginja policy test {version}`, or force "
            "the activation with a reason"
        )
    names = [str(one.get("gate")) for one in test.gates if isinstance(one, dict) and not one.get("passed")]
    return (
        f"version {version} did not pass {', '.join(names)} in test {test.test_id}; change it, or force the activation "
        "with a reason"
    )


async def roll_back(database: Database, keys: FieldKeys, *, approver: str, reason: str) -> PolicyActivation:
    """Undo the last activation: the versions activated before decide on their days, or the settings.

    Raises `PolicyRefused` where no version is active.
    """
    async with database.transaction() as connection:
        known = await _history(connection, lock=True)
        effective = known.effective
        if not effective:
            raise PolicyRefused("no policy version is active: the settings decide; there is nothing to roll back")
        before = known.stack[:-1]
        version = known.version(before[-1]) if before else None
        made = await _add(connection, "rollback", version, approver, reason, undoes=effective[-1].activation_id)
        await _record(connection, keys, made, known)
        return made


async def _add(
    connection: AsyncConnection,
    kind: str,
    version: PolicyVersion | None,
    approver: str,
    reason: str,
    *,
    test_id: int | None = None,
    forced: bool = False,
    undoes: int | None = None,
) -> PolicyActivation:
    statement = (
        insert(PolicyActivationRow)
        .values(
            kind=kind,
            version=None if version is None else version.version,
            author=None if version is None else version.author,
            approver=approver,
            reason=reason,
            made_at=clock.now(),
            test_id=test_id,
            forced=forced,
            undoes=undoes,
        )
        .returning(*_ACTIVATION)
    )
    made = PolicyActivation(*tuple((await connection.execute(statement)).one()))
    event: dict[str, JsonValue] = {"activation_id": made.activation_id, "version": made.version, "kind": kind}
    await fetch(connection, outbox.add(outbox.POLICY_ACTIVATED, "policy", event, made.made_at))
    return made


async def _record(connection: AsyncConnection, keys: FieldKeys, made: PolicyActivation, known: PolicyHistory) -> None:
    """Record an activation or rollback, with the versions that are active before it and after it."""
    after = PolicyHistory(known.versions, (*known.activations, made))
    details: dict[str, JsonValue] = {
        "reason": made.reason,
        "forced": made.forced,
        "activation_id": made.activation_id,
    }
    change = AuditedChange(_active(known), _active(after))
    await _audit(connection, keys, f"policy.{made.kind}", made.approver, made.version, details, made.made_at, change)


def _active(known: PolicyHistory) -> dict[str, JsonValue]:
    """The versions that are activated, the last one first; without one, the settings decide."""
    return {"active": [_as_json(known.version(one)) for one in reversed(known.stack)]}


def _as_json(version: PolicyVersion) -> dict[str, JsonValue]:
    until = version.valid_until
    return {
        "version": version.version,
        "title": version.title,
        "valid_from": version.valid_from.isoformat(),
        "valid_until": None if until is None else until.isoformat(),
        "sha256": version.sha256,
        "author": version.author,
    }


async def _audit(
    connection: AsyncConnection,
    keys: FieldKeys,
    act: str,
    name: str,
    version: int | None,
    details: Mapping[str, JsonValue],
    at: datetime,
    change: AuditedChange,
) -> None:
    """The row of the audit log: by the sender of the request, else by the command line in this name."""
    context = request_context.current()
    actor = None if context is None else context.actor
    by = actor or Actor(audit.COMMAND_LINE, name, "operator")
    subject = Subject("policy", str(OF_SETTINGS if version is None else version))
    await audit.record_change(connection, keys, by, act, details, at, change, subject=subject)


async def _history(connection: AsyncConnection, *, lock: bool = False) -> PolicyHistory:
    """`lock`: one change at a time, until the transaction ends."""
    if lock:
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("ginja policy", 0))))
    versions = await connection.execute(select(*_VERSION).order_by(PolicyVersionRow.version))
    activations = await connection.execute(select(*_ACTIVATION).order_by(PolicyActivationRow.activation_id))
    return PolicyHistory(
        tuple(PolicyVersion(*tuple(row)) for row in versions),
        tuple(PolicyActivation(*row) for row in activations),
    )
