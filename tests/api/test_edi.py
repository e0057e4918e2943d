"""`POST /v1/x12/837`: each claim of a file is decided as a single one, or refused with its place."""

import asyncio

import pytest

from api.edi.routes import MAX_BYTES, MAX_CLAIMS, X12
from tests.api.makers import Api, says_nothing
from tests.formats.x12_files import (
    INSTITUTIONAL,
    TWO_LINES,
    Subscriber,
    claim,
    file_of,
    interchange,
    public_files,
    set_of,
    written,
)

ONE_LINE = ("LX*1", "SV1*HC:P001*3000*UN*1***1", "DTP*472*D8*20260301")

FIRST_LINE = (*TWO_LINES[:3], "LX*2")
UNKNOWN = (*FIRST_LINE, "SV1*HC:P9*99.5*UN*1")
LATE = (*FIRST_LINE, "SV1*HC:P002*99.5*UN*1", "DTP*472*D8*29990101")


async def send(api: Api, text: bytes, *, role: str = "claims_system", **headers: str):
    return await api.post("/v1/x12/837", text, role=role, **{"Content-Type": X12, **headers})


def outcomes(response) -> list[str]:
    return [one["outcome"] for one in response.json()["claims"]]


def reasons(response) -> list[tuple[str, str]]:
    return [(one["code"], one["where"]) for claim in response.json()["claims"] for one in claim["reasons"]]


async def test_a_claim_of_a_file_is_decided_and_stored_like_a_single_one(api: Api):
    response = await send(api, file_of(claim()))
    assert response.status_code == 200
    body = response.json()
    assert (body["accepted"], body["refused"], body["problems"]) == (1, 0, [])
    (sent,) = body["claims"]
    assert (sent["claim_number"], sent["segment"], sent["outcome"]) == ("A-1", 17, "accepted")
    stored = await api.get(f"/v1/claims/{sent['claim']['claim_id']}", role="claims_system")
    assert stored.json() == sent["claim"]
    assert (stored.json()["status"], stored.json()["claim_amount"]) == ("approved", 1300.0)
    lines = api.rows("SELECT procedure_code, amount_cents, units, service_date::text FROM claim_lines ORDER BY line")
    assert lines == [("P001", 1200_50, 1, "2026-03-01"), ("P002", 99_50, 3, "2026-03-02")]
    assert api.rows("SELECT topic FROM outbox") == [("claim.received",)]


async def test_what_another_payer_paid_is_not_paid_again(api: Api):
    other = ["SBR*P*01*******12", "AMT*D*1000"]
    response = await send(api, file_of(claim(amount="3000", lines=[*other, *ONE_LINE])))
    (sent,) = response.json()["claims"]
    assert (sent["claim"]["status"], sent["claim"]["approved_amount"]) == ("approved", 2000.0)
    (line,) = sent["claim"]["payment"]["lines"]
    assert [(one["group"], one["carc"], one["amount"]) for one in line["adjustments"]] == [("OA", "23", 1000.0)]
    stored = await api.get(f"/v1/claims/{sent['claim']['claim_id']}", role="claims_system")
    assert stored.json() == sent["claim"]


async def test_another_payer_that_paid_more_than_was_billed_is_refused_at_its_amount(api: Api):
    other = ["SBR*P*01*******12", "AMT*D*3000.01"]
    response = await send(api, file_of(claim(amount="3000", lines=[*other, *ONE_LINE])))
    assert outcomes(response) == ["refused"]
    assert reasons(response) == [("invalid_other_payer_paid", "AMT02, segment 20")]


async def test_claims_beside_a_refused_one_are_taken(api: Api):
    text = file_of(claim("A"), claim("B", diagnoses="ABK:Z99"), claim("C", amount="1"), claim("D", lines=ONE_LINE))
    response = await send(api, text)
    assert outcomes(response) == ["accepted", "refused", "refused", "refused"]
    assert reasons(response) == [
        ("invalid_diagnosis_code", "HI01-2, segment 26"),
        ("invalid_claim_amount", "CLM02, segment 33"),
        ("invalid_claim_amount", "CLM02, segment 41"),
    ]
    assert api.count("claims") == 1
    assert "must be 1300.00, the sum of the lines" in response.json()["claims"][2]["reasons"][0]["reason"]


