"""`ginja demo --case`: one case, from a flagged claim to a model that was trained on what was found."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from claims.money import format_cents
from cli.demo import platform as bring_up
from cli.demo.case import investigation, outcome, overpayment
from cli.demo.case.browser import ConsoleBrowser, ServerTime
from cli.demo.case.context import CaseContext
from cli.demo.case.endpoint import MODEL, LyingEndpoint
from cli.demo.case.figures import CaseFigures
from cli.demo.case.people import INVESTIGATOR, LEAD, SECOND_LEAD, create_user, sign_in
from cli.demo.case.truth import SimulatedTruth
from cli.demo.home import own_home
from cli.demo.platform import Platform
from cli.demo.progress import StepLog
from cli.demo.stream import claim_body, submit
from core.settings import Settings, held
from core.supervision import Processes

if TYPE_CHECKING:
    from pipelines.simulate import UpcomingClaim

UPCOMING_CLAIMS = 6_000
"""Simulated; a few of them are submitted."""
CLAIMS_PER_SECOND = 30.0


@dataclass(frozen=True, slots=True)
class WorkedCase:
    """A case that was worked to its closing, on a platform that still runs."""

    api_url: str
    case_id: str
    provider_id: str
    sample_path: str
    """Of the page of its sample."""
    cookies: Mapping[str, Mapping[str, str]]
    """Of the sessions of people, by their role."""


def case_tour(
    settings: Settings, log: StepLog, *, claims: int, visit: Callable[[WorkedCase], None] | None = None
) -> CaseFigures:
    """Work one case on a platform of its own, stop everything, and return the figures.

    `visit` is called with the closed case before the model is trained again. Raises `DemoPageError` where a page does
    not offer what the next step needs.
    """
    with (
        LyingEndpoint() as endpoint,
        _settings(settings, endpoint) as own,
        bring_up.reserved_ports(own, log) as (own, ports),
        held(own),
    ):
        log.heading("Insurer and model")
        named = bring_up.start_servers(own, log)
        with held(named), Processes(named.home / "run", named.environment()) as processes:
            context = _prepared(Platform(named, log, processes, ports, "demo"), endpoint, claims)
            figures = _worked(context, visit)
    log.heading("Summary")
    _show(log, figures)
    return figures


def _show(log: StepLog, figures: CaseFigures) -> None:
    """Print the figures of the case in two columns; those of the steps are beside the steps."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in asdict(figures).items():
        if not isinstance(value, dict):
            table.add_row(name, str(value))
    log.console.print(table)


@contextmanager
def _settings(settings: Settings, endpoint: LyingEndpoint) -> Iterator[Settings]:
    """Settings of the demo's home: the endpoint drafts, and every amount needs a second person."""
    changed = {"narrative_url": endpoint.url, "narrative_model": MODEL, "review_second_approval_above_cents": 0}
    with own_home(settings, "demo-case") as own:
        yield own.model_copy(update=changed)


def _prepared(platform: Platform, endpoint: LyingEndpoint, claims: int) -> CaseContext:
    """An insurer with a champion, a day of claims, and leads of the claims that need a person."""
    insurer = bring_up.simulate(platform, claims=claims, live_claims=UPCOMING_CLAIMS)
    truth = SimulatedTruth.read(platform.data)
    bring_up.train(platform)
    bring_up.promote(platform)
    bring_up.fill_online_store(platform)
    platform.log.heading("A day of claims")
    bring_up.start(platform, "scorer", "api")
    taken = ServerTime()
    suspects = truth.suspects(insurer.upcoming)
    ids = _submit(platform, truth.day_of_claims(insurer.upcoming, suspects), taken)
    # Leads are made when the worker starts, and then every minute.
    bring_up.start(platform, "worker")
    return CaseContext(platform, taken, endpoint, truth.with_ids(ids), frozenset(suspects))


def _submit(platform: Platform, chosen: "Sequence[UpcomingClaim]", taken: ServerTime) -> dict[str, str]:
    """Submit the claims of a day; returns their ids by their simulated ids."""
    key = bring_up.make_key(name="the demo's claims system", role="claims_system")
    with platform.log.step(f"Submit {len(chosen)} claims") as step:
        step.total(len(chosen))
        answers = submit(
            platform.api_url,
            key,
            [claim_body(one) for one in chosen],
            per_second=CLAIMS_PER_SECOND,
            on_answer=lambda _: step.advance(),
        )
        decided = [(one["claim_id"], answer.claim) for one, answer in zip(chosen, answers, strict=True) if answer.claim]
        waiting = sum(claim.status == "in_review" for _, claim in decided)
        step.result(f"{len(decided)} decided, {waiting} of them in review")
    taken.seconds += sum(answer.ms for answer in answers) / 1_000
    return {simulated: claim.claim_id for simulated, claim in decided}


def _worked(context: CaseContext, visit: Callable[[WorkedCase], None] | None) -> CaseFigures:
    """The case, from the sign-in to the candidate."""
    platform = context.platform
    platform.log.heading("The case")
    with contextlib.ExitStack() as signed_in:
        investigator, lead, second_lead = (signed_in.enter_context(one) for one in _signed_in(context))
        case = investigation.open_case(context, investigator)
        pack = investigation.write_pack(context, investigator, case)
        drafts = investigation.read_drafts(context, investigator, pack)
        sample = overpayment.draw_and_review(context, investigator, case)
        recovered = overpayment.demand(context, lead, case, sample)
        outcome.deny(context, investigator, lead, case)
        appealed = outcome.appeal(context, second_lead, case)
        outcome.verify_decisions(context)
        outcome.close(context, investigator, second_lead, case, sample.demand_cents)
        clicks = investigator.clicks + lead.clicks + second_lead.clicks
        if visit is not None:
            sample_path = urlsplit(sample.url).path
            cookies = {INVESTIGATOR.role: investigator.cookies, LEAD.role: lead.cookies}
            visit(WorkedCase(platform.api_url, case.case_id, case.provider_id, sample_path, cookies))
    platform.log.heading("What was learned")
    made = outcome.retrain(context, case)
    return CaseFigures(
        clicks=clicks,
        server_s=round(context.taken.seconds, 2),
        sentences=drafts.sentences,
        sentences_shown=drafts.sentences_shown,
        lies_planted=drafts.lies,
        lies_shown=drafts.lies_shown,
        pack_verified=pack.is_verified,
        tamper_found=pack.tamper_is_found,
        sample_lower_bound=_amount(sample.lower_cents),
        recovered=_amount(recovered),
        demanded=_amount(sample.demand_cents),
        appeal=appealed,
        labels=made.labels,
        candidate=made.version,
        promoted=made.why_refused is None,
        refused_because=made.why_refused,
        recomputed=context.recomputed,
        seconds=context.seconds,
    )


def _amount(cents: int) -> float:
    return float(format_cents(cents).replace(",", ""))


def _signed_in(context: CaseContext) -> list[ConsoleBrowser]:
    """The browsers of the investigator and of two lead investigators."""
    people = (INVESTIGATOR, LEAD, SECOND_LEAD)
    with context.step("people", "Three people sign in") as step:
        browsers = []
        for person in people:
            password = secrets.token_urlsafe(18)
            create_user(person, password)
            browsers.append(sign_in(context.platform.api_url, context.taken, person, password))
        step.result(", ".join(f"{one.name} ({one.role})" for one in people))
        context.say(f"{context.platform.api_url}/console")
    return browsers
