"""Appeals: who files and decides them, what an outcome changes, what edits learn from it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core import clock
from tests.api.appeals import APPEAL, OVERTURNED, PARTLY, UPHELD, answer, appeal, denied, filed, rejected
from tests.api.decisions import REOPEN, approved, decide, fields, held, money_of
from tests.api.makers import MINIMAL, Api, running_api

RULES = """
levels = 2
[[deadlines]]
decided_from = 1990-01-01
file_days = 30
decide_days = 10
cites = "contract"
[[overturn_limits]]
edit = "duplicate"
appeals = 2
percent = 50
"""


def topics(api: Api) -> list[str]:
    return [topic for (topic,) in api.rows("SELECT topic FROM outbox ORDER BY position")]


def labels(api: Api, claim_id: str) -> list[bool | None]:
    return [one for (one,) in api.rows("SELECT is_fraud FROM labels WHERE claim_id = %s ORDER BY known_at", claim_id)]


async def test_an_appeal_is_filed_with_its_documents_and_a_due_date(api: Api):
    claim_id = await denied(api)
    filed_appeal = await appeal(api, claim_id)
    assert filed_appeal.status_code == 201
    shown = filed_appeal.json()
    today = clock.now().date()
    assert shown | {"appeal_id": "", "filed_at": ""} == {
        "appeal_id": "",
        "claim_id": claim_id,
        "level": 1,
        "state": "open",
        "appellant": "provider",
        "reason": APPEAL["reason"],
        "documents": APPEAL["documents"],
        "filed_at": "",
        "due_on": str(today + timedelta(days=60)),
        "days_left": 60,
        "status_appealed": "denied",
        "outcome": None,
        "decided_at": None,
        "decided_by": None,
        "role": None,
        "approved_amount": None,
        "note": None,
        "caused_by": None,
    }
    assert topics(api)[-1] == "claim.appealed"
    listed = (await api.get(f"/v1/claims/{claim_id}/appeals", role="provider")).json()["appeals"]
    assert listed == [shown]
    (for_staff,) = (await api.get("/v1/appeals", role="investigator")).json()["appeals"]
    assert (for_staff["appeal_id"], for_staff["caused_by"]) == (shown["appeal_id"], ["model_flagged"])
    assert money_of(api, claim_id) == ("denied", 0, 0)


async def test_an_overturned_denial_is_paid_by_a_named_reviewer_in_one_transaction(api: Api):
    claim_id = await denied(api)
    appeal_id = await filed(api, claim_id)
    decided = (await answer(api, appeal_id, OVERTURNED)).json()
    assert (decided["state"], decided["outcome"], decided["approved_amount"]) == ("decided", "overturned", 5000.0)
    assert (decided["decided_by"], decided["role"]) == ("lead_investigator", "lead_investigator")
    assert money_of(api, claim_id) == ("approved", 5000_00, 0)
    claim = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (claim["decision"]["action"], claim["decision"]["reason"]) == ("release", "appeal_overturned")
    assert claim["notice"]["reviewed_by"] == "lead_investigator"
    assert labels(api, claim_id) == [False]
    assert topics(api)[-2:] == ["claim.decided", "claim.appeal_decided"]
    written = api.rows(
        "SELECT a.xmin = d.xmin, d.xmin = o.xmin FROM appeal_decisions a JOIN decisions d USING (decision_id)"
        " JOIN outbox o ON o.topic = 'claim.decided' AND o.payload->>'decision_id' = d.decision_id"
    )
    assert written == [(True, True)]
    acts = [act for (act,) in api.rows("SELECT act FROM audit_log WHERE claim_id IS NOT NULL ORDER BY audit_id")]
    assert acts == ["claim.deny", "claim.appeal", "claim.release", "claim.appeal_decided"]


async def test_an_upheld_decision_stands(api: Api):
    claim_id = await denied(api)
    decided = await answer(api, await filed(api, claim_id), UPHELD)
    assert (decided.status_code, decided.json()["outcome"]) == (201, "upheld")
    assert money_of(api, claim_id) == ("denied", 0, 0)
    assert (labels(api, claim_id), api.count("decisions")) == ([], 1)
    assert topics(api)[-1] == "claim.appeal_decided"
    assert (await api.get("/v1/appeals")).json() == {"appeals": [], "next_cursor": None}


async def test_a_partly_overturned_decision_pays_the_amount(api: Api):
    claim_id = await denied(api)
    appeal_id = await filed(api, claim_id)
    for wrong, field in ((PARTLY | {"amount": "5000.00"}, "amount"), (OVERTURNED | {"amount": "1.00"}, "amount")):
        assert fields(await answer(api, appeal_id, wrong)) == [field]
    assert fields(await answer(api, appeal_id, {"outcome": "partly_overturned"})) == ["amount"]
    assert (await answer(api, appeal_id, PARTLY)).status_code == 201
    assert money_of(api, claim_id) == ("partially_approved", 1200_00, 0)
    assert labels(api, claim_id) == []
    second = await filed(api, claim_id)
    assert (await answer(api, second, OVERTURNED, role="admin")).json()["level"] == 2
    assert money_of(api, claim_id) == ("approved", 5000_00, 0)


async def test_a_rejection_at_receipt_can_be_overturned(api: Api):
    claim_id = await rejected(api)
    appeal_id = await filed(api, claim_id)
    (listed,) = (await api.get("/v1/appeals")).json()["appeals"]
    assert listed["caused_by"] == ["duplicate"]
    assert (await answer(api, appeal_id, OVERTURNED)).status_code == 201
    assert money_of(api, claim_id) == ("approved", 5000_00, 0)


async def test_an_overturn_pays_no_more_than_the_benefit(api: Api):
    claim_id = await denied(api, member_id="M124")
    await approved(api, member_id="M124", claim_amount=8000, service_from="2026-02-01")
    api.execute(
        f"UPDATE claims SET service_from = '2026-02-03', service_to = '2026-02-03' WHERE claim_id = '{claim_id}'"
    )
    assert (await answer(api, await filed(api, claim_id), OVERTURNED)).json()["approved_amount"] == 2000.0
    assert money_of(api, claim_id) == ("partially_approved", 2000_00, 0)


async def test_an_appeal_is_decided_once_also_by_two_at_the_same_time(api: Api):
    appeal_id = await filed(api, await denied(api))
    answers = await asyncio.gather(
        answer(api, appeal_id, OVERTURNED), answer(api, appeal_id, UPHELD, role="admin"), answer(api, appeal_id, PARTLY)
    )
    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    assert api.count("appeal_decisions") == 1
    late = await answer(api, appeal_id, UPHELD)
    assert (late.status_code, "decided by" in late.json()["detail"]) == (409, True)


async def test_a_claim_has_one_open_appeal_also_of_two_at_the_same_time(api: Api):
    claim_id = await denied(api)
    answers = await asyncio.gather(*(appeal(api, claim_id) for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    assert api.count("appeals") == 1


async def test_a_request_under_one_key_files_and_decides_once(api: Api):
    claim_id = await denied(api)
    first, again = [await appeal(api, claim_id, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert (first.content, again.status_code) == (again.content, 201)
    appeal_id = first.json()["appeal_id"]
    done, again = [await answer(api, appeal_id, OVERTURNED, **{"Idempotency-Key": "d"}) for _ in range(2)]
    assert (done.content, again.status_code) == (again.content, 201)
    assert (api.count("appeals"), api.count("appeal_decisions")) == (1, 1)


async def test_a_provider_appeals_for_itself_and_only_its_own_claims(api: Api):
    foreign = await denied(api, provider_id="H457")
    assert (await appeal(api, foreign)).status_code == 404
    assert (await api.get(f"/v1/claims/{foreign}/appeals", role="provider")).status_code == 404
    own = await denied(api)
    assert (await appeal(api, own, APPEAL | {"appellant": "member"})).status_code == 403
    assert (await appeal(api, own, APPEAL | {"appellant": "member"}, role="claims_system")).status_code == 201
    assert api.count("appeals") == 1


@pytest.mark.parametrize("role", ["investigator", "monitoring", "operator", "lead_investigator"])
async def test_other_roles_file_no_appeals(api: Api, role: str):
    assert (await appeal(api, await denied(api), role=role)).status_code == 403


@pytest.mark.parametrize("role", ["provider", "claims_system", "investigator", "monitoring"])
async def test_only_an_approver_decides(api: Api, role: str):
    appeal_id = await filed(api, await denied(api))
    assert (await answer(api, appeal_id, OVERTURNED, role=role)).status_code == 403
    assert api.count("appeal_decisions") == 0


async def test_who_took_part_in_the_decision_or_filed_the_appeal_does_not_decide_it(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, {"action": "deny", "reason": "not_covered"}, role="lead_investigator")
    refused = await answer(api, await filed(api, claim_id), OVERTURNED)
    assert (refused.status_code, "took part" in refused.json()["detail"]) == (403, True)
    other = await denied(api, service_from="2026-02-01")
    refused = await answer(api, await filed(api, other, role="admin"), OVERTURNED, role="admin")
    assert (refused.status_code, "filed" in refused.json()["detail"]) == (403, True)


async def test_an_unknown_claim_or_appeal_is_not_found(api: Api):
    assert (await appeal(api, "clm_none")).status_code == 404
    assert (await answer(api, "app_none", OVERTURNED)).status_code == 404
    assert (await api.get("/v1/claims/clm_none/appeals")).status_code == 404


async def test_only_an_adverse_decision_that_stands_can_be_appealed(api: Api):
    paid = (await approved(api))["claim_id"]
    assert (await appeal(api, paid)).status_code == 409
    waiting = await held(api, service_from="2026-02-01")
    assert (await appeal(api, waiting)).status_code == 409
    voided = await denied(api, service_from="2026-01-01")
    appeal_id = await filed(api, voided)
    await api.post(f"/v1/claims/{voided}/void", b"")
    assert (await appeal(api, voided)).status_code == 409
    assert (await answer(api, appeal_id, OVERTURNED)).status_code == 409
    assert (await api.get("/v1/appeals")).json()["appeals"] == []
    assert money_of(api, voided) == ("voided", 0, 0)


async def test_a_claim_that_was_reopened_is_decided_before_its_appeal(api: Api):
    claim_id = await denied(api)
    appeal_id = await filed(api, claim_id)
    await decide(api, claim_id, REOPEN, role="admin")
    refused = await answer(api, appeal_id, OVERTURNED)
    assert (refused.status_code, "in review again" in refused.json()["detail"]) == (409, True)


async def test_a_claim_with_recovered_money_is_not_paid_again(api: Api):
    claim_id = (await approved(api))["claim_id"]
    api.execute(
        f"UPDATE claims SET approved_cents = 400000, status = 'partially_approved' WHERE claim_id = '{claim_id}'"
    )
    recovered = {"disposition": "overpayment", "amount_recovered": "10.00"}
    assert (await api.post(f"/v1/claims/{claim_id}/dispositions", recovered)).status_code == 201
    assert (await answer(api, await filed(api, claim_id), OVERTURNED)).status_code == 409


async def test_a_confirmed_fraud_that_is_overturned_is_cleared(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, {"action": "deny", "reason": "fraud", "disposition": "confirmed"})
    await answer(api, await filed(api, claim_id), PARTLY)
    assert labels(api, claim_id) == [True, False]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"appellant": "lawyer"}, "appellant"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 2_001}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"documents": [APPEAL["documents"][0] | {"sha256": "AB" * 32}]}, "documents[0].sha256"),
        ({"documents": [APPEAL["documents"][0] | {"media_type": "pdf"}]}, "documents[0].media_type"),
        ({"documents": [APPEAL["documents"][0] | {"content": "x"}]}, "documents[0].content"),
        ({"documents": APPEAL["documents"] * 21}, "documents"),
        ({"more": 1}, "more"),
    ],
)
async def test_an_invalid_field_of_an_appeal_is_named(api: Api, change, field):
    assert fields(await appeal(api, await denied(api), APPEAL | change)) == [field]


async def test_the_list_of_open_appeals_is_paged_by_due_date(api: Api):
    ids = [await filed(api, await denied(api, service_from=f"2026-02-0{day}")) for day in (1, 2, 3)]
    with_days = dict(zip(ids, (5, 1, 3), strict=True))
    api.execute("ALTER TABLE appeals DISABLE TRIGGER USER")
    for appeal_id, days in with_days.items():
        api.execute(f"UPDATE appeals SET due_on = due_on - {60 - days} WHERE appeal_id = '{appeal_id}'")
    seen, path = [], "/v1/appeals?limit=1"
    for _ in range(3):
        page = (await api.get(path)).json()
        seen += [(one["appeal_id"], one["days_left"]) for one in page["appeals"]]
        path = f"/v1/appeals?limit=1&cursor={page['next_cursor']}"
    assert seen == [(ids[1], 1), (ids[2], 3), (ids[0], 5)]
    assert page["next_cursor"] is None


async def test_deadlines_and_levels_are_those_of_the_rules(seeded_url: str, tmp_path: Path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    async with running_api(seeded_url, appeal_rules=path) as api:
        claim_id = await denied(api)
        with clock.held(clock.now() + timedelta(days=32)):
            late = await appeal(api, claim_id)
        assert (late.status_code, "could be appealed until" in late.json()["detail"]) == (409, True)
        for level in (1, 2):
            shown = (await appeal(api, claim_id)).json()
            assert (shown["level"], shown["days_left"]) == (level, 10)
            await answer(api, shown["appeal_id"], UPHELD)
        assert "the maximum" in (await appeal(api, claim_id)).json()["detail"]


async def test_an_edit_whose_decisions_are_overturned_too_often_is_suspended_and_says_so(
    seeded_url: str, tmp_path: Path
):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    async with running_api(seeded_url, appeal_rules=path) as api:
        outcomes = [UPHELD, OVERTURNED, OVERTURNED]
        days = ["2026-02-01", "2026-02-08", "2026-02-15"]
        for number, (outcome, day) in enumerate(zip(outcomes, days, strict=True)):
            assert (await api.get("/v1/suspended-edits")).json()["edits"] == []
            claim_id = await rejected(api, service_from=day)
            assert (await answer(api, await filed(api, claim_id), outcome)).status_code == 201, number
        (suspended,) = (await api.get("/v1/suspended-edits")).json()["edits"]
        assert (suspended["edit"], suspended["decided"], suspended["overturned"]) == ("duplicate", 3, 2)
        assert topics(api)[-2:] == ["edit.suspended", "claim.appeal_decided"]
        await approved(api, service_from="2026-02-22")
        held_one = (await api.submit(MINIMAL | {"service_from": "2026-02-22"})).json()
        assert held_one["status"] == "in_review"
        assert "This edit is suspended" in held_one["reasons"][0]["text"]
        assert api.rows(
            "SELECT details->'suspended' FROM audit_log WHERE claim_id IS NOT NULL ORDER BY audit_id DESC LIMIT 1"
        ) == [(["duplicate"],)]
