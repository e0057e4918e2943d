"""Findings and lists over HTTP."""

import asyncio

import pytest

from tests.api.makers import MINIMAL, Api, answering

FOUND = {
    "disposition": "confirmed",
    "kind": "upcoding",
    "amount_recovered": "120.50",
    "note": "two visits billed as one",
}


async def claim_of(api: Api) -> str:
    return str((await api.submit()).json()["claim_id"])


async def test_a_finding_is_kept_under_the_name_of_the_key_and_becomes_a_label(api: Api):
    claim_id = await claim_of(api)
    answer = await api.post(f"/v1/claims/{claim_id}/dispositions", FOUND, role="investigator")
    assert answer.status_code == 201
    finding = answer.json()
    assert finding == {
        **FOUND,
        "found": FOUND["disposition"],
        "amount_recovered": 120.5,
        "decided_by": "investigator",
        "known_at": finding["known_at"],
    }
    assert (await api.get(f"/v1/claims/{claim_id}/dispositions")).json() == {"dispositions": [finding]}
    assert api.rows("SELECT claim_id, is_fraud, kind, source FROM labels") == [
        (claim_id, True, "upcoding", "disposition")
    ]


async def test_the_same_finding_sent_twice_is_kept_once(api: Api):
    path = f"/v1/claims/{await claim_of(api)}/dispositions"
    first, again = [(await api.post(path, FOUND)).json() for _ in range(2)]
    assert first == again
    assert (api.count("dispositions"), api.count("labels")) == (1, 1)


async def test_a_different_conclusion_is_another_finding_and_the_latest_comes_first(api: Api):
    path = f"/v1/claims/{await claim_of(api)}/dispositions"
    for disposition in ("confirmed", "inconclusive", "cleared"):
        await api.post(path, {"disposition": disposition})
    found = (await api.get(path)).json()["dispositions"]
    assert [one["disposition"] for one in found] == ["cleared", "inconclusive", "confirmed"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "disposition"),
        ({"disposition": "guilty"}, "disposition"),
        ({"disposition": "confirmed", "amount_recovered": -1}, "amount_recovered"),
        ({"disposition": "confirmed", "amount_recovered": "5000.01"}, "amount_recovered"),
        ({"disposition": "billing_error", "amount_recovered": "5000.01"}, "amount_recovered"),
        ({"disposition": "inconclusive", "amount_recovered": "0.01"}, "amount_recovered"),
        ({"disposition": "billing_error", "kind": "upcoding"}, "kind"),
        ({"disposition": "cleared", "amount_recovered": "0.01"}, "amount_recovered"),
        ({"disposition": "cleared", "kind": "upcoding"}, "kind"),
        ({"disposition": "confirmed", "kind": "Up Coding"}, "kind"),
        ({"disposition": "confirmed", "kind": "k" * 65}, "kind"),
        ({"disposition": "cleared", "note": "n" * 501}, "note"),
        ({"disposition": "cleared", "note": "line\nline"}, "note"),
        ({"disposition": "cleared", "decided_by": "somebody else"}, "decided_by"),
    ],
)
async def test_an_invalid_finding_is_refused_by_field(api: Api, sent, field):
    answer = await api.post(f"/v1/claims/{await claim_of(api)}/dispositions", sent)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert api.count("dispositions") == 0


@pytest.mark.parametrize("sent", [{"amount_recovered": "5000.00"}, {"kind": "k" * 64}, {"note": "n" * 500}])
async def test_a_finding_at_a_limit_is_taken(api: Api, sent):
    answer = await api.post(f"/v1/claims/{await claim_of(api)}/dispositions", {"disposition": "confirmed", **sent})
    assert answer.status_code == 201


@pytest.mark.parametrize("disposition", ["billing_error", "overpayment", "waste", "abuse"])
async def test_an_overpayment_without_fraud_is_recovered_and_is_not_a_label(api: Api, disposition):
    path = f"/v1/claims/{await claim_of(api)}/dispositions"
    answer = await api.post(path, {"disposition": disposition, "amount_recovered": "5000.00"}, role="investigator")
    assert answer.status_code == 201
    assert (answer.json()["found"], answer.json()["amount_recovered"]) == (disposition, 5000)
    published = {"waste": "overpayment", "abuse": "overpayment"}.get(disposition, disposition)
    assert answer.json()["disposition"] == published
    (listed,) = (await api.get(path)).json()["dispositions"]
    assert (listed["disposition"], listed["found"]) == (published, disposition)
    assert api.rows("SELECT is_fraud FROM labels") == [(None,)]  # it withdraws: neither fraud nor in order


