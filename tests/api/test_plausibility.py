"""Plausibility, suspicion and duplicates on the claim's way, over real HTTP and a real database."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from api.intake.related import related
from api.policies import PolicyStore
from api.scorer import ScorerFailure
from api.scorer.client import ScorerClient
from api.scoring.rescoring import Rescorer
from api.windows import EntityWindows
from core import clock
from core.settings import Settings
from tests.api.decisions import DENY, decide
from tests.api.makers import MINIMAL, Api, answering, running_api, scores
from tests.claims.makers import make_claim, score_document

VISIT = MINIMAL | {"procedure_code": "P002", "claim_amount": 40, "service_from": "2026-02-02"}


def findings(body):
    """The reasons that decide; the others only say what moved the score."""
    return [reason for reason in body["reasons"] if "cites" in reason]


def codes(body):
    return [finding["code"] for finding in findings(body)]


def scoring(**changes):
    async def behaviour(exchange):
        document = score_document(0.1, claim_id=exchange.document["claim"]["claim_id"]) | changes
        await exchange.answer(json.dumps(document).encode())

    return behaviour


async def submitted(api: Api, body, **options):
    response = await api.submit(body, **options)
    assert response.status_code == 201, response.text
    return response.json()


async def test_an_amount_a_thousand_times_too_high_goes_to_review_even_if_the_model_does_not_flag_it(api: Api):
    body = await submitted(api, VISIT | {"claim_amount": 40_000})
    assert (body["status"], body["fraud_flag"], body["approved_amount"]) == ("in_review", False, 0)
    assert codes(body) == ["price_implausible", "amount_above_rule", "above_auto_approval_cap"]
    assert {finding["source"] for finding in findings(body)} == {"plausibility"}


async def test_a_provider_does_not_see_the_limits_of_a_finding(api: Api):
    body = await submitted(api, VISIT | {"claim_amount": 40_000}, role="provider")
    assert (body["status"], body["reasons"]) == ("in_review", [])
    assert not {"rule", "chain", "replaced_by"} & set(body)


async def test_the_rules_verdict_is_stored_and_shown_beside_every_decision(api: Api):
    scored = await submitted(api, VISIT)
    api.scorer.behaviour = scoring(gain_present=0.1)
    by_rule = await submitted(api, VISIT | {"service_from": "2026-02-09"})
    assert (scored["decided_by"], by_rule["decided_by"]) == ("model", "rule")
    shown = {
        "flagged": False,
        "text": "40.00 is at most 2 times the average of 45.00 over 40 claims of P002.",
        "average": 45.0,
        "basis": "average",
        "claims": 40,
    }
    assert scored["rule"] == by_rule["rule"] == shown
    assert (await api.get(f"/v1/claims/{scored['claim_id']}")).json()["rule"] == shown
    api.scorer.behaviour = scores
    await rescorer(api).drain()
    assert api.rows("SELECT count(*), count(rule) FROM assessments") == [(3, 3)]


def rescorer(api: Api) -> Rescorer:
    async def no_past(claims):
        return [{"rows": {}, "times_us": {}, "stale": []} for _ in claims]

    scorer = ScorerClient(f"http://127.0.0.1:{api.scorer.port}", deadline_ms=5_000)
    return Rescorer(
        api.database,
        scorer,
        no_past,
        EntityWindows(api.database, scorer),
        policies=PolicyStore(Settings()),
        live_deadline_ms=5_000,
    )


@pytest.mark.parametrize(
    ("present", "by", "status"), [(0.49, "rule", "approved"), (0.5, "model", "in_review"), (0.8, "model", "approved")]
)
async def test_a_score_on_too_little_is_no_score(api: Api, present, by, status):
    api.scorer.behaviour = scoring(gain_present=present, stale_views=["member_history", "member_today"])
    body = await submitted(api, VISIT)
    assert (body["decided_by"], body["status"]) == (by, status)
    expected = {"rule": ["too_little_known"], "model": ["score_incomplete"] if present < 0.8 else []}[by]
    assert codes(body) == expected
    assert all("member_history, member_today" in reason["text"] for reason in findings(body))


async def test_a_claim_scored_without_features_is_decided_by_the_rule_and_scored_again(api: Api):
    views = [f"view_{number}" for number in range(23)]
    api.scorer.behaviour = scoring(gain_present=0.0, stale_views=views)
    for day in range(1, 6):  # more than open a breaker
        body = await submitted(api, VISIT | {"service_from": f"2026-01-{day:02}"})
        assert (body["decided_by"], body["score"], body["status"]) == ("rule", None, "approved")
        assert all(view in body["reasons"][0]["text"] for view in views)
    over_cap = await submitted(api, MINIMAL | {"service_from": "2026-01-20"})
    assert over_cap["status"] == "in_review"
    failures = api.rows("SELECT DISTINCT score_failure, breaker_state, cardinality(stale_views) FROM assessments")
    assert failures == [("too_little_known", "closed", 23)]
    assert await rescorer(api).drain() == 0
    waiting = "SELECT count(*) FROM outbox WHERE topic = 'claim.rescore' AND done_at IS NULL"
    assert api.rows(waiting) == [(6,)]
    api.scorer.behaviour = scores
    with psycopg.connect(api.url) as connection:
        connection.execute("UPDATE outbox SET not_before = NULL")
    assert await rescorer(api).drain() == 6
    assert api.rows(waiting) == [(0,)]


async def test_a_claim_of_which_too_little_is_known_is_scored_once_more_and_then_waits_for_another_model(api: Api):
    api.scorer.behaviour = scoring(gain_present=0.0, model_version="m-1")
    api.scorer.model = "m-1"
    await submitted(api, VISIT)
    worker = rescorer(api)

    async def attempts(days: int) -> int:
        with clock.held(clock.now() + timedelta(days=days)):
            await worker.drain()
        return api.rows("SELECT attempts FROM outbox WHERE topic = 'claim.rescore'")[0][0]

    assert [await attempts(days) for days in (0, 1, 30, 3_650)] == [1, 2, 2, 2]
    await worker.release()
    api.scorer.model = None
    with pytest.raises(ScorerFailure, match="has no model"):
        await worker.release()
    assert await attempts(1) == 2
    api.scorer.model = "m-2"
    await worker.release()
    api.scorer.behaviour = scoring(gain_present=0.0, model_version="m-2")
    assert [await attempts(days) for days in (1, 2, 3)] == [3, 4, 4]
    api.scorer.model = "m-3"
    await worker.release()
    api.scorer.behaviour = scores
    with clock.held(clock.now() + timedelta(days=4)):
        assert await worker.drain() == 1
    assert api.rows("SELECT decided_by FROM assessments ORDER BY made_at") == [("rule",), ("model",)]


async def test_a_held_claim_cannot_be_replaced_until_it_is_paid(api: Api):
    api.scorer.behaviour = answering(0.9)
    held = await submitted(api, VISIT, role="provider")
    api.scorer.behaviour = answering(0.01)
    ids = [held["claim_id"]]
    for number in range(1, 6):
        body = VISIT | {
            "claim_amount": 40 - number,
            "replaces": ids[-1],
            "service_from": f"2026-02-{2 + 5 * (number % 2):02}",
        }
        replacement = await submitted(api, body, role="provider")
        assert (replacement["status"], replacement["approved_amount"]) == ("in_review", 0)
        ids.append(replacement["claim_id"])
    refused = await api.submit(VISIT | {"claim_amount": 3, "replaces": ids[-1]}, role="provider")
    assert refused.status_code == 409
    assert "already replaced 5 times" in refused.json()["detail"]
    assert api.rows("SELECT status FROM claims WHERE claim_id = %s", ids[-1]) == [("in_review",)]
    last = (await api.get(f"/v1/claims/{ids[-1]}")).json()
    assert codes(last) == ["review_inherited", "replaced_often"]
    assert held["claim_id"] in last["reasons"][0]["text"]
    assert last["reasons"][0]["text"].count("because of model_flagged") == 1
    assert last["chain"] == ids[::-1]
    first = (await api.get(f"/v1/claims/{held['claim_id']}")).json()
    assert (first["status"], first["replaced_by"], first["chain"]) == ("voided", ids[1], ids[::-1])


@pytest.mark.parametrize("ended", ["stands", "voided", "denied"])
async def test_a_resubmission_of_a_held_service_inherits_its_review(api: Api, ended):
    api.scorer.behaviour = answering(0.9)
    held = await submitted(api, VISIT)
    if ended == "denied":
        assert (await decide(api, held["claim_id"], DENY)).status_code == 201
    if ended == "voided":
        assert (await api.post(f"/v1/claims/{held['claim_id']}/void", b"")).status_code == 200
    api.scorer.behaviour = answering(0.01)
    again = await submitted(api, VISIT | {"claim_amount": 39, "service_from": "2026-02-05"})
    assert (again["status"], codes(again)) == ("in_review", ["review_inherited"])
    assert again["chain"] == [again["claim_id"], held["claim_id"]]
    other = await submitted(api, VISIT | {"claim_amount": 39, "service_from": "2026-02-20"})
    elsewhere = await submitted(api, VISIT | {"claim_amount": 39, "provider_id": "H457"})
    assert (other["status"], elsewhere["status"]) == ("approved", "approved")


async def test_what_a_claim_reads_of_a_chain_does_not_grow_with_its_findings(api: Api):
    """Of a service that is sent again and again, a claim reads the ids and one reason: each of the ids once."""
    api.scorer.behaviour = answering(0.9)
    first = await submitted(api, VISIT)
    day = date(2026, 2, 2)
    claim = make_claim(service_from=day, service_to=day, member_id="M123", provider_id="H456")
    query = related(claim, 7)

    def read_bytes() -> int:
        with psycopg.connect(api.url) as connection:
            cursor = connection.execute(query.statement.sql, {**query.statement.fixed, **query.params})
            result = cursor.pgresult
            assert result.ntuples == 1
            return sum(len(result.get_value(0, column) or b"") for column in range(result.nfields))

    sizes = []
    for _ in range(2):
        for _ in range(8):
            await submitted(api, VISIT)
        sizes.append(read_bytes())
    assert api.rows("SELECT cardinality(claim_chain(%s))", first["claim_id"]) == [(17,)]
    assert sizes[1] - sizes[0] <= 8 * (len(first["claim_id"]) + len(","))
    with psycopg.connect(api.url) as connection:
        rows = connection.execute(query.statement.sql, {**query.statement.fixed, **query.params}).fetchall()
    (held,) = query.read(rows).held
    assert held.reason.code == "model_flagged"


async def test_two_simultaneous_claims_cannot_evade_the_suspicion(api: Api):
    async def by_amount(exchange):
        await scores(exchange, 0.9 if exchange.document["claim"]["amount_cents"] == 40_00 else 0.01)

    api.scorer.behaviour = by_amount
    held = await submitted(api, VISIT)
    bodies = [VISIT | {"claim_amount": 40 - number} for number in range(1, 5)]
    replies = await asyncio.gather(*(api.submit(body) for body in bodies))
    assert {reply.json()["status"] for reply in replies} == {"in_review"}
    assert held["status"] == "in_review"


async def test_a_correction_of_a_paid_claim_is_paid(api: Api):
    first = await submitted(api, VISIT)
    second = await submitted(api, VISIT | {"claim_amount": 39, "replaces": first["claim_id"]})
    assert (second["status"], second["chain"]) == ("approved", [second["claim_id"], first["claim_id"]])


async def test_a_provider_cannot_void_claims(api: Api):
    held = await submitted(api, VISIT | {"claim_amount": 40_000}, role="provider")
    refused = await api.post(f"/v1/claims/{held['claim_id']}/void", b"", role="provider")
    assert refused.status_code == 403
    assert api.rows("SELECT status FROM claims") == [("in_review",)]


async def test_the_same_claim_before_and_after_midnight_is_paid_once(api: Api):
    undated = {name: value for name, value in VISIT.items() if name != "service_from"}
    with clock.held(datetime(2026, 3, 2, 23, 59, tzinfo=UTC)):
        first = await submitted(api, undated)
    with clock.held(datetime(2026, 3, 3, 0, 0, tzinfo=UTC)):
        second = await submitted(api, undated)
        dated = await submitted(api, VISIT | {"service_from": "2026-03-02"})
    assert (first["status"], second["status"], dated["status"]) == ("approved", "rejected", "rejected")
    assert "send service_from" in second["reasons"][0]["text"]
    with clock.held(datetime(2026, 3, 9, tzinfo=UTC)):
        assert (await submitted(api, undated))["status"] == "approved"
    defaulted = "SELECT service_date_defaulted FROM claims ORDER BY received_at"
    assert [row[0] for row in api.rows(defaulted)] == [True, True, False, True]


async def test_both_sides_of_midnight_at_once_are_paid_once(api: Api):
    undated = {name: value for name, value in VISIT.items() if name != "service_from"}
    replies = await asyncio.gather(*(api.submit(undated) for _ in range(3)))
    assert sorted(reply.json()["status"] for reply in replies) == ["approved", "rejected", "rejected"]


async def test_a_rejected_claim_does_not_block_its_own_resubmission(api: Api):
    body = VISIT | {"member_id": "M125"}
    assert (await submitted(api, body))["status"] == "rejected"
    with psycopg.connect(api.url) as connection:
        connection.execute("UPDATE members SET enrolled_from = '2020-01-01' WHERE member_id = 'M125'")
    assert (await submitted(api, body))["status"] == "approved"


async def test_settings_change_the_policy(seeded_url):
    async with running_api(seeded_url, auto_approval_cap_cents=30_00, min_provider_claims=201) as api:
        body = await submitted(api, VISIT)
    assert codes(body) == ["above_auto_approval_cap", "provider_without_history"]
