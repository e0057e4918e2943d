"""The page for operations: what is not normal, whichever part is down, and who sees it."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from api.console.health import service
from api.console.health.lines import Runbook, duration
from api.console.health.probes import certificate_end, tls_line
from api.identity import create_key
from core import clock
from core.settings import Settings
from tests.api.certificates import certificate
from tests.api.console.setting import Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api, running_api
from tests.api.subjects import store_claims

PAGE = "/console/health"
ROOT = Path(__file__).parents[3]


async def signed_in(api: Api, browser: Browser, role: str) -> Browser:
    _, key = await create_key(api.dependencies.database, name=f"desk of {role}", role=role)
    assert (await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})).status_code == 303
    return browser


@pytest.fixture
async def operator(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        yield await signed_in(api, browser, "operator")


def lines(page: str, section: str) -> dict[str, tuple[str, str]]:
    """What → its state and what was found, of a section."""
    html = page.partition(f'id="{section}"')[2].partition("</section>")[0]
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL):
        cells = [re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        if cells:
            found[cells[0]] = (cells[1], cells[2])
    return found


def execute(api: Api, statement: str, *values: object) -> None:
    with psycopg.connect(api.url) as connection:
        connection.execute(statement, values)


async def test_what_waits_is_shown_with_its_age_and_what_is_late_is_not_normal(api: Api, operator: Browser) -> None:
    now = clock.now()
    execute(api, "UPDATE outbox SET done_at = now()")
    add = "INSERT INTO outbox (topic, entity_key, payload, created_at, not_before) VALUES (%s, 'c', '{}', %s, %s)"
    execute(api, add, "claim.received", now - timedelta(minutes=3), None)
    execute(api, add, "claim.rescore", now - timedelta(seconds=2), None)
    execute(api, add, "claim.rescore", now - timedelta(days=2), now + timedelta(days=1))  # it waits for its time
    execute(
        api,
        "INSERT INTO tasks (task_id, kind, queue, state, payload, attempts, max_attempts, created_at, due_at, ended_at,"
        " error) VALUES ('tsk_1', 'decide_claim', 'claims', 'failed', '{}', 10, 10, now(), now(), now(), 'odd')",
    )
    page = (await operator.get(PAGE)).text
    queues = lines(page, "queues")
    assert queues["Claims not yet in the online store"] == ("not normal", "1, the oldest for 3 min")
    state, found = queues["Claims to score again"]
    assert (state, found.partition(",")[0]) == ("normal", "1")
    assert queues["Failed tasks"][0] == "not normal"
    assert queues["Dead letters"] == ("normal", "0")
    assert '<a href="/console/tasks">Failed tasks</a>' in page
    assert set(lines(page, "attention")) >= {"Claims not yet in the online store", "Failed tasks"}
    assert "Dead letters" not in lines(page, "attention")


def assess(api: Api, claim_id: str, *, by: str, at: datetime, **columns: object) -> None:
    values = {
        "assessment_id": f"asm_{claim_id}_{at:%H%M%S}",
        "claim_id": claim_id,
        "made_at": at,
        "decided_by": by,
        "breaker_state": "closed",
        "outcome": "approved",
        "approved_cents": 0,
        "flagged": False,
        "findings": "[]",
        "reasons": "[]",
        "probability": 0.2 if by == "model" else None,
        **columns,
    }
    places = ", ".join(["%s"] * len(values))
    execute(api, f"INSERT INTO assessments ({', '.join(values)}) VALUES ({places})", *values.values())


async def test_the_share_decided_by_the_rule_counts_the_first_assessment_of_each_claim(
    api: Api, operator: Browser
) -> None:
    now, claims = clock.now(), store_claims(api.url, 4)
    assess(api, claims[0], by="rule", at=now - timedelta(hours=2))
    for claim_id in claims:  # the first one is scored later
        assess(api, claim_id, by="model", at=now - timedelta(hours=1))
    state, found = lines((await operator.get(PAGE)).text, "scoring")["Claims decided by the rule at receipt"]
    assert state == "not normal"
    assert found.startswith("25.0 % (1 of the latest 4 claims")


async def test_hours_without_scores_say_why_and_whether_the_breaker_was_open(api: Api, operator: Browser) -> None:
    now, claims = clock.now(), store_claims(api.url, 3)
    for claim_id, state, cause in zip(
        claims, ("open", "half_open", "closed"), ("connect", "connect", "deadline"), strict=True
    ):
        at = now - timedelta(hours=20)
        assess(api, claim_id, by="rule", at=at, breaker_state=state, score_failure=cause)
    html = (await operator.get(PAGE)).text.partition('id="rule"')[2]
    cells = re.findall(r'<td data-label="(?:By the rule|Breaker|Cause)"[^>]*>(.*?)</td>', html)
    assert cells == ["3", "2", "<code>connect</code>"]


async def test_views_that_scores_lacked_are_named(api: Api, operator: Browser) -> None:
    title = "Feature views that scores of the latest claims lacked"
    one, other = store_claims(api.url, 2)
    assess(api, one, by="model", at=clock.now())
    assert lines((await operator.get(PAGE)).text, "scoring")[title] == ("normal", "none")
    assess(api, other, by="model", at=clock.now(), stale_views=["member_today"])
    assert lines((await operator.get(PAGE)).text, "scoring")[title] == ("not normal", "member_today (1)")


async def test_the_page_shows_a_scorer_and_a_valkey_that_do_not_answer(seeded_url: str) -> None:
    nothing = "http://127.0.0.1:1"
    async with (
        running_api(seeded_url, valkey="redis://127.0.0.1:1/0", scorer_url=nothing) as without,
        browser_of(without) as browser,
    ):
        page = await (await signed_in(without, browser, "operator")).get(PAGE)
    assert page.status_code == 200
    assert lines(page.text, "scoring")["Scorer"][0] == "not normal"
    servers = lines(page.text, "servers")
    assert (servers["Valkey"][0], servers["Database"]) == ("not normal", ("normal", "ready"))
    assert servers["Rate limits"] == ("not normal", "counted by each process alone")


async def test_valkey_that_answers_is_normal(seeded_url: str, valkey_url: str) -> None:
    async with running_api(seeded_url, valkey=valkey_url) as api, browser_of(api) as browser:
        page = (await (await signed_in(api, browser, "operator")).get(PAGE)).text
    assert lines(page, "servers")["Valkey"] == ("normal", "answers")


async def test_a_part_that_does_not_answer_in_time_is_not_known_and_the_others_are(
    api: Api, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DEADLINE_S", 0.3)
    with psycopg.connect(api.url) as connection:
        connection.execute("LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE")
        page = await operator.get(PAGE)
    assert page.status_code == 200
    assert lines(page.text, "scoring")["Queues, features and decisions"][0] == "not known"
    assert lines(page.text, "scoring")["Circuit breaker"] == ("normal", "closed")
    assert "the database did not answer in time" in page.text


async def test_a_server_that_never_answers_ends_at_the_deadline(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DEADLINE_S", 0.2)

    async def never(*_: object) -> str | None:
        await asyncio.Event().wait()
        return None

    async with browser_of(api) as browser:
        operator = await signed_in(api, browser, "operator")
        monkeypatch.setattr(type(api.dependencies.rate_limits), "valkey_state", never)
        page = (await operator.get(PAGE)).text
    assert lines(page, "servers")["Valkey"][0] == "not known"
    assert lines(page, "attention")["Valkey"][0] == "not known"


async def test_operators_and_administrators_see_the_page_and_others_do_not(api: Api) -> None:
    for role, status in (("operator", 200), ("admin", 200), ("lead_investigator", 403), ("investigator", 403)):
        async with browser_of(api) as browser:
            answer = await (await signed_in(api, browser, role)).get(PAGE)
        assert answer.status_code == status, role


async def test_an_operator_opens_the_pages_without_claims_alone(api: Api, operator: Browser) -> None:
    (claim_id,) = store_claims(api.url, 1)
    assess(api, claim_id, by="model", at=clock.now())
    home = await operator.get("/console/")
    assert (home.status_code, home.headers["location"]) == (303, PAGE)
    page = (await operator.get(PAGE)).text
    shown = re.findall(r'href="(/console/[^"]+)"', page.partition("<nav")[2].partition("</nav>")[0])
    assert shown == [PAGE, "/console/dead-letters", "/console/tasks"]
    assert 'action="/console/search"' not in page
    for path in shown:
        assert (await operator.get(path)).status_code == 200, path
    for path in (
        f"/console/claims/{claim_id}",
        "/console/in-review",
        "/console/team",
        "/console/search?q=x",
    ):
        assert (await operator.get(path)).status_code == 403, path


def test_the_end_of_a_certificate_is_read_and_a_file_without_one_has_none(tmp_path: Path) -> None:
    file, _ = certificate(tmp_path, "claims.test")
    assert certificate_end(file) == x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    (tmp_path / "other.pem").write_text("nothing")
    assert certificate_end(tmp_path / "other.pem") is None
    assert certificate_end(tmp_path / "missing.pem") is None


@pytest.mark.parametrize(("host", "condition"), [("127.0.0.1", "normal"), ("0.0.0.0", "attention")])
def test_an_api_without_a_certificate_is_normal_on_this_machine_alone(host: str, condition: str) -> None:
    assert tls_line(Settings(api_host=host), clock.now()).condition.value == condition


@pytest.mark.parametrize(("days", "condition"), [(-2, "attention"), (-30, "normal")])
def test_a_certificate_that_ends_soon_is_not_normal(tmp_path: Path, days: int, condition: str) -> None:
    file, _ = certificate(tmp_path, "claims.test")
    seen_at = clock.now() + timedelta(days=days)
    settings = Settings(tls_certificate=file, tls_key=tmp_path / "claims.test.key")
    assert tls_line(settings, seen_at).condition.value == condition


@pytest.mark.parametrize("runbook", list(Runbook))
def test_each_runbook_is_a_page_of_the_documentation(runbook: Runbook) -> None:
    assert (ROOT / runbook.value).is_file()


@given(st.integers(0, 10**9))
def test_a_duration_is_off_by_less_than_its_smaller_unit(seconds: int) -> None:
    sizes = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    parts = duration(seconds).split()
    shown = sum(int(count) * sizes[unit] for count, unit in zip(parts[::2], parts[1::2], strict=True))
    smallest = {"d": 3_600, "h": 60, "min": 1, "s": 1}[parts[1]]
    assert 0 <= seconds - shown < smallest
