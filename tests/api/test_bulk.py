"""Files of claims: uploaded in parts, submitted by a worker line by line, each claim once."""

import asyncio
import csv
import hashlib
import io
import json
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bulk.lines import LineCutter
from api.bulk.parts import CHUNK, FileOfForm
from api.bulk.repository import PART, bytes_from
from api.bulk.slices import SLICE_LINES
from api.intake import Intake, MemberQueue
from core import clock
from tests.api.bulk_files import (
    CSV_HEADER,
    begin,
    ndjson,
    processor,
    rejects,
    send,
    soon,
    state,
    submit_all,
    upload,
    working,
)
from tests.api.makers import LINES, MINIMAL, Api, running_api


async def test_each_line_is_decided_as_a_single_claim_and_what_is_refused_is_listed(api: Api):
    file = ndjson(MINIMAL, b"", MINIMAL | {"claim_amount": -1, "units": 0}, LINES, b"{not json", b"\xff")
    job_id = await upload(api, file)
    await submit_all(api)
    job = await state(api, job_id)
    assert (job["status"], job["progress"], job["accepted"], job["refused"]) == ("done", 1.0, 2, 3)
    assert job["sha256"] == hashlib.sha256(file).hexdigest()
    assert api.rows("SELECT amount_cents FROM claims ORDER BY received_at") == [(5_000_00,), (1_300_00,)]
    assert api.count("bulk_chunks") == 0
    listed = await rejects(api, job_id)
    assert [(one["line"], one["field"], one["code"]) for one in listed] == [
        (3, "claim_amount", "invalid_claim_amount"),
        (3, "units", "invalid_units"),
        (5, "", "malformed"),
        (6, "", "malformed"),
    ]
    assert all(one["reason"] and one["remedy"] for one in listed)


async def test_a_csv_file_has_a_claim_on_each_row(api: Api):
    rows = [CSV_HEADER, 'M123,H456,D001 D002,P001,"1200.50",2', "", "M123,H456,D001,P002,40,", "M123,H456,D001,P001"]
    job_id = await upload(api, "\r\n".join(rows).encode(), form="csv")
    await submit_all(api)
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"]) == ("done", 2, 1)
    stored = api.rows("SELECT procedure_code, amount_cents, units FROM claim_lines ORDER BY amount_cents")
    assert stored == [("P002", 40_00, 1), ("P001", 1_200_50, 2)]
    (refused,) = await rejects(api, job_id)
    assert (refused["line"], refused["code"]) == (5, "invalid_row")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("member,provider\n", "column 1 is not one of them"),
        ("member_id,member_id\n", "column 2 is there twice"),
        ("member_id,provider_id,diagnosis_code,procedure_code\n", "no column claim_amount"),
        ("member_id,provider_id,claim_amount,procedure_code", "diagnosis_code or diagnosis_codes"),
        ('"member_id\n', "the header cannot be read"),
        ("M123,H456,D001,P001,12.00\n", "column 1 is not one of them"),
    ],
)
async def test_a_csv_file_without_its_header_fails_without_repeating_it(api: Api, file: str, message: str):
    job_id = await upload(api, file.encode(), form="csv")
    await submit_all(api)
    job = await state(api, job_id)
    assert job["status"] == "failed"
    assert message in job["failure"]
    assert "M123" not in job["failure"]


async def test_an_upload_continues_where_it_was_interrupted(api: Api):
    file = ndjson(*(MINIMAL | {"claim_amount": 100 + number} for number in range(4)))
    job_id = (await begin(api, file))["job_id"]
    form = b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + file[:150]
    cut = await send(api, job_id, 0, form, kind="multipart/form-data; boundary=b")
    assert (cut.status_code, cut.json()["type"]) == (400, "/docs/problems#malformed")
    received = (await state(api, job_id))["received"]
    assert 0 < received <= 150
    elsewhere = await send(api, job_id, 0, file)
    assert (elsewhere.status_code, elsewhere.json()["type"]) == (409, "/docs/problems#conflict")
    assert f"Upload-Offset: {received}" in elsewhere.json()["detail"]
    part = await send(api, job_id, received, file[received:200])
    assert (part.json()["status"], part.json()["received"]) == ("uploading", 200)
    whole = await send(api, job_id, 200, file[200:])
    assert whole.json()["status"] == "queued"
    await submit_all(api)
    assert (await state(api, job_id))["accepted"] == 4


async def test_a_file_can_be_sent_as_a_form(api: Api):
    file = ndjson(MINIMAL)
    job_id = (await begin(api, file))["job_id"]
    form = b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + file + b"\r\n--b--\r\n"
    response = await send(api, job_id, 0, form, kind='multipart/form-data; boundary="b"')
    assert response.json()["status"] == "queued"
    await submit_all(api)
    assert (await state(api, job_id))["accepted"] == 1


