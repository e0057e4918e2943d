"""The operations whose crash points are explored. Adding one is one entry of `OPERATIONS`."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, Protocol, TypeVar

from benchmarks.crash import model_steps, steps
from benchmarks.crash.invariants import Expected
from benchmarks.crash.processes import Step
from benchmarks.crash.steps import Recovery, Request
from core import clock

R = TypeVar("R")


class Run(Protocol):
    """Carries out a step that prepares an operation, without a crash."""

    async def __call__(self, step: Step[R]) -> R:
        """The result of the step."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation on a database that is ready for it."""

    work: Step[object]
    recovery: Recovery = field(default_factory=Recovery)
    statuses: tuple[int, ...] = (201,)
    """What the request may get that is sent again."""
    repeated: bool = True
    """Whether the request that is sent again gets the same reply each time."""
    expected: tuple[Expected, ...] = ()
    again: bool = False
    """Whether the work is done again after a crash."""


@dataclass(frozen=True, slots=True)
class CrashOperation:
    """Something that the platform does in several steps, any of which may be its last."""

    name: str
    prepare: Callable[["Claims", Run], Awaitable[Prepared]]
    in_database: bool = True
    """False: it changes files of the home and MLflow's store alone."""


class Claims:
    """Claims of the stage's insurer, to submit."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self._bodies = [json.loads(body) for body in bodies]

    def request(self, number: int, *, key: str | None, **changes: object) -> Request:
        """The submission of a claim."""
        return Request("/v1/claims", json.dumps(self._bodies[number] | changes).encode(), key)


@dataclass(frozen=True, slots=True)
class SubmittedOnce:
    """A claim that an operation is about."""

    claim_id: str
    amount: Decimal


IMPLAUSIBLE: Final = {"claim_amount": "900000.00"}
"""An amount that sends any claim to review."""


async def _submitted(run: Run, request: Request, *, status: str | None = None, scored: bool = True) -> SubmittedOnce:
    """A claim that is submitted without a crash."""
    (reply,) = await run(partial(steps.post if scored else steps.post_without_scorer, [request]))
    found = json.loads(reply.body, parse_float=Decimal)
    if reply.status != 201 or (status is not None and found["status"] != status):
        raise ValueError(f"the claim is not as the operation needs it: {reply}")
    return SubmittedOnce(found["claim_id"], Decimal(found["claim_amount"]))


def _one_claim(request: Request) -> Expected:
    amount = round(float(json.loads(request.body)["claim_amount"]) * 100)
    query = f"SELECT count(*) FROM claims WHERE source = 'api' AND amount_cents = {amount} AND status <> 'rejected'"
    return Expected("claims of the request", query, 1)


async def _submit(claims: Claims, _run: Run) -> Prepared:
    request = claims.request(0, key="submit")
    return Prepared(partial(steps.post, [request]), Recovery((request,)), expected=(_one_claim(request),))


async def _submit_without_key(claims: Claims, _run: Run) -> Prepared:
    request = claims.request(0, key=None)
    # Without a key the claim that is sent again is another one, which the duplicate edit stops.
    return Prepared(
        partial(steps.post, [request]), Recovery((request,)), repeated=False, expected=(_one_claim(request),)
    )


async def _submit_without_scorer(claims: Claims, _run: Run) -> Prepared:
    request = claims.request(1, key="rule")
    return Prepared(
        partial(steps.post_without_scorer, [request]), Recovery((request,)), expected=(_one_claim(request),)
    )


async def _correct(claims: Claims, run: Run) -> Prepared:
    first = await _submitted(run, claims.request(0, key="first"))
    amount = str(first.amount - 1)
    request = claims.request(0, key="correct", replaces=first.claim_id, claim_amount=amount)
    replaced = f"SELECT status FROM claims WHERE claim_id = '{first.claim_id}'"
    return Prepared(
        partial(steps.post, [request]),
        Recovery((request,)),
        expected=(_one_claim(request), Expected("the corrected claim", replaced, "voided")),
    )


async def _void(claims: Claims, run: Run) -> Prepared:
    first = await _submitted(run, claims.request(0, key="first"))
    request = Request(f"/v1/claims/{first.claim_id}/void", b'{"reason": "billed in error"}')
    voided = f"SELECT count(*) FROM audit_log WHERE act = 'claim.void' AND claim_id = '{first.claim_id}'"
    # It takes no key: where the first one was stored, the claim is already voided.
    return Prepared(
        partial(steps.post, [request]),
        Recovery((request,)),
        statuses=(200, 409),
        repeated=False,
        expected=(Expected("audit rows of the voiding", voided, 1),),
    )


def _decision(claim: SubmittedOnce, key: str, **fields: object) -> Request:
    body = {"expected_version": 1, **fields}
    return Request(f"/v1/claims/{claim.claim_id}/decisions", json.dumps(body).encode(), key)


async def _decide(claims: Claims, run: Run) -> Prepared:
    held = await _submitted(run, claims.request(0, key="held", **IMPLAUSIBLE), status="in_review")
    request = _decision(held, "decide", action="deny", reason="fraud", disposition="confirmed", kind="upcoding")
    return Prepared(partial(steps.post, [request]), Recovery((request,)), expected=_decided(held))


async def _propose(claims: Claims, run: Run) -> Prepared:
    held = await _submitted(run, claims.request(0, key="held", **IMPLAUSIBLE), status="in_review")
    request = _decision(held, "propose", action="release", reason="review_found_no_issue")
    return Prepared(partial(steps.post, [request]), Recovery((request,)), expected=_decided(held))


def _decided(held: SubmittedOnce) -> tuple[Expected, ...]:
    query = f"SELECT count(*) FROM decisions WHERE claim_id = '{held.claim_id}'"
    return (Expected("decisions", query, 1),)


async def _record_finding(claims: Claims, run: Run) -> Prepared:
    paid = await _submitted(run, claims.request(0, key="paid"))
    body = b'{"disposition": "confirmed", "kind": "upcoding"}'
    request = Request(f"/v1/claims/{paid.claim_id}/dispositions", body)
    query = f"SELECT count(*) FROM dispositions WHERE claim_id = '{paid.claim_id}'"
    return Prepared(partial(steps.post, [request]), Recovery((request,)), expected=(Expected("findings", query, 1),))


async def _rejected(claims: Claims, run: Run) -> SubmittedOnce:
    """A claim that is rejected as a duplicate."""
    await _submitted(run, claims.request(0, key="first"))
    return await _submitted(run, claims.request(0, key="again"), status="rejected")


async def _file_appeal(claims: Claims, run: Run) -> Prepared:
    rejected = await _rejected(claims, run)
    request = _appeal(rejected, "appeal")
    query = f"SELECT count(*) FROM appeals WHERE claim_id = '{rejected.claim_id}'"
    return Prepared(partial(steps.post, [request]), Recovery((request,)), expected=(Expected("appeals", query, 1),))


def _appeal(claim: SubmittedOnce, key: str) -> Request:
    body = {"appellant": "member", "reason": "It is another service."}
    return Request(f"/v1/claims/{claim.claim_id}/appeals", json.dumps(body).encode(), key)


async def _decide_appeal(claims: Claims, run: Run) -> Prepared:
    rejected = await _rejected(claims, run)
    (reply,) = await run(partial(steps.post_by_another, [_appeal(rejected, "appeal")]))
    appeal_id = json.loads(reply.body)["appeal_id"]
    request = Request(f"/v1/appeals/{appeal_id}/decision", b'{"outcome": "overturned"}', "outcome")
    paid = f"SELECT status FROM claims WHERE claim_id = '{rejected.claim_id}'"
    decided = f"SELECT count(*) FROM appeal_decisions WHERE appeal_id = '{appeal_id}'"
    return Prepared(
        partial(steps.post, [request]),
        Recovery((request,)),
        expected=(Expected("outcomes", decided, 1), Expected("the claim", paid, "approved")),
    )


async def _rescore(claims: Claims, run: Run) -> Prepared:
    for number in range(2):
        await _submitted(run, claims.request(number, key=f"rule-{number}"), scored=False)
    await run(partial(steps.drain, None))
    scored = "SELECT count(*) FROM assessments WHERE decided_by = 'model' AND supersedes IS NOT NULL"
    return Prepared(steps.rescore, expected=(Expected("scores after the rule", scored, 2),))


async def _drain(claims: Claims, run: Run) -> Prepared:
    first = await _submitted(run, claims.request(0, key="first"))
    await _submitted(run, claims.request(1, key="second"))
    await run(partial(steps.post, [Request(f"/v1/claims/{first.claim_id}/void", b"{}")]))
    return Prepared(partial(steps.drain, None))


def _tomorrow() -> datetime:
    return (clock.now() + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


async def _roll_over(claims: Claims, run: Run) -> Prepared:
    await _drain(claims, run)
    await run(partial(steps.drain, None))
    await _submitted(run, claims.request(2, key="open-at-midnight"))
    return Prepared(partial(steps.drain, _tomorrow()), Recovery(at=_tomorrow()))


async def _rebuild(claims: Claims, run: Run) -> Prepared:
    await _drain(claims, run)
    return Prepared(steps.rebuild_store, again=True)


async def _reopen(claims: Claims, run: Run) -> Prepared:
    """The online store has lost its last write: the database records a later one."""
    await _drain(claims, run)
    await run(steps.drain_and_lose)
    return Prepared(partial(steps.drain, None))


async def _daily(claims: Claims, run: Run) -> Prepared:
    await _drain(claims, run)
    return Prepared(steps.daily_work, again=True)


async def _select(claims: Claims, run: Run) -> Prepared:
    await _submitted(run, claims.request(0, key="first"))
    selected = Expected("claims selected", "SELECT count(*) FROM selections WHERE selected_by IS NOT NULL", 1)
    return Prepared(steps.select_week, again=True, expected=(selected,))


async def _replay(claims: Claims, run: Run) -> Prepared:
    await _submitted(run, claims.request(1, key="rule"), scored=False)
    await run(partial(steps.drain, None))
    position = await run(steps.give_up)
    replayed = Expected("events replayed", "SELECT count(*) FROM dead_letters WHERE resolution = 'replayed'", 1)
    return Prepared(partial(steps.replay, position), again=True, expected=(replayed,))


async def _promote(_claims: Claims, run: Run) -> Prepared:
    return Prepared(partial(model_steps.promote_model, await run(model_steps.register_second)), again=True)


async def _roll_back(_claims: Claims, run: Run) -> Prepared:
    version = await run(model_steps.register_second)
    await run(partial(model_steps.promote_model, version))
    return Prepared(partial(model_steps.roll_back_model, version), again=True)


OPERATIONS: Final = (
    CrashOperation("submit", _submit),
    CrashOperation("submit without a key", _submit_without_key),
    CrashOperation("submit without a scorer", _submit_without_scorer),
    CrashOperation("correct", _correct),
    CrashOperation("void", _void),
    CrashOperation("decide", _decide),
    CrashOperation("propose", _propose),
    CrashOperation("record a finding", _record_finding),
    CrashOperation("file an appeal", _file_appeal),
    CrashOperation("decide an appeal", _decide_appeal),
    CrashOperation("re-score", _rescore),
    CrashOperation("drain", _drain),
    CrashOperation("roll over", _roll_over),
    CrashOperation("rebuild", _rebuild),
    CrashOperation("recover lost writes", _reopen),
    CrashOperation("daily work", _daily),
    CrashOperation("select the week", _select),
    CrashOperation("replay a dead letter", _replay),
    CrashOperation("promote", _promote, in_database=False),
    CrashOperation("roll back", _roll_back, in_database=False),
)
