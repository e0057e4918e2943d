"""A policy over columns decides as over single claims, and its gates say what it changes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.adjudication import Evidence, decide, run_edits
from claims.benefits import Benefit
from claims.claim import Claim, ClaimLine
from claims.outcome import Outcome
from claims.plausibility import check_plausibility
from claims.policy import PolicyFacts, PolicyInForce, apply_rules
from claims.reference import Member, Provider
from claims.rule import check_twice_average
from claims.scoring import ClaimFacts
from pipelines.behaviour.submissions import SourceCatalogue, read_catalogue
from pipelines.datasets import Source, open_named
from pipelines.policies import check_policy_gates, decide_columns, read_history, replay_policies
from pipelines.simulate import SimulationConfig, simulate, write
from tests.claims import policies
from tests.claims.makers import make_score
from tests.claims.policies import LONG_STAY, make_document

CLAIMS = 6_000
COMPARED = 250


def _disturb(table: pa.Table, rng: np.random.Generator, lines: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Claims as no simulator makes them: high prices, many units, missing codes, regions and members."""
    ids = table["claim_id"].to_pylist()
    factor = dict(zip(ids, rng.choice([1, 1, 1, 3, 8, 40], len(ids)).tolist(), strict=True))
    more = dict(zip(ids, rng.choice([1, 1, 1, 5], len(ids)).tolist(), strict=True))

    def scaled(frame: pa.Table) -> pa.Table:
        for name, times in (("amount_cents", factor), ("units", more)):
            values = [
                None if value is None else value * times[claim]
                for claim, value in zip(frame["claim_id"].to_pylist(), frame[name].to_pylist(), strict=True)
            ]
            column = pa.array(values, frame.schema.field(name).type)
            frame = frame.set_column(frame.schema.get_field_index(name), frame.schema.field(name), column)
        return frame

    table, lines = scaled(table), scaled(lines)
    for name in ("region", "specialty", "place_of_service", "diagnosis_code", "age_years", "member_id"):
        kept = rng.random(len(table)) > 0.05
        column = pa.array(
            [value if keep else None for value, keep in zip(table[name].to_pylist(), kept.tolist(), strict=True)],
            table.schema.field(name).type,
        )
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table, lines


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    home = tmp_path_factory.mktemp("home")
    folder = home / "data"
    write(simulate(SimulationConfig(claims=CLAIMS, seed=3, end=date(2026, 6, 1))), folder)
    rng = np.random.default_rng(1)
    claims, lines = _disturb(
        pq.read_table(folder / "claims.parquet"), rng, pq.read_table(folder / "claim_lines.parquet")
    )
    pq.write_table(claims, folder / "claims.parquet")
    pq.write_table(lines, folder / "claim_lines.parquet")
    return open_named("simulated", home)


@pytest.fixture(scope="module")
def scores(source: Source) -> pa.Table:
    """Scores of two thirds of the claims."""
    rng = np.random.default_rng(2)
    ids = source.claims["claim_id"].to_pylist()
    taken = [one for one in ids if rng.random() < 0.66]
    probability = rng.choice([0.0, 0.1, 0.3, 0.5, 0.9], len(taken))
    return pa.table({"claim_id": taken, "probability": probability, "flagged": probability >= 0.5})


@pytest.fixture(scope="module")
def history(source: Source, scores: pa.Table):
    return read_history(source, most=CLAIMS, scores=scores)


