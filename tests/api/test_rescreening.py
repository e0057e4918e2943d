"""Re-screening: which claims a change touches, what is found, and that no claim is changed."""

import asyncio
from datetime import UTC, date, timedelta

import psycopg
import pytest

from api import metrics
from api.code_tables import COMMITTED_WITHIN, NewTable, import_table, roll_back
from api.database import Database
from api.members import enroll, store_plans
from api.rescreening import Rescreening
from claims.adjudication import run_edits
from claims.code_tables import TableEntry, TableKind
from claims.cost_sharing import CostSharing
from core import clock
from formats.members import EnrolledMember
from formats.plans_csv import PlanTerms
from tests.api.decisions import DENY, RELEASE, approved, decide, held
from tests.api.makers import LINES, MINIMAL, Api

DAY = "2026-03-02"
NPI = "1234567893"
LATER = 2 * COMMITTED_WITHIN
SNAPSHOT = (
    "SELECT to_jsonb(claims)::text FROM claims ORDER BY claim_id",
    "SELECT to_jsonb(claim_lines)::text FROM claim_lines ORDER BY claim_id, line",
    "SELECT to_jsonb(assessments)::text FROM assessments ORDER BY assessment_id",
    "SELECT to_jsonb(decisions)::text FROM decisions ORDER BY decision_id",
)


@pytest.fixture
async def screening(api: Api):
    database = Database(api.url, pool_size=1)
    try:
        yield Rescreening(database, days=365, time_zone=UTC)
    finally:
        await database.close()


def load(api: Api, kind: TableKind, *entries: TableEntry, release: str = "r1", valid_from: date = date(1, 1, 1)):
    new = NewTable(kind, release, valid_from, "a test", release, entries)
    with psycopg.connect(api.url) as connection:
        return import_table(connection, new, by="ann")


async def drain(screening: Rescreening, after: timedelta = LATER) -> None:
    """Do every job that is due then."""
    with clock.held(clock.now() + after):
        while await screening.step():
            pass


def exclude(api: Api, first_day: date | None = date(2026, 1, 1), **options):
    if api.rows("SELECT npi FROM providers WHERE provider_id = 'H456'") == [(None,)]:
        api.execute(f"UPDATE providers SET npi = '{NPI}' WHERE provider_id = 'H456'")
        api.execute("DELETE FROM rescreening_jobs")
    return load(api, TableKind.LEIE, TableEntry(NPI, first_day=first_day, indicator="1128a1"), **options)


async def claim(api: Api, **changes) -> dict:
    response = await api.submit(MINIMAL | {"service_from": DAY} | changes)
    assert response.status_code == 201, response.text
    return response.json()


def found(api: Api) -> list[tuple]:
    return api.rows(
        "SELECT claim_id, difference, code, text, before_cents, now_cents FROM rescreening_findings"
        " WHERE closed_at IS NULL ORDER BY claim_id, code"
    )


def jobs(api: Api) -> list[tuple]:
    return api.rows("SELECT kind, subject, touched, screened, failed, opened FROM rescreening_jobs ORDER BY job_id")


async def test_an_exclusion_loaded_later_is_found_on_paid_claims(api: Api, screening):
    paid = await claim(api)
    before_exclusion = await claim(api, service_from="2025-12-01", claim_amount=4000)
    other = await claim(api, provider_id="H457", claim_amount=3000)
    assert {one["status"] for one in (paid, before_exclusion, other)} == {"approved"}
    exclude(api)
    await drain(screening)
    ((claim_id, difference, code, text, before, now),) = found(api)
    assert (claim_id, difference, code) == (paid["claim_id"], "new_finding", "provider_on_exclusion_list")
    assert text.startswith("Paid before the exclusion was known: NPI 1234567893 is on the list")
    assert (before, now) == (5000_00, 0)
    assert jobs(api) == [("leie", "leie r1", 2, 2, 0, 1)]
    sent = api.rows("SELECT entity_key, payload ->> 'claim_id' FROM outbox WHERE topic = 'claim.rescreened'")
    assert sent == [(claim_id, claim_id)]


