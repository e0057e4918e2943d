"""The demo: from an empty home to a platform that failed and recovered, and its figures."""

import time
from typing import TYPE_CHECKING

from cli.demo import platform as bring_up
from cli.demo import show
from cli.demo.claims import ClaimBody, DecidedClaim
from cli.demo.figures import DemoFigures, ImplausibleFigures
from cli.demo.home import own_home
from cli.demo.latency import score_latencies
from cli.demo.platform import Platform
from cli.demo.progress import StepLog
from cli.demo.stream import Answer, claim_body, current, decided_claims, submit
from cli.progress import Task
from core.settings import Settings, held
from core.supervision import Processes

if TYPE_CHECKING:
    from pipelines.simulate import UpcomingClaim
    from pipelines.train import TrainingReport

QUIET_CLAIMS, QUIET_PER_SECOND = 150, 30.0
OUTAGE_CLAIMS, OUTAGE_PER_SECOND = 240, 30.0
KILLED_AT, RESTARTED_AT = 60, 120
"""The scorer is killed before this claim of the outage is sent, and restarted before that one."""
RESCORED_WITHIN_S = 60.0
IMPLAUSIBLE_CLAIMS, IMPLAUSIBLE_FACTOR = 5, 1_000
"""Usual claims, submitted with the decimal point three places too far to the right."""
_POLL_S = 0.5


def tour(settings: Settings, log: StepLog, *, claims: int) -> DemoFigures:
    """Run the demo in its own home under the settings' home, stop everything, and return the figures."""
    started = time.perf_counter()
    with own_home(settings, "demo") as own, bring_up.reserved_ports(own, log) as (own, ports), held(own):
        log.heading("Insurer and model")
        named = bring_up.start_servers(own, log)
        with held(named), Processes(named.home / "run", named.environment()) as processes:
            platform = Platform(named, log, processes, ports, "demo")
            insurer = bring_up.simulate(
                platform, claims=claims, live_claims=QUIET_CLAIMS + OUTAGE_CLAIMS + IMPLAUSIBLE_CLAIMS
            )
            report = bring_up.train(platform)
            bring_up.promote(platform)
            bring_up.fill_online_store(platform)

            log.heading("Claims")
            bring_up.start(platform, "scorer", "api", "worker")
            key = bring_up.make_key(name="the demo's claims system", role="claims_system")
            bodies = [claim_body(claim) for claim in insurer.upcoming]
            quiet = send(platform, key, bodies[:QUIET_CLAIMS])
            show.decisions(log.console, decided_claims(quiet))

            log.heading("A misplaced decimal point")
            implausible = submit_implausible(platform, key, insurer.upcoming[-IMPLAUSIBLE_CLAIMS:])

            log.heading("The model and the rule")
            show.figures(log.console, bring_up.rankings(report), base_rate=report.base_rate)
            p50, p99 = measure(platform, insurer.upcoming[:QUIET_CLAIMS])

            log.heading("The scorer is killed")
            outage = break_the_scorer(platform, key, bodies[QUIET_CLAIMS:-IMPLAUSIBLE_CLAIMS])
            answers = [*quiet, *outage]
            current_claims = score_again(platform, key, answers)
        figures = _figures(answers, implausible, current_claims, report, insurer.base_rate, p50, p99, started)
    log.heading("Summary")
    show.summary(log.console, figures)
    return figures


def send(platform: Platform, key: str, bodies: list[ClaimBody]) -> list[Answer]:
    """Submit claims to the healthy platform."""
    with platform.log.step(f"Submit {len(bodies)} claims") as step:
        step.total(len(bodies))
        answers = submit(
            platform.api_url, key, bodies, per_second=QUIET_PER_SECOND, on_answer=lambda _answer: step.advance()
        )
        _show_answers(step, answers)
    return answers


def submit_implausible(platform: Platform, key: str, claims: "list[UpcomingClaim]") -> list[Answer]:
    """Submit usual claims at a thousand times their amounts, and show the findings."""
    bodies = [claim_body(claim, factor=IMPLAUSIBLE_FACTOR) for claim in claims]
    with platform.log.step(f"Submit {len(bodies)} claims at {IMPLAUSIBLE_FACTOR:,} times the amount") as step:
        step.total(len(bodies))
        answers = submit(
            platform.api_url, key, bodies, per_second=QUIET_PER_SECOND, on_answer=lambda _answer: step.advance()
        )
        found = _implausible(answers)
        step.result(f"{found.in_review} of {found.claims} in review, {found.paid} paid")
    show.decisions(
        platform.log.console,
        decided_claims(answers),
        rows=3,
        title="A thousand times the amount",
    )
    return answers