class Rows:
    """The same claims one by one, from the same frames."""

    def __init__(self, source: Source, catalogue: SourceCatalogue, scores: pa.Table) -> None:
        def rows(name: str) -> list[dict[str, Any]]:
            return pq.read_table(source.home / "data" / f"{name}.parquet").to_pylist()

        self.catalogue = catalogue
        self.members = {
            row["member_id"]: Member(
                row["member_id"], row["birth_date"], row["sex"], row["enrolled_from"], row["enrolled_to"]
            )
            for row in rows("members")
        }
        self.providers = {
            row["provider_id"]: Provider(
                row["provider_id"],
                row["specialty"],
                row["region"],
                row["active_from"],
                row["active_to"],
                row["excluded_from"],
            )
            for row in rows("providers")
        }
        self.lines: dict[str, list[ClaimLine]] = {}
        for row in rows("claim_lines"):
            line = ClaimLine(row["procedure_code"], row["amount_cents"], row["units"], row["service_date"])
            self.lines.setdefault(row["claim_id"], []).append(line)
        self.scores = {row["claim_id"]: row for row in scores.to_pylist()}

    def decide(self, row: dict[str, Any], policy: PolicyInForce) -> tuple[Outcome, set[str]]:
        own = tuple(self.lines.get(row["claim_id"], ())) or (
            ClaimLine(row["procedure_code"], row["amount_cents"], row["units"]),
        )
        member = self.members.get(row["member_id"]) or Member("?")
        provider = self.providers[row["provider_id"]]
        claim = Claim(
            claim_id=row["claim_id"],
            received_at=row["received_at"],
            received_on=max(row["received_at"].date(), row["service_to"]),
            member_id=member.member_id,
            provider_id=provider.provider_id,
            diagnosis_codes=(row["diagnosis_code"] or "?",),
            lines=own,
            service_from=row["service_from"],
            service_to=row["service_to"],
        )
        procedures = {line.procedure_code: self.catalogue.procedure(line.procedure_code) for line in own}
        diagnoses = {code: self.catalogue.diagnosis(code) for code in claim.diagnosis_codes}
        rule = check_twice_average(claim.amount_cents, claim.principal, procedures[claim.principal.procedure_code])
        references = self.catalogue.references(claim, provider)
        edits = run_edits(Evidence(claim, member, provider, procedures, diagnoses, Benefit(None, 0)))

        def prices(limits):
            return check_plausibility(claim, procedures=procedures, references=references, rule=rule, policy=limits)

        stored = self.scores.get(row["claim_id"])
        probability = None if stored is None else stored["probability"]
        flagged = None if stored is None else stored["flagged"]
        named = {name: row[name] for name in ClaimFacts.model_fields if name in row}
        facts = ClaimFacts.model_construct(**named | {"member_id": claim.member_id})
        effects = apply_rules(
            policy,
            PolicyFacts.of(
                facts,
                findings=(one.code for one in (*edits, *prices(policy.plausibility))),
                probability=probability,
                model_flagged=flagged,
                rule=rule,
            ),
        )
        score = (
            None
            if stored is None
            else make_score(
                probability=probability,
                flagged=flagged,
                out_of_range=[],
                tail_features=0,
                tail_limit=9,
                gain_present=1.0,
            )
        )
        decision = decide(
            amount_cents=claim.amount_cents,
            benefit=Benefit(None, 0),
            findings=[*edits, *prices(effects.plausibility(policy.plausibility)), *effects.findings],
            score=score,
            rule=rule,
            policy=effects.decision(policy.decision),
        )
        codes = {one.code for one in decision.findings if one.code != "policy_review"}
        rules = {f"rules/{one.cites.rpartition('/')[2]}" for one in effects.findings}
        return decision.outcome, codes | rules


@pytest.fixture(scope="module")
def rows(source: Source, scores: pa.Table, history) -> Rows:
    return Rows(source, read_catalogue(source, history.prices_as_of), scores)


price_parameters = st.fixed_dictionaries(
    {},
    optional={
        "provider": st.builds(
            lambda claims, floor, more: {"min_claims": claims, "floor_factor": floor, "ceiling_factor": floor + more},
            st.integers(5, 40),
            st.floats(1, 3),
            st.floats(0, 3),
        ),
        "procedure": st.builds(
            lambda claims: {"min_claims": claims, "floor_factor": 1.5, "ceiling_factor": 3.0}, st.integers(5, 200)
        ),
        "spread_multiple": st.floats(0, 5),
        "peer_factor": st.floats(1, 6),
        "catalogue_factor": st.floats(1, 4),
        "firm_spread": st.floats(0, 2),
        "established_band": st.floats(1, 2),
        "established_peer_factor": st.floats(1, 3),
        "units_factor": st.floats(1, 3),
        "min_provider_claims": st.integers(0, 60),
        "auto_approval_cap_cents": st.integers(0, 5_000_00),
        "rule_approval_cap_cents": st.integers(0, 2_000_00),
    },
)
documents = st.builds(lambda made, given: make_document(*made, parameters=given), policies.rules, price_parameters)


