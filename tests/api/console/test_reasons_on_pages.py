"""What holds for the reasons of a score holds wherever a person reads them: page, explanation and evidence pack."""

import html
import math
import re
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest
from psycopg.types.json import Jsonb

from benchmarks.reasons import contradicts
from claims.evidence import AGE_AND_SEX
from claims.scoring import Reason, Score
from core.format import number_to_4_digits
from models.scorer import Scorer
from tests.api.cases import opened
from tests.api.console.setting import Browser
from tests.api.console.test_provider_page import browser
from tests.api.makers import Api
from tests.api.subjects import FIRST, store_claims
from tests.api.test_evidence_packs import pack_of
from tests.models.claims import artefact, claim_to_score

__all__ = ["browser"]

CLAIMS = 25


@cache
def scorer() -> Scorer:
    return Scorer(artefact(Path(mkdtemp())))


@pytest.fixture
def scored(api: Api) -> dict[str, Score]:
    """Claims of one provider with the scores of a real model, as they are stored."""
    scores = {}
    with psycopg.connect(api.url) as connection:
        for number, claim_id in enumerate(store_claims(api.url, CLAIMS)):
            one = claim_to_score(2_000 + number)
            score = scorer().score(one.facts, one.reading).model_copy(update={"claim_id": claim_id})
            scores[claim_id] = score
            stored = score.model_dump(mode="json")
            values = {
                "assessment_id": f"asm_{claim_id}",
                "claim_id": claim_id,
                "made_at": FIRST,
                "decided_by": "model",
                "breaker_state": "closed",
                "outcome": "approved",
                "approved_cents": 500,
                "flagged": score.flagged,
                "findings": Jsonb([]),
                "reasons": Jsonb(stored["reasons"]),
                "model_version": score.model_version,
                **{name: stored[name] for name in ("probability", "margin", "threshold", "base_margin", "schema_hash")},
                "typical_margin": score.typical_margin,
                **{name: Jsonb(stored[name]) for name in ("groups", "vector", "contributions", "feature_times")},
            }
            names, places = ", ".join(values), ", ".join(["%s"] * len(values))
            connection.execute(f"INSERT INTO assessments ({names}) VALUES ({places})", list(values.values()))
    return scores


def listed(page: str) -> list[tuple[str, str, str, str, list[str]]]:
    """Direction, text, factor, code and the values behind each reason of a page, in order."""
    found = []
    for side, items in re.findall(r'<ul class="reasons (for|against)">(.*?)</ul>', page, re.DOTALL):
        for item in re.findall(r"<li>(.*?)</li>", items, re.DOTALL):
            text = re.search(r"<br>(.*?)</span>", item, re.DOTALL)
            factor = re.search(r"([▲▼]) odds × ([\d.]+)", item)
            code = re.search(r"<code>(\w+)</code>", item)
            assert text, item
            assert factor, item
            assert code, item
            assert (factor[1] == "▲") == (side == "for")
            behind = re.sub(r"<[^>]+>", "", item.partition("</code>")[2]).split(" · ")[1:]
            found.append((side, html.unescape(text[1]), factor[2], code[1], behind))
    return found


async def test_the_page_of_a_claim_shows_each_reason_of_its_score_once_and_as_it_is(
    api: Api, browser: Browser, scored: dict[str, Score]
) -> None:
    shown = 0
    for claim_id, score in scored.items():
        page = (await browser.get(f"/console/claims/{claim_id}")).text
        reasons = listed(page)
        assert sorted((side, text, code) for side, text, _, code, _ in reasons) == sorted(
            (one.direction, one.text, one.code) for one in score.reasons
        )
        stated = {(one.direction, one.code): one for one in score.reasons}
        for side, text, factor, code, behind in reasons:
            reason = stated[side, code]
            assert not contradicts(text, side), text
            assert factor == f"{math.exp(reason.push):.2f}"
            assert [one.partition(" = ")[0] for one in behind] == reason.carrier
            for one in behind:
                name, _, value = one.partition(" = ")
                assert value.startswith(number_to_4_digits(reason.features[name])), one
        shown += len(reasons)
    assert shown > CLAIMS


async def test_the_explanation_has_the_reasons_of_the_score(api: Api, scored: dict[str, Score]) -> None:
    for claim_id, score in scored.items():
        answer = await api.get(f"/v1/claims/{claim_id}/explanation")
        assert answer.status_code == 200
        (assessment,) = answer.json()["assessments"]
        assert [Reason(**one) for one in assessment["reasons"]] == score.reasons


async def test_an_evidence_pack_states_what_the_score_states_save_age_and_sex(
    api: Api, scored: dict[str, Score]
) -> None:
    pack = await pack_of(api, await opened(api, list(scored)))
    assert {one.claim_id for one in pack.annex} == set(scored)
    for annex in pack.annex:
        allowed = [one for one in scored[annex.claim_id].reasons if not AGE_AND_SEX.intersection(one.carrier)]
        for direction, stated in (("for", annex.risk_indicators), ("against", annex.mitigating_factors)):
            assert {one.code for one in stated} == {one.code for one in allowed if one.direction == direction}
            assert all((one.push > 0) == (direction == "for") for one in stated)
            assert not any(contradicts(one.text, direction) for one in stated)
            assert [abs(one.push) for one in stated] == sorted((abs(one.push) for one in stated), reverse=True)
