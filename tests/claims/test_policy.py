"""Policy documents: what they may say, and what their rules do. No policy makes an outcome worse than review."""

import ast
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given

from claims.adjudication import CONTRACT_DENIALS, DecisionPolicy, SuspicionPolicy, decide, reconsider
from claims.benefits import Benefit
from claims.outcome import Finding, Outcome
from claims.plausibility import PlausibilityPolicy
from claims.policy import (
    InvalidPolicy,
    PolicyInForce,
    apply_rules,
    differences,
    late_findings,
    policy_of_settings,
    read_document,
    settings_of_trace,
    trace,
)
from claims.policy.facts import NOT_READ
from core.settings import Settings
from tests.claims import policies
from tests.claims.makers import make_rule, make_score
from tests.claims.policies import LONG_STAY, make_document, make_facts, make_policy
from tests.claims.test_adverse_decisions import benefits, findings, scores

ROOT = Path(__file__).parents[2]


def test_the_default_document_has_todays_constants():
    for policy in (make_policy(), policy_of_settings(Settings())):
        assert policy.plausibility == PlausibilityPolicy()
        assert policy.suspicion == SuspicionPolicy()
        assert policy.decision == DecisionPolicy(rule_approval_cap_cents=1_000_00)
    assert apply_rules(make_policy(), make_facts()).findings == ()


@given(policies.documents)
def test_a_stored_document_reads_as_it_was(document):
    assert read_document(document.as_json()) == document
    assert differences(document, document) == ()


def _rule(**changes):
    return {"rules": [LONG_STAY | changes]}


def _when(**condition):
    return _rule(when=condition)


INVALID = [
    ({"caps": 1}, "unknown key caps; allowed: title, valid_from, valid_until, parameters, rules"),
    ({"title": ""}, "title: string should have at least 1 character"),
    ({"valid_from": "2026-1-1"}, "valid_from: must be a day such as 2026-12-01"),
    ({"valid_until": "2025-12-31"}, "valid_until must not be before valid_from"),
    ({"parameters": {"auto_cap": 1}}, "parameters: unknown key auto_cap; allowed: auto_approval_cap_cents,"),
    ({"parameters": {"auto_approval_cap_cents": -1}}, "greater than or equal to 0"),
    ({"parameters": {"auto_approval_cap_cents": "1"}}, "should be a valid integer"),
    ({"parameters": {"units_factor": float("nan")}}, "must consist of JSON values"),
    ({"parameters": {"provider": {"min_claims": 4, "floor_factor": 2, "ceiling_factor": 3}}}, "equal to 5"),
    ({"parameters": {"provider": {"min_claims": 5, "floor_factor": 4, "ceiling_factor": 3}}}, "at most ceiling_factor"),
    (_rule(name="Long stay"), "rules.0.name: must be lower-case letters"),
    (_rule(reason="two\nlines"), "rules.0.reason: must be one line"),
    (_rule(then={"deny": True}), "unknown key deny; allowed: review, auto_approval_cap_cents"),
    (_rule(then={}), "must have exactly one of review"),
    (_rule(then={"review": True, "auto_approval_cap_cents": 1}), "must have exactly one of review"),
    (_rule(then={"review": False}), "review must be true"),
    (_when(field="sex", operator="eq", value="F"), "unknown field sex; allowed: amount_cents, units"),
    (
        _when(field="units", operator="eq", value=None),
        "rules.0.when.value: must be true or false, a number",
    ),
    (
        _when(field="provider_id", operator="eq", value="H\x001"),
        "as provider_id is; texts are one line of 1 to 100",
    ),
    (_when(field="provider_id", operator="in", value=["H1", "H\n"]), "each value must be a text, as provider_id is"),
    (_when(field="units", operator="like", value=1), "operator like does not fit units; allowed: eq, ne, lt"),
    (_when(field="units", operator="gt", value="1"), "must be a whole number, as units is"),
    (_when(field="units", operator="gt", value=True), "must be a whole number"),
    (_when(field="units", operator="in", value=[]), "a list of 1 to 500 values"),
    (_when(field="units", operator="missing", value=1), "must be true or false"),
    (_when(field="probability", operator="gt", value=1.5), "must be a number from 0 to 1"),
    (_when(field="model_flagged", operator="eq", value="yes"), "must be a true or false"),
    (_when(field="findings", operator="contains", value="model_flagged"), "is found after the rules; compare"),
    (_when(all=[], field="x"), "unknown key field; allowed: all"),
    ({"rules": [LONG_STAY, LONG_STAY]}, "two rules have the name long_stay"),
]


