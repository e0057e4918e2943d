"""Each count on a page links to exactly the claims it counts, as the features counted them."""

import csv
import io
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from api.console.claim import COUNTED_SETS, CountedClaimLists, CountedFor, list_address, sets_behind
from api.console.claim.counted_claims import PAGE_ROWS, Anchor
from api.console.claim.reasons import reasons_of_kind
from api.database import Database
from api.identity import create_key
from claims.scoring import Reason
from features.declare import FEATURES
from features.update import states_at
from features.vector import ClaimInputs, inputs_of
from tests.api.conftest import NewDatabase
from tests.api.console.setting import HOSTILE, Browser, app_over
from tests.features.factories import claim, random_claims
from tests.features.ledgers import facts, label, put, rows_of

SITE = "https://ginja.test"
OF_CLAIM = [one for one in COUNTED_SETS.values() if one.about is CountedFor.CLAIM]
Row = Mapping[str, Any]

NOT_KEPT = {
    "member_claims_ytd": lambda of, row: row["member_id"] == of["member_id"] and _since_new_year(of, row),
    "procedure_specialty_region_claims_365d": lambda of, row: (
        _of_whole_days(of, row) and all(row[name] == of[name] for name in ("procedure_code", "specialty", "region"))
    ),
    "procedure_claims_to_midnight_365d": lambda of, row: (
        _of_whole_days(of, row) and row["procedure_code"] == of["procedure_code"]
    ),
    "provider_received_90d": lambda of, row: (
        row["provider_id"] == of["provider_id"] and _received(of, row, timedelta(days=90))
    ),
    "member_received_365d": lambda of, row: (
        row["member_id"] == of["member_id"] and _received(of, row, timedelta(days=365))
    ),
}
"""Sets that no feature counts → whether a claim is in the set of another."""


def _midnight(of: Row) -> datetime:
    return of["received_at"].replace(hour=0, minute=0, second=0, microsecond=0)


def _voided(row: Row, until: datetime) -> bool:
    return row["voided_at"] is not None and max(row["voided_at"], row["received_at"]) < until


def _since_new_year(of: Row, row: Row) -> bool:
    midnight, received = _midnight(of), row["received_at"]
    counted_until = of["received_at"] if received >= midnight else midnight
    return midnight.replace(month=1, day=1) <= received < of["received_at"] and not _voided(row, counted_until)


def _received(of: Row, row: Row, within: timedelta) -> bool:
    return bool(_midnight(of) - within <= row["received_at"] < of["received_at"])


def _of_whole_days(of: Row, row: Row) -> bool:
    midnight = _midnight(of)
    return midnight - timedelta(days=365) <= row["received_at"] < midnight and not _voided(row, midnight)


KEPT: dict[str, Callable[[ClaimInputs], float]] = {
    "provider_weekend_90d": lambda x: x.provider.weekend_90d,
    "provider_new_members_90d": lambda x: x.provider.new_members_90d,
    "provider_claims_180d": lambda x: x.provider.claims_180d,
    "provider_active_days_90d": lambda x: x.provider.active_days_90d,
    "provider_procedure_claims_90d": lambda x: x.provider_procedure.claims_90d,
    "provider_procedure_claims_365d": lambda x: x.provider_procedure.claims_365d,
    "procedure_claims_30d": lambda x: x.procedure.claims_30d,
    "procedure_region_claims_365d": lambda x: x.procedure_region.claims_365d,
    "procedure_specialty_claims_365d": lambda x: x.procedure_specialty.claims_365d,
    **{feature.name: feature.compute for feature in FEATURES if feature.name in COUNTED_SETS},  # type: ignore[dict-item]
}
"""Set → its count among the values that the features keep."""


def small_world(seed: int) -> list[dict[str, Any]]:
    """Claims of few members and providers, with bursts to the same microsecond, and with voids soon and late."""
    rng = random.Random(seed)
    rows = rows_of(random_claims(700, seed=seed, members=15, providers=4, procedures=6, days=420)[0])
    for burst in range(12):
        of = rng.choice(rows)
        at = _midnight(of) + timedelta(hours=rng.choice((0, 9, 23)))
        for number in range(rng.randint(5, 20)):
            received = at + timedelta(microseconds=rng.choice((0, 0, 1, 60_000_000)))
            same = {name: of[name] for name in ("provider_id", "procedure_code", "region", "specialty", "service_from")}
            one = claim(100_000 + burst * 100 + number, received_at=received, service_to=of["service_from"], **same)
            rows.append({**one, "member_id": f"M{rng.randrange(15):05d}", "voided_at": None})
    for row in rng.sample(rows, 150):
        row["voided_at"] = row["received_at"] + rng.choice(
            [timedelta(0), timedelta(microseconds=1), timedelta(hours=5), timedelta(days=rng.randint(1, 60))]
        )
    return sorted(rows, key=lambda row: (row["received_at"], row["claim_id"]))


