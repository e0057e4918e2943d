"""The gates as data: what passes, what is refused, and that a refusal says by how much."""

import json

import pytest

from pipelines.promote import audit
from pipelines.promote.errors import AuditError, RefusedError, UnnamedForceError
from pipelines.promote.gates import (
    DUPLICATES_PAID,
    GATES,
    LARGEST_FALLS,
    NEVER_OVER_THE_RULE,
    NEVER_PAID,
    implausible_paid,
    judge,
    over_the_rule,
)
from pipelines.promote.outcome import Force

SOUND: dict[str, float | None] = {
    "artefact verified": 1.0,
    "critical quality findings": 0.0,
    "average precision over the rule, lower end": 0.1,
    "average precision over the champion, lower end": 0.01,
    "average precision over the champion": 0.04,
    "Brier score over the champion": 0.001,
    "worst kind, recall over the champion's": 0.9,
    "worst group, false-positive rate, lower end": 0.01,
    "explained p99, ms": 0.5,
    **{over_the_rule(case): -0.2 for case in NEVER_OVER_THE_RULE},
    **{implausible_paid(case): 0.0 for case in NEVER_PAID},
    DUPLICATES_PAID: 0.0,
    **dict.fromkeys(LARGEST_FALLS, 0.0),
}


def with_(name: str, value: float | None) -> list[str]:
    return [verdict.gate for verdict in judge(SOUND | {name: value}, first=False) if not verdict.passed]


def test_a_sound_candidate_passes_every_gate():
    assert all(verdict.passed for verdict in judge(SOUND, first=False))


@pytest.mark.parametrize(
    ("measure", "value", "gate"),
    [
        ("artefact verified", 0.0, "artefact"),
        ("critical quality findings", 1.0, "quality"),
        ("average precision over the rule, lower end", -0.001, "beats the rule"),
        ("average precision over the rule, lower end", 0.0, "beats the rule"),
        ("average precision over the champion, lower end", -0.02, "beats the champion"),
        ("worst kind, recall over the champion's", 0.49, "no kind collapses"),
        ("worst group, false-positive rate, lower end", 0.06, "nobody is hit"),
        ("explained p99, ms", 5.1, "quick enough"),
        (over_the_rule("amount ×2"), 0.01, "pays no more than the rule"),
        (over_the_rule("amount ×1000"), 0.001, "pays no more than the rule"),
        (over_the_rule("units ×100"), 0.01, "pays no more than the rule"),
        (over_the_rule("no history"), 0.01, "pays no more than the rule"),
        (implausible_paid("amount ×10"), 1.0, "no implausible price is paid"),
        (DUPLICATES_PAID, 1.0, "paid once"),
        (LARGEST_FALLS[1], 0.002, "constraints hold"),
    ],
)
def test_each_gate_refuses_what_it_is_for(measure, value, gate):
    assert with_(measure, value) == [gate]


def test_a_candidate_within_tolerance_passes_when_it_is_better_calibrated():
    near = SOUND | {
        "average precision over the champion, lower end": -0.03,
        "average precision over the champion": -0.005,
    }
    better = near | {"Brier score over the champion": -0.0001}
    assert [v.gate for v in judge(near, first=False) if not v.passed] == ["beats the champion"]
    assert all(v.passed for v in judge(better, first=False))


def test_the_first_champion_is_compared_with_nobody_but_the_rule():
    asked = {verdict.gate for verdict in judge(SOUND, first=True)}
    assert asked == {gate.name for gate in GATES if gate.first}
    assert "beats the rule" in asked


def test_what_cannot_be_measured_refuses_nobody():
    assert with_("worst kind, recall over the champion's", None) == []


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate.required], ids=lambda gate: gate.name)
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_required_gate_refuses_where_a_measure_is_missing(gate, missing):
    for bound in gate.alternatives[0]:
        (refused,) = [v for v in judge(SOUND | {bound.measure: missing}, first=False) if not v.passed]
        assert refused.gate == gate.name
        assert f"{bound.measure}: not measured" in refused.detail
    without = {name: value for name, value in SOUND.items() if name != gate.alternatives[0][0].measure}
    assert [v.gate for v in judge(without, first=True) if not v.passed] == [gate.name]


def test_a_blind_model_is_refused_with_the_factor_and_by_how_much():
    verdicts = judge(SOUND | {over_the_rule("amount ×100"): 0.035}, first=True)
    text = str(RefusedError("v1", verdicts))
    assert "paid unseen over the rule alone, amount ×100 is 0.035, misses at most 0 by 0.035" in text


def test_a_refusal_names_the_gate_and_by_how_much_it_is_missed():
    verdicts = judge(SOUND | {"explained p99, ms": 7.25}, first=False)
    text = str(RefusedError("v1", verdicts))
    assert "quick enough: explained p99, ms is 7.25, misses at most 5 by 2.25" in text
    assert "beats the rule" not in text


def test_every_gate_is_written_in_words_and_looks_at_measures_that_are_taken():
    for gate in GATES:
        assert gate.words.endswith(".")
        assert all(bound.measure in SOUND for alternative in gate.alternatives for bound in alternative)


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("who", " "), ("", "")])
def test_a_forced_promotion_needs_a_name_and_a_reason(by, reason):
    with pytest.raises(UnnamedForceError):
        Force(by, reason)


def test_the_audit_trail_keeps_what_is_written_and_tells_when_it_was_changed(tmp_path):
    audit.record(tmp_path, "promote", version="a", by="x", reason="gates")
    audit.record(tmp_path, "force", version="b", by="y", reason="urgent")
    assert [entry["version"] for entry in audit.read(tmp_path)] == ["a", "b"]
    lines = audit.trail(tmp_path).read_text().splitlines()
    first = json.loads(lines[0]) | {"by": "somebody else"}
    audit.trail(tmp_path).write_text("\n".join([json.dumps(first), lines[1]]) + "\n")
    with pytest.raises(AuditError, match="before line 2"):
        audit.read(tmp_path)


def test_a_line_taken_out_of_the_audit_trail_is_missed(tmp_path):
    for version in "abc":
        audit.record(tmp_path, "promote", version=version, by="x", reason="gates")
    lines = audit.trail(tmp_path).read_text().splitlines()
    audit.trail(tmp_path).write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(AuditError):
        audit.read(tmp_path)
