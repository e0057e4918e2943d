"""Claims and a console over a database, for tests of its pages."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
from psycopg.types.json import Jsonb
from starlette.applications import Starlette
from starlette.routing import Mount

from api.appeals import Appeals
from api.console.access import ConsoleAccess
from api.console.platform import PlatformDesks
from api.console.reading import form_token
from api.console.routes import console_app
from api.console.service import Console
from api.database import NO_LIMITS, Database
from api.field_keys import FieldKeys, StoredSecrets
from api.health.probe import WriteProbe
from api.identity import Authenticator
from api.rate_limits import RateLimits, RatePolicies
from api.reviews.service import Reviews
from api.scorer import ScorerClient
from api.tasks import Tasks
from api.tokens import AccessTokens, Sessions, SigningKeys
from api.unconfirmed import UnconfirmedChanges
from api.users import SignIns
from claims.appeals import packaged_appeal_rules
from claims.prompt_pay import PromptPayClock, packaged_rules
from claims.review import ReviewPolicy
from core.settings import Settings
from tests.api.makers import ENCRYPTION_KEY

POLICY = ReviewPolicy(second_approval_above_cents=5_000_00)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def store_claim(url: str, claim_id: str, *, reason_text: str = "Amount 4.2× the average of P001") -> None:
    """A claim first decided by the rule, then scored by the model."""
    score = {
        "probability": 0.83,
        "margin": 1.5,
        "threshold": 0.4,
        "base_margin": -2.0,
        "typical_margin": -2.25,
        "groups": Jsonb(
            [{"code": "price_against_peers", "push": 3.75, "features": {"amount_to_procedure_mean": 3.75}}]
        ),
        "model_version": "7",
        "vector": Jsonb({"amount_to_procedure_mean": 4.2, "weekend": None}),
        "contributions": Jsonb({"amount_to_procedure_mean": 3.75, "weekend": -0.25}),
        "counterfactual": Jsonb({"amount_cents": 6100, "probability": 0.39, "text": "would be below at 61.00"}),
        "feature_times": Jsonb({"member_history": (NOON - timedelta(hours=12)).isoformat()}),
    }
    push = {"direction": "for", "push": 3.0, "odds": 20.1, "features": {}, "carrier": [], "carrier_share": 1.0}
    reason = {"code": "price_against_peers", "kind": "evidence", "text": reason_text, **push}
    prior = {"code": "provider_record", "kind": "prior", "text": "9 claims were recorded as fraud", **push}
    # As reasons were stored before they had a kind.
    old = {"code": "amount", "text": "An old reason", "direction": "for", "push": 1.0, "odds": 2.7, "features": {}}
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, provider_id,"
            " procedure_code, diagnosis_code, amount_cents, status, source) VALUES"
            " (%s, %s, '2026-03-01', '2026-03-01', 'M1', %s, 'P001', 'D001', 500000, 'in_review', 'api')",
            [claim_id, NOON, reason_text],
        )
        for number, (by, extra) in enumerate([("rule", {}), ("model", score)]):
            values = {
                "assessment_id": f"{claim_id}-{number}",
                "claim_id": claim_id,
                "made_at": NOON + timedelta(minutes=number),
                "decided_by": by,
                "breaker_state": "open" if by == "rule" else "closed",
                "outcome": "in_review",
                "approved_cents": 0,
                "flagged": True,
                "findings": Jsonb(
                    [
                        {
                            "code": "units",
                            "outcome": "in_review",
                            "text": "9 units",
                            "cites": "procedures P001",
                            "line": 1,
                        }
                    ]
                ),
                "reasons": Jsonb([reason, prior, old] if by == "model" else []),
                "supersedes": f"{claim_id}-0" if number else None,
                **extra,
            }
            names = ", ".join(values)
            marks = ", ".join(["%s"] * len(values))
            connection.execute(f"INSERT INTO assessments ({names}) VALUES ({marks})", list(values.values()))


def without_tokens(page: str) -> str:
    """A page without the tokens of its forms, which differ each time that it is shown."""
    return re.sub(r'name="form_token" value="[0-9a-f]+"', "", page)


class Browser(httpx.AsyncClient):
    """A browser at the console: forms carry the token of their session, as those of its pages do."""

    async def post(self, url: Any, *, data: Any = None, content: Any = None, **more: Any) -> httpx.Response:
        session = next((one.value for one in self.cookies.jar if one.name.endswith("ginja_console")), None)
        if content is None and session is not None:
            data = {"form_token": form_token(session)} | dict(data or {})
        return await super().post(url, data=data, content=content, **more)


def keys_of(url: str) -> FieldKeys:
    """The keys that encrypt fields of the database."""
    return FieldKeys(Settings(encryption_keys=ENCRYPTION_KEY), url)


def access_over(database: Database, url: str) -> ConsoleAccess:
    secrets = StoredSecrets(Settings(encryption_keys=ENCRYPTION_KEY), keys_of(url))
    sign_ins = SignIns(database, secrets)
    tokens = AccessTokens(database, SigningKeys(database, secrets), "default")
    return ConsoleAccess(database, Authenticator(database), sign_ins, Sessions(database, secrets, sign_ins, tokens))


def app_over(database: Database, url: str) -> Starlette:
    app, keys = console_app(), keys_of(url)
    settings, scorer = Settings(signed_requests="accepted"), ScorerClient("http://127.0.0.1:1", deadline_ms=100)
    app.state.console = Console(
        database,
        access_over(database, url),
        Reviews(
            database, POLICY, UTC, UnconfirmedChanges(database), PromptPayClock(packaged_rules(), 5), keys, 500_000
        ),
        Appeals(database, packaged_appeal_rules(), UTC, UnconfirmedChanges(database), keys),
        scorer,
        Tasks(database, keys),
        keys,
        settings,
        PlatformDesks.of(database, scorer, settings, WriteProbe(url, NO_LIMITS), RateLimits(RatePolicies(""), None)),
    )
    return Starlette(routes=[Mount("/console", app)])
