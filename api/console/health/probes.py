"""What answers now, and what the settings and this process say. None of it raises: what fails is a line."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from prometheus_client import REGISTRY

from api.console.health.lines import HealthLine, Runbook, line
from api.health.probe import READY, WriteProbe
from api.overload import MAX_LIMIT
from api.rate_limits import RateLimits
from api.scorer import CLOCK_ALARM_S, BreakerState, ScorerClient, ScorerFailure
from core.setting_types import is_this_machine
from core.settings import Settings

EXPIRES_SOON_DAYS: Final = 21
"""Days before its end from which a certificate needs attention."""
BREAKER: Final = ("Circuit breaker", "closed")
DATABASE: Final = ("Database", "ready")
SCORER: Final = ("Scorer", "answers, and has a model")
VALKEY: Final = ("Valkey", "answers")


def breaker_line(scorer: ScorerClient) -> HealthLine:
    """The circuit breaker of this process."""
    state = scorer.state()
    return line(
        *_named(BREAKER, state.value.replace("_", " ")), Runbook.SCORING, is_normal=state is BreakerState.CLOSED
    )


def clock_line(scorer: ScorerClient) -> HealthLine:
    """The scorer's clock, as of the last exchanges."""
    offset = scorer.clock_offset.seconds
    return line(
        "Scorer's clock less this host's",
        f"{offset:+.3f} s",
        f"within {CLOCK_ALARM_S:g} s",
        Runbook.SCORING,
        is_normal=abs(offset) < CLOCK_ALARM_S,
    )


async def database_line(probe: WriteProbe) -> HealthLine:
    """Whether claims can be stored."""
    state = await probe.state()
    return line(*_named(DATABASE, state), Runbook.DATABASE, is_normal=state == READY)


async def scorer_line(scorer: ScorerClient) -> HealthLine:
    """Whether the scorer answers, and which models it has."""
    try:
        serving = await scorer.serving_models()
    except ScorerFailure as failure:
        return line(*_named(SCORER, f"{failure} ({failure.code})"), Runbook.SCORING, is_normal=False)
    challenger = "" if serving.challenger is None else f", challenger {serving.challenger}"
    return line(*_named(SCORER, f"champion {serving.champion}{challenger}"), Runbook.SCORING, is_normal=True)


async def valkey_line(limits: RateLimits) -> HealthLine:
    """Whether Valkey answers."""
    why = await limits.valkey_state()
    found = "answers" if why is None else f"does not answer ({why})"
    return line(*_named(VALKEY, found), Runbook.FEATURES, is_normal=why is None)


def rate_limits_line(limits: RateLimits) -> HealthLine:
    """Whether rate limits are counted together with other processes."""
    found = "counted by each process alone" if limits.counts_alone else "counted in Valkey"
    return line("Rate limits", found, "counted in Valkey", Runbook.FEATURES, is_normal=not limits.counts_alone)


def overload_line() -> HealthLine:
    """How many requests this process works on at a time, and how many it refused."""
    # The gauge is set by the first adjustment; until then the limit is the largest.
    limit = int(REGISTRY.get_sample_value("ginja_api_admission_limit") or MAX_LIMIT)
    refused = int(REGISTRY.get_sample_value("ginja_api_queue_refused_total", {"queue": "door", "cause": "full"}) or 0)
    return line(
        "Requests at a time in this process",
        f"at most {limit:,}; {refused:,} refused since its start",
        f"at most {MAX_LIMIT:,}",
        Runbook.SIZING,
        is_normal=limit >= MAX_LIMIT,
    )


def tls_line(settings: Settings, now: datetime) -> HealthLine:
    """Whether this process serves HTTPS, and until when its certificate is valid."""
    title, normal = "HTTPS", f"a certificate for {EXPIRES_SOON_DAYS} days or more, or a proxy on this machine"
    if settings.tls_certificate is None:
        is_local = is_this_machine(settings.api_host)
        found = "reached from this machine only, such as by a proxy" if is_local else "listens beyond it without TLS"
        return line(title, found, normal, Runbook.TLS, is_normal=is_local)
    ends = certificate_end(settings.tls_certificate)
    if ends is None:
        return line(title, "the file of the certificate cannot be read", normal, Runbook.TLS, is_normal=False)
    days = (ends - now).days
    found = f"certificate ends on {ends.date().isoformat()} ({days:,} days)"
    return line(title, found, normal, Runbook.TLS, is_normal=days >= EXPIRES_SOON_DAYS)


def certificate_end(path: Path) -> datetime | None:
    """The end of the certificate of a server, the first of a chain in PEM; `None` where it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.astimezone(UTC)
    except (OSError, ValueError):
        return None


def signatures_line(settings: Settings) -> HealthLine:
    """Whether approvals and administration must be signed or confirmed."""
    required = settings.signed_requests == "required"
    found = "required" if required else "verified only where they are sent"
    return line("Signed approvals", found, "required", Runbook.USERS, is_normal=required)


def _named(line_of: tuple[str, str], found: str) -> tuple[str, str, str]:
    name, normal = line_of
    return name, found, normal