@pytest.mark.parametrize(("changes", "message"), INVALID)
def test_an_invalid_document_is_refused_with_the_place_and_what_is_allowed(changes, message):
    with pytest.raises(InvalidPolicy) as refused:
        make_document(**changes)
    assert message in str(refused.value)


def _nested(levels):
    condition = {"field": "units", "operator": "gt", "value": 1}
    for _ in range(levels):
        condition = {"all": [condition]}
    return {"when": condition}


LIMITS = [
    (lambda size: {"rules": [LONG_STAY | {"name": f"r{at}"} for at in range(size)]}, 100),
    (lambda size: _rule(**_nested(size)), 3),
    (lambda size: _rule(when={"any": [LONG_STAY["when"]] * size}), 20),
    (lambda size: _when(field="units", operator="in", value=list(range(size))), 500),
    (lambda size: _when(field="region", operator="eq", value="r" * size), 100),
    (lambda size: {"title": "t" * size}, 200),
    (
        lambda size: {
            "rules": [LONG_STAY | {"name": f"r{at}", "when": {"any": [LONG_STAY["when"]] * 20}} for at in range(25)]
            + [LONG_STAY] * (size - 500)
        },
        500,
    ),
]


@pytest.mark.parametrize(("sized", "most"), LIMITS)
def test_a_document_at_each_limit_is_read_and_one_over_it_is_refused(sized, most):
    make_document(**sized(most))
    with pytest.raises(InvalidPolicy):
        make_document(**sized(most + 1))


def test_a_large_or_deep_document_is_refused():
    values = [f"{at:0100}" for at in range(500)]
    rule = {"when": {"field": "region", "operator": "in", "value": values}}
    with pytest.raises(InvalidPolicy, match="65,536 bytes"):
        make_document(LONG_STAY | rule, LONG_STAY | rule | {"name": "again"})
    with pytest.raises(InvalidPolicy):
        make_document(LONG_STAY | _nested(100_000))


@given(policies.policies, policies.facts)
def test_a_comparison_with_a_missing_value_never_holds_and_only_missing_asks_for_it(policy, facts):
    for rule in policy.document.rules:
        for one in rule.when.comparisons:
            if facts.value(one.field) is None:
                assert one.holds(facts) == (one.operator == "missing" and one.value is True)


@given(policies.policies, policies.facts, benefits, findings, scores)
def test_no_policy_makes_an_outcome_worse_than_review_or_pays_more_than_the_benefit(
    policy, facts, benefit, found, score
):
    effects = apply_rules(policy, facts)
    assert {one.outcome for one in effects.findings} <= {Outcome.IN_REVIEW}

    def decided(some, limits):
        return decide(
            amount_cents=facts.amount_cents,
            benefit=benefit,
            findings=some,
            score=score,
            rule=make_rule(flagged=facts.rule_flagged),
            policy=limits,
        )

    with_policy = decided([*found, *effects.findings], effects.decision(policy.decision))
    contract = [one for one in found if one.code in CONTRACT_DENIALS]
    without = decided(contract, DecisionPolicy(rule_approval_cap_cents=10**12))
    assert with_policy.outcome is not Outcome.DENIED
    if with_policy.outcome is Outcome.REJECTED:
        assert without.outcome is Outcome.REJECTED
    if with_policy.outcome is Outcome.PARTIALLY_APPROVED:
        assert any(one.code in CONTRACT_DENIALS for one in with_policy.findings)
    assert with_policy.approved_cents <= benefit.pays(facts.amount_cents)


@given(policies.policies, policies.facts, scores)
def test_rules_evaluated_with_a_late_score_at_most_send_to_review(policy, facts, score):
    if score is None:
        return
    added = late_findings(apply_rules(policy, facts), amount_cents=facts.amount_cents, kept=())
    for outcome in (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED, Outcome.REJECTED, Outcome.IN_REVIEW):
        decision = reconsider(
            outcome=outcome,
            approved_cents=50_00 if outcome.pays else 0,
            reserved_cents=0,
            findings=(),
            score=score,
            decided_by_person=False,
            of_policy=added,
        )
        assert decision.outcome in (outcome, Outcome.IN_REVIEW)
        if added and outcome.pays:
            assert decision.outcome is Outcome.IN_REVIEW