async def test_no_claim_is_changed_whatever_its_status(api: Api, screening):
    await claim(api)
    await claim(api, claim_amount=4001, service_from="2019-01-01")
    await held(api, claim_amount=4002, service_from=DAY, diagnosis_code="D002", procedure_code="P002")
    denied = await held(api, claim_amount=4003, service_from="2026-02-01")
    await decide(api, denied, DENY)
    voided = await claim(api, claim_amount=4004, service_from="2026-01-15")
    await api.post(f"/v1/claims/{voided['claim_id']}/void", {})
    statuses = {status for (status,) in api.rows("SELECT status FROM claims")}
    assert statuses == {"approved", "rejected", "in_review", "denied", "voided"}
    before = [api.rows(query) for query in SNAPSHOT]
    exclude(api)
    load(api, TableKind.MUE, TableEntry("P001", number=0, indicator="1"), release="m1")
    api.execute("UPDATE members SET enrolled_to = '2026-01-01', birth_date = '2020-01-01' WHERE member_id = 'M123'")
    api.execute("UPDATE providers SET excluded_from = '2020-01-01' WHERE provider_id = 'H456'")
    api.execute("UPDATE procedures SET valid_from = '2027-01-01' WHERE procedure_code = 'P001'")
    await drain(screening)
    assert found(api)
    assert all(finished for (finished,) in api.rows("SELECT finished_at IS NOT NULL FROM rescreening_jobs"))
    assert [api.rows(query) for query in SNAPSHOT] == before


async def test_a_claim_in_review_gets_a_finding_and_an_old_decided_claim_is_left_alone(api: Api, screening):
    open_claim = await held(api, service_from=DAY)
    old = await approved(api, claim_amount=900, service_from="2026-01-10")
    assert old["status"] == "approved"
    api.execute(
        f"UPDATE claims SET received_at = received_at - interval '366 days' WHERE claim_id = '{old['claim_id']}'"
    )
    api.execute(f"UPDATE claims SET received_at = received_at - interval '2 years' WHERE claim_id = '{open_claim}'")
    exclude(api)
    await drain(screening)
    ((claim_id, _, _, text, *_),) = found(api)
    assert claim_id == open_claim
    assert text.startswith("Sent to review before the exclusion was known: ")


async def test_a_claim_that_was_decided_recently_counts_whenever_it_was_received(api: Api, screening):
    old = await held(api, service_from=DAY)
    await decide(api, old, RELEASE)
    api.execute(f"UPDATE claims SET received_at = received_at - interval '2 years' WHERE claim_id = '{old}'")
    exclude(api)
    await drain(screening)
    assert [one[0] for one in found(api)] == [old]


async def test_the_claims_of_the_same_day_are_opened_once_and_withdrawn_by_a_rollback(api: Api, screening):
    paid = await claim(api)
    exclude(api)
    await drain(screening)
    exclude(api, release="r2", first_day=date(2026, 1, 2))
    await drain(screening)
    assert [one[0] for one in found(api)] == [paid["claim_id"]]
    assert api.count("rescreening_findings") == 1
    with psycopg.connect(api.url) as connection:
        roll_back(connection, TableKind.LEIE, by="ann")
        roll_back(connection, TableKind.LEIE, by="ann")
    await drain(screening)
    assert found(api) == []
    assert api.rows("SELECT closed_reason, closed_by FROM rescreening_findings") == [("withdrawn", None)]


async def test_a_claim_rejected_by_a_list_that_was_wrong_is_listed(api: Api, screening):
    with clock.held(clock.now() - 3 * COMMITTED_WITHIN):
        exclude(api)
    rejected = await claim(api)
    assert rejected["status"] == "rejected"
    with psycopg.connect(api.url) as connection:
        roll_back(connection, TableKind.LEIE, by="ann")
    await drain(screening)
    ((claim_id, difference, code, *_),) = found(api)
    assert (claim_id, difference) == (rejected["claim_id"], "finding_no_longer_holds")
    assert code == "provider_on_exclusion_list"


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ("UPDATE members SET enrolled_to = '2026-01-01' WHERE member_id = 'M123'", "member", "cover_ended"),
        ("UPDATE providers SET active_to = '2026-01-01' WHERE provider_id = 'H456'", "provider", "provider_inactive"),
        (
            "UPDATE providers SET excluded_from = '2026-01-01' WHERE provider_id = 'H456'",
            "provider",
            "provider_excluded",
        ),
        ("UPDATE procedures SET valid_to = '2026-01-01'", "procedure", "procedure_code_deactivated"),
    ],
)
async def test_each_registry_is_re_screened_whatever_changed_it(api: Api, screening, change, kind, code):
    paid = await claim(api)
    api.execute(change)
    await drain(screening)
    assert [(one[0], one[2]) for one in found(api)] == [(paid["claim_id"], code)]
    assert [one[0] for one in jobs(api)] == [kind]


