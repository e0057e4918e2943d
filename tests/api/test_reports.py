"""The figures of the daily decisions and of a provider's scorecard, counted by hand."""

from datetime import date, timedelta

import psycopg
import pytest
from sqlalchemy import text

from api.database import snapshot
from api.errors import Invalid, NotFound
from api.reports import MAX_DAYS, daily_decisions, provider_scorecard
from claims.service_days import receipt_day
from core import clock
from core.settings import Settings
from tests.api.appeals import OVERTURNED, UPHELD, answer, filed
from tests.api.decisions import DENY, REDUCED, RELEASE, approved, decide, held
from tests.api.makers import MINIMAL, Api, answering, says_nothing

SETTINGS = Settings()


def today(settings: Settings = SETTINGS):
    return receipt_day(clock.now(), settings.zone)


def moved(api: Api, claim_id: str, days: int) -> None:
    """Let a claim be received earlier, with the decisions of persons about it."""
    api.execute(f"UPDATE claims SET received_at = received_at - interval '{days} days' WHERE claim_id = '{claim_id}'")


def decided_later(api: Api, claim_id: str, hours: int) -> None:
    """Let a claim have been received so many hours before the decision about it."""
    api.execute(
        f"UPDATE claims SET received_at = (SELECT made_at FROM decisions WHERE decisions.claim_id = claims.claim_id) "
        f"- interval '{hours} hours' WHERE claim_id = '{claim_id}'"
    )


async def test_a_day_counts_each_claim_by_what_decided_it_with_its_amount(api: Api):
    await approved(api)
    duplicate = (await api.submit()).json()
    api.scorer.behaviour = says_nothing
    by_rule = (await api.submit(MINIMAL | {"procedure_code": "P002", "claim_amount": 80})).json()
    assert by_rule["decided_by"] == "rule"
    in_review = await held(api, service_from="2026-02-01", claim_amount="4000.10")
    found = (await daily_decisions(api.database, SETTINGS, today())).day
    assert {
        (one.basis, one.outcome): (one.claims, one.claimed_cents, one.approved_cents) for one in found.at_receipt
    } == {
        ("model", "approved"): (1, 500_000, 500_000),
        ("contract", "rejected"): (1, 500_000, 0),
        ("rule", "approved"): (1, 8_000, 8_000),
        ("model", "in_review"): (1, 400_010, 0),
    }
    assert (found.received(), found.claimed_cents(), found.approved_at_receipt_cents) == (4, 1_408_010, 508_000)
    assert (found.flagged, found.decided_by_persons, found.median_seconds) == (1, 0, None)
    assert (duplicate["status"], api.rows("SELECT status FROM claims WHERE claim_id = %s", in_review)[0][0]) == (
        "rejected",
        "in_review",
    )


async def test_a_day_has_the_decisions_of_persons_with_median_and_longest_time(api: Api):
    released, denied, reduced = [
        await held(api, service_from=f"2026-02-0{day}", claim_amount=5000 - day) for day in (1, 2, 3)
    ]
    await decide(api, released, RELEASE)
    await decide(api, denied, DENY, role="lead_investigator")
    await decide(api, reduced, REDUCED)
    for claim_id, hours in ((released, 1), (denied, 30), (reduced, 200)):
        decided_later(api, claim_id, hours)
    found = (await daily_decisions(api.database, SETTINGS, today())).day
    assert {one.outcome: (one.decisions, one.approved_cents) for one in found.by_persons} == {
        "approved": (1, 499_900),
        "denied": (1, 0),
        "partially_approved": (1, 120_000),
    }
    assert found.denied_by_persons_cents == 499_800 + 499_700 - 120_000
    assert (found.median_seconds, found.longest_seconds) == (30 * 3600, 200 * 3600)


async def test_a_day_is_compared_with_the_day_before_and_the_week_before(api: Api):
    for number, days in enumerate((0, 1, 1, 7, 7, 7, 2), start=1):
        claim = await approved(api, service_from=f"2026-02-0{number}", claim_amount=100 * number)
        moved(api, claim["claim_id"], days)
    report = await daily_decisions(api.database, SETTINGS, today())
    assert [one.received() for one in report.days] == [1, 2, 3]
    assert [one.claimed_cents() for one in report.days] == [10_000, 50_000, 150_000]
    assert [one.complete for one in report.days] == [False, report.day_before.complete, True]


