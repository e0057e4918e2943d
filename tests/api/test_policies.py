"""Versions of the policy, over real HTTP and a real database: who may activate them, and what they decide."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.policies import (
    PolicyActivation,
    PolicyHistory,
    PolicyNotTested,
    PolicyRefused,
    PolicyStatus,
    PolicyStore,
    PolicyTestResult,
    activate,
    create_draft,
    history,
    record_test,
    roll_back,
)
from api.policies import in_force as in_force_on
from api.replays import replay_decisions, verify_decisions
from api.scorer import ScorerClient
from api.scoring import Rescorer
from api.windows import EntityWindows
from core import clock
from core.settings import Settings
from tests.api.makers import MINIMAL, Api, answering, says_nothing
from tests.claims.policies import LONG_STAY, make_document

VISIT = MINIMAL | {"procedure_code": "P002", "claim_amount": 40, "service_from": "2026-02-02"}
COAST = {
    "name": "coast",
    "when": {"field": "region", "operator": "eq", "value": "Coast"},
    "then": {"review": True},
    "reason": "Claims of the coast are reviewed this month.",
}
TODAY = date(2026, 11, 27)


async def in_force(api: Api, *rules: dict[str, Any], **changes: Any) -> int:
    """Store and activate a version."""
    draft = await create_draft(
        api.database, api.dependencies.field_keys, make_document(*rules, **changes), author="ann"
    )
    made = await activate(
        api.database, api.dependencies.field_keys, draft.version, approver="bob", reason="test", today=TODAY, force=True
    )
    assert made.version == draft.version
    return draft.version


async def submitted(api: Api, place: int = 1, **changes: Any) -> dict[str, Any]:
    """A claim for a service ten days after that of the place before, so that it inherits no review."""
    day = date(2026, 1, 1) + timedelta(days=10 * place)
    response = await api.submit(VISIT | {"service_from": day.isoformat()} | changes)
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    return body


def stored(api: Api) -> list[tuple[Any, ...]]:
    return api.rows("SELECT policy_version, policy_trace FROM assessments ORDER BY made_at")


async def test_a_version_decides_from_its_activation_on_and_the_one_before_after_a_rollback(api: Api):
    assert (await submitted(api, 1))["status"] == "approved"
    first = await in_force(api, COAST)
    held = await submitted(api, 2)
    assert (held["status"], held["reasons"][0]["code"]) == ("in_review", "policy_review")
    assert held["reasons"][0]["cites"] == f"policy/{first} rules/coast"
    second = await in_force(api, LONG_STAY)
    assert (await submitted(api, 3))["status"] == "approved"
    assert (
        await roll_back(api.database, api.dependencies.field_keys, approver="ann", reason="too few reviews")
    ).version == first
    assert (await submitted(api, 4))["status"] == "in_review"
    assert (
        await roll_back(api.database, api.dependencies.field_keys, approver="ann", reason="too many")
    ).version is None
    assert (await submitted(api, 5))["status"] == "approved"
    trace = [{"rule": "coast", "observed": {"region": "Coast"}}]
    assert stored(api) == [(0, None), (first, trace), (second, None), (first, trace), (0, None)]
    with pytest.raises(PolicyRefused, match="nothing to roll back"):
        await roll_back(api.database, api.dependencies.field_keys, approver="ann", reason="again")
    explained = (await api.get(f"/v1/claims/{held['claim_id']}/explanation")).json()["assessments"][0]
    assert (explained["policy_version"], explained["policy_trace"]) == (first, trace)


async def test_a_provider_does_not_see_a_rule(api: Api):
    await in_force(api, COAST)
    body = (await api.submit(VISIT, role="provider")).json()
    assert (body["status"], body["reasons"]) == ("in_review", [])


async def test_parameters_and_caps_of_a_version_replace_the_settings(api: Api):
    lower = LONG_STAY | {
        "when": {"field": "region", "operator": "eq", "value": "Coast"},
        "then": {"auto_approval_cap_cents": 39_99},
    }
    version = await in_force(api, lower)
    (finding,) = [one for one in (await submitted(api))["reasons"] if one.get("cites")]
    assert finding["code"] == "above_auto_approval_cap"
    assert (finding["cites"], "above 39.99" in finding["text"]) == (f"policy/{version} rules/long_stay", True)
    await in_force(api, parameters={"auto_approval_cap_cents": 40_00})
    assert (await submitted(api, 3))["status"] == "approved"
    await in_force(api, parameters={"auto_approval_cap_cents": 39_99}, title="Lower")
    (finding,) = [one for one in (await submitted(api, 5))["reasons"] if one.get("cites")]
    assert finding["code"] == "above_auto_approval_cap"


async def test_the_first_claim_after_an_activation_sees_held_claims_as_far_away_as_the_version_says(api: Api):
    api.scorer.behaviour = answering(0.9)
    held = await submitted(api, 1)
    assert held["status"] == "in_review"
    api.scorer.behaviour = answering(0.1)
    await in_force(api, parameters={"suspicion_days": 20})
    later = await submitted(api, 2, claim_amount=41)
    assert [one["code"] for one in later["reasons"] if one.get("cites")] == ["review_inherited"]


async def test_a_version_decides_only_claims_received_on_its_days(api: Api):
    await in_force(api, valid_from="2026-01-01")
    await in_force(api, COAST, valid_from="2026-12-01", valid_until="2026-12-31")
    statuses = []
    for day in (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)):
        with clock.held(day):
            statuses.append((await submitted(api, day.day))["status"])
    known = await history(api.database)
    assert statuses == ["approved", "in_review"]
    first, second = known.versions
    days = (date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 1))
    assert [known.in_force(day) for day in days] == [first, second, first]
    assert [known.status(second, day) for day in days] == [
        PolicyStatus.SCHEDULED,
        PolicyStatus.ACTIVE,
        PolicyStatus.SUPERSEDED,
    ]
    assert known.status(first, days[0]) is PolicyStatus.ACTIVE


async def test_a_version_that_was_rolled_back_decides_on_no_day_of_the_version_before(api: Api):
    summer = await in_force(api, valid_from="2026-06-01", valid_until="2026-12-31")
    await in_force(api, COAST, valid_from="2026-01-01")
    assert (
        await roll_back(api.database, api.dependencies.field_keys, approver="ann", reason="too many")
    ).version == summer
    with clock.held(datetime(2027, 1, 2, tzinfo=UTC)):
        assert (await submitted(api))["status"] == "approved"
    assert stored(api) == [(0, None)]


_DAYS = st.integers(0, 6)
_STEPS = st.lists(st.tuples(_DAYS, _DAYS) | st.none(), min_size=1, max_size=8)
"""First and last day of a version that is activated; None: the last activation is rolled back."""


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
@example(steps=[(0, 2), (0, 6), None])
@example(steps=[(0, 6), (2, 3), (0, 6), None, None, (1, 1)])
async def test_claims_are_decided_by_the_newest_activation_of_the_day_that_was_not_undone(api: Api, steps):
    first = date(2027, 1, 1)
    while (await history(api.database)).stack:
        await roll_back(api.database, api.dependencies.field_keys, approver="bob", reason="x")
    expected: list[tuple[int, date, date]] = []
    for step in steps:
        if step is not None:
            begins, ends = (first + timedelta(days=day) for day in sorted(step))
            title = str(api.count("policy_versions"))
            version = await in_force(api, title=title, valid_from=str(begins), valid_until=str(ends))
            expected.append((version, begins, ends))
        elif expected:
            expected.pop()
            await roll_back(api.database, api.dependencies.field_keys, approver="bob", reason="x")
    known = await history(api.database)
    for day in (first + timedelta(days=past) for past in range(8)):
        deciding = next((version for version, begins, ends in reversed(expected) if begins <= day <= ends), 0)
        found = known.in_force(day)
        assert (0 if found is None else found.version) == deciding
        async with api.database.looking() as connection:
            (row,) = await connection.fetch(in_force_on(day, "M1", "H1"))
        assert row.policy_version == deciding


async def test_the_author_cannot_activate_a_version(api: Api):
    draft = await create_draft(api.database, api.dependencies.field_keys, make_document(COAST), author="Ann")
    with pytest.raises(PolicyRefused, match="another person activates it"):
        await activate(
            api.database, api.dependencies.field_keys, draft.version, approver="ann", reason="x", today=TODAY
        )
    with pytest.raises(psycopg.errors.CheckViolation):
        api.execute(
            "INSERT INTO policy_activations (kind, version, author, approver, reason, made_at)"
            f" VALUES ('activate', {draft.version}, 'Ann', 'aNN', 'x', now())"
        )
    known = await history(api.database)
    assert known.status(known.versions[0], TODAY) is PolicyStatus.DRAFT


def result(version: int, base: int | None, *, passed: bool) -> PolicyTestResult:
    gates = [{"gate": "few_decisions_changed", "passed": passed, "detail": "decisions_changed is 0.1, at most 0.05"}]
    days = {"first_day": date(2026, 1, 1), "last_day": date(2026, 6, 1)}
    return PolicyTestResult(version, base, 1_000, passed, gates, "ann", "own", scored=7, capacity=200.0, **days)


async def test_a_version_is_activated_after_a_test_against_what_is_in_force_that_passed_or_by_force(api: Api):
    first = (await create_draft(api.database, api.dependencies.field_keys, make_document(COAST), author="ann")).version

    async def activated(version: int, **options: Any) -> PolicyActivation:
        return await activate(
            api.database, api.dependencies.field_keys, version, approver="bob", reason="x", today=TODAY, **options
        )

    with pytest.raises(PolicyNotTested, match=f"run `ginja policy test {first}`"):
        await activated(first)
    await record_test(api.database, result(first, None, passed=False))
    with pytest.raises(PolicyNotTested, match="did not pass few_decisions_changed in test 1"):
        await activated(first)
    await record_test(api.database, result(first, None, passed=True))
    made = await activated(first)
    assert not made.forced
    assert made.test is not None
    assert (made.test.test_id, made.test.dataset, made.test.claims, made.test.scored) == (2, "own", 1_000, 7)
    assert (made.test.first_day, made.test.last_day) == (date(2026, 1, 1), date(2026, 6, 1))
    assert (made.test.capacity, made.test.tested_by) == (200.0, "ann")
    second = (
        await create_draft(api.database, api.dependencies.field_keys, make_document(LONG_STAY), author="ann")
    ).version
    await record_test(api.database, result(second, None, passed=True))  # not against what is in force by now
    with pytest.raises(PolicyNotTested):
        await activated(second)
    await record_test(api.database, result(second, first, passed=False))
    assert (await activated(second, force=True)).forced
    assert api.rows("SELECT version, test_id, forced FROM policy_activations ORDER BY 1") == [
        (first, 2, False),
        (second, 4, True),
    ]
    with pytest.raises(PolicyRefused, match="no policy version 99"):
        await record_test(api.database, result(99, None, passed=True))


async def test_what_cannot_be_stored_or_activated_is_refused(api: Api):
    document = make_document(COAST, valid_until="2026-11-26")
    draft = await create_draft(api.database, api.dependencies.field_keys, document, author="ann")
    with pytest.raises(PolicyRefused, match="has the same content"):
        await create_draft(api.database, api.dependencies.field_keys, document, author="bob")
    with pytest.raises(PolicyRefused, match="was valid until 2026-11-26"):
        await activate(
            api.database, api.dependencies.field_keys, draft.version, approver="bob", reason="x", today=TODAY
        )
    with pytest.raises(PolicyRefused, match="there is no policy version 99"):
        await activate(api.database, api.dependencies.field_keys, 99, approver="bob", reason="x", today=TODAY)
    version = await in_force(api)
    with pytest.raises(PolicyRefused, match="already active"):
        await activate(api.database, api.dependencies.field_keys, version, approver="bob", reason="x", today=TODAY)


@pytest.mark.parametrize("table", ["policy_versions", "policy_activations", "policy_tests"])
async def test_versions_activations_and_tests_are_never_changed(api: Api, table):
    await record_test(api.database, result(await in_force(api), None, passed=True))
    for statement in (f"UPDATE {table} SET version = 1", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            api.execute(statement)


async def test_a_late_score_is_evaluated_by_the_version_of_the_receipt(api: Api):
    risky = LONG_STAY | {"when": {"field": "probability", "operator": "ge", "value": 0.1}, "name": "risky"}
    version = await in_force(api, risky)
    api.scorer.behaviour = says_nothing
    assert (await submitted(api))["status"] == "approved"
    await in_force(api, title="Without the rule")
    api.scorer.behaviour = answering(0.2)

    async def no_past(claims):
        return [{"rows": {}, "times_us": {}, "stale": []} for _ in claims]

    scorer = ScorerClient(f"http://127.0.0.1:{api.scorer.port}", deadline_ms=5_000)
    windows = EntityWindows(api.database, scorer)
    policies = PolicyStore(Settings())
    rescorer = Rescorer(api.database, scorer, no_past, windows, policies=policies, live_deadline_ms=5_000)
    assert await rescorer.drain() == 1
    scorer.close()
    trace = [{"rule": "risky", "observed": {"probability": 0.2}}]
    assert stored(api) == [(version, None), (version, trace)]
    assert api.rows("SELECT status FROM claims") == [("in_review",)]


async def test_old_decisions_evaluate_to_the_same_outcome_after_the_policy_and_the_settings_change(api: Api):
    await submitted(api, 1)
    await in_force(api, COAST, parameters={"rule_approval_cap_cents": 10_00})
    await submitted(api, 2)
    api.scorer.behaviour = says_nothing
    await submitted(api, 3)
    await in_force(api, LONG_STAY, parameters={"auto_approval_cap_cents": 20_00, "rule_approval_cap_cents": 0})
    await submitted(api, 4)
    await in_force(api, parameters={"rule_approval_cap_cents": 10_00})
    await submitted(api, 5)
    await in_force(api, title="Now")
    later = Settings(auto_approval_cap_cents=1, rule_approval_cap_cents=1)
    found = await verify_decisions(api.database, later, most=100)
    assert (found.decisions, found.different) == (5, 0)
    assert (await verify_decisions(api.database, later, most=2)).decisions == 2
    assert {row[0] for row in api.rows("SELECT status FROM claims")} == {"approved", "in_review"}


async def test_a_decision_that_comes_to_another_outcome_is_named(api: Api):
    body = await submitted(api)
    version = (
        await create_draft(api.database, api.dependencies.field_keys, make_document(COAST), author="ann")
    ).version
    api.execute("ALTER TABLE assessments DISABLE TRIGGER USER")
    api.execute(f"UPDATE assessments SET policy_version = {version}")
    found = await verify_decisions(api.database, Settings(), most=10)
    assert [(one.claim_id, one.stored, one.evaluated) for one in found.examples] == [
        (body["claim_id"], "approved", "in_review")
    ]


async def test_another_policy_is_evaluated_over_stored_decisions_with_their_scores(api: Api):
    api.scorer.behaviour = answering(0.2)
    await submitted(api, 1)
    api.scorer.behaviour = answering(0.1)
    await submitted(api, 3)
    version = await in_force(api, COAST)
    await submitted(api, 5)
    risky = LONG_STAY | {"when": {"field": "probability", "operator": "ge", "value": 0.2}, "name": "risky"}
    found = await replay_decisions(api.database, make_document(risky), Settings(), most=100)
    assert (found.decisions, found.to_review, found.to_review_cents) == (3, 1, 40_00)
    assert (found.to_approval, found.to_approval_cents) == (1, 40_00)
    assert [(one.group, one.value, one.decisions, one.changed) for one in found.groups] == [
        ("region", "Coast", 3, 2),
        ("specialty", "cardiology", 3, 2),
    ]
    same = await replay_decisions(api.database, make_document(COAST), Settings(), most=1)
    assert (same.decisions, same.to_review, same.to_approval, same.groups) == (1, 0, 0, ())
    assert [row[0] for row in stored(api)] == [0, 0, version]


async def test_an_activation_costs_a_process_one_statement_once(api: Api):
    await in_force(api, COAST)
    store = PolicyStore(Settings())
    async with api.database.looking() as connection:
        first = await store.in_force(connection, 1)
        assert (await store.in_force(connection, 1)) is first
        assert store.last_used is first
        assert (await store.version(connection, None)).version == 0


def test_a_history_is_a_stack_of_activations():
    at = datetime(2026, 11, 27, tzinfo=UTC)
    kinds = [
        ("activate", 1, None),
        ("activate", 2, None),
        ("rollback", 1, 1),
        ("activate", 3, None),
        ("rollback", 1, 3),
        ("rollback", None, 0),
    ]
    made = [
        PolicyActivation(place, kind, version, "bob", "x", at + timedelta(hours=place), False, undoes)
        for place, (kind, version, undoes) in enumerate(kinds)
    ]
    stacks = [PolicyHistory((), tuple(made[:count])).stack for count in range(len(made) + 1)]
    assert stacks == [(), (1,), (1, 2), (1,), (1, 3), (1,), ()]
