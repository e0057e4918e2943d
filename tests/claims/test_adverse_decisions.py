"""Without a person, a claim is rejected or reduced on grounds of the contract only: whatever is found about it."""

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import CONTRACT_DENIALS, DecisionPolicy, decide, reconsider
from claims.benefits import Benefit
from claims.outcome import Finding, Outcome
from tests.claims.makers import make_rule, make_score

ROOT = Path(__file__).parents[2]
MEDICAL_OR_FRAUD = (
    "model_flagged",
    "medically_unlikely_units",
    "procedure_pair",
    "units_over_limit",
    "possible_duplicate",
    "price_implausible",
    "rule_flagged",
    "not_medically_necessary",
)
codes = st.sampled_from([*CONTRACT_DENIALS, *MEDICAL_OR_FRAUD]) | st.text(max_size=12)
findings = st.lists(st.builds(Finding, codes, st.sampled_from(Outcome), st.just("text"), st.just("table")), max_size=5)
scores = st.none() | st.builds(lambda probability: make_score(probability=probability), st.floats(0, 1))
benefits = st.builds(Benefit, st.none() | st.integers(0, 300_00), st.integers(0, 300_00), st.integers(0, 300_00))
rules = st.sampled_from([make_rule(flagged=flagged) for flagged in (True, False, None)])


@given(st.integers(1, 200_00), benefits, findings, scores, rules)
def test_an_adverse_decision_without_a_person_rests_on_the_contract(amount, benefit, found, score, rule):
    decision = decide(
        amount_cents=amount,
        benefit=benefit,
        findings=found,
        score=score,
        rule=rule,
        policy=DecisionPolicy(rule_approval_cap_cents=100_00),
    )
    assert decision.outcome is not Outcome.DENIED
    contract = [one for one in decision.findings if one.code in CONTRACT_DENIALS and one.outcome is decision.outcome]
    if decision.outcome is Outcome.REJECTED:
        assert contract or benefit.pays(amount) == 0
        assert decision.approved_cents == 0
    elif decision.outcome is Outcome.PARTIALLY_APPROVED:
        assert contract
        assert decision.approved_cents == benefit.pays(amount) < amount or decision.approved_cents == amount
    elif decision.outcome is Outcome.APPROVED:
        assert decision.approved_cents == amount


@given(st.integers(1, 200_00), benefits, findings, scores, rules)
def test_no_finding_of_the_model_or_of_necessity_makes_an_outcome_worse_than_review(
    amount, benefit, found, score, rule
):
    def outcome(some):
        return decide(
            amount_cents=amount,
            benefit=benefit,
            findings=some,
            score=score,
            rule=rule,
            policy=DecisionPolicy(rule_approval_cap_cents=100_00),
        ).outcome

    contract = [one for one in found if one.code in CONTRACT_DENIALS]
    if outcome(found) is Outcome.REJECTED:
        assert outcome(contract) is Outcome.REJECTED


@given(st.sampled_from([one for one in Outcome if one is not Outcome.DENIED]), findings, st.floats(0, 1), st.booleans())
def test_a_late_score_never_rejects_or_reduces(outcome, found, probability, by_person):
    decision = reconsider(
        outcome=outcome,
        approved_cents=50_00 if outcome.pays else 0,
        reserved_cents=50_00 if outcome is Outcome.IN_REVIEW else 0,
        findings=found,
        score=make_score(probability=probability),
        decided_by_person=by_person,
    )
    assert decision.outcome in (outcome, Outcome.IN_REVIEW)


def test_every_finding_in_the_code_that_rejects_or_reduces_is_a_declared_contract_denial_and_none_is_missing():
    adverse = {f"Outcome.{one.name}" for one in (Outcome.REJECTED, Outcome.PARTIALLY_APPROVED, Outcome.DENIED)}
    written = set()
    for path in [*(ROOT / "claims").rglob("*.py"), *(ROOT / "api").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding" and len(node.args) > 1:
                code, outcome = node.args[:2]
                if ast.unparse(outcome) in adverse:
                    assert isinstance(code, ast.Constant), f"{path}: a finding that rejects states its code"
                    written.add((code.value, ast.unparse(outcome)))
                else:
                    assert ast.unparse(outcome) in ("Outcome.IN_REVIEW", "Outcome.APPROVED", "Outcome(outcome)"), path
    assert written == {(one.code, f"Outcome.{one.outcome.name}") for one in CONTRACT_DENIALS.values()}
