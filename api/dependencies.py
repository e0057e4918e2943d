"""The dependencies of a running API, created once per process and shared by its routes."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request

from api.appeals import Appeals, appeal_rules
from api.audit import AuditReading, AuditWriter
from api.authorizations import Authorizations
from api.bulk import BulkUploads
from api.case_files import CaseFiles
from api.client_versions import ClientVersions
from api.consents import Consents, require_honoured
from api.database import Database, act_for, request_limits, see
from api.errors import StepUpRequired
from api.evidence import EvidencePacks
from api.exports import ExportPlaces
from api.field_keys import FieldKeys, StoredSecrets
from api.health.probe import WriteProbe
from api.identity import Authenticator, Caller, Scope, row_access, sent_secret
from api.intake import Intake, adjudication_policies, queue_of_members
from api.keys import Keys
from api.leads import Leads
from api.legal_holds import LegalHolds
from api.notifications import Notifications
from api.oidc import OidcClient, OidcSignIns
from api.rate_limits import RateLimits, RatePolicies, SharedBuckets
from api.registry import MemberSearch, Registry
from api.request_signing import RequestSigningKeys
from api.reviews import Reviews
from api.scorer import ScorerClient
from api.tasks import Tasks
from api.tokens import AccessTokens, Sessions, SigningKeys, is_access_token
from api.unconfirmed import UnconfirmedChanges
from api.users import SignIns, Users
from api.versions import PUBLISHED, VersionHistory
from api.webhooks import AddressGuard, Webhooks
from api.windows import EntityWindows
from claims.review import ReviewPolicy
from core import clock
from core.batch_queue import BatchQueue
from core.live_claims import LiveClaims
from core.settings import Settings, secret_text

MAX_BATCHES: Final = 16
"""Batches that wait at a time."""
MAX_BATCH_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The services of one process, and what they share."""

    settings: Settings
    database: Database
    audit_writer: AuditWriter
    audit: AuditReading
    authenticator: Authenticator
    access_tokens: AccessTokens
    signing_keys: SigningKeys
    sessions: Sessions
    sign_ins: SignIns
    users: Users
    oidc: OidcSignIns | None
    """`None`: nobody signs in by an identity provider."""
    client_versions: ClientVersions
    scorer: ScorerClient
    intake: Intake
    reviews: Reviews
    appeals: Appeals
    webhooks: Webhooks
    notifications: Notifications
    registry: Registry
    member_search: MemberSearch
    keys: Keys
    legal_holds: LegalHolds
    consents: Consents
    evidence: EvidencePacks
    case_files: CaseFiles
    leads: Leads
    request_signing_keys: RequestSigningKeys
    authorizations: Authorizations
    bulk: BulkUploads
    exports: ExportPlaces
    tasks: Tasks
    unconfirmed: UnconfirmedChanges
    rate_limits: RateLimits
    probe: WriteProbe
    live: LiveClaims
    windows: EntityWindows
    field_keys: FieldKeys
    batches: BatchQueue
    """Batches of claims to score, which wait for each other before their bodies are read."""

    @classmethod
    def create(
        cls,
        settings: Settings,
        database_url: str,
        live: LiveClaims,
        versions: VersionHistory = PUBLISHED,
        redis_url: str | None = None,
    ) -> "Dependencies":
        """Create the services; connections are opened by the first request that needs one."""
        limits = request_limits(settings)
        database = Database(database_url, limits=limits, for_callers=True)
        scorer = ScorerClient(
            settings.scorer_base_url,
            deadline_ms=settings.scorer_deadline_ms,
            hedge_after_ms=settings.scorer_hedge_after_ms,
            least_gain_present=settings.score_least_gain_present,
            token=secret_text(settings.scorer_token),
            ca_file=settings.scorer_ca_file,
        )
        policies = adjudication_policies(settings)
        review_policy = ReviewPolicy(second_approval_above_cents=settings.review_second_approval_above_cents)
        unconfirmed = UnconfirmedChanges(database)
        members = queue_of_members(settings)
        windows = EntityWindows(database, scorer)
        field_keys = FieldKeys(settings, database_url)
        secrets = StoredSecrets(settings, field_keys)
        signing_keys = SigningKeys(database, secrets)
        access_tokens = AccessTokens(database, signing_keys, settings.tenant)
        sign_ins = SignIns(database, secrets)
        authenticator = Authenticator(database, versions.current, access_tokens)
        client = OidcClient.of(settings)
        return cls(
            settings=settings,
            database=database,
            audit_writer=AuditWriter(database),
            audit=AuditReading(database, field_keys),
            authenticator=authenticator,
            access_tokens=access_tokens,
            signing_keys=signing_keys,
            sessions=Sessions(database, secrets, sign_ins, access_tokens),
            sign_ins=sign_ins,
            users=Users(database, field_keys, sign_ins.passwords),
            oidc=None if client is None else OidcSignIns(field_keys, sign_ins, client),
            client_versions=ClientVersions(database, authenticator, versions),
            scorer=scorer,
            intake=Intake(database, scorer, policies, unconfirmed, members, windows, field_keys),
            reviews=Reviews(
                database,
                review_policy,
                settings.zone,
                unconfirmed,
                policies.prompt_pay,
                field_keys,
                settings.confirmation_above_cents,
            ),
            bulk=BulkUploads(database, field_keys, max_bytes=settings.largest_upload),
            exports=ExportPlaces(),
            tasks=Tasks(database, field_keys),
            appeals=Appeals(database, appeal_rules(settings), settings.zone, unconfirmed, field_keys),
            webhooks=Webhooks(database, AddressGuard(settings.webhook_networks), secrets),
            notifications=Notifications(database, field_keys),
            registry=Registry(database, field_keys),
            member_search=MemberSearch(database, field_keys),
            keys=Keys(database, field_keys, authenticator),
            legal_holds=LegalHolds(database, field_keys, settings.zone),
            consents=Consents(database, settings.zone),
            evidence=EvidencePacks(database, field_keys, settings),
            case_files=CaseFiles(database, field_keys, settings),
            leads=Leads(database, field_keys, settings.zone),
            request_signing_keys=RequestSigningKeys(database),
            authorizations=Authorizations(database),
            unconfirmed=unconfirmed,
            rate_limits=RateLimits(
                RatePolicies(settings.rate_limits),
                None if redis_url is None else SharedBuckets(redis_url),
                settings.api_processes,
            ),
            probe=WriteProbe(database_url, limits),
            live=live,
            windows=windows,
            field_keys=field_keys,
            batches=BatchQueue(max_waiting=MAX_BATCHES, max_wait_s=MAX_BATCH_WAIT_S),
        )

    async def close(self) -> None:
        """Close every connection."""
        self.sign_ins.passwords.close()
        if self.oidc is not None:
            await self.oidc.close()
        await self.unconfirmed.close()
        await self.probe.close()
        await self.rate_limits.close()
        self.scorer.close()
        await self.database.close()


