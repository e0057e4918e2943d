"""The page about the models: what the scorer's home says, what the database has, and who sees it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from api.identity import create_key
from core import clock
from tests.api.console.setting import Browser
from tests.api.console.test_health_page import assess
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api
from tests.api.subjects import store_claims

PAGE = "/console/model"
GATES = [
    {"gate": "beats_rule", "outcome": "passed", "detail": "average_precision_over_rule_low is 0.27"},
    {"gate": "recall_by_kind", "outcome": "refused", "detail": "worst_kind is 0.1"},
]


def entry(action: str, version: str, at: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "action": action, "version": version, "by": "Ann", "reason": f"why {action} {version}"} | more


def report(**changes: Any) -> dict[str, Any]:
    figure = {"name": "average precision", "value": 0.502, "low": 0.287, "high": 0.698}
    point = {"claims": 1006, "expected": 0.02, "observed": 0.03, "low": 0.01, "high": 0.05}
    stability = ({"amount": 0.1, "units": 0.5}, {"amount": 0.2, "units": None})
    days = [
        {"day": f"2026-11-2{number}", "claims": 90, "labels": 7, "flagged": 0.05, "stability": one, "alarms": number}
        for number, one in enumerate(stability)
    ]
    return {
        "models": [
            {
                "version": "m-2",
                "roles": ["champion"],
                "described": "xgboost: 448 trees over 2 features",
                "use": "inpatient",
                "dataset": "claims",
                "features": ["amount", "units"],
                "left_out": {"sex": "not permitted"},
                "threshold": 0.125,
                "threshold_by": "capacity, ginja model train",
                "base_rate": 0.0162,
                "evaluated_on": "15,090 claims, 2026-06-14 to 2026-10-13",
                "figures": [figure],
                "calibration": [point],
            },
            {"version": "m-3", "roles": ["challenger"], "canary_share": 0.05, "base_rate": 0.01, "threshold": 0.2},
            {"version": "m-1", "roles": ["previous champion"]},
        ],
        "trail": [
            entry("compare", "m-4", "2026-11-27T10:00:00+00:00", ap_over_champion=-0.0125),
            entry("trust", "m-2", "2026-11-26T10:00:00+00:00"),
            entry("force", "m-2", "2026-11-25T10:00:00+00:00", gates=GATES),
            entry("compare", "m-2", "2026-11-25T09:00:00+00:00", ap_over_champion=0.01),
        ],
        "drift": {
            "model": "m-2",
            "dataset": "claims",
            "reference": ["2026-09-14", "2026-11-12"],
            "days": days,
            "since_training": {"amount": 0.4},
        },
        "problems": [],
    } | changes


async def signed_in(api: Api, browser: Browser, role: str) -> Browser:
    _, key = await create_key(api.dependencies.database, name=f"desk of {role}", role=role)
    assert (await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})).status_code == 303
    return browser


@pytest.fixture
async def scientist(api: Api) -> AsyncIterator[Browser]:
    async with browser_of(api) as browser:
        yield await signed_in(api, browser, "data_scientist")


def part(page: str, section: str) -> str:
    return page.partition(f'id="{section}"')[2].partition("</section>")[0]


def rows(html: str) -> list[list[str]]:
    found = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    cells = [[re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in found]
    return [row for row in cells if row]


async def test_the_champion_is_shown_with_figures_calibration_and_its_gates(api: Api, scientist: Browser) -> None:
    api.scorer.report = report()
    page = (await scientist.get(PAGE)).text
    champion = part(page, "model-1")
    for text in ("m-2", "inpatient", "xgboost: 448 trees", "0.125", "15,090 claims", "2 features", "not permitted"):
        assert text in champion
    assert ["average precision", "0.502", "0.287 to 0.698"] in rows(champion)
    assert "1,006 claims, expected 2 %; 95 % interval 1 % to 5 %" in champion
    gates = part(page, "gates")
    assert "promoted although a gate refused, by Ann. Reason: why force m-2" in gates
    assert rows(gates) == [
        ["recall by kind", "refused", "worst_kind is 0.1"],
        ["beats rule", "passed", "average_precision_over_rule_low is 0.27"],
    ]


async def test_the_challenger_says_what_it_decides_and_earlier_champions_have_no_card(
    api: Api, scientist: Browser
) -> None:
    api.scorer.report = report()
    page = (await scientist.get(PAGE)).text
    assert "5 % of claims; scores the others in shadow" in part(page, "model-2")
    assert 'id="model-3"' not in page


async def test_candidates_are_those_that_never_became_the_champion(api: Api, scientist: Browser) -> None:
    api.scorer.report = report()
    page = (await scientist.get(PAGE)).text
    assert rows(part(page, "candidates")) == [["2026-11-27 10:00", "m-4", "-0.0125"]]
    assert [row[1:] for row in rows(part(page, "overrides"))] == [
        ["m-2", "signs of a leak were trusted", "Ann", "why trust m-2"],
        ["m-2", "promoted although a gate refused", "Ann", "why force m-2"],
    ]


async def test_each_feature_of_the_drift_report_has_a_chart_when_it_is_asked_for(api: Api, scientist: Browser) -> None:
    api.scorer.report = report()
    drift = part((await scientist.get(PAGE)).text, "drift")
    features = rows(drift.partition("Each feature and code")[2])
    assert features == [["units", "0.5", "0.5", "–"], ["amount", "0.2", "0.2", "0.4"]]
    assert 'href="/console/model?feature=units#feature"' in drift
    assert "1 limits exceeded" in drift
    assert 'id="feature"' not in drift
    chosen = part((await scientist.get(f"{PAGE}?feature=amount")).text, "drift")
    assert "Stability index of amount" in chosen.partition('id="feature"')[2]
    assert 'id="feature"' not in (await scientist.get(f"{PAGE}?feature=<b>")).text


async def test_who_decided_and_which_models_served_come_from_the_database(api: Api, scientist: Browser) -> None:
    now = clock.now()
    claims = store_claims(api.url, 4, first=now - timedelta(days=1), every=timedelta(0))
    for number, claim_id in enumerate(claims):
        assess(api, claim_id, by="rule" if number == 0 else "model", at=now)
    with psycopg.connect(api.url) as connection:
        connection.execute("INSERT INTO serving_models (model_version, seen_at) VALUES ('m-7', %s)", [now])
    decided = part((await scientist.get(PAGE)).text, "decided")
    day = (now - timedelta(days=1)).date()
    label = f"{day:%Y-%m}" if day.day == 1 else day.isoformat()
    assert [label, "75.0 %", "25.0 %"] in rows(decided)
    assert "m-7" in decided


async def test_without_the_scorers_report_the_page_says_why(api: Api, scientist: Browser) -> None:
    for broken in (None, {"models": 1}):
        api.scorer.report = broken
        page = await scientist.get(PAGE)
        assert page.status_code == 200
        assert "The scorer does not say which models it has" in part(page.text, "serving")
        assert 'id="decided"' in page.text


async def test_a_home_without_models_or_drift_says_what_makes_them(api: Api, scientist: Browser) -> None:
    api.scorer.report = report(models=[], trail=[], drift=None, problems=["the drift report cannot be read"])
    page = (await scientist.get(PAGE)).text
    assert "ginja model promote" in part(page, "serving")
    assert "The drift report cannot be read." in part(page, "serving")
    assert "ginja monitor drift" in part(page, "drift")
    assert "No values." in part(page, "decided")


async def test_data_scientists_leads_and_administrators_see_the_page_and_others_do_not(api: Api) -> None:
    api.scorer.report = report()
    for role, status in (("lead_investigator", 200), ("admin", 200), ("investigator", 403), ("operator", 403)):
        async with browser_of(api) as browser:
            answer = await (await signed_in(api, browser, role)).get(PAGE)
        assert answer.status_code == status, role


async def test_a_data_scientist_opens_no_page_of_claims(api: Api, scientist: Browser) -> None:
    (claim_id,) = store_claims(api.url, 1)
    for path in (f"/console/claims/{claim_id}", "/console/members/M123", "/console/in-review", "/console/health"):
        assert (await scientist.get(path)).status_code == 403, path
    page = (await scientist.get(PAGE)).text
    navigation = page.partition("<nav")[2].partition("</nav>")[0]
    assert re.findall(r'href="([^"]+)"', navigation) == [PAGE]
    assert "M123" not in page