async def test_what_no_rule_reads_records_no_job(api: Api):
    await claim(api)
    api.execute("UPDATE members SET name = 'Jane Doe'")
    api.execute("UPDATE providers SET name = 'Clinic 2', region = 'North'")
    api.execute("UPDATE procedures SET average_cents = average_cents + 1, average_as_of = '2026-03-02'")
    api.execute("UPDATE plans SET name = 'Basic 2', benefit_limit_cents = 1")
    api.execute("UPDATE members SET enrolled_from = enrolled_from")
    assert jobs(api) == []


async def test_a_change_that_is_rolled_back_records_no_job(api: Api):
    with psycopg.connect(api.url) as connection:
        connection.execute("UPDATE members SET enrolled_to = '2026-01-01'")
        connection.rollback()
    assert jobs(api) == []


async def test_an_end_through_the_api_and_an_eligibility_file_record_a_job_each(api: Api, screening):
    paid = await claim(api)
    ended = await api.post("/v1/members/M123/end", {"last_day": "2026-01-31", "reason": "left the plan"})
    assert ended.status_code == 200, ended.text
    members = [
        EnrolledMember("line 1", member_id="M123", enrolled_to=date(2026, 2, 15)),
        EnrolledMember("line 2", member_id="M124", enrolled_to=date(2026, 2, 15)),
    ]
    await enroll(api.database, members, plan_id=None)
    await drain(screening)
    assert [(kind, subject) for kind, subject, *_ in jobs(api)] == [("member", "member M123"), ("member", "2 members")]
    assert {(one[0], one[2]) for one in found(api)} == {(paid["claim_id"], "cover_ended")}


async def test_a_fee_that_falls_states_what_would_be_paid(api: Api, screening):
    with clock.held(clock.now() - 3 * COMMITTED_WITHIN):
        load(api, TableKind.FEES, TableEntry("P001", number=3000_00), release="f1", valid_from=date(2026, 1, 1))
    terms = CostSharing("PL2", date(2020, 1, 1), copay_cents=100_00)
    await store_plans(api.database, [PlanTerms(terms, None, None, False)])
    paid = await claim(api)
    assert paid["approved_amount"] == 2900.0
    await drain(screening)
    assert found(api) == []
    load(api, TableKind.FEES, TableEntry("P001", number=2500_00), release="f2", valid_from=date(2026, 1, 1))
    await drain(screening)
    ((claim_id, difference, code, text, before, now),) = found(api)
    assert (claim_id, difference, code, before, now) == (paid["claim_id"], "amount_differs", "amount", 2900_00, 2400_00)
    assert "2400.00" in text.replace(",", "")
    load(api, TableKind.FEES, TableEntry("P001", number=2600_00), release="f3", valid_from=date(2026, 1, 1))
    await drain(screening)
    assert [(one[4], one[5]) for one in found(api)] == [(2900_00, 2500_00)]


async def test_a_second_line_is_found_by_its_code(api: Api, screening):
    with_lines = await api.submit(LINES)
    assert with_lines.status_code == 201, with_lines.text
    load(api, TableKind.MUE, TableEntry("P002", number=2, indicator="1"), valid_from=date(2026, 1, 1))
    await drain(screening)
    assert [(one[0], one[2]) for one in found(api)] == [(with_lines.json()["claim_id"], "medically_unlikely_units")]


async def test_the_first_list_of_codes_touches_every_claim(api: Api, screening):
    await claim(api)
    load(api, TableKind.ICD10, TableEntry("D002"), valid_from=date(2025, 10, 1))
    await drain(screening)
    assert [one[2] for one in found(api)] == ["diagnosis_code_invalid"]


async def test_new_terms_of_a_plan_and_a_pair_are_re_screened(api: Api, screening):
    paid = await claim(api)
    both = await api.submit(LINES)
    await store_plans(
        api.database, [PlanTerms(CostSharing("PL2", date(2020, 1, 1), copay_cents=50_00), None, None, False)]
    )
    load(api, TableKind.PTP, TableEntry("P001", "P002", indicator="0"))
    await drain(screening)
    differing = {(one[0], one[2], one[5]) for one in found(api)}
    assert (paid["claim_id"], "amount", 4950_00) in differing
    assert both.json()["status"] == "in_review" or (both.json()["claim_id"], "procedure_pair", None) in differing


async def test_claims_in_flight_when_a_list_becomes_known_are_waited_for(api: Api, screening):
    await claim(api)
    exclude(api)
    await drain(screening, COMMITTED_WITHIN)
    assert found(api) == []
    assert jobs(api)[0][2:] == (0, 0, 0, 0)
    await drain(screening, LATER)
    assert len(found(api)) == 1


