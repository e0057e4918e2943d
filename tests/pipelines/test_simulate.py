"""The simulated insurer: deterministic, complete, difficult enough, and with each kind of fraud."""

from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.declare import CLAIMS, LABELS
from pipelines.simulate import (
    KINDS,
    FraudWindow,
    Insurer,
    SimulationConfig,
    SimulationError,
    UpcomingClaim,
    UpcomingLine,
    next_claims,
    simulate,
)
from pipelines.simulate import write as write_insurer
from pipelines.simulate.catalogue import DIAGNOSES, PROCEDURES, SPECIALTIES
from pipelines.simulate.draw import Calendar, ChoiceTable, Groups
from pipelines.simulate.report import average_precision, summarize

END = date(2026, 6, 1)


@cache
def insurer(claims: int = 20_000) -> Insurer:
    return simulate(SimulationConfig(claims=claims, seed=7, end=END, live_days=2, live_claims=60))


def query(sql: str, of: Insurer) -> list[tuple]:
    with duckdb.connect() as connection:
        for name in ("claims", "labels", "members", "providers", "procedures", "diagnoses", "claim_lines", "upcoming"):
            connection.register(name, getattr(of, name))
        return connection.execute(sql).fetchall()


def test_the_same_seed_and_end_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_insurer(simulate(SimulationConfig(claims=600, seed=3, end=END)), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "claims.parquet" in files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_another_seed_gives_another_insurer() -> None:
    one, two = (simulate(SimulationConfig(claims=600, seed=seed, end=END)) for seed in (1, 2))
    assert not one.claims.equals(two.claims)


@pytest.mark.parametrize("claims", [500, 3_000])
def test_there_are_exactly_as_many_claims_as_configured(claims: int) -> None:
    made = simulate(SimulationConfig(claims=claims, seed=1, end=END, live_claims=9))
    assert (len(made.claims), len(made.labels), len(made.upcoming)) == (claims, claims, 9)


def test_the_frames_have_their_schemas_in_order_of_receipt() -> None:
    made = insurer()
    assert made.claims.schema.equals(CLAIMS)
    assert made.labels.schema.equals(LABELS)
    received = made.claims["received_at"].cast(pa.int64()).to_numpy()
    assert (np.diff(received) >= 0).all()
    assert query("SELECT max(received_at) < TIMESTAMPTZ '2026-06-01 00:00Z' FROM claims", made) == [(True,)]
    assert query("SELECT min(received_at) >= TIMESTAMPTZ '2026-06-01 00:00Z' FROM upcoming", made) == [(True,)]


@pytest.mark.parametrize("claims", [500, 20_000])
def test_the_minimal_claim_body_fits_every_insurer(claims: int) -> None:
    made = insurer(claims)
    assert query("SELECT count(*) FROM members WHERE member_id = 'M123' AND enrolled_to IS NULL", made) == [(1,)]
    found = query("SELECT specialty, active_to, excluded_from FROM providers WHERE provider_id = 'H456'", made)
    assert found == [("orthopedics", None, None)]
    assert query("SELECT list_contains(specialties, 'orthopedics') FROM procedures WHERE procedure_code = 'P001'", made)
    assert query("SELECT count(*) FROM diagnoses WHERE diagnosis_code = 'D001'", made) == [(1,)]
    of_example = "SELECT count(*) FROM claims JOIN labels USING (claim_id) WHERE provider_id = 'H456' AND is_fraud"
    assert query(of_example, made) == [(0,)]


def test_lines_add_up_to_their_claim_and_the_most_expensive_is_the_principal() -> None:
    sums = """
        SELECT claim_id, count(*)::INT AS lines, sum(units)::INT AS units, sum(amount_cents)::BIGINT AS amount_cents,
            first(procedure_code ORDER BY amount_cents DESC, line) AS procedure_code FROM claim_lines GROUP BY claim_id
    """
    stated = "SELECT claim_id, lines, units, amount_cents, procedure_code FROM claims"
    assert query(f"SELECT count(*) FROM (({stated}) EXCEPT SELECT * FROM ({sums}))", insurer()) == [(0,)]


def test_honest_claims_are_of_insured_members_and_active_providers_for_possible_procedures() -> None:
    wrong = """
        SELECT count(*) FILTER (c.service_from < m.enrolled_from OR c.service_to >= m.enrolled_to),
            count(*) FILTER (c.service_from < p.active_from OR c.service_to > p.active_to),
            count(*) FILTER (c.service_to >= p.excluded_from),
            count(*) FILTER (c.sex <> t.sex), count(*) FILTER (c.age_years NOT BETWEEN min_age_years AND max_age_years),
            count(*) FILTER (c.service_to > c.received_at::DATE)
        FROM claims c JOIN labels USING (claim_id) JOIN members m USING (member_id) JOIN providers p USING (provider_id)
        JOIN procedures t USING (procedure_code) WHERE NOT is_fraud
    """
    assert query(wrong, insurer()) == [(0, 0, 0, 0, 0, 0)]


def test_every_kind_occurs_at_about_the_configured_rate() -> None:
    figures = summarize(insurer())
    assert set(figures.kinds) == set(KINDS)
    assert 0.010 < figures.base_rate < 0.020


def test_the_amount_alone_does_not_identify_fraud() -> None:
    figures = summarize(insurer())
    assert figures.ap_amount_only < 4 * figures.base_rate


def test_most_claims_of_fraudulent_providers_are_honest() -> None:
    shares = query(
        """SELECT avg(is_fraud::INT) FROM claims JOIN labels USING (claim_id) GROUP BY provider_id
           HAVING sum(is_fraud::INT) >= 5""",
        insurer(),
    )
    assert shares
    assert np.median([share for (share,) in shares]) < 0.3


def test_the_truth_becomes_known_after_the_claim() -> None:
    late = "SELECT count(*) FILTER (known_at <= received_at) FROM claims JOIN labels USING (claim_id)"
    assert query(late, insurer()) == [(0,)]


BEHAVIOUR = {
    "implausible_procedure": """
        SELECT avg((SELECT count(*) FROM claims o WHERE o.diagnosis_code = c.diagnosis_code
                    AND o.procedure_code = c.procedure_code) < 12)""",
    "duplicates": """
        SELECT avg(EXISTS (SELECT 1 FROM claims o WHERE o.member_id = c.member_id AND o.provider_id = c.provider_id
            AND o.procedure_code = c.procedure_code AND o.received_at < c.received_at))""",
    "impossible_days": """
        SELECT avg((SELECT count(*) FROM claims o WHERE o.provider_id = c.provider_id
                    AND o.service_to = c.service_to) > 5)""",
    "phantom_services": "SELECT avg(isodow(service_to) >= 6)",
    "unbundling": """
        SELECT avg(lines > 3 OR (SELECT count(*) FROM claims o WHERE o.provider_id = c.provider_id
                    AND o.member_id = c.member_id AND o.service_from = c.service_from) > 1)""",
    "doctor_shopping": """
        SELECT avg((SELECT count(*) FROM claims o WHERE o.member_id = c.member_id AND o.diagnosis_code = 'D004'
                    AND abs(date_diff('day', o.received_at, c.received_at)) < 31) > 3)""",
    "identity_misuse": """
        SELECT avg(NOT EXISTS (SELECT 1 FROM claims o WHERE o.member_id = c.member_id
            AND o.provider_id = c.provider_id AND o.received_at < c.received_at - INTERVAL 20 DAY))""",
    "kickback_ring": """
        SELECT avg((SELECT count(DISTINCT provider_id) FROM claims o WHERE o.member_id = c.member_id
                    AND abs(date_diff('day', o.received_at, c.received_at)) < 12) > 1)""",
    "excluded_provider": "SELECT avg(c.service_to >= excluded_from)",
}
"""What sets each kind apart, as the share of claims of which it is true."""


@pytest.mark.parametrize("kind", BEHAVIOUR)
def test_each_kind_of_fraud_has_its_pattern(kind: str) -> None:
    from_claims = """ FROM (SELECT claims.* , is_fraud, kind, excluded_from FROM claims JOIN labels USING (claim_id)
        JOIN providers USING (provider_id)) c WHERE """
    averaged = BEHAVIOUR[kind].replace("avg(", "avg((", 1).strip() + "::INT)"
    ((of_kind,),) = query(f"{averaged}{from_claims} kind = '{kind}'", insurer())
    ((of_honest,),) = query(f"{averaged}{from_claims} NOT is_fraud AND hash(claim_id) % 20 = 0", insurer())
    assert of_kind > (of_honest or 0.0) + 0.15


def test_upcoded_claims_cost_more_than_honest_ones_of_the_same_provider() -> None:
    ratio = """
        SELECT avg(ln(amount_cents)) FILTER (kind = 'upcoding') - avg(ln(amount_cents)) FILTER (NOT is_fraud)
        FROM claims JOIN labels USING (claim_id)
        WHERE provider_id IN (SELECT provider_id FROM claims JOIN labels USING (claim_id) WHERE kind = 'upcoding')
    """
    ((pushed,),) = query(ratio, insurer())
    assert pushed > 0.2


def test_corrections_are_received_after_the_claim_they_replace() -> None:
    wrong = """
        SELECT count(*), count(*) FILTER (old.claim_id IS NULL OR old.voided_at <> new.received_at)
        FROM claims new LEFT JOIN claims old ON new.replaces = old.claim_id WHERE new.replaces IS NOT NULL
    """
    ((corrections, mistakes),) = query(wrong, insurer())
    assert corrections > 20
    assert mistakes == 0


def test_one_kind_of_fraud_can_end_and_another_begin() -> None:
    turn = date(2025, 12, 1)
    windows = (FraudWindow("upcoding", until=turn), FraudWindow("phantom_services", first=turn))
    made = simulate(SimulationConfig(claims=12_000, seed=2, end=END, windows=windows))
    joined = made.claims.select(["claim_id", "received_at"]).join(made.labels, "claim_id").to_pandas()
    day = joined["received_at"].dt.date
    assert (day[joined["kind"] == "upcoding"] < turn).all()
    assert (day[joined["kind"] == "phantom_services"] >= turn).all()
    assert (joined["kind"] == "upcoding").sum() > 10
    assert (joined["kind"] == "phantom_services").sum() > 4


def test_a_simulation_may_have_no_fraud() -> None:
    made = simulate(SimulationConfig(claims=600, end=END, fraud_rate=0))
    assert not pc.any(made.labels["is_fraud"]).as_py()


def test_the_next_claims_come_with_their_lines() -> None:
    made = insurer()
    batch = next_claims(made, 5, 7)
    assert [row["claim_id"] for row in batch] == made.upcoming["claim_id"].to_pylist()[5:12]
    assert all(set(row) == set(UpcomingClaim.__annotations__) == {*CLAIMS.names, "line_items"} for row in batch)
    assert all(set(line) == set(UpcomingLine.__annotations__) for row in batch for line in row["line_items"])
    assert all(len(row["line_items"]) == row["lines"] for row in batch)
    assert all(sum(line["amount_cents"] for line in row["line_items"]) == row["amount_cents"] for row in batch)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"claims": 3}, "claims"),
        ({"seed": -1}, "seed"),
        ({"days": 5}, "days"),
        ({"fraud_rate": 0.5}, "fraud_rate"),
        ({"live_days": 0, "live_claims": 5}, "live"),
        ({"windows": (FraudWindow("bribery"),)}, "bribery"),
    ],
)
def test_an_invalid_configuration_is_refused(wrong: dict, named: str) -> None:
    with pytest.raises(SimulationError, match=named):
        SimulationConfig(**wrong)


