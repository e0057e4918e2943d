"""Each plausibility check at its limit and just above it, and its finding in full."""

from dataclasses import replace
from datetime import date

import pytest

from claims.claim import ClaimLine
from claims.outcome import Finding, Outcome
from claims.plausibility import (
    PlausibilityPolicy,
    PriceReference,
    References,
    ReferenceScope,
    ScopePolicy,
    check_plausibility,
)
from claims.reference import Procedure
from claims.rule import RuleVerdict
from tests.claims.makers import make_claim

AS_OF = date(2026, 3, 2)
POLICY = PlausibilityPolicy(
    provider=ScopePolicy(min_claims=20, floor_factor=2.0, ceiling_factor=4.0),
    region=ScopePolicy(min_claims=30, floor_factor=2.5, ceiling_factor=5.0),
    procedure=ScopePolicy(min_claims=5, floor_factor=3.0, ceiling_factor=6.0),
    spread_multiple=3.0,
    peer_factor=10.0,
    catalogue_factor=3.0,
    firm_spread=0.8,
    established_band=1.5,
    established_peer_factor=2.0,
    units_factor=1.5,
    auto_approval_cap_cents=1_000_00,
    min_provider_claims=5,
)
NOT_FLAGGED = RuleVerdict(False, 0, 1, "average", 9, "words")
FLAGGED = replace(NOT_FLAGGED, flagged=True, text="Above the rule.")


def reference(scope=ReferenceScope.PROCEDURE, **changes):
    values = {
        "procedure_code": "P1",
        "principal": True,
        "scope": scope,
        "entity": {ReferenceScope.PROVIDER: "H1", ReferenceScope.REGION: "Coast"}.get(scope, ""),
        "claims": 100,
        "median_cents": 10_00.0,
        "log_spread": 0.0,
        "high_units": 4.0,
        "as_of": AS_OF,
    }
    return PriceReference(**(values | changes))


def found(*lines, rows=(), rule=NOT_FLAGGED, history=5, procedures=None, policy=POLICY):
    claim = make_claim(*lines)
    catalogue = {line.procedure_code: Procedure(line.procedure_code) for line in lines} | (procedures or {})
    references = References(References.of(rows).prices, history)
    return check_plausibility(claim, procedures=catalogue, references=references, rule=rule, policy=policy)


def review(code, text, cites, line=None):
    return Finding(code, Outcome.IN_REVIEW, text, cites, line)


PROVIDER, REGION, PROCEDURE = ReferenceScope.PROVIDER, ReferenceScope.REGION, ReferenceScope.PROCEDURE


@pytest.mark.parametrize(
    ("rows", "highest"),
    [
        ([reference()], 30_00),
        ([reference(REGION), reference()], 25_00),
        ([reference(PROVIDER), reference(REGION), reference()], 20_00),
        ([reference(PROVIDER, claims=20)], 20_00),
        ([reference(PROVIDER, claims=19), reference(REGION, claims=30)], 25_00),
        ([reference(PROVIDER, claims=19), reference(REGION, claims=29), reference(claims=5)], 30_00),
        ([reference(log_spread=0.5)], 44_81),  # 10 × e^(3 × 0.5)
        ([reference(log_spread=0.7)], 60_00),  # the ceiling
        ([reference(log_spread=1e6)], 60_00),
        ([reference(PROVIDER, median_cents=90_00.0), reference()], 100_00),  # ten times the median of all providers
        ([reference(PROVIDER, median_cents=50_00.0), reference()], 100_00),
        ([reference(PROVIDER, median_cents=49_00.0), reference()], 98_00),
    ],
)
def test_the_highest_plausible_price_of_a_unit(rows, highest):
    assert found(ClaimLine("P1", highest), rows=rows) == ()
    (finding,) = found(ClaimLine("P1", highest + 1), rows=rows)
    assert (finding.code, finding.line) == ("price_implausible", 1)