async def test_all_recoveries_of_a_claim_together_are_at_most_what_was_paid(api: Api):
    path = f"/v1/claims/{await claim_of(api)}/dispositions"
    parts = [("overpayment", "3000.00"), ("confirmed", "2000.01"), ("confirmed", "2000.00"), ("billing_error", "0.01")]
    sent = [{"disposition": found, "amount_recovered": amount} for found, amount in parts]
    answers = [await api.post(path, one) for one in sent]
    assert [answer.status_code for answer in answers] == [201, 422, 201, 422]
    assert "must be at most 2000.00" in answers[1].text
    assert api.rows("SELECT sum(amount_recovered_cents)::bigint FROM dispositions") == [(5000_00,)]


async def test_concurrent_recoveries_are_at_most_what_was_paid(api: Api):
    path = f"/v1/claims/{await claim_of(api)}/dispositions"
    sent = [{"disposition": "overpayment", "amount_recovered": 1500, "note": f"part {at}"} for at in range(6)]
    answers = await asyncio.gather(*(api.post(path, one) for one in sent))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 422, 422, 422]


async def test_nothing_is_recovered_of_a_claim_that_was_not_paid(api: Api):
    api.scorer.behaviour = answering(0.9)
    in_review = await claim_of(api)
    api.scorer.behaviour = answering(0.1)
    voided = (await api.submit(MINIMAL | {"service_from": "2026-02-01"})).json()["claim_id"]
    await api.post(f"/v1/claims/{voided}/void", b"")
    for claim_id, words in ((in_review, "nothing was paid"), (voided, "is voided")):
        path = f"/v1/claims/{claim_id}/dispositions"
        refused = await api.post(path, {"disposition": "overpayment", "amount_recovered": "0.01"})
        assert (refused.status_code, words in refused.text) == (422, True)
        assert (await api.post(path, {"disposition": "confirmed"})).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("POST", "/v1/claims/clm_none/dispositions", "investigator", 404),
        ("GET", "/v1/claims/clm_none/dispositions", "investigator", 404),
        ("POST", "/v1/claims/%00/dispositions", "investigator", 404),
        ("POST", "/v1/claims/clm_none/dispositions", "provider", 403),
        ("POST", "/v1/claims/clm_none/dispositions", "claims_system", 403),
        ("GET", "/v1/claims/clm_none/dispositions", "provider", 403),
        ("GET", "/v1/reviews", "provider", 403),
        ("GET", "/v1/reviews?week=soon", "investigator", 422),
    ],
)
async def test_each_role_records_and_reads_only_what_its_scopes_allow(api: Api, method, path, role, status):
    body = b'{"disposition": "cleared"}' if method == "POST" else b""
    answer = await api.client.request(
        method, path, content=body, headers={"Content-Type": "application/json", **api.as_(role)}
    )
    assert answer.status_code == status


async def test_the_latest_list_or_that_of_a_day_is_read(api: Api):
    claim_id = await claim_of(api)
    assert (await api.get("/v1/reviews")).json() == {"week": None, "promise": None, "reviews": []}
    api.rows(
        "INSERT INTO selections VALUES (%s, '2026-03-02', 'score', 1, 0.7, 'm1', now()) RETURNING claim_id", claim_id
    )
    latest = (await api.get("/v1/reviews", role="investigator")).json()
    assert latest["week"] == "2026-03-02"
    assert [(row["claim_id"], row["score"], row["disposition"]) for row in latest["reviews"]] == [(claim_id, 0.7, None)]
    assert latest["promise"]["at_least"] is None
    assert "requires findings on 9 earlier lists" in latest["promise"]["text"]
    assert (await api.get("/v1/reviews?week=2026-03-08")).json() == latest
    nothing = {"week": "2026-03-09", "promise": None, "reviews": []}
    assert (await api.get("/v1/reviews?week=2026-03-09")).json() == nothing
