"""What an examiner's file counts of claims, decisions and appeals, as of an instant, and that no member is in it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.dossier import StoredRecord, stored_record
from cli.main import main
from core import clock
from tests.api.appeals import APPEAL, OVERTURNED, answer, filed
from tests.api.decisions import DENY, RELEASE, approved, decide, held
from tests.api.makers import MINIMAL, Api, running_api, says_nothing

INVENTED = {
    "member_id": "M7310442",
    "name": "Quirina Zabelthau",
    "birth_date": "1971-08-23",
    "sex": "F",
    "plan_id": "PL2",
    "first_day": "2020-01-01",
}


async def record(api: Api, *, hours: float = 1) -> StoredRecord:
    """What was recorded in the day before `hours` from now."""
    until = clock.now() + timedelta(hours=hours)
    return await stored_record(api.database, until - timedelta(days=1), until, "UTC")


async def write(api: Api, folder: Path, home: Path, *words: str) -> Result:
    """`ginja dossier` over the database of the API."""
    today = f"{clock.now():%Y-%m-%d}"
    called = ["dossier", "--as-of", today, "--output", str(folder), *words]
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(home), "GINJA_TIME_ZONE": "UTC"}
    return await asyncio.to_thread(CliRunner().invoke, main, called, env=env)


async def test_outcomes_are_counted_by_group_as_of_the_instant(api: Api) -> None:
    await approved(api)
    women = [await held(api, service_from=f"2026-02-0{day}") for day in (1, 2, 3)]
    man = await held(api, MINIMAL | {"member_id": "M124"}, service_from="2026-02-04")
    await decide(api, women[0], RELEASE)
    await decide(api, women[1], DENY)
    await decide(api, man, DENY)
    await answer(api, await filed(api, women[1]), OVERTURNED, role="admin")
    between = clock.now()
    await decide(api, women[2], RELEASE)

    def by_sex(found: StoredRecord) -> dict[str | None, tuple[int, ...]]:
        mine = [one for one in found.groups if one.group == "sex"]
        return {
            one.value: (one.scored, one.flagged, one.reviewed, one.cleared, one.appealed, one.overturned)
            for one in mine
        }

    assert by_sex(await record(api)) == {"F": (4, 3, 3, 2, 1, 1), "M": (1, 1, 1, 0, 0, 0)}
    earlier = await stored_record(api.database, between - timedelta(days=1), between, "UTC")
    assert by_sex(earlier) == {"F": (4, 3, 2, 1, 1, 1), "M": (1, 1, 1, 0, 0, 0)}
    ages = {one.value: one.scored for one in earlier.groups if one.group == "age"}
    assert ages == {"35 to 49": 5}


async def test_decisions_count_by_reviewer_and_a_later_change_is_seen(api: Api) -> None:
    first, second = await held(api, service_from="2026-02-01"), await held(api, service_from="2026-02-02")
    await decide(api, first, DENY)
    before_appeal = clock.now()
    await decide(api, second, RELEASE, role="lead_investigator")
    await answer(api, await filed(api, first), OVERTURNED, role="admin")
    found = await record(api)
    reviewers = {one.role: (one.approved, one.denied, one.changed) for one in found.reviewers}
    assert reviewers["investigator"] == (0, 1, 1)
    assert reviewers["lead_investigator"][:2] == (1, 0)
    assert {one.decided_by for one in found.bases} == {"model"}
    (appeal,) = found.appeals
    assert (appeal.basis, appeal.outcome, appeal.role) == ("person", "overturned", "admin")
    earlier = await stored_record(api.database, before_appeal - timedelta(days=1), before_appeal, "UTC")
    assert [(one.role, one.denied, one.changed) for one in earlier.reviewers] == [("investigator", 1, 0)]
    assert list(earlier.appeals) == []


async def test_an_appeal_decided_later_is_open_at_the_instant(api: Api) -> None:
    claim_id = await held(api)
    await decide(api, claim_id, DENY)
    appeal_id = await filed(api, claim_id)
    between = clock.now()
    await answer(api, appeal_id, OVERTURNED, role="admin")
    (appeal,) = (await stored_record(api.database, between - timedelta(days=1), between, "UTC")).appeals
    assert (appeal.decided_at, appeal.outcome, appeal.actor_id) == (None, None, None)


async def test_claims_without_a_score_are_times_of_an_outage(api: Api) -> None:
    await approved(api)
    api.scorer.behaviour = says_nothing
    for day in (1, 2, 3):
        await api.submit(MINIMAL | {"service_from": f"2026-01-0{day}"})
    (one,) = (await record(api)).fallbacks
    assert one.claims == 3
    assert one.first < one.last
    assert one.causes


async def test_two_outages_an_hour_apart_are_two(api: Api) -> None:
    api.scorer.behaviour = says_nothing
    for day in (1, 2):
        await api.submit(MINIMAL | {"service_from": f"2026-01-0{day}"})
    api.execute("ALTER TABLE assessments DISABLE TRIGGER USER")
    api.execute(
        "UPDATE assessments SET made_at = made_at - interval '1 hour' WHERE made_at ="
        " (SELECT min(made_at) FROM assessments)"
    )
    assert [one.claims for one in (await record(api)).fallbacks] == [1, 1]


async def test_findings_are_compared_with_probabilities_as_known_then(api: Api) -> None:
    claim_id = await held(api)
    await decide(api, claim_id, DENY | {"reason": "fraud", "disposition": "confirmed"})
    api.execute("DELETE FROM labels")
    now = clock.now()
    api.execute(f"INSERT INTO labels VALUES ('{claim_id}', '{now.isoformat()}', true, NULL, 'disposition')")
    later = await stored_record(api.database, now - timedelta(days=1), now + timedelta(microseconds=1), "UTC")
    (band,) = later.calibration
    assert (band.band, band.claims, band.frauds) == (7, 1, 1)
    assert (await stored_record(api.database, now - timedelta(days=1), now, "UTC")).calibration == []
    api.execute("UPDATE labels SET source = 'history.csv'")
    loaded = await stored_record(api.database, now - timedelta(days=1), now + timedelta(microseconds=1), "UTC")
    assert loaded.calibration == [], "a label of a file may have come after the instant"


async def test_decisions_count_each_and_also_those_without_an_assessment(api: Api) -> None:
    claim_id = await held(api)
    await decide(api, claim_id, DENY)
    api.execute("ALTER TABLE decisions DISABLE TRIGGER USER")
    api.execute("UPDATE decisions SET assessment_id = NULL")
    (basis,) = (await record(api)).bases
    assert (basis.decided_by, basis.flagged, basis.decisions) == (None, None, 1)


async def test_a_legal_hold_is_in_force_until_its_last_day_ends(api: Api) -> None:
    api.execute(
        "INSERT INTO legal_holds (hold_id, member_id, case_number, reason, contact, last_day, added_at, added_by) "
        "VALUES ('hold_1', 'M123', 'C1', 'order', 'legal', '2026-02-10', '2026-02-01', 'ann')"
    )

    async def holds(until: str) -> int:
        at = datetime.fromisoformat(until)
        return (await stored_record(api.database, at - timedelta(days=1), at, "UTC")).legal_holds

    assert await holds("2026-02-01T00:00:00+00:00") == 0
    assert await holds("2026-02-11T00:00:00+00:00") == 1
    assert await holds("2026-02-11T00:00:00.000001+00:00") == 0


async def test_a_dead_letter_resolved_later_is_open_at_the_instant(api: Api) -> None:
    failed, resolved = "2026-03-01T10:00:00+00:00", "2026-03-02T10:00:00+00:00"
    api.execute(
        "INSERT INTO dead_letters (position, consumer, topic, entity_key, payload, created_at, attempts, error,"
        " failed_at, resolved_at, resolution, reason, resolved_by) VALUES (1, 'mail', 'claim.decided', 'M123', '{}',"
        f" '{failed}', 5, 'E', '{failed}', '{resolved}', 'discarded', 'about Jane', 'ann')"
    )

    async def counted(until: str) -> list[tuple[int, int]]:
        at = datetime.fromisoformat(until)
        found = await stored_record(api.database, at - timedelta(days=3), at, "UTC")
        return [(one.open, one.discarded) for one in found.dead_letters]

    assert await counted(failed) == []
    assert await counted(resolved) == [(1, 0)]
    assert await counted("2026-03-02T10:00:00.000001+00:00") == [(0, 1)]


async def test_keys_count_while_they_are_valid(api: Api) -> None:
    api.execute("UPDATE api_keys SET created_at = '2026-01-01', revoked_at = '2026-02-01' WHERE role = 'investigator'")

    async def roles(until: str) -> list[str]:
        at = datetime.fromisoformat(until)
        found = await stored_record(api.database, at - timedelta(days=1), at, "UTC")
        return [one.role for one in found.access.keys]

    assert await roles("2026-01-01T00:00:00+00:00") == []
    assert await roles("2026-02-01T00:00:00+00:00") == ["investigator"]
    assert await roles("2026-02-01T00:00:00.000001+00:00") == []


@pytest.fixture
async def with_member(seeded_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The API with an invented member whose claims were decided, with her name in every text that people write."""
    async with running_api(seeded_url, home=tmp_path / "home") as api:
        made = await api.post("/v1/members", INVENTED)
        assert made.status_code == 201, made.text
        body = MINIMAL | {"member_id": INVENTED["member_id"]}
        claim_id = await held(api, body)
        note = f"Spoke to {INVENTED['name']}, born {INVENTED['birth_date']}."
        assert (await decide(api, claim_id, DENY | {"note": note})).status_code == 201
        appeal_id = await filed(api, claim_id, body=APPEAL | {"reason": f"I am {INVENTED['name']}."})
        done = await answer(api, appeal_id, OVERTURNED | {"note": note}, role="admin")
        assert done.status_code in (200, 201), done.text
        yield api


async def test_no_trace_of_a_member_is_in_the_file(with_member: Api, tmp_path: Path) -> None:
    api, folder = with_member, tmp_path / "file"
    claims = [row[0] for row in api.rows("SELECT claim_id FROM claims")]
    done = await write(api, folder, tmp_path / "home")
    assert done.exit_code == 0, done.output
    everything = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for name, content in everything.items():
        for secret in (*claims, INVENTED["member_id"], "Quirina", "Zabelthau", INVENTED["birth_date"]):
            assert secret.encode() not in content, f"{secret} is in {name}"
    decisions = everything["decisions.csv"].decode()
    assert decisions.count("\n") >= 2, "the acts themselves are in it"
    dossier = json.loads(everything["dossier.json"])
    assert [one["number"] for one in dossier["sections"]] == list(range(1, 12))
