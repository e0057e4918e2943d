"""What a provider or member could infer: claims that differ in what the model said of them alone look equal.

Each example replaces what is stored of some claims' assessments, as if that had been said at receipt, and compares all
that a provider and a member can read, byte for byte. The time of a response is not compared; its statements are.
`test_nothing_to_infer_by_sending.py` does the same for what they can send.
"""

import ast
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from api.console.areas import OWN_CLAIMS
from api.console.own.view import STATUSES as OWN_STATUSES
from api.console.routes import console_app
from api.intake.responses import BY_RULE, HIDDEN, OF_SCORES
from claims.review import REASONS
from core import clock
from tests.api.appeals import filed, rejected
from tests.api.bulk_files import ndjson, upload
from tests.api.comparing import exactly, of_requests
from tests.api.decisions import DENY, REDUCED, RELEASE, approved, decide, held, pend
from tests.api.makers import MINIMAL, Api, answering, running_api
from tests.api.noted_statements import note_statements
from tests.api.own import PAGES, pages_shown
from tests.api.rescreening import opened
from tests.api.tasks import carry_out, queued
from tests.api.test_nothing_to_infer_by_sending import SENT, UNLIMITED
from tests.api.test_remittances import PAYER
from tests.api.test_rescoring import rescorer, without_scorer
from tests.api.test_role_matrix import ADMITTED

BOUND = ("provider", "member")
STATUSES = ("approved", "partially_approved", "in_review", "rejected", "denied", "voided")
OPEN = {route for route, roles in ADMITTED.items() if roles is None or not roles.isdisjoint(BOUND)}
"""Every route that a provider or member may call."""
ABOUT_NO_CLAIM = {
    *("GET /v1/auth/keys", "GET /v1/me", "GET /v1/auth/sessions", "DELETE /v1/auth/sessions"),
    *("DELETE /v1/auth/sessions/{session_id}", "GET /v1/version", "POST /v1/version", "POST /v1/version:rollback"),
    *("GET /livez", "GET /readyz", "GET /v1/fhir/metadata", "GET /v1/fhir/Consent/{consent_id}"),
    *("GET /v1/members/{member_id}/consents", "POST /v1/members/{member_id}/consents"),
    *("POST /v1/members/{member_id}/consents/{consent_id}/withdraw", "GET /v1/fhir/Consent"),
}
"""Routes that read no claim: who calls, how it signs in, which version it gets, what a member consents to, and whether
the platform runs."""
Paths = Callable[["Stage"], list[str]]


def _lists(stage: "Stage") -> list[str]:
    paths = ["", "?fields=claim_id,status,reasons,notice,decision", "?limit=2"]
    for sort in ("received_at", "-received_at"):
        paths += [f"?sort={sort}&status={status}" for status in STATUSES]
        paths.append(f"?sort={sort}&member_id=M123&provider_id=H456")
    return paths


def _exports(stage: "Stage") -> list[str]:
    day = clock.now().date() - timedelta(days=1)
    forms = [f"?last_day={day}&format={form}" for form in ("ndjson", "csv", "parquet")]
    after = [f"?last_day={day}&after={claim_id}" for claim_id in stage.ids.values()]
    return [*forms, *after, *(f"?last_day={day}&status={status}" for status in STATUSES)]


def _remittances(stage: "Stage") -> list[str]:
    today = clock.now().date()
    return [f"?provider_id=H456&first_day={today - timedelta(days=5)}&last_day={today}"]


