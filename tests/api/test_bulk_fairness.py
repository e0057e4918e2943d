"""Files of claims share a worker fairly, and neither a failure nor a cut loses or changes a claim."""

import csv
import io

from api.bulk.processing import MAX_ATTEMPTS
from api.bulk.service import MAX_OPEN_BYTES, MAX_OPEN_JOBS
from api.bulk.slices import SLICE_LINES
from tests.api.bulk_files import CSV_HEADER, begin, ndjson, processor, rejects, send, state, submit_all, upload, working
from tests.api.makers import MINIMAL, Api, running_api


async def test_a_truncated_line_is_not_submitted_after_its_rest_was_removed(api: Api):
    file = f"{CSV_HEADER[:-6]}\nM123,H456,D001,P001,40\nM123,H456,D001,P001,1250.00\n".encode()
    job_id = (await begin(api, file, form="csv"))["job_id"]
    cut = len(file) - len("50.00\n")
    await send(api, job_id, 0, file[:cut])
    await send(api, job_id, cut, file[cut:])
    async with working(api):
        await api.post(f"/v1/bulk/claims/{job_id}/cancel", b"", role="claims_system")
    assert api.rows("SELECT amount_cents FROM claims") == [(40_00,)]
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"]) == ("cancelled", 1, 0)


async def test_the_header_is_read_wherever_an_upload_was_interrupted(api: Api):
    header = "member_id,provider_id,procedure_code,claim_amount,diagnosis_codes"
    file = f"{header}\nM123,H456,P001,40,D001 D002\n".encode()
    jobs = []
    for cut in range(1, len(header) + 2):
        jobs.append((await begin(api, file, form="csv"))["job_id"])
        await send(api, jobs[-1], 0, file[:cut])
        await send(api, jobs[-1], cut, file[cut:])
        await submit_all(api)
    ended = api.rows("SELECT DISTINCT status, accepted, refused, failure FROM bulk_jobs")
    assert ended == [("done", 1, 0, None)]
    codes = api.rows("SELECT diagnosis_code, other_diagnoses, count(*) FROM claims GROUP BY 1, 2")
    assert codes == [("D001", ["D002"], len(jobs))]


def refuse_thirteen(api: Api, code: str) -> None:
    """The database refuses claims of 13.00 with an SQLSTATE."""
    api.execute(
        f"""CREATE FUNCTION refuse_thirteen() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.amount_cents = 1300 THEN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END IF;
            RETURN NEW; END $$"""
    )
    api.execute(
        "CREATE TRIGGER refuse_thirteen BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION refuse_thirteen()"
    )


async def test_a_line_that_fails_by_a_defect_is_refused_after_some_attempts_and_the_file_goes_on(api: Api):
    job_id = await upload(api, ndjson(MINIMAL, MINIMAL | {"claim_amount": 13}, MINIMAL))
    refuse_thirteen(api, "P0001")
    worker = processor(api)
    for _ in range(MAX_ATTEMPTS - 1):
        assert await worker.work() == 0
        assert (await state(api, job_id))["accepted"] == 1  # what was done before it is stored
        api.execute("UPDATE bulk_jobs SET leased_until = NULL")
    assert await worker.work() == 1
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"]) == ("done", 2, 1)
    (refused,) = await rejects(api, job_id)
    assert (refused["line"], refused["code"]) == (2, "not_decided")


async def test_a_line_is_tried_until_the_database_takes_it(api: Api):
    job_id = await upload(api, ndjson(MINIMAL, MINIMAL | {"claim_amount": 13}))
    refuse_thirteen(api, "53100")
    worker = processor(api)
    for _ in range(MAX_ATTEMPTS + 1):
        assert await worker.work() == 0
        api.execute("UPDATE bulk_jobs SET leased_until = NULL")
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"]) == ("running", 1, 0)
    api.execute("DROP TRIGGER refuse_thirteen ON claims")
    await worker.work()
    assert (await state(api, job_id))["accepted"] == 2


async def test_files_are_submitted_in_turns(api: Api):
    long = await upload(api, ndjson({}) * (2 * SLICE_LINES + 1))
    short = await upload(api, ndjson({}))
    worker = processor(api)
    await worker.work()
    await worker.work()
    assert [(await state(api, one))["status"] for one in (long, short)] == ["running", "done"]
    later = await upload(api, ndjson({}))
    await worker.work()  # a new file does not overtake one that waits
    assert [(await state(api, one))["refused"] for one in (long, later)] == [2 * SLICE_LINES, 0]


async def test_a_key_has_a_limited_number_of_open_uploads(api: Api):
    for _ in range(MAX_OPEN_JOBS):
        last = await begin(api, b"x")
    over = await api.post("/v1/bulk/claims", {"format": "ndjson", "size": 1}, role="claims_system")
    assert (over.status_code, over.json()["type"]) == (409, "/docs/problems#conflict")
    await begin(api, b"x", role="provider")
    await api.post(f"/v1/bulk/claims/{last['job_id']}/cancel", b"", role="claims_system")
    await begin(api, b"x")


async def test_a_key_has_open_uploads_of_limited_bytes(seeded_url: str):
    async with running_api(seeded_url, max_bulk_bytes=MAX_OPEN_BYTES + 1) as api:
        whole = {"format": "ndjson", "size": MAX_OPEN_BYTES - 10}
        assert (await api.post("/v1/bulk/claims", whole)).status_code == 201
        assert (await api.post("/v1/bulk/claims", {"format": "ndjson", "size": 11})).status_code == 409
        assert (await api.post("/v1/bulk/claims", {"format": "ndjson", "size": 10})).status_code == 201


async def test_names_in_rejects_are_printable_and_no_formulas_in_csv(api: Api):
    job_id = await upload(api, ndjson(MINIMAL | {"=1+1\t\x07": 1}))
    await submit_all(api)
    (refused,) = await rejects(api, job_id)
    assert refused["field"] == "=1+1??"
    headers = {**api.as_("claims_system"), "Accept": "text/csv"}
    text = (await api.client.get(f"/v1/bulk/claims/{job_id}/rejects", headers=headers)).text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["field"] == "'=1+1??"
    assert row["reason"].startswith("'=")