@pytest.mark.parametrize(
    ("subscriber", "expected"),
    [
        (Subscriber([claim()], "M999"), ("invalid_member_id", "NM109, segment 14")),
        (Subscriber([claim()], "M123", "H999"), ("invalid_provider_id", "NM109, segment 9")),
        (
            Subscriber([claim(lines=[*FIRST_LINE, "SV1*HC:P9*99.5*UN*1"])]),
            ("invalid_procedure_code", "SV101-2, segment 23"),
        ),
        (Subscriber([claim(where="1x:B:1")]), ("invalid_place_of_service", "CLM05-1, segment 17")),
        (Subscriber([claim(lines=LATE)]), ("invalid_service_date", "DTP03, segment 24")),
    ],
)
async def test_what_the_submission_refuses_has_the_place_in_the_file(api: Api, subscriber, expected):
    response = await send(api, written(interchange(set_of(subscriber))))
    assert outcomes(response) == ["refused"]
    assert reasons(response) == [expected]
    assert api.count("claims") == 0


async def test_a_file_sent_again_repeats_its_answers_and_stores_nothing(api: Api):
    text = file_of(claim("A"), claim("B", lines=[*ONE_LINE[:2]], amount="3000"))
    first, again = await send(api, text), await send(api, text)
    assert outcomes(first) == ["accepted", "accepted"]
    assert outcomes(again) == ["repeated", "repeated"]
    assert [one["claim"] for one in again.json()["claims"]] == [one["claim"] for one in first.json()["claims"]]
    assert api.count("claims") == 2


async def test_a_claim_number_is_not_used_for_another_claim(api: Api):
    await send(api, file_of(claim("A")))
    response = await send(api, file_of(claim("A", lines=ONE_LINE, amount="3000")))
    assert reasons(response) == [("claim_number_used", "CLM, segment 17")]
    assert "STC*A3:54*" in response.json()["x12"]
    assert api.count("claims") == 1


async def test_a_claim_repeated_within_a_file_is_taken_once(api: Api):
    assert outcomes(await send(api, file_of(claim("A"), claim("A")))) == ["accepted", "repeated"]
    assert api.count("claims") == 1


async def test_a_replacement_and_a_void_change_the_claim_that_they_name(api: Api):
    first = (await send(api, file_of(claim("A")))).json()["claims"][0]["claim"]["claim_id"]
    replacing = claim("A", where="11:B:7", lines=ONE_LINE, amount="3000", more=[f"REF*F8*{first}"])
    second = (await send(api, file_of(replacing))).json()["claims"][0]["claim"]
    assert second["replaces"] == first
    voiding = file_of(claim("A", where="11:B:8", more=[f"REF*F8*{second['claim_id']}"]))
    response = await send(api, voiding)
    assert outcomes(response) == ["voided"]
    assert response.json()["accepted"] == 1
    assert api.rows("SELECT status FROM claims ORDER BY received_at") == [("voided",), ("voided",)]
    again = await send(api, voiding)
    assert outcomes(again) == ["repeated"]
    assert again.json()["claims"][0]["claim"] == response.json()["claims"][0]["claim"]
    other = await send(api, file_of(claim("B", where="11:B:8", more=[f"REF*F8*{second['claim_id']}"])))
    assert reasons(other) == [("conflict", "CLM, segment 17")]


async def test_a_void_that_is_sent_twice_at_once_is_made_once(api: Api):
    first = (await send(api, file_of(claim("A")))).json()["claims"][0]["claim"]["claim_id"]
    voiding = file_of(claim("A", where="11:B:8", more=[f"REF*F8*{first}"]))
    both = await asyncio.gather(*(send(api, voiding) for _ in range(2)))
    assert sorted(outcome for one in both for outcome in outcomes(one)) == ["repeated", "voided"]
    assert api.rows("SELECT count(*) FROM audit_log WHERE act = 'claim.void'") == [(1,)]


async def test_a_void_of_another_members_claim_or_without_the_scope_is_refused(api: Api):
    first = (await send(api, file_of(claim("A")))).json()["claims"][0]["claim"]["claim_id"]
    voiding = [claim("A", where="11:B:8", more=[f"REF*F8*{first}"])]
    other = await send(api, written(interchange(set_of(Subscriber(voiding, "M124")))))
    assert reasons(other) == [("invalid_replaces", "REF02, segment 18")]
    denied = await send(api, file_of(*voiding), role="provider")
    assert reasons(denied) == [("forbidden", "CLM, segment 17")]
    assert api.rows("SELECT status FROM claims") == [("approved",)]