def dependencies(request: Request) -> Dependencies:
    """The dependencies of the application that serves this request."""
    found: Dependencies = request.app.state.dependencies
    return found


class RequireScope:
    """FastAPI dependency: the authenticated caller, who must have a scope; raises `Unauthorized`, `Forbidden`.

    Raises `ConsentMissing` where the request states a purpose that needs consent, and the route looks none up.

    `required_scopes` reads from it what a route requires, so that the documentation cannot differ from the check.
    """

    def __init__(self, scope: Scope, *others: Scope, also: Scope | None = None) -> None:
        """`others`: each is enough as well. `also`: is required beside."""
        self.scope = scope
        self.others = others
        self.also = also

    async def __call__(self, request: Request) -> Caller:
        own = dependencies(request)
        caller = await own.authenticator.authorize(request, self.scope, *self.others)
        if self.also is not None:
            await own.authenticator.authorize(request, self.also)
        act_for(caller.actor_id)
        see(row_access(caller))
        route = getattr(request.scope.get("route"), "path", "")
        method = "GET" if request.method == "HEAD" else request.method
        require_honoured(f"{method} {route}", caller.role, own.consents.today())
        return caller


class RequireRecentSignIn:
    """FastAPI dependency: a user must have signed in within the last ten minutes; raises `StepUpRequired`.

    An API key is sent with each request, and passes. Beside a `RequireScope`.
    """

    async def __call__(self, request: Request) -> None:
        secret = sent_secret(request)
        if is_access_token(secret) and not (await dependencies(request).access_tokens.signed_in(secret)).is_recent(
            clock.now()
        ):
            raise StepUpRequired("sign in again, and send the new access token")


class AcceptScope:
    """FastAPI dependency: whether the caller has a key with a scope, for a route that returns more to such a caller."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> bool:
        return await dependencies(request).authenticator.has_scope(request, self.scope)


def required_scopes(route: APIRoute) -> tuple[Scope, ...]:
    """The scopes of which a route requires one; none for a route without authentication."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, RequireScope):
            return (dependency.call.scope, *dependency.call.others)
    return ()


