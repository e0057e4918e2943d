"""One open case per subject, with its claims, who has it, and a history that is not changed."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cases
from api.cases import CaseSubject, Detection, SubjectKind
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.identity import ROLES, Caller, Scope
from tests.api.cases import ANN, BEN, LEA, acts, claim, opened
from tests.api.makers import Api

PROVIDER_IDS = st.lists(st.text("H0123456789", min_size=1, max_size=6), min_size=2, max_size=8, unique=True)


def said_of(refused: Invalid, field: str) -> str:
    """What a refusal says about a field."""
    (found,) = (one.message for one in refused.errors if one.field == field)
    return found


async def test_a_subject_has_one_open_case_to_which_later_claims_are_added(api: Api):
    first, second = await claim(api), await claim(api, member_id="M124")
    made = await opened(api, [first])
    again = await opened(api, [first, second], caller=BEN, detection=Detection.EDIT)
    assert (again.case_id, again.detection, again.opened_by) == (made.case_id, "score", ANN.actor_id)
    found = await cases.claims_of(api.dependencies.database, made.case_id)
    assert {one.claim_id: one.added_by for one in found} == {first: ANN.actor_id, second: BEN.actor_id}
    assert await acts(api, made.case_id) == ["case.open", "case.add_claims", "case.add_claims"]


async def test_investigators_who_open_a_case_at_the_same_time_get_the_same_one(api: Api):
    made = await asyncio.gather(*(opened(api, caller=one) for one in (ANN, BEN, LEA)))
    assert len({one.case_id for one in made}) == 1
    assert await acts(api, made[0].case_id) == ["case.open"]


async def test_a_case_is_about_claims_of_its_subject_alone(api: Api):
    other = await claim(api, provider_id="H457")
    with pytest.raises(Invalid) as refused:
        await opened(api, [other])
    assert said_of(refused.value, "claim_ids") == f"{other} is not of provider H456; check the ids"
    assert api.rows("SELECT * FROM cases") == [], "nothing is stored of what was refused"
    ring = await opened(api, [other], subject=CaseSubject.ring(["H457", "H456"]))
    own = api.dependencies
    with pytest.raises(Invalid, match="invalid"):
        await cases.add_claims(own.database, own.field_keys, ANN, ring.case_id, ["clm_unknown"])
    of_member = await opened(api, [other], subject=CaseSubject.member("M123"))
    assert {ring.subject_kind, of_member.subject_kind} == {"ring", "member"}


@given(PROVIDER_IDS)
def test_a_ring_has_the_same_id_in_each_order_and_another_one_without_a_provider(ids: list[str]):
    ring = CaseSubject.ring(ids)
    assert CaseSubject.ring([*reversed(ids), ids[0]]) == ring
    assert CaseSubject.ring(ids[1:]).subject_id != ring.subject_id


async def test_a_second_investigator_is_refused_and_learns_who_has_the_case(api: Api):
    own, made = api.dependencies, await opened(api)

    async def assign(caller: Caller, assignee_id: str | None) -> str | None:
        return (await cases.assign(own.database, own.field_keys, caller, made.case_id, assignee_id)).assigned_name

    assert await assign(ANN, ANN.actor_id) == "Ann"
    for assignee in (BEN.actor_id, None):
        with pytest.raises(Conflict, match="is assigned to Ann"):
            await assign(BEN, assignee)
    assert await assign(LEA, LEA.actor_id) == "Lea"
    assert await assign(LEA, None) is None
    assert await assign(BEN, BEN.actor_id) == "Ben"
    assert (await acts(api, made.case_id)).count("case.assign") == 4


async def test_a_case_is_assigned_to_those_alone_who_work_cases(api: Api):
    own, made = api.dependencies, await opened(api)
    monitor = (await api.post("/v1/keys", {"name": "m", "role": "monitoring"})).json()["api_key_id"]
    for unknown in (monitor, "usr_unknown"):
        with pytest.raises(Invalid) as refused:
            await cases.assign(own.database, own.field_keys, ANN, made.case_id, unknown)
        assert "active user or key" in said_of(refused.value, "assignee_id")


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_roles_without_the_scope_open_no_case(shared_api: Api, role: str):
    if Scope.CASES_WORK in ROLES[role]:
        assert role in {"investigator", "lead_investigator", "admin"}
        return
    with pytest.raises(Forbidden, match=role):
        await opened(shared_api, caller=replace(ANN, role=role))


async def test_claims_are_removed_and_a_claim_that_the_case_lacks_is_named(api: Api):
    own, first = api.dependencies, await claim(api)
    made = await opened(api, [first])
    await cases.remove_claims(own.database, own.field_keys, ANN, made.case_id, [first])
    assert await cases.claims_of(own.database, made.case_id) == []
    with pytest.raises(Invalid) as refused:
        await cases.remove_claims(own.database, own.field_keys, ANN, made.case_id, [first])
    assert first in said_of(refused.value, "claim_ids")
    assert (await acts(api, made.case_id))[-1] == "case.remove_claims"


async def test_claims_of_a_case_that_another_has_are_not_removed(api: Api):
    own, first = api.dependencies, await claim(api)
    made = await opened(api, [first])
    await cases.assign(own.database, own.field_keys, ANN, made.case_id, ANN.actor_id)
    with pytest.raises(Conflict, match="assigned to Ann"):
        await cases.remove_claims(own.database, own.field_keys, BEN, made.case_id, [first])
    await cases.remove_claims(own.database, own.field_keys, LEA, made.case_id, [first])
    assert await cases.claims_of(own.database, made.case_id) == []


async def test_others_acts_are_recorded_with_an_encrypted_text_and_an_audit_row(api: Api):
    own, made = api.dependencies, await opened(api)
    async with own.database.transaction() as connection:
        number = await cases.add_event(
            connection, own.field_keys, BEN, made.case_id, "case.demand", {"cents": 1200}, text="Sent by post."
        )
    (last, *_) = await cases.history_of(own.database, own.field_keys, made.case_id)
    assert (last.event_no, last.name, last.act, last.details, last.text) == (
        number,
        "Ben",
        "case.demand",
        {"cents": 1200},
        "Sent by post.",
    )
    ((sealed,),) = api.rows("SELECT text_sealed FROM case_events WHERE text_sealed IS NOT NULL")
    assert b"Sent by post" not in bytes(sealed)
    assert api.rows(
        "SELECT api_key_id, subject_kind, subject_id, details FROM audit_log WHERE act = 'case.demand'"
    ) == [(BEN.actor_id, "case", made.case_id, {"cents": 1200, "event": number})]
    async with own.database.transaction() as connection:
        with pytest.raises(NotFound, match="case not found"):
            await cases.add_event(connection, own.field_keys, BEN, "cas_unknown", "case.demand", {})


@pytest.mark.parametrize("statement", ["UPDATE case_events SET act = 'x'", "DELETE FROM case_events"])
async def test_the_history_is_append_only(api: Api, statement: str):
    await opened(api)
    with pytest.raises(psycopg.Error, match="append only"):
        api.execute(statement)


async def test_the_cases_of_a_subject_are_found(api: Api):
    own, made = api.dependencies, await opened(api)
    await opened(api, subject=CaseSubject.provider("H457"))
    assert await cases.open_case_of(own.database, SubjectKind.PROVIDER, "H456") == made
    assert await cases.cases_of(own.database, SubjectKind.PROVIDER, "H456") == [made]
    assert await cases.open_case_of(own.database, SubjectKind.MEMBER, "H456") is None
    with pytest.raises(NotFound):
        await cases.case(own.database, "cas_unknown")


async def test_providers_of_an_open_case_about_a_larger_ring_have_that_case(api: Api):
    grown = await opened(api, subject=CaseSubject.ring(["H456", "H457", "H458"]))
    part = await opened(api, subject=CaseSubject.ring(["H458", "H456"]))
    assert (part.case_id, part.provider_ids) == (grown.case_id, ("H456", "H457", "H458"))
    beyond = await opened(api, subject=CaseSubject.ring(["H456", "H459"]))
    assert beyond.case_id != grown.case_id