READ: dict[str, Paths] = {
    "GET /v1/claims": _lists,
    "GET /v1/claims/{claim_id}": lambda stage: [
        f"/{claim_id}{fields}" for claim_id in stage.ids.values() for fields in ("", "?fields=status,reasons,decision")
    ],
    "GET /v1/claims/{claim_id}/appeals": lambda stage: [f"/{one}/appeals" for one in stage.ids.values()],
    "GET /v1/exports/claims": _exports,
    "GET /v1/decision-reasons": lambda stage: [""],
    "GET /v1/remittances": _remittances,
    "GET /v1/tasks/{task_id}": lambda stage: [f"/{stage.task_id}"],
    "GET /v1/bulk/claims/{job_id}": lambda stage: [f"/{stage.job_id}"],
    "GET /v1/bulk/claims/{job_id}/rejects": lambda stage: [f"/{stage.job_id}/rejects"],
}
"""What is read of each route, after the part of its path that has no id."""
FORMS = {"GET /v1/remittances": ("application/json", "application/edi-x12")}
"""Media types of responses, where there are several."""

said = st.fixed_dictionaries(
    {
        "probability": st.none() | st.floats(0, 1),
        "margin": st.floats(-9, 9),
        "threshold": st.floats(0, 1),
        "flagged": st.booleans(),
        "model_version": st.sampled_from(["m-1", "a-longer-name-of-a-version", "m-2"]),
        "score_failure": st.none() | st.just("deadline"),
        "breaker_state": st.sampled_from(["closed", "open"]),
        "stale_views": st.none() | st.just(["member_today"]),
        "reasons": st.lists(
            st.fixed_dictionaries(
                {
                    "code": st.sampled_from(["claim_size", "network"]),
                    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
                    "direction": st.sampled_from(["for", "against"]),
                    "odds": st.floats(0.01, 100),
                    "kind": st.sampled_from(["evidence", "prior"]),
                }
            ),
            max_size=4,
        ).map(Jsonb),
        "hidden": st.lists(st.tuples(st.sampled_from(sorted(HIDDEN)), st.booleans()), max_size=6),
        "later": st.booleans(),
    }
)
"""What a model, or the rule in its place (`probability` is None), may say of a claim, and whether it says it later."""


@dataclass
class Stage:
    """The API with claims, and all that a provider and a member are shown of them at first."""

    api: Api
    ids: dict[str, str]
    statements: list[str]
    task_id: str
    job_id: str
    first: dict[str, list[Any]] = field(default_factory=dict)

    async def shown(self, role: str) -> list[Any]:
        """Every response: status, headers and body without what names the request, and the statements it took."""
        seen = []
        for route, paths in READ.items():
            if role not in (ADMITTED[route] or BOUND):
                continue
            beginning = route.removeprefix("GET ").partition("/{")[0]
            for path in paths(self):
                for form in FORMS.get(route, ("*/*",)):
                    before = len(self.statements)
                    answer = await self.api.client.get(beginning + path, headers={**self.api.as_(role), "Accept": form})
                    seen.append((beginning + path, form, *exactly(answer), sorted({*self.statements[before:]})))
        return seen + await pages_shown(self.api, self.statements, role, self.ids.values())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(new_database: Any, seeded_template: str) -> AsyncIterator[Stage]:
    """A claim of each kind that a provider sees, received some days ago, while the clock stands still."""
    with new_database(seeded_template) as url, pytest.MonkeyPatch.context() as patch, clock.held(clock.now()):
        statements = note_statements(patch, which=of_requests)
        async with running_api(url, rate_limits=UNLIMITED, **PAYER) as api:
            yield await staged(api, statements)


