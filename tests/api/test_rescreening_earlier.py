"""What a job makes of the findings of earlier jobs: kept, withdrawn, opened again; and of claims not compared."""

from datetime import date

import psycopg
import pytest

from api.code_tables import COMMITTED_WITHIN, roll_back
from claims.code_tables import TableEntry, TableKind
from core import clock
from tests.api.makers import Api
from tests.api.rescreening import claim, drain, exclude, found, jobs, load, opened, screening, with_copay

__all__ = ["screening"]


async def close(api: Api) -> None:
    ((finding_id,),) = api.rows("SELECT finding_id FROM rescreening_findings WHERE closed_at IS NULL")
    closed = await api.post(f"/v1/rescreening-findings/{finding_id}/close", {"reason": "not_correct"})
    assert closed.status_code == 200, closed.text


def withdraw(api: Api, kind: TableKind) -> None:
    with psycopg.connect(api.url) as connection:
        roll_back(connection, kind, by="ann")


def fees(api: Api, release: str, **cents: int) -> None:
    entries = [TableEntry(code, number=number) for code, number in cents.items()]
    load(api, TableKind.FEES, *entries, release=release, valid_from=date(2026, 1, 1))


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


async def test_a_difference_that_was_closed_is_opened_again_when_it_had_been_gone(api: Api, screening):
    paid = await claim(api)
    exclude(api)
    await drain(screening)
    await close(api)
    withdraw(api, TableKind.LEIE)
    await drain(screening)
    assert found(api) == []
    exclude(api, release="r2", first_day=date(2026, 1, 2))
    await drain(screening)
    assert [(one[0], one[2]) for one in found(api)] == [(paid["claim_id"], "provider_on_exclusion_list")]
    assert api.rows("SELECT closed_reason, closed_by FROM rescreening_findings WHERE closed_at IS NOT NULL") == [
        ("not_correct", "admin")
    ]


async def test_an_amount_that_was_closed_is_opened_again_only_when_it_differs(api: Api, screening):
    await with_copay(api, 0)
    await claim(api)
    fees(api, "f1", P001=2500_00)
    await drain(screening)
    await close(api)
    fees(api, "f2", P001=2500_00, P002=10_00)
    await drain(screening)
    assert found(api) == []
    fees(api, "f3", P001=2600_00)
    await drain(screening)
    assert [one[4:] for one in found(api)] == [(5000_00, 2600_00)]


@pytest.mark.parametrize(
    "damage",
    ["UPDATE claim_lines SET units = 0", "UPDATE claims SET payment = '{}'", "UPDATE claims SET status = 'unheard'"],
)
async def test_an_open_finding_stays_open_where_its_claim_cannot_be_compared(api: Api, screening, damage):
    await claim(api)
    exclude(api)
    await drain(screening)
    before = found(api)
    assert before
    api.execute("ALTER TABLE claims DROP CONSTRAINT IF EXISTS claims_status_check")
    api.execute(damage)
    withdraw(api, TableKind.LEIE)
    await drain(screening)
    assert found(api) == before
    assert jobs(api)[-1][2:] == (1, 0, 1, 0)


async def test_a_finding_that_cites_another_npi_or_other_terms_is_the_same(api: Api, screening):
    with clock.held(clock.now() - 3 * COMMITTED_WITHIN):
        exclude(api)
    rejected = await claim(api)
    assert rejected["status"] == "rejected"
    other = "1999999984"
    load(api, TableKind.LEIE, TableEntry(other, first_day=date(2026, 1, 1), indicator="1128a1"), release="r2")
    api.execute(f"UPDATE providers SET npi = '{other}' WHERE provider_id = 'H456'")
    await drain(screening)
    assert found(api) == []


async def test_a_claim_that_another_payer_paid_of_is_priced_as_at_receipt(api: Api, screening):
    paid = await claim(api, other_payer_paid=1000)
    assert paid["approved_amount"] == 4000.0
    fees(api, "f1", P001=2500_00)
    await drain(screening)
    assert found(api) == []
    assert jobs(api) == [("fees", "fees f1", 1, 1, 0, 0)]


async def test_what_another_payer_paid_counts_in_the_amount_that_differs(api: Api, screening):
    await with_copay(api, 0)
    await claim(api, other_payer_paid=1000)
    fees(api, "f1", P001=2500_00)
    await drain(screening)
    assert [one[4:] for one in found(api)] == [(4000_00, 1500_00)]
    fees(api, "f2", P001=900_00)
    await drain(screening)
    assert [one[4:] for one in found(api)] == [(4000_00, 0)]


async def covered_in_full(api: Api, screening) -> str:
    """A claim whose price another payer paid in full, and more."""
    with clock.held(clock.now() - 3 * COMMITTED_WITHIN):
        fees(api, "f1", P001=1000_00)
    await with_copay(api, 0)
    covered = await claim(api, other_payer_paid=1500)
    assert covered["approved_amount"] == 0.0
    await drain(screening)
    return covered["claim_id"]


