"""Re-screening: which claims a change touches, what is found, and that no claim is changed."""

from datetime import date

import psycopg
import pytest

from api.code_tables import COMMITTED_WITHIN, roll_back
from api.members import enroll
from claims.code_tables import TableEntry, TableKind
from core import clock
from formats.members import EnrolledMember
from tests.api.decisions import DENY, RELEASE, approved, decide, held
from tests.api.makers import LINES, Api
from tests.api.rescreening import DAY, claim, drain, exclude, found, jobs, load, screening, with_copay

__all__ = ["screening"]


SNAPSHOT = (
    "SELECT to_jsonb(claims)::text FROM claims ORDER BY claim_id",
    "SELECT to_jsonb(claim_lines)::text FROM claim_lines ORDER BY claim_id, line",
    "SELECT to_jsonb(assessments)::text FROM assessments ORDER BY assessment_id",
    "SELECT to_jsonb(decisions)::text FROM decisions ORDER BY decision_id",
)


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
    await enroll(api.database, api.dependencies.field_keys, members, plan_id=None)
    await drain(screening)
    assert [(kind, subject) for kind, subject, *_ in jobs(api)] == [("member", "member M123"), ("member", "2 members")]
    assert {(one[0], one[2]) for one in found(api)} == {(paid["claim_id"], "cover_ended")}


async def test_a_fee_that_falls_states_what_would_be_paid(api: Api, screening):
    with clock.held(clock.now() - 3 * COMMITTED_WITHIN):
        load(api, TableKind.FEES, TableEntry("P001", number=3000_00), release="f1", valid_from=date(2026, 1, 1))
    await with_copay(api, 100_00)
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


async def test_new_terms_of_a_plan_are_re_screened(api: Api, screening):
    paid = await claim(api)
    await with_copay(api, 50_00)
    await drain(screening)
    assert [(one[0], one[2], one[5]) for one in found(api)] == [(paid["claim_id"], "amount", 4950_00)]


@pytest.mark.parametrize(("days", "differs"), [((DAY, DAY), True), ((DAY, "2026-03-03"), False)])
async def test_a_pair_of_one_day_is_found_and_of_two_days_is_not(api: Api, screening, days, differs):
    lines = [
        {"procedure_code": code, "amount": amount, "service_date": day}
        for code, amount, day in zip(("P001", "P002"), (1200, 40), days, strict=True)
    ]
    both = await api.submit(LINES | {"lines": lines})
    assert both.json()["status"] == "approved", both.text
    load(api, TableKind.PTP, TableEntry("P001", "P002", indicator="0"))
    await drain(screening)
    expected = [(both.json()["claim_id"], "new_finding", "procedure_pair")] if differs else []
    assert [one[:3] for one in found(api)] == expected
    assert jobs(api) == [("ptp", "ptp r1", 1, 1, 0, len(expected))]


async def test_a_contract_compares_the_claims_of_its_provider_and_procedures(api: Api, screening):
    await with_copay(api, 0)
    ours = await claim(api)
    on_a_line = await api.submit(LINES)
    await claim(api, provider_id="H457", claim_amount=4000)
    await claim(api, procedure_code="P002", claim_amount=40, service_from="2026-01-10")
    await drain(screening)
    entries = (TableEntry("P001", "H456", number=1000_00), TableEntry("P003", "H457", number=1))
    load(api, TableKind.CONTRACTS, *entries, valid_from=date(2026, 1, 1))
    await drain(screening)
    assert {(one[0], one[2], one[5]) for one in found(api)} == {
        (ours["claim_id"], "amount", 1000_00),
        (on_a_line.json()["claim_id"], "amount", 1099_50),
    }
    assert jobs(api)[-1] == ("contracts", "contracts r1", 2, 2, 0, 2)


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
