"""The second wall: what the database shows to a caller, whatever a statement asks for."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic import command
from psycopg import errors

from api.console.model import queries
from api.database import ALL_ROWS, EVERY_ROW, NO_ROWS, Database, RowAccess, seeing
from api.database.round_trips import RoundTrip
from api.migrate import alembic_config, upgrade
from core.postgres import as_api_role, with_option
from tests.api.consents import RESEARCH, said, withdrawn
from tests.api.makers import MINIMAL, Api, running_api
from tests.api.noted_statements import note_statements

Connection = psycopg.Connection[tuple[Any, ...]]

OWN = frozenset(
    {
        *("claims", "claim_lines", "assessments", "decisions", "earlier_decisions", "appeals", "appeal_decisions"),
        *("consents", "consent_withdrawals"),
        *("members", "tasks", "bulk_jobs", "bulk_chunks", "bulk_rejects", "idempotency_keys"),
        "archived_claims",
    }
)
"""A provider or member sees its own rows."""
STAFF_ONLY = frozenset(
    {
        *("leads", "lead_claims", "saved_views", "rings"),
        *("samples", "sample_items", "recoupments", "recoupment_entries"),
        "evidence_packs",
        *("case_files", "case_file_parts", "case_file_scans", "case_file_accesses", "case_file_withdrawals"),
        *("member_search", "recipients", "cases", "case_claims", "case_events", "case_tasks", "case_drafts"),
        *("labels", "selections", "dispositions", "authorizations", "registry_history", "reports", "dead_letters"),
        *("rescreening_claims", "rescreening_subjects", "rescreening_findings", "webhook_deliveries"),
        *("webhook_attempts", "webhook_endpoints", "webhook_secrets", "notifications", "notification_subscriptions"),
        *("audit_archives", "mails", "legal_holds", "rescreening_jobs", "outbox", "audit_log"),
    }
)
"""A provider or member sees no row; each may add to the last two."""
WITHOUT_POLICY = {
    "alembic_version": "the revision of the schema",
    "api_keys": "read before it is known who calls, by the hash of a secret",
    "archives": "names of archives and counts",
    "audit_seals": "hashes of the audit log",
    "code_table_entries": "published codes",
    "code_table_imports": "which published codes were imported",
    "console_sessions": "read before it is known who calls; hashes of staff's sessions",
    "data_keys": "wrapped with a master key that the database does not have",
    "diagnoses": "published codes",
    "edit_suspensions": "which checks are suspended, for everybody",
    "feature_store": "a position, and no claim",
    "key_rotations": "when keys were rotated",
    "member_keys": "wrapped with a key that the database does not have",
    "plan_authorizations": "terms of plans, for every member",
    "plan_cost_sharing": "terms of plans, for every member",
    "plans": "terms of plans, for every member",
    "policy_activations": "the insurer's policy, for every claim",
    "policy_tests": "the insurer's policy, for every claim",
    "policy_versions": "the insurer's policy, for every claim",
    "procedures": "published codes and prices",
    "providers": "who is a provider is public: name, identifier, specialty",
    "recovery_codes": "read before it is known who calls; hashes",
    "reference_statistics": "sums over all providers, read for every claim",
    "refresh_tokens": "read before it is known who calls; hashes",
    "request_nonces": "hashes of keys and nonces, read before a request is carried out",
    "request_signing_keys": "public keys of staff and systems",
    "retention_runs": "when which kind of data was last removed",
    "serving_models": "which model served when",
    "sign_in_counters": "read before it is known who calls; keyed hashes",
    "sign_in_places": "read before it is known who calls; keyed hashes",
    "token_families": "read before it is known who calls",
    "token_keys": "keys that sign tokens, encrypted",
    "user_identities": "read before it is known who calls, by the subject of an ID token",
    "users": "read before it is known who calls, by login",
    "webhook_gaps": "positions, and no event",
    "webhook_position": "a position, and no event",
}
"""Tables that everybody's transactions see, and why."""
STAFF = RowAccess(sees_all=True)
PROVIDER, OTHER_PROVIDER = RowAccess(provider_id="H456"), RowAccess(provider_id="H457")
MEMBER, OTHER_MEMBER = RowAccess(member_id="M123"), RowAccess(member_id="M124")


@pytest.fixture
def connection(api: Api) -> Iterator[Connection]:
    """A connection of the role of requests, which has stated nothing."""
    with psycopg.connect(as_api_role(api.url), autocommit=True) as made:
        yield made


