"""Changes of champion and threshold: what they record, what they refuse, and that a refusal changes nothing."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings, held
from models.artefact import MANIFEST, load_artefact, models_folder, point, read_pointer, write_artefact
from models.errors import PointerError
from models.evaluation import ThresholdChoice
from models.explain import build_tables
from models.families import XGBoostModel
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.promote import Force, Promotion, RefusedError, UnnamedForceError, choose_threshold, promote, rollback
from pipelines.promote.flow import _champion, _end_its_trial, check_version, measure
from pipelines.promote.gates import GATES, AtLeast, AtMost, GateName, GateOutcome, Verdict, check_gates
from pipelines.promote.measures import Measure, Measured, NotApplicable, NotApplicableReason
from tests.models import makers

DOWN = MlflowStore("http://127.0.0.1:9", None)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with the models v1 and v2; MLflow does not answer."""
    booster = makers.booster()
    tables = build_tables(booster)
    for version in ("v1", "v2"):
        document = makers.document(booster, tables, version=version)
        write_artefact(models_folder(tmp_path), model=XGBoostModel(booster), document=document, tables=tables)
    with held(Settings(home=tmp_path, mlflow_url=DOWN.url)):
        yield tmp_path


def damage(home: Path, version: str) -> None:
    (models_folder(home) / version / MANIFEST).write_bytes(b"{}")


def entries(home: Path) -> list[dict[str, object]]:
    """The audit trail without times."""
    return [
        {"action": entry.action, "version": entry.version, "by": entry.by, "reason": entry.reason, **entry.details}
        for entry in audit_trail.read(home)
    ]


# Rollback


def test_a_rollback_returns_to_the_previous_champion_and_records_who_and_why(home: Path) -> None:
    point(home, "v1")
    point(home, "v2")
    done = rollback(home, by="Ann", reason="more false positives", store=DOWN)
    assert (done.version, done.previous, done.verdicts, done.forced) == ("v1", "v2", (), False)
    assert done.alias_problem is not None
    assert "127.0.0.1:9" in done.alias_problem
    assert 0 < done.seconds < 3_600
    assert (type(done.seconds), round(done.seconds, 2)) == (float, done.seconds), "hundredths"
    pointer = read_pointer(home)
    assert pointer is not None
    assert pointer.version == "v1"
    assert entries(home) == [
        {"action": "rollback", "version": "v1", "by": "Ann", "reason": "more false positives", "previous": "v2"}
    ]


def test_a_rollback_without_a_name_is_recorded_under_the_user_in_the_store_of_the_settings(home: Path) -> None:
    point(home, "v1")
    point(home, "v2")
    done = rollback(home)
    assert done.alias_problem is not None
    assert "127.0.0.1:9" in done.alias_problem
    (entry,) = entries(home)
    assert (entry["by"], entry["reason"]) == (getpass.getuser(), "rolled back")


def test_a_repeated_rollback_from_a_version_is_recorded_once_and_names_both(home: Path) -> None:
    point(home, "v1")
    point(home, "v2")
    done = [rollback(home, by="Ann", from_version="v2", store=DOWN) for _ in range(2)]
    assert [(one.version, one.previous) for one in done] == [("v1", "v2")] * 2
    assert [entry["previous"] for entry in entries(home)] == ["v2"]


def test_without_a_previous_champion_nothing_is_rolled_back_or_recorded(home: Path) -> None:
    point(home, "v1")
    with pytest.raises(PointerError, match="champion"):
        rollback(home, store=DOWN)
    assert entries(home) == []


# The champion and the challenger


def test_the_champion_to_compare_with_or_the_reason_for_its_absence(home: Path) -> None:
    assert _champion(home, "v1") is NotApplicableReason.NO_CHAMPION
    point(home, "v1")
    assert _champion(home, "v1") is NotApplicableReason.IS_CHAMPION
    champion = _champion(home, "v2")
    assert getattr(champion, "version", None) == "v1"
    damage(home, "v1")
    assert _champion(home, "v2") is None
    (models_folder(home) / "champion.json").write_text("{")
    assert _champion(home, "v2") is None


def test_the_trial_of_a_new_champion_ends(home: Path) -> None:
    point(home, "v2", role="challenger")
    _end_its_trial(home, "v1", by="Ann")
    assert read_pointer(home, "challenger") is not None
    assert entries(home) == []
    _end_its_trial(home, "v2", by="Ann")
    assert read_pointer(home, "challenger") is None
    assert entries(home) == [{"action": "dismiss", "version": "v2", "by": "Ann", "reason": "it became the champion"}]
    _end_its_trial(home, "v2", by="Ann")
    assert len(entries(home)) == 1


