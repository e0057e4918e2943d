"""The promotion gates: what passes, what is refused and by how much, and that an absent measure never passes."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import audit_trail
from pipelines.audit_trail import AuditTrailError
from pipelines.promote import Force, GateName, RefusedError, UnnamedForceError
from pipelines.promote.gates import (
    GATES,
    IMPLAUSIBLE_PAID,
    LOG_ODDS_FALLS,
    OVER_RIVALS,
    PAID_OVER_RULE,
    WITHOUT_CHAMPION,
    GateOutcome,
    check_gates,
    gates_json,
)
from pipelines.promote.measures import (
    CHAMPION_MEASURES,
    LABEL_MEASURES,
    USE_MEASURES,
    Measure,
    Measured,
    NotApplicable,
    NotApplicableReason,
)
from pipelines.promote.measuring import IMPLAUSIBLE_PAID_CASES, PAID_OVER_RULE_CASES, without_champion

PASSING = {
    Measure.ARTEFACT_VERIFIED: Measured(1.0),
    Measure.CRITICAL_QUALITY_FINDINGS: Measured(0.0),
    Measure.UNTRUSTED_LEAK_WARNINGS: Measured(0.0),
    Measure.SAME_USE: Measured(1.0),
    Measure.SHARED_POPULATION: Measured(0.9),
    **dict.fromkeys(LABEL_MEASURES, Measured(0.0)),
    Measure.AP_OVER_RULE_LOW: Measured(0.1),
    **dict.fromkeys(OVER_RIVALS, Measured(0.02)),
    Measure.AP_OVER_RAW_BOOSTER_HIGH: Measured(0.02),
    Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: Measured(0.01),
    Measure.AP_OVER_CHAMPION_LOW: Measured(0.01),
    Measure.AP_OVER_CHAMPION: Measured(0.04),
    Measure.BRIER_OVER_CHAMPION: Measured(0.001),
    Measure.WORST_KIND_RECALL_RATIO: Measured(0.9),
    Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW: Measured(0.01),
    Measure.EXPLAINED_SCORE_P99_MS: Measured(0.5),
    **dict.fromkeys(PAID_OVER_RULE, Measured(-0.2)),
    **dict.fromkeys(IMPLAUSIBLE_PAID, Measured(0.0)),
    Measure.DUPLICATES_PAID: Measured(0.0),
    **dict.fromkeys(LOG_ODDS_FALLS, Measured(0.0)),
}
LABEL_GATES = {
    GateName.LABELS_KEPT,
    GateName.LABELS_KEPT_BY_KIND,
    GateName.LABELS_KEPT_BY_SOURCE,
    GateName.LABELS_KEEP_DATES,
    GateName.PREVIOUS_LABELS,
}
MEASURES = st.sampled_from(list(Measure))
GATES_OF = {measure: {gate.name for gate in GATES if measure in gate.measures} for measure in Measure}


def refusing(measures):
    return {verdict.gate for verdict in check_gates(measures) if verdict.outcome is GateOutcome.REFUSED}


def with_value(measure, value):
    return refusing(PASSING | {measure: Measured(value)})


def test_a_candidate_inside_every_bound_passes_every_gate():
    assert {verdict.outcome for verdict in check_gates(PASSING)} == {GateOutcome.PASSED}
    assert all(verdict.passed for verdict in check_gates(PASSING))


@pytest.mark.parametrize(
    ("measure", "value", "gate"),
    [
        (Measure.ARTEFACT_VERIFIED, 0.0, GateName.ARTEFACT_INTEGRITY),
        (Measure.CRITICAL_QUALITY_FINDINGS, 1.0, GateName.DATA_QUALITY),
        (Measure.UNTRUSTED_LEAK_WARNINGS, 1.0, GateName.NO_LEAK_WARNINGS),
        (Measure.SAME_USE, 0.0, GateName.SAME_USE),
        (Measure.SHARED_POPULATION, 0.19, GateName.SAME_POPULATION),
        (Measure.FRAUD_LABELS_LOST, 0.11, GateName.LABELS_KEPT),
        (Measure.FRAUD_LABELS_GAINED, 0.51, GateName.LABELS_KEPT),
        (Measure.LABELS_VANISHED, 0.11, GateName.LABELS_KEPT),
        (Measure.WORST_KIND_LABELS_LOST, 0.26, GateName.LABELS_KEPT_BY_KIND),
        (Measure.LABELS_REDATED, 0.11, GateName.LABELS_KEEP_DATES),
        (Measure.AP_BY_PREVIOUS_LABELS_HIGH, -0.001, GateName.PREVIOUS_LABELS),
        (Measure.AP_OVER_RULE_LOW, -0.001, GateName.BEATS_RULE),
        (Measure.AP_OVER_RULE_LOW, 0.0, GateName.BEATS_RULE),
        *((measure, -0.001, GateName.NOT_WORSE_THAN_RIVALS) for measure in OVER_RIVALS),
        (Measure.AP_OVER_RAW_BOOSTER_HIGH, -0.001, GateName.NOT_WORSE_THAN_RAW_BOOSTER),
        (Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS, -0.02, GateName.BEATS_CHAMPION),
        (Measure.WORST_SOURCE_LABELS_CHANGED, 0.26, GateName.LABELS_KEPT_BY_SOURCE),
        (Measure.WORST_KIND_RECALL_RATIO, 0.49, GateName.RECALL_BY_KIND),
        (Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW, 0.06, GateName.FALSE_POSITIVE_DISPARITY),
        (Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW, 0.6, GateName.FALSE_POSITIVE_DISPARITY),
        (Measure.EXPLAINED_SCORE_P99_MS, 5.1, GateName.LATENCY_BUDGET),
        (Measure.PAID_OVER_RULE_AMOUNT_X2, 0.01, GateName.PAYMENTS_WITHIN_RULE),
        (Measure.PAID_OVER_RULE_AMOUNT_X1000, 0.001, GateName.PAYMENTS_WITHIN_RULE),
        (Measure.PAID_OVER_RULE_UNITS_X100, 0.01, GateName.PAYMENTS_WITHIN_RULE),
        (Measure.PAID_OVER_RULE_NO_HISTORY, 0.01, GateName.PAYMENTS_WITHIN_RULE),
        (Measure.IMPLAUSIBLE_PAID_AMOUNT_X10, 1.0, GateName.IMPLAUSIBLE_PRICES),
        (Measure.DUPLICATES_PAID, 1.0, GateName.DUPLICATE_PAYMENTS),
        (Measure.LOG_ODDS_FALL_UNITS, 0.002, GateName.MONOTONIC_CONSTRAINTS),
    ],
)
def test_each_gate_refuses_its_own_violation(measure, value, gate):
    assert with_value(measure, value) == {gate}


def test_a_candidate_within_tolerance_passes_when_it_is_better_calibrated():
    near = PASSING | {
        Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: Measured(-0.04),
        Measure.AP_OVER_CHAMPION_LOW: Measured(-0.03),
        Measure.AP_OVER_CHAMPION: Measured(-0.005),
    }
    better = near | {Measure.BRIER_OVER_CHAMPION: Measured(-0.0001)}
    assert refusing(near) == {GateName.BEATS_CHAMPION}
    assert refusing(better) == set()


def test_every_measure_is_read_by_a_gate():
    assert all(GATES_OF.values())


@pytest.mark.parametrize("measure", Measure)
def test_removing_any_measure_from_a_passing_report_refuses(measure):
    without = {name: state for name, state in PASSING.items() if name is not measure}
    assert refusing(without) == GATES_OF[measure]
    [detail] = {verdict.detail for verdict in check_gates(without) if verdict.outcome is GateOutcome.REFUSED}
    assert f"{measure.value}: not measured" in detail


@pytest.mark.parametrize("measure", Measure)
def test_renaming_any_measure_in_a_passing_report_refuses(measure):
    renamed = {f"{name}s" if name is measure else name: state for name, state in PASSING.items()}
    assert refusing(renamed) == GATES_OF[measure]


@given(st.sets(MEASURES, min_size=1))
def test_any_set_of_absent_measures_refuses_every_gate_that_reads_one(absent):
    without = {name: state for name, state in PASSING.items() if name not in absent}
    assert refusing(without) == set().union(*(GATES_OF[measure] for measure in absent))


@given(MEASURES, st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_measure_that_is_not_a_finite_number_refuses(measure, value):
    assert with_value(measure, value) == GATES_OF[measure]


@given(MEASURES, st.sampled_from(list(NotApplicableReason)))
def test_a_measure_is_not_applicable_only_for_a_reason_that_its_gate_accepts(measure, reason):
    measures = PASSING | {measure: NotApplicable(reason)}
    for gate in GATES:
        if measure in gate.measures and reason not in gate.not_applicable:
            assert gate.name in refusing(measures)


def test_without_any_measure_every_gate_refuses():
    assert refusing({}) == set(GateName)
    assert len(check_gates({})) == len(GATES) == len(GateName)


def test_only_the_gates_that_compare_may_be_not_applicable():
    comparing = {
        GateName.SAME_USE,
        GateName.SAME_POPULATION,
        *LABEL_GATES,
        GateName.NOT_WORSE_THAN_RAW_BOOSTER,
        GateName.BEATS_CHAMPION,
        GateName.RECALL_BY_KIND,
        GateName.FALSE_POSITIVE_DISPARITY,
    }
    assert {gate.name for gate in GATES if gate.not_applicable} == comparing


@pytest.mark.parametrize("reason", sorted(WITHOUT_CHAMPION))
def test_the_first_champion_is_compared_with_the_rule_only_and_the_verdict_says_so(reason):
    compared = dict.fromkeys((*USE_MEASURES, *LABEL_MEASURES), NotApplicable(reason))
    verdicts = check_gates(PASSING | without_champion(reason) | compared)
    skipped = {verdict.gate: verdict for verdict in verdicts if verdict.outcome is GateOutcome.NOT_APPLICABLE}
    uses = {GateName.SAME_USE, GateName.SAME_POPULATION}
    assert set(skipped) == {GateName.BEATS_CHAMPION, GateName.RECALL_BY_KIND, *uses, *LABEL_GATES}
    assert all(verdict.passed for verdict in verdicts)
    assert all(f"not applicable ({reason})" in verdict.detail for verdict in skipped.values())
    assert {verdict.outcome for verdict in verdicts if verdict.gate not in skipped} == {GateOutcome.PASSED}


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (Measure.SHARED_POPULATION, NotApplicableReason.NO_POPULATION),
        (Measure.LABELS_REDATED, NotApplicableReason.UNDATED_LABELS),
        (Measure.WORST_KIND_LABELS_LOST, NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS),
        (Measure.WORST_SOURCE_LABELS_CHANGED, NotApplicableReason.NO_SOURCE_WITH_ENOUGH_LABELS),
        (Measure.AP_BY_PREVIOUS_LABELS_HIGH, NotApplicableReason.NO_PREVIOUS_LABELS),
        (Measure.AP_OVER_RAW_BOOSTER_HIGH, NotApplicableReason.NO_RAW_BOOSTER),
        (Measure.WORST_KIND_RECALL_RATIO, NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS),
        (Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW, NotApplicableReason.NO_GROUP_WITH_ENOUGH_CLAIMS),
    ],
)
def test_a_measure_that_is_not_applicable_refuses_nothing_and_is_recorded(measure, reason):
    verdicts = check_gates(PASSING | {measure: NotApplicable(reason)})
    assert all(verdict.passed for verdict in verdicts)
    [gate] = GATES_OF[measure]
    recorded = gates_json(verdicts)[gate.value]
    assert recorded == {"outcome": "not_applicable", "passed": True, "detail": f"{measure}: not applicable ({reason})"}


def test_a_model_that_pays_tenfold_amounts_is_refused_with_the_case_and_by_how_much():
    verdicts = check_gates(PASSING | {Measure.PAID_OVER_RULE_AMOUNT_X100: Measured(0.035)})
    text = str(RefusedError("v1", verdicts))
    assert "paid_over_rule_amount_x100 is 0.035, must be at most 0 (off by 0.035)" in text


def test_a_refusal_names_the_gate_and_by_how_much_it_is_missed():
    text = str(RefusedError("v1", check_gates(PASSING | {Measure.EXPLAINED_SCORE_P99_MS: Measured(7.25)})))
    assert "latency_budget: explained_score_p99_ms is 7.25, must be at most 5 (off by 2.25)" in text
    assert "beats_rule" not in text


def test_a_refusal_states_what_a_person_needs_to_know_beside_the_number():
    other = Measured(0.0, "champion v1 serves 'acme', v2 was trained on 'other'")
    text = str(RefusedError("v2", check_gates(PASSING | {Measure.SAME_USE: other})))
    assert "must be at least 1 (off by 1): champion v1 serves 'acme', v2 was trained on 'other'" in text
    passed = check_gates(PASSING | {Measure.SAME_USE: Measured(1.0, "a note")})
    assert not any("a note" in verdict.detail for verdict in passed)


def test_every_gate_has_a_description_and_every_perturbation_its_measure():
    assert all(gate.description.endswith(".") for gate in GATES)
    assert set(PAID_OVER_RULE_CASES) == set(PAID_OVER_RULE)
    assert set(IMPLAUSIBLE_PAID_CASES) == set(IMPLAUSIBLE_PAID)
    assert set(CHAMPION_MEASURES) <= set(Measure)


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("who", " "), ("", "")])
def test_a_forced_promotion_needs_a_name_and_a_reason(by, reason):
    with pytest.raises(UnnamedForceError):
        Force(by, reason)


def test_the_audit_trail_keeps_what_is_written_and_reports_a_change(tmp_path):
    audit_trail.record(tmp_path, "promote", version="a", by="x", reason="gates")
    audit_trail.record(tmp_path, "force", version="b", by="y", reason="urgent")
    assert [entry.version for entry in audit_trail.read(tmp_path)] == ["a", "b"]
    path = audit_trail.audit_trail_path(tmp_path)
    lines = path.read_text().splitlines()
    first = json.loads(lines[0]) | {"by": "somebody else"}
    path.write_text("\n".join([json.dumps(first), lines[1]]) + "\n")
    with pytest.raises(AuditTrailError, match="before line 2"):
        audit_trail.read(tmp_path)


def test_an_entry_without_its_author_is_reported(tmp_path):
    audit_trail.record(tmp_path, "promote", version="a", by="x", reason="gates")
    path = audit_trail.audit_trail_path(tmp_path)
    entry = json.loads(path.read_text())
    del entry["by"]
    path.write_text(json.dumps(entry) + "\n")
    with pytest.raises(AuditTrailError, match="line 1: the entry has no 'by'"):
        audit_trail.read(tmp_path)


def test_a_line_removed_from_the_audit_trail_is_reported(tmp_path):
    for version in "abc":
        audit_trail.record(tmp_path, "promote", version=version, by="x", reason="gates")
    path = audit_trail.audit_trail_path(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(AuditTrailError):
        audit_trail.read(tmp_path)
