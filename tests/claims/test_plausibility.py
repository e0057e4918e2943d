from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims import plausibility
from claims.claim import ClaimLine
from claims.outcome import Outcome
from claims.plausibility import PlausibilityPolicy, PriceReference, References, ReferenceScope, ScopePolicy
from claims.reference import Procedure
from claims.rule import check_twice_average
from tests.claims.makers import make_claim

AS_OF = date(2026, 3, 2)
TYPICAL = 28_00


def reference(
    scope=ReferenceScope.PROCEDURE, *, code="P001", principal=True, claims=400, median=TYPICAL, spread=0.3, units=1.0
):
    entity = {ReferenceScope.PROVIDER: "H1", ReferenceScope.REGION: "Coast"}.get(scope, "")
    return PriceReference(code, principal, scope, entity, claims, float(median), spread, units, AS_OF)


USUAL = (reference(),)
HISTORY = PriceReference("", True, ReferenceScope.HISTORY, "H1", 200, 0.0, 0.0, 0.0, AS_OF)


def found(*lines, references=USUAL, history=HISTORY, average=None, typical=None, max_units=None, **policy):
    claim = make_claim(*lines)
    procedures = {
        line.procedure_code: Procedure(
            line.procedure_code,
            max_units=max_units,
            typical_cents=typical,
            average_cents=average,
            average_claims=0 if average is None else 400,
        )
        for line in lines
    }
    rule = check_twice_average(claim.amount_cents, claim.principal, procedures[claim.principal.procedure_code])
    rows = [*references, *([history] if history else [])]
    return plausibility.check_plausibility(
        claim, procedures=procedures, references=References.of(rows), rule=rule, policy=PlausibilityPolicy(**policy)
    )


def codes(*lines, **given):
    return [finding.code for finding in found(*lines, **({"average": TYPICAL * 10_000} | given))]


def test_an_ordinary_claim_has_no_findings():
    assert codes(ClaimLine("P001", TYPICAL)) == []


def test_an_amount_of_100000_for_a_procedure_of_28_goes_to_review_with_the_numbers():
    findings = found(ClaimLine("P001", 100_000_00), average=TYPICAL)
    assert [finding.code for finding in findings] == [
        *("price_implausible", "amount_above_rule", "above_auto_approval_cap")
    ]
    assert {finding.outcome for finding in findings} == {Outcome.IN_REVIEW}
    assert findings[0].cites == "reference_statistics/P001/procedure"
    assert findings[0].line == 1
    assert findings[0].text == (
        "P001 is billed at 100000.00 per unit, 3,571.4 times the median of 28.00 over 400 claims in the year to "
        "2026-03-02; at most 80.01 is plausible."
    )


def test_the_price_is_that_of_one_unit():
    assert codes(ClaimLine("P001", TYPICAL * 3, units=3), references=[reference(units=3.0)]) == []


@pytest.mark.parametrize(
    ("own_claims", "price", "expected"),
    [(20, 28_00, ["price_implausible"]), (19, 28_00, []), (20, 22_00, [])],
    ids=["established", "too few claims", "within twice its own price"],
)
def test_the_most_specific_scope_with_enough_claims_sets_the_bound(own_claims, price, expected):
    own = reference(ReferenceScope.PROVIDER, claims=own_claims, median=10_00, spread=0.05)
    assert codes(ClaimLine("P001", price), references=[reference(), own]) == expected


def test_a_provider_that_always_bills_a_thousand_times_too_much_is_compared_with_all_providers():
    own = reference(ReferenceScope.PROVIDER, median=TYPICAL * 1_000, spread=0.01)
    region = reference(ReferenceScope.REGION, median=TYPICAL * 1_000, spread=0.01)
    (finding,) = found(ClaimLine("P001", 8_000_00), references=[reference(), region, own], average=8_000_00)
    assert (finding.code, finding.cites) == ("price_implausible", "reference_statistics/P001/procedure")
    assert "median of 28.00" in finding.text


def test_without_references_the_catalogue_price_is_used():
    (finding,) = found(ClaimLine("P001", 90_00), references=(), typical=TYPICAL, average=TYPICAL * 10)
    assert (finding.code, finding.cites) == ("price_implausible", "procedures/P001 typical_cents")
    assert codes(ClaimLine("P001", 80_00), references=(), typical=TYPICAL) == []


def test_a_procedure_without_price_and_claims_goes_to_review():
    assert codes(ClaimLine("P001", 1), references=()) == ["procedure_without_history"]
    assert codes(ClaimLine("P001", 1), references=[reference(claims=4)]) == ["procedure_without_history"]


def test_a_claim_the_rule_cannot_assess_goes_to_review_although_its_lines_are_comparable():
    assert codes(ClaimLine("P001", TYPICAL), average=None) == ["procedure_without_history"]


def test_every_line_is_checked_and_the_finding_names_it():
    lines = (ClaimLine("P001", TYPICAL), ClaimLine("P002", 900_00))
    other = reference(code="P002")
    companion = reference(principal=False)
    findings = found(*lines, references=[reference(), companion, other], average=TYPICAL * 10_000)
    assert [(finding.code, finding.line) for finding in findings] == [("price_implausible", 2)]