@settings(max_examples=25, deadline=None)
@given(document=documents, data=st.data())
def test_columns_decide_as_single_claims_do(document, data, history, rows):
    decided = decide_columns(history.claims, document)
    policy = PolicyInForce(3, document, 5)
    start = data.draw(st.integers(0, len(history.claims) - COMPARED))
    for at, row in enumerate(history.claims.table.slice(start, COMPARED).to_pylist(), start=start):
        outcome, codes = rows.decide(row, policy)
        found = {code for code, flags in decided.findings.items() if flags[at]}
        assert found == codes, row["claim_id"]
        assert (decided.approved[at], decided.in_review[at], decided.rejected[at]) == (
            outcome is Outcome.APPROVED,
            outcome is Outcome.IN_REVIEW,
            outcome is Outcome.REJECTED,
        )


def _most_claims(history) -> str:
    column = history.claims.groups["region"]
    return column.values[int(np.argmax(np.bincount(column.codes)))]


def test_the_same_policy_changes_nothing(history):
    found = replay_policies(history, before=make_document(LONG_STAY), after=make_document(LONG_STAY))
    assert (found.changed, found.to_review_cents, found.to_approval_cents, found.findings) == (0, 0, 0, ())
    assert all(one.passed for one in check_policy_gates(found))


def test_a_replay_counts_decisions_dollars_findings_and_groups(history):
    region = {
        "name": "one_region",
        "when": {"field": "region", "operator": "eq", "value": _most_claims(history)},
        "then": {"review": True},
        "reason": "x",
    }
    before, after = make_document(), make_document(region, parameters={"suspicion_days": 9})
    found = replay_policies(history, before=before, after=after)
    assert found.changed == found.to_review > 0
    assert found.after.in_review == found.before.in_review + found.to_review
    assert found.after.approved_cents == found.before.approved_cents - found.to_review_cents
    back = replay_policies(history, before=after, after=before)
    assert (back.to_approval, back.to_approval_cents) == (found.to_review, found.to_review_cents)
    assert [(one.finding, one.before) for one in found.findings] == [("rules/one_region", 0)]
    by_group: dict[str, int] = {}
    for one in found.groups:
        by_group[one.group] = by_group.get(one.group, 0) + one.changed
    assert by_group == dict.fromkeys(("plan", "specialty", "region", "age", "sex"), found.changed)
    changed = [one for one in found.groups if one.group == "region" and one.changed]
    assert [one.value for one in changed] == [region["when"]["value"]]
    assert changed[0].reviewed_after > 0.99 > changed[0].reviewed_before
    assert found.not_replayed == ("parameters.suspicion_days",)
    refused = {one.gate for one in check_policy_gates(found) if not one.passed}
    assert refused == {
        "reviews_within_capacity",
        "few_decisions_changed",
        "no_group_singled_out",
        "everything_replayed",
    }


@pytest.mark.parametrize(
    ("when", "without_scores", "with_scores"),
    [
        (
            {"field": "probability", "operator": "ge", "value": 0.5},
            ("rules.long_stay reads probability: no claim has a score",),
            (),
        ),
        (
            {"field": "findings", "operator": "contains", "value": "possible_duplicate"},
            ("rules.long_stay reads possible_duplicate, which is not found here",),
            ("rules.long_stay reads possible_duplicate, which is not found here",),
        ),
        ({"field": "findings", "operator": "contains", "value": "units_over_limit"}, (), ()),
    ],
)
def test_a_rule_whose_effect_the_claims_cannot_show_is_named(source, history, when, without_scores, with_scores):
    rule = LONG_STAY | {"when": when}
    for claims, named in ((read_history(source, most=CLAIMS), without_scores), (history, with_scores)):
        for before, after in ((make_document(), make_document(rule)), (make_document(rule), make_document())):
            assert replay_policies(claims, before=before, after=after).not_replayed == named
        same = replay_policies(claims, before=make_document(rule), after=make_document(rule, title="Same rule"))
        assert same.not_replayed == ()