@pytest.mark.parametrize(
    ("rows", "text", "cites"),
    [
        (
            [reference(PROVIDER), reference()],
            (
                "P1 is billed at 50.00 per unit, 5.0 times the median of 10.00 over 100 claims of this provider in the "
                "year to 2026-03-02; at most 20.00 is plausible."
            ),
            "reference_statistics/P1/provider/H1",
        ),
        (
            [reference(REGION), reference()],
            (
                "P1 is billed at 50.00 per unit, 5.0 times the median of 10.00 over 100 claims in region Coast in the "
                "year to 2026-03-02; at most 25.00 is plausible."
            ),
            "reference_statistics/P1/region/Coast",
        ),
        (
            [reference(PROVIDER, median_cents=40_00.0), reference(median_cents=4_00.0)],
            (
                "P1 is billed at 50.00 per unit, 12.5 times the median of 4.00 over 100 claims in the year to "
                "2026-03-02; at most 40.00 is plausible."
            ),
            "reference_statistics/P1/procedure",
        ),
    ],
)
def test_an_implausible_price_states_the_comparison(rows, text, cites):
    lines = (ClaimLine("P1", 100_00, units=2),)
    assert found(*lines, rows=rows) == (review("price_implausible", text, cites, 1),)


def test_without_references_a_price_above_three_times_the_catalogues_is_implausible():
    priced = {"P1": Procedure("P1", typical_cents=10_00)}
    assert found(ClaimLine("P1", 60_00, units=2), procedures=priced) == ()
    assert found(ClaimLine("P1", 60_02, units=2), procedures=priced) == (
        review(
            "price_implausible",
            "P1 is billed at 30.01 per unit, 3.0 times the catalogue price of 10.00; at most 30.00 is plausible. There "
            "are too few claims to compare with.",
            "procedures/P1 typical_cents",
            1,
        ),
    )


def test_every_line_is_compared_even_after_one_that_cannot_be_compared():
    priced = {"P2": Procedure("P2", typical_cents=10_00), "P3": Procedure("P3", typical_cents=10_00)}
    lines = (ClaimLine("P1", 20_00), ClaimLine("P2", 31_00), ClaimLine("P3", 32_00))
    rows = [reference(procedure_code="P3"), reference(principal=False, log_spread=0.9)]
    findings = found(*lines, rows=rows, procedures=priced)
    assert [(one.code, one.line) for one in findings] == [("price_implausible", 2), ("price_implausible", 3)]


@pytest.mark.parametrize(("spread", "expected"), [(0.8, ["price_implausible"]), (0.81, [])])
def test_a_secondary_line_is_compared_only_where_its_prices_are_comparable(spread, expected):
    lines = (ClaimLine("P2", 800_00), ClaimLine("P1", 120_00))
    rows = [reference(procedure_code="P2", median_cents=800_00.0), reference(principal=False, log_spread=spread)]
    assert [one.code for one in found(*lines, rows=rows)] == expected


def test_a_secondary_line_is_bound_by_its_spread_alone():
    main = reference(procedure_code="P2", median_cents=900_00.0)
    rows = [main, reference(principal=False, log_spread=0.75)]  # 10 × e^(3 × 0.75) = 94.88, above the ceiling
    assert found(ClaimLine("P2", 900_00), ClaimLine("P1", 94_87), rows=rows) == ()
    (finding,) = found(ClaimLine("P2", 900_00), ClaimLine("P1", 94_88), rows=rows)
    assert (finding.code, finding.line) == ("price_implausible", 2)


# The 2× rule


def established(**changes):
    """Own price 10.00, accepted up to 15.00 and 4 units."""
    return [reference(PROVIDER, **changes), reference()]


def flagged_codes(*lines, rows):
    loose = replace(POLICY, units_factor=99.0, peer_factor=99.0)
    return [one.code for one in found(*lines, rows=rows, rule=FLAGGED, policy=loose)]