async def test_a_provider_submits_its_own_claims_and_sees_no_scores(api: Api):
    sets = [set_of(Subscriber([claim()])), set_of(Subscriber([claim()], "M123", "H457"), control="0002")]
    response = await send(api, written(interchange(*sets)), role="provider")
    assert outcomes(response) == ["accepted", "refused"]
    assert [code for code, _ in reasons(response)] == ["forbidden"]
    assert "score" not in response.json()["claims"][0]["claim"]


async def test_the_answer_as_x12_is_a_999_and_a_277ca(api: Api):
    response = await send(api, file_of(claim("A"), claim("B", amount="x")), Accept=X12)
    assert response.headers["content-type"].startswith(X12)
    text = response.text
    assert text.startswith("ISA*00*          *00*          *ZZ*RECEIVER       *ZZ*SENDER         *")
    claim_id = api.rows("SELECT claim_id FROM claims")[0][0]
    for part in ("ST*999*", "IK5*E*5~", "ST*277*", "QTY*90*1~", "QTY*AA*1~", f"REF*1K*{claim_id}~", "TRN*2*B~"):
        assert part in text


@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        (b"", 400, "not-x12"),
        (b'{"member_id": "M123"}', 400, "not-x12"),
        (b"\xff\xfe\x00", 400, "not-x12"),
        (b"ISA" + b"*" * 200, 400, "not-x12"),
        (b"x" * (MAX_BYTES + 1), 413, "too-large"),
        (file_of(*[["CLM*A*1"]] * (MAX_CLAIMS + 1)), 413, "too-large"),
    ],
)
async def test_a_body_that_is_no_x12_file_is_a_problem(api: Api, text: bytes, status: int, kind: str):
    response = await send(api, text)
    assert (response.status_code, response.json()["type"]) == (status, f"/docs/problems#{kind}")


async def test_as_many_claims_as_allowed_are_read(api: Api):
    response = await send(api, file_of(*[["CLM*A*1"]] * MAX_CLAIMS))
    assert response.json()["refused"] == MAX_CLAIMS


async def test_an_unreadable_set_is_answered_and_not_a_problem(api: Api):
    text = written(interchange(set_of(Subscriber([claim()]), version="004010X098A1"), set_of(Subscriber([claim()]))))
    response = await send(api, text)
    statuses = [
        (one["status"], [item["code"] for item in one["problems"]]) for one in response.json()["transaction_sets"]
    ]
    assert statuses == [("rejected", ["unsupported_version"]), ("accepted", [])]
    assert outcomes(response) == ["refused", "accepted"]


async def test_a_cut_file_keeps_its_whole_claims(api: Api):
    text = file_of(claim("A"), claim("B", lines=ONE_LINE, amount="3000"))
    response = await send(api, text[: text.index(b"HC:P001*3000")])
    assert outcomes(response) == ["accepted", "refused"]
    assert [one["code"] for one in response.json()["problems"]] == ["cut_off", "trailer"]
    whole = await send(api, text)
    assert outcomes(whole) == ["repeated", "accepted"]


async def test_without_a_database_nothing_is_lost_when_the_file_is_sent_again(api: Api):
    text = file_of(claim("A"), claim("B", lines=ONE_LINE, amount="3000"))
    await send(api, file_of(claim("A")))
    api.execute("ALTER TABLE claims RENAME TO hidden")
    assert (await send(api, text)).status_code == 503
    api.execute("ALTER TABLE hidden RENAME TO claims")
    assert outcomes(await send(api, text)) == ["repeated", "accepted"]


async def test_without_a_scorer_the_rule_decides(api: Api):
    api.scorer.behaviour = says_nothing
    (sent,) = (await send(api, file_of(claim()))).json()["claims"]
    assert sent["claim"]["decided_by"] == "rule"


async def test_notes_do_not_refuse(api: Api):
    response = await send(api, file_of(claim(), version=INSTITUTIONAL))
    (sent,) = response.json()["claims"]
    assert sent["outcome"] == "accepted"
    assert [one["code"] for one in sent["notes"]] == ["unexpected_segment"] * 2


async def test_the_public_files_are_answered_without_a_failure(api: Api):
    for path in public_files("x12", "*"):
        response = await send(api, path.read_bytes())
        assert response.status_code == 200, path.name
        assert all(one["outcome"] == "refused" and one["reasons"] for one in response.json()["claims"]), path.name