async def staged(api: Api, statements: list[str]) -> Stage:
    api.execute("UPDATE providers SET npi = '1234567893' WHERE provider_id = 'H456'")
    days = iter(f"2026-{month:02}-{day:02}" for month in range(1, 12) for day in (1, 15))
    ids = {}
    for name, decision in {"denied": DENY, "reduced": REDUCED, "released": RELEASE, "pended": pend()}.items():
        ids[name] = await held(api, service_from=next(days))
        assert (await decide(api, ids[name], decision)).status_code == 201
    later = RELEASE | {"reason": "later_score_does_not_flag"}
    ids["released by a score"] = await held(api, service_from=next(days))
    assert (await decide(api, ids["released by a score"], later)).status_code == 201
    ids["in review"] = await held(api, service_from=next(days))
    ids["approved"] = (await approved(api, service_from=next(days)))["claim_id"]
    ids["rejected"] = await rejected(api, service_from=next(days))
    ids["voided"] = (await approved(api, service_from=next(days)))["claim_id"]
    assert (await api.post(f"/v1/claims/{ids['voided']}/void", {"reason": "sent twice"})).status_code == 200
    await filed(api, ids["denied"])
    task_id = await queued(api, MINIMAL | {"service_from": next(days)}, role="provider")
    assert await carry_out(api, task_id)
    job_id = await upload(api, ndjson(MINIMAL | {"service_from": next(days)}, {"patient": "x"}), role="provider")
    api.execute("UPDATE claims SET received_at = received_at - interval '3 days'")
    api.execute("ALTER TABLE assessments DISABLE TRIGGER USER")
    stage = Stage(api, ids, statements, task_id, job_id)
    for role in BOUND:
        await stage.shown(role)  # prepares statements
        stage.first[role] = await stage.shown(role)
    return stage


def replace(url: str, model_says: dict[str, Any]) -> None:
    """Store of each claim what the model says, beside the findings that the caller sees."""
    values = {name: value for name, value in model_says.items() if name not in ("hidden", "later")}
    values["decided_by"] = "rule" if values["probability"] is None else "model"
    if values["probability"] is None:
        values |= dict.fromkeys(("margin", "threshold", "model_version"))
    columns = ", ".join(f"{name} = %({name})s" for name in values)
    hidden = [
        {"code": code, "outcome": "in_review", "text": f"of {code}", "cites": "model", "line": None, "superseded": done}
        for code, done in model_says["hidden"]
    ]
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM assessments WHERE supersedes IS NOT NULL")
        found = connection.execute("SELECT assessment_id, findings FROM assessments").fetchall()
        for assessment_id, findings in found:
            stored = Jsonb([one for one in findings if one["code"] not in HIDDEN] + hidden)
            changed = assessment_id
            if model_says["later"]:
                changed = f"{assessment_id}-later"
                connection.execute(
                    "INSERT INTO assessments SELECT (jsonb_populate_record(one, jsonb_build_object('assessment_id', "
                    "%s::text, 'supersedes', assessment_id, 'made_at', made_at + interval '1 hour'))).* "
                    "FROM assessments AS one WHERE assessment_id = %s",
                    (changed, assessment_id),
                )
            connection.execute(
                f"UPDATE assessments SET {columns}, findings = %(findings)s WHERE assessment_id = %(id)s",
                {**values, "findings": stored, "id": changed},
            )


def test_every_route_that_a_provider_or_member_may_call_is_compared():
    assert READ.keys() | SENT.keys() | ABOUT_NO_CLAIM == OPEN
    assert not READ.keys() & ABOUT_NO_CLAIM
    assert all(route.startswith("GET ") for route in READ)
    pages = {f"/console{one.path}" for one in console_app().routes if "GET" in getattr(one, "methods", ())}
    assert {one for one in pages if one.startswith(OWN_CLAIMS)} == PAGES


