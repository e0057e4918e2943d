"""The claims API as one application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import openapi, problems
from api.appeals import routes as appeal_routes
from api.audit import routes as audit_routes
from api.audited_requests import AuditedRequests
from api.authorizations import routes as authorization_routes
from api.bulk import routes as bulk_routes
from api.case_files import routes as case_file_routes
from api.cases import routes as case_routes
from api.cases import work_routes as case_work_routes
from api.client_address import ClientAddress
from api.client_versions import routes as client_version_routes
from api.conditional import CompressedReads, EntityTags
from api.consents import routes as consent_routes
from api.console.access import ConsoleAccess
from api.console.own import OwnClaims
from api.console.platform import PlatformDesks
from api.console.routes import console_app
from api.console.service import Console
from api.database import DATABASE_FAILURES
from api.dependencies import Dependencies
from api.docs import routes as docs_routes
from api.edi import routes as edi_routes
from api.evidence import routes as evidence_routes
from api.exports import routes as export_routes
from api.fhir import routes as fhir_routes
from api.field_keys import REPLIES
from api.health import routes as health_routes
from api.idempotency import KeyedRequests
from api.identity import WRITE_S
from api.intake import routes as intake_routes
from api.investigations import routes as investigation_routes
from api.keys import routes as key_routes
from api.leads import routes as lead_routes
from api.legal_holds import routes as legal_hold_routes
from api.middleware import HeadLimit, RequestLog, StrictRequests
from api.notifications import routes as notification_routes
from api.overload import RefuseOverload
from api.policies import routes as policy_routes
from api.rate_limit_middleware import LimitRequests
from api.rate_limits import RETRY_S
from api.registry import member_routes, procedure_routes, provider_routes
from api.remittances import routes as remittance_routes
from api.reports import routes as report_routes
from api.request_signing import routes as signing_key_routes
from api.rescreening import routes as rescreening_routes
from api.reviews import routes as review_routes
from api.samples import routes as sample_routes
from api.scoring import routes as scoring_routes
from api.server import Drain, RefuseWhileDraining
from api.signed_requests import SignedRequests
from api.tasks import routes as task_routes
from api.tokens import routes as token_routes
from api.users import routes as user_routes
from api.version_middleware import ApiVersions
from api.versions import PUBLISHED, VersionHistory
from api.webhooks import routes as webhook_routes
from api.windows import REFRESH_S
from core.background import Background
from core.garbage import collect_regularly
from core.live_claims import LiveClaims
from core.setting_types import parse_networks
from core.settings import Settings
from core.version import __version__

_DESCRIPTION = "Adjudicates health-insurance claims, scores them for fraud and gives the reasons of each score."

ROUTERS = (
    intake_routes.router,
    task_routes.router,
    bulk_routes.router,
    edi_routes.router,
    export_routes.router,
    fhir_routes.router,
    scoring_routes.router,
    investigation_routes.router,
    review_routes.router,
    rescreening_routes.router,
    remittance_routes.router,
    report_routes.router,
    appeal_routes.router,
    webhook_routes.router,
    notification_routes.router,
    member_routes.router,
    provider_routes.router,
    procedure_routes.router,
    authorization_routes.router,
    policy_routes.router,
    key_routes.router,
    legal_hold_routes.router,
    lead_routes.router,
    case_routes.router,
    case_work_routes.router,
    evidence_routes.router,
    case_file_routes.router,
    sample_routes.router,
    consent_routes.router,
    audit_routes.router,
    signing_key_routes.router,
    client_version_routes.router,
    token_routes.router,
    user_routes.router,
    health_routes.router,
)
"""Everything that `/openapi.json` describes."""


def create_app(
    settings: Settings,
    database_url: str,
    drain: Drain | None = None,
    versions: VersionHistory = PUBLISHED,
    redis_url: str | None = None,
) -> FastAPI:
    """The application over a database that is at the newest schema; it refuses requests once `drain` has begun.

    `versions` are the versions of the API that it serves. Rate limits are counted in the Valkey of `redis_url` together
    with other processes; without one, this process admits its share.
    """
    live = LiveClaims()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        created = Dependencies.create(settings, database_url, live, versions, redis_url)
        app.state.dependencies = created
        console.state.console = Console(
            created.database,
            ConsoleAccess(created.database, created.authenticator, created.sign_ins, created.sessions, created.oidc),
            created.reviews,
            created.appeals,
            created.scorer,
            created.tasks,
            created.field_keys,
            settings,
            PlatformDesks.of(created.database, created.scorer, settings, created.probe, created.rate_limits),
        )
        console.state.own = OwnClaims(
            created.database, created.intake, created.appeals, created.field_keys, settings.zone
        )
        background = Background("api", expected=DATABASE_FAILURES)
        with suppress(*DATABASE_FAILURES):  # it is tried again below
            await created.windows.refresh()
        await created.field_keys.prepare(REPLIES)
        background.repeat("windows", created.windows.refresh, every_s=REFRESH_S, first_after_s=REFRESH_S)
        background.repeat("last use of keys", created.authenticator.uses.write, every_s=WRITE_S, first_after_s=WRITE_S)
        background.repeat("rate limits", created.rate_limits.reconnect, every_s=RETRY_S)
        collect_regularly(background, live)
        try:
            yield
        finally:
            await background.close()
            with suppress(*DATABASE_FAILURES):
                await created.authenticator.uses.write()
            await created.close()

    app = FastAPI(
        title="Ginja claims API",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        generate_unique_id_function=_operation_id,
    )
    console = console_app()
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    docs_routes.install(app)
    app.mount("/console", console)
    app.add_middleware(KeyedRequests, routes=app.routes)
    app.add_middleware(SignedRequests, routes=app.routes)
    app.add_middleware(AuditedRequests, routes=app.routes)
    app.add_middleware(EntityTags, routes=app.routes)
    app.add_middleware(StrictRequests, routes=app.routes)
    app.add_middleware(ApiVersions, versions=versions)
    app.add_middleware(CompressedReads)
    app.add_middleware(LimitRequests)
    app.add_middleware(HeadLimit)
    app.add_middleware(RefuseOverload, live=live)
    app.add_middleware(RefuseWhileDraining, drain=drain or Drain())
    app.add_middleware(RequestLog)
    app.add_middleware(ClientAddress, proxies=parse_networks(settings.trusted_proxies))
    describe: Callable[[], dict[str, object]] = lambda: openapi.describe(app, ROUTERS)  # noqa: E731
    app.openapi = describe  # type: ignore[method-assign]
    return app


def _operation_id(route: APIRoute) -> str:
    """The name of the route's function: what a generated client calls the operation."""
    return route.name
