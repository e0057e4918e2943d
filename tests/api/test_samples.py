"""A sample of a case is drawn, reviewed, estimated and demanded; what comes in is recorded with its claims."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import investigations, samples
from api.cases import CaseSubject
from api.confirmation import Confirmation
from api.errors import Conflict, Forbidden, Invalid, NotFound, SignatureRequired
from api.samples import EntryKind, ItemReview, OverpaymentReason, SampleDetails, SamplePlan
from claims.sampling import SamplingFrame, draw
from tests.api.cases import ANN, BEN, LEA, acts, opened
from tests.api.makers import Api
from tests.api.samples import dates, full_reviews, paid

PLAN = SamplePlan(date(2026, 1, 1), date(2026, 6, 30), size=20, seed="2026-11-28/417")
LATER = [kind for kind in EntryKind if kind is not EntryKind.DEMANDED]


CONFIRMED = Confirmation(means="second factor", is_user=True)


class Audit:
    """A case of a provider with paid claims, and what is done in it."""

    def __init__(self, api: Api, case_id: str) -> None:
        self.api = api
        self.case_id = case_id
        self._own = (api.dependencies.database, api.dependencies.field_keys)

    async def drawn(self, plan: SamplePlan = PLAN) -> SampleDetails:
        return await samples.create_sample(*self._own, ANN, self.case_id, plan)

    async def review(self, sample: SampleDetails, *reviews: ItemReview) -> SampleDetails:
        return await samples.record_reviews(*self._own, ANN, self.case_id, sample.record.sample_id, reviews)

    async def reviewed(self, sample: SampleDetails, every: int = 2) -> SampleDetails:
        """Every second claim should not have been paid."""
        return await self.review(sample, *full_reviews(sample, every))

    async def fixed(self, sample: SampleDetails) -> SampleDetails:
        return await samples.fix_estimate(*self._own, ANN, self.case_id, sample.record.sample_id)

    async def demanded(self, sample: SampleDetails, caller=LEA, confirmation=CONFIRMED) -> SampleDetails:
        sample_id = sample.record.sample_id
        return await samples.demand(*self._own, caller, self.case_id, sample_id, **dates(), confirmation=confirmation)

    async def entry(
        self,
        sample: SampleDetails,
        kind: EntryKind,
        cents: int,
        *,
        caller=LEA,
        confirmation: Confirmation = CONFIRMED,
        claims: Mapping[str, int] | None = None,
    ) -> SampleDetails:
        return await samples.add_entry(
            *self._own,
            caller,
            self.case_id,
            sample.record.sample_id,
            kind,
            cents,
            confirmation=confirmation,
            claims=claims,
        )

    async def ready(self) -> SampleDetails:
        """A sample whose overpayment is demanded."""
        return await self.demanded(await self.fixed(await self.reviewed(await self.drawn())))


@pytest.fixture
async def audit(api: Api) -> Audit:
    paid(api)
    return Audit(api, (await opened(api)).case_id)


async def test_a_demand_and_a_line_of_its_ledger_are_confirmed(audit):
    sample = await audit.fixed(await audit.reviewed(await audit.drawn()))
    with pytest.raises(SignatureRequired, match="demands for overpayments"):
        await audit.demanded(sample, confirmation=Confirmation())
    sample = await audit.demanded(sample)
    for kind in (EntryKind.RECEIVED, EntryKind.WRITTEN_OFF):
        with pytest.raises(SignatureRequired, match="demands for overpayments"):
            await audit.entry(sample, kind, 100, confirmation=Confirmation())
    assert audit.api.count("recoupment_entries") == 1


async def refusal(act: Callable[[], Awaitable[object]], field: str) -> str:
    with pytest.raises(Invalid) as refused:
        await act()
    (found,) = (one.message for one in refused.value.errors if one.field == field)
    return found


async def test_the_stored_frame_and_seed_give_the_stored_sample(audit):
    drawn = await audit.drawn(replace(PLAN, boundaries_cents=(13_000,)))
    text = await samples.frame_text(audit.api.dependencies.database, audit.case_id, drawn.record.sample_id)
    frame = SamplingFrame.parse(text)
    assert frame.sha256 == drawn.record.frame_sha256
    assert len(frame.units) == drawn.record.frame_units == 60
    again = draw(frame, drawn.record.seed, {one.name: one.size for one in drawn.record.strata})
    assert [one.unit.unit_id for one in again.drawn] == [one.claim_id for one in drawn.items]
    assert [(one.name, one.units, one.size) for one in drawn.record.strata] == [("1", 29, 10), ("2", 31, 10)]
    assert await acts(audit.api, audit.case_id) == ["case.open", "sample.draw"]


async def test_the_frame_has_the_paid_claims_of_the_provider_and_period_alone(audit):
    paid(audit.api, 5, provider_id="H457", prefix="other")
    paid(audit.api, 4, prefix="unpaid")
    audit.api.execute("UPDATE claims SET status = 'rejected', approved_cents = 0 WHERE claim_id LIKE 'unpaid-%'")
    audit.api.execute("UPDATE claims SET service_from = '2025-12-31' WHERE claim_id = 'paid-1'")
    drawn = await audit.drawn(replace(PLAN, seed=None, size=None))
    assert drawn.record.frame_units == 59
    assert len(drawn.record.seed) == 32
    assert {one.claim_id for one in drawn.items} <= {f"paid-{n}" for n in range(2, 61)}
    empty = replace(PLAN, first_day=date(2020, 1, 1), last_day=date(2020, 2, 1))
    assert "no paid claim" in await refusal(lambda: audit.drawn(empty), "first_day")


async def test_every_draw_of_a_case_is_kept(audit):
    first, second = await audit.drawn(), await audit.drawn(replace(PLAN, seed="another"))
    found = await samples.samples_of(audit.api.dependencies.database, audit.case_id)
    assert [one.sample_id for one in found] == [first.record.sample_id, second.record.sample_id]
    assert first.record.frame_sha256 == second.record.frame_sha256


async def test_the_estimate_is_fixed_when_every_claim_is_reviewed(audit):
    drawn = await audit.drawn()
    with pytest.raises(Conflict, match="20 of 20 claims are not reviewed yet"):
        await audit.fixed(drawn)
    found = (await audit.fixed(await audit.reviewed(drawn))).record.estimate
    assert found is not None
    assert found.lower_cents < found.point_cents < found.upper_cents
    assert found.demand_cents == found.lower_cents
    assert (found.reviewed, found.errors, found.found_cents) == (
        20,
        10,
        sum(one.paid_cents for one in drawn.items if one.position % 2 == 0),
    )
    assert [one.code for one in found.warnings] == ["few_reviewed", "imprecise"]
    first = drawn.items[0]
    with pytest.raises(Conflict, match="is fixed"):
        await audit.review(drawn, ItemReview(first.claim_id, 0, OverpaymentReason.DUPLICATE))
    assert (await audit.fixed(drawn)).record.estimate == found, "again, it stays as it is"
    assert (await acts(audit.api, audit.case_id)).count("sample.estimate") == 1


async def test_a_sample_that_was_changed_behind_the_service_gets_no_estimate(audit):
    drawn = await audit.reviewed(await audit.drawn())
    audit.api.execute("UPDATE samples SET seed = 'x'")
    with pytest.raises(Conflict, match="do not give this sample"):
        await audit.fixed(drawn)


async def test_a_review_names_drawn_claims_and_a_reason_that_fits_the_amount(audit):
    drawn = await audit.drawn()
    one = drawn.items[0]
    left = next(f"paid-{n}" for n in range(1, 61) if f"paid-{n}" not in {item.claim_id for item in drawn.items})
    said = await refusal(lambda: audit.review(drawn, ItemReview(left, 0, OverpaymentReason.DUPLICATE)), "items")
    assert f"{left} was not drawn" in said
    for correct, reason in (
        (one.paid_cents, OverpaymentReason.DUPLICATE),
        (0, OverpaymentReason.CORRECT),
        (0, OverpaymentReason.UNDERPAID),
        (one.paid_cents + 1, OverpaymentReason.PRICING),
    ):
        wrong = ItemReview(one.claim_id, correct, reason)
        assert "must be correct where" in await refusal(lambda wrong=wrong: audit.review(drawn, wrong), "reason")
    assert (
        await audit.review(drawn, ItemReview(one.claim_id, one.paid_cents + 1, OverpaymentReason.UNDERPAID))
    ).reviewed == 1


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (replace(PLAN, last_day=date(2025, 1, 1)), "last_day"),
        (replace(PLAN, size=61), "size"),
        (replace(PLAN, size=1), "size"),
        (replace(PLAN, seed="é"), "seed"),
        (replace(PLAN, boundaries_cents=(5, 5)), "boundaries"),
        (replace(PLAN, error_rate=0.0), "error_rate"),
        (replace(PLAN, provider_id="H999"), "provider_id"),
    ],
)
async def test_a_plan_that_gives_no_sample_is_refused_with_its_field(audit, plan, field):
    assert await refusal(lambda: audit.drawn(plan), field)
    assert audit.api.rows("SELECT * FROM samples") == []


async def test_a_ring_is_sampled_by_provider_and_a_member_not_at_all(api):
    paid(api)
    ring = Audit(api, (await opened(api, subject=CaseSubject.ring(["H456", "H457"]))).case_id)
    assert "H456, H457" in await refusal(ring.drawn, "provider_id")
    assert (await ring.drawn(replace(PLAN, provider_id="H456"))).record.provider_id == "H456"
    member = Audit(api, (await opened(api, subject=CaseSubject.member("M123"))).case_id)
    assert "provider" in await refusal(member.drawn, "case_id")


async def test_a_lead_demands_the_lower_bound_once(audit):
    fixed = await audit.fixed(await audit.reviewed(await audit.drawn()))
    with pytest.raises(Forbidden, match="lead investigator"):
        await audit.demanded(fixed, caller=ANN)
    made = await audit.demanded(fixed)
    assert made.recoupment is not None
    assert fixed.record.estimate is not None
    assert made.recoupment.demanded_cents == made.balance_cents == fixed.record.estimate.lower_cents
    with pytest.raises(Conflict, match="demanded already"):
        await audit.demanded(fixed)


async def test_nothing_is_demanded_without_an_estimate_or_an_overpayment(audit):
    drawn = await audit.drawn()
    with pytest.raises(Conflict, match="not fixed"):
        await audit.demanded(drawn)
    with pytest.raises(NotFound, match="nothing is demanded"):
        await audit.entry(drawn, EntryKind.RECEIVED, 1)
    right = await audit.fixed(await audit.reviewed(drawn, every=100))
    with pytest.raises(Conflict, match="no overpayment"):
        await audit.demanded(right)


async def test_received_money_is_recovered_of_the_overpaid_claims_in_the_order_of_the_draw(audit):
    made = await audit.ready()
    wrong = [one for one in made.items if one.overpaid_cents]
    cents = wrong[0].paid_cents + 500
    paid_in = await audit.entry(made, EntryKind.RECEIVED, cents, caller=ANN)
    assert paid_in.entries[-1].claims == {wrong[0].claim_id: wrong[0].paid_cents, wrong[1].claim_id: 500}
    again = await audit.entry(made, EntryKind.RECEIVED, 500, caller=ANN)
    assert again.entries[-1].claims == {wrong[1].claim_id: 500}
    assert again.balance_cents == made.balance_cents - cents - 500
    own = audit.api.dependencies
    found = await investigations.dispositions(own.database, own.field_keys, wrong[1].claim_id)
    assert [(one.disposition, one.amount_recovered_cents) for one in found] == [("overpayment", 500)] * 2


async def test_a_finding_of_fraud_stays_when_money_of_its_claim_comes_in(audit):
    made, own = await audit.ready(), audit.api.dependencies
    claim_id = next(one.claim_id for one in made.items if one.overpaid_cents)
    async with own.database.transaction() as connection:
        new = investigations.NewDisposition("confirmed", "Ann", kind="phantom_billing")
        await investigations.record_within(connection, own.field_keys, claim_id, new)
    await audit.entry(made, EntryKind.RECEIVED, 700, claims={claim_id: 700})
    latest = (await investigations.dispositions(own.database, own.field_keys, claim_id))[0]
    assert (latest.disposition, latest.kind, latest.amount_recovered_cents) == ("confirmed", "phantom_billing", 700)
    labels = audit.api.rows(f"SELECT is_fraud FROM labels WHERE claim_id = '{claim_id}' ORDER BY known_at")
    assert labels == [(True,), (True,)]


async def test_a_loaded_label_of_fraud_stays_when_money_of_its_claim_comes_in(audit):
    made, own = await audit.ready(), audit.api.dependencies
    claim_id = next(one.claim_id for one in made.items if one.overpaid_cents)
    with psycopg.connect(audit.api.url) as connection:
        connection.execute(
            "INSERT INTO labels (claim_id, known_at, is_fraud, kind, source) VALUES (%s, now(), true, 'upcoding', 'x')",
            [claim_id],
        )
    await audit.entry(made, EntryKind.RECEIVED, 700, claims={claim_id: 700})
    (found,) = await investigations.dispositions(own.database, own.field_keys, claim_id)
    assert (found.disposition, found.kind, found.amount_recovered_cents) == ("confirmed", "upcoding", 700)


async def test_money_is_assigned_to_overpaid_claims_up_to_what_is_open(audit):
    made = await audit.ready()
    wrong = next(one for one in made.items if one.overpaid_cents)
    right = next(one for one in made.items if not one.overpaid_cents)
    for claims in ({wrong.claim_id: wrong.paid_cents + 1}, {right.claim_id: 1}, {"clm_unknown": 1}):
        said = await refusal(
            lambda claims=claims: audit.entry(made, EntryKind.RECEIVED, 50_000, claims=claims), "claims"
        )
        assert "what is open of it" in said
    two = {one.claim_id: 600 for one in [one for one in made.items if one.overpaid_cents][:2]}
    assert "sum to at most 10.00" in await refusal(
        lambda: audit.entry(made, EntryKind.RECEIVED, 1_000, claims=two), "claims"
    )
    assert audit.api.rows("SELECT * FROM dispositions") == []


async def test_only_a_lead_reduces_a_demand_or_writes_it_off(audit):
    made = await audit.ready()
    for kind in (EntryKind.REDUCED, EntryKind.WRITTEN_OFF):
        with pytest.raises(Forbidden, match="lead investigator"):
            await audit.entry(made, kind, 100, caller=BEN)
    appealed = await audit.entry(made, EntryKind.APPEALED, 100, caller=BEN)
    assert appealed.balance_cents == made.balance_cents
    assert "once" in await refusal(lambda: audit.entry(made, EntryKind.DEMANDED, 100), "kind")
    rest = await audit.entry(made, EntryKind.WRITTEN_OFF, made.balance_cents)
    assert rest.balance_cents == 0
    assert "at most the balance of 0.00" in await refusal(lambda: audit.entry(made, EntryKind.RECEIVED, 1), "amount")
    assert (await acts(audit.api, audit.case_id))[-3:] == [
        "recoupment.demand",
        "recoupment.appealed",
        "recoupment.written_off",
    ]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_balance_is_the_demand_less_what_lowered_it_and_never_below_0(audit, data):
    made = await audit.ready()
    expected = demanded = made.balance_cents
    steps = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from([kind for kind in EntryKind if kind is not EntryKind.DEMANDED]), st.floats(0, 1.2)
            ),
            max_size=5,
        )
    )
    for kind, share in steps:
        cents = round(share * demanded)
        if not 0 < cents <= expected:
            with pytest.raises(Invalid):
                await audit.entry(made, kind, cents)
            continue
        found = await audit.entry(made, kind, cents)
        expected -= 0 if kind is EntryKind.APPEALED else cents
        assert found.balance_cents == expected >= 0


@pytest.mark.parametrize(
    "statement", ["UPDATE recoupment_entries SET amount_cents = 1", "DELETE FROM recoupment_entries"]
)
async def test_the_ledger_is_append_only(audit, statement):
    await audit.ready()
    with pytest.raises(psycopg.Error, match="append only"):
        audit.api.execute(statement)


async def test_who_does_not_work_cases_draws_and_reviews_nothing(audit):
    own, outsider = audit.api.dependencies, replace(ANN, role="insurer")
    with pytest.raises(Forbidden):
        await samples.create_sample(own.database, own.field_keys, outsider, audit.case_id, PLAN)
    with pytest.raises(NotFound):
        await samples.sample(own.database, "cas_unknown", (await audit.drawn()).record.sample_id)