def _implausible(answers: list[Answer]) -> ImplausibleFigures:
    decided = decided_claims(answers)
    return ImplausibleFigures(
        claims=len(answers),
        in_review=sum(claim.status == "in_review" for claim in decided),
        paid=sum(claim.approved_amount > 0 for claim in decided),
    )


def measure(platform: Platform, claims: "list[UpcomingClaim]") -> tuple[float, float]:
    """Median and 99th percentile of an explained score over HTTP, in milliseconds, one client."""
    with platform.log.step("Measure the scorer") as step:
        p50, p99, count = score_latencies(platform.scorer_url, claims, step)
        step.result(f"explained score over HTTP: p50 {p50:.2f} ms, p99 {p99:.2f} ms ({count} claims)")
    return p50, p99


def break_the_scorer(platform: Platform, key: str, bodies: list[ClaimBody]) -> list[Answer]:
    """Submit claims, kill the scorer in the middle of the stream, and start it again before the end."""
    with platform.log.step(f"Submit {len(bodies)} claims, kill -9 the scorer") as step:
        step.total(len(bodies))

        def kill() -> None:
            step.step("the scorer is killed")
            platform.processes.kill("scorer")

        def restart() -> None:
            step.step("the scorer is started again")
            bring_up.process_part(platform, "scorer").start()

        answers = submit(
            platform.api_url,
            key,
            bodies,
            per_second=OUTAGE_PER_SECOND,
            on_answer=lambda _answer: step.advance(),
            events={KILLED_AT: kill, RESTARTED_AT: restart},
        )
        _show_answers(step, answers)
    return answers


def score_again(platform: Platform, key: str, answers: list[Answer]) -> dict[str, DecidedClaim]:
    """Wait until the claims that the rule decided are scored; returns every claim as it is then, by id."""
    decided = decided_claims(answers)
    status = {claim.claim_id: claim.status for claim in decided}
    by_rule = [claim.claim_id for claim in decided if claim.decided_by == "rule"]
    with platform.log.step("The scorer is back: re-score") as step:
        platform.processes.wait("scorer")
        step.total(len(by_rule))
        current_claims = _rescored(platform, key, by_rule, step)
        changed = sum(claim.status != status[name] for name, claim in current_claims.items())
        step.result(f"{_count_by_model(current_claims)} of {len(by_rule)} re-scored, {changed} decisions changed")
    return current(platform.api_url, key, status)


def _rescored(platform: Platform, key: str, claim_ids: list[str], step: Task) -> dict[str, DecidedClaim]:
    """The claims when all are decided by the model, or after the time limit."""
    deadline, known = time.monotonic() + RESCORED_WITHIN_S, 0
    while True:
        current_claims = current(platform.api_url, key, claim_ids)
        done = _count_by_model(current_claims)
        step.advance(done - known)
        known = done
        if done == len(claim_ids) or time.monotonic() > deadline:
            return current_claims
        time.sleep(_POLL_S)


def _count_by_model(claims: dict[str, DecidedClaim]) -> int:
    return sum(claim.decided_by == "model" for claim in claims.values())


def _show_answers(step: Task, answers: list[Answer]) -> None:
    by_rule = sum(answer.by_rule for answer in answers)
    undecided = sum(answer.claim is None for answer in answers)
    slowest = max((answer.ms for answer in answers), default=0.0)
    lost = f", {undecided} without a decision" if undecided else ""
    step.result(
        f"{len(answers) - by_rule - undecided} decided by the model, {by_rule} by the rule{lost}; "
        f"slowest answer {slowest:.0f} ms"
    )


def _figures(
    answers: list[Answer],
    implausible: list[Answer],
    current_claims: dict[str, DecidedClaim],
    report: "TrainingReport",
    base_rate: float,
    p50: float,
    p99: float,
    started: float,
) -> DemoFigures:
    decided = decided_claims(answers)
    by_rule = [claim.claim_id for claim in decided if claim.decided_by == "rule"]
    found = sum(claim.claim_id in current_claims for claim in decided)
    return DemoFigures(
        claims=len(answers),
        by_model=len(decided) - len(by_rule),
        by_rule=len(by_rule),
        lost=len(answers) - found,
        rescored=_count_by_model({name: current_claims[name] for name in by_rule if name in current_claims}),
        implausible=_implausible(implausible),
        base_rate=round(base_rate, 5),
        ap_model=round(report.ap_model, 4),
        ap_rule=round(report.ap_rule, 4),
        ap_amount_only=round(report.ap_amount_only, 4),
        score_p50_ms=round(p50, 3),
        score_p99_ms=round(p99, 3),
        seconds=round(time.perf_counter() - started, 1),
    )