def scope_beside(route: APIRoute) -> Scope | None:
    """The scope that a route requires beside one of `required_scopes`; `None`: none."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, RequireScope):
            return dependency.call.also
    return None


def required_scope(route: APIRoute) -> Scope | None:
    """The first scope a route requires; `None` for a route without authentication."""
    return next(iter(required_scopes(route)), None)


RecentSignIn = Annotated[None, Depends(RequireRecentSignIn(), use_cache=False)]
SubmitCaller = Annotated[Caller, Depends(RequireScope(Scope.SUBMIT), use_cache=False)]
AnyCaller = Annotated[Caller, Depends(RequireScope(Scope.VERSION), use_cache=False)]
"""Of a valid key; every role has the scope."""
ReadCaller = Annotated[Caller, Depends(RequireScope(Scope.READ), use_cache=False)]
VoidCaller = Annotated[Caller, Depends(RequireScope(Scope.VOID), use_cache=False)]
ClaimsReader = Annotated[Caller, Depends(RequireScope(Scope.READ, Scope.ANALYZE), use_cache=False)]
"""May see claims, whether or not whose they are (`Caller.sees_identities`)."""
Explainer = Annotated[Caller, Depends(RequireScope(Scope.SCORES, Scope.ANALYZE), use_cache=False)]
ScoresCaller = Annotated[Caller, Depends(RequireScope(Scope.SCORES), use_cache=False)]
BatchCaller = Annotated[Caller, Depends(RequireScope(Scope.BATCH), use_cache=False)]
FindingsCaller = Annotated[Caller, Depends(RequireScope(Scope.FINDINGS), use_cache=False)]
MonitorCaller = Annotated[Caller, Depends(RequireScope(Scope.MONITOR), use_cache=False)]
SeesPlatform = Annotated[bool, Depends(AcceptScope(Scope.MONITOR), use_cache=False)]
OperateCaller = Annotated[Caller, Depends(RequireScope(Scope.OPERATE), use_cache=False)]
WebhooksCaller = Annotated[Caller, Depends(RequireScope(Scope.WEBHOOKS), use_cache=False)]
AppealCaller = Annotated[Caller, Depends(RequireScope(Scope.APPEAL), use_cache=False)]
ApproveCaller = Annotated[Caller, Depends(RequireScope(Scope.APPROVE), use_cache=False)]
ReportsCaller = Annotated[Caller, Depends(RequireScope(Scope.REPORTS), use_cache=False)]
KeysCaller = Annotated[Caller, Depends(RequireScope(Scope.KEYS), use_cache=False)]
PolicyReader = Annotated[Caller, Depends(RequireScope(Scope.POLICY_READ), use_cache=False)]
PolicyWriter = Annotated[Caller, Depends(RequireScope(Scope.POLICY_WRITE), use_cache=False)]
RegistryReader = Annotated[Caller, Depends(RequireScope(Scope.REGISTRY_READ), use_cache=False)]
RegistryWriter = Annotated[Caller, Depends(RequireScope(Scope.REGISTRY_WRITE), use_cache=False)]
PrivacyCaller = Annotated[Caller, Depends(RequireScope(Scope.PRIVACY), use_cache=False)]
ConsentsReader = Annotated[Caller, Depends(RequireScope(Scope.CONSENTS_READ), use_cache=False)]
ConsentsWithdrawer = Annotated[Caller, Depends(RequireScope(Scope.CONSENTS_WITHDRAW), use_cache=False)]
ConsentsSpeaker = Annotated[
    Caller, Depends(RequireScope(Scope.CONSENTS_RECORD, Scope.CONSENTS_WITHDRAW), use_cache=False)
]
"""May record consents, or object at least."""
CasesReader = Annotated[Caller, Depends(RequireScope(Scope.CASES_READ), use_cache=False)]
CasesWorker = Annotated[Caller, Depends(RequireScope(Scope.CASES_WORK), use_cache=False)]
CasesApprover = Annotated[Caller, Depends(RequireScope(Scope.CASES_WORK, also=Scope.APPROVE), use_cache=False)]
"""Works cases, and approves what others propose."""
UsersCaller = Annotated[Caller, Depends(RequireScope(Scope.USERS), use_cache=False)]
AuditCaller = Annotated[Caller, Depends(RequireScope(Scope.AUDIT), use_cache=False)]
DecideCaller = Annotated[Caller, Depends(RequireScope(Scope.DECIDE), use_cache=False)]