def put_labels(connection: psycopg.Connection[Any], rows: list[dict[str, Any]], seed: int) -> None:
    """Confirmations, some repeated, reversed or withdrawn."""
    rng = random.Random(seed)
    for row in rng.sample(rows, 60):
        known = row["received_at"] + timedelta(days=rng.randint(0, 90))
        for verdict in rng.choice([(True,), (True, True), (True, False), (True, None, True), (False, True), (False,)]):
            label(connection, row["claim_id"], known, fraud=verdict)
            known += timedelta(days=rng.choice((0, 5, 40)), seconds=1)


@dataclass
class SmallWorld:
    rows: list[dict[str, Any]]
    database: Database
    url: str
    client: httpx.AsyncClient


@pytest.fixture(scope="module")
def filled(new_database: NewDatabase, database_template: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A database of the module's tests, which add claims of providers of their own only."""
    rows = small_world(7)
    with new_database(database_template) as url:
        with psycopg.connect(url) as connection:
            put(connection, rows, events=False)
            put_labels(connection, rows, 7)
            connection.execute("ANALYZE")
        yield url, rows


@pytest.fixture
async def world(filled: tuple[str, list[dict[str, Any]]]) -> AsyncIterator[SmallWorld]:
    url, rows = filled
    database = Database(url)
    _, key = await create_key(database, name="Ines", role="investigator")
    transport = httpx.ASGITransport(app_over(database, url))
    async with Browser(transport=transport, base_url=SITE, headers={"Origin": SITE}) as client:
        await client.post("/console/sign-in", data={"api_key": key, "next": "/console"})
        yield SmallWorld(rows, database, url, client)
    await database.close()


def test_every_set_about_a_claim_is_compared_with_what_counts_it() -> None:
    assert {one.name for one in OF_CLAIM} == KEPT.keys() | NOT_KEPT.keys()


def test_every_feature_that_counts_claims_or_what_they_have_links_to_a_set() -> None:
    not_claims = {"units", "lines", "diagnoses", "provider_day_units", "missing_views"}
    counts = {one.name for one in FEATURES if one.unit == "count" and not one.name.startswith("network_")}
    assert {name for name in counts - not_claims if not sets_behind(name)} == set()


def test_numbers_of_the_network_link_to_the_ring_of_the_provider() -> None:
    names = [one.name for one in FEATURES if one.name.startswith("network_")]
    values = dict.fromkeys(names, 3.0)
    reason = Reason("provider_network", "prior", "Shared members", "for", 1.0, 2.7, values, names, 1.0)
    (line,) = reasons_of_kind("clm_1", "H/456", [reason], "prior").for_fraud
    assert {link.address for number in line.behind for link in number.links} == {"/console/providers/H%2F456#ring"}
    assert [number.name for number in line.behind] == names
    assert len(names) > 3


async def test_each_set_has_as_many_claims_as_the_features_counted_for_200_random_claims(world: SmallWorld) -> None:
    sampled = random.Random(11).sample(world.rows, 200)
    with psycopg.connect(world.url) as connection:
        readings = states_at(connection, [facts(row) for row in sampled])
    counted = CountedClaimLists(world.database)
    turns = itertools.cycle(OF_CLAIM)
    wrong, nonzero = [], set()
    for row, reading in zip(sampled, readings, strict=True):
        x = inputs_of(facts(row), reading.states)
        for one in itertools.islice(turns, 8):
            listed = (await counted.every(one.name, Anchor(row["claim_id"])))[1]
            if one.name in KEPT:
                expected = int(KEPT[one.name](x))
            else:
                expected = sum(NOT_KEPT[one.name](row, other) for other in world.rows)
            assert len({claim.claim_id for claim in listed}) == len(listed)
            if len(listed) != expected:
                wrong.append((one.name, row["claim_id"], len(listed), expected))
            if expected:
                nonzero.add(one.name)
    assert wrong == []
    assert nonzero == {one.name for one in OF_CLAIM}


async def test_the_page_of_a_count_has_a_row_for_each_claim_and_says_how_many(world: SmallWorld) -> None:
    busiest = max(world.rows[-150:], key=lambda row: row["received_at"])
    for one in OF_CLAIM:
        _, claims = await CountedClaimLists(world.database).every(one.name, Anchor(busiest["claim_id"]))
        listed, address = [], list_address(one.name, busiest["claim_id"])
        while address:
            page = (await world.client.get(address)).text
            total = f'<span class="badge">{len(claims):,} claim{"" if len(claims) == 1 else "s"}</span>'
            assert total in page
            listed += [line.split('"')[0] for line in page.split('<a class="id" href="/console/claims/')[2:]]
            _, _, following = page.partition('Export all as CSV</a> · <a href="')
            address = following.partition('"')[0].replace("&amp;", "&")
        assert listed == [claim.claim_id for claim in claims]


async def test_a_long_list_continues_on_further_pages_without_loss(world: SmallWorld) -> None:
    (provider, _), *_ = Counter(row["provider_id"] for row in world.rows).most_common()
    last = max((row for row in world.rows if row["provider_id"] == provider), key=lambda row: row["received_at"])
    counted = CountedClaimLists(world.database)
    place, seen = None, []
    while True:
        page = await counted.page("provider_claims_365d", Anchor(last["claim_id"]), place)
        seen += [claim.claim_id for claim in page.claims]
        place = page.next_place
        if place is None:
            break
        assert len(page.claims) == PAGE_ROWS
    assert len(seen) == page.total == len(set(seen))
    assert page.total > PAGE_ROWS


async def test_sets_of_a_provider_and_member_partition_their_claims(world: SmallWorld) -> None:
    counted = CountedClaimLists(world.database)
    of = world.rows[0]
    every = {name: len((await counted.every(name, Anchor(None, of["provider_id"])))[1]) for name in SUBJECT_SETS}
    own = [row for row in world.rows if row["provider_id"] == of["provider_id"]]
    assert every["all"] == len(own) == every["valid"] + every["voided"]
    assert every["voided"] == sum(row["voided_at"] is not None for row in own)
    assert every["weekend"] == sum(row["service_from"].isoweekday() >= 6 for row in own)
    both = (await counted.every("all", Anchor(None, of["provider_id"], of["member_id"])))[1]
    assert {claim.claim_id for claim in both} == {row["claim_id"] for row in own if row["member_id"] == of["member_id"]}


SUBJECT_SETS = [one.name for one in COUNTED_SETS.values() if one.about is CountedFor.SUBJECT]


async def test_a_list_says_when_the_score_counted_another_number(world: SmallWorld) -> None:
    claim_id = world.rows[-1]["claim_id"]
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome,"
            " approved_cents, flagged, findings, reasons, vector)"
            " VALUES ('asm_1', %s, %s, 'rule', 'closed', 'approved', 0, false, '[]', '[]', %s)",
            [claim_id, datetime(2026, 1, 1, tzinfo=UTC), Jsonb({"member_claims_30d": 999})],
        )
    page = (await world.client.get(list_address("member_claims_30d", claim_id))).text
    assert "The latest score counted 999." in page
    assert "The latest score counted" not in (await world.client.get(list_address("member_claims_7d", claim_id))).text