async def test_a_price_above_what_another_payer_covered_counts_all_that_it_paid(api: Api, screening):
    covered = await covered_in_full(api, screening)
    fees(api, "f2", P001=2000_00)
    await drain(screening)
    assert [(one[0], *one[4:]) for one in found(api)] == [(covered, 0, 500_00)]


async def two_lines(api: Api, screening) -> None:
    """A claim of which another payer paid 600, given to the first line."""
    await with_copay(api, 0)
    lines = [{"procedure_code": "P001", "amount": 1000}, {"procedure_code": "P002", "amount": 140}]
    body = {"member_id": "M123", "provider_id": "H456", "diagnosis_code": "D001", "service_from": "2026-03-02"}
    answer = await api.submit(body | {"lines": lines, "other_payer_paid": 600})
    assert answer.json()["approved_amount"] == 540.0, answer.text
    fees(api, "f1", P001=900_00)
    await drain(screening)
    assert [one[4:] for one in found(api)] == [(540_00, 440_00)]


async def test_what_another_payer_paid_of_the_claim_goes_to_the_next_line_at_a_lower_price(api: Api, screening):
    await two_lines(api, screening)
    fees(api, "f2", P001=500_00)
    await drain(screening)
    assert [one[4:] for one in found(api)] == [(540_00, 40_00)]


PRICED_BEFORE_IT_WAS_STORED = """
    UPDATE claims SET payment = jsonb_set(payment, '{lines}', (
        SELECT jsonb_agg(line #- '{price,other_payer_sent}') FROM jsonb_array_elements(payment -> 'lines') AS line))
"""


async def test_an_amount_of_which_what_another_payer_paid_is_not_known_is_not_compared(api: Api, screening, log_lines):
    covered = await covered_in_full(api, screening)
    api.execute(PRICED_BEFORE_IT_WAS_STORED)
    fees(api, "f2", P001=2000_00)
    await drain(screening)
    assert found(api) == []
    assert jobs(api)[-1] == ("fees", "fees f2", 1, 0, 1, 0)
    assert covered in log_lines.getvalue()


async def test_an_open_amount_stays_open_where_the_amount_can_no_longer_be_computed(api: Api, screening):
    await two_lines(api, screening)
    before = found(api)
    api.execute(PRICED_BEFORE_IT_WAS_STORED)
    fees(api, "f2", P001=500_00)
    await drain(screening)
    assert found(api) == before
    assert jobs(api)[-1][2:] == (1, 0, 1, 0)


OLD = "UPDATE claims SET received_at = received_at - interval '366 days'"


async def test_an_open_finding_of_a_claim_that_is_too_old_by_now_is_withdrawn(api: Api, screening):
    await claim(api)
    exclude(api)
    await drain(screening)
    assert found(api)
    api.execute(OLD)
    withdraw(api, TableKind.LEIE)
    await drain(screening)
    assert found(api) == []
    assert jobs(api)[-1][2:] == (1, 1, 0, 0)
    assert api.rows("SELECT closed_reason FROM rescreening_findings") == [("withdrawn",)]


async def test_a_claim_that_is_too_old_and_has_no_finding_left_is_not_compared(api: Api, screening):
    await claim(api)
    exclude(api)
    await drain(screening)
    withdraw(api, TableKind.LEIE)
    await drain(screening)
    api.execute(OLD)
    exclude(api, release="r2", first_day=date(2026, 1, 2))
    await drain(screening)
    assert jobs(api)[-1][2:] == (0, 0, 0, 0)


async def test_a_void_ends_the_findings_of_its_claim(api: Api, screening):
    voided, other = await claim(api), await claim(api, claim_amount=1000, service_from="2026-01-10")
    exclude(api)
    await drain(screening)
    await api.post(f"/v1/claims/{voided['claim_id']}/void", {"reason": "sent twice"})
    assert [one[0] for one in found(api)] == [other["claim_id"]]
    assert api.rows(
        "SELECT claim_id, closed_reason, closed_by, ended_at = closed_at FROM rescreening_findings"
        " WHERE ended_at IS NOT NULL"
    ) == [(voided["claim_id"], "withdrawn", None, True)]


async def test_a_finding_that_was_opened_while_its_claim_was_voided_is_withdrawn_by_the_next_job(api: Api, screening):
    voided = await claim(api)
    await api.post(f"/v1/claims/{voided['claim_id']}/void", {"reason": "sent twice"})
    opened(api, voided["claim_id"])
    assert found(api)
    api.execute("UPDATE members SET enrolled_to = '2030-01-01' WHERE member_id = 'M123'")
    await drain(screening)
    assert found(api) == []
    assert api.rows("SELECT kind, touched, withdrawn FROM rescreening_jobs WHERE kind = 'member'") == [("member", 1, 1)]
