"""Operations of the API, synchronous.

Generated from the description of the API by `make clients`; do not edit.
"""

from collections.abc import Iterator
from typing import Literal, cast

from ginja_client.calls import SyncCalls
from ginja_client.models import (
    ApiKeyOut,
    ApiKeyPage,
    AppealDecisionIn,
    AppealIn,
    AppealList,
    AppealOut,
    AuditEntryList,
    AuditEntryOut,
    AuditEntryWithChangeOut,
    AuthorizationIn,
    AuthorizationOut,
    AuthorizationPage,
    AuthorizationState,
    AuthorizationUpdate,
    AuthorizationUseOut,
    BulkCancelIn,
    BulkJobOut,
    BulkUploadIn,
    CaseAssignmentIn,
    CaseClaimList,
    CaseClaimOut,
    CaseClaimsIn,
    CaseClosingAnswerIn,
    CaseClosingIn,
    CaseEventOut,
    CaseFileList,
    CaseFileOut,
    CaseFileWithdrawIn,
    CaseHistory,
    CaseIn,
    CaseList,
    CaseNoteIn,
    CaseOut,
    CaseReopeningIn,
    CaseSampleDetailsOut,
    CaseSampleList,
    CaseSampleOut,
    CaseTaskDoneIn,
    CaseTaskIn,
    CaseTaskList,
    CaseTaskOut,
    ClaimIn,
    ClaimOut,
    ClaimPage,
    ClientVersionOut,
    ConsentIn,
    ConsentOut,
    ConsentPage,
    ConsentWithdrawalIn,
    CoverIn,
    DecisionIn,
    DecisionOut,
    DeliveryDetailsOut,
    DeliveryOut,
    DeliveryPage,
    DispositionIn,
    DispositionList,
    DispositionOut,
    EdiReplyOut,
    EndIn,
    EndpointChangeIn,
    EndpointIn,
    EndpointList,
    EndpointOut,
    EndpointSecretOut,
    EvidencePackIn,
    EvidencePackList,
    EvidencePackOut,
    ExplanationOut,
    FoundMembers,
    IssuedKeyOut,
    JsonWebKeySetOut,
    KeyIn,
    KeyRevocationIn,
    KeyRotationIn,
    LeadActIn,
    LeadList,
    LeadOut,
    LeadWithClaims,
    LedgerEntryIn,
    LegalHoldIn,
    LegalHoldOut,
    LegalHoldPage,
    LegalHoldReleaseIn,
    ListedMember,
    Liveness,
    MailOut,
    MailPage,
    MailRetryIn,
    MemberIn,
    MemberOut,
    MemberPage,
    MemberSearchIn,
    MemberUpdate,
    MeOut,
    NotificationSubscriptionList,
    NotificationSubscriptionOut,
    OverpaymentDemandIn,
    PasswordChangeIn,
    PasswordResetIn,
    PeriodIn,
    PolicyActivationIn,
    PolicyActivationOut,
    PolicyDraftIn,
    PolicyList,
    PolicyRollbackIn,
    PolicyVersionOut,
    ProcedureIn,
    ProcedureOut,
    ProcedurePage,
    ProcedureUpdate,
    ProviderIn,
    ProviderOut,
    ProviderPage,
    ProviderUpdate,
    Readiness,
    ReasonList,
    RecoupmentOut,
    RecoveryCodesOut,
    RefreshIn,
    RemittanceOut,
    ReplayIn,
    ReplayOut,
    ReportPage,
    RescreeningCloseIn,
    RescreeningFindingList,
    RescreeningFindingOut,
    ReviewOut,
    SampleEstimateIn,
    SamplePlanIn,
    SampleReviewsIn,
    SampleWorksheetOut,
    ScoreBatchIn,
    ScoreBatchOut,
    SecondFactorConfirmIn,
    SecondFactorIn,
    SecondFactorOut,
    SecondFactorResetIn,
    SecretRotationIn,
    SigningKeyIn,
    SigningKeyOut,
    SigningKeyPage,
    SigningKeyRevocationIn,
    SignInIn,
    SignOutIn,
    SnoozeIn,
    StoredReportOut,
    SubscriptionIn,
    SuspendedEdits,
    TaskOut,
    TokenOut,
    TrialEventIn,
    UserIn,
    UserOut,
    UserPage,
    UserPasswordOut,
    UserSessionsOut,
    UserUpdate,
    VersionRollbackIn,
    VersionUpgradeIn,
    VoidIn,
    WeeklyListOut,
)
from ginja_client.values import Call, JsonObject, fill


