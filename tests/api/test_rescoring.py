"""What the rule decided is scored once the scorer is back, in spite of any failure of the worker."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from api.policies import PolicyStore
from api.scoring.rescoring import Rescorer
from api.windows import EntityWindows
from core import clock
from core.settings import Settings
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api, answering, running_api, says_nothing, scores
from tests.api.waiting import until

CHEAP = MINIMAL | {"procedure_code": "P002"}


async def no_past(claims):
    return [{"rows": {}, "times_us": {}, "stale": []} for _ in claims]


def rescorer(api: Api) -> Rescorer:
    from api.scorer.client import ScorerClient

    scorer = ScorerClient(f"http://127.0.0.1:{api.scorer.port}", deadline_ms=5_000)
    return Rescorer(
        api.database,
        scorer,
        no_past,
        EntityWindows(api.database, scorer),
        policies=PolicyStore(Settings()),
        live_deadline_ms=5_000,
    )


async def without_scorer(api: Api, *amounts: float) -> list[str]:
    api.scorer.behaviour = says_nothing
    days = range(1, len(amounts) + 1)
    sent = [
        CHEAP | {"claim_amount": amount, "service_from": f"2026-02-{day:02}"}
        for amount, day in zip(amounts, days, strict=True)
    ]
    return [(await api.submit(body)).json()["claim_id"] for body in sent]


@pytest.mark.parametrize(
    ("amount", "probability", "before", "after", "approved"),
    [
        (50, 0.1, "approved", "approved", 50_00),
        (50, 0.9, "approved", "in_review", 0),
        (200, 0.1, "in_review", "in_review", 0),
    ],
)
async def test_a_late_score_is_recorded_with_what_it_changed(api: Api, amount, probability, before, after, approved):
    (claim_id,) = await without_scorer(api, amount)
    assert api.rows("SELECT status FROM claims") == [(before,)]
    api.scorer.behaviour = answering(probability)
    assert await rescorer(api).drain() == 1
    assert api.rows("SELECT status, approved_cents FROM claims") == [(after, approved)]
    first, second = api.rows("SELECT assessment_id, decided_by, supersedes, changes FROM assessments ORDER BY made_at")
    assert (first[1], second[1], second[2]) == ("rule", "model", first[0])
    assert second[3]["decided_by"] == ["rule", "model"]
    assert ("outcome" in second[3]) == (before != after)
    body = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (body["score"], body["decided_by"]) == (probability, "model")


async def test_a_late_score_is_the_latest_assessment_although_the_clock_of_its_host_is_behind(api: Api):
    (claim_id,) = await without_scorer(api, 50)
    api.scorer.behaviour = answering(0.1)
    with clock.held(clock.now() - timedelta(minutes=1)):
        await rescorer(api).drain()
    assert api.rows("SELECT decided_by FROM assessments ORDER BY made_at") == [("rule",), ("model",)]
    assert (await api.get(f"/v1/claims/{claim_id}")).json()["decided_by"] == "model"


async def test_a_late_score_request_includes_the_states_as_of_receipt(api: Api):
    await without_scorer(api, 50)
    api.scorer.behaviour = scores
    await rescorer(api).drain()
    assert api.scorer.received[-1].document["states"] == {"rows": {}, "times_us": {}, "stale": []}


async def test_while_the_scorer_is_unavailable_nothing_is_lost_and_one_request_probes_it(api: Api):
    await without_scorer(api, 50, 60, 70)
    before = len(api.scorer.received)
    assert await rescorer(api).drain() == 0
    assert len(api.scorer.received) == before + 1
    assert api.rows("SELECT count(*) FROM outbox WHERE topic = 'claim.rescore' AND done_at IS NULL") == [(3,)]


async def test_a_voided_claim_stays_voided_and_its_score_is_kept(api: Api):
    (claim_id,) = await without_scorer(api, 50)
    await api.post(f"/v1/claims/{claim_id}/void", b"")
    api.scorer.behaviour = answering(0.9)
    await rescorer(api).drain()
    assert api.rows("SELECT status, approved_cents FROM claims") == [("voided", 0)]
    assert api.count("assessments") == 2


async def test_two_simultaneous_rescorers_record_one_late_score(api: Api):
    await without_scorer(api, 50, 60, 70)
    api.scorer.behaviour = scores
    await asyncio.gather(*(rescorer(api).drain() for _ in range(4)))
    assert api.rows("SELECT count(*), count(supersedes) FROM assessments") == [(6, 3)]
    assert api.rows("SELECT count(*) FROM outbox WHERE topic = 'claim.rescore' AND done_at IS NULL") == [(0,)]


def start_worker(url: str, valkey: str, port: int, home: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "GINJA_DATABASE_URL": url,
        "GINJA_REDIS_URL": valkey,
        "GINJA_SCORER_URL": f"http://127.0.0.1:{port}",
        "GINJA_HOME": home,
        "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", "run", "worker"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )


async def test_a_worker_that_is_killed_repeatedly_loses_nothing(seeded_url, valkey_url, tmp_path):
    async with running_api(seeded_url) as api:
        await without_scorer(api, *([50.0] * 25))

        def late_scores() -> int:
            return int(api.rows("SELECT count(supersedes) FROM assessments")[0][0])

        killed_at: list[int] = []
        gate = asyncio.Event()

        async def stops_at_the_gate(exchange):
            if len(killed_at) < 2 and late_scores() >= 8 * (len(killed_at) + 1):
                await gate.wait()
            await scores(exchange)

        api.scorer.behaviour = stops_at_the_gate
        for kill in range(2):
            worker = start_worker(seeded_url, valkey_url, api.scorer.port, str(tmp_path))
            await until(lambda kill=kill: late_scores() >= 8 * (kill + 1))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            killed_at.append(late_scores())
        gate.set()
        worker = start_worker(seeded_url, valkey_url, api.scorer.port, str(tmp_path))
        await until(lambda: not api.rows("SELECT 1 FROM outbox WHERE done_at IS NULL"))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
        assert killed_at[1] < 25
        assert api.rows("SELECT count(*), count(supersedes), count(DISTINCT claim_id) FROM assessments") == [
            (50, 25, 25)
        ]
        assert api.rows("SELECT count(*) FROM claims WHERE status = 'approved'") == [(25,)]
