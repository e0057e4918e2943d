"""Leads: no claim is lost, sums add up, the order is that of the money, and the sentence states facts."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.leads import LeadClaim, LeadSource, LeadSubject, LeadSubjectKind, figures, group, rank, why

PROVIDERS = st.sampled_from(["H1", "H2", "H3", None])
MEMBERS = st.sampled_from(["M1", "M2", "M3", None])
CENTS = st.integers(-10_000, 10_000_000)


@st.composite
def claims(draw: st.DrawFn) -> list[LeadClaim]:
    ids = draw(st.lists(st.integers(0, 60), unique=True, max_size=25))
    return [draw(claim(f"clm_{number}")) for number in ids]


@st.composite
def claim(draw: st.DrawFn, claim_id: str) -> LeadClaim:
    is_scored = draw(st.booleans())
    low, expected, high = sorted(draw(st.tuples(CENTS, CENTS, CENTS)))
    return LeadClaim(
        claim_id=claim_id,
        source=draw(st.sampled_from(LeadSource)),
        provider_id=draw(PROVIDERS),
        member_id=draw(MEMBERS),
        expected_cents=expected if is_scored else None,
        low_cents=low if is_scored else None,
        high_cents=high if is_scored else None,
        paid_cents=draw(st.integers(0, 10_000_000)),
        unpaid_cents=draw(st.integers(0, 10_000_000)),
        probability=draw(st.floats(0, 1)) if is_scored else None,
        indicators=tuple(draw(st.lists(st.sampled_from(["price", "size", "timing", "history"]), max_size=3))),
        due_on=draw(st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))),
    )


SUBJECTS = st.sets(
    st.builds(
        LeadSubject,
        st.sampled_from([LeadSubjectKind.RING, LeadSubjectKind.PROVIDER, LeadSubjectKind.MEMBER]),
        st.sampled_from(["R1", "H1", "H2", "M1", "M2"]),
    )
)
TAKEN = st.sets(
    st.builds(
        LeadSubject,
        st.sampled_from([LeadSubjectKind.CLAIM, LeadSubjectKind.PROVIDER]),
        st.integers(0, 60).map(lambda number: f"clm_{number}") | st.sampled_from(["H1", "H2"]),
    )
)
RINGS = st.dictionaries(st.sampled_from(["H1", "H2", "H3"]), st.sampled_from(["R1", "R2"]))


@given(given_claims=claims(), investigated=SUBJECTS, taken=TAKEN, rings=RINGS)
def test_every_claim_is_in_exactly_one_lead_of_its_own_subject(
    given_claims: list[LeadClaim], investigated: set[LeadSubject], taken: set[LeadSubject], rings: dict[str, str]
) -> None:
    leads = group(given_claims, under_investigation=investigated, taken=taken, rings=rings)
    listed = [one for members in leads.values() for one in members]
    assert sorted(one.claim_id for one in listed) == sorted(one.claim_id for one in given_claims)
    of_kind = {
        LeadSubjectKind.RING: lambda one: rings[one.provider_id],
        LeadSubjectKind.PROVIDER: lambda one: one.provider_id,
        LeadSubjectKind.MEMBER: lambda one: one.member_id,
        LeadSubjectKind.CLAIM: lambda one: one.claim_id,
    }
    for subject, members in leads.items():
        assert members
        assert {of_kind[subject.kind](one) for one in members} == {subject.subject_id}


@given(given_claims=claims(), investigated=SUBJECTS, taken=TAKEN, rings=RINGS)
def test_leads_do_not_depend_on_the_order_of_claims(
    given_claims: list[LeadClaim], investigated: set[LeadSubject], taken: set[LeadSubject], rings: dict[str, str]
) -> None:
    leads = group(given_claims, under_investigation=investigated, taken=taken, rings=rings)
    assert leads == group(given_claims[::-1], under_investigation=investigated, taken=taken, rings=rings)


@given(given_claims=claims(), investigated=SUBJECTS, taken=TAKEN, rings=RINGS)
def test_a_claim_of_the_random_audit_and_one_that_somebody_took_stay_alone(
    given_claims: list[LeadClaim], investigated: set[LeadSubject], taken: set[LeadSubject], rings: dict[str, str]
) -> None:
    leads = group(given_claims, under_investigation=investigated, taken=taken, rings=rings)
    for one in given_claims:
        itself = LeadSubject(LeadSubjectKind.CLAIM, one.claim_id)
        if one.source is LeadSource.AUDIT or itself in taken:
            (only,) = leads[itself]
            assert only.claim_id == one.claim_id


@given(given_claims=claims(), investigated=SUBJECTS, taken=TAKEN, rings=RINGS)
def test_claims_of_two_providers_of_a_ring_are_its_lead_and_come_before_any_other(
    given_claims: list[LeadClaim], investigated: set[LeadSubject], taken: set[LeadSubject], rings: dict[str, str]
) -> None:
    leads = group(given_claims, under_investigation=investigated, taken=taken, rings=rings)
    free = [
        one
        for one in given_claims
        if one.source is not LeadSource.AUDIT
        and LeadSubject(LeadSubjectKind.CLAIM, one.claim_id) not in taken
        and LeadSubject(LeadSubjectKind.PROVIDER, str(one.provider_id)) not in taken
    ]
    for ring_id in set(rings.values()):
        subject = LeadSubject(LeadSubjectKind.RING, ring_id)
        of_ring = [one for one in free if one.provider_id and rings.get(one.provider_id) == ring_id]
        is_lead = len({one.provider_id for one in of_ring}) > 1 or subject in investigated
        listed = {one.claim_id for one in leads.get(subject, ())}
        assert listed == ({one.claim_id for one in of_ring} if is_lead else set())


@given(given_claims=claims())
def test_sums_of_leads_equal_those_of_their_claims(given_claims: list[LeadClaim]) -> None:
    sums = [figures(members) for members in group(given_claims).values()]
    assert sum(one.claims for one in sums) == len(given_claims)
    for name in ("paid_cents", "unpaid_cents"):
        assert sum(getattr(one, name) for one in sums) == sum(getattr(one, name) for one in given_claims)
    for name in ("expected_cents", "low_cents", "high_cents"):
        assert sum(getattr(one, name) or 0 for one in sums) == sum(getattr(one, name) or 0 for one in given_claims)
    for one in sums:
        if one.expected_cents is not None:
            assert one.low_cents is not None
            assert one.high_cents is not None
            assert one.low_cents <= one.expected_cents <= one.high_cents


@given(given_claims=claims())
def test_leads_are_in_the_order_of_expected_recoverable_and_those_without_a_score_last(
    given_claims: list[LeadClaim],
) -> None:
    sums = {subject: figures(members) for subject, members in group(given_claims).items()}
    ordered = rank(sums)
    assert set(ordered) == set(sums)
    values = [sums[one].expected_cents for one in ordered]
    scored = [one for one in values if one is not None]
    assert values == sorted(scored, reverse=True) + [None] * (len(values) - len(scored))


def made(claim_id: str, **values: object) -> LeadClaim:
    return LeadClaim(**({"claim_id": claim_id, "source": LeadSource.SCORE} | values))  # type: ignore[arg-type]


def test_claims_of_a_provider_or_a_member_add_up_and_one_claim_stays_single() -> None:
    leads = group(
        [
            made("a", provider_id="H1", member_id="M1"),
            made("b", provider_id="H1", member_id="M2"),
            made("c", provider_id="H2", member_id="M3"),
            made("d", provider_id="H3", member_id="M3"),
            made("e", provider_id="H4", member_id="M4"),
        ]
    )
    found = {(one.kind.value, one.subject_id): [each.claim_id for each in members] for one, members in leads.items()}
    assert found == {("provider", "H1"): ["a", "b"], ("member", "M3"): ["c", "d"], ("claim", "e"): ["e"]}


def test_a_claim_joins_the_lead_or_case_that_its_provider_has() -> None:
    subject = LeadSubject(LeadSubjectKind.PROVIDER, "H1")
    assert set(group([made("a", provider_id="H1")], under_investigation={subject})) == {subject}


def test_a_provider_of_a_ring_stays_alone_while_the_others_have_no_claims_or_a_person_has_its_lead() -> None:
    rings = {"H1": "R1", "H2": "R1"}
    of_one, of_other = [made("a", provider_id="H1"), made("b", provider_id="H1")], made("c", provider_id="H2")
    provider, ring = LeadSubject(LeadSubjectKind.PROVIDER, "H1"), LeadSubject(LeadSubjectKind.RING, "R1")
    assert set(group(of_one, rings=rings)) == {provider}
    assert set(group([*of_one, of_other], rings=rings)) == {ring}
    kept = group([*of_one, of_other], rings=rings, taken={provider})
    assert {(one.kind.value, one.subject_id) for one in kept} == {("provider", "H1"), ("claim", "c")}
    assert set(group(of_one, rings=rings, under_investigation={ring})) == {ring}


def test_the_sentence_states_the_figures() -> None:
    found = figures(
        [
            made("a", probability=0.93, indicators=("price_against_peers",), paid_cents=120_00, expected_cents=5),
            made("b", probability=0.4, indicators=("price_against_peers", "timing"), unpaid_cents=80_50),
        ]
    )
    assert why(LeadSubjectKind.PROVIDER, found) == (
        "2 claims of one provider flagged or listed by score; highest probability 93.0 %, "
        "indicator price against peers, 120.00 paid, 80.50 not paid yet."
    )
    assert why(LeadSubjectKind.RING, found).startswith("2 claims of a ring of providers flagged")
    assert why(LeadSubjectKind.CLAIM, figures([made("a", source=LeadSource.AUDIT)])) == (
        "A claim of the random audit sample."
    )


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "0.0 %"), (0.0004, "below 0.1 %"), (0.001, "0.1 %"), (0.004, "0.4 %"), (1.0, "100.0 %")],
)
def test_a_small_probability_is_not_stated_as_zero(probability: float, text: str) -> None:
    assert f"probability {text}" in why(LeadSubjectKind.CLAIM, figures([made("a", probability=probability)]))