class SyncOperations(SyncCalls):
    """One method for each operation."""

    def submit_claim(self, body: ClaimIn, *, idempotency_key: str | None = None) -> ClaimOut:
        """Submit a claim and get its decision.

        With an `Idempotency-Key` header the same request can be repeated: it gets the same response, byte for
        byte. With `Prefer: respond-async` the claim is checked and stored as a task, which `Location` names, and
        decided later.
        """
        return cast(
            "ClaimOut",
            self._call(
                Call("POST", "/v1/claims", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def submit_claim_as_task(self, body: ClaimIn, *, idempotency_key: str | None = None) -> TaskOut:
        """As `submit_claim`, carried out later: `get_task` says what became of it."""
        return cast(
            "TaskOut",
            self._call(
                Call(
                    "POST",
                    "/v1/claims",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key, "Prefer": "respond-async"},
                    takes_key=True,
                )
            ),
        )

    def list_claims(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"] | None = None,
        member_id: str | None = None,
        provider_id: str | None = None,
        sort: Literal["-received_at", "received_at"] | None = None,
        fields: str | None = None,
    ) -> ClaimPage:
        """List claims, newest first. A provider's key lists that provider's claims, a member's key that member's.

        The order is total, by time of receipt and id. Following `next_cursor` with the same parameters gives each
        claim that was there at the beginning once, whatever is added meanwhile.
        """
        return cast(
            "ClaimPage",
            self._call(
                Call(
                    "GET",
                    "/v1/claims",
                    query={
                        "limit": limit,
                        "cursor": cursor,
                        "status": status,
                        "member_id": member_id,
                        "provider_id": provider_id,
                        "sort": sort,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_claims(
        self,
        *,
        limit: int | None = None,
        status: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"] | None = None,
        member_id: str | None = None,
        provider_id: str | None = None,
        sort: Literal["-received_at", "received_at"] | None = None,
        fields: str | None = None,
    ) -> Iterator[ClaimOut]:
        """Each item of `list_claims`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_claims(
                limit=limit,
                status=status,
                member_id=member_id,
                provider_id=provider_id,
                sort=sort,
                fields=fields,
                cursor=cursor,
            )
            yield from page["claims"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_claim(self, claim_id: str, *, fields: str | None = None) -> ClaimOut:
        """Read a claim with its latest assessment and decision."""
        return cast(
            "ClaimOut",
            self._call(Call("GET", fill("/v1/claims/{claim_id}", claim_id=claim_id), query={"fields": fields})),
        )

    def explain_claim(self, claim_id: str, *, fields: str | None = None) -> ExplanationOut:
        """Explain a claim: its lines and every assessment with vector, contributions and reasons, oldest first."""
        return cast(
            "ExplanationOut",
            self._call(
                Call("GET", fill("/v1/claims/{claim_id}/explanation", claim_id=claim_id), query={"fields": fields})
            ),
        )

    def void_claim(
        self,
        claim_id: str,
        body: VoidIn | None = None,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> ClaimOut:
        """Void a claim. To correct one, submit the corrected claim with `replaces` instead."""
        return cast(
            "ClaimOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/claims/{claim_id}/void", claim_id=claim_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def get_task(self, task_id: str) -> TaskOut:
        """Read what became of a request that was sent with `Prefer: respond-async`, for six days after it ended."""
        return cast("TaskOut", self._call(Call("GET", fill("/v1/tasks/{task_id}", task_id=task_id))))

    def begin_upload(self, body: BulkUploadIn, *, idempotency_key: str | None = None) -> BulkJobOut:
        """Begin the upload of a file of claims, CSV, NDJSON or X12 (837).

        Send its bytes with `PATCH`. Once all have arrived, a worker submits the claims one by one, as `POST
        /v1/claims` does, or `POST /v1/x12/837`; live claims come first.
        """
        return cast(
            "BulkJobOut",
            self._call(
                Call("POST", "/v1/bulk/claims", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def get_upload(self, job_id: str) -> BulkJobOut:
        """Read how far an upload is, and how many of its claims were taken and refused."""
        return cast("BulkJobOut", self._call(Call("GET", fill("/v1/bulk/claims/{job_id}", job_id=job_id))))

    def cancel_upload(
        self, job_id: str, body: BulkCancelIn | None = None, *, idempotency_key: str | None = None
    ) -> BulkJobOut:
        """Cancel an upload, or the submission of its claims; claims that were submitted stay."""
        return cast(
            "BulkJobOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/bulk/claims/{job_id}/cancel", job_id=job_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def submit_x12_claims(self, body: bytes) -> EdiReplyOut:
        """Submit the claims of an X12 837 file and get the acknowledgements (999, 277CA).

        Each claim is decided as by `POST /v1/claims`, or refused with segment, code and reason; the others are
        taken. A claim is identified by its provider, number (CLM01) and frequency: a file can be sent again, and
        claims that were taken in the last seven days are reported as repeated. With `Accept: application/edi-x12`
        the answer is X12.
        """
        return cast(
            "EdiReplyOut", self._call(Call("POST", "/v1/x12/837", content=body, content_type="application/edi-x12"))
        )

    def submit_fhir_claim(self, body: JsonObject, *, idempotency_key: str | None = None) -> JsonObject:
        """Submit a FHIR R4 `Claim` and get its decision as a `ClaimResponse`.

        It is decided as by `POST /v1/claims`. What cannot be read or is refused is an `OperationOutcome` with the
        FHIRPath of each element. A claim with an identifier can be sent again: it gets the same answer for seven
        days. With `Prefer: respond-async` the claim is checked and stored as a task, which `Location` names, and
        decided later: the `ClaimResponse` is the `body` of the task's `response`.
        """
        return cast(
            "JsonObject",
            self._call(
                Call(
                    "POST",
                    "/v1/fhir/Claim",
                    json=body,
                    content_type="application/fhir+json",
                    accept="application/fhir+json",
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def submit_fhir_claim_as_task(self, body: JsonObject, *, idempotency_key: str | None = None) -> TaskOut:
        """As `submit_fhir_claim`, carried out later: `get_task` says what became of it."""
        return cast(
            "TaskOut",
            self._call(
                Call(
                    "POST",
                    "/v1/fhir/Claim",
                    json=body,
                    content_type="application/fhir+json",
                    accept="application/fhir+json",
                    headers={"Idempotency-Key": idempotency_key, "Prefer": "respond-async"},
                    takes_key=True,
                )
            ),
        )

    def get_fhir_capabilities(self) -> JsonObject:
        """Read which resources of FHIR R4 the API has, and what can be done with each, as a `CapabilityStatement`."""
        return cast("JsonObject", self._call(Call("GET", "/v1/fhir/metadata", accept="application/fhir+json")))

    def score_claims(self, body: ScoreBatchIn) -> ScoreBatchOut:
        """Score up to 500 claims without deciding or storing them.

        The response is one document, or one score per line with `Accept: application/x-ndjson`.
        """
        return cast("ScoreBatchOut", self._call(Call("POST", "/v1/claims:score-batch", json=body, repeatable=True)))

    def get_weekly_list(self, *, week: str | None = None, fields: str | None = None) -> WeeklyListOut:
        """Read the list of claims to investigate of a week; without `week`, the latest list."""
        return cast("WeeklyListOut", self._call(Call("GET", "/v1/reviews", query={"week": week, "fields": fields})))

    def list_dispositions(self, claim_id: str) -> DispositionList:
        """List the dispositions of a claim, latest first."""
        return cast(
            "DispositionList", self._call(Call("GET", fill("/v1/claims/{claim_id}/dispositions", claim_id=claim_id)))
        )

    def record_disposition(
        self, claim_id: str, body: DispositionIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> DispositionOut:
        """Record what an investigation of a claim found. The same disposition sent again is recorded once."""
        return cast(
            "DispositionOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/claims/{claim_id}/dispositions", claim_id=claim_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def decide_claim(
        self, claim_id: str, body: DecisionIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> DecisionOut:
        """Decide a claim in review: release, pay reduced, deny, or pend for documents.

        Above a configured amount the decision is a proposal until a second person with the scope `claims:approve`
        approves or refuses it. That scope also reopens a decided claim. If another reviewer decided first, or the
        claim is not in review, the response is 409 with the last decision.
        """
        return cast(
            "DecisionOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/claims/{claim_id}/decisions", claim_id=claim_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def get_review(self, claim_id: str) -> ReviewOut:
        """Read the review of a claim: version, payable amount, the actions of this key, and every decision."""
        return cast("ReviewOut", self._call(Call("GET", fill("/v1/claims/{claim_id}/decisions", claim_id=claim_id))))

    def list_decision_reasons(self) -> ReasonList:
        """List the reason codes of decisions, what each means and which actions it fits.

        A key without `scores:read` sees those that its claims can have.
        """
        return cast("ReasonList", self._call(Call("GET", "/v1/decision-reasons")))

    def list_rescreening_findings(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        cause: Literal[
            "mue", "ptp", "leie", "hcpcs", "icd10", "fees", "contracts", "provider", "member", "procedure", "plan"
        ]
        | None = None,
        claim_id: str | None = None,
        provider_id: str | None = None,
        status: Literal["open", "closed"] | None = None,
        fields: str | None = None,
    ) -> RescreeningFindingList:
        """List what differs, after changes of lists, prices, registries and eligibility, from how claims were
        decided.

        The newest first. No claim is changed by a finding.
        """
        return cast(
            "RescreeningFindingList",
            self._call(
                Call(
                    "GET",
                    "/v1/rescreening-findings",
                    query={
                        "limit": limit,
                        "cursor": cursor,
                        "cause": cause,
                        "claim_id": claim_id,
                        "provider_id": provider_id,
                        "status": status,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_rescreening_findings(
        self,
        *,
        limit: int | None = None,
        cause: Literal[
            "mue", "ptp", "leie", "hcpcs", "icd10", "fees", "contracts", "provider", "member", "procedure", "plan"
        ]
        | None = None,
        claim_id: str | None = None,
        provider_id: str | None = None,
        status: Literal["open", "closed"] | None = None,
        fields: str | None = None,
    ) -> Iterator[RescreeningFindingOut]:
        """Each item of `list_rescreening_findings`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_rescreening_findings(
                limit=limit,
                cause=cause,
                claim_id=claim_id,
                provider_id=provider_id,
                status=status,
                fields=fields,
                cursor=cursor,
            )
            yield from page["findings"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def close_finding(
        self, finding_id: str, body: RescreeningCloseIn, *, idempotency_key: str | None = None
    ) -> RescreeningFindingOut:
        """Close a finding with a reason. It is closed once, by a named user; the claim is unchanged."""
        return cast(
            "RescreeningFindingOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/rescreening-findings/{finding_id}/close", finding_id=finding_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def get_remittance(
        self, *, provider_id: str, first_day: str, last_day: str, balance_brought: str | None = None
    ) -> RemittanceOut:
        """Read the remittance advice of a provider: its claims decided over some days, with the payment of each
        line.

        A claim that was decided before these days, and voided, corrected or decided otherwise in them, is
        reversed: over days that follow one another, the sum of all remittances is what is paid now. With `Accept:
        application/edi-x12` it is an X12 835. Nothing is recorded as paid by it. Days that have just ended are
        refused for a minute, until their last claims are stored; the advice of days that have not ended is
        preliminary.
        """
        return cast(
            "RemittanceOut",
            self._call(
                Call(
                    "GET",
                    "/v1/remittances",
                    query={
                        "provider_id": provider_id,
                        "first_day": first_day,
                        "last_day": last_day,
                        "balance_brought": balance_brought,
                    },
                )
            ),
        )

    def list_reports(
        self,
        *,
        kind: Literal["daily_decisions", "provider_scorecard"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        fields: str | None = None,
    ) -> ReportPage:
        """List the reports that were made each day and each week, the newest first. They are kept for 400 days."""
        return cast(
            "ReportPage",
            self._call(
                Call("GET", "/v1/reports", query={"kind": kind, "limit": limit, "cursor": cursor, "fields": fields})
            ),
        )

    def iter_reports(
        self,
        *,
        kind: Literal["daily_decisions", "provider_scorecard"] | None = None,
        limit: int | None = None,
        fields: str | None = None,
    ) -> Iterator[StoredReportOut]:
        """Each item of `list_reports`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_reports(kind=kind, limit=limit, fields=fields, cursor=cursor)
            yield from page["reports"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_report_file(self, report_id: str, *, format: Literal["pdf", "csv"] | None = None) -> bytes:
        """Read the file of a report: PDF, or CSV with a line for each value."""
        return (
            self._send(
                Call(
                    "GET",
                    fill("/v1/reports/{report_id}/file", report_id=report_id),
                    query={"format": format},
                    accept="application/pdf",
                )
            )
        ).content

    def file_appeal(
        self, claim_id: str, body: AppealIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> AppealOut:
        """Appeal the decision of a claim that was denied, rejected or paid in part.

        The response has the day by which the appeal is decided. A claim has one open appeal at a time.
        """
        return cast(
            "AppealOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/claims/{claim_id}/appeals", claim_id=claim_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_appeals_of_claim(self, claim_id: str, *, fields: str | None = None) -> AppealList:
        """List the appeals of a claim, oldest first."""
        return cast(
            "AppealList",
            self._call(Call("GET", fill("/v1/claims/{claim_id}/appeals", claim_id=claim_id), query={"fields": fields})),
        )

    def list_open_appeals(
        self, *, limit: int | None = None, cursor: str | None = None, fields: str | None = None
    ) -> AppealList:
        """List the open appeals, by due date."""
        return cast(
            "AppealList",
            self._call(Call("GET", "/v1/appeals", query={"limit": limit, "cursor": cursor, "fields": fields})),
        )

    def iter_open_appeals(self, *, limit: int | None = None, fields: str | None = None) -> Iterator[AppealOut]:
        """Each item of `list_open_appeals`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_open_appeals(limit=limit, fields=fields, cursor=cursor)
            yield from page["appeals"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def decide_appeal(self, appeal_id: str, body: AppealDecisionIn, *, idempotency_key: str | None = None) -> AppealOut:
        """Decide an appeal: the decision is upheld, overturned or partly overturned.

        An appeal is decided once, by an approver who took no part in the decision. An overturn pays the claim in
        the same transaction and records a finding.
        """
        return cast(
            "AppealOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/appeals/{appeal_id}/decision", appeal_id=appeal_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def list_suspended_edits(self) -> SuspendedEdits:
        """List the edits that are suspended because too many of their decisions were overturned."""
        return cast("SuspendedEdits", self._call(Call("GET", "/v1/suspended-edits")))

    def list_webhook_endpoints(self) -> EndpointList:
        """List the receivers of events, the oldest first."""
        return cast("EndpointList", self._call(Call("GET", "/v1/webhook-endpoints")))

    def register_webhook_endpoint(self, body: EndpointIn) -> EndpointSecretOut:
        """Register a receiver of events. The response has its secret, which is shown once.

        Events are sent from then on. A URL can be registered once, so a repeated request is refused and adds
        nothing.
        """
        return cast("EndpointSecretOut", self._call(Call("POST", "/v1/webhook-endpoints", json=body, signed=True)))

    def get_webhook_endpoint(self, endpoint_id: str) -> EndpointOut:
        """Read a receiver of events."""
        return cast(
            "EndpointOut", self._call(Call("GET", fill("/v1/webhook-endpoints/{endpoint_id}", endpoint_id=endpoint_id)))
        )

    def change_webhook_endpoint(
        self, endpoint_id: str, body: EndpointChangeIn, *, if_match: str | None = None
    ) -> EndpointOut:
        """Change a receiver of events, or enable or disable it. Deliveries of a disabled one fail, and can be
        replayed."""
        return cast(
            "EndpointOut",
            self._call(
                Call(
                    "PATCH",
                    fill("/v1/webhook-endpoints/{endpoint_id}", endpoint_id=endpoint_id),
                    json=body,
                    headers={"If-Match": if_match},
                    signed=True,
                )
            ),
        )

    def delete_webhook_endpoint(self, endpoint_id: str, *, if_match: str | None = None) -> None:
        """Delete a receiver of events with its deliveries."""
        self._call(
            Call(
                "DELETE",
                fill("/v1/webhook-endpoints/{endpoint_id}", endpoint_id=endpoint_id),
                headers={"If-Match": if_match},
                signed=True,
            )
        )

    def rotate_webhook_secret(self, endpoint_id: str, body: SecretRotationIn) -> EndpointSecretOut:
        """Make a new secret, which is shown once. Webhooks are signed with both secrets while they overlap."""
        return cast(
            "EndpointSecretOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/webhook-endpoints/{endpoint_id}/rotate-secret", endpoint_id=endpoint_id),
                    json=body,
                    signed=True,
                )
            ),
        )

    def send_test_event(
        self, endpoint_id: str, body: TrialEventIn, *, idempotency_key: str | None = None
    ) -> DeliveryOut:
        """Send an event that is marked as a test, also of a type that the endpoint did not choose."""
        return cast(
            "DeliveryOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/webhook-endpoints/{endpoint_id}/test", endpoint_id=endpoint_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def replay_deliveries(self, endpoint_id: str, body: ReplayIn, *, idempotency_key: str | None = None) -> ReplayOut:
        """Send one delivery again, or every failed one since an instant, under the same `webhook-id`."""
        return cast(
            "ReplayOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/webhook-endpoints/{endpoint_id}/replay", endpoint_id=endpoint_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_deliveries(
        self,
        endpoint_id: str,
        *,
        status: Literal["pending", "delivered", "failed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        fields: str | None = None,
    ) -> DeliveryPage:
        """List the deliveries of an endpoint, the newest first. They are kept for 30 days."""
        return cast(
            "DeliveryPage",
            self._call(
                Call(
                    "GET",
                    fill("/v1/webhook-endpoints/{endpoint_id}/deliveries", endpoint_id=endpoint_id),
                    query={"status": status, "limit": limit, "cursor": cursor, "fields": fields},
                )
            ),
        )

    def iter_deliveries(
        self,
        endpoint_id: str,
        *,
        status: Literal["pending", "delivered", "failed"] | None = None,
        limit: int | None = None,
        fields: str | None = None,
    ) -> Iterator[DeliveryOut]:
        """Each item of `list_deliveries`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_deliveries(
                endpoint_id=endpoint_id, status=status, limit=limit, fields=fields, cursor=cursor
            )
            yield from page["deliveries"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_delivery(self, delivery_id: str) -> DeliveryDetailsOut:
        """Read a delivery: what is sent, and each attempt with its status, error and duration."""
        return cast(
            "DeliveryDetailsOut",
            self._call(Call("GET", fill("/v1/webhook-deliveries/{delivery_id}", delivery_id=delivery_id))),
        )

    def list_notification_subscriptions(self) -> NotificationSubscriptionList:
        """List who is notified of what, by event and recipient."""
        return cast("NotificationSubscriptionList", self._call(Call("GET", "/v1/notification-subscriptions")))

    def add_notification_subscription(
        self, body: SubscriptionIn, *, idempotency_key: str | None = None
    ) -> NotificationSubscriptionOut:
        """Notify an e-mail address of an event from now on. A second subscription of both is refused (`409`)."""
        return cast(
            "NotificationSubscriptionOut",
            self._call(
                Call(
                    "POST",
                    "/v1/notification-subscriptions",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def get_notification_subscription(self, subscription_id: str) -> NotificationSubscriptionOut:
        """Read a subscription."""
        return cast(
            "NotificationSubscriptionOut",
            self._call(
                Call("GET", fill("/v1/notification-subscriptions/{subscription_id}", subscription_id=subscription_id))
            ),
        )

    def remove_notification_subscription(self, subscription_id: str, *, if_match: str | None = None) -> None:
        """End a subscription; what was collected for it is still sent."""
        self._call(
            Call(
                "DELETE",
                fill("/v1/notification-subscriptions/{subscription_id}", subscription_id=subscription_id),
                headers={"If-Match": if_match},
                signed=True,
            )
        )

    def list_notification_mails(
        self,
        *,
        status: Literal["pending", "sent", "failed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        fields: str | None = None,
    ) -> MailPage:
        """List messages with what became of them, the newest first. They are kept for 90 days."""
        return cast(
            "MailPage",
            self._call(
                Call(
                    "GET",
                    "/v1/notification-mails",
                    query={"status": status, "limit": limit, "cursor": cursor, "fields": fields},
                )
            ),
        )

    def iter_notification_mails(
        self,
        *,
        status: Literal["pending", "sent", "failed"] | None = None,
        limit: int | None = None,
        fields: str | None = None,
    ) -> Iterator[MailOut]:
        """Each item of `list_notification_mails`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_notification_mails(status=status, limit=limit, fields=fields, cursor=cursor)
            yield from page["mails"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def retry_notification_mail(
        self, mail_id: str, body: MailRetryIn | None = None, *, idempotency_key: str | None = None
    ) -> MailOut:
        """Send a failed message again, under the same Message-ID and with all attempts. Who did is in the audit log."""
        return cast(
            "MailOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/notification-mails/{mail_id}/retry", mail_id=mail_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def create_member(self, body: MemberIn, *, idempotency_key: str | None = None) -> MemberOut:
        """Create a member with its first period of cover."""
        return cast(
            "MemberOut",
            self._call(
                Call("POST", "/v1/members", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def list_members(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        plan_id: str | None = None,
        region: str | None = None,
        sort: Literal["member_id", "-member_id"] | None = None,
        fields: str | None = None,
    ) -> MemberPage:
        """List members without personal data.

        The order is total. Following `next_cursor` with the same parameters gives each member that was there at
        the beginning once.
        """
        return cast(
            "MemberPage",
            self._call(
                Call(
                    "GET",
                    "/v1/members",
                    query={
                        "limit": limit,
                        "cursor": cursor,
                        "plan_id": plan_id,
                        "region": region,
                        "sort": sort,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_members(
        self,
        *,
        limit: int | None = None,
        plan_id: str | None = None,
        region: str | None = None,
        sort: Literal["member_id", "-member_id"] | None = None,
        fields: str | None = None,
    ) -> Iterator[ListedMember]:
        """Each item of `list_members`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_members(
                limit=limit, plan_id=plan_id, region=region, sort=sort, fields=fields, cursor=cursor
            )
            yield from page["members"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def search_members(self, body: MemberSearchIn) -> FoundMembers:
        """Find members by who they are. The search and each member that it finds is recorded with its purpose.

        A search that more than 20 members fit is refused: it would show people who are not meant.
        """
        return cast("FoundMembers", self._call(Call("POST", "/v1/members:search", json=body)))

    def get_member(self, member_id: str, *, known_at: str | None = None, fields: str | None = None) -> MemberOut:
        """Read a member, as it is or as it was stored at an instant."""
        return cast(
            "MemberOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/members/{member_id}", member_id=member_id),
                    query={"known_at": known_at, "fields": fields},
                )
            ),
        )

    def update_member(self, member_id: str, body: MemberUpdate, *, if_match: str) -> MemberOut:
        """Replace what is stated of a member and the days of its latest period; earlier periods and states are kept."""
        return cast(
            "MemberOut",
            self._call(
                Call(
                    "PUT",
                    fill("/v1/members/{member_id}", member_id=member_id),
                    json=body,
                    headers={"If-Match": if_match},
                )
            ),
        )

    def end_member(
        self, member_id: str, body: EndIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> MemberOut:
        """End the cover of a member: services after the last day are rejected."""
        return cast(
            "MemberOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/members/{member_id}/end", member_id=member_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def add_period_of_member(
        self, member_id: str, body: CoverIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> MemberOut:
        """Add a period of cover, which must not overlap another one of the member."""
        return cast(
            "MemberOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/members/{member_id}/periods", member_id=member_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def create_provider(self, body: ProviderIn, *, idempotency_key: str | None = None) -> ProviderOut:
        """Create a provider with its first period in which it may bill."""
        return cast(
            "ProviderOut",
            self._call(
                Call("POST", "/v1/providers", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def list_providers(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        specialty: str | None = None,
        region: str | None = None,
        sort: Literal["provider_id", "-provider_id"] | None = None,
        fields: str | None = None,
    ) -> ProviderPage:
        """List providers.

        The order is total. Following `next_cursor` with the same parameters gives each provider that was there at
        the beginning once.
        """
        return cast(
            "ProviderPage",
            self._call(
                Call(
                    "GET",
                    "/v1/providers",
                    query={
                        "limit": limit,
                        "cursor": cursor,
                        "specialty": specialty,
                        "region": region,
                        "sort": sort,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_providers(
        self,
        *,
        limit: int | None = None,
        specialty: str | None = None,
        region: str | None = None,
        sort: Literal["provider_id", "-provider_id"] | None = None,
        fields: str | None = None,
    ) -> Iterator[ProviderOut]:
        """Each item of `list_providers`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_providers(
                limit=limit, specialty=specialty, region=region, sort=sort, fields=fields, cursor=cursor
            )
            yield from page["providers"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_provider(self, provider_id: str, *, known_at: str | None = None, fields: str | None = None) -> ProviderOut:
        """Read a provider, as it is or as it was stored at an instant."""
        return cast(
            "ProviderOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/providers/{provider_id}", provider_id=provider_id),
                    query={"known_at": known_at, "fields": fields},
                )
            ),
        )

    def update_provider(self, provider_id: str, body: ProviderUpdate, *, if_match: str) -> ProviderOut:
        """Replace what is stated of a provider and the days of its latest period; earlier periods and states are
        kept."""
        return cast(
            "ProviderOut",
            self._call(
                Call(
                    "PUT",
                    fill("/v1/providers/{provider_id}", provider_id=provider_id),
                    json=body,
                    headers={"If-Match": if_match},
                )
            ),
        )

    def end_provider(
        self, provider_id: str, body: EndIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> ProviderOut:
        """End the active period of a provider: services after the last day are rejected."""
        return cast(
            "ProviderOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/providers/{provider_id}/end", provider_id=provider_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def add_period_of_provider(
        self, provider_id: str, body: PeriodIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> ProviderOut:
        """Add a period in which it may bill, which must not overlap another one of the provider."""
        return cast(
            "ProviderOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/providers/{provider_id}/periods", provider_id=provider_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def create_procedure(self, body: ProcedureIn, *, idempotency_key: str | None = None) -> ProcedureOut:
        """Create a procedure with its first period in which it may be billed."""
        return cast(
            "ProcedureOut",
            self._call(
                Call("POST", "/v1/procedures", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def list_procedures(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        sort: Literal["procedure_code", "-procedure_code"] | None = None,
        fields: str | None = None,
    ) -> ProcedurePage:
        """List procedures.

        The order is total. Following `next_cursor` with the same parameters gives each procedure that was there
        at the beginning once.
        """
        return cast(
            "ProcedurePage",
            self._call(
                Call("GET", "/v1/procedures", query={"limit": limit, "cursor": cursor, "sort": sort, "fields": fields})
            ),
        )

    def iter_procedures(
        self,
        *,
        limit: int | None = None,
        sort: Literal["procedure_code", "-procedure_code"] | None = None,
        fields: str | None = None,
    ) -> Iterator[ProcedureOut]:
        """Each item of `list_procedures`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_procedures(limit=limit, sort=sort, fields=fields, cursor=cursor)
            yield from page["procedures"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_procedure(
        self, procedure_code: str, *, known_at: str | None = None, fields: str | None = None
    ) -> ProcedureOut:
        """Read a procedure, as it is or as it was stored at an instant."""
        return cast(
            "ProcedureOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/procedures/{procedure_code}", procedure_code=procedure_code),
                    query={"known_at": known_at, "fields": fields},
                )
            ),
        )

    def update_procedure(self, procedure_code: str, body: ProcedureUpdate, *, if_match: str) -> ProcedureOut:
        """Replace what is stated of a procedure and the days of its latest period; earlier periods and states are
        kept."""
        return cast(
            "ProcedureOut",
            self._call(
                Call(
                    "PUT",
                    fill("/v1/procedures/{procedure_code}", procedure_code=procedure_code),
                    json=body,
                    headers={"If-Match": if_match},
                )
            ),
        )

    def end_procedure(
        self, procedure_code: str, body: EndIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> ProcedureOut:
        """End the validity of a procedure: a claim with a later service goes to review."""
        return cast(
            "ProcedureOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/procedures/{procedure_code}/end", procedure_code=procedure_code),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def add_period_of_procedure(
        self, procedure_code: str, body: PeriodIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> ProcedureOut:
        """Add a period in which it may be billed, which must not overlap another one of the procedure."""
        return cast(
            "ProcedureOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/procedures/{procedure_code}/periods", procedure_code=procedure_code),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def create_authorization(self, body: AuthorizationIn, *, idempotency_key: str | None = None) -> AuthorizationOut:
        """Create a prior authorization of a member."""
        return cast(
            "AuthorizationOut",
            self._call(
                Call(
                    "POST",
                    "/v1/authorizations",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_authorizations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        member_id: str | None = None,
        provider_id: str | None = None,
        state: AuthorizationState | None = None,
        fields: str | None = None,
    ) -> AuthorizationPage:
        """List prior authorizations by number.

        The order is total. Following `next_cursor` with the same parameters gives each authorization that was
        there at the beginning once.
        """
        return cast(
            "AuthorizationPage",
            self._call(
                Call(
                    "GET",
                    "/v1/authorizations",
                    query={
                        "limit": limit,
                        "cursor": cursor,
                        "member_id": member_id,
                        "provider_id": provider_id,
                        "state": state,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_authorizations(
        self,
        *,
        limit: int | None = None,
        member_id: str | None = None,
        provider_id: str | None = None,
        state: AuthorizationState | None = None,
        fields: str | None = None,
    ) -> Iterator[AuthorizationOut]:
        """Each item of `list_authorizations`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_authorizations(
                limit=limit, member_id=member_id, provider_id=provider_id, state=state, fields=fields, cursor=cursor
            )
            yield from page["authorizations"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_authorization(
        self, authorization_number: str, *, known_at: str | None = None, fields: str | None = None
    ) -> AuthorizationOut:
        """Read a prior authorization, as it is or as it was stored at an instant."""
        return cast(
            "AuthorizationOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/authorizations/{authorization_number}", authorization_number=authorization_number),
                    query={"known_at": known_at, "fields": fields},
                )
            ),
        )

    def update_authorization(
        self, authorization_number: str, body: AuthorizationUpdate, *, if_match: str
    ) -> AuthorizationOut:
        """Replace what is stated of a prior authorization; its member stays, and earlier states are kept."""
        return cast(
            "AuthorizationOut",
            self._call(
                Call(
                    "PUT",
                    fill("/v1/authorizations/{authorization_number}", authorization_number=authorization_number),
                    json=body,
                    headers={"If-Match": if_match},
                )
            ),
        )

    def get_authorization_use(self, authorization_number: str) -> AuthorizationUseOut:
        """Read what claims have used of a prior authorization, and what is left of it."""
        return cast(
            "AuthorizationUseOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/authorizations/{authorization_number}/use", authorization_number=authorization_number),
                )
            ),
        )

    def end_authorization(
        self, authorization_number: str, body: EndIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> AuthorizationOut:
        """End a prior authorization: it is for no service after the last day."""
        return cast(
            "AuthorizationOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/authorizations/{authorization_number}/end", authorization_number=authorization_number),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_policies(self) -> PolicyList:
        """List the versions of the policy, and what decides claims received today."""
        return cast("PolicyList", self._call(Call("GET", "/v1/policies")))

    def create_policy(self, body: PolicyDraftIn, *, idempotency_key: str | None = None) -> PolicyVersionOut:
        """Store a document as a new version. It decides nothing until another person activates it.

        The author is the name of the key.
        """
        return cast(
            "PolicyVersionOut",
            self._call(
                Call("POST", "/v1/policies", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def get_policy(self, version: int) -> PolicyVersionOut:
        """Read a version of the policy with its document."""
        return cast("PolicyVersionOut", self._call(Call("GET", fill("/v1/policies/{version}", version=version))))

    def activate_policy(
        self, version: int, body: PolicyActivationIn, *, idempotency_key: str | None = None
    ) -> PolicyActivationOut:
        """Let a version decide the claims received on its days. The author cannot activate it.

        Its last test against what is in force (`ginja policy test`) must have passed, unless `force` is true.
        """
        return cast(
            "PolicyActivationOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/policies/{version}/activate", version=version),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def roll_back_policy(self, body: PolicyRollbackIn, *, idempotency_key: str | None = None) -> PolicyActivationOut:
        """Undo the last activation: the versions activated before decide again on their days, or the settings."""
        return cast(
            "PolicyActivationOut",
            self._call(
                Call(
                    "POST",
                    "/v1/policies:rollback",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def create_key(self, body: KeyIn) -> IssuedKeyOut:
        """Create an API key. The response has its secret, which is shown once.

        Nobody can create a key that may do more than their own.
        """
        return cast("IssuedKeyOut", self._call(Call("POST", "/v1/keys", json=body, signed=True)))

    def list_keys(
        self, *, limit: int | None = None, cursor: str | None = None, fields: str | None = None
    ) -> ApiKeyPage:
        """List API keys without their secrets, the newest first; those that ended, too."""
        return cast(
            "ApiKeyPage",
            self._call(Call("GET", "/v1/keys", query={"limit": limit, "cursor": cursor, "fields": fields})),
        )

    def iter_keys(self, *, limit: int | None = None, fields: str | None = None) -> Iterator[ApiKeyOut]:
        """Each item of `list_keys`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_keys(limit=limit, fields=fields, cursor=cursor)
            yield from page["keys"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_key(self, api_key_id: str) -> ApiKeyOut:
        """Read an API key, without its secret."""
        return cast("ApiKeyOut", self._call(Call("GET", fill("/v1/keys/{api_key_id}", api_key_id=api_key_id))))

    def rotate_key(self, api_key_id: str, body: KeyRotationIn) -> IssuedKeyOut:
        """Create a key like this one, which ends after the overlap. The response has the new secret, shown once."""
        return cast(
            "IssuedKeyOut",
            self._call(
                Call("POST", fill("/v1/keys/{api_key_id}/rotate", api_key_id=api_key_id), json=body, signed=True)
            ),
        )

    def revoke_key(
        self, api_key_id: str, body: KeyRevocationIn | None = None, *, idempotency_key: str | None = None
    ) -> ApiKeyOut:
        """Revoke a key. No process accepts it five seconds later; what was accepted from it before is carried out."""
        return cast(
            "ApiKeyOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/keys/{api_key_id}/revoke", api_key_id=api_key_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def add_legal_hold(self, body: LegalHoldIn, *, idempotency_key: str | None = None) -> LegalHoldOut:
        """Put a member under a legal hold: nothing about the member is erased, archived or deleted while it is in
        force."""
        return cast(
            "LegalHoldOut",
            self._call(
                Call(
                    "POST",
                    "/v1/legal-holds",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def list_legal_holds(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        member_id: str | None = None,
        fields: str | None = None,
    ) -> LegalHoldPage:
        """List legal holds, the oldest first; released and expired ones, too."""
        return cast(
            "LegalHoldPage",
            self._call(
                Call(
                    "GET",
                    "/v1/legal-holds",
                    query={"limit": limit, "cursor": cursor, "member_id": member_id, "fields": fields},
                )
            ),
        )

    def iter_legal_holds(
        self, *, limit: int | None = None, member_id: str | None = None, fields: str | None = None
    ) -> Iterator[LegalHoldOut]:
        """Each item of `list_legal_holds`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_legal_holds(limit=limit, member_id=member_id, fields=fields, cursor=cursor)
            yield from page["legal_holds"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def release_legal_hold(
        self, hold_id: str, body: LegalHoldReleaseIn, *, idempotency_key: str | None = None
    ) -> LegalHoldOut:
        """Release a legal hold. What was due meanwhile is deleted by the next daily work."""
        return cast(
            "LegalHoldOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/legal-holds/{hold_id}/release", hold_id=hold_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def list_leads(
        self,
        *,
        tab: Literal["unassigned", "mine", "edits", "audit", "snoozed", "appeals", "closed"] | None = None,
        subject_kind: Literal["ring", "provider", "member", "claim"] | None = None,
        subject_id: str | None = None,
        owner: str | None = None,
        least_recovery: int | None = None,
        due_by: str | None = None,
        indicator: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        fields: str | None = None,
    ) -> LeadList:
        """List leads by expected recovery, the highest first; with the tab `closed` the latest first.

        A page begins after the last lead of the page before as that was then: leads that are added or taken
        meanwhile move no other to another page.
        """
        return cast(
            "LeadList",
            self._call(
                Call(
                    "GET",
                    "/v1/leads",
                    query={
                        "tab": tab,
                        "subject_kind": subject_kind,
                        "subject_id": subject_id,
                        "owner": owner,
                        "least_recovery": least_recovery,
                        "due_by": due_by,
                        "indicator": indicator,
                        "limit": limit,
                        "cursor": cursor,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_leads(
        self,
        *,
        tab: Literal["unassigned", "mine", "edits", "audit", "snoozed", "appeals", "closed"] | None = None,
        subject_kind: Literal["ring", "provider", "member", "claim"] | None = None,
        subject_id: str | None = None,
        owner: str | None = None,
        least_recovery: int | None = None,
        due_by: str | None = None,
        indicator: str | None = None,
        limit: int | None = None,
        fields: str | None = None,
    ) -> Iterator[LeadOut]:
        """Each item of `list_leads`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_leads(
                tab=tab,
                subject_kind=subject_kind,
                subject_id=subject_id,
                owner=owner,
                least_recovery=least_recovery,
                due_by=due_by,
                indicator=indicator,
                limit=limit,
                fields=fields,
                cursor=cursor,
            )
            yield from page["leads"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_lead(self, lead_id: str) -> LeadWithClaims:
        """Read a lead with its claims: those that wait first, by amount; at most 500."""
        return cast("LeadWithClaims", self._call(Call("GET", fill("/v1/leads/{lead_id}", lead_id=lead_id))))

    def take_next_lead(self, body: LeadActIn | None = None, *, idempotency_key: str | None = None) -> LeadOut:
        """Take the best open lead that no one has. Of two requests at once, each gets another lead.

        The response is 404 where there is none.
        """
        return cast(
            "LeadOut",
            self._call(
                Call(
                    "POST",
                    "/v1/leads:take-next",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def take_lead(self, lead_id: str, body: LeadActIn | None = None, *, idempotency_key: str | None = None) -> LeadOut:
        """Assign a lead to the caller. Where another has it, the response is 409 with who."""
        return cast(
            "LeadOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/leads/{lead_id}/take", lead_id=lead_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def release_lead(
        self, lead_id: str, body: LeadActIn | None = None, *, idempotency_key: str | None = None
    ) -> LeadOut:
        """Give a lead of the caller back; with `claims:approve` also one of another."""
        return cast(
            "LeadOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/leads/{lead_id}/release", lead_id=lead_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def snooze_lead(self, lead_id: str, body: SnoozeIn, *, idempotency_key: str | None = None) -> LeadOut:
        """Put a lead aside until a day, on which it is open again."""
        return cast(
            "LeadOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/leads/{lead_id}/snooze", lead_id=lead_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def wake_lead(self, lead_id: str, body: LeadActIn | None = None, *, idempotency_key: str | None = None) -> LeadOut:
        """Open a lead again that was put aside."""
        return cast(
            "LeadOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/leads/{lead_id}/wake", lead_id=lead_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def open_case_of_lead(
        self, lead_id: str, body: LeadActIn | None = None, *, idempotency_key: str | None = None
    ) -> CaseOut:
        """Open a case about the subject of a lead with the claims that wait, and take the lead.

        Where a case of the subject is open, that one gets the claims and is the response. The case of a single
        claim is about its provider.
        """
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/leads/{lead_id}/case", lead_id=lead_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_cases(
        self,
        *,
        status: Literal["open", "closed"] | None = None,
        subject_kind: Literal["provider", "member", "ring"] | None = None,
        subject_id: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        fields: str | None = None,
    ) -> CaseList:
        """List cases, the latest first."""
        return cast(
            "CaseList",
            self._call(
                Call(
                    "GET",
                    "/v1/cases",
                    query={
                        "status": status,
                        "subject_kind": subject_kind,
                        "subject_id": subject_id,
                        "owner": owner,
                        "limit": limit,
                        "cursor": cursor,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_cases(
        self,
        *,
        status: Literal["open", "closed"] | None = None,
        subject_kind: Literal["provider", "member", "ring"] | None = None,
        subject_id: str | None = None,
        owner: str | None = None,
        limit: int | None = None,
        fields: str | None = None,
    ) -> Iterator[CaseOut]:
        """Each item of `list_cases`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_cases(
                status=status,
                subject_kind=subject_kind,
                subject_id=subject_id,
                owner=owner,
                limit=limit,
                fields=fields,
                cursor=cursor,
            )
            yield from page["cases"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def open_case(self, body: CaseIn, *, idempotency_key: str | None = None) -> CaseOut:
        """Open a case about a subject; where one is open, that case gets the claims and is the response.

        A subject has at most one open case. Of two requests at once, both get the same case.
        """
        return cast(
            "CaseOut",
            self._call(
                Call("POST", "/v1/cases", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def get_case(self, case_id: str) -> CaseOut:
        """Read a case. Its `ETag` changes with each entry of its history."""
        return cast("CaseOut", self._call(Call("GET", fill("/v1/cases/{case_id}", case_id=case_id))))

    def list_case_history(
        self, case_id: str, *, limit: int | None = None, cursor: str | None = None, fields: str | None = None
    ) -> CaseHistory:
        """List what was done in a case, the latest first, with what people wrote."""
        return cast(
            "CaseHistory",
            self._call(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/history", case_id=case_id),
                    query={"limit": limit, "cursor": cursor, "fields": fields},
                )
            ),
        )

    def iter_case_history(
        self, case_id: str, *, limit: int | None = None, fields: str | None = None
    ) -> Iterator[CaseEventOut]:
        """Each item of `list_case_history`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_case_history(case_id=case_id, limit=limit, fields=fields, cursor=cursor)
            yield from page["events"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def list_case_claims(
        self, case_id: str, *, limit: int | None = None, cursor: str | None = None, fields: str | None = None
    ) -> CaseClaimList:
        """List the claims of a case in the order in which they were added, with the totals of all."""
        return cast(
            "CaseClaimList",
            self._call(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/claims", case_id=case_id),
                    query={"limit": limit, "cursor": cursor, "fields": fields},
                )
            ),
        )

    def iter_case_claims(
        self, case_id: str, *, limit: int | None = None, fields: str | None = None
    ) -> Iterator[CaseClaimOut]:
        """Each item of `list_case_claims`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_case_claims(case_id=case_id, limit=limit, fields=fields, cursor=cursor)
            yield from page["claims"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def add_case_claims(
        self, case_id: str, body: CaseClaimsIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseOut:
        """Add claims of its subject to an open case. Those that it has stay."""
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/claims", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def remove_case_claims(
        self, case_id: str, body: CaseClaimsIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseOut:
        """Remove claims from an open case that the caller has, or no one. With `claims:approve` also from others'."""
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/claims/remove", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def assign_case(
        self, case_id: str, body: CaseAssignmentIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseOut:
        """Assign an open case to the caller or another who works cases, or release it.

        A case that another has is reassigned with `claims:approve` alone; the response is 409 otherwise, with who
        has it.
        """
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/assign", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def add_case_note(
        self, case_id: str, body: CaseNoteIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseEventOut:
        """Record a note, a contact, an education or a referral in an open case, also in one that another has.

        The response is the entry of its history.
        """
        return cast(
            "CaseEventOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/notes", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_case_tasks(self, case_id: str, *, fields: str | None = None) -> CaseTaskList:
        """List the tasks of a case and its requests of records: what is open first, then by due date; at most 500."""
        return cast(
            "CaseTaskList",
            self._call(Call("GET", fill("/v1/cases/{case_id}/tasks", case_id=case_id), query={"fields": fields})),
        )

    def add_case_task(
        self, case_id: str, body: CaseTaskIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseTaskOut:
        """Add a task to an open case, or a request of records with the text of its letter."""
        return cast(
            "CaseTaskOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/tasks", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def complete_case_task(
        self,
        case_id: str,
        case_task_id: str,
        body: CaseTaskDoneIn | None = None,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CaseTaskOut:
        """Record that a task is done, or that the records were received. Done again, it stays as it is."""
        return cast(
            "CaseTaskOut",
            self._call(
                Call(
                    "POST",
                    fill(
                        "/v1/cases/{case_id}/tasks/{case_task_id}/complete", case_id=case_id, case_task_id=case_task_id
                    ),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def close_case(
        self, case_id: str, body: CaseClosingIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseOut:
        """Close a case with a disposition, and record those of its claims with it.

        With a loss above a configured amount it is proposed: the case stays open, `is_proposed`, until another
        person with `claims:approve` approves or refuses it.
        """
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/closing", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def approve_case_closing(
        self,
        case_id: str,
        body: CaseClosingAnswerIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CaseOut:
        """Close a case as another person proposed. A proposal of the caller's own is refused (403)."""
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/closing/approve", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def refuse_case_closing(
        self,
        case_id: str,
        body: CaseClosingAnswerIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CaseOut:
        """Refuse what another person proposed: the case stays open."""
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/closing/refuse", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def reopen_case(
        self, case_id: str, body: CaseReopeningIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseOut:
        """Open a closed case again, unless another case of its subject is open. Dispositions of claims stay."""
        return cast(
            "CaseOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/reopen", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def write_evidence_pack(
        self, case_id: str, body: EvidencePackIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> EvidencePackOut:
        """Write an evidence pack of a case as it is now: JSON and PDF, signed, which stay with the case."""
        return cast(
            "EvidencePackOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/evidence", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_evidence_packs(self, case_id: str, *, fields: str | None = None) -> EvidencePackList:
        """List the evidence packs of a case, the latest first; at most 200."""
        return cast(
            "EvidencePackList",
            self._call(Call("GET", fill("/v1/cases/{case_id}/evidence", case_id=case_id), query={"fields": fields})),
        )

    def get_evidence_file(
        self, case_id: str, pack_id: str, *, format: Literal["json", "pdf"] | None = None
    ) -> JsonObject:
        """Read the file of an evidence pack, byte for byte as it was written."""
        return cast(
            "JsonObject",
            self._call(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/evidence/{pack_id}/file", case_id=case_id, pack_id=pack_id),
                    query={"format": format},
                )
            ),
        )

    def list_case_files(self, case_id: str, *, fields: str | None = None) -> CaseFileList:
        """List the files of a case with their chain of custody, the oldest first; withdrawn ones among them."""
        return cast(
            "CaseFileList",
            self._call(Call("GET", fill("/v1/cases/{case_id}/files", case_id=case_id), query={"fields": fields})),
        )

    def get_case_file(self, case_id: str, file_id: str) -> CaseFileOut:
        """Read a file's chain of custody: who added it and from whom, each access, and its withdrawal."""
        return cast(
            "CaseFileOut",
            self._call(Call("GET", fill("/v1/cases/{case_id}/files/{file_id}", case_id=case_id, file_id=file_id))),
        )

    def withdraw_case_file(
        self,
        case_id: str,
        file_id: str,
        body: CaseFileWithdrawIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CaseFileOut:
        """Withdraw a file that does not count any more, with a reason: it stays with the case, marked."""
        return cast(
            "CaseFileOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/files/{file_id}/withdraw", case_id=case_id, file_id=file_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_samples(self, case_id: str, *, fields: str | None = None) -> CaseSampleList:
        """List the samples of a case, the first first: each draw is kept."""
        return cast(
            "CaseSampleList",
            self._call(Call("GET", fill("/v1/cases/{case_id}/samples", case_id=case_id), query={"fields": fields})),
        )

    def draw_sample(
        self, case_id: str, body: SamplePlanIn, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CaseSampleDetailsOut:
        """Draw a random sample of the paid claims of a provider of an open case, and store it with its frame."""
        return cast(
            "CaseSampleDetailsOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/samples", case_id=case_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def get_sample(self, case_id: str, sample_id: str, *, fields: str | None = None) -> CaseSampleDetailsOut:
        """Read a sample with its claims and their reviews, its estimate, its demand and ledger."""
        return cast(
            "CaseSampleDetailsOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/samples/{sample_id}", case_id=case_id, sample_id=sample_id),
                    query={"fields": fields},
                )
            ),
        )

    def get_sample_frame(self, case_id: str, sample_id: str) -> str:
        """Read the canonical text of the frame that a sample was drawn from; its SHA-256 is `frame_sha256`."""
        return (
            self._send(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/frame", case_id=case_id, sample_id=sample_id),
                    accept="text/plain",
                )
            )
        ).text

    def get_sample_worksheet(
        self, case_id: str, sample_id: str, *, format: Literal["json", "csv"] | None = None
    ) -> SampleWorksheetOut:
        """Read the claims of a sample as a worksheet; `ginja sample estimate` reads the CSV."""
        return cast(
            "SampleWorksheetOut",
            self._call(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/worksheet", case_id=case_id, sample_id=sample_id),
                    query={"format": format},
                )
            ),
        )

    def review_sample(
        self,
        case_id: str,
        sample_id: str,
        body: SampleReviewsIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CaseSampleDetailsOut:
        """Record what should have been paid for drawn claims. It can be changed until the estimate is fixed."""
        return cast(
            "CaseSampleDetailsOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/reviews", case_id=case_id, sample_id=sample_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def estimate_sample(
        self,
        case_id: str,
        sample_id: str,
        body: SampleEstimateIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CaseSampleOut:
        """Estimate the overpayment from a sample whose claims are all reviewed, and fix the estimate.

        The sample is drawn once more from the stored frame and must be the same. A fixed estimate stays as it is.
        """
        return cast(
            "CaseSampleOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/estimate", case_id=case_id, sample_id=sample_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def demand_overpayment(
        self,
        case_id: str,
        sample_id: str,
        body: OverpaymentDemandIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> RecoupmentOut:
        """Demand the amount of the fixed estimate, once."""
        return cast(
            "RecoupmentOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/demand", case_id=case_id, sample_id=sample_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def get_demand_letter(self, case_id: str, sample_id: str, *, format: Literal["pdf", "text"] | None = None) -> bytes:
        """Read the letter of a demand. The same demand gives the same bytes; it names claims and no member."""
        return (
            self._send(
                Call(
                    "GET",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/letter", case_id=case_id, sample_id=sample_id),
                    query={"format": format},
                    accept="application/pdf",
                )
            )
        ).content

    def list_ledger_entries(self, case_id: str, sample_id: str) -> RecoupmentOut:
        """Read a demand with its ledger."""
        return cast(
            "RecoupmentOut",
            self._call(
                Call(
                    "GET", fill("/v1/cases/{case_id}/samples/{sample_id}/entries", case_id=case_id, sample_id=sample_id)
                )
            ),
        )

    def add_ledger_entry(
        self,
        case_id: str,
        sample_id: str,
        body: LedgerEntryIn,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> RecoupmentOut:
        """Add a line to the ledger of a demand. `reduced` and `written_off` need `claims:approve`."""
        return cast(
            "RecoupmentOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/cases/{case_id}/samples/{sample_id}/entries", case_id=case_id, sample_id=sample_id),
                    json=body,
                    headers={"If-Match": if_match, "Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def record_consent(self, member_id: str, body: ConsentIn, *, idempotency_key: str | None = None) -> ConsentOut:
        """Record a member's consent to a purpose of use, or its objection to one. It is effective with the next
        request.

        The same consent again is recorded once, and answered with the one that is there.
        """
        return cast(
            "ConsentOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/members/{member_id}/consents", member_id=member_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def list_consents(
        self, member_id: str, *, limit: int | None = None, cursor: str | None = None, fields: str | None = None
    ) -> ConsentPage:
        """List what a member said about purposes of use, the oldest first; withdrawn and expired consents, too."""
        return cast(
            "ConsentPage",
            self._call(
                Call(
                    "GET",
                    fill("/v1/members/{member_id}/consents", member_id=member_id),
                    query={"limit": limit, "cursor": cursor, "fields": fields},
                )
            ),
        )

    def iter_consents(
        self, member_id: str, *, limit: int | None = None, fields: str | None = None
    ) -> Iterator[ConsentOut]:
        """Each item of `list_consents`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_consents(member_id=member_id, limit=limit, fields=fields, cursor=cursor)
            yield from page["consents"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def withdraw_consent(
        self, member_id: str, consent_id: str, body: ConsentWithdrawalIn, *, idempotency_key: str | None = None
    ) -> ConsentOut:
        """Withdraw a consent or an objection. It is effective with the next request; again, it stays as it is."""
        return cast(
            "ConsentOut",
            self._call(
                Call(
                    "POST",
                    fill(
                        "/v1/members/{member_id}/consents/{consent_id}/withdraw",
                        member_id=member_id,
                        consent_id=consent_id,
                    ),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def search_fhir_consents(self, *, patient: str, count: int | None = None, cursor: str | None = None) -> JsonObject:
        """Search what a member said about purposes of use as Consents of FHIR R4, the oldest first; ended ones, too."""
        return cast(
            "JsonObject",
            self._call(
                Call(
                    "GET",
                    "/v1/fhir/Consent",
                    query={"patient": patient, "_count": count, "_cursor": cursor},
                    accept="application/fhir+json",
                )
            ),
        )

    def get_fhir_consent(self, consent_id: str) -> JsonObject:
        """Read what a member said about a purpose of use as a Consent of FHIR R4; also after it ended."""
        return cast(
            "JsonObject",
            self._call(
                Call(
                    "GET", fill("/v1/fhir/Consent/{consent_id}", consent_id=consent_id), accept="application/fhir+json"
                )
            ),
        )

    def list_audit_entries(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        actor: str | None = None,
        act: str | None = None,
        subject: str | None = None,
        outcome: Literal["success", "denied", "not_found", "failed"] | None = None,
        purpose: str | None = None,
        since: str | None = None,
        until: str | None = None,
        request_id: str | None = None,
        fields: str | None = None,
    ) -> AuditEntryList:
        """List entries of the audit log, the latest first. The search is an entry itself."""
        return cast(
            "AuditEntryList",
            self._call(
                Call(
                    "GET",
                    "/v1/audit/events",
                    query={
                        "limit": limit,
                        "cursor": cursor,
                        "actor": actor,
                        "act": act,
                        "subject": subject,
                        "outcome": outcome,
                        "purpose": purpose,
                        "since": since,
                        "until": until,
                        "request_id": request_id,
                        "fields": fields,
                    },
                )
            ),
        )

    def iter_audit_entries(
        self,
        *,
        limit: int | None = None,
        actor: str | None = None,
        act: str | None = None,
        subject: str | None = None,
        outcome: Literal["success", "denied", "not_found", "failed"] | None = None,
        purpose: str | None = None,
        since: str | None = None,
        until: str | None = None,
        request_id: str | None = None,
        fields: str | None = None,
    ) -> Iterator[AuditEntryOut]:
        """Each item of `list_audit_entries`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_audit_entries(
                limit=limit,
                actor=actor,
                act=act,
                subject=subject,
                outcome=outcome,
                purpose=purpose,
                since=since,
                until=until,
                request_id=request_id,
                fields=fields,
                cursor=cursor,
            )
            yield from page["entries"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_audit_entry(self, audit_id: str, *, fields: str | None = None) -> AuditEntryWithChangeOut:
        """Read an entry of the audit log with what was before and after a change. The look is an entry itself."""
        return cast(
            "AuditEntryWithChangeOut",
            self._call(Call("GET", fill("/v1/audit/events/{audit_id}", audit_id=audit_id), query={"fields": fields})),
        )

    def search_audit_events(
        self,
        *,
        count: int | None = None,
        cursor: str | None = None,
        date: list[str] | None = None,
        agent: str | None = None,
        agent_name: str | None = None,
        agent_role: str | None = None,
        address: str | None = None,
        entity: str | None = None,
        patient: str | None = None,
        subtype: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
        type: str | None = None,
    ) -> JsonObject:
        """Search the audit log as AuditEvents of FHIR R4, the latest first. The search is an entry itself."""
        return cast(
            "JsonObject",
            self._call(
                Call(
                    "GET",
                    "/v1/fhir/AuditEvent",
                    query={
                        "_count": count,
                        "_cursor": cursor,
                        "date": date,
                        "agent": agent,
                        "agent-name": agent_name,
                        "agent-role": agent_role,
                        "address": address,
                        "entity": entity,
                        "patient": patient,
                        "subtype": subtype,
                        "action": action,
                        "outcome": outcome,
                        "type": type,
                    },
                    accept="application/fhir+json",
                )
            ),
        )

    def get_audit_event(self, audit_id: str) -> JsonObject:
        """Read an entry of the audit log as an AuditEvent of FHIR R4, without what was before and after a change."""
        return cast(
            "JsonObject",
            self._call(
                Call("GET", fill("/v1/fhir/AuditEvent/{audit_id}", audit_id=audit_id), accept="application/fhir+json")
            ),
        )

    def create_signing_key(self, body: SigningKeyIn, *, idempotency_key: str | None = None) -> SigningKeyOut:
        """Register a public key with which an API key or a user signs requests.

        Nobody can register one for an actor that may do more than they may.
        """
        return cast(
            "SigningKeyOut",
            self._call(
                Call(
                    "POST",
                    "/v1/signing-keys",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def list_signing_keys(
        self,
        *,
        actor_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        fields: str | None = None,
    ) -> SigningKeyPage:
        """List signing keys, the newest first; those that ended, too."""
        return cast(
            "SigningKeyPage",
            self._call(
                Call(
                    "GET",
                    "/v1/signing-keys",
                    query={"actor_id": actor_id, "limit": limit, "cursor": cursor, "fields": fields},
                )
            ),
        )

    def iter_signing_keys(
        self, *, actor_id: str | None = None, limit: int | None = None, fields: str | None = None
    ) -> Iterator[SigningKeyOut]:
        """Each item of `list_signing_keys`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_signing_keys(actor_id=actor_id, limit=limit, fields=fields, cursor=cursor)
            yield from page["keys"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_signing_key(self, signing_key_id: str) -> SigningKeyOut:
        """Read a signing key."""
        return cast(
            "SigningKeyOut",
            self._call(Call("GET", fill("/v1/signing-keys/{signing_key_id}", signing_key_id=signing_key_id))),
        )

    def revoke_signing_key(
        self, signing_key_id: str, body: SigningKeyRevocationIn | None = None, *, idempotency_key: str | None = None
    ) -> SigningKeyOut:
        """Revoke a public key at once, of every actor that has it. It cannot be registered again."""
        return cast(
            "SigningKeyOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/signing-keys/{signing_key_id}/revoke", signing_key_id=signing_key_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def get_version(self) -> ClientVersionOut:
        """Read the version of the API that the key gets, and whether its last upgrade can be undone.

        A key is pinned to the version that is current at its first call.
        """
        return cast("ClientVersionOut", self._call(Call("GET", "/v1/version")))

    def upgrade_version(self, body: VersionUpgradeIn, *, idempotency_key: str | None = None) -> ClientVersionOut:
        """Upgrade the key to a newer version. It can be undone for 72 hours; other processes follow within five
        seconds."""
        return cast(
            "ClientVersionOut",
            self._call(
                Call("POST", "/v1/version", json=body, headers={"Idempotency-Key": idempotency_key}, takes_key=True)
            ),
        )

    def roll_back_version(
        self, body: VersionRollbackIn | None = None, *, idempotency_key: str | None = None
    ) -> ClientVersionOut:
        """Undo the last upgrade of the key, within 72 hours of it."""
        return cast(
            "ClientVersionOut",
            self._call(
                Call(
                    "POST",
                    "/v1/version:rollback",
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                )
            ),
        )

    def sign_in(self, body: SignInIn) -> TokenOut:
        """Sign in. A wrong login, password or code gets one answer; who knows the password learns what else is
        missing."""
        return cast("TokenOut", self._call(Call("POST", "/v1/auth/token", json=body)))

    def refresh_session(self, body: RefreshIn) -> TokenOut:
        """Get the next tokens. A refresh token works once; a client that lost the response may send it again within
        10 s.

        One that was used before was copied: the session ends, and none of its tokens works any longer.
        """
        return cast("TokenOut", self._call(Call("POST", "/v1/auth/refresh", json=body)))

    def sign_out(self, body: SignOutIn) -> None:
        """End a session. An unknown token gets the same answer."""
        self._call(Call("POST", "/v1/auth/sign-out", json=body))

    def set_up_second_factor(self, body: SecondFactorIn) -> SecondFactorOut:
        """Get a secret for an authenticator app. The second factor stays as it is until the secret is confirmed."""
        return cast("SecondFactorOut", self._call(Call("POST", "/v1/auth/totp", json=body)))

    def confirm_second_factor(self, body: SecondFactorConfirmIn) -> RecoveryCodesOut:
        """Make the new secret the second factor by its first code. The response has recovery codes, shown once.

        Sessions of the user end.
        """
        return cast("RecoveryCodesOut", self._call(Call("POST", "/v1/auth/totp/confirm", json=body)))

    def change_password(self, body: PasswordChangeIn) -> None:
        """Change the own password. Sessions of the user end."""
        self._call(Call("POST", "/v1/auth/password", json=body))

    def list_token_keys(self) -> JsonWebKeySetOut:
        """The public keys of access tokens, for systems that verify them. A key is listed while its tokens are
        valid."""
        return cast("JsonWebKeySetOut", self._call(Call("GET", "/v1/auth/keys")))

    def get_me(self) -> MeOut:
        """Who sends the request: the signed-in user or the API key, its role and what it may do."""
        return cast("MeOut", self._call(Call("GET", "/v1/me")))

    def list_sessions(self) -> UserSessionsOut:
        """List the own sessions, of programs and of the console. An API key has none."""
        return cast("UserSessionsOut", self._call(Call("GET", "/v1/auth/sessions")))

    def end_all_sessions(self) -> None:
        """End all own sessions, this one too; needs a sign-in of the last ten minutes. An API key has none."""
        self._call(Call("DELETE", "/v1/auth/sessions"))

    def end_session(self, session_id: str) -> None:
        """End one of the own sessions; needs a sign-in of the last ten minutes. One that has ended stays as it is."""
        self._call(Call("DELETE", fill("/v1/auth/sessions/{session_id}", session_id=session_id)))

    def create_user(self, body: UserIn) -> UserPasswordOut:
        """Create a user. The response has a password for the first sign-in, which is shown once.

        A login belongs to one user, so a repeated request is refused and adds nothing.
        """
        return cast("UserPasswordOut", self._call(Call("POST", "/v1/users", json=body, signed=True)))

    def list_users(self, *, limit: int | None = None, cursor: str | None = None, fields: str | None = None) -> UserPage:
        """List users, the oldest first."""
        return cast(
            "UserPage", self._call(Call("GET", "/v1/users", query={"limit": limit, "cursor": cursor, "fields": fields}))
        )

    def iter_users(self, *, limit: int | None = None, fields: str | None = None) -> Iterator[UserOut]:
        """Each item of `list_users`, page by page; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            page = self.list_users(limit=limit, fields=fields, cursor=cursor)
            yield from page["users"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get_user(self, user_id: str) -> UserOut:
        """Read a user."""
        return cast("UserOut", self._call(Call("GET", fill("/v1/users/{user_id}", user_id=user_id))))

    def update_user(self, user_id: str, body: UserUpdate, *, if_match: str) -> UserOut:
        """Replace what is stated of a user, or disable or enable it. Another role or state ends its sessions."""
        return cast(
            "UserOut",
            self._call(
                Call(
                    "PUT",
                    fill("/v1/users/{user_id}", user_id=user_id),
                    json=body,
                    headers={"If-Match": if_match},
                    signed=True,
                )
            ),
        )

    def reset_second_factor(
        self, user_id: str, body: SecondFactorResetIn, *, idempotency_key: str | None = None
    ) -> UserOut:
        """Remove the second factor of a user with the recovery codes, and end the sessions."""
        return cast(
            "UserOut",
            self._call(
                Call(
                    "POST",
                    fill("/v1/users/{user_id}/reset-second-factor", user_id=user_id),
                    json=body,
                    headers={"Idempotency-Key": idempotency_key},
                    takes_key=True,
                    signed=True,
                )
            ),
        )

    def reset_password(self, user_id: str, body: PasswordResetIn) -> UserPasswordOut:
        """Replace the password of a user by a new one, which is shown once, and end the sessions."""
        return cast(
            "UserPasswordOut",
            self._call(
                Call("POST", fill("/v1/users/{user_id}/reset-password", user_id=user_id), json=body, signed=True)
            ),
        )

    def livez(self) -> Liveness:
        """Whether the process runs: always 200."""
        return cast("Liveness", self._call(Call("GET", "/livez")))

    def readyz(self) -> Readiness:
        """Whether claims can be decided and stored: 200, else 503. A missing scorer is no failure: the rule decides.

        It comes from a write to the database at most a second ago, and from what became of the last claims. A key
        of role monitoring, operator or admin also sees the reason and the state of the circuit breaker.
        """
        return cast("Readiness", self._call(Call("GET", "/readyz")))

    def prometheus_metrics(self) -> str:
        """Metrics in the Prometheus text format. A key that was valid in the last hour works while the database
        fails."""
        return (self._send(Call("GET", "/metrics", accept="text/plain"))).text
