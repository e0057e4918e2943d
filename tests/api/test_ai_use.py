"""The report on the use of models counts each decision once, by its basis, and what was overturned."""

from datetime import timedelta

from api.reviews import ai_use_report
from core import clock
from tests.api.appeals import OVERTURNED, UPHELD, answer, filed
from tests.api.decisions import DENY, REDUCED, RELEASE, REOPEN, approved, decide, held
from tests.api.makers import MINIMAL, Api, answering, says_nothing


async def report(api: Api, **shift: int):
    now = clock.now() + timedelta(**shift)
    return await ai_use_report(api.database, now - timedelta(hours=1), now + timedelta(hours=1))


async def test_decisions_count_by_contract_model_rule_and_person(api: Api):
    await approved(api)
    duplicate = (await api.submit()).json()
    assert duplicate["status"] == "rejected"
    api.scorer.behaviour = says_nothing
    by_rule = (await api.submit(MINIMAL | {"procedure_code": "P002", "claim_amount": 80})).json()
    assert (by_rule["status"], by_rule["decided_by"]) == ("approved", "rule")
    released, denied, reduced = [
        await held(api, service_from=f"2026-02-0{day}", claim_amount=5000 - day) for day in (1, 2, 3)
    ]
    await decide(api, released, RELEASE)
    await decide(api, denied, DENY, role="lead_investigator")
    await decide(api, reduced, REDUCED)
    await decide(api, reduced, REOPEN, role="lead_investigator")
    await decide(api, reduced, DENY)
    found = await report(api)
    counts = {
        one.basis: (one.approved, one.partially_approved, one.sent_to_review, one.rejected) for one in found.automatic
    }
    assert counts == {"contract": (0, 0, 0, 1), "model": (1, 0, 3, 0), "rule": (1, 0, 0, 0)}
    persons = {one.role: (one.approved, one.partially_approved, one.denied, one.with_model) for one in found.persons}
    assert persons == {"investigator": (1, 1, 1, 3), "lead_investigator": (0, 0, 1, 1)}
    assert found.contract_denials == {"duplicate": 1}
    assert found.adverse_without_person == 0
    overturns = found.overturns
    assert (overturns.model_flags_released, overturns.model_flags_decided, overturns.decisions_changed) == (1, 4, 1)
    appeal_id = await filed(api, duplicate["claim_id"])
    await answer(api, appeal_id, OVERTURNED, role="admin")
    await answer(api, await filed(api, denied), UPHELD, role="admin")
    results = {one.basis: (one.upheld, one.overturned, one.partly_overturned) for one in (await report(api)).appeals}
    assert results == {"contract": (0, 1, 0), "person": (1, 0, 0)}
    later = await report(api, days=1)
    assert [one.approved + one.rejected + one.sent_to_review for one in later.automatic] == [0, 0, 0]
    assert (list(later.persons), later.contract_denials) == ([], {})


async def test_a_rejection_off_the_contract_would_be_counted(api: Api):
    api.scorer.behaviour = answering(0.1)
    claim_id = (await api.submit()).json()["claim_id"]
    api.execute("ALTER TABLE assessments DISABLE TRIGGER USER")
    api.execute(f"UPDATE assessments SET outcome = 'rejected' WHERE claim_id = '{claim_id}'")
    assert (await report(api)).adverse_without_person == 1


async def test_the_notice_names_the_reviewer_of_a_denial_and_says_to_staff_whether_a_model_was_used(api: Api):
    claim_id = await held(api)
    for role in ("provider", "claims_system"):
        assert (await api.get(f"/v1/claims/{claim_id}", role=role)).json()["notice"] is None
    await decide(api, claim_id, DENY)
    for role, model_used in (("provider", None), ("claims_system", True)):
        assert (await api.get(f"/v1/claims/{claim_id}", role=role)).json()["notice"] == {
            "decided_by": "person",
            "reviewed_by": "investigator",
            "reviewer_role": "investigator",
            "model_used": model_used,
            "contract_findings": [],
        }


async def test_a_provider_learns_neither_who_released_a_claim_nor_whether_the_scorer_was_up(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, RELEASE)
    notice = (await api.get(f"/v1/claims/{claim_id}", role="provider")).json()["notice"]
    assert (notice["decided_by"], notice["reviewed_by"], notice["model_used"]) == ("person", None, None)
    at_receipt = await approved(api, service_from="2026-02-01")
    assert (at_receipt["notice"]["decided_by"], at_receipt["notice"]["model_used"]) == ("automatic", True)
    shown = (await api.get(f"/v1/claims/{at_receipt['claim_id']}", role="provider")).json()["notice"]
    assert (shown["decided_by"], shown["model_used"]) == ("automatic", None)


async def test_a_contract_denial_is_listed_by_its_code_and_used_no_model(api: Api):
    await approved(api)
    notice = (await api.submit()).json()["notice"]
    assert notice == {
        "decided_by": "contract",
        "reviewed_by": None,
        "reviewer_role": None,
        "model_used": False,
        "contract_findings": ["duplicate"],
    }