async def stored(api: Api, **changes: str) -> str:
    """The id of a new claim."""
    answer = await api.submit({**MINIMAL, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["claim_id"])


def state(connection: Connection, access: RowAccess) -> None:
    """State a caller for as long as the transaction."""
    query = access.statement()
    connection.execute(query.statement.sql, query.params)


def ids(connection: Connection, statement: str = "SELECT claim_id FROM claims") -> set[str]:
    return {row[0] for row in connection.execute(statement)}


def test_every_table_has_a_policy_or_a_reason_for_none(api: Api):
    tables = dict(
        api.rows(
            "SELECT relname::text, relrowsecurity FROM pg_class WHERE relkind IN ('r', 'p') "
            "AND relnamespace = 'public'::regnamespace"
        )
    )
    assert {name for name, is_secured in tables.items() if is_secured} == OWN | STAFF_ONLY
    assert {name for name, is_secured in tables.items() if not is_secured} == WITHOUT_POLICY.keys(), (
        "a new table needs a policy, as in api/migrations/versions/0071_row_security.py, or a reason above"
    )


@pytest.mark.parametrize(
    ("access", "seen"),
    [
        (PROVIDER, {"mine", "mine of another member"}),
        (OTHER_PROVIDER, {"other"}),
        (MEMBER, {"mine"}),
        (OTHER_MEMBER, {"other", "mine of another member"}),
        (RowAccess(provider_id="H999"), set()),
        (NO_ROWS, set()),
        (STAFF, {"mine", "other", "mine of another member"}),
    ],
    ids=["provider", "other provider", "member", "other member", "unknown provider", "nobody", "staff"],
)
async def test_a_caller_sees_the_rows_of_its_own_claims_whatever_is_asked_for(
    api: Api, connection: Connection, access: RowAccess, seen: set[str]
):
    claims = {
        "mine": await stored(api),
        "other": await stored(api, provider_id="H457", member_id="M124"),
        "mine of another member": await stored(api, member_id="M124"),
    }
    expected = {claims[name] for name in seen}
    with connection.transaction():
        state(connection, access)
        for statement in (
            "SELECT claim_id FROM claims",
            "SELECT claim_id FROM claims WHERE provider_id IN ('H456', 'H457') OR true",
            "SELECT claim_id FROM claim_lines",
            "SELECT claim_id FROM assessments",
            "SELECT claim_id FROM assessments JOIN claims USING (claim_id) UNION SELECT claim_id FROM claim_lines",
        ):
            assert ids(connection, statement) == expected, statement
    assert ids(connection) == set(), "what was stated ends with its transaction"


async def test_consents_and_their_withdrawals_are_seen_with_the_claims_of_their_member(
    api: Api, connection: Connection
):
    await stored(api)
    mine = await withdrawn(api, await said(api, RESEARCH))
    other = await withdrawn(api, await said(api, RESEARCH, "M124"))
    for access, expected in (
        (MEMBER, {mine["consent_id"]}),
        (PROVIDER, {mine["consent_id"]}),
        (OTHER_MEMBER, {other["consent_id"]}),
        (OTHER_PROVIDER, set()),
        (NO_ROWS, set()),
        (STAFF, {mine["consent_id"], other["consent_id"]}),
    ):
        with connection.transaction():
            state(connection, access)
            for table in ("consents", "consent_withdrawals"):
                assert ids(connection, f"SELECT consent_id FROM {table}") == expected, (access, table)


@pytest.mark.parametrize("is_later", [False, True], ids=["never stated", "not stated again"])
async def test_a_transaction_that_states_nothing_sees_and_changes_nothing(
    api: Api, connection: Connection, is_later: bool
):
    """An error at the first row in a session that never stated anything, as those of the release before."""
    await stored(api)
    if is_later:
        with connection.transaction():
            state(connection, STAFF)
    reads = [f"SELECT FROM {table}" for table in sorted(OWN | STAFF_ONLY)]
    refused = {}
    for statement in (*reads, "UPDATE claims SET status = 'approved'", "DELETE FROM claim_lines"):
        try:
            assert connection.execute(statement).rowcount == 0, statement
        except errors.InsufficientPrivilege as error:
            refused[statement] = str(error)
    with_rows = {"SELECT FROM claims", "SELECT FROM members", "SELECT FROM outbox", "DELETE FROM claim_lines"}
    assert not refused if is_later else refused.keys() >= with_rows
    assert all("has not stated whose rows it sees" in one for one in refused.values())
    for statement in (
        'INSERT INTO claims SELECT (jsonb_populate_record(NULL::claims, \'{"claim_id": "c"}\')).*',
        "INSERT INTO members (member_id, plan_id, region, enrolled_from) VALUES ('M9', 'PL1', 'Coast', '2020-01-01')",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.parametrize("sees_all", [False, True], ids=["reading", "deciding"])
async def test_a_row_of_others_is_not_changed(api: Api, connection: Connection, sees_all: bool):
    """Who decides a claim sees the claims that the decision depends on, and writes its own alone."""
    mine, other = await stored(api), await stored(api, provider_id="H457", member_id="M124")
    change = "UPDATE claims SET void_reason = 'x' WHERE claim_id = %s"
    with connection.transaction(force_rollback=True):
        state(connection, RowAccess(sees_all=sees_all, provider_id="H456"))
        assert (other in ids(connection)) == sees_all
        assert connection.execute(change, [other]).rowcount == 0
        assert connection.execute("DELETE FROM claims WHERE claim_id = %s", [other]).rowcount == 0
        assert connection.execute(change, [mine]).rowcount == 1
    with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
        state(connection, RowAccess(sees_all=sees_all, provider_id="H456"))
        connection.execute("UPDATE claims SET provider_id = 'H457' WHERE claim_id = %s", [mine])


async def test_a_provider_sees_members_by_its_claims_and_no_work_of_staff(api: Api, connection: Connection):
    await stored(api)
    with connection.transaction():
        state(connection, PROVIDER)
        assert ids(connection, "SELECT member_id FROM members") == {"M123"}
        for table in STAFF_ONLY:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)], table
    with connection.transaction():
        state(connection, OTHER_PROVIDER)
        assert ids(connection, "SELECT member_id FROM members") == set()


