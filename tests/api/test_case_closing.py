"""A case is closed with a disposition, above an amount by two people, and its claims' dispositions with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from api import cases, outbox
from api.cases import (
    CaseClosing,
    CaseDisposition,
    CaseNoteKind,
    CaseRecord,
    CaseTaskKind,
    ClaimFinding,
    ClosingLimits,
    LossMethod,
    NewCaseTask,
)
from api.confirmation import NOT_NEEDED, Confirmation
from api.errors import ApiError, Conflict, Forbidden, Invalid, NotFound, SignatureRequired
from api.identity import Caller
from api.webhooks import OutboxEvent, message_of
from core import clock
from tests.api.cases import ANN, BEN, LEA, acts, claim, opened
from tests.api.makers import Api

LIMITS = ClosingLimits(approval_above_cents=500_000, confirmed_above_cents=1_000_000)
SMALL = CaseClosing(CaseDisposition.BILLING_ERROR, 12_000, LossMethod.CLAIM_REVIEW, "Wrong modifier.\nTwice.")
LARGE = replace(SMALL, loss_cents=600_000)
OTHER_LEAD = Caller("key_kim", "lead_investigator", None, "Kim")
DUE = date(2026, 3, 1)


async def closed(
    api: Api,
    case_id: str,
    closing: CaseClosing = SMALL,
    *,
    caller: Caller = ANN,
    confirmation: Confirmation = NOT_NEEDED,
) -> CaseRecord:
    own = api.dependencies
    return await cases.close(
        own.database, own.field_keys, caller, case_id, closing, confirmation=confirmation, limits=LIMITS
    )


async def approved(api: Api, found: CaseRecord, caller: Caller = LEA) -> CaseRecord:
    own = api.dependencies
    return await cases.approve_closing(
        own.database,
        own.field_keys,
        caller,
        found.case_id,
        version=found.version,
        note="Agreed.",
        confirmation=NOT_NEEDED,
    )


def events(api: Api) -> Sequence[tuple[object, ...]]:
    return api.rows("SELECT entity_key, payload FROM outbox WHERE topic = %s", outbox.CASE_CLOSED)


async def test_a_small_loss_is_closed_by_one_person_and_is_an_event(api: Api):
    made = await opened(api)
    done = await closed(api, made.case_id)
    assert (done.status, done.disposition, done.loss_cents, done.closed_by) == (
        "closed",
        "billing_error",
        12_000,
        ANN.actor_id,
    )
    assert events(api) == [(made.case_id, {"event": done.version})]
    with pytest.raises(Conflict, match="is closed"):
        await closed(api, made.case_id)
    again = await opened(api)
    assert again.case_id != made.case_id, "a closed case is not opened by a new suspicion"


async def test_a_large_loss_is_proposed_by_one_and_approved_by_another(api: Api):
    first = await claim(api)
    made = await opened(api, [first])
    fraud = replace(LARGE, disposition=CaseDisposition.FRAUD, findings=(ClaimFinding(first, "confirmed", "upcoding"),))
    proposed = await closed(api, made.case_id, fraud, caller=LEA)
    assert (proposed.status, proposed.is_proposed, events(api)) == ("open", True, [])
    assert api.rows("SELECT * FROM dispositions") == [], "nothing is recorded before the approval"
    for caller, reason in ((LEA, "another person"), (replace(OTHER_LEAD, name="Lea"), "another person"), (BEN, "lead")):
        with pytest.raises(Forbidden, match=reason):
            await approved(api, proposed, caller)
    with pytest.raises(Conflict, match="waits"):
        await closed(api, made.case_id)
    with pytest.raises(Conflict, match="read it again"):
        await approved(api, replace(proposed, version=proposed.version - 1), OTHER_LEAD)
    done = await approved(api, proposed, OTHER_LEAD)
    assert (done.status, done.closed_by, done.proposed_by) == ("closed", OTHER_LEAD.actor_id, LEA.actor_id)
    assert api.rows("SELECT claim_id, disposition, kind, decided_by FROM dispositions") == [
        (first, "confirmed", "upcoding", "Lea")
    ]
    assert api.rows("SELECT claim_id, is_fraud, kind FROM labels") == [(first, True, "upcoding")]
    assert await acts(api, made.case_id) == ["case.open", "case.add_claims", "case.propose_closing", "case.close"]


async def test_a_refused_proposal_leaves_the_case_open_without_disposition(api: Api):
    own, made = api.dependencies, await opened(api)
    proposed = await closed(api, made.case_id, LARGE)
    refused = await cases.refuse_closing(
        own.database, own.field_keys, LEA, made.case_id, version=proposed.version, note="Show the sample."
    )
    assert (refused.status, refused.disposition, refused.findings) == ("open", None, ())
    assert (await closed(api, made.case_id)).status == "closed"


async def test_a_loss_above_the_amount_and_each_approval_are_confirmed(api: Api):
    made = await opened(api)
    with pytest.raises(SignatureRequired):
        await closed(api, made.case_id, replace(SMALL, loss_cents=1_000_001), confirmation=Confirmation())
    costly = await claim(api, claim_amount="10000.01")
    await opened(api, [costly])
    of_claim = replace(SMALL, findings=(ClaimFinding(costly, "billing_error"),))
    with pytest.raises(SignatureRequired):
        await closed(api, made.case_id, of_claim, confirmation=Confirmation())
    proposed = await closed(api, made.case_id, LARGE, confirmation=Confirmation())
    own = api.dependencies
    with pytest.raises(SignatureRequired):
        await cases.approve_closing(
            own.database,
            own.field_keys,
            LEA,
            made.case_id,
            version=proposed.version,
            note=None,
            confirmation=Confirmation(),
        )


@pytest.mark.parametrize(
    ("closing", "field"),
    [
        (replace(SMALL, loss_cents=0), "loss_method"),
        (replace(SMALL, loss_method=LossMethod.NONE), "loss_method"),
        (replace(SMALL, loss_cents=-1), "loss"),
        (replace(SMALL, disposition=CaseDisposition.UNSUBSTANTIATED), "loss"),
        (replace(SMALL, note=" "), "note"),
        (replace(SMALL, note="a\x00b"), "note"),
        (replace(SMALL, findings=(ClaimFinding("clm_1", "confirmed"),)), "findings"),
        (replace(SMALL, findings=(ClaimFinding("clm_1", "cleared"),) * 2), "findings"),
        (replace(SMALL, findings=(ClaimFinding("clm_1", "cleared"),)), "findings"),
    ],
)
async def test_what_contradicts_itself_or_the_case_names_the_field(api: Api, closing: CaseClosing, field: str):
    made = await opened(api)
    with pytest.raises(Invalid) as refused:
        await closed(api, made.case_id, closing)
    assert [one.field for one in refused.value.errors] == [field]
    assert (await cases.case(api.dependencies.database, made.case_id)).is_open


async def test_another_who_does_not_lead_does_not_close_an_assigned_case(api: Api):
    own, made = api.dependencies, await opened(api)
    await cases.assign(own.database, own.field_keys, ANN, made.case_id, ANN.actor_id)
    with pytest.raises(Conflict, match="assigned to Ann"):
        await closed(api, made.case_id, caller=BEN)
    assert (await closed(api, made.case_id, caller=LEA)).status == "closed"


async def test_a_lead_reopens_a_case_unless_another_of_its_subject_is_open(api: Api):
    own, made = api.dependencies, await opened(api)
    await closed(api, made.case_id)

    async def reopen(caller: Caller) -> CaseRecord:
        return await cases.reopen(own.database, own.field_keys, caller, made.case_id, "New records came.")

    with pytest.raises(Forbidden):
        await reopen(ANN)
    found = await reopen(LEA)
    assert (found.status, found.disposition, found.closed_at) == ("open", None, None)
    await closed(api, made.case_id)
    assert len(events(api)) == 2
    await opened(api)
    with pytest.raises(Conflict, match="same subject"):
        await reopen(LEA)


async def test_the_event_names_the_case_alone_and_each_closing_is_another_one():
    sent = [
        message_of(OutboxEvent(1, outbox.CASE_CLOSED, "cas_1", {"event": number}, clock.now(), None))
        for number in (3, 3, 9)
    ]
    assert [one and (one.type, dict(one.data)) for one in sent] == [("case.closed", {"case_id": "cas_1"})] * 3
    first, again, other = (one.event_id for one in sent if one)
    assert first == again != other


async def test_notes_tasks_and_requests_of_records_are_work_of_the_case(api: Api):
    own, made = api.dependencies, await opened(api)
    await cases.add_note(own.database, own.field_keys, BEN, made.case_id, "Called\nthe office.", CaseNoteKind.CONTACT)
    letter = NewCaseTask(CaseTaskKind.RECORDS_REQUEST, "Records of March", DUE, "Please send the records.")
    request = await cases.add_task(own.database, own.field_keys, ANN, made.case_id, letter)
    task = await cases.add_task(
        own.database, own.field_keys, ANN, made.case_id, NewCaseTask(CaseTaskKind.TASK, "Read them", DUE)
    )
    done = await cases.finish_task(own.database, own.field_keys, BEN, made.case_id, request.task_id)
    assert [(one.task_id, one.done_by) for one in done] == [(task.task_id, None), (request.task_id, BEN.actor_id)]
    assert await cases.tasks_of(own.database, own.field_keys, made.case_id) == done
    await cases.finish_task(own.database, own.field_keys, ANN, made.case_id, request.task_id)
    history = await cases.history_of(own.database, own.field_keys, made.case_id)
    assert [(one.act, one.text) for one in history] == [
        ("case.finish_records_request", "Records of March"),
        ("case.add_task", "Read them"),
        ("case.add_records_request", "Please send the records."),
        ("case.contact", "Called\nthe office."),
        ("case.open", None),
    ]
    ((title, text),) = api.rows("SELECT title_sealed, letter_sealed FROM case_tasks WHERE kind = 'records_request'")
    assert b"March" not in bytes(title) + bytes(text)


@pytest.mark.parametrize(
    "new",
    [
        NewCaseTask(CaseTaskKind.TASK, "two\nlines", DUE),
        NewCaseTask(CaseTaskKind.TASK, "a", DUE, "a letter"),
        NewCaseTask(CaseTaskKind.RECORDS_REQUEST, "a", DUE),
    ],
)
async def test_a_task_has_a_line_and_a_request_a_letter(api: Api, new: NewCaseTask):
    own, made = api.dependencies, await opened(api)
    with pytest.raises(Invalid):
        await cases.add_task(own.database, own.field_keys, ANN, made.case_id, new)


async def test_a_closed_case_takes_no_work(api: Api):
    own, made = api.dependencies, await opened(api)
    await closed(api, made.case_id)
    with pytest.raises(Conflict):
        await cases.add_note(own.database, own.field_keys, ANN, made.case_id, "Late.")
    for refused in (Conflict, NotFound):
        assert issubclass(refused, ApiError)
