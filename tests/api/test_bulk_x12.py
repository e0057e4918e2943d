"""X12 files in bulk: each claim as by `POST /v1/x12/837`, a transaction set at a time."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bulk import processing
from api.bulk.slices import SLICE_LINES
from api.bulk.x12_parts import next_part, position_of, stored_position
from formats.x12 import Delimiters, EnvelopeReader, InvalidX12, X12Claim, read_claims, read_segments
from tests.api.bulk_files import processor, rejects, soon, state, submit_all, upload
from tests.api.makers import Api
from tests.formats.x12_files import (
    INSTITUTIONAL,
    TWO_LINES,
    Subscriber,
    claim,
    file_of,
    interchange,
    set_of,
    written,
)

SV1_IN_837I = file_of(claim("I-1"), version=INSTITUTIONAL)
THREE_CLAIMS = file_of(claim("A"), claim("B", diagnoses="ABK:Z99"), claim("C"))
WHOLE = file_of(claim("A"), claim("B"))
FILES = {
    "three claims": THREE_CLAIMS,
    "837I with SV1": SV1_IN_837I,
    "cut off": WHOLE[: WHOLE.index(b"LX*2", WHOLE.index(b"CLM*B"))],
    "cut off in a segment": WHOLE[:-10],
    "without its trailers": WHOLE[: WHOLE.index(b"GE*")],
    "4010": written(interchange(set_of(Subscriber([claim()]), version="004010X098A1"), gs_version="004010X098A1")),
    "other delimiters": written(interchange(set_of(Subscriber([claim()]))), Delimiters("|", ">", "\n", "!"), end=""),
    "a wrong set beside a good one": written(
        interchange(
            set_of(Subscriber([claim("A")]), count=3),
            set_of(Subscriber([claim("B")]), control="0002"),
        )
    ),
    "two interchanges and more": THREE_CLAIMS + file_of(claim("D")) + b"what follows",
    "no 837": WHOLE.replace(b"ST*837", b"ST*835"),
    "a set without claims that is cut off": WHOLE[: WHOLE.index(b"CLM*A")],
    "segments outside of sets": WHOLE.replace(b"GE*1", b"N3*1 ROAD~\nCLM*X*1~\nGE*5"),
}


async def submitted(api: Api, file: bytes) -> tuple[Any, list[dict[str, Any]]]:
    job_id = await upload(api, file, form="x12")
    await submit_all(api)
    return await state(api, job_id), await rejects(api, job_id)


@pytest.mark.parametrize("name", FILES)
async def test_each_claim_is_answered_as_by_a_request(api: Api, name: str):
    file = FILES[name]
    job, listed = await submitted(api, file)
    claims_in_bulk = api.rows("SELECT amount_cents FROM claims ORDER BY received_at")
    response = await api.post(
        "/v1/x12/837",
        file.removesuffix(b"what follows"),
        role="claims_system",
        **{"Content-Type": "application/edi-x12"},
    )
    answer = response.json()
    assert (job["status"], job["progress"]) == ("done", 1.0)
    assert (job["accepted"], job["refused"]) == (answer["repeated"], answer["refused"])
    assert answer["accepted"] == 0  # the same keys
    assert api.rows("SELECT amount_cents FROM claims ORDER BY received_at") == claims_in_bulk
    of_claims = {
        (one["segment"], reason["where"], reason["code"], reason["reason"], reason["remedy"])
        for one in answer["claims"]
        for reason in one["reasons"]
    }
    values = {(one["line"], one["field"], one["code"], one["reason"], one["remedy"]) for one in listed}
    assert of_claims <= values
    around = {(one["where"], one["code"]) for one in answer["problems"]}
    if not answer["claims"]:
        around |= {(one["where"], one["code"]) for of in answer["transaction_sets"] for one in of["problems"]}
    others = {(one[1], one[2]) for one in values - of_claims}
    assert around <= others
    assert {one[0] for one in others - around} <= {"ISA, segment 44", "ST, segment 3"}


async def test_what_refuses_a_claim_is_named_by_segment_and_the_rest_goes_through(api: Api):
    job, listed = await submitted(api, THREE_CLAIMS)
    assert (job["accepted"], job["refused"]) == (2, 1)
    (refused,) = listed
    assert (refused["line"], refused["field"], refused["code"]) == (25, "HI01-2, segment 26", "invalid_diagnosis_code")
    assert refused["reason"]
    assert refused["remedy"]


async def test_a_file_that_is_uploaded_again_stores_nothing(api: Api):
    first, _ = await submitted(api, WHOLE)
    again, _ = await submitted(api, WHOLE)
    assert (first["accepted"], again["accepted"], api.count("claims")) == (2, 2, 2)


async def test_a_void_of_a_file_voids_its_claim(api: Api):
    await submitted(api, file_of(claim("A")))
    ((claim_id,),) = api.rows("SELECT claim_id FROM claims")
    void = file_of(claim("A", where="11:B:8", more=[f"REF*F8*{claim_id}"]))
    job, _ = await submitted(api, void)
    assert job["accepted"] == 1
    assert api.rows("SELECT status FROM claims") == [("voided",)]


async def test_a_file_that_is_no_interchange_fails(api: Api):
    for file in (b"member_id,provider_id\n", b" \n", b"ISA*"):
        job, listed = await submitted(api, file)
        assert (job["status"], listed) == ("failed" if file.strip() else "done", [])
        assert not file.strip() or "send an interchange from its ISA to its IEA segment" in job["failure"]


async def test_a_long_transaction_set_is_submitted_in_slices_with_progress(api: Api):
    unknown = [claim(f"A-{number}", diagnoses="ABK:Z99", lines=TWO_LINES[:3]) for number in range(SLICE_LINES + 2)]
    file = file_of(*unknown)
    job_id = await upload(api, file, form="x12")
    assert await processor(api).work() == 1
    job = await state(api, job_id)
    assert (job["status"], job["refused"]) == ("running", SLICE_LINES)
    assert 0.9 < job["progress"] < 1
    await submit_all(api)  # by a worker that has not read the set before
    job = await state(api, job_id)
    assert (job["status"], job["refused"], job["progress"]) == ("done", SLICE_LINES + 2, 1.0)
    lines = [one["line"] for one in await rejects(api, job_id, "?limit=10000")]
    assert len(set(lines)) == SLICE_LINES + 2


async def test_a_killed_worker_loses_no_claim_of_a_set_and_doubles_none(api: Api):
    claims = [claim(f"A-{number}", lines=TWO_LINES[:3], amount="1200.50") for number in range(4)]
    job_id = await upload(
        api, written(interchange(set_of(Subscriber(claims[:1])), set_of(Subscriber(claims[1:])))), form="x12"
    )
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
    api.execute("UPDATE bulk_jobs SET leased_until = now() - interval '1 second'")
    await submit_all(api)
    job = await state(api, job_id)
    assert (job["status"], job["accepted"], job["refused"], api.count("claims")) == ("done", 4, 0, 4)


async def test_a_set_over_the_limit_ends_the_file_and_one_at_it_does_not(api: Api, monkeypatch: pytest.MonkeyPatch):
    file = written(
        interchange(set_of(Subscriber([claim("A")])), set_of(Subscriber([claim("B"), claim("C")]), control="2"))
    )
    first_set = len(file[: file.index(b"ST*837*2")])
    longest = file.index(b"~", file.index(b"SE*", first_set)) + 1 - first_set
    for limit, status, accepted in ((longest - 1, "failed", 1), (longest + 1, "done", 3)):
        monkeypatch.setattr(processing, "WINDOW", limit)
        monkeypatch.setattr(processing, "LONGEST_SET", limit)
        job, _ = await submitted(api, file)
        assert (job["status"], job["accepted"]) == (status, accepted)
        assert status == "done" or f"has more than {limit} bytes" in job["failure"]


def in_parts(file: bytes, window: int) -> tuple[list[X12Claim], list[str]]:
    """The claims and other problems of a file that is read from windows of its bytes."""
    position, claims, problems, last = position_of(None), [], [], False
    while not last:
        size = window
        while True:
            content = file[position.offset : position.offset + size]
            is_rest = position.offset + len(content) == len(file)
            part = next_part(content, position, is_rest=is_rest)
            if part is not None:
                break
            size *= 2
        claims += [one.claim for one in part.claims]
        assert all(position.offset < one.ends <= part.after.offset for one in part.claims)
        problems += [f"{one.where} {one.code}" for one in part.problems]
        assert part.is_last or part.after.offset > position.offset
        position, last = position_of(stored_position(part.after)), part.is_last
    return claims, problems


@settings(deadline=None)
@given(st.sampled_from(sorted(FILES)), st.integers(1, 2_000), st.integers(0, 3_000))
def test_a_file_is_read_the_same_from_any_windows(name: str, window: int, length: int):
    file = FILES[name][: length or None]
    reader = EnvelopeReader(read_segments([file]))
    whole: list[X12Claim] = []
    more = 0
    try:
        for message in reader:
            whole += read_claims(message)
    except InvalidX12:
        if reader.latest is None:
            with pytest.raises(InvalidX12):
                in_parts(file, window)
            return
        more = 1
    claims, problems = in_parts(file, window)
    assert [one.place for one in claims] == [one.place for one in whole]
    assert [(one.claim, one.problems, one.notes) for one in claims] == [
        (one.claim, one.problems, one.notes) for one in whole
    ]
    expected = [f"{one.where} {one.code}" for one in reader.problems]
    found, expected = (_around_sets(some) for some in (problems, expected))
    assert found[: len(expected)] == expected
    assert len(found) == len(expected) + more


def _around_sets(problems: list[str]) -> list[str]:
    """Without those of sets, which parts list where a set has no claims."""
    return [one for one in problems if not one.startswith("ST")]
