"""The benchmark of the claims API: what it counts, and what it calls a missed target."""

from dataclasses import replace
from urllib.parse import urlsplit

import psycopg

from benchmarks.claims_api import GROWTH, SUSTAINED, ClaimsApiFigures, cpu_of_claims, growth_of, missed_targets
from benchmarks.load import LoadSummary
from benchmarks.process_cpu import milliseconds
from benchmarks.statements import counting_statements

SMALL = ClaimsApiFigures(
    claims_in_table=10_000,
    submit_rate=50,
    submit_p50_ms=10,
    submit_p99_ms=20,
    submit_failed=0,
    rps=SUSTAINED,
    read_p50_ms=2,
    read_p99_ms=8,
    read_p99_of={},
    read_failed=0,
    queries_per_route={},
    queries_per_route_max=1,
    cpu_ms_per_claim={},
    idle_cpu_ms_per_s={},
)


async def test_the_counter_counts_statements_and_not_the_borders_of_transactions(empty_database_url: str):
    address = urlsplit(empty_database_url)
    async with counting_statements((address.hostname or "", address.port or 0)) as counter:
        through = empty_database_url.replace(f":{address.port}/", f":{counter.port}/")
        async with await psycopg.AsyncConnection.connect(through) as connection:
            counter.begin()
            async with connection.transaction():
                await connection.execute("SELECT 1")
                await connection.execute("SELECT %s", (2,))
            assert counter.count == 2
            async with connection.pipeline():
                for number in range(3):
                    await connection.execute("SELECT %s", (number,))
            assert counter.count == 5


def test_growth_is_from_the_smallest_to_the_largest_size():
    large = replace(SMALL, claims_in_table=1_000_000, submit_p99_ms=26, read_p99_ms=8.1)
    assert growth_of([SMALL]) == {}
    assert growth_of([SMALL, large])["submit_p99_ms"] == GROWTH
    assert growth_of([SMALL, large])["read_p99_ms"] == 1.01


def test_a_target_is_missed_only_beyond_its_limit():
    assert missed_targets([SMALL], {"submit_p99_ms": GROWTH}) == []
    assert missed_targets([SMALL], {"submit_p99_ms": GROWTH + 0.01}) == ["submit_p99_ms grows 1.31 times, target 1.3"]
    assert missed_targets([replace(SMALL, rps=SUSTAINED - 1)], {}) == [
        "with 10,000 claims: 349 claims/s sustained, target 350"
    ]
    assert missed_targets([replace(SMALL, read_failed=1)], {}) == ["with 10,000 claims: 0 claims and 1 reads failed"]


def test_the_processor_time_of_a_claim_is_that_of_every_process_and_of_the_generator():
    generated = LoadSummary(90, 10.0, 1.0, 2.0, 3.0, {"201": 90}, cpu_s=0.05)
    before, after = {"api": 1.0, "ended": 5.0}, {"api": 1.5, "new": 7.0}
    assert milliseconds(before, after, 100) == {"api": 5.0}
    assert cpu_of_claims(before, after, generated, 100) == {"api": 5.0, "load generator": 0.5, "total": 5.5}
    assert cpu_of_claims(before, after, generated, 0) == {}