def test_an_invalid_challenger_pointer_is_ignored(home: Path) -> None:
    path = models_folder(home) / "challenger.json"
    path.write_text("{")
    _end_its_trial(home, "v2", by="Ann")
    assert path.read_text() == "{"
    assert entries(home) == []


def test_a_damaged_model_has_no_other_measure_and_every_gate_refuses_it(home: Path) -> None:
    damage(home, "v1")
    assert measure(home, "v1") == {Measure.ARTEFACT_VERIFIED: Measured(0.0)}
    verdicts = check_version(home, "v1").verdicts
    assert [verdict.gate for verdict in verdicts if verdict.passed] == []
    steps: list[str] = []
    with pytest.raises(RefusedError) as refused:
        promote(home, "v1", store=DOWN, step=steps.append)
    assert refused.value.verdicts == verdicts
    assert steps == ["Checking the gates"]
    assert read_pointer(home) is None
    assert entries(home) == []


# The threshold

CHOICE = ThresholdChoice(0.4, 3.0, 0.5, 0.25, float("nan"), 12.0)


@pytest.mark.parametrize(("by", "why"), [("", "fewer alerts"), (" ", "fewer alerts"), ("Ann", ""), ("Ann", " ")])
def test_choosing_a_threshold_requires_a_name_and_a_reason(home: Path, by: str, why: str) -> None:
    before = sorted(models_folder(home).iterdir())
    with pytest.raises(UnnamedForceError) as refused:
        choose_threshold(
            home, load_artefact(models_folder(home) / "v1"), CHOICE, by=by, why=why, how="number", store=DOWN
        )
    assert str(refused.value) == "choosing a threshold requires --by NAME and --reason TEXT"
    assert sorted(models_folder(home).iterdir()) == before


# Verdicts and results


def verdict(measures: dict[Measure, Measured | NotApplicable], gate: GateName) -> Verdict:
    return next(one for one in check_gates(measures) if one.gate is gate)


RATE, RECALL = Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW, Measure.WORST_KIND_RECALL_RATIO


@pytest.mark.parametrize(
    ("gate", "measures", "outcome", "detail"),
    [
        (GateName.FALSE_POSITIVE_DISPARITY, {RATE: Measured(0.05)}, GateOutcome.PASSED, f"{RATE} is 0.05"),
        (
            GateName.FALSE_POSITIVE_DISPARITY,
            {RATE: Measured(0.0625)},
            GateOutcome.REFUSED,
            f"{RATE} is 0.0625, must be at most 0.05 (off by 0.0125)",
        ),
        (GateName.FALSE_POSITIVE_DISPARITY, {}, GateOutcome.REFUSED, f"{RATE}: not measured"),
        (
            GateName.FALSE_POSITIVE_DISPARITY,
            {RATE: Measured(float("inf"))},
            GateOutcome.REFUSED,
            f"{RATE}: not a finite number (inf)",
        ),
        (
            GateName.FALSE_POSITIVE_DISPARITY,
            {RATE: NotApplicable(NotApplicableReason.NO_CHAMPION)},
            GateOutcome.REFUSED,
            f"{RATE}: not applicable (there is no champion to compare with), which this gate does not accept",
        ),
        (
            GateName.FALSE_POSITIVE_DISPARITY,
            {RATE: NotApplicable(NotApplicableReason.NO_GROUP_WITH_ENOUGH_CLAIMS)},
            GateOutcome.NOT_APPLICABLE,
            f"{RATE}: not applicable (the data have no group with enough clean claims)",
        ),
        (GateName.RECALL_BY_KIND, {RECALL: Measured(0.5)}, GateOutcome.PASSED, f"{RECALL} is 0.5"),
        (
            GateName.RECALL_BY_KIND,
            {RECALL: Measured(0.4999)},
            GateOutcome.REFUSED,
            f"{RECALL} is 0.4999, must be at least 0.5 (off by 0.0001)",
        ),
        (
            GateName.BEATS_RULE,
            {Measure.AP_OVER_RULE_LOW: Measured(0.0)},
            GateOutcome.REFUSED,
            f"{Measure.AP_OVER_RULE_LOW} is 0, must be above 0 (off by 1e-09)",
        ),
    ],
)
def test_a_verdict_states_the_value_and_the_limit(
    gate: GateName, measures: dict[Measure, Measured | NotApplicable], outcome: GateOutcome, detail: str
) -> None:
    found = verdict(measures, gate)
    description = next(one.description for one in GATES if one.name is gate)
    assert found == Verdict(gate, outcome, description, detail)
    assert found.passed is (outcome is not GateOutcome.REFUSED)
    assert found.as_json() == {
        "gate": gate.value,
        "outcome": outcome.value,
        "passed": outcome is not GateOutcome.REFUSED,
        "description": description,
        "detail": detail,
    }