def test_the_catalogue_is_consistent() -> None:
    codes = {procedure.code for procedure in PROCEDURES}
    assert len(codes) == len(PROCEDURES)
    for procedure in PROCEDURES:
        assert set(procedure.specialties) <= set(SPECIALTIES)
        assert procedure.upcoded is None or procedure.upcoded in codes
    for diagnosis in DIAGNOSES:
        assert {code for code, _ in diagnosis.procedures} <= codes


def test_draws_follow_their_weights() -> None:
    uniform = (np.arange(1000) + 0.5) / 1000
    rows = np.ones(1000, dtype=np.int64)
    assert np.bincount(ChoiceTable(np.array([[1.0, 0.0], [1.0, 3.0]])).draw(rows, uniform)).tolist() == [250, 750]
    groups = Groups(np.array([1, 0, 1]), np.array([3.0, 1.0, 1.0]))
    assert np.bincount(groups.draw(rows, uniform), minlength=3).tolist() == [750, 0, 250]
    calendar = Calendar(10, np.array([1.0, 0.0, 3.0]))
    days = calendar.draw(np.full(1000, 10), np.full(1000, 13), uniform)
    assert np.bincount(days - 10, minlength=3).tolist() == [250, 0, 750]
    assert calendar.volume(np.array([11]), np.array([99]))[0] == pytest.approx(3)


def test_average_precision_is_that_of_the_step_curve() -> None:
    assert average_precision(np.array([True, False, True]), np.array([3.0, 2.0, 1.0])) == pytest.approx(0.5 + 1 / 3)
    assert average_precision(np.array([True, False]), np.array([1.0, 1.0])) == pytest.approx(0.5)
    assert average_precision(np.array([False]), np.array([1.0])) == 0.0