async def test_no_cell_of_the_export_is_a_formula(world: SmallWorld) -> None:
    formula = '=HYPERLINK("http://x.test")'
    last = claim(990_000, provider_id="H_formula", procedure_code=formula)
    with psycopg.connect(world.url) as connection:
        put(connection, [{**last, "voided_at": None}], events=False)
    answer = await world.client.get(f"/console/claims.csv?set=all&provider={last['provider_id']}")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert rows[0]["procedure_code"] == f"'{formula}"
    assert [row["claim_id"] for row in rows] == [last["claim_id"]]


async def test_strings_of_a_claim_stay_text_in_the_list(world: SmallWorld) -> None:
    last = claim(990_001, provider_id="H_hostile", procedure_code=HOSTILE)
    with psycopg.connect(world.url) as connection:
        put(connection, [{**last, "voided_at": None}], events=False)
    page = (await world.client.get(f"/console/claims?set=all&provider={last['provider_id']}")).text
    assert page.count("<script") == 1  # the console's own
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("claim=clm_1", "is missing"),
        ("set=nothing&claim=clm_1", "is not a set of claims"),
        ("set=provider_claims_30d", "is about a claim; add `claim`"),
        ("set=provider_claims_30d&claim=clm_1&provider=H1", "is about a claim; add `claim`"),
        ("set=all&claim=clm_1", "add `provider` or `member`"),
        ("set=all", "add `provider` or `member`"),
    ],
)
@pytest.mark.parametrize("path", ["claims", "claims.csv"])
async def test_an_address_without_a_set_or_its_subject_says_what_to_add(
    world: SmallWorld, path: str, query: str, message: str
) -> None:
    answer = await world.client.get(f"/console/{path}?{query}")
    assert answer.status_code == 422
    assert message in answer.text


async def test_the_list_of_a_claim_that_does_not_exist_is_not_found(world: SmallWorld) -> None:
    assert (await world.client.get(list_address("provider_claims_30d", "clm_nothing"))).status_code == 404


async def test_a_list_asks_for_a_session(world: SmallWorld) -> None:
    world.client.cookies.clear()
    answer = await world.client.get("/console/claims?set=all&provider=H00000")
    assert answer.status_code == 303