async def test_a_day_begins_and_ends_at_midnight_of_the_insurer(api: Api):
    claim = await approved(api)
    api.execute(f"UPDATE claims SET received_at = '2026-03-01T22:30:00Z' WHERE claim_id = '{claim['claim_id']}'")
    nairobi = Settings(time_zone="Africa/Nairobi")
    in_nairobi = await daily_decisions(api.database, nairobi, date(2026, 3, 2))
    in_london = await daily_decisions(api.database, SETTINGS, date(2026, 3, 2))
    assert (in_nairobi.day.received(), in_nairobi.day_before.received()) == (1, 0)
    assert (in_london.day.received(), in_london.day_before.received()) == (0, 1)


async def test_claims_loaded_as_history_are_no_decisions_of_the_day(api: Api):
    claim = await approved(api)
    api.execute(f"UPDATE claims SET source = 'history' WHERE claim_id = '{claim['claim_id']}'")
    assert (await daily_decisions(api.database, SETTINGS, today())).day.received() == 0


async def test_a_day_has_its_appeals_by_their_outcome(api: Api):
    denied, other = [await held(api, service_from=f"2026-02-0{day}") for day in (1, 2)]
    for claim_id in (denied, other):
        await decide(api, claim_id, DENY)
    await answer(api, await filed(api, denied), OVERTURNED, role="admin")
    await answer(api, await filed(api, other), UPHELD, role="admin")
    found = (await daily_decisions(api.database, SETTINGS, today())).day
    assert (found.appeals_filed, found.appeals_upheld, found.appeals_overturned) == (2, 1, 1)


async def test_the_backlog_lists_overdue_claims_before_those_due_soon(api: Api):
    alarm = SETTINGS.prompt_pay_alarm_days
    ids = {}
    for number, days in enumerate((-1, 0, alarm, alarm + 1), start=1):
        claim_id = await held(api, service_from=f"2026-02-0{number}")
        api.execute(f"UPDATE claims SET pay_by = '{today() + timedelta(days=days)}' WHERE claim_id = '{claim_id}'")
        ids[days] = claim_id
    without_clock = await held(api, service_from="2026-02-07")
    api.execute(f"UPDATE claims SET pay_by = NULL WHERE claim_id = '{without_clock}'")
    backlog = (await daily_decisions(api.database, SETTINGS, today())).backlog
    assert (backlog.claims, backlog.amount_cents) == (5, 5 * 500_000)
    assert (backlog.overdue, backlog.due_soon) == (1, 2)
    assert [one.claim_id for one in backlog.most_urgent] == [ids[-1], ids[0], ids[alarm]]


@pytest.mark.parametrize("days", [1, 400])
async def test_a_day_that_has_not_begun_is_refused(api: Api, days):
    with pytest.raises(Invalid) as refused:
        await daily_decisions(api.database, SETTINGS, today() + timedelta(days=days))
    assert refused.value.errors[0].field == "day"


async def test_a_scorecard_has_the_providers_claims_by_status_and_week(api: Api):
    claim = await approved(api, service_from="2026-02-01")
    moved(api, claim["claim_id"], 7)
    denied = await held(api, service_from="2026-02-02", claim_amount=1000)
    await decide(api, denied, DENY)
    await held(api, service_from="2026-02-03", claim_amount=2000)
    await approved(api, provider_id="H457", service_from="2026-02-04")
    found = await provider_scorecard(api.database, SETTINGS, "H456", today() - timedelta(days=13), today())
    assert {one.status: (one.claims, one.claimed_cents, one.approved_cents) for one in found.statuses} == {
        "approved": (1, 500_000, 500_000),
        "denied": (1, 100_000, 0),
        "in_review": (1, 200_000, 0),
    }
    assert (found.claims, found.claimed_cents, found.approved_cents, found.flagged) == (3, 800_000, 500_000, 2)
    measured = {one.measure: one.value for one in found.comparisons}
    assert measured["approved_share"] == pytest.approx(500_000 / 600_000)
    assert measured["flagged_share"] == pytest.approx(2 / 3)
    assert measured["mean_claimed_cents"] == pytest.approx(800_000 / 3)
    monday = today() - timedelta(days=today().weekday())
    by_week = {one.week: (one.claims, one.claimed_cents) for one in found.weeks}
    assert by_week[monday] == (2, 300_000)
    assert by_week[monday - timedelta(days=7)] == (1, 500_000)
    assert all(later - earlier == timedelta(days=7) for earlier, later in zip(by_week, list(by_week)[1:], strict=False))
    flagged = next(one for one in found.findings if one.code == "model_flagged")
    assert flagged.claims == 2


