"""What claims use of a prior authorization, what they state of it, and how authorizations are found."""

import json
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from api.authorizations.repository import listing
from api.members import UnknownReference, store_authorizations, store_requirements
from claims.prior_authorization import (
    Authorization,
    AuthorizationCount,
    AuthorizationRequirement,
    AuthorizationState,
    CodeRange,
)
from tests.api.decisions import DENY, RELEASE, decide, held
from tests.api.makers import MINIMAL, Api, answering
from tests.api.test_authorizations import DAY, Load, authorize, codes, left, submit
from tests.api.test_authorizations import load as load
from tests.api.test_authorizations import required as required
from tests.formats.fhir_claims import fhir_claim, item

UNITS = AuthorizationCount.UNITS


@pytest.mark.usefixtures("required")
async def test_a_claim_that_is_released_uses_what_it_needs_although_nothing_was_left_at_its_receipt(api: Api):
    await authorize(api, units=1)
    first = await held(api, MINIMAL | {"authorization_number": "A-1"}, service_from="2026-06-02")
    api.scorer.behaviour = answering(0.1)
    second = await submit(api, service_from="2026-07-02")
    await decide(api, first, DENY)
    await decide(api, second["claim_id"], RELEASE)
    assert await left(api) == (1, 0, 0)
    assert codes(await submit(api, service_from="2026-08-02")) == ["authorization_exceeded"]


@pytest.mark.usefixtures("required")
async def test_claims_for_one_day_are_one_visit_and_either_measure_can_be_changed_to(api: Api):
    made = await authorize(api, units=1, counts="visits")
    twice = {"lines": [{"procedure_code": "P001", "amount": 100, "units": 2}]}
    changes = {
        name: value for name, value in (MINIMAL | twice).items() if name not in ("procedure_code", "claim_amount")
    }

    async def second(day: str) -> dict[str, Any]:
        sent = changes | {"service_from": day, "provider_id": "H457", "authorization_number": "A-1"}
        response = await api.submit(sent)
        assert response.status_code == 201, response.text
        return dict(response.json())

    facility = await submit(api)
    surgeon = await second(DAY)
    assert (surgeon["status"], codes(surgeon), await left(api)) == ("approved", [], (1, 0, 0))
    assert codes(await second("2026-05-02")) == ["authorization_exceeded"]
    await api.post(f"/v1/claims/{facility['claim_id']}/void", b"")
    assert await left(api) == (1, 0, 0)
    stated = {name: made[name] for name in ("procedures", "first_day", "state")} | {"units": 5, "counts": "units"}
    tag = (await api.get("/v1/authorizations/A-1")).headers["etag"]
    headers = {"Content-Type": "application/json", "If-Match": tag, **api.as_("admin")}
    content = json.dumps(stated).encode()
    changed = await api.client.put("/v1/authorizations/A-1", content=content, headers=headers)
    assert (changed.status_code, await left(api)) == (200, (2, 0, 3))


@pytest.mark.usefixtures("required")
async def test_a_number_that_no_authorization_has_counts_only_where_one_is_needed(api: Api):
    for day, text in enumerate(("call of 2 March", "#17/a", "é"), start=1):
        none_needed = await submit(api, text, procedure_code="P002", claim_amount=50, service_from=f"2026-01-0{day}")
        assert (none_needed["status"], none_needed["authorization_number"]) == ("approved", text)
    two = {"sequence": 1, "focal": True, "coverage": {"display": "plan"}, "preAuthRef": ["A-1", "A-2"]}
    items = [item(1, "P002", 50, servicedDate="2026-03-01")]
    claim = fhir_claim(insurance=[two], item=items, total={"value": 50, "currency": "USD"})
    made = await api.post("/v1/fhir/Claim", claim, **{"Content-Type": "application/fhir+json"})
    assert (made.status_code, made.json()["disposition"]) == (201, "approved")
    needed = await submit(api, "A-1 A-2")
    assert (needed["status"], codes(needed)) == ("in_review", ["authorization_unclear"])
    for text in ("x" * 65, "a\nb", ""):
        refused = await api.submit(MINIMAL | {"authorization_number": text})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "authorization_number")


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"member_id": "M7"}, "authorizations_member_id_authorization_number_idx"),
        ({"provider_id": "H7"}, "authorizations_provider_id_authorization_number_idx"),
        ({"state": "pending"}, "authorizations_state_authorization_number_idx"),
        ({"state": "approved"}, "authorizations_pkey"),
    ],
)
async def test_each_list_of_authorizations_is_read_through_an_index(api: Api, filters: dict[str, str], index: str):
    with psycopg.connect(api.url) as connection:
        connection.execute("INSERT INTO members (member_id) SELECT 'M' || n FROM generate_series(1000, 1999) AS n")
        connection.execute("INSERT INTO members (member_id) VALUES ('M7')")
        connection.execute(
            """
            INSERT INTO authorizations (authorization_number, member_id, provider_id, procedures, first_day, state)
            SELECT 'A' || n, 'M' || 1000 + n % 1000, 'H' || n % 5000, '{P001}', '2026-01-01',
                   CASE WHEN n % 500 = 7 THEN 'pending' ELSE 'approved' END
            FROM generate_series(1, 20000) AS n
            """
        )
        connection.execute("ANALYZE authorizations")
        statement = listing(filters, after="A1", limit=50)
        sql = statement.compile(dialect=PGDialect_psycopg(), compile_kwargs={"render_postcompile": True})
        connection.execute("SET plan_cache_mode = force_generic_plan")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {sql}", sql.params, prepare=True))
    assert index in plan, plan
    assert "Seq Scan" not in plan


async def test_ids_of_a_file_are_normalized_as_those_of_claims(api: Api, load: Load):
    api.execute("INSERT INTO providers (provider_id) VALUES ('1234567893')")
    api.execute("INSERT INTO members (member_id) VALUES ('00017')")
    header = "authorization_number,member_id,provider_id,procedures,first_day,state"
    await load("authorizations", f'{header}\nA-1,"=""00017""",1234567893.0,P001,2026-01-01,approved\n')
    made = (await api.get("/v1/authorizations/A-1")).json()
    assert (made["member_id"], made["provider_id"]) == ("00017", "1234567893")


async def test_a_file_may_name_more_ids_than_a_statement_takes_parameters(api: Api):
    """Postgres takes 65,535."""
    ids = [f"none-{number}" for number in range(70_000)]
    day, codes_, approved = date(2026, 1, 1), (CodeRange("P001", "P001"),), AuthorizationState.APPROVED
    authorizations = [Authorization(one, one, None, codes_, None, UNITS, day, None, approved) for one in ids]
    with pytest.raises(UnknownReference, match="member none-0 does not exist"):
        await store_authorizations(api.database, authorizations)
    with pytest.raises(UnknownReference, match="plan none-0 does not exist"):
        await store_requirements(api.database, [AuthorizationRequirement(one, "P001", "P001", day) for one in ids])


@pytest.mark.usefixtures("required")
async def test_a_claim_that_an_earlier_release_stored_after_the_migration_counts_as_a_visit(api: Api):
    """It knows no days, and stores visits as units."""
    await authorize(api, units=1, counts="visits")
    await submit(api)
    api.execute("UPDATE claims SET authorized_days = '{}', authorized_units = 1")
    assert await left(api) == (1, 0, 0)
    assert codes(await submit(api, service_from="2026-05-02")) == ["authorization_exceeded"]
