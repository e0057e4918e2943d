"""Uploaded files are scanned before anything reads them, and never taken unscanned where a scanner is set."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.antivirus import Clamd, NotScanned, scanner_of
from api.antivirus.clamd import _signature_of
from core import clock
from core.embedded import wait_until
from core.settings import Settings
from tests.api.bulk_files import ndjson, processor, state, submit_all, upload
from tests.api.makers import MINIMAL, Api, running_api
from tests.api.scanner import EICAR, clamd_at, finds_eicar

PAUSES_S = [5, 10, 20, 40, 80, 160, 320, 600, 600]
INFECTED = ndjson(MINIMAL, EICAR, MINIMAL | {"claim_amount": 120})


def at(socket: Path) -> Clamd:
    return Clamd(f"unix://{socket}", deadline_s=5)


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for one in content:
        yield one


async def work(api: Api, scanner: Clamd, job_id: str) -> dict[str, object]:
    await processor(api, scanner=scanner).work()
    found: dict[str, object] = await state(api, job_id)
    return found


async def test_a_file_in_which_something_is_found_is_refused_deleted_and_recorded(api: Api, tmp_path: Path):
    async with clamd_at(tmp_path / "s") as received:
        job = await work(api, at(tmp_path / "s"), await upload(api, INFECTED))
    assert received == [INFECTED]
    assert (job["status"], job["accepted"]) == ("failed", 0)
    assert "Eicar-Test-Signature" in str(job["failure"])
    assert (api.count("bulk_chunks"), api.count("claims")) == (0, 0)
    rows = api.rows("SELECT subject_kind, subject_id, details, role FROM audit_log WHERE act = 'bulk.refuse_infected'")
    details = {"signature": "Eicar-Test-Signature", "size": len(INFECTED)}
    assert rows == [("bulk_job", job["job_id"], details, "claims_system")]


async def test_a_file_in_which_nothing_is_found_is_submitted(api: Api, tmp_path: Path):
    file = ndjson(MINIMAL, MINIMAL | {"claim_amount": 120})
    async with clamd_at(tmp_path / "s") as received:
        job = await work(api, at(tmp_path / "s"), await upload(api, file))
    assert (received, job["status"], job["accepted"]) == ([file], "done", 2)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\0",
        b"stream: OK",
        b"stream: ok\0",
        b"stream: OK FOUND and more\0",
        b"UNKNOWN COMMAND\0",
        b"stream: Can't allocate memory ERROR\0",
        b"x" * 10_000 + b"\0",
    ],
)
async def test_without_an_answer_that_says_so_the_file_waits_and_is_submitted_later(
    api: Api, tmp_path: Path, answer: bytes | None
):
    job_id = await upload(api, ndjson(MINIMAL))
    async with clamd_at(tmp_path / "bad", lambda _content: answer):
        job = await work(api, at(tmp_path / "bad"), job_id)
    assert (job["status"], job["accepted"], api.count("claims")) == ("running", 0, 0)
    assert api.rows("SELECT leased_until > now() FROM bulk_jobs") == [(True,)]
    api.execute("UPDATE bulk_jobs SET leased_until = NULL")
    async with clamd_at(tmp_path / "good"):
        job = await work(api, at(tmp_path / "good"), job_id)
    assert (job["status"], job["accepted"]) == ("done", 1)


async def test_a_scanner_that_cannot_be_reached_or_takes_less_says_nothing(tmp_path: Path):
    with pytest.raises(NotScanned, match="cannot be reached"):
        await at(tmp_path / "none").scan(pieces(b"x"))
    async with clamd_at(tmp_path / "s", most=1 << 20):
        with pytest.raises(NotScanned, match=r"StreamMaxLength|size limit exceeded"):
            await at(tmp_path / "s").scan(pieces(*[bytes(1 << 20)] * 8))


async def test_a_scanner_that_is_silent_is_given_up(tmp_path: Path):
    async with clamd_at(tmp_path / "s", lambda _content: None):
        silent = asyncio.Event()

        async def content() -> AsyncIterator[bytes]:
            await silent.wait()
            yield b"x"

        with pytest.raises(NotScanned, match="did not answer"):
            await Clamd(f"unix://{tmp_path}/s", deadline_s=0.05).scan(content())


async def test_an_error_of_the_content_is_not_an_answer(tmp_path: Path):
    async def content() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionError("of the database")

    async with clamd_at(tmp_path / "s"):
        with pytest.raises(ConnectionError, match="of the database"):
            await at(tmp_path / "s").scan(content())


async def test_a_content_that_is_late_is_not_a_late_answer(tmp_path: Path):
    async def content() -> AsyncIterator[bytes]:
        yield b"x"
        raise TimeoutError("of the database")

    async with clamd_at(tmp_path / "s"):
        with pytest.raises(TimeoutError, match="of the database"):
            await at(tmp_path / "s").scan(content())


async def test_a_file_that_gets_no_answer_waits_longer_each_time_and_others_get_turns(api: Api, tmp_path: Path):
    file = ndjson(MINIMAL)
    job_id = await upload(api, ndjson(MINIMAL, MINIMAL))
    async with clamd_at(tmp_path / "s", lambda content: finds_eicar(content) if content == file else b""):
        worker = processor(api, scanner=at(tmp_path / "s"))
        for pause_s in PAUSES_S:
            api.execute("UPDATE bulk_jobs SET leased_until = NULL")
            before = clock.now()
            assert await worker.work() == 0
            ((until,),) = api.rows("SELECT leased_until FROM bulk_jobs")
            assert before <= until - timedelta(seconds=pause_s) <= clock.now()
        other = await upload(api, file)
        assert await worker.work() == 1
        assert (await state(api, other))["status"] == "done"
        assert (await state(api, job_id))["status"] == "running"


async def test_a_file_that_is_too_large_for_the_scanner_is_refused_with_the_reason(api: Api, tmp_path: Path):
    async with clamd_at(tmp_path / "s", lambda _content: b"INSTREAM size limit exceeded. ERROR\0"):
        job = await work(api, at(tmp_path / "s"), await upload(api, ndjson(MINIMAL)))
    assert (job["status"], job["accepted"]) == ("failed", 0)
    assert "StreamMaxLength" in str(job["failure"])
    assert (api.count("bulk_chunks"), api.count("claims")) == (0, 0)


@given(st.lists(st.binary(max_size=3_000), max_size=8))
def test_what_clamd_reads_is_the_content_whatever_its_pieces(tmp_path_factory: pytest.TempPathFactory, parts):
    socket = tmp_path_factory.mktemp("s") / "s"

    async def scan() -> tuple[list[bytes], str | None]:
        async with clamd_at(socket) as received:
            return received, await at(socket).scan(pieces(*parts))

    assert asyncio.run(scan()) == ([b"".join(parts)], None)


@given(st.binary(max_size=60))
def test_only_the_answer_that_nothing_was_found_is_taken_for_it(answer: bytes):
    try:
        found = _signature_of(answer)
    except NotScanned:
        return
    assert answer.rstrip(b"\0") == (b"stream: OK" if found is None else f"stream: {found} FOUND".encode())


async def test_an_upload_is_no_larger_than_what_is_scanned(seeded_url: str):
    async with running_api(seeded_url, clamd_url="unix:///run/clamd", clamd_max_bytes=1_000) as api:
        sent = {"format": "ndjson", "size": 1_001}
        refused = await api.post("/v1/bulk/claims", sent, role="claims_system")
        assert (refused.status_code, "1000 bytes" in refused.json()["detail"]) == (413, True)
        assert (await api.post("/v1/bulk/claims", sent | {"size": 1_000}, role="claims_system")).status_code == 201
        assert scanner_of(api.dependencies.settings) is not None
    assert scanner_of(Settings()) is None


@pytest.mark.parametrize("url", ["unix:///run/clamav/clamd.ctl", "tcp://127.0.0.1:3310", "tcp://localhost:3310"])
def test_a_clamd_on_this_machine_may_be_plain(url: str):
    assert Settings(clamd_url=url).clamd_url == url


@pytest.mark.parametrize(
    "url", ["tcp://10.0.0.7:3310", "tcp://clamav:3310", "http://localhost:1", "unix:clamd", "tcp://localhost", "x"]
)
def test_another_is_refused_unless_its_host_is_named(url: str):
    with pytest.raises(ValueError, match="clamd"):
        Settings(clamd_url=url)
    assert Settings(clamd_url="tcp://clamav:3310", plaintext_hosts="clamav").clamd_url == "tcp://clamav:3310"


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[Path]:
    """The socket of a real clamd whose only signature is that of the test file."""
    binary = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin")
    if binary is None:
        pytest.skip("needs clamd (apt-get install clamav-daemon)")
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "tests.ndb").write_text(f"Tests.Eicar:0:*:{EICAR.hex()}\n")
    socket = tmp_path / "socket"
    lines = [f"LocalSocket {socket}", f"DatabaseDirectory {tmp_path}/database", "Foreground yes"]
    lines += ["StreamMaxLength 1M", f"TemporaryDirectory {tmp_path}", f"LogFile {tmp_path}/log"]
    (tmp_path / "clamd.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([binary, "--config-file", str(tmp_path / "clamd.conf")], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists, what="clamd to listen")
        yield socket
    finally:
        process.terminate()
        process.wait()


async def test_the_real_clamd_finds_the_test_file_and_nothing_in_claims(api: Api, clamd: Path):
    infected, good = await upload(api, INFECTED), await upload(api, ndjson(MINIMAL))
    worker = processor(api, scanner=at(clamd))
    while await worker.work():
        pass
    found = await state(api, infected)
    assert found["status"] == "failed"
    assert "Tests.Eicar.UNOFFICIAL" in found["failure"]
    assert (await state(api, good))["status"] == "done"
    with pytest.raises(NotScanned, match=r"StreamMaxLength|size limit exceeded"):
        await at(clamd).scan(pieces(*[bytes(1 << 18)] * 32))


async def test_without_a_scanner_files_are_submitted_unscanned(api: Api):
    job_id = await upload(api, INFECTED)
    await submit_all(api)
    assert (await state(api, job_id))["accepted"] == 2
    assert finds_eicar(INFECTED) != finds_eicar(b"")