def test_a_cap_without_a_score_is_not_replayed_where_every_claim_has_one(source):
    ids = source.claims["claim_id"]
    scored = pa.table({"claim_id": ids, "probability": np.zeros(len(ids)), "flagged": np.zeros(len(ids), np.bool_)})
    found = replay_policies(
        read_history(source, most=CLAIMS, scores=scored),
        before=make_document(),
        after=make_document(parameters={"rule_approval_cap_cents": 0}),
    )
    assert found.not_replayed == ("parameters.rule_approval_cap_cents: every claim has a score",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"then": {"rule_approval_cap_cents": 0}}, "rules.long_stay sets rule_approval_cap_cents"),
        ({"when": {"field": "probability", "operator": "missing", "value": True}}, "rules.long_stay reads probability"),
        (
            {"when": {"all": [{"field": "model_flagged", "operator": "missing", "value": False}]}},
            "rules.long_stay reads model_flagged",
        ),
    ],
)
def test_a_rule_about_claims_without_a_score_is_named_where_every_claim_has_one(source, history, changes, why):
    ids = source.claims["claim_id"]
    scored = pa.table({"claim_id": ids, "probability": np.zeros(len(ids)), "flagged": np.zeros(len(ids), np.bool_)})
    rule = LONG_STAY | changes
    all_scored = read_history(source, most=CLAIMS, scores=scored)
    for before, after in ((make_document(), make_document(rule)), (make_document(rule), make_document())):
        found = replay_policies(all_scored, before=before, after=after)
        assert found.not_replayed == (f"{why}: every claim has a score",)
        assert replay_policies(history, before=before, after=after).not_replayed == ()


def test_a_higher_cap_is_refused_for_the_dollars_that_nobody_reviews(history):
    low, high = ({"auto_approval_cap_cents": cents} for cents in (100_00, 10_000_00))
    found = replay_policies(history, before=make_document(parameters=low), after=make_document(parameters=high))
    (verdict,) = [one for one in check_policy_gates(found) if one.gate == "approved_dollars"]
    assert not verdict.passed
    assert "approved_dollars_added is" in verdict.detail


@pytest.mark.parametrize(("claims", "passed"), [(1_000, True), (999, False)])
def test_a_test_needs_a_thousand_claims(history, claims, passed):
    found = replay_policies(history, before=make_document(), after=make_document())
    (verdict,) = [one for one in check_policy_gates(replace(found, claims=claims)) if one.gate == "enough_claims"]
    assert (verdict.passed, verdict.detail) == (passed, f"claims is {claims:,}, at least 1,000")


def test_reviews_within_the_capacity_pass_although_there_are_more(history):
    found = replay_policies(
        history, before=make_document(), after=make_document(parameters={"auto_approval_cap_cents": 500_00})
    )
    for capacity, passed in ((found.after.reviews_per_week, True), (found.after.reviews_per_week * 0.999, False)):
        (verdict,) = [
            one for one in check_policy_gates(found, capacity=capacity) if one.gate == "reviews_within_capacity"
        ]
        assert verdict.passed is passed


def test_only_claims_that_could_be_submitted_are_replayed(source, history):
    voided = CLAIMS - source.claims["voided_at"].null_count
    assert history.not_submittable >= voided > 0
    assert len(history.claims) == CLAIMS - history.not_submittable
    assert 0 < len(read_history(source, most=100).claims) <= 100
    assert history.prices_as_of == history.last_day + timedelta(days=1)