@pytest.mark.asyncio(loop_scope="module")
@settings(max_examples=5, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
@given(model_says=said)
async def test_claims_that_differ_in_what_the_model_said_look_equal(stage: Stage, model_says: dict[str, Any]):
    replace(stage.api.url, model_says)
    for role in BOUND:
        for first, now in zip(stage.first[role], await stage.shown(role), strict=True):
            assert first == now, (role, first[0], model_says)
    seen = (await stage.api.get(f"/v1/claims/{stage.ids['in review']}")).json()
    assert seen["score"] == model_says["probability"], "staff sees what was replaced"
    assert seen["fraud_flag"] == model_says["flagged"]


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_compared_has_every_status_and_is_no_refusal(stage: Stage):
    assert [answer[:3] for answer in stage.first["provider"] if answer[2] != 200] == []
    text = b"\n".join(answer[4] for answer in stage.first["provider"]).decode(errors="replace")
    for status in ("approved", "partially_approved", "in_review", "rejected", "denied", "voided"):
        assert f'"status":"{status}"' in text, status
        assert f"<h1>{OWN_STATUSES[status]}</h1>" in text, status
    assert "later_score" not in text
    assert all(word not in text for word in HIDDEN)


async def test_a_late_score_a_case_a_selection_and_a_finding_of_screening_change_nothing_that_is_seen(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    """By the acts themselves, of claims that keep their status; entity tags are those of before."""
    sent_statements = note_statements(monkeypatch, which=of_requests)
    with clock.held(clock.now()):
        ids = await without_scorer(api, 50, 60)
        held_id = await held(api)
        api.execute("UPDATE claims SET received_at = received_at - interval '3 days'")
        stage = Stage(api, {str(number): one for number, one in enumerate((*ids, held_id))}, sent_statements, "", "")
        read = {one: READ[one] for one in READ if not one.endswith(("{task_id}", "{job_id}", "rejects"))}
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(globals(), "READ", read)
            for role in BOUND:
                await stage.shown(role)  # prepares statements
                stage.first[role] = await stage.shown(role)
            statuses = api.rows("SELECT claim_id, status FROM claims ORDER BY claim_id")
            api.scorer.behaviour = answering(0.1)
            assert await rescorer(api).drain() == 2
            finding = {"disposition": "confirmed", "kind": "upcoding", "note": "n"}
            sent = await api.post(f"/v1/claims/{held_id}/dispositions", finding, role="investigator")
            assert sent.status_code == 201, sent.text
            opened(api, ids[0])
            api.execute(
                "INSERT INTO selections (claim_id, week, selected_by, propensity, probability, model_version, made_at) "
                "SELECT claim_id, '2026-03-02', 'audit', 0.1, 0.1, 'm-1', now() FROM claims"
            )
            assert api.rows("SELECT claim_id, status FROM claims ORDER BY claim_id") == statuses
            for role in BOUND:
                for first, now in zip(stage.first[role], await stage.shown(role), strict=True):
                    assert first == now, (role, first[0])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", BOUND)
async def test_a_field_of_scores_is_no_choice_whatever_its_value(stage: Stage, role: str):
    """Equal for every claim: what is refused is the name."""
    for name in sorted(OF_SCORES):
        answers = set()
        for place in ("", *(f"/{one}" for one in stage.ids.values())):
            answer = await stage.api.get(f"/v1/claims{place}?fields=claim_id,{name}", role=role)
            problem = {key: value for key, value in answer.json().items() if key not in ("request_id", "instance")}
            answers.add((answer.status_code, str(problem)))
        assert len(answers) == 1, name
        ((status, text),) = answers
        assert status == 422
        assert not any(f" {one}" in text for one in ("score,", "fraud_flag", "model_version")), "names what there is"
    assert (await stage.api.get("/v1/claims?fields=claim_id,score,reasons.odds")).status_code == 200
    caused = f"/v1/claims/{stage.ids['denied']}/appeals?fields=caused_by"
    assert (await stage.api.get(caused, role=role)).status_code == 422


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", BOUND)
async def test_a_filter_or_order_by_scores_is_refused_whatever_its_value(stage: Stage, role: str):
    for name in ("score", "fraud_flag", "flagged", "decided_by", "model_version", "min_score", "reasons"):
        for value in ("true", "0.5", "model", "m-1"):
            for path in ("/v1/claims", "/v1/exports/claims"):
                query = f"{path}?last_day=2026-01-01&{name}={value}" if "exports" in path else f"{path}?{name}={value}"
                assert (await stage.api.get(query, role=role)).status_code == 422, query
    for order in ("score", "-score", "flagged", "made_at"):
        assert (await stage.api.get(f"/v1/claims?sort={order}", role=role)).status_code == 422, order


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", BOUND)
async def test_what_says_of_flags_is_closed_to_providers_and_members(stage: Stage, role: str):
    """Events and mails among it: a provider or member is no receiver, and may not become one."""
    claim_id = stage.ids["in review"]
    for path in (
        *(f"/v1/claims/{claim_id}/{part}" for part in ("explanation", "decisions", "dispositions")),
        *("/v1/reviews", "/v1/appeals", "/v1/rescreening-findings", "/v1/webhook-endpoints", "/v1/reports"),
        *("/v1/notification-subscriptions", "/v1/notification-mails", "/v1/policies", "/v1/suspended-edits"),
        *("/metrics", f"/v1/webhook-endpoints/{claim_id}/deliveries"),
    ):
        assert (await stage.api.get(path, role=role)).status_code == 403, path
    for path, body in {
        "/v1/webhook-endpoints": {"url": "https://127.0.0.1:9/hook", "events": ["claim.in_review"]},
        "/v1/notification-subscriptions": {"event": "claim.in_review", "recipient": "a@clinic.example"},
    }.items():
        assert (await stage.api.post(path, body, role=role)).status_code == 403, path


@pytest.mark.asyncio(loop_scope="module")
async def test_readiness_is_the_same_with_and_without_a_scorer(stage: Stage):
    """Its breaker would say when the rule decides."""
    for role in BOUND:
        answer = await stage.api.get("/readyz", role=role)
        assert set(answer.json()) <= {"ready", "instance"}
    assert "scorer_breaker" in (await stage.api.get("/readyz", role="monitoring")).json()


SHOWN = frozenset(
    {
        *("authorization_exceeded", "authorization_missing", "authorization_other_day", "authorization_other_provider"),
        *("authorization_other_service", "authorization_pending", "authorization_unclear", "authorization_unknown"),
        *("authorization_units_short", "benefit_exhausted", "benefit_limit", "benefit_reserved", "cover_ended"),
        *("cover_not_begun", "diagnosis_code_invalid", "duplicate", "enrollment_unknown", "medically_unlikely_units"),
        *("possible_duplicate", "procedure_code_deactivated", "procedure_pair", "provider_excluded"),
        *("provider_inactive", "provider_on_exclusion_list", "replaces_reviewed_claim", "units_over_limit"),
        "waiting_period",
    }
)
"""Codes that rest on the contract, the catalogue, the code tables or what a person did."""
COMPUTED = {"REPLACED_OFTEN", "INHERITED", "POLICY_REVIEW", "f'{kind}_sex'", "f'{kind}_age'", "code", "name"}
"""Codes that are written otherwise: names of `HIDDEN`, of the catalogue, and of the checks in `PLAUSIBILITY_CODES`."""


def test_each_finding_of_the_code_is_hidden_or_says_nothing_of_scores():
    """A new code fails here until it is declared in `HIDDEN` or in `SHOWN`."""
    codes = [
        node.args[0]
        for path in (Path(__file__).parents[2] / "claims").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding"
    ]
    written = {one.value for one in codes if isinstance(one, ast.Constant)}
    assert written - HIDDEN == SHOWN
    assert {ast.unparse(one) for one in codes if not isinstance(one, ast.Constant)} == COMPUTED


def test_the_wording_of_decisions_says_nothing_of_models_or_rules():
    for reason in REASONS.values():
        shown = reason.without_scores
        assert not {"model", "score", "rule", "flag", "flagged", "automatic"} & {
            *shown.code.split("_"),
            *shown.meaning.lower().replace(".", "").replace(";", "").split(),
        }, reason.code
        assert shown.actions >= reason.actions, "it fits what was done"
    assert BY_RULE < HIDDEN