async def test_a_forgotten_condition_of_a_service_shows_no_claim_of_others(api: Api, monkeypatch: pytest.MonkeyPatch):
    """Without the conditions of the code, the responses have own claims only."""
    mine, other = await stored(api), await stored(api, provider_id="H457", member_id="M124")
    monkeypatch.setattr("api.intake.service.permitted", lambda filters, _caller: filters)
    monkeypatch.setattr("api.identity.roles.Caller.may_access", lambda *_: True)
    for role in ("provider", "member"):
        listed = (await api.get("/v1/claims", role=role)).text
        assert mine in listed
        assert other not in listed
        assert (await api.get(f"/v1/claims/{other}", role=role)).status_code == 404
    assert other in (await api.get("/v1/claims")).text


async def test_a_decision_depends_on_the_claims_of_other_providers(api: Api):
    """The benefit of a member is used up by the claims of every provider."""
    api.execute("UPDATE plans SET benefit_limit_cents = 10000 WHERE plan_id = 'PL1'")
    cast = {**MINIMAL, "member_id": "M124", "procedure_code": "P002", "claim_amount": 70}
    paid = (await api.submit({**cast, "provider_id": "H457"})).json()
    assert paid["approved_amount"] == 70, paid
    limited = (await api.submit(cast, role="provider")).json()
    assert limited["approved_amount"] == 30, limited


async def test_what_a_caller_stated_is_not_seen_by_the_next_one_on_its_connection(api: Api):
    mine, other = await stored(api), await stored(api, provider_id="H457", member_id="M124")
    database = Database(as_api_role(api.url), pool_size=1, for_callers=True)
    expected = {PROVIDER: {mine}, OTHER_PROVIDER: {other}, NO_ROWS: set(), EVERY_ROW: {mine, other}}

    async def read() -> set[str]:
        async with database.reading() as connection:
            return {row[0] for row in await connection.exec_driver_sql("SELECT claim_id FROM claims")}

    async def change() -> set[str]:
        async with database.transaction() as connection:
            return {row[0] for row in await connection.exec_driver_sql("SELECT claim_id FROM claims")}

    try:
        for access in (PROVIDER, OTHER_PROVIDER, NO_ROWS, PROVIDER, EVERY_ROW, NO_ROWS, OTHER_PROVIDER):
            for way in (read, change, read):
                with seeing(access):
                    assert await way() == expected[access], (access, way)
            assert await read() == expected[EVERY_ROW], "the test's own"
    finally:
        await database.close()


async def test_processes_that_work_for_nobody_state_so_once_for_a_session(api: Api):
    mine = await stored(api)
    with psycopg.connect(with_option(as_api_role(api.url), ALL_ROWS)) as connection:
        assert ids(connection) == {mine}


async def test_rows_of_an_earlier_release_are_there_after_the_upgrade_and_after_a_second_one(
    api: Api, connection: Connection
):
    mine, other = await stored(api), await stored(api, provider_id="H457", member_id="M124")
    await api.database.engine.dispose()
    command.downgrade(alembic_config(api.url), "0070")
    assert ids(connection) == {mine, other}
    for _ in range(2):
        upgrade(api.url, "0071")
        with connection.transaction():
            state(connection, PROVIDER)
            assert ids(connection) == {mine}
        api.execute("UPDATE alembic_version SET version_num = '0070'")  # an upgrade that was interrupted