async def test_a_voided_claim_counts_in_the_statuses_only(api: Api):
    claim = await approved(api)
    await api.post(f"/v1/claims/{claim['claim_id']}/void", {"reason": "duplicate"})
    found = await provider_scorecard(api.database, SETTINGS, "H456", today(), today())
    assert [(one.status, one.claims) for one in found.statuses] == [("voided", 1)]
    assert (found.claims, found.findings, found.comparisons[0].value) == (0, [], 0)
    assert [one.value for one in found.comparisons[1:]] == [None, None, None]
    assert (await daily_decisions(api.database, SETTINGS, today())).day.voided == 1


def peers(url: str, rejected: dict[str, int]) -> None:
    """Providers with ten claims each of 100.00, of which some are rejected."""
    with psycopg.connect(url) as connection:
        for provider, number in rejected.items():
            connection.execute(
                "INSERT INTO providers (provider_id, specialty) VALUES (%s, 'cardiology') ON CONFLICT DO NOTHING",
                [provider],
            )
            for claim in range(10):
                status, cents = ("rejected", 0) if claim < number else ("approved", 10_000)
                claim_id = f"{provider}-{claim}"
                connection.execute(
                    "INSERT INTO claims (claim_id, received_at, service_from, service_to, provider_id, amount_cents, "
                    "status, approved_cents, source) VALUES (%s, now(), now(), now(), %s, 10000, %s, %s, 'api')",
                    [claim_id, provider, status, cents],
                )
                connection.execute(
                    "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome, "
                    "approved_cents, flagged, findings, reasons) "
                    "VALUES (%s, %s, now(), 'rule', 'closed', %s, %s, false, '[]', '[]')",
                    [f"a-{claim_id}", claim_id, status, cents],
                )


async def test_a_provider_is_ranked_among_peers_of_its_specialty_with_enough_claims(api: Api):
    peers(api.url, {"H456": 5, "P0": 0, "P1": 1, "P2": 2, "P3": 3, "P9": 9})
    api.execute("INSERT INTO providers (provider_id, specialty) VALUES ('OTHER', 'oncology')")
    api.execute("UPDATE providers SET specialty = 'oncology' WHERE provider_id = 'H457'")
    found = await provider_scorecard(api.database, SETTINGS, "H456", today(), today())
    approved_share = next(one for one in found.comparisons if one.measure == "approved_share")
    assert (found.peers, approved_share.value) == (5, 0.5)
    assert approved_share.quantiles == pytest.approx((0.34, 0.7, 0.8, 0.9, 0.96))
    assert approved_share.rank == pytest.approx(1 / 5)
    api.execute("UPDATE claims SET status = 'voided', voided_at = now() WHERE claim_id = 'P9-0'")
    fewer = await provider_scorecard(api.database, SETTINGS, "H456", today(), today())
    assert (fewer.peers, [one.quantiles for one in fewer.comparisons]) == (4, [None] * 4)


async def test_a_scorecard_has_appeals_and_the_latest_disposition_of_each_claim(api: Api):
    claim_id = await held(api, service_from="2026-02-01")
    await decide(api, claim_id, DENY)
    await answer(api, await filed(api, claim_id), OVERTURNED, role="admin")
    for disposition, cents in (("inconclusive", 0), ("confirmed", 7_500)):
        api.execute(
            "INSERT INTO dispositions (claim_id, known_at, disposition, amount_recovered_cents, decided_by) "
            f"VALUES ('{claim_id}', clock_timestamp(), '{disposition}', {cents}, 'ann')"
        )
    found = await provider_scorecard(api.database, SETTINGS, "H456", today(), today())
    assert (found.appeals.filed, found.appeals.overturned) == (1, 1)
    assert [(one.disposition, one.claims, one.recovered_cents) for one in found.investigations] == [
        ("confirmed", 1, 7_500)
    ]


async def test_a_scorecard_spans_at_most_a_year(api: Api):
    last = today()
    api.scorer.behaviour = answering(0.1)
    found = await provider_scorecard(api.database, SETTINGS, "H456", last - timedelta(days=MAX_DAYS - 1), last)
    assert len(found.weeks) in (53, 54)
    with pytest.raises(Invalid) as refused:
        await provider_scorecard(api.database, SETTINGS, "H456", last - timedelta(days=MAX_DAYS), last)
    assert refused.value.errors[0].field == "last_day"
    with pytest.raises(NotFound):
        await provider_scorecard(api.database, SETTINGS, "H000", last, last)


async def test_the_statements_of_a_report_see_one_state(api: Api):
    """A claim that is stored while the report is made is in none of its figures."""
    async with snapshot(api.database) as connection:
        before = await connection.scalar(text("SELECT count(*) FROM claims"))
        await approved(api)
        assert await connection.scalar(text("SELECT count(*) FROM claims")) == before
    assert api.count("claims") == 1
