"""Facts of an evidence pack: what sentences cite."""

import math
import re
from datetime import date, datetime

import pytest

from claims.attributes import PREFIX
from claims.evidence import (
    AGE_AND_SEX,
    FactKind,
    annex_reasons,
    facts_of,
    is_about_age_or_sex,
    without_age_and_sex,
)
from claims.scoring import Reason
from features.declare import FEATURES
from tests.claims.evidence_packs import make_pack

TYPES = {
    FactKind.COUNT: int,
    FactKind.MONEY: int,
    FactKind.SHARE: float,
    FactKind.NUMBER: float,
    FactKind.DATE: date,
    FactKind.INSTANT: datetime,
    FactKind.ID: str,
    FactKind.TEXT: str,
}


def test_every_fact_is_found_by_its_own_id() -> None:
    facts = facts_of(make_pack())
    assert all(fact_id == fact.fact_id for fact_id, fact in facts.items())
    assert all(re.fullmatch(r"[a-z]+(\.[A-Za-z0-9_-]+)+", fact_id) for fact_id in facts)


def test_the_type_of_a_value_follows_from_its_kind() -> None:
    for fact in facts_of(make_pack()).values():
        assert type(fact.value) is TYPES[fact.kind], fact


@pytest.mark.parametrize(
    ("fact_id", "kind", "value"),
    [
        ("claims.count", FactKind.COUNT, 2),
        ("claims.lines", FactKind.COUNT, 4),
        ("claims.billed", FactKind.MONEY, 360_00),
        ("claims.paid", FactKind.MONEY, 288_00),
        ("claim.clm_1.billed", FactKind.MONEY, 180_00),
        ("claim.clm_2.line.2.paid", FactKind.MONEY, 48_00),
        ("pattern.p1.value", FactKind.MONEY, 180_00),
        ("pattern.p1.peers.n", FactKind.COUNT, 212),
        ("score.clm_1.probability", FactKind.SHARE, 0.81),
        ("loss.amount", FactKind.MONEY, 288_00),
        ("subject.npi", FactKind.ID, "1234567893"),
        ("sample.lower_bound", FactKind.MONEY, 800_00),
        ("record.fil_1.sha256", FactKind.ID, "b" * 64),
        ("detection.date", FactKind.DATE, date(2026, 2, 27)),
    ],
)
def test_a_pack_states_its_facts(fact_id: str, kind: FactKind, value: object) -> None:
    fact = facts_of(make_pack())[fact_id]
    assert (fact.kind, fact.value) == (kind, value)


def test_what_is_null_in_the_pack_is_no_fact() -> None:
    facts = facts_of(make_pack(loss=None, sample=None))
    assert not [fact_id for fact_id in facts if fact_id.startswith(("loss.", "sample."))]


def test_a_pack_that_states_a_fact_twice_is_refused() -> None:
    pack = make_pack()
    twice = (*pack.records, *pack.records)
    with pytest.raises(ValueError, match=r"states record\.fil_1\.name twice"):
        facts_of(make_pack(records=twice))


def test_the_features_about_age_and_sex_are_those_that_say_so() -> None:
    about = re.compile(r"\b(age|sex)\b", re.IGNORECASE)
    stated = {one.name for one in FEATURES if about.search(one.meaning) and "member" in one.meaning}
    read = {one.name for one in FEATURES if "demographic" in one.aggregation_group}
    assert set(AGE_AND_SEX) == stated | read


@pytest.mark.parametrize(
    ("name", "is_about"),
    [
        (f"{PREFIX}insured_sex", True),
        (f"{PREFIX}age", True),
        (f"{PREFIX}date_of_birth", True),
        (f"{PREFIX}agency", False),
        ("provider_age_days", False),
    ],
)
def test_an_attribute_is_about_age_or_sex_by_its_name(name: str, is_about: bool) -> None:
    assert is_about_age_or_sex(name) is is_about


def test_contributions_and_what_is_left_out_keep_their_sum() -> None:
    given = {"amount_ratio": 1.5, "procedure_given_demographic": 0.7, f"{PREFIX}sex": -0.2}
    shown, left_out = without_age_and_sex(given)
    assert set(shown) == {"amount_ratio"}
    assert left_out.features == 2
    assert math.isclose(math.fsum([*shown.values(), left_out.sum]), math.fsum(given.values()))


def test_no_reason_states_age_or_sex() -> None:
    def reason(push: float, carrier: str) -> Reason:
        direction = "for" if push > 0 else "against"
        return Reason("timing", "evidence", carrier, direction, push, math.exp(push), {}, [carrier], 1.0)  # type: ignore[arg-type]

    given = [reason(0.2, "a"), reason(0.9, "procedure_given_demographic"), reason(0.5, "b"), reason(-0.4, "c")]
    indicators, factors = annex_reasons(given)
    assert [one.text for one in indicators] == ["b", "a"]
    assert [one.text for one in factors] == ["c"]