async def test_the_release_before_stores_and_shows_nothing_unless_its_url_states_every_row(
    seeded_url: str, api: Api, monkeypatch: pytest.MonkeyPatch
):
    """It states no caller; `docs/operate/upgrade.md` has the option that lets it go on."""
    mine = await stored(api)
    monkeypatch.setattr("api.dependencies.Database", lambda url, *, limits, for_callers: Database(url, limits=limits))
    async with running_api(seeded_url) as before:
        assert (await before.submit(MINIMAL)).status_code == 503
        assert (await before.get(f"/v1/claims/{mine}")).status_code == 503
    async with running_api(seeded_url, requests=with_option(as_api_role(seeded_url), ALL_ROWS)) as before:
        assert (await before.get(f"/v1/claims/{mine}")).status_code == 200
        assert (await before.submit({**MINIMAL, "procedure_code": "P002", "claim_amount": 40})).status_code == 201
    assert api.count("claims") == 2


async def test_a_claim_is_stated_without_a_further_round_trip(api: Api, monkeypatch: pytest.MonkeyPatch):
    trips: list[list[str]] = []
    run = RoundTrip.run

    async def noted(trip: RoundTrip, queries: Any, **options: Any) -> Any:
        trips.append([query.statement.sql for query in queries])
        return await run(trip, queries, **options)

    await api.submit(MINIMAL, role="provider")  # the key is cached
    monkeypatch.setattr(RoundTrip, "run", noted)
    sent = note_statements(monkeypatch)
    answer = await api.submit({**MINIMAL, "procedure_code": "P002", "claim_amount": 40}, role="provider")
    assert answer.status_code == 201
    assert sent
    assert all(queries for queries in trips), "each round trip has statements of its own"
    assert not any("set_config" in sql for queries in trips for sql in queries)


async def test_policies_leave_the_index_conditions_of_a_claim_as_they_are(api: Api, monkeypatch: pytest.MonkeyPatch):
    """A condition that the database cannot trust before a policy would be checked row by row."""
    sent: set[str] = set()
    adapted = RoundTrip._adapted

    def noted(trip: RoundTrip, query: Any) -> Any:
        sent.add(query.statement.numbered)
        return adapted(trip, query)

    monkeypatch.setattr(RoundTrip, "_adapted", noted)
    answer = await api.submit(MINIMAL, role="provider", **{"Idempotency-Key": "one"})
    assert (await api.get(f"/v1/claims/{answer.json()['claim_id']}", role="provider")).status_code == 200
    statements = sorted(one for one in sent if one.startswith(("SELECT", "INSERT", "UPDATE", "WITH", "\n")))
    assert len(statements) > 12
    secured = with_option(as_api_role(api.url), ALL_ROWS)
    compared = 0
    for statement in statements:
        plans = [index_conditions(url, statement) for url in (api.url, secured)]
        assert plans[0] <= plans[1], statement
        compared += len(plans[0])
    assert compared > 10


def index_conditions(url: str, statement: str) -> set[str]:
    """The indexes of a statement's plan for any parameters, and the conditions on them.

    A scan of an index alone is one of the index and the row: the policy is about columns of the row.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        rows = connection.execute(f"EXPLAIN (GENERIC_PLAN, COSTS off) {statement}").fetchall()
    return {
        line.strip().removeprefix("->").strip().replace("Index Only Scan", "Index Scan")
        for (line,) in rows
        if "Index Cond" in line or re.search(r"Index (Only )?Scan", line)
    }


def test_claims_of_a_provider_are_counted_in_the_index_alone_under_row_security(api: Api) -> None:
    with psycopg.connect(as_api_role(api.url), autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = connection.execute(
            "EXPLAIN (COSTS off) SELECT count(*) FROM claims WHERE provider_id = 'H456' AND received_at >= '2026-01-01'"
        ).fetchall()
    lines = [line for (line,) in plan]
    assert any("Index Only Scan using claims_of_provider_idx" in line for line in lines), lines
    assert any("member_id" in line for line in lines), "the policy is part of the plan"


def test_the_claims_of_a_day_on_the_model_page_are_found_by_their_index(api: Api) -> None:
    statement = str(queries._DECIDED).replace(":days", "'{2026-03-01}'").replace(":most", "200")
    with psycopg.connect(as_api_role(api.url), autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        lines = [line for (line,) in connection.execute(f"EXPLAIN (COSTS off) {statement}").fetchall()]
    assert any("Index Cond: ((received_at >=" in line for line in lines), lines