async def test_a_batch_that_fails_is_done_again_and_two_workers_share_a_job(api: Api, screening, monkeypatch):
    for number in range(7):
        await claim(api, claim_amount=1000 + number, service_from=f"2026-01-{10 + number:02}")
    monkeypatch.setattr("api.rescreening.screening.BATCH", 2)
    exclude(api)
    with clock.held(clock.now() + LATER):
        await screening.step()
        api.execute("ALTER TABLE rescreening_findings RENAME TO hidden")
        with pytest.raises(psycopg.Error):
            await screening.step()
        api.execute("ALTER TABLE hidden RENAME TO rescreening_findings")
        assert jobs(api)[0][3] == 0

        async def work():
            while await screening.step():
                pass

        await asyncio.gather(work(), work())
        await work()
    assert jobs(api) == [("leie", "leie r1", 7, 7, 0, 7)]
    assert api.count("rescreening_findings") == 7
    assert api.count("rescreening_claims") == 0


async def test_a_claim_that_contradicts_itself_is_counted_and_does_not_hold_up_others(api: Api, screening, log_lines):
    broken, paid = await claim(api), await claim(api, claim_amount=1000, service_from="2026-01-10")
    unpriced = await claim(api, claim_amount=1001, service_from="2026-01-12")
    api.execute(f"UPDATE claim_lines SET units = 0 WHERE claim_id = '{broken['claim_id']}'")
    api.execute(f"UPDATE claims SET payment = '{{}}' WHERE claim_id = '{unpriced['claim_id']}'")
    exclude(api)
    await drain(screening)
    assert [one[0] for one in found(api)] == [paid["claim_id"]]
    assert jobs(api)[0][3:] == (1, 2, 1)
    assert broken["claim_id"] in log_lines.getvalue()
    assert unpriced["claim_id"] in log_lines.getvalue()


async def test_a_defect_on_one_claim_holds_up_no_other(api: Api, screening, log_lines, monkeypatch):
    odd, paid = await claim(api), await claim(api, claim_amount=1000, service_from="2026-01-10")

    def fails_for_one(evidence):
        if evidence.claim.claim_id == odd["claim_id"]:
            raise ZeroDivisionError
        return run_edits(evidence)

    monkeypatch.setattr("api.rescreening.screening.run_edits", fails_for_one)
    exclude(api)
    await drain(screening)
    assert [one[0] for one in found(api)] == [paid["claim_id"]]
    assert jobs(api)[0][3:] == (1, 1, 1)
    assert odd["claim_id"] in log_lines.getvalue()


async def test_a_difference_that_a_person_closed_is_not_opened_again(api: Api, screening):
    await claim(api)
    exclude(api)
    await drain(screening)
    ((finding_id,),) = api.rows("SELECT finding_id FROM rescreening_findings")
    closed = await api.post(f"/v1/rescreening-findings/{finding_id}/close", {"reason": "no_action"})
    assert closed.status_code == 200, closed.text
    exclude(api, release="r2", first_day=date(2026, 1, 2))
    await drain(screening)
    assert found(api) == []
    api.execute("UPDATE providers SET excluded_from = '2026-01-01' WHERE provider_id = 'H456'")
    await drain(screening)
    assert [one[2] for one in found(api)] == ["provider_excluded"]


async def test_history_without_lines_or_assessment_is_screened(api: Api, screening):
    api.execute(
        "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, provider_id, procedure_code,"
        " diagnosis_code, amount_cents, approved_cents, status, source) VALUES ('old', now(), '2026-03-02',"
        " '2026-03-02', 'M123', 'H456', 'P001', 'D001', 100, 100, 'approved', 'file')"
    )
    exclude(api)
    load(api, TableKind.FEES, TableEntry("P001", number=50), release="f1", valid_from=date(2026, 1, 1))
    await drain(screening)
    assert [(one[0], one[2]) for one in found(api)] == [("old", "provider_on_exclusion_list")]


async def test_a_job_that_is_late_is_logged_once_and_measured(api: Api, screening, log_lines):
    await claim(api)
    exclude(api)
    with clock.held(clock.now() + timedelta(seconds=61)):
        await screening.measure()
        await screening.measure()
    assert log_lines.getvalue().count("rescreening late") == 1
    assert metrics.RESCREENING_JOBS._value.get() == 1
    assert metrics.RESCREENING_OLDEST._value.get() > 60
    await drain(screening)
    await screening.measure()
    assert (metrics.RESCREENING_JOBS._value.get(), metrics.RESCREENING_OLDEST._value.get()) == (0, 0)
