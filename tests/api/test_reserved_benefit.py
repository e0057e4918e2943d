"""Benefit that claims in review reserve, and what a release pays of it."""

import asyncio

from tests.api.decisions import (
    APPROVE,
    DENY,
    LIMITED,
    REDUCED,
    RELEASE,
    REOPEN,
    approved,
    decide,
    held,
    money_of,
    pend,
)
from tests.api.makers import Api, answering, until_taken


async def test_a_claim_that_needs_reserved_benefit_waits_and_is_paid_once_it_is_free(api: Api):
    first = await held(api, LIMITED, claim_amount=8_000)
    second = await approved(api, LIMITED, claim_amount=3_000, service_from="2026-02-01")
    assert (second["status"], second["reasons"][0]["code"]) == ("in_review", "benefit_reserved")
    assert money_of(api, second["claim_id"]) == ("in_review", 0, 2_000_00)
    await decide(api, first, DENY)
    await decide(api, first, APPROVE, role="lead_investigator")
    released = await decide(api, second["claim_id"], RELEASE)
    assert (released.json()["outcome"], released.json()["pays_amount"]) == ("approved", 3_000)


async def test_a_voided_claim_frees_what_it_reserved(api: Api):
    first = await held(api, LIMITED, claim_amount=6_000)
    await api.post(f"/v1/claims/{first}/void", b"")
    elsewhere = await approved(api, LIMITED, claim_amount=6_000, service_from="2026-02-01", provider_id="H457")
    assert elsewhere["status"] == "approved"


async def test_releasing_pays_what_is_reserved_and_left_and_no_more(api: Api):
    await approved(api, LIMITED, claim_amount=9_000, service_from="2026-02-01")
    claim_id = await held(api, LIMITED, claim_amount=3_000)
    assert money_of(api, claim_id) == ("in_review", 0, 1_000_00)
    released = (await decide(api, claim_id, RELEASE)).json()
    assert (released["outcome"], released["pays_amount"]) == ("partially_approved", 1_000)


async def test_concurrent_claims_and_decisions_never_spend_more_than_the_benefit(api: Api):
    few = asyncio.Semaphore(8)

    async def one(number: int):
        async with few:
            await whole(number)

    async def whole(number: int):
        score = answering(0.9 if number % 2 else 0.1)
        api.scorer.behaviour = score
        body = LIMITED | {"claim_amount": 700, "service_from": f"2026-02-{number % 28 + 1:02}", "provider_id": "H457"}
        body |= {"procedure_code": f"P00{number // 28 + 1}"}
        claim_id = (await until_taken(lambda: api.submit(body))).json()["claim_id"]
        act = [RELEASE, DENY, pend(), REDUCED | {"amount": 1}][number % 4]
        await until_taken(lambda: decide(api, claim_id, act, role="lead_investigator"))
        if number % 5 == 0:
            await until_taken(lambda: decide(api, claim_id, REOPEN, role="lead_investigator"))
        if number % 7 == 0:
            await until_taken(lambda: api.post(f"/v1/claims/{claim_id}/void", b""))

    await asyncio.gather(*(one(number) for number in range(56)))
    (held_cents,) = api.rows(
        "SELECT sum(approved_cents + reserved_cents)::bigint FROM claims WHERE member_id = 'M124'"
    )[0]
    assert 0 < held_cents <= 10_000_00


# What comes after a decision.