@pytest.mark.parametrize(
    ("line", "rows", "accepted"),
    [
        (ClaimLine("P1", 60_00, 4), established(), True),
        (ClaimLine("P1", 60_01, 4), established(), False),
        (ClaimLine("P1", 50_00, 5), established(), False),
        (ClaimLine("P1", 60_00, 4), established(claims=20), True),
        (ClaimLine("P1", 60_00, 4), established(claims=19), False),
        (ClaimLine("P1", 60_00, 4), established(median_cents=20_00.0), True),
        (ClaimLine("P1", 60_00, 4), established(median_cents=20_01.0), False),
        (ClaimLine("P1", 10_00), [reference(PROVIDER)], False),
        (ClaimLine("P1", 10_00), [reference()], False),
        (ClaimLine("P1", 10_00), [reference(PROVIDER), reference(REGION)], False),
    ],
)
def test_the_flag_of_the_rule_holds_unless_price_and_units_are_the_providers_usual_ones(line, rows, accepted):
    assert flagged_codes(line, rows=rows) == ([] if accepted else ["amount_above_rule"])


@pytest.mark.parametrize(
    ("second", "companion", "accepted"),
    [
        ((10_00, 1), {}, True),
        ((10_01, 1), {}, False),
        ((16_48, 1), {"log_spread": 0.5}, True),  # 10 × e^0.5
        ((16_49, 1), {"log_spread": 0.5}, False),
        ((40_00, 4), {}, True),
        ((40_00, 5), {}, False),
        ((10_00, 1), {"claims": 5}, True),
        ((10_00, 1), {"claims": 4}, False),
        ((10_00, 1), {"procedure_code": "P9"}, False),
        ((10_00, 1), {"principal": True}, False),
    ],
)
def test_a_secondary_line_passes_the_rule_within_one_spread_of_all_providers(second, companion, accepted):
    main = [
        reference(scope, procedure_code="P2", median_cents=100_00.0, log_spread=0.1) for scope in (PROVIDER, PROCEDURE)
    ]
    amount, units = second
    lines = (ClaimLine("P2", 100_00), ClaimLine("P1", amount, units))
    other = reference(**({"principal": False} | companion))
    codes = flagged_codes(*lines, rows=[*main, other])
    assert ("amount_above_rule" in codes) is not accepted


def test_the_flag_of_the_rule_has_its_own_text():
    assert found(ClaimLine("P1", 10_00), rows=[reference()], rule=FLAGGED) == (
        review("amount_above_rule", "Above the rule.", "procedures/P1 average_cents"),
    )


# Units, the cap, and history


@pytest.mark.parametrize(("catalogue", "most"), [(None, 6), (5, 6), (7, 7)])
def test_the_most_plausible_units(catalogue, most):
    lines = [ClaimLine("P1", 10_00, 1)] * (most - 1)
    listed = {"P1": Procedure("P1", max_units=catalogue)}
    assert found(*lines, ClaimLine("P1", 10_00), rows=[reference()], procedures=listed) == ()
    assert found(*lines, ClaimLine("P1", 20_00, 2), rows=[reference()], procedures=listed) == (
        review(
            "units_implausible",
            f"P1 is billed for {most + 1} units; 99 % of 100 claims in the year to 2026-03-02 have at most 4, and at "
            f"most {most} are plausible.",
            "reference_statistics/P1/procedure",
            1,
        ),
    )


def test_units_are_compared_with_the_widest_reference_for_each_procedure_on_its_first_line():
    rows = [
        reference(PROVIDER, procedure_code="P2", high_units=50.0),
        reference(procedure_code="P2"),
        reference(principal=False),
    ]
    lines = (ClaimLine("P3", 1), ClaimLine("P1", 10_00), ClaimLine("P1", 60_00, 6), ClaimLine("P2", 70_00, 7))
    findings = found(*lines, rows=rows, procedures={"P3": Procedure("P3", typical_cents=5)})
    assert [(one.code, one.line) for one in findings] == [("units_implausible", 2), ("units_implausible", 4)]