def test_a_line_priced_as_a_part_of_the_whole_is_not_compared():
    lines = (ClaimLine("P002", TYPICAL * 2), ClaimLine("P001", TYPICAL))
    main = reference(code="P002", median=TYPICAL * 2)
    loose, firm = (reference(principal=False, median=1_00, spread=spread) for spread in (1.2, 0.3))
    assert codes(*lines, references=[main, loose]) == []
    assert codes(*lines, references=[main, firm]) == ["price_implausible"]


@pytest.mark.parametrize(
    ("lines", "own", "expected"),
    [
        ((ClaimLine("P001", TYPICAL * 4, 4),), {}, []),
        ((ClaimLine("P001", TYPICAL * 5, 5),), {}, ["amount_above_rule"]),
        ((ClaimLine("P001", round(TYPICAL * 4 * 1.6), 4),), {}, ["amount_above_rule"]),
        ((ClaimLine("P001", TYPICAL * 4, 4),), {"claims": 19}, ["amount_above_rule"]),
        ((ClaimLine("P001", TYPICAL * 12, 4),), {"median": TYPICAL * 3}, ["amount_above_rule"]),
    ],
    ids=[
        "own price and usual units",
        "too many units",
        "above its own price",
        "few claims",
        "own price inflated",
    ],
)
def test_the_rules_verdict_flags_unless_it_compares_many_units_with_few(lines, own, expected):
    references = [reference(units=4.0), reference(ReferenceScope.PROVIDER, **({"units": 4.0, "spread": 0.05} | own))]
    assert codes(*lines, references=references, average=TYPICAL, max_units=5) == expected


@pytest.mark.parametrize(
    ("units", "high", "catalogue", "expected"),
    [
        (6, 4.0, None, []),
        (7, 4.0, None, ["units_implausible"]),
        (7, 4.0, 8, []),
        (9, 4.0, 8, ["units_implausible"]),
    ],
)
def test_units_are_bounded_even_without_a_limit_in_the_catalogue(units, high, catalogue, expected):
    line = ClaimLine("P001", TYPICAL * units, units)
    assert codes(line, references=[reference(units=high)], max_units=catalogue) == expected


def test_splitting_a_line_does_not_evade_the_limit_on_units():
    lines = [ClaimLine("P001", TYPICAL, 1)] * 7
    assert codes(*lines, references=[reference(units=4.0)]) == ["units_implausible"]


@pytest.mark.parametrize(("amount", "expected"), [(10_000_00, []), (10_000_01, ["above_auto_approval_cap"])])
def test_a_claim_above_the_cap_is_always_reviewed(amount, expected):
    assert codes(ClaimLine("P001", amount), references=[reference(median=amount)]) == expected


@pytest.mark.parametrize(
    ("history", "expected"),
    [(None, ["provider_without_history"]), (4, ["provider_without_history"]), (5, [])],
)
def test_a_provider_without_history_goes_to_review(history, expected):
    row = (
        None
        if history is None
        else PriceReference("", True, ReferenceScope.HISTORY, "H1", history, 0.0, 0.0, 0.0, AS_OF)
    )
    assert codes(ClaimLine("P001", TYPICAL), history=row) == expected


references_of_any_size = st.lists(
    st.builds(
        reference,
        st.sampled_from([ReferenceScope.PROVIDER, ReferenceScope.REGION, ReferenceScope.PROCEDURE]),
        claims=st.integers(1, 1_000),
        median=st.floats(1.0, 1e9),
        spread=st.floats(0.0, 1e6),
        units=st.floats(1.0, 1e5),
        principal=st.booleans(),
    ),
    max_size=6,
)


@given(references_of_any_size, st.integers(1, 10_000_00), st.integers(1, 1_000), st.integers(2, 1_000))
def test_a_higher_amount_never_lowers_the_suspicion(references, amount, units, factor):
    cheap, expensive = (
        set(codes(ClaimLine("P001", amount * times, units), references=references, typical=TYPICAL, average=TYPICAL))
        for times in (1, factor)
    )
    assert cheap <= expensive


@given(references_of_any_size, st.integers(1, 10_000), st.integers(1, 100))
def test_a_claim_the_rule_flags_is_reviewed_or_has_the_providers_own_plausible_price(references, amount, units):
    line = ClaimLine("P001", amount * 100, units)
    findings = codes(line, references=references, average=TYPICAL, typical=TYPICAL)
    if line.amount_cents > 2 * TYPICAL and not findings:
        own = References.of(references).price("P001", principal=True, scope=ReferenceScope.PROVIDER)
        assert own is not None
        assert line.amount_cents / units <= own.median_cents * PlausibilityPolicy().established_band


@given(st.integers(1, 100_000), st.floats(0.0, 0.6), st.integers(30, 400))
def test_a_thousand_times_the_usual_price_is_never_paid_without_review(median, spread, claims):
    references = [reference(scope, median=median, spread=spread, claims=claims) for scope in list(ReferenceScope)[:3]]
    assert "price_implausible" in codes(ClaimLine("P001", median * 1_000), references=references)


def test_a_policy_whose_floor_lies_above_its_ceiling_is_refused():
    with pytest.raises(ValueError, match="floor_factor"):
        PlausibilityPolicy(region=ScopePolicy(min_claims=30, floor_factor=5, ceiling_factor=4))


def test_scopes_are_tried_from_the_most_specific_to_the_widest():
    assert all(narrow is not wide for narrow, wide in pairwise(plausibility.SCOPES))
    assert plausibility.SCOPES == (ReferenceScope.PROVIDER, ReferenceScope.REGION, ReferenceScope.PROCEDURE)