def test_a_rule_sends_to_review_with_its_reason_and_leaves_a_trace():
    policy = make_policy(LONG_STAY)
    assert apply_rules(policy, make_facts(service_days=14)).findings == ()
    effects = apply_rules(policy, make_facts(service_days=15))
    (finding,) = effects.findings
    assert finding == Finding(
        "policy_review", Outcome.IN_REVIEW, "Stays over two weeks are reviewed.", "policy/3 rules/long_stay"
    )
    assert trace(policy, effects) == [{"rule": "long_stay", "observed": {"service_days": 15}}]


def test_a_trace_has_no_personal_data():
    when = {
        "all": [
            {"field": "age_years", "operator": "gt", "value": 17},
            {"field": "diagnosis_code", "operator": "eq", "value": "D001"},
            {"field": "findings", "operator": "contains", "value": "units_over_limit"},
        ]
    }
    policy = make_policy(LONG_STAY | {"when": when})
    effects = apply_rules(policy, make_facts(findings=frozenset({"units_over_limit"})))
    assert trace(policy, effects) == [{"rule": "long_stay", "observed": {"findings": ["units_over_limit"]}}]


def test_of_several_caps_the_lowest_counts_and_a_rule_can_raise_one():
    def cap(name, cents):
        return LONG_STAY | {"name": name, "then": {"auto_approval_cap_cents": cents}}

    facts = make_facts(service_days=20)
    raised = apply_rules(make_policy(cap("a", 90_000_00)), facts)
    assert raised.plausibility(PlausibilityPolicy()).auto_approval_cap_cents == 90_000_00
    lowest = apply_rules(make_policy(cap("a", 90_000_00), cap("b", 0)), facts)
    assert (lowest.auto_approval_cap_cents, lowest.auto_cap_cites) == (0, "policy/3 rules/b")
    without_score = LONG_STAY | {"name": "c", "then": {"rule_approval_cap_cents": 0}}
    limits = apply_rules(make_policy(without_score), facts).decision(DecisionPolicy(1_000_00))
    assert limits == DecisionPolicy(0)


def test_changed_settings_are_stored_with_what_they_decide():
    policy = policy_of_settings(Settings(auto_approval_cap_cents=5, suspicion_days=9))
    assert trace(policy_of_settings(Settings()), apply_rules(policy, make_facts())) is None
    stored = trace(policy, apply_rules(policy, make_facts()))
    assert stored == [{"settings": {"auto_approval_cap_cents": 5, "suspicion_days": 9}}]
    assert settings_of_trace(stored) == policy.document.parameters


def test_differences_are_by_parameter_and_by_rule():
    before = make_document(LONG_STAY, parameters={"auto_approval_cap_cents": 5})
    after = make_document(
        LONG_STAY | {"reason": "y"}, LONG_STAY | {"name": "more"}, valid_until="2026-12-31", parameters={}
    )
    paths = {one.path: (one.before, one.after) for one in differences(before, after)}
    assert paths["parameters.auto_approval_cap_cents"] == (5, 1_000_000)
    assert paths["valid_until"] == (None, "2026-12-31")
    assert paths["rules.more"][0] is None
    assert (paths["rules.long_stay.reason"], set(paths)) == (
        ("Stays over two weeks are reviewed.", "y"),
        {"parameters.auto_approval_cap_cents", "valid_until", "rules.more", "rules.long_stay.reason", "rules_order"},
    )


def test_every_code_that_is_found_after_the_rules_is_named():
    found = set()
    for name in ("decision.py", "rescoring.py"):
        for node in ast.walk(ast.parse((ROOT / "claims/adjudication" / name).read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding":
                assert isinstance(node.args[0], ast.Constant)
                found.add(node.args[0].value)
    assert found | {"policy_review", "above_auto_approval_cap"} == NOT_READ


def test_a_policy_keeps_its_days():
    policy = PolicyInForce(1, make_document(valid_from="2026-07-01"), 5)
    assert policy.plausibility.effective_from == date(2026, 7, 1)


def test_a_benefit_is_not_what_a_policy_decides():
    policy = make_policy(LONG_STAY)
    decision = decide(
        amount_cents=50_00,
        benefit=Benefit(100_00, 100_00),
        findings=apply_rules(policy, make_facts(service_days=20)).findings,
        score=make_score(probability=0.1),
        rule=make_rule(flagged=False),
        policy=policy.decision,
    )
    assert decision.outcome is Outcome.REJECTED