def test_a_claim_above_the_cap_is_reviewed():
    rows = [reference(median_cents=1_000_00.0)]
    assert found(ClaimLine("P1", 1_000_00), rows=rows) == ()
    assert found(ClaimLine("P1", 1_000_01), rows=rows) == (
        review(
            "above_auto_approval_cap",
            "The claim of 1000.01 is above 1000.00; claims above that amount are always reviewed by a person.",
            "plausibility policy of 2026-01-01 auto_approval_cap",
        ),
    )


def test_a_provider_with_fewer_than_five_claims_has_no_history():
    assert found(ClaimLine("P1", 10_00), rows=[reference()], history=5) == ()
    assert found(ClaimLine("P1", 10_00), rows=[reference()], history=4) == (
        review(
            "provider_without_history",
            "The provider has 4 accepted claims in the last year; at least 5 are needed for a comparison.",
            "reference_statistics/history/H1",
        ),
    )


def no_history(code, line):
    return review(
        "procedure_without_history",
        f"{code} has no catalogue price and fewer than 5 accepted claims in the last year, so its amount cannot be "
        "compared.",
        f"procedures/{code}",
        line,
    )


@pytest.mark.parametrize(
    ("lines", "rule", "expected"),
    [
        (("P1",), NOT_FLAGGED, []),
        (("P1", "P9"), NOT_FLAGGED, [no_history("P9", 2)]),
        (("P1", "P9", "P9"), NOT_FLAGGED, [no_history("P9", 2)]),
        (("P1", "P1", "P9"), NOT_FLAGGED, [no_history("P9", 3)]),
        (("P1", "P8"), NOT_FLAGGED, []),
        (("P9",), NOT_FLAGGED, [no_history("P9", 1)]),
        (("P1",), replace(NOT_FLAGGED, flagged=None), [no_history("P1", 1)]),
        (("P1", "P8"), replace(NOT_FLAGGED, flagged=None), [no_history("P1", 1)]),
    ],
)
def test_a_procedure_that_cannot_be_compared_is_reviewed_once(lines, rule, expected):
    claim_lines = [ClaimLine(code, 10_00 - at) for at, code in enumerate(lines)]
    rows = [reference(), reference(principal=False)]
    findings = found(*claim_lines, rows=rows, rule=rule, procedures={"P8": Procedure("P8", typical_cents=10_00)})
    assert list(findings) == expected


@pytest.mark.parametrize("scope", ["provider", "region", "procedure"])
@pytest.mark.parametrize(("floor", "ceiling", "valid"), [(1.0, 1.0, True), (0.99, 2.0, False), (2.0, 1.99, False)])
def test_the_factors_of_every_scope_are_checked(scope, floor, ceiling, valid):
    change = {scope: ScopePolicy(min_claims=5, floor_factor=floor, ceiling_factor=ceiling)}
    if valid:
        assert getattr(PlausibilityPolicy(**change), scope) == change[scope]
        return
    with pytest.raises(ValueError, match=r"^a scope's factors must satisfy 1 <= floor_factor <= ceiling_factor$"):
        PlausibilityPolicy(**change)


def test_price_references_are_indexed_and_the_providers_claims_are_counted():
    history = reference(ReferenceScope.HISTORY, procedure_code="", claims=7)
    references = References.of([reference(), history, reference(principal=False)])
    assert references.provider_claims == 7
    assert references.price("P1", principal=True, scope=PROCEDURE) == reference()
    assert references.price("P1", principal=False, scope=PROCEDURE) == reference(principal=False)
    assert references.price("P1", principal=True, scope=PROVIDER) is None
    assert len(references.prices) == 2
    assert References.of([]).provider_claims == 0