def test_a_gate_with_alternatives_states_each_measure_once() -> None:
    at = {
        Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: 0.125,
        Measure.AP_OVER_CHAMPION_LOW: 0.25,
        Measure.AP_OVER_CHAMPION: 0.5,
        Measure.BRIER_OVER_CHAMPION: 0.125,
    }
    found = verdict({measure: Measured(value) for measure, value in at.items()}, GateName.BEATS_CHAMPION)
    assert found.outcome is GateOutcome.PASSED
    assert found.detail == (
        "average_precision_over_champion_low_of_attempts is 0.125; average_precision_over_champion is 0.5; "
        "average_precision_over_champion_low is 0.25; "
        "brier_score_over_champion is 0.125, must be at most 0 (off by 0.125)"
    )


def test_a_gate_with_some_measures_not_applicable_is_decided_by_the_others() -> None:
    mixed = {
        Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: Measured(0.1),
        Measure.AP_OVER_CHAMPION_LOW: NotApplicable(NotApplicableReason.NO_CHAMPION),
        Measure.AP_OVER_CHAMPION: NotApplicable(NotApplicableReason.NO_CHAMPION),
        Measure.BRIER_OVER_CHAMPION: NotApplicable(NotApplicableReason.NO_CHAMPION),
    }
    assert verdict(mixed, GateName.BEATS_CHAMPION).outcome is GateOutcome.PASSED
    low = mixed | {Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: Measured(-0.1)}
    assert verdict(low, GateName.BEATS_CHAMPION).outcome is GateOutcome.REFUSED


@pytest.mark.parametrize(("value", "inside"), [(1.0, 0.5), (0.5, 0.0), (0.25, -0.25)])
def test_the_margin_of_a_bound_is_the_distance_of_the_value_inside_it(value: float, inside: float) -> None:
    least, most = AtLeast(Measure.AP_OVER_CHAMPION, 0.5), AtMost(Measure.AP_OVER_CHAMPION, 0.5)
    assert (least.margin(value), most.margin(value)) == (inside, -inside)
    assert (str(least), str(most)) == ("at least 0.5", "at most 0.5")


def test_a_refusal_lists_the_gates_that_refuse() -> None:
    verdicts = (
        Verdict(GateName.BEATS_RULE, GateOutcome.PASSED, "x", "fine"),
        Verdict(GateName.DATA_QUALITY, GateOutcome.REFUSED, "x", "one"),
        Verdict(GateName.LATENCY_BUDGET, GateOutcome.REFUSED, "x", "two"),
    )
    refused = RefusedError("v1", verdicts)
    assert str(refused) == "v1 was not promoted: 2 of 3 gates refuse\n  data_quality: one\n  latency_budget: two"
    assert (refused.verdicts, refused.exit_code) == (verdicts, 4)


def test_a_promotion_as_json_has_every_field() -> None:
    passed = Verdict(GateName.BEATS_RULE, GateOutcome.PASSED, "x", "fine")
    done = Promotion("v2", "v1", (passed,), forced=True, alias_problem="down", seconds=1.5)
    assert done.as_json() == {
        "version": "v2",
        "previous": "v1",
        "verdicts": [passed.as_json()],
        "forced": True,
        "alias_problem": "down",
        "seconds": 1.5,
    }


@pytest.mark.parametrize(("by", "reason"), [("", "why"), (" ", "why"), ("who", ""), ("who", " ")])
def test_a_forced_promotion_requires_a_name_and_a_reason(by: str, reason: str) -> None:
    with pytest.raises(UnnamedForceError) as refused:
        Force(by, reason)
    assert str(refused.value) == "a forced promotion requires --by NAME and --reason TEXT"
    assert (Force("who", "why").by, Force("who", "why").reason) == ("who", "why")