async def test_a_form_with_two_parts_and_other_media_types_are_refused(api: Api):
    job_id = (await begin(api, ndjson(MINIMAL)))["job_id"]
    part = b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n"
    two = await send(api, job_id, 0, part + part + b"--b--\r\n", kind="multipart/form-data; boundary=b")
    assert (two.status_code, two.json()["errors"][0]["message"]) == (422, "must be a form with one part: the file")
    assert (await send(api, job_id, 0, b"x", kind="text/csv")).status_code == 415
    assert (await send(api, job_id, 0, b"x", kind="multipart/form-data")).status_code == 422


async def test_chunks_of_a_large_file_are_stored_and_read_in_order(api: Api):
    wide = MINIMAL | {"attributes": {"note": "x" * 200}}
    file = ndjson(*(wide for _ in range(20))).ljust(CHUNK + 500, b"\n")
    job_id = await upload(api, file)
    begins = [begins for (begins,) in api.rows("SELECT begins FROM bulk_chunks ORDER BY 1")]
    assert begins == [*range(0, CHUNK, PART), CHUNK]
    read = b""

    async with api.database.reading() as connection:
        while piece := await bytes_from(connection, api.dependencies.field_keys, job_id, len(read), 300_000):
            read += piece
    assert read == file


async def test_a_file_has_at_most_the_bytes_of_the_setting_and_of_its_announcement(seeded_url: str):
    file = ndjson(MINIMAL)
    async with running_api(seeded_url, max_bulk_bytes=len(file)) as api:
        over = await api.post("/v1/bulk/claims", {"format": "ndjson", "size": len(file) + 1})
        assert (over.status_code, over.json()["type"]) == (413, "/docs/problems#too-large")
        job_id = (await begin(api, file))["job_id"]
        more = await send(api, job_id, 0, file + b"x")
        assert (more.status_code, api.count("bulk_chunks")) == (413, 0)
        assert (await send(api, job_id, 0, file)).json()["status"] == "queued"


async def test_a_file_with_another_hash_than_announced_is_not_submitted(api: Api):
    file = ndjson(MINIMAL)
    good = await upload(api, file, sha256=hashlib.sha256(file).hexdigest())
    bad = await upload(api, file, sha256="ab" * 32)
    await submit_all(api)
    assert (await state(api, good))["status"] == "done"
    job = await state(api, bad)
    assert (job["status"], job["accepted"]) == ("failed", 0)
    assert "another SHA-256" in job["failure"]


async def test_a_killed_worker_loses_no_claim_and_doubles_none(api: Api):
    job_id = await upload(api, ndjson(*(MINIMAL | {"claim_amount": 100 + number} for number in range(5)), {}))
    third = asyncio.Event()
    healthy = api.scorer.behaviour

    async def hangs_at_the_third(exchange: Any) -> None:
        if len(api.scorer.received) == 3:
            third.set()
            await asyncio.Event().wait()
        await healthy(exchange)

    api.scorer.behaviour = hangs_at_the_third
    killed = asyncio.create_task(processor(api).work())
    await soon(third)
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    api.scorer.behaviour = healthy
    assert api.count("claims") == 2
    assert await processor(api).work() == 0  # the lease of the killed one
    api.execute("UPDATE bulk_jobs SET leased_until = now() - interval '1 second'")
    await submit_all(api)
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"]) == ("done", 5, 1)
    assert api.rows("SELECT amount_cents FROM claims ORDER BY 1") == [(10_000 + 100 * number,) for number in range(5)]


async def test_a_worker_whose_lease_was_taken_over_stores_nothing(api: Api):
    job_id = await upload(api, ndjson(MINIMAL, {}))
    async with working(api):
        api.execute("UPDATE bulk_jobs SET lease = 'another'")
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], api.count("bulk_rejects")) == ("running", 0, 0)
    api.execute("UPDATE bulk_jobs SET lease = NULL, leased_until = NULL")
    await submit_all(api)
    assert ((await state(api, job_id))["accepted"], api.count("claims")) == (1, 1)


async def test_a_file_is_submitted_in_slices_so_that_workers_can_share_it(api: Api):
    job_id = await upload(api, ndjson({}) * (SLICE_LINES + 1))
    assert await processor(api).work() == 1
    job = await state(api, job_id)
    assert (job["status"], job["refused"]) == ("running", SLICE_LINES)
    await submit_all(api)
    job = await state(api, job_id)
    assert (job["status"], job["refused"]) == ("done", SLICE_LINES + 1)
    assert [one["line"] for one in await rejects(api, job_id, "?limit=10000")][-1] == SLICE_LINES + 1


async def test_a_claim_that_cannot_be_decided_now_is_tried_again_and_not_refused(api: Api):
    job_id = await upload(api, ndjson({}, MINIMAL))
    own = api.dependencies
    full = Intake(
        api.database, own.scorer, own.intake._policies, own.unconfirmed, MemberQueue(max_claims=0, timeout_s=1),
        own.windows, own.field_keys,
    )  # fmt: skip
    assert await processor(api, full).work() == 0
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"]) == ("running", 0, 1)
    assert api.rows("SELECT leased_until > now(), next_line FROM bulk_jobs") == [(True, 2)]
    api.execute("UPDATE bulk_jobs SET leased_until = NULL")
    await submit_all(api)
    assert (await state(api, job_id))["accepted"] == 1


