"""What a provider or member could infer by sending: two worlds differ in what the scorer says, and answer alike.

In both the same requests are sent at the same instant. The scorer of the one says something else than that of the
other, or too little, so that the rule decides; where a claim has the same status in both, every response is equal but
for the ids in it. How long a response takes is not compared: a scorer that is silent takes its deadline. Its statements
are, as a set: what the rule decides adds an event to a transaction that has others.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.edi.routes import X12
from api.fhir.routes import FHIR
from core import clock
from tests.api.appeals import APPEAL
from tests.api.bulk_files import RAW, ndjson, submit_all
from tests.api.comparing import Compared, compared, of_requests
from tests.api.console.setting import Browser
from tests.api.decisions import APPROVE, DENY, decide
from tests.api.makers import MINIMAL, Api, Exchange, running_api, says_nothing
from tests.api.noted_statements import note_statements
from tests.api.own import BOUND, at_home, exact, read, send_appeal
from tests.api.tasks import carry_out
from tests.claims.makers import score_document
from tests.formats.fhir_claims import fhir_claim, item
from tests.formats.x12_files import claim as x12_claim
from tests.formats.x12_files import file_of

UNLIMITED = ",".join(f"{one}=1000000/1" for one in ("provider", "member", "admin", "other", "address"))
ABOVE_ALL = 20_000
"""An amount of 'P001' that a person reviews whatever the score."""


@dataclass(frozen=True)
class Scored:
    """What the scorer answers; `gain` is the share of its information that was there: little, and the rule decides."""

    probability: float
    model_version: str
    reasons: tuple[str, ...] = ()
    gain: float = 1.0

    async def __call__(self, exchange: Exchange) -> None:
        document = score_document(self.probability, claim_id=exchange.document["claim"]["claim_id"])
        document |= {"model_version": self.model_version, "gain_present": self.gain}
        document["reasons"] = [{**document["reasons"][0], "text": text} for text in self.reasons]
        await exchange.answer(json.dumps(document).encode())


scored = st.builds(
    Scored,
    probability=st.floats(0, 1),
    model_version=st.sampled_from(["m-1", "a-longer-name-of-a-version"]),
    reasons=st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1), max_size=3).map(
        tuple
    ),
    gain=st.sampled_from([1.0, 0.9, 0.5, 0.0]),
)


@dataclass
class World:
    """An API with its own database and scorer, and what a provider and a member got from it."""

    api: Api
    statements: list[str]
    number: int = 0
    seen: list[tuple[Compared, frozenset[str]]] = field(default_factory=list)

    async def send(self, route: str, role: str, *, path: str = "", content: bytes = b"", **headers: str) -> Any:
        """Send a request of a route and keep what is compared of the response, and its statements."""
        method, _, template = route.partition(" ")
        sent = {"Content-Type": "application/json", **self.api.as_(role), **headers}
        before = len(self.statements)
        answer = await self.api.client.request(method, path or template, content=content, headers=sent)
        self.seen.append((compared(route, answer), frozenset(self.statements[before:])))
        return answer

    async def page(self, browser: Browser, send: Callable[..., Awaitable[Any]], claim_id: str) -> Any:
        """Send a form, or read the page of a claim, and keep the same; without what is random in each page."""
        before = len(self.statements)
        answer = await send(browser, claim_id)
        answer.headers.pop("content-length", None)  # of the tokens, compressed with the page
        shown = compared(f"{send.__name__} {claim_id}", answer)
        self.seen.append((replace(shown, body=exact(shown.body)), frozenset(self.statements[before:])))
        return answer

    @property
    def body(self) -> dict[str, Any]:
        """A claim of a day of its own; those of two worlds are equal."""
        self.number += 1
        day = date(2026, 10, 1) - timedelta(days=10 * (self.number % 80))
        return MINIMAL | {"claim_amount": ABOVE_ALL + self.number, "service_from": day.isoformat()}


async def claims(world: World) -> None:
    for route in ("POST /v1/claims", "POST /claims"):
        content = json.dumps(world.body).encode()
        for _ in range(2):  # the second time, the stored reply is repeated
            made = await world.send(route, "provider", content=content, **{"Idempotency-Key": f"k-{world.number}"})
        assert made.json()["status"] == "in_review"
        for role in ("provider", "member"):
            claim_id = made.json()["claim_id"]
            await world.send("GET /v1/claims/{claim_id}", role, path=f"/v1/claims/{claim_id}")
        # One that replaces it, and one for the same service: what held the first decides what becomes of them.
        same = json.loads(content) | {"claim_amount": ABOVE_ALL + 0.5}
        await world.send(route, "provider", content=json.dumps(same | {"replaces": claim_id}).encode())
        await world.send(route, "provider", content=json.dumps(same | {"claim_amount": 30}).encode())


async def later(world: World) -> None:
    task = await world.send(
        "POST /v1/claims", "provider", content=json.dumps(world.body).encode(), Prefer="respond-async"
    )
    task_id = task.json()["task_id"]
    assert await carry_out(world.api, task_id)
    done = await world.send("GET /v1/tasks/{task_id}", "provider", path=f"/v1/tasks/{task_id}")
    assert done.json()["response"]["body"]["status"] == "in_review"


async def fhir(world: World) -> None:
    claim = world.body
    named = [{"system": "urn:example:claims", "value": f"PCN-{world.number}"}]
    period = {"start": claim["service_from"], "end": claim["service_from"]}
    lines = [item(1, "P001", claim["claim_amount"], servicedDate=claim["service_from"])]
    document = fhir_claim(item=lines, identifier=named, billablePeriod=period, total=None)
    for kind in (document, document | {"item": []}):
        content = json.dumps(kind).encode()
        await world.send("POST /v1/fhir/Claim", "provider", content=content, **{"Content-Type": FHIR})


def x12_file(world: World) -> bytes:
    claim = world.body
    day = claim["service_from"].replace("-", "")
    amount = str(claim["claim_amount"])
    lines = ("LX*1", f"SV1*HC:P001*{amount}*UN*1***1", f"DTP*472*D8*{day}")
    return file_of(x12_claim(f"A-{world.number}", amount=amount, diagnoses="ABK:D001", lines=lines))


async def x12(world: World) -> None:
    for accept in ("application/json", X12):
        kinds = {"Content-Type": X12, "Accept": accept}
        answer = await world.send("POST /v1/x12/837", "provider", content=x12_file(world), **kinds)
        assert answer.status_code == 200
        assert "999" in answer.text
        assert "277" in answer.text


async def bulk(world: World) -> None:
    one = "/v1/bulk/claims/{job_id}"
    for form, content in (("ndjson", ndjson(world.body, {"patient": "x"})), ("x12", x12_file(world))):
        begun = json.dumps({"format": form, "size": len(content)}).encode()
        job_id = (await world.send("POST /v1/bulk/claims", "provider", content=begun)).json()["job_id"]
        path = one.format(job_id=job_id)
        sent = {"Content-Type": RAW, "Upload-Offset": "0"}
        assert (await world.send(f"PATCH {one}", "provider", path=path, content=content, **sent)).is_success
        await submit_all(world.api)
        await world.send(f"GET {one}", "provider", path=path)
        await world.send(f"GET {one}/rejects", "provider", path=f"{path}/rejects")
        await world.send(f"POST {one}/cancel", "provider", path=f"{path}/cancel", content=b'{"reason": "sent twice"}')


async def appeals(world: World) -> None:
    """Of a claim in review, and of one that a person denied."""
    route = "POST /v1/claims/{claim_id}/appeals"
    for role in ("provider", "member"):
        content = json.dumps(APPEAL | {"appellant": role}).encode()
        made = await world.send("POST /v1/claims", "provider", content=json.dumps(world.body).encode())
        claim_id = made.json()["claim_id"]
        path = f"/v1/claims/{claim_id}/appeals"
        await world.send(route, role, path=path, content=content)
        assert (await decide(world.api, claim_id, DENY)).json()["effect"] == "proposed"
        await world.send("GET /v1/claims/{claim_id}", role, path=f"/v1/claims/{claim_id}")
        done = await decide(world.api, claim_id, APPROVE, role="lead_investigator")
        assert done.json()["outcome"] == "denied"
        assert (await world.send(route, role, path=path, content=content)).status_code == 201
        await world.send("GET /v1/claims/{claim_id}/appeals", role, path=path)


async def own_pages(world: World) -> None:
    """The same by the pages of the console."""
    for role in BOUND:
        async with at_home(world.api, role) as browser:
            made = await world.send("POST /v1/claims", "provider", content=json.dumps(world.body).encode())
            claim_id = made.json()["claim_id"]
            assert (await world.page(browser, send_appeal, claim_id)).status_code == 409
            assert (await decide(world.api, claim_id, DENY)).json()["effect"] == "proposed"
            await world.page(browser, read, claim_id)
            done = await decide(world.api, claim_id, APPROVE, role="lead_investigator")
            assert done.json()["outcome"] == "denied"
            assert (await world.page(browser, send_appeal, claim_id)).status_code == 303
            await world.page(browser, read, claim_id)


SENT: dict[str, Callable[[World], Awaitable[None]]] = {
    **dict.fromkeys(("POST /v1/claims", "POST /claims"), claims),
    "POST /v1/fhir/Claim": fhir,
    "POST /v1/x12/837": x12,
    **dict.fromkeys(("POST /v1/bulk/claims", "PATCH /v1/bulk/claims/{job_id}"), bulk),
    "POST /v1/bulk/claims/{job_id}/cancel": bulk,
    "POST /v1/claims/{claim_id}/appeals": appeals,
}
"""Routes about claims that a provider or member may send something to, and what is sent."""
ACTS = (*dict.fromkeys(SENT.values()), later, own_pages)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worlds(new_database: Any, seeded_template: str) -> AsyncIterator[tuple[World, World]]:
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        stack.enter_context(clock.held(clock.now()))
        statements = note_statements(patch, which=of_requests)
        opened = []
        for _ in range(2):
            url = stack.enter_context(new_database(seeded_template))
            api = await stack.enter_async_context(running_api(url, rate_limits=UNLIMITED))
            opened.append(World(api, statements))
        yield opened[0], opened[1]


async def answers(world: World, behaviour: Any) -> list[tuple[Compared, frozenset[str]]]:
    """What is answered to every act where the scorer behaves so."""
    world.api.scorer.behaviour = behaviour
    world.seen.clear()
    for act in ACTS:
        await act(world)
    return list(world.seen)


def said(world: World) -> set[tuple[str, bool]]:
    """What decided, and whether it flagged."""
    return set(world.api.rows("SELECT decided_by, flagged FROM assessments"))


@pytest.mark.asyncio(loop_scope="module")
@settings(max_examples=3, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
@given(one=scored, other=scored)
async def test_worlds_whose_scorers_differ_answer_alike(worlds: tuple[World, World], one: Scored, other: Scored):
    north, south = worlds
    north.number = south.number = max(north.number, south.number)
    for (first, first_sent), (second, second_sent) in zip(
        await answers(north, one), await answers(south, other), strict=True
    ):
        assert first == second
        assert first_sent == second_sent, first.asked


@pytest.mark.asyncio(loop_scope="module")
async def test_a_flag_no_flag_and_no_score_are_answered_alike(worlds: tuple[World, World]):
    north, south = worlds
    flagged = await answers(north, Scored(0.97, "m-1", ("Far above its peers.",)))
    assert flagged == await answers(south, Scored(0.01, "m-2"))
    by_rule = await answers(south, Scored(0.01, "m-2", gain=0.0))
    assert await answers(north, Scored(0.97, "m-1")) == by_rule
    assert {("model", True)} <= said(north)
    assert {("model", False), ("rule", True)} <= said(south)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_claim_that_is_approved_or_rejected_is_answered_alike_with_and_without_a_scorer(
    worlds: tuple[World, World],
):
    seen = []
    for world, behaviour in zip(worlds, (Scored(0.2, "m-1", ("Usual.",)), says_nothing), strict=True):
        world.api.scorer.behaviour = behaviour
        world.seen.clear()
        body = MINIMAL | {"procedure_code": "P002", "claim_amount": 50, "service_from": "2020-05-01"}
        for status in ("approved", "rejected"):
            made = await world.send("POST /v1/claims", "provider", content=json.dumps(body).encode())
            assert made.json()["status"] == status
            for role in ("provider", "member"):
                path = f"/v1/claims/{made.json()['claim_id']}"
                await world.send("GET /v1/claims/{claim_id}", role, path=path)
        seen.append(list(world.seen))
    assert seen[0] == seen[1]
