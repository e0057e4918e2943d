"""Any sequence of submitting, sending again, correcting, voiding, deciding and appealing keeps every promise.

One client does what it likes with the claims of one member, whose plan pays 10000.00 a year.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.api.appeals import APPEAL, OVERTURNED, PARTLY, UPHELD
from tests.api.decisions import DENY, FRAUD, LIMITED, REDUCED, RELEASE, REOPEN, pend
from tests.api.makers import Api, answering

T = TypeVar("T")
LIMIT_CENTS = 10_000_00
STATUSES = {"approved", "partially_approved", "rejected", "denied", "in_review", "voided"}
SCORES = st.sampled_from([0.1, 0.9])
AMOUNTS = st.sampled_from([40, 1_500, 2_600, 7_000])
WHICH = st.integers(0, 50)
ROLES = st.sampled_from(["investigator", "lead_investigator"])
OUTCOMES = st.sampled_from([UPHELD, OVERTURNED, PARTLY])


class ClaimMachine(RuleBasedStateMachine):
    """A client, and what the API has answered it."""

    def __init__(self, api: Api, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.api, self.loop = api, loop
        self.sent: list[tuple[dict[str, Any], str, bytes]] = []
        """Body, key and reply of each submission that was taken."""
        self.claims: list[str] = []
        self.appeals: list[str] = []
        self.voided: set[str] = set()

    def run(self, send: Callable[[], Awaitable[T]]) -> T:
        async def sent() -> T:
            return await send()

        return asyncio.run_coroutine_threadsafe(sent(), self.loop).result(60)

    def post(self, path: str, body: Any, role: str = "admin", **headers: str) -> httpx.Response:
        response = self.run(lambda: self.api.post(path, body, role=role, **headers))
        assert response.status_code in {200, 201, 403, 409, 422}, (path, response.status_code, response.text)
        return response

    @initialize()
    def enrol(self) -> None:
        number = self.api.count("members")
        (plan,) = self.api.rows("SELECT plan_id FROM members WHERE member_id = 'M124'")[0]
        self.member = f"M-machine-{number}"
        body = {"member_id": self.member, "plan_id": plan, "birth_date": "1980-03-02"}
        assert self.post("/v1/members", body).status_code == 201

    def one_of(self, which: int, *statuses: str) -> str:
        """A claim; one with one of these statuses, if there is one."""
        rows = self.api.rows("SELECT claim_id, status FROM claims WHERE member_id = %s ORDER BY claim_id", self.member)
        fitting = [claim_id for claim_id, status in rows if status in statuses]
        some = fitting or self.claims
        return some[which % len(some)]

    def submit(self, score: float, **changes: Any) -> None:
        self.api.scorer.behaviour = answering(score)
        body = LIMITED | {"member_id": self.member} | changes
        key = f"{self.member}-{len(self.sent)}"
        response = self.post("/v1/claims", body, **{"Idempotency-Key": key})
        if response.status_code == 201:
            self.sent.append((body, key, response.content))
            self.claims.append(response.json()["claim_id"])
            if "replaces" in changes:
                self.voided.add(changes["replaces"])

    @rule(amount=AMOUNTS, day=st.integers(1, 28), score=SCORES)
    def submit_claim(self, amount: int, day: int, score: float) -> None:
        self.submit(score, claim_amount=amount, service_from=f"2026-02-{day:02}")

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, amount=AMOUNTS, score=SCORES)
    def correct(self, which: int, amount: int, score: float) -> None:
        before = self.claims[which % len(self.claims)]
        taken = len(self.claims)
        was_voided = before in self.voided
        self.submit(score, claim_amount=amount, replaces=before)
        assert not (was_voided and len(self.claims) > taken), "a voided claim was corrected"

    @precondition(lambda self: self.sent)
    @rule(which=WHICH)
    def send_again(self, which: int) -> None:
        body, key, reply = self.sent[which % len(self.sent)]
        again = self.post("/v1/claims", body, **{"Idempotency-Key": key})
        assert (again.status_code, again.content) == (201, reply)
        other = self.post("/v1/claims", body | {"claim_amount": 41}, **{"Idempotency-Key": key})
        assert other.status_code == 422

    @precondition(lambda self: self.claims)
    @rule(which=WHICH)
    def void(self, which: int) -> None:
        claim_id = self.claims[which % len(self.claims)]
        response = self.post(f"/v1/claims/{claim_id}/void", b"")
        assert not (claim_id in self.voided and response.status_code == 200), "voided twice"
        if response.status_code == 200:
            self.voided.add(claim_id)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, role=ROLES)
    def release(self, which: int, role: str) -> None:
        self.decide_as(which, RELEASE, role)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, decision=st.sampled_from([DENY, FRAUD, REDUCED]), role=ROLES)
    def decide_against(self, which: int, decision: dict[str, Any], role: str) -> None:
        self.decide_as(which, decision, role)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, decision=st.sampled_from([REOPEN, pend()]), role=ROLES)
    def postpone(self, which: int, decision: dict[str, Any], role: str) -> None:
        self.decide_as(which, decision, role)

    def decide_as(self, which: int, decision: dict[str, Any], role: str) -> None:
        claim_id = self.one_of(which, "in_review", "denied")
        path = f"/v1/claims/{claim_id}/decisions"
        version = self.run(lambda: self.api.get(path)).json()["version"]
        response = self.post(path, decision | {"expected_version": version}, role)
        assert not (claim_id in self.voided and response.status_code < 300), "a voided claim was decided"
        stale = self.post(path, decision | {"expected_version": version + 7}, role)
        assert stale.status_code >= 400

    @precondition(lambda self: self.claims)
    @rule(which=WHICH)
    def appeal(self, which: int) -> None:
        claim_id = self.one_of(which, "denied", "rejected", "partially_approved")
        response = self.post(f"/v1/claims/{claim_id}/appeals", APPEAL, "provider")
        if response.status_code == 201:
            assert claim_id not in self.voided, "a voided claim was appealed"
            self.appeals.append(response.json()["appeal_id"])

    @precondition(lambda self: self.appeals)
    @rule(which=WHICH, outcome=OUTCOMES, role=st.sampled_from(["lead_investigator", "admin"]))
    def decide_appeal(self, which: int, outcome: dict[str, Any], role: str) -> None:
        self.post(f"/v1/appeals/{self.appeals[which % len(self.appeals)]}/decision", outcome, role)

    @invariant()
    def the_benefit_is_never_overspent_and_voided_claims_hold_none(self) -> None:
        rows = self.api.rows(
            "SELECT claim_id, status, approved_cents, reserved_cents, amount_cents FROM claims WHERE member_id = %s",
            getattr(self, "member", ""),
        )
        assert sum(approved + reserved for _, _, approved, reserved, _ in rows) <= LIMIT_CENTS
        for claim_id, status, approved, reserved, amount in rows:
            assert status in STATUSES
            assert 0 <= approved <= amount
            assert reserved >= 0
            assert (status == "voided") == (claim_id in self.voided)
            assert status != "voided" or approved == reserved == 0

    @invariant()
    def every_claim_that_was_taken_is_listed_once(self) -> None:
        if self.claims:
            page = self.run(lambda: self.api.get(f"/v1/claims?member_id={self.member}&limit=200")).json()
            assert sorted(one["claim_id"] for one in page["claims"]) == sorted(self.claims)


async def test_no_sequence_of_requests_breaks_a_promise(shared_api: Api):
    loop = asyncio.get_running_loop()
    few = settings(max_examples=12, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck))
    await asyncio.to_thread(run_state_machine_as_test, lambda: ClaimMachine(shared_api, loop), settings=few)
    assert shared_api.count("idempotency_keys") > 0