async def test_the_rest_of_a_file_is_not_submitted_after_its_key_was_revoked(api: Api):
    job_id = await upload(api, ndjson(MINIMAL))
    api.execute("UPDATE api_keys SET revoked_at = now() WHERE role = 'claims_system'")
    await submit_all(api)
    job = await state(api, job_id, role="admin")
    assert (job["status"], api.count("claims")) == ("failed", 0)
    assert "no longer valid" in job["failure"]


async def test_claims_are_received_on_the_day_on_which_their_upload_ended(api: Api):
    zone = api.dependencies.settings.zone
    at = datetime.combine(clock.now().astimezone(zone).date() + timedelta(days=1), time(), zone)
    with clock.held(at - timedelta(seconds=1)):
        await upload(api, ndjson(MINIMAL))
    with clock.held(at + timedelta(hours=1)):
        await submit_all(api)
    uploaded_on = at.date() - timedelta(days=1)
    assert api.rows("SELECT received_on, service_from FROM claims") == [(uploaded_on, uploaded_on)]


async def test_a_provider_submits_its_own_claims_only_and_sees_its_own_uploads(api: Api):
    job_id = await upload(api, ndjson(MINIMAL, MINIMAL | {"provider_id": "H457"}), role="provider")
    await submit_all(api)
    job = await state(api, job_id, role="provider")
    assert (job["accepted"], job["refused"]) == (1, 1)
    for response in (
        await api.get(f"/v1/bulk/claims/{job_id}", role="claims_system"),
        await api.get(f"/v1/bulk/claims/{job_id}/rejects", role="claims_system"),
        await api.post(f"/v1/bulk/claims/{job_id}/cancel", b"", role="claims_system"),
        await send(api, job_id, 0, b"x"),
    ):
        assert response.status_code == 404
    assert (await api.get(f"/v1/bulk/claims/{job_id}", role="investigator")).status_code == 403


async def test_a_cancelled_upload_is_not_submitted(api: Api):
    job_id = await upload(api, ndjson(MINIMAL))
    response = await api.post(f"/v1/bulk/claims/{job_id}/cancel", {"reason": "wrong"}, role="claims_system")
    assert (response.status_code, response.json()["status"], response.json()["failure"]) == (200, "cancelled", "wrong")
    await submit_all(api)
    assert (api.count("claims"), api.count("bulk_chunks")) == (0, 0)
    again = await api.post(f"/v1/bulk/claims/{job_id}/cancel", b"", role="claims_system")
    assert again.status_code == 409
    assert (await send(api, job_id, 0, b"x")).status_code == 409


async def test_what_a_worker_has_submitted_when_a_job_is_cancelled_is_counted(api: Api):
    job_id = await upload(api, ndjson(MINIMAL, {}))
    async with working(api):
        await api.post(f"/v1/bulk/claims/{job_id}/cancel", b"", role="claims_system")
    job = await state(api, job_id)
    assert (job["status"], job["accepted"]) == ("cancelled", 1)


async def test_rejects_are_paged_and_come_as_csv_too(api: Api):
    job_id = await upload(api, ndjson(*([{}] * 3)))
    await submit_all(api)
    whole = await rejects(api, job_id)
    read, after = [], "0"
    while after:
        response = await api.get(f"/v1/bulk/claims/{job_id}/rejects?after={after}&limit=2", role="claims_system")
        read += [json.loads(line) for line in response.text.splitlines()]
        after = response.headers.get("ginja-next-after", "")
    assert read == whole
    headers = {**api.as_("claims_system"), "Accept": "text/csv"}
    text = (await api.client.get(f"/v1/bulk/claims/{job_id}/rejects", headers=headers)).text
    assert [{**row, "line": int(row["line"])} for row in csv.DictReader(io.StringIO(text))] == whole


@given(st.lists(st.binary(max_size=6)), st.integers(0, 6))
def test_lines_are_the_same_however_the_bytes_arrive(pieces: list[bytes], longest: int):
    whole = b"".join(pieces)
    cutter = LineCutter(0, 1, longest)
    lines = [line for piece in pieces for line in cutter.feed(piece)] + list(cutter.end())
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line.text for line in lines] == [one.rstrip(b"\r") if len(one) <= longest else None for one in expected]
    assert [line.number for line in lines] == list(range(1, len(expected) + 1))
    assert all(whole[line.ends - 1 : line.ends] == b"\n" for line in lines[:-1])
    assert not lines or lines[-1].ends == len(whole)


@given(st.binary(max_size=200).filter(lambda file: b"--b" not in file), st.integers(1, 50))
def test_the_file_of_a_form_is_the_same_however_its_bytes_arrive(file: bytes, step: int):
    text = b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\n" + file + b"\r\n--b--\r\n"
    form = FileOfForm(b"b")
    assert b"".join(form.take(text[at : at + step]) for at in range(0, len(text), step)) == file
    assert form.ended
