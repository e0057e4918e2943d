"""Types of bodies.

Generated from the description of the API by `make clients`; do not edit. They are dictionaries: a field that is
`NotRequired` may be missing, and a response to a request with `fields` has the fields that were asked for.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from ginja_client.values import JsonObject, JsonValue

AdjustmentGroup = Literal["CO", "PR", "OA"] | str


class AdjustmentOut(TypedDict):
    """A part of the billed amount that is not paid, and why."""

    group: AdjustmentGroup
    """Who bears it: `CO` the provider by contract, `PR` the member, `OA` neither, such as another payer."""
    carc: str
    """Claim adjustment reason code."""
    rarc: str | None
    """Remittance advice remark code; null: none."""
    amount: float
    text: str


class ApiKeyOut(TypedDict):
    """An API key, without its secret."""

    api_key_id: str
    name: str
    role: str
    provider_id: str | None
    """The only provider whose claims it may access."""
    member_id: NotRequired[str | None]
    """The only member whose claims it may access."""
    scopes: list[str] | None
    """What it may do of what its role may; null: all of it."""
    state: str
    """`valid`, `expiring` (within 30 days), `expired` or `revoked`."""
    created_at: str
    expires_at: str | None
    """Null: it was created before keys had to expire."""
    revoked_at: str | None
    last_used_at: str | None
    """To within seconds, a minute late; null: not used yet."""
    replaced_by: str | None
    """The key that it was rotated to."""
    api_version: str | None
    """The version of the API that it gets; null: not used yet."""


class ApiKeyPage(TypedDict):
    """Keys, the newest first."""

    keys: list[ApiKeyOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: this is the last."""


class AppealDecisionIn(TypedDict):
    """The outcome of an appeal. The reviewer is the holder of the key."""

    outcome: Literal["upheld", "overturned", "partly_overturned"]
    """`overturned` pays as far as the benefit allows; `partly_overturned` pays `amount`."""
    amount: NotRequired[float | str | None]
    """Of `partly_overturned`: above what is paid, and below what `overturned` would pay."""
    note: NotRequired[str | None]
    """A short comment, without a member's name."""


class AppealDocument(TypedDict):
    """A document that supports an appeal: a reference, by which the document is found and verified."""

    name: str
    """Without a member's name."""
    media_type: str
    sha256: str
    """Of the document's bytes, in lower-case hexadecimal digits."""


class AppealIn(TypedDict):
    """An appeal against the decision of a claim."""

    appellant: Literal["provider", "member"]
    """A provider's key sends `provider`, a member's `member`."""
    reason: str
    """Why the decision is wrong, without a member's name."""
    documents: NotRequired[list[AppealDocument]]
    """References to documents; the documents are kept elsewhere."""


class AppealList(TypedDict):
    """Appeals of a claim, oldest first, or open appeals, by due date."""

    appeals: list[AppealOut]
    next_cursor: NotRequired[str | None]
    """Send it as `cursor` for the next page; null: the last page."""


class AppealOut(TypedDict):
    """An appeal with its outcome."""

    appeal_id: str
    claim_id: str
    level: int
    """Of the claim's appeals, from 1."""
    state: Literal["open", "decided"] | str
    appellant: Literal["provider", "member"] | str
    reason: str
    documents: list[AppealDocument]
    filed_at: str
    due_on: str
    """The day by which it is decided."""
    days_left: int | None
    """Until `due_on`; negative once it has passed; null: decided."""
    status_appealed: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"] | str
    """The claim's status when it was appealed."""
    outcome: Literal["upheld", "overturned", "partly_overturned"] | str | None
    decided_at: str | None
    decided_by: str | None
    """Name of the reviewer."""
    role: str | None
    approved_amount: float | None
    """What is paid for the claim by the outcome; null: open."""
    note: NotRequired[str | None]
    """Of the reviewer; only for keys that see scores."""
    caused_by: NotRequired[list[str] | None]
    """Findings that caused the decision; only for keys that see scores."""


class AssessmentOut(TypedDict):
    """One assessment of a claim, as it was stored. Without a score, the fields of the score are null."""

    assessment_id: str
    made_at: str
    decided_by: Literal["model", "rule"] | str
    breaker_state: str
    """State of the circuit breaker: `closed`, `half_open` or `open`."""
    score_failure: str | None
    """Why there is no score."""
    outcome: Literal["approved", "partially_approved", "in_review", "rejected", "denied"] | str
    approved_amount: float
    flagged: bool
    findings: list[dict[str, JsonValue]]
    rule: dict[str, JsonValue] | None
    model_version: str | None
    schema_hash: str | None
    """SHA-256 of the vector's feature names and order."""
    probability: float | None
    margin: float | None
    """Log-odds of the score before calibration."""
    threshold: float | None
    base_margin: float | None
    """With the contributions it sums to `margin`."""
    typical_margin: float | None
    """With the pushes of the groups it sums to `margin`."""
    vector: dict[str, float | None] | None
    contributions: dict[str, float] | None
    groups: list[dict[str, JsonValue]] | None
    reasons: list[dict[str, JsonValue]]
    counterfactual: dict[str, JsonValue] | None
    feature_times: dict[str, str | None] | None
    """Event time of each feature view; null: no row."""
    stale_views: list[str] | None
    explained_by: str | None
    shadow: dict[str, JsonValue] | None
    """Score of a challenger model; stored, never used."""
    supersedes: str | None
    """The assessment this one replaces."""
    changes: dict[str, JsonValue] | None
    """Field → [before, after]."""
    policy_version: NotRequired[int | None]
    """Version of the policy that decided; 0: the settings; null: none was recorded."""
    policy_trace: NotRequired[list[JsonValue] | None]
    """The policy's rules that held, with the values that they read; null: none held."""


class AttemptOut(TypedDict):
    """One request to an endpoint."""

    number: int
    made_at: str
    duration_ms: int
    response_status: int | None
    error: (
        Literal[
            "address_refused",
            "connect_failed",
            "tls_failed",
            "timed_out",
            "connection_lost",
            "not_http",
            "redirected",
            "status",
            "secret_unreadable",
            "body_unreadable",
            "endpoint_disabled",
        ]
        | str
        | None
    )
    """Why it was not accepted. `address_refused`: the host cannot be resolved, or has an address that is not allowed;
    `redirected`: redirects are not followed; `status`: a status outside of 200 to 299; `secret_unreadable`: not sent,
    no secret of the endpoint can be decrypted; `body_unreadable`: not sent, what would be sent cannot be decrypted;
    `endpoint_disabled`: not sent. Null: accepted, or not sent yet."""


class AuditChangeOut(TypedDict):
    """What was before a change and after it."""

    before: dict[str, JsonValue] | None
    """null: it was created."""
    after: dict[str, JsonValue] | None


class AuditEntryList(TypedDict):
    """Entries of the audit log, the latest first."""

    entries: list[AuditEntryOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: the last page."""


class AuditEntryOut(TypedDict):
    """An entry of the audit log."""

    audit_id: int
    at: str
    actor_id: str
    """The API key or user; `command line` of a command."""
    name: str
    """Of the actor, as of then."""
    role: str
    act: str
    subject_kind: str | None
    subject_id: str | None
    claim_id: str | None
    """Of a change of a claim."""
    details: dict[str, JsonValue]
    """What was changed, or the filter of a list and its number."""
    purpose: str | None
    """A code of HL7 v3 PurposeOfUse."""
    outcome: str
    """`success`, `denied`, `not_found` or `failed`."""
    request_id: str | None
    address: str | None
    agent: str | None


class AuditEntryWithChangeOut(TypedDict):
    """An entry of the audit log with what was changed."""

    audit_id: int
    at: str
    actor_id: str
    """The API key or user; `command line` of a command."""
    name: str
    """Of the actor, as of then."""
    role: str
    act: str
    subject_kind: str | None
    subject_id: str | None
    claim_id: str | None
    """Of a change of a claim."""
    details: dict[str, JsonValue]
    """What was changed, or the filter of a list and its number."""
    purpose: str | None
    """A code of HL7 v3 PurposeOfUse."""
    outcome: str
    """`success`, `denied`, `not_found` or `failed`."""
    request_id: str | None
    address: str | None
    agent: str | None
    change: AuditChangeOut | None
    """Decrypted; null: none was stored, or it was erased."""
    change_erased: bool
    """Whether the change was erased with the member it is about."""


AuthorizationCount = Literal["units", "visits"]


class AuthorizationIn(TypedDict):
    """A new prior authorization."""

    provider_id: NotRequired[str | None]
    """Who may give the services; null: any provider."""
    procedures: list[str]
    """Procedure codes, and ranges of codes of the same length such as `97110..97140`."""
    units: NotRequired[int | None]
    """Most units or visits; null: no limit within its days."""
    counts: NotRequired[AuthorizationCount]
    """What `units` limits: units of lines, or days of service."""
    first_day: str
    """First day of service that it is for."""
    last_day: NotRequired[str | None]
    """Last day of service that it is for; null: without end."""
    state: AuthorizationState
    authorization_number: str
    member_id: str


class AuthorizationOut(TypedDict):
    """A prior authorization."""

    authorization_number: str
    member_id: str
    provider_id: str | None
    """Null: any provider."""
    procedures: list[str]
    units: int | None
    """Most units or visits; null: no limit."""
    counts: AuthorizationCount
    first_day: str
    last_day: str | None
    """Null: without end."""
    state: AuthorizationState


class AuthorizationPage(TypedDict):
    """Prior authorizations by number."""

    authorizations: list[AuthorizationOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: the last page."""


AuthorizationState = Literal["pending", "approved", "denied", "cancelled"]


class AuthorizationUpdate(TypedDict):
    """A prior authorization as it is from now on; its number and member stay."""

    provider_id: NotRequired[str | None]
    """Who may give the services; null: any provider."""
    procedures: list[str]
    """Procedure codes, and ranges of codes of the same length such as `97110..97140`."""
    units: NotRequired[int | None]
    """Most units or visits; null: no limit within its days."""
    counts: NotRequired[AuthorizationCount]
    """What `units` limits: units of lines, or days of service."""
    first_day: str
    """First day of service that it is for."""
    last_day: NotRequired[str | None]
    """Last day of service that it is for; null: without end."""
    state: AuthorizationState


class AuthorizationUseOut(TypedDict):
    """What claims have used of a prior authorization. A void or correction gives it back."""

    authorization_number: str
    units: int | None
    """Most units or visits; null: no limit."""
    counts: AuthorizationCount
    used: int
    """By claims that are paid."""
    reserved: int
    """By claims in review."""
    left: int | None
    """What no claim has used or reserved; null: no limit."""


class BulkCancelIn(TypedDict):
    """Why no more of a file is submitted."""

    reason: NotRequired[str]


class BulkJobOut(TypedDict):
    """A file of claims and how far it is."""

    job_id: str
    status: Literal["uploading", "queued", "running", "done", "failed", "cancelled"] | str
    """`uploading` until all bytes have arrived, then `queued`, `running`, and `done`. `failed`: see `failure`."""
    format: Literal["csv", "ndjson", "x12"] | str
    size: int
    """Bytes of the file."""
    received: int
    """Bytes that have arrived: the upload continues with this `Upload-Offset`."""
    sha256: str | None
    """Of the file: as announced, or as computed once it is complete."""
    created_at: str
    uploaded_at: str | None
    ended_at: str | None
    progress: float
    """Share of the file that was submitted, from 0 to 1."""
    accepted: int
    """Claims that were taken; of `x12` also those that were taken before, and voids."""
    refused: int
    """Lines, or claims of `x12`, that were refused; the rejects list why."""
    failure: str | None
    """Why no more of the file is submitted, and what to do."""


class BulkUploadIn(TypedDict):
    """A file of claims to upload."""

    format: Literal["csv", "ndjson", "x12"]
    """`ndjson`: the body of `POST /v1/claims` on each line. `csv`: a header, and a claim on each line. `x12`: 837
    transaction sets, professional or institutional, 5010."""
    size: int
    """Bytes of the file."""
    sha256: NotRequired[str | None]
    """Of the file, in hexadecimal digits: a file with another one is not submitted."""


class CaseAssignmentIn(TypedDict):
    """Who has a case."""

    assignee_id: str | None
    """Id of an active user or key that works cases; `me`: the caller; null: no one."""


class CaseClaimList(TypedDict):
    """A page of the claims of a case in the order in which they were added, with the totals of all its claims."""

    claims: list[CaseClaimOut]
    total: int
    """Claims of the case, on this page and others."""
    total_claimed: float
    total_approved: float
    next_cursor: NotRequired[str | None]


class CaseClaimOut(TypedDict):
    """A claim of a case. A claim that was archived has no more than its id and who added it."""

    claim_id: str
    added_at: str
    added_by: str
    """Id of the key or user."""
    received_at: str | None
    status: str | None
    claim_amount: float | None
    approved_amount: float | None
    disposition: (
        Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"] | str | None
    )
    """The latest of the claim."""


class CaseClaimsIn(TypedDict):
    """Claims that a case gets or loses."""

    claim_ids: list[str]


class CaseClosingAnswerIn(TypedDict):
    """The answer to a closing that another person proposed."""

    expected_version: int
    """The `version` you read. If the case has another entry since, the response is 409."""
    note: NotRequired[str | None]


class CaseClosingIn(TypedDict):
    """What the investigation of a case found."""

    disposition: Literal["substantiated_fraud", "waste", "abuse", "billing_error", "unsubstantiated", "inconclusive"]
    loss: NotRequired[float | str]
    """0 exactly with the method `none`."""
    loss_method: NotRequired[Literal["claim_review", "sample", "estimate", "none"]]
    """How the loss was determined."""
    note: str
    """Why."""
    findings: NotRequired[list[CaseFindingIn]]
    """Dispositions of claims of the case, each once."""


class CaseEventOut(TypedDict):
    """An entry of the history of a case, which is never changed."""

    number: int
    """From 1; the last is the version of the case."""
    at: str
    actor_id: str
    """Id of the key or user."""
    name: str
    """Of the key or user."""
    role: str
    act: str
    """Such as `case.assign`."""
    details: dict[str, JsonValue]
    """Ids, codes, days and amounts; none of a member's data."""
    text: str | None
    """What a person wrote."""


class CaseFileAccessOut(TypedDict):
    """The content of a file was sent to someone."""

    at: str
    """Recorded before the first byte was sent."""
    actor_id: str
    """Id of the key or user."""
    name: str
    role: str


class CaseFileList(TypedDict):
    """The files of a case."""

    files: list[CaseFileOut]


class CaseFileOut(TypedDict):
    """A file of a case with its chain of custody; its content is read by its own route."""

    file_id: str
    case_id: str
    task_id: str | None
    """The records request that it answers."""
    name: str
    obtained_from: str
    obtained_on: str
    media_type: str
    """By its content."""
    size: int
    """In bytes."""
    sha256: str
    """Of the file as it was sent, in hex."""
    added_at: str
    added_by: str
    """Id of the key or user."""
    added_name: str
    scan: Literal["clean", "infected", "not_scanned"] | str
    """What the antivirus scanner said. While there is a scanner, an unscanned file is not sent."""
    withdrawal: CaseFileWithdrawalOut | None
    accesses: list[CaseFileAccessOut]
    """The oldest first."""


class CaseFileWithdrawIn(TypedDict):
    """Why a file does not count any more."""

    reason: str
    """Names no member. It stays with the file."""


class CaseFileWithdrawalOut(TypedDict):
    """A file does not count any more; it stays with the case."""

    at: str
    actor_id: str
    """Id of the key or user."""
    name: str
    reason: str


class CaseFindingIn(TypedDict):
    """The disposition of a claim of the case, recorded when the case closes."""

    claim_id: str
    disposition: Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"]
    """`confirmed` needs the case's `substantiated_fraud`."""
    kind: NotRequired[str | None]
    """Kind of confirmed fraud."""
    amount_recovered: NotRequired[float | str]


class CaseFindingOut(TypedDict):
    """The disposition of a claim that is recorded when its case closes."""

    claim_id: str
    disposition: Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"] | str
    kind: str | None
    amount_recovered: float


class CaseHistory(TypedDict):
    """A page of the history of a case, the latest entry first."""

    events: list[CaseEventOut]
    next_cursor: NotRequired[str | None]


class CaseIn(TypedDict):
    """The subject of a case, and claims of it."""

    subject_kind: Literal["provider", "member", "ring"]
    subject_id: NotRequired[str | None]
    """Of a provider or member. A ring has `provider_ids`."""
    provider_ids: NotRequired[list[str]]
    """Of a ring: its providers, at least two."""
    claim_ids: NotRequired[list[str]]
    """Claims of the subject, which the case has then."""
    detection: NotRequired[Literal["score", "edit", "policy", "audit_sample", "appeal", "referral", "manual"]]
    """How the suspicion arose."""
    detected_at: NotRequired[str | None]
    """When it arose. Default: now."""


class CaseList(TypedDict):
    """A page of cases, the latest first."""

    cases: list[CaseOut]
    next_cursor: NotRequired[str | None]


class CaseNoteIn(TypedDict):
    """What is recorded in words."""

    kind: NotRequired[Literal["note", "contact", "education", "referral"]]
    """`contact`: someone was spoken or written to; `education`: the provider was taught how to bill; `referral`: the
    case was passed to an agency."""
    text: str
    """Line breaks are allowed; without a member's name."""
    on: NotRequired[str | None]
    """The day of a contact, an education or a referral."""


class CaseOut(TypedDict):
    """A case. Its claims, tasks and history have routes of their own."""

    case_id: str
    subject_kind: Literal["provider", "member", "ring"] | str
    subject_id: str
    """Of a ring: made of the ids of its providers."""
    provider_ids: list[str]
    """Of a ring: its providers."""
    status: Literal["open", "closed"] | str
    detection: Literal["score", "edit", "policy", "audit_sample", "appeal", "referral", "manual"] | str
    detected_at: str
    opened_at: str
    opened_by: str
    """Id of the key or user."""
    assigned_to: str | None
    """Id of the key or user; null: no one has it."""
    assigned_name: str | None
    is_proposed: bool
    """Whether the disposition waits for a second person; the case is open then."""
    disposition: (
        Literal["substantiated_fraud", "waste", "abuse", "billing_error", "unsubstantiated", "inconclusive"]
        | str
        | None
    )
    """What was found, or is proposed; null: neither."""
    loss: float | None
    loss_method: Literal["claim_review", "sample", "estimate", "none"] | str | None
    findings: list[CaseFindingOut]
    proposed_at: str | None
    proposed_by: str | None
    """Id of the key or user."""
    closed_at: str | None
    closed_by: str | None
    """Id of the key or user."""
    version: int
    """Number of the last entry of its history; `expected_version` of an approval."""


class CaseReopeningIn(TypedDict):
    """Why a closed case is opened again."""

    note: str
    """Line breaks are allowed; without a member's name."""


class CaseSampleDetailsOut(TypedDict):
    """A sample with its claims, their reviews, its demand and ledger."""

    sample_id: str
    case_id: str
    provider_id: str
    first_day: str
    last_day: str
    frame_sha256: str
    """Of the canonical text of the frame, in hex."""
    frame_claims: int
    frame_paid_amount: float
    method: str
    seed: str
    size: int
    """Claims of the sample."""
    strata: list[SampledStratumOut]
    boundaries: list[float]
    drawn_at: str
    drawn_by: str
    """Id of the key or user."""
    estimate: SampleEstimateOut | None
    """null: it is not fixed yet."""
    estimated_at: str | None
    estimated_by: str | None
    reviewed: int
    """Claims that are reviewed."""
    items: list[SampleItemOut]
    """In the order of the draw."""
    recoupment: RecoupmentOut | None
    """null: nothing is demanded yet."""


class CaseSampleList(TypedDict):
    """The samples of a case."""

    samples: list[CaseSampleOut]


class CaseSampleOut(TypedDict):
    """A sample with what draws it again: frame, seed, method and sizes."""

    sample_id: str
    case_id: str
    provider_id: str
    first_day: str
    last_day: str
    frame_sha256: str
    """Of the canonical text of the frame, in hex."""
    frame_claims: int
    frame_paid_amount: float
    method: str
    seed: str
    size: int
    """Claims of the sample."""
    strata: list[SampledStratumOut]
    boundaries: list[float]
    drawn_at: str
    drawn_by: str
    """Id of the key or user."""
    estimate: SampleEstimateOut | None
    """null: it is not fixed yet."""
    estimated_at: str | None
    estimated_by: str | None


class CaseTaskDoneIn(TypedDict):
    """Nothing more has to be said of a task that is done, or of records that were received."""


class CaseTaskIn(TypedDict):
    """What is to be done until a day, or a request of records."""

    kind: NotRequired[Literal["task", "records_request"]]
    title: str
    due_on: str
    letter: NotRequired[str | None]
    """The text of the letter of a `records_request`, which needs one."""


class CaseTaskList(TypedDict):
    """The tasks of a case: what is open first, then by due date."""

    tasks: list[CaseTaskOut]


class CaseTaskOut(TypedDict):
    """A task of a case, or a request of records."""

    task_id: str
    case_id: str
    kind: Literal["task", "records_request"] | str
    title: str
    letter: str | None
    """Of a request of records: the text of its letter."""
    due_on: str
    added_at: str
    added_by: str
    """Id of the key or user."""
    done_at: str | None
    """When it was done, or the records were received."""
    done_by: str | None
    """Id of the key or user."""


class ClaimDecisionOut(TypedDict):
    """The last decision of a person on the claim. Providers see it without names."""

    action: Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"] | str
    effect: Literal["settled", "proposed", "pended", "refused", "reopened"] | str
    reason: str
    """A code of `GET /v1/decision-reasons`."""
    reason_text: str
    carc: str | None
    """The claim adjustment reason code with the same meaning."""
    documents: list[str]
    """Documents the claim waits for."""
    due_on: str | None
    """Due date of the documents."""
    made_at: str
    decided_by: NotRequired[str | None]
    role: NotRequired[str | None]


class ClaimIn(TypedDict):
    """A claim: either one procedure with its amount, or lines."""

    member_id: str
    provider_id: str
    diagnosis_code: NotRequired[str | None]
    """The principal diagnosis, with or without its dot."""
    diagnosis_codes: NotRequired[list[str] | None]
    """All diagnoses; the first is the principal one unless diagnosis_code names it."""
    procedure_code: NotRequired[str | None]
    """Of a claim without lines."""
    claim_amount: NotRequired[float | str | None]
    """Required without lines; with lines it must be their sum."""
    units: NotRequired[int | None]
    """Of a claim without lines. Default: 1."""
    lines: NotRequired[list[LineIn] | None]
    service_from: NotRequired[str | None]
    """First day of service. Default: of the lines, or the day of receipt."""
    service_to: NotRequired[str | None]
    """Last day of service. Default: of the lines, or the first day."""
    place_of_service: NotRequired[str | None]
    """CMS two-digit code."""
    replaces: NotRequired[str | None]
    """The claim this one corrects; it is voided when this one is stored."""
    other_payer_paid: NotRequired[float | str | None]
    """What other payers paid of the claim, where it is not known for its lines."""
    authorization_number: NotRequired[str | None]
    """Of the prior authorization, where the member's plan requires one; without control characters."""
    attributes: NotRequired[JsonObject]
    """Further values that the model uses, by name: true, false, a number, a text, or null where the value is missing. A
    date is written as YYYY-MM-DD. Names that the model does not have are kept and not used."""


class ClaimOut(TypedDict):
    """A claim and its decision. Without `scores:read` or `claims:analyze`, a key gets the fields up to `reasons`."""

    claim_id: str
    status: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"] | str
    member_id: str | None
    """Null for keys with `claims:analyze` alone."""
    provider_id: str | None
    diagnosis_code: str | None
    procedure_code: str | None
    service_from: str
    service_to: str
    received_at: str
    claim_amount: float
    """A decimal number with at most two decimals."""
    approved_amount: float
    """The amount that is paid; 0 while in review."""
    replaces: str | None
    voided_at: str | None
    authorization_number: NotRequired[str | None]
    """Of the prior authorization, as it was sent."""
    attributes: JsonObject
    """As they were sent, by name."""
    payment: PaymentOut | None
    """The payment line by line, once the claim is decided; null: the plan has no cost sharing and no other payer paid,
    or the claim is in review or voided."""
    decision: ClaimDecisionOut | None
    notice: NoticeOut | None
    """Who decided, and whether a model was used."""
    prompt_pay: NotRequired[PromptPayOut | None]
    """Due date and interest of a claim in review; null: decided, or no clock runs."""
    reasons: list[FindingOut]
    """Findings, then the model's evidence about this claim."""
    fraud_flag: NotRequired[bool | None]
    score: NotRequired[float | None]
    """Probability of fraud; null when decided by the rule."""
    decided_by: NotRequired[Literal["model", "rule"] | str | None]
    model_version: NotRequired[str | None]
    rule: NotRequired[RuleOut | None]
    """Verdict of the 2× rule; null for a claim loaded as history."""
    replaced_by: NotRequired[str | None]
    chain: NotRequired[list[str] | None]
    """This claim and those that replace or follow one another with it, newest first."""
    priors: NotRequired[list[FindingOut] | None]
    """What the model infers from the history of the provider and member; not evidence about this claim."""


class ClaimPage(TypedDict):
    """Claims, newest first."""

    claims: list[ClaimOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: this is the last page."""


class ClientVersionOut(TypedDict):
    """The version of the API that the calling key gets."""

    version: str
    """What requests without `X-API-Version` get."""
    pinned_at: str | None
    """Since when; null: it is not stored yet."""
    current: str
    """The newest version."""
    supported: list[str]
    """Versions that can be named, the newest first."""
    previous: str | None
    """The version before the last upgrade; null: it cannot be rolled back to."""
    rollback_until: str | None
    """Until when the last upgrade can be undone."""


class ConsentIn(TypedDict):
    """What a member says about a purpose of use."""

    purpose: str
    """A purpose that needs consent, or to which a member may object: `PATRQT`, `FAMRQT`, `HRESCH`, `HMARKT`,
    `MODELTRAIN`."""
    kind: Literal["granted", "objected"]
    """`objected` for `MODELTRAIN`, `granted` for the others. A member's own key can object."""
    scope: NotRequired[Literal["claims", "all"]]
    """`claims`: claims and what was decided about them; `all`: also who the member is."""
    first_day: NotRequired[str | None]
    """In force from this day on; without it, from today on."""
    last_day: NotRequired[str | None]
    """In force up to this day; without it, until it is withdrawn."""
    document_sha256: NotRequired[str | None]
    """SHA-256 of the signed document in hexadecimal digits; a consent must have one."""
    document_place: NotRequired[str | None]
    """Where the document is kept: a reference without personal data."""


class ConsentOut(TypedDict):
    """What a member said about a purpose of use, and what became of it."""

    consent_id: str
    member_id: str
    purpose: str
    kind: Literal["granted", "objected"] | str
    state: Literal["granted", "objected", "withdrawn", "expired", "not_yet"] | str
    """Today: in force (`granted`, `objected`), `withdrawn`, `expired` (after its last day) or `not_yet` (before its
    first day)."""
    scope: Literal["claims", "all"] | str
    first_day: str
    last_day: str | None
    """In force up to this day; null: until it is withdrawn."""
    document_sha256: str | None
    document_place: str | None
    recorded_at: str
    recorded_by: str
    """Id of the key or user."""
    withdrawn_at: str | None
    withdrawn_by: str | None


class ConsentPage(TypedDict):
    """What a member said, the oldest first."""

    consents: list[ConsentOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: this is the last."""


class ConsentWithdrawalIn(TypedDict):
    """A consent or an objection is withdrawn; no reason is asked for."""


class Counterfactual(TypedDict):
    """The nearest amount at which the claim would have stayed below the threshold, everything else equal."""

    amount_cents: int
    probability: float
    """Verified by scoring the claim at that amount."""
    text: str


class CoverIn(TypedDict):
    """A further period of a member's cover, which overlaps none of the member's."""

    first_day: str
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    plan_id: str
    """A plan that was loaded: it decides what is paid."""


class CoverOut(TypedDict):
    """A period of cover before the latest one."""

    first_day: str | None
    last_day: str
    plan_id: str | None


class DecisionIn(TypedDict):
    """A decision of a person on a claim. The reviewer is the holder of the key."""

    action: Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"]
    reason: Literal[
        "review_found_no_issue",
        "records_support_service",
        "later_score_does_not_flag",
        "fee_schedule",
        "units_not_supported",
        "level_not_supported",
        "not_medically_necessary",
        "not_covered",
        "benefit_maximum",
        "duplicate_service",
        "coverage_not_in_effect",
        "provider_not_eligible",
        "records_not_provided",
        "service_not_documented",
        "fraud",
        "medical_records_needed",
        "itemized_bill_needed",
        "other_document_needed",
        "proposal_agreed",
        "proposal_not_supported",
        "proposal_wrong_amount",
        "appeal",
        "new_evidence",
        "appeal_overturned",
        "appeal_partly_overturned",
        "decided_in_error",
    ]
    """A code that fits the action; `GET /v1/decision-reasons` describes them."""
    expected_version: int
    """The `version` you read. If the claim was decided or scored since, the response is 409."""
    amount: NotRequired[float | str | None]
    """Of `pay_reduced`: above 0 and below `payable_amount`."""
    documents: NotRequired[list[str]]
    """Of `pend`: the requested documents."""
    due_on: NotRequired[str | None]
    """Of `pend`: their due date."""
    disposition: NotRequired[Literal["confirmed", "cleared"] | None]
    """A finding on fraud to record with the decision. Default: none."""
    kind: NotRequired[str | None]
    """Kind of confirmed fraud."""
    note: NotRequired[str | None]
    """A short comment, without a member's name."""


class DecisionOut(TypedDict):
    """One decision of a person, as it was stored."""

    decision_id: str
    claim_id: str
    number: int
    """Of the claim's decisions, from 1."""
    made_at: str
    action: Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"] | str
    effect: Literal["settled", "proposed", "pended", "refused", "reopened"] | str
    """`proposed`: nothing has changed yet; a second person approves or refuses."""
    outcome: Literal["approved", "partially_approved", "in_review", "denied"] | str
    """The claim's status afterwards."""
    pays_amount: float
    """The amount paid, or paid once the proposal is approved."""
    reason: str
    reason_text: str
    carc: str | None
    """The claim adjustment reason code with the same meaning."""
    note: str | None
    documents: list[str]
    due_on: str | None
    disposition: Literal["confirmed", "cleared"] | str | None
    kind: str | None
    answers: str | None
    """The proposal that was approved or refused."""
    decided_by: str
    role: str


class DeliveryDetailsOut(TypedDict):
    """A delivery with what is sent and every attempt."""

    delivery_id: str
    endpoint_id: str
    event_id: str
    """Sent as `webhook-id`, the same at each attempt."""
    event_type: str
    created_at: str
    status: Literal["pending", "delivered", "failed"] | str
    attempts: int
    """Attempts made."""
    due_at: str | None
    """When the next attempt is made; null: none is."""
    response_status: int | None
    """Of the last attempt; null: there was no response."""
    error: (
        Literal[
            "address_refused",
            "connect_failed",
            "tls_failed",
            "timed_out",
            "connection_lost",
            "not_http",
            "redirected",
            "status",
            "secret_unreadable",
            "body_unreadable",
            "endpoint_disabled",
        ]
        | str
        | None
    )
    """Why it was not accepted. `address_refused`: the host cannot be resolved, or has an address that is not allowed;
    `redirected`: redirects are not followed; `status`: a status outside of 200 to 299; `secret_unreadable`: not sent,
    no secret of the endpoint can be decrypted; `body_unreadable`: not sent, what would be sent cannot be decrypted;
    `endpoint_disabled`: not sent. Null: accepted, or not sent yet."""
    finished_at: str | None
    payload: dict[str, JsonValue]
    """As it is sent."""
    attempt_log: list[AttemptOut]
    """The first one first."""


class DeliveryOut(TypedDict):
    """One event for one endpoint."""

    delivery_id: str
    endpoint_id: str
    event_id: str
    """Sent as `webhook-id`, the same at each attempt."""
    event_type: str
    created_at: str
    status: Literal["pending", "delivered", "failed"] | str
    attempts: int
    """Attempts made."""
    due_at: str | None
    """When the next attempt is made; null: none is."""
    response_status: int | None
    """Of the last attempt; null: there was no response."""
    error: (
        Literal[
            "address_refused",
            "connect_failed",
            "tls_failed",
            "timed_out",
            "connection_lost",
            "not_http",
            "redirected",
            "status",
            "secret_unreadable",
            "body_unreadable",
            "endpoint_disabled",
        ]
        | str
        | None
    )
    """Why it was not accepted. `address_refused`: the host cannot be resolved, or has an address that is not allowed;
    `redirected`: redirects are not followed; `status`: a status outside of 200 to 299; `secret_unreadable`: not sent,
    no secret of the endpoint can be decrypted; `body_unreadable`: not sent, what would be sent cannot be decrypted;
    `endpoint_disabled`: not sent. Null: accepted, or not sent yet."""
    finished_at: str | None


class DeliveryPage(TypedDict):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryOut]
    next_cursor: str | None
    """`cursor` of the next page; null: this is the last one."""


class DispositionIn(TypedDict):
    """What an investigation of a claim found. The investigator is the holder of the key."""

    disposition: Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"]
    """`confirmed` (fraud) and `cleared` (no fraud) become labels; `waste`, `abuse`, `billing_error`, `overpayment` and
    `inconclusive` do not."""
    kind: NotRequired[str | None]
    """Kind of confirmed fraud."""
    amount_recovered: NotRequired[float | str]
    """Recovered amount, with `confirmed`, `waste`, `abuse`, `billing_error` or `overpayment`. All recoveries of one
    claim together are at most what was paid."""
    note: NotRequired[str | None]
    """A short comment, without a member's name."""


class DispositionList(TypedDict):
    """The dispositions of a claim, latest first."""

    dispositions: list[DispositionOut]


class DispositionOut(TypedDict):
    """A disposition as it was recorded; the latest of a claim counts."""

    disposition: Literal["confirmed", "cleared", "billing_error", "overpayment", "inconclusive"] | str
    found: Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"] | str
    """The disposition as it was recorded; `waste` and `abuse` are `overpayment` in the field `disposition`."""
    kind: str | None
    amount_recovered: float
    decided_by: str
    note: str | None
    known_at: str
    """When it was recorded; features and labels include it from then."""


class EdiClaimOut(TypedDict):
    """What became of one claim: the content of the 277CA."""

    claim_number: str
    """CLM01."""
    segment: int
    """Number of its CLM segment in the file, from 1."""
    transaction_set: str
    """ST02."""
    outcome: Literal["accepted", "repeated", "voided", "refused"] | str
    """`repeated`: it was taken before, and this is the answer given then. `refused`: see `reasons`."""
    claim: ClaimOut | None
    """The claim and its decision; null: it was refused."""
    reasons: list[EdiProblemOut]
    """Why it was refused."""
    notes: list[EdiProblemOut]
    """What is not as the guide says, but did not prevent reading it."""


class EdiProblemOut(TypedDict):
    """What is wrong at one place of a file. Values are not repeated."""

    where: str
    """Segment, element and component, and the segment's number in the file."""
    code: str
    """Stable."""
    reason: str
    remedy: str


class EdiReplyOut(TypedDict):
    """What became of a file."""

    accepted: int
    """Claims that were taken now, including voids."""
    repeated: int
    """Claims that were taken before."""
    refused: int
    claims: list[EdiClaimOut]
    transaction_sets: list[EdiSetOut]
    problems: list[EdiProblemOut]
    """Outside of transaction sets."""
    x12: str
    """The same as an interchange with a 999 and a 277CA."""


class EdiSetOut(TypedDict):
    """One transaction set: the content of the 999."""

    control_number: str
    """ST02."""
    group_control_number: str
    """GS06."""
    version: str
    status: Literal["accepted", "accepted_with_errors", "rejected"] | str
    problems: list[EdiProblemOut]
    """Of the set as a whole; all of its claims are refused then."""


class EndIn(TypedDict):
    """The end of a member's cover, of a provider or of a procedure."""

    last_day: str
    """The last day on which it is valid; it may be past or to come."""
    reason: str
    """For the audit log, without a member's name."""


class EndpointChangeIn(TypedDict):
    """A change of an endpoint; what is not sent stays."""

    url: NotRequired[str | None]
    events: NotRequired[
        list[
            Literal[
                "claim.decided",
                "claim.in_review",
                "claim.pended",
                "claim.voided",
                "claim.appealed",
                "claim.appeal_decided",
                "edit.suspended",
                "edit.resumed",
                "policy.activated",
                "model.promoted",
                "claim.rescreened",
                "consent.changed",
                "case.closed",
            ]
        ]
        | None
    ]
    api_version: NotRequired[str | None]
    description: NotRequired[str | None]
    """What the endpoint is for, without a member's name."""
    status: NotRequired[Literal["active", "disabled"] | None]
    """`active` enables an endpoint that was disabled; `disabled` sends nothing more to it."""


class EndpointIn(TypedDict):
    """A receiver of events."""

    url: str
    """`https`, port 443 or 8443, a host with public addresses, no user or password. Redirects are not followed."""
    events: list[
        Literal[
            "claim.decided",
            "claim.in_review",
            "claim.pended",
            "claim.voided",
            "claim.appealed",
            "claim.appeal_decided",
            "edit.suspended",
            "edit.resumed",
            "policy.activated",
            "model.promoted",
            "claim.rescreened",
            "consent.changed",
            "case.closed",
        ]
    ]
    """The events that are sent to this endpoint."""
    api_version: NotRequired[str]
    """The version of the API in whose form payloads are sent."""
    description: NotRequired[str | None]
    """What the endpoint is for, without a member's name."""


class EndpointList(TypedDict):
    """Every endpoint, the oldest first."""

    endpoints: list[EndpointOut]


class EndpointOut(TypedDict):
    """A receiver of events."""

    endpoint_id: str
    url: str
    description: str | None
    events: list[
        Literal[
            "claim.decided",
            "claim.in_review",
            "claim.pended",
            "claim.voided",
            "claim.appealed",
            "claim.appeal_decided",
            "edit.suspended",
            "edit.resumed",
            "policy.activated",
            "model.promoted",
            "claim.rescreened",
            "consent.changed",
            "case.closed",
        ]
        | str
    ]
    api_version: str
    status: Literal["active", "disabled"] | str
    disabled_reason: Literal["gone", "failing", "admin"] | str | None
    """`gone`: the receiver answered with 410; `failing`: every attempt of five days failed; `admin`: a person disabled
    it. Null: active."""
    disabled_at: str | None
    failing_since: str | None
    """The first failed attempt since the last accepted one."""
    secrets: list[SecretOut]
    """The current one first."""
    created_at: str
    updated_at: str


class EndpointSecretOut(TypedDict):
    """An endpoint with a new secret, which is not shown again."""

    endpoint_id: str
    url: str
    description: str | None
    events: list[
        Literal[
            "claim.decided",
            "claim.in_review",
            "claim.pended",
            "claim.voided",
            "claim.appealed",
            "claim.appeal_decided",
            "edit.suspended",
            "edit.resumed",
            "policy.activated",
            "model.promoted",
            "claim.rescreened",
            "consent.changed",
            "case.closed",
        ]
        | str
    ]
    api_version: str
    status: Literal["active", "disabled"] | str
    disabled_reason: Literal["gone", "failing", "admin"] | str | None
    """`gone`: the receiver answered with 410; `failing`: every attempt of five days failed; `admin`: a person disabled
    it. Null: active."""
    disabled_at: str | None
    failing_since: str | None
    """The first failed attempt since the last accepted one."""
    secrets: list[SecretOut]
    """The current one first."""
    created_at: str
    updated_at: str
    secret: str
    """Signs what is sent; store it. It is shown once."""


class EstimateWarningOut(TypedDict):
    """A reason for caution with an estimate."""

    code: str
    message: str


class EvidencePackIn(TypedDict):
    """What a person states for an evidence pack; everything else is read from the case."""

    organization: str
    """Who refers the case."""
    unit: NotRequired[str]
    person: str
    """Whom to ask."""
    contact: str
    """Telephone, e-mail or address of that person."""
    category: NotRequired[Literal["fraud", "waste", "abuse", "billing_error", "undetermined"]]
    statement: NotRequired[str]
    """What is alleged. No member but the subject is named."""
    provisions: NotRequired[list[str]]
    """Provisions violated: law, contract or policy."""
    who: NotRequired[str]
    """Empty: the subject."""
    what: NotRequired[str]
    """Empty: counts of the schedule."""
    when: NotRequired[str]
    """Empty: the period of the services."""
    where: NotRequired[str]
    """Empty: the regions of the claims."""
    how: NotRequired[str]
    why: NotRequired[str]


class EvidencePackList(TypedDict):
    """The packs of a case."""

    evidence_packs: list[EvidencePackOut]


class EvidencePackOut(TypedDict):
    """An evidence pack that was written; its files are read by their own route."""

    pack_id: str
    case_id: str
    written_at: str
    """The instant of the snapshot that it was made from."""
    written_by: str
    """Id of the key or user."""
    claims: int
    """Claims in its schedule."""
    billed_cents: int
    paid_cents: int
    at_risk_cents: int
    """Billed and not decided."""
    pack_sha256: str
    """Of the hashes of its sections, in hex."""


class ExplanationDetails(TypedDict):
    """What explains a score further; computed on request, from the vector that was scored."""

    model_version: str
    probability_interval: NotRequired[ProbabilityInterval | None]
    """Of the calibration; null: the model does not state how certain its calibration is."""
    interaction: PairEffect | None
    """Null: no two features interact, or the model has no tables of trees."""
    peers: PeerComparison | None
    """Null: the specialty is not known, or the model has too few honest claims of it."""


class ExplanationOut(TypedDict):
    """A claim with its lines and every assessment of it, oldest first."""

    claim: ClaimOut
    lines: list[LineOut]
    assessments: list[AssessmentOut]
    details: ExplanationDetails | None
    """The probability's interval, the strongest interaction and the comparison with honest peers, of the latest
    assessment; null: it has no score, its model is not loaded any more, or the scorer is unavailable."""


class FindingOut(TypedDict):
    """A finding that decided the claim, or a reason that moved its score."""

    code: str
    text: str
    source: Literal["edit", "model", "rule", "plausibility"] | str
    cites: NotRequired[str | None]
    """Of a finding: the table and entry it rests on."""
    line: NotRequired[int | None]
    """Of a finding: the line, from 1; null: the claim as a whole."""
    superseded: NotRequired[bool]
    """Of a finding: whether a later score resolved it."""
    direction: NotRequired[Literal["for", "against"] | str | None]
    """Of a reason: for or against fraud."""
    odds: NotRequired[float | None]
    """Of a reason: the factor on the odds, against a typical claim."""


class FoundMembers(TypedDict):
    """Members that a search has found."""

    members: list[MemberOut]
    """By id; at most 20."""


class GroupPush(TypedDict):
    """Contribution of one group of features to the margin, relative to the typical claim."""

    code: str
    """Of the group (`claims.reason_groups`)."""
    push: float
    """Log-odds: the sum of `features`."""
    features: dict[str, float]
    """Feature → its contribution minus that of the typical claim."""


class HistoricalClaim(TypedDict):
    """A claim decided elsewhere or earlier."""

    member_id: str
    provider_id: str
    diagnosis_code: NotRequired[str | None]
    """The principal diagnosis, with or without its dot."""
    diagnosis_codes: NotRequired[list[str] | None]
    """All diagnoses; the first is the principal one unless diagnosis_code names it."""
    procedure_code: NotRequired[str | None]
    """Of a claim without lines."""
    claim_amount: NotRequired[float | str | None]
    """Required without lines; with lines it must be their sum."""
    units: NotRequired[int | None]
    """Of a claim without lines. Default: 1."""
    lines: NotRequired[list[LineIn] | None]
    service_from: NotRequired[str | None]
    """First day of service. Default: of the lines, or the day of receipt."""
    service_to: NotRequired[str | None]
    """Last day of service. Default: of the lines, or the first day."""
    place_of_service: NotRequired[str | None]
    """CMS two-digit code."""
    replaces: NotRequired[str | None]
    """The claim this one corrects; it is voided when this one is stored."""
    other_payer_paid: NotRequired[float | str | None]
    """What other payers paid of the claim, where it is not known for its lines."""
    authorization_number: NotRequired[str | None]
    """Of the prior authorization, where the member's plan requires one; without control characters."""
    attributes: NotRequired[JsonObject]
    """Further values that the model uses, by name: true, false, a number, a text, or null where the value is missing. A
    date is written as YYYY-MM-DD. Names that the model does not have are kept and not used."""
    claim_id: str
    """Your id of the claim; it is returned with the score."""
    received_at: NotRequired[str | None]
    """At most five minutes ahead of now, not before 1990. Default: now. Current features may include what came after a
    receipt in the past, so they count as missing then."""


class IssuedKeyOut(TypedDict):
    """A new API key with its secret, which is not shown again."""

    api_key_id: str
    name: str
    role: str
    provider_id: str | None
    """The only provider whose claims it may access."""
    member_id: NotRequired[str | None]
    """The only member whose claims it may access."""
    scopes: list[str] | None
    """What it may do of what its role may; null: all of it."""
    state: str
    """`valid`, `expiring` (within 30 days), `expired` or `revoked`."""
    created_at: str
    expires_at: str | None
    """Null: it was created before keys had to expire."""
    revoked_at: str | None
    last_used_at: str | None
    """To within seconds, a minute late; null: not used yet."""
    replaced_by: str | None
    """The key that it was rotated to."""
    api_version: str | None
    """The version of the API that it gets; null: not used yet."""
    secret: str
    """Sent as `Authorization: Bearer gja_live_…`."""


class ItemReviewIn(TypedDict):
    """What the review of a drawn claim found."""

    claim_id: str
    correct_amount: float | str
    """What should have been paid; 0 for nothing."""
    reason: Literal[
        "correct",
        "not_documented",
        "not_necessary",
        "not_covered",
        "not_rendered",
        "wrong_code",
        "duplicate",
        "pricing",
        "underpaid",
    ]
    """`correct` exactly where the correct amount is what was paid."""


class JsonWebKeyOut(TypedDict):
    """A public key (RFC 7517)."""

    kty: Literal["EC"] | str
    crv: Literal["P-256"] | str
    x: str
    y: str
    kid: str
    use: Literal["sig"] | str
    alg: Literal["ES256"] | str


class JsonWebKeySetOut(TypedDict):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[JsonWebKeyOut]


class KeyIn(TypedDict):
    """A new API key."""

    name: str
    """Whose key it is: a system or a person."""
    role: str
    """What it may do: one of provider, member, claims_system, insurer, investigator, lead_investigator, data_scientist,
    monitoring, operator, admin."""
    provider_id: NotRequired[str | None]
    """The only provider whose claims it may access; of role `provider` and no other."""
    member_id: NotRequired[str | None]
    """The only member whose claims it may access; of role `member` and no other."""
    scopes: NotRequired[list[str] | None]
    """What it may do of what its role may; default: all of it."""
    expires_in_days: NotRequired[int]
    """Days until it expires; default: 365."""


class KeyRevocationIn(TypedDict):
    """A key is to end now; nothing more has to be said."""


class KeyRotationIn(TypedDict):
    """A new secret for the client of a key."""

    overlap_hours: NotRequired[int]
    """How long the rotated key is valid beside the new one."""
    expires_in_days: NotRequired[int]
    """Days until it expires; default: 365."""


class LeadActIn(TypedDict):
    """Nothing more has to be said of a lead that is taken, released or woken, or whose case is opened."""


class LeadClaimOut(TypedDict):
    """A claim of a lead. A claim that was archived has no more than its id."""

    claim_id: str
    source: Literal["appeal", "audit", "score", "edits", "rescreening"] | str
    done_at: str | None
    """When it needed no one any more, or moved to another lead."""
    status: str | None
    provider_id: str | None
    received_at: str | None
    claim_amount: float | None
    approved_amount: float | None
    score: float | None


class LeadList(TypedDict):
    """A page of leads, the best first; of closed leads the latest first."""

    leads: list[LeadOut]
    next_cursor: NotRequired[str | None]


class LeadOut(TypedDict):
    """Claims of one subject that need a person."""

    lead_id: str
    subject_kind: Literal["ring", "provider", "member", "claim"] | str
    subject_id: str
    status: Literal["open", "snoozed", "closed"] | str
    source: Literal["appeal", "audit", "score", "edits", "rescreening"] | str
    """Why a person is needed; the first of this order that one of its claims has."""
    why: str
    """A sentence made of the sums below."""
    rank: int | None
    """Its place on the Monday `week`, from 1; null: it is not ranked yet."""
    week: str | None
    listed: bool
    """Whether its rank is within the capacity of the week."""
    claim_count: int
    scored_claims: int
    expected_recovery: float | None
    """Sum over claims with a score, less the cost of their reviews; leads are in this order."""
    recovery_low: float | None
    """Lower end of its 90 % interval."""
    recovery_high: float | None
    """Upper end of its 90 % interval."""
    paid_amount: float
    unpaid_amount: float
    score: float | None
    """The highest of its claims."""
    indicators: list[str]
    due_on: str | None
    """The earliest day by which one of its claims is decided."""
    opened_at: str
    closed_at: str | None
    assigned_to: str | None
    """Id of the key or user; null: no one has it."""
    assigned_name: str | None
    assigned_at: str | None
    snoozed_until: str | None
    snooze_reason: Literal["awaiting_records", "awaiting_provider", "awaiting_other_case", "no_capacity"] | str | None


class LeadWithClaims(TypedDict):
    """A lead, and its claims: those that wait first, by amount; at most 500."""

    lead: LeadOut
    claims: list[LeadClaimOut]


class LedgerEntryIn(TypedDict):
    """A line of the ledger of a demand."""

    kind: Literal["appealed", "reduced", "received", "written_off"]
    amount: float | str
    """At most the balance."""
    claims: NotRequired[dict[str, float | str] | None]
    """Of received money: amounts by reviewed claim that it is for; left out, it is assigned to the overpaid ones in the
    order of the draw."""


class LedgerEntryOut(TypedDict):
    """A line of the ledger, which is never changed."""

    entry_no: int
    at: str
    by: str
    """Id of the key or user."""
    kind: str
    amount: float
    balance: float
    """After this line."""
    claims: dict[str, float]
    """Of received money: amounts by claim that it was assigned to."""


class LegalHoldIn(TypedDict):
    """A member is put under a legal hold."""

    member_id: str
    case_number: str
    """Of the proceedings."""
    reason: str
    """Why the data are kept; no personal data."""
    contact: str
    """Whom to ask for a release; shown with each refusal."""
    last_day: NotRequired[str | None]
    """In force up to this day; without it, until it is released."""


class LegalHoldOut(TypedDict):
    """A legal hold on a member."""

    hold_id: str
    member_id: str
    state: str
    """`in_force`, `expired` (after its last day) or `released`."""
    case_number: str
    reason: str
    contact: str
    """Whom to ask for a release."""
    last_day: str | None
    """In force up to this day; null: until it is released."""
    added_at: str
    added_by: str
    """Id of the key or user."""
    released_at: str | None
    released_by: str | None
    release_reason: str | None


class LegalHoldPage(TypedDict):
    """Legal holds, the oldest first."""

    legal_holds: list[LegalHoldOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: this is the last."""


class LegalHoldReleaseIn(TypedDict):
    """A legal hold ends now."""

    reason: str
    """Why it is released; no personal data."""


class LineIn(TypedDict):
    """One billed service; the amount is for all its units."""

    procedure_code: str
    amount: float | str
    """At most two decimals and at most 100000000.00."""
    units: NotRequired[int]
    service_date: NotRequired[str | None]
    modifiers: NotRequired[list[str]]
    """Modifiers of the procedure, in the order billed."""
    other_payer_paid: NotRequired[float | str | None]
    """What other payers paid of the line."""


class LineOut(TypedDict):
    """One line of a claim."""

    line: int
    """From 1."""
    procedure_code: str
    units: int
    amount: float
    service_date: str | None
    modifiers: list[str] | None
    """Modifiers of the procedure; null: none."""


class LinePaymentOut(TypedDict):
    """The payment of one line."""

    billed: float
    allowed: float
    """What the plan and the member together owe; 0 if nothing is covered."""
    contractual_reduction: float
    """Borne by the provider: group `CO`."""
    deductible: float
    copay: float
    coinsurance: float
    other_payer: float
    """What other payers paid of the allowed amount."""
    paid: float
    member_responsibility: float
    """What the member must pay the provider: group `PR`."""
    line: int
    """From 1."""
    price_source: Literal["billed", "fee_schedule", "contract"] | str
    """Where the allowed amount is from: the amount billed, where it is not above the price."""
    price_cites: str | None
    """Table, release and entry of the price; null: there is none."""
    adjustments: list[AdjustmentOut]


class ListedMember(TypedDict):
    """A member in a list, without personal data."""

    member_id: str
    region: str | None
    plan_id: str | None
    """Of the latest period."""
    first_day: str | None
    """First day of the latest period; null: it has no beginning."""
    last_day: str | None
    """Last day of the latest period; null: it has no end."""


class Liveness(TypedDict):
    """The process runs."""

    alive: NotRequired[Literal[True]]
    instance: NotRequired[str | None]
    """Identifies this start of the process, so that a supervisor can tell it from another one on the same port."""


class MailOut(TypedDict):
    """A message with what became of it; its text is not shown."""

    mail_id: str
    recipient: str
    subject: str
    created_at: str
    status: Literal["pending", "sent", "failed"] | str
    """`pending`: is sent, or tried again. `sent`: the server took it. `failed`: the server refused it, or took it at
    none of eight attempts."""
    attempts: int
    """Since it was made, or sent again."""
    due_at: str | None
    """Of the next attempt. Null: there is none."""
    answer: str | None
    """Of the server to the last attempt, or why there was none."""
    finished_at: str | None


class MailPage(TypedDict):
    """Messages, the newest first."""

    mails: list[MailOut]
    next_cursor: str | None
    """Null: this was the last page."""


class MailRetryIn(TypedDict):
    """Nothing more has to be said of a message that is sent again."""


class MeOut(TypedDict):
    """Who sends the request, and what it may do."""

    actor_id: str
    """Of the user (`usr_…`) or of the API key (`key_…`)."""
    kind: Literal["user", "api_key"] | str
    name: str
    role: str
    provider_id: str | None
    """The only provider whose claims it may access; null: it has none."""
    member_id: str | None
    """The only member whose claims it may access; null: it has none."""
    scopes: list[str]


class MemberIn(TypedDict):
    """A new member with the first period of its cover."""

    first_day: NotRequired[str | None]
    """First day of the period; null: it has no beginning."""
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    name: NotRequired[str | None]
    birth_date: NotRequired[str | None]
    sex: NotRequired[Literal["F", "M"] | None]
    region: NotRequired[str | None]
    plan_id: str
    """A plan that was loaded: it decides what is paid."""
    member_id: str


class MemberOut(TypedDict):
    """A member."""

    member_id: str
    name: str | None
    birth_date: str | None
    sex: Literal["F", "M"] | str | None
    region: str | None
    plan_id: str | None
    """Of the latest period."""
    first_day: str | None
    """First day of the latest period; null: it has no beginning."""
    last_day: str | None
    """Last day of the latest period; null: it has no end."""
    earlier_periods: list[CoverOut]
    """Cover before the latest period, oldest first."""


class MemberPage(TypedDict):
    """Members by id."""

    members: list[ListedMember]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: the last page."""


class MemberSearchIn(TypedDict):
    """Who is searched for: the whole name, or the birth date with at least one other field."""

    name: NotRequired[str | None]
    """In any order of its parts; case, diacritics and punctuation make no difference. Without a birth date the whole
    name, with one at least a part of it."""
    birth_date: NotRequired[str | None]
    sex: NotRequired[Literal["F", "M"] | None]
    region: NotRequired[str | None]
    plan_id: NotRequired[str | None]
    """Of the latest period."""


class MemberUpdate(TypedDict):
    """A member as it is from now on, with the latest period of its cover; earlier periods stay."""

    first_day: NotRequired[str | None]
    """First day of the period; null: it has no beginning."""
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    name: NotRequired[str | None]
    birth_date: NotRequired[str | None]
    sex: NotRequired[Literal["F", "M"] | None]
    region: NotRequired[str | None]
    plan_id: str
    """A plan that was loaded: it decides what is paid."""


class NoticeOut(TypedDict):
    """Who decided the claim, and on what basis. Null while the claim is in review or voided."""

    decided_by: Literal["contract", "automatic", "person"] | str
    """`contract`: rejected or reduced by the contract findings in `contract_findings`; `automatic`: approved at
    receipt; `person`: by the reviewer named here."""
    reviewed_by: str | None
    """Name of the reviewer; providers see it where the claim was denied or reduced."""
    reviewer_role: str | None
    model_used: bool | None
    """Whether a model's score was before the reviewer, or a part of the approval; null for keys that see no scores,
    unless the contract decided."""
    contract_findings: list[str]
    """Codes of the contract denials that decided the claim."""


class NotificationSubscriptionList(TypedDict):
    """All subscriptions, by event and recipient."""

    subscriptions: list[NotificationSubscriptionOut]


class NotificationSubscriptionOut(TypedDict):
    """Who is notified of what by e-mail."""

    subscription_id: str
    event: str
    recipient: str
    minimum: float | None
    """Of `claim.in_review`: the least amount of a claim. Null: all."""
    created_at: str
    """What happened before is not reported."""
    created_by: str
    """Name of the key, or who the command line was used by."""


class OutOfRange(TypedDict):
    """A feature whose value lies outside the range of the training claims."""

    feature: str
    meaning: str
    """Of the feature, as a sentence."""
    value: float
    low: float
    high: float


class OverpaymentDemandIn(TypedDict):
    """Until when a demanded overpayment is repaid or appealed."""

    due_on: str
    """After today."""
    appeal_until: str
    """After today."""


class PairEffect(TypedDict):
    """The two features of a claim whose combination matters most: what both add beyond what each adds alone."""

    features: list[JsonValue]
    push: float
    """Log-odds: the Shapley interaction index of the pair."""
    odds: float
    """exp(push): the factor on the odds."""
    text: str


class PasswordChangeIn(TypedDict):
    """The password that a user has, and the one that replaces it."""

    login: str
    """E-mail address of the user."""
    password: str
    code: NotRequired[str | None]
    recovery_code: NotRequired[str | None]
    new_password: str
    """15 to 256 characters, 8 where a second factor is required; not a frequent one, and without the login or the
    name."""


class PasswordResetIn(TypedDict):
    """Why a password is replaced: the response has a new one, which the user changes at the next sign-in."""

    reason: str


class PaymentOut(TypedDict):
    """The payment of a claim: the sums of its lines, and the lines."""

    billed: float
    allowed: float
    """What the plan and the member together owe; 0 if nothing is covered."""
    contractual_reduction: float
    """Borne by the provider: group `CO`."""
    deductible: float
    copay: float
    coinsurance: float
    other_payer: float
    """What other payers paid of the allowed amount."""
    paid: float
    member_responsibility: float
    """What the member must pay the provider: group `PR`."""
    plan_id: str | None
    """The plan whose cost sharing applies; null: it has none."""
    terms_from: str | None
    """The first day of the terms that apply."""
    counted_to_deductible: float
    """What the claim counts towards the deductible, as if there were no other payer."""
    counted_to_maximum: float
    """What it counts towards the out-of-pocket maximum."""
    lines: list[LinePaymentOut]


class PeerComparison(TypedDict):
    """A claim's score compared with those of honest claims of its specialty."""

    specialty: str
    claims: int
    """Honest claims that it is compared with."""
    margin: float
    """Their mean log-odds; with the pushes of `groups` it sums to the claim's margin."""
    groups: list[PeerPush]
    """Every group of the model's features, by descending |push|."""


class PeerPush(TypedDict):
    """Contribution of one group of features, compared with peers."""

    code: str
    """Of the group (`claims.reason_groups`)."""
    push: float
    """Log-odds: the sum of `features`."""
    odds: float
    """exp(push): the factor on the odds."""
    text: str
    """The feature that moves the group most, its value, and that of the median peer."""
    features: dict[str, float]
    """Feature → its contribution."""


class PeriodIn(TypedDict):
    """A further period, which overlaps none of the entry's."""

    first_day: str
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""


class PeriodOut(TypedDict):
    """A period before the latest one."""

    first_day: str | None
    last_day: str


class PolicyActivationIn(TypedDict):
    """Why a version is activated."""

    reason: str
    """Without personal data."""
    force: NotRequired[bool]
    """Activate it although its last test did not pass, or there is none."""


class PolicyActivationOut(TypedDict):
    """An activation or a rollback."""

    activation_id: int
    kind: Literal["activate", "rollback"] | str
    version: int
    """What decides claims from now on, on its days; 0: the settings."""
    approver: str
    reason: str
    made_at: str
    forced: bool
    test: PolicyTestOut | None
    """What an activation rests on; null: none."""


class PolicyDraftIn(TypedDict):
    """A new version of the policy."""

    document: dict[str, JsonValue]
    """`title`, `valid_from`, `valid_until`, `parameters` and `rules`, as in a file of `ginja policy draft`. A parameter
    that is not given has the value that the platform comes with."""


class PolicyInForceOut(TypedDict):
    """What decides claims received today."""

    version: int
    """0: the settings."""
    document: dict[str, JsonValue]


class PolicyList(TypedDict):
    """Every version, the oldest first, and what decides claims received today."""

    policies: list[PolicySummaryOut]
    in_force: PolicyInForceOut


class PolicyRollbackIn(TypedDict):
    """Why the last activation is rolled back."""

    reason: str
    """Without personal data."""


class PolicySummaryOut(TypedDict):
    """A version of the policy."""

    version: int
    status: Literal["draft", "active", "scheduled", "superseded"] | str
    """`active`: it decides claims received today; `scheduled`: from a later day on."""
    title: str
    valid_from: str
    valid_until: str | None
    author: str
    created_at: str
    approver: str | None
    """Of the last activation; null: never activated."""
    activated_at: str | None
    reason: str | None
    forced: bool | None
    """Whether it was activated without a test that passed."""
    sha256: str
    """Of the document as JSON with sorted keys."""


class PolicyTestOut(TypedDict):
    """The test that an activation rests on."""

    test_id: int
    passed: bool
    tested_by: str
    dataset: str
    """Whose claims were replayed."""
    claims: int
    scored: int
    """Claims with a score; the 2x rule decides the others."""
    first_day: str
    """Of the claims."""
    last_day: str
    capacity: float | None
    """Reviews per week; null: 1 % of the claims."""


class PolicyVersionOut(TypedDict):
    """A version of the policy with its document."""

    version: int
    status: Literal["draft", "active", "scheduled", "superseded"] | str
    """`active`: it decides claims received today; `scheduled`: from a later day on."""
    title: str
    valid_from: str
    valid_until: str | None
    author: str
    created_at: str
    approver: str | None
    """Of the last activation; null: never activated."""
    activated_at: str | None
    reason: str | None
    forced: bool | None
    """Whether it was activated without a test that passed."""
    sha256: str
    """Of the document as JSON with sorted keys."""
    document: dict[str, JsonValue]
    """With every parameter."""


class ProbabilityInterval(TypedDict):
    """How certain the calibration of a probability is: the interval of the share of fraud among claims with its score.
    Below few frauds it is wide. It is too narrow where frauds come in bursts, and it says nothing about whether the
    score is right for this claim."""

    low: float
    high: float
    level: float
    """How often such an interval has the true share."""


class ProcedureIn(TypedDict):
    """A new procedure with the first period in which it may be billed."""

    first_day: NotRequired[str | None]
    """First day of the period; null: it has no beginning."""
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    name: NotRequired[str | None]
    specialties: NotRequired[list[str] | None]
    typical_price: NotRequired[float | str | None]
    """The catalogue's price of one unit."""
    sex: NotRequired[Literal["F", "M"] | None]
    min_age_years: NotRequired[int | None]
    max_age_years: NotRequired[int | None]
    max_units: NotRequired[int | None]
    """Most units plausible on one claim."""
    procedure_code: str


class ProcedureOut(TypedDict):
    """A procedure."""

    procedure_code: str
    name: str | None
    specialties: list[str] | None
    typical_price: float | None
    sex: Literal["F", "M"] | str | None
    min_age_years: int | None
    max_age_years: int | None
    max_units: int | None
    first_day: str | None
    """First day of the latest period; null: it has no beginning."""
    last_day: str | None
    """Last day of the latest period; null: it has no end."""
    earlier_periods: list[PeriodOut]
    """Periods of validity before the latest, oldest first."""


class ProcedurePage(TypedDict):
    """Procedures by code."""

    procedures: list[ProcedureOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: the last page."""


class ProcedureUpdate(TypedDict):
    """A procedure as it is from now on, with the latest period in which it may be billed; earlier periods stay."""

    first_day: NotRequired[str | None]
    """First day of the period; null: it has no beginning."""
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    name: NotRequired[str | None]
    specialties: NotRequired[list[str] | None]
    typical_price: NotRequired[float | str | None]
    """The catalogue's price of one unit."""
    sex: NotRequired[Literal["F", "M"] | None]
    min_age_years: NotRequired[int | None]
    max_age_years: NotRequired[int | None]
    max_units: NotRequired[int | None]
    """Most units plausible on one claim."""


class PromiseOut(TypedDict):
    """What is promised of the list's claims by score."""

    at_least: float | None
    """Least share of them that is fraud; null: no promise."""
    confidence: float
    """Share of the lists for which a promise holds."""
    lists: int
    """Earlier lists with enough findings."""
    lists_required: int
    """How many of them a promise requires."""
    text: str
    """The promise, or why there is none, as a sentence."""


class PromptPayOut(TypedDict):
    """The prompt-pay clock of a claim in review, on the day of the response."""

    line_of_business: Literal["commercial", "marketplace", "medicaid", "medicare"] | str
    state_code: str | None
    """The state whose rule applies; null: a federal rule."""
    due_on: str
    """The last day on which payment is not late."""
    days_left: int
    """Until `due_on`; negative once it has passed."""
    state: Literal["on_time", "due_soon", "overdue"] | str
    """`due_soon`: at most `GINJA_PROMPT_PAY_ALARM_DAYS` are left."""
    interest_amount: float
    """Owed if the claim were paid in full today."""
    interest_percent: float
    """Rate per year of a payment today."""
    rate_published: bool
    """False: the rate of today is not in the rules; the newest one was used."""
    cites: str
    """Source of the deadline."""


class ProviderIn(TypedDict):
    """A new provider with the first period in which it may bill."""

    first_day: NotRequired[str | None]
    """First day of the period; null: it has no beginning."""
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    npi: NotRequired[str | None]
    """National Provider Identifier, where provider_id is none."""
    name: NotRequired[str | None]
    specialty: NotRequired[str | None]
    region: NotRequired[str | None]
    excluded_from: NotRequired[str | None]
    """The first day excluded, or suspended: services from then on are rejected. null: not excluded."""
    provider_id: str


class ProviderOut(TypedDict):
    """A provider."""

    provider_id: str
    npi: str | None
    name: str | None
    specialty: str | None
    region: str | None
    excluded_from: str | None
    """The first day excluded; null: not excluded."""
    first_day: str | None
    """First day of the latest period; null: it has no beginning."""
    last_day: str | None
    """Last day of the latest period; null: it has no end."""
    earlier_periods: list[PeriodOut]
    """Active periods before the latest, oldest first."""


class ProviderPage(TypedDict):
    """Providers by id."""

    providers: list[ProviderOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: the last page."""


class ProviderUpdate(TypedDict):
    """A provider as it is from now on, with the latest period in which it may bill; earlier periods stay."""

    first_day: NotRequired[str | None]
    """First day of the period; null: it has no beginning."""
    last_day: NotRequired[str | None]
    """Last day of the period; null: it has no end."""
    npi: NotRequired[str | None]
    """National Provider Identifier, where provider_id is none."""
    name: NotRequired[str | None]
    specialty: NotRequired[str | None]
    region: NotRequired[str | None]
    excluded_from: NotRequired[str | None]
    """The first day excluded, or suspended: services from then on are rejected. null: not excluded."""


class Readiness(TypedDict):
    """Whether claims can be decided and stored; with the details for a key of role monitoring, operator or admin."""

    ready: bool
    database: NotRequired[str | None]
    """`ready`, or why claims cannot be stored. For monitoring."""
    scorer_breaker: NotRequired[Literal["closed", "half_open", "open"] | str | None]
    """State of the circuit breaker before the scorer; without the scorer the 2× rule decides. For monitoring."""
    instance: NotRequired[str | None]
    """Identifies this start of the process, so that a supervisor can tell it from another one on the same port."""


class Reason(TypedDict):
    """One group of features that moved the score, stated in words an investigator can check. Pushes are relative to the
    typical claim (`Score.typical_margin`), so what most claims share is not a reason."""

    code: str
    """Code of the group (`claims.reason_groups`); the meaning of a code never changes."""
    kind: Literal["evidence", "prior"] | str
    """Evidence about this claim, or a prior about its provider or member."""
    text: str
    direction: Literal["for", "against"] | str
    """For or against fraud."""
    push: float
    """Log-odds that the group adds, compared with the typical claim."""
    odds: float
    """exp(push): the factor on the odds."""
    features: dict[str, float | None]
    """The values behind the words."""
    carrier: list[str]
    """The features whose fact the text states."""
    carrier_share: float
    """Their part of everything in the group that pushes in this direction; at least 0.6."""


class ReasonList(TypedDict):
    """Every declared reason, in the order in which they are offered."""

    reasons: list[ReasonOut]


class ReasonOut(TypedDict):
    """A declared reason of decisions."""

    code: str
    meaning: str
    actions: list[Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"] | str]
    carc: str | None
    needs_confirmed_fraud: bool


class RecoupmentOut(TypedDict):
    """A demand with its ledger."""

    recoupment_id: str
    sample_id: str
    case_id: str
    provider_id: str
    demanded_amount: float
    demanded_at: str
    demanded_by: str
    """Id of the key or user."""
    due_on: str
    appeal_until: str
    balance: float
    """What is still owed."""
    entries: list[LedgerEntryOut]
    """The ledger, the first line first."""


class RecoveryCodesOut(TypedDict):
    """Codes that stand in for the second factor, each once. They are shown once; store them away from the device."""

    recovery_codes: list[str]


class RefreshIn(TypedDict):
    """A refresh token."""

    refresh_token: str


class RemittanceOut(TypedDict):
    """What is paid of the claims of a provider that were decided over some days."""

    reference: str
    """The same for the same claims and payments; TRN02 of the 835."""
    provider_id: str
    first_day: str
    last_day: str
    paid: float
    """The sum of all claims less `balance_brought`, from 0."""
    balance_brought: float
    """As sent: what the advice before forwarded."""
    balance_forward: float
    """What reversals take back beyond what is paid: send it as `balance_brought` for the next advice."""
    claims: list[RemittedClaimOut]
    """Oldest first."""


class RemittedClaimOut(TypedDict):
    """A decided claim with its payment, or with what takes an earlier payment back."""

    claim_id: str
    kind: Literal["payment", "reversal"] | str
    """`reversal`: decided so before these days, and voided or decided otherwise in them; its amounts are negative."""
    status: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"] | str
    """As it was decided; of a reversal, as it was decided before."""
    member_id: str | None
    service_from: str
    service_to: str
    payment: PaymentOut


class ReplayIn(TypedDict):
    """What to send again: one delivery, or every failed one of events since an instant."""

    delivery_id: NotRequired[str | None]
    """A delivery of this endpoint."""
    failed_since: NotRequired[str | None]
    """Deliveries that were added from then on and have failed, the oldest 10,000."""


class ReplayOut(TypedDict):
    """What is sent again."""

    replayed: int
    """Deliveries that are sent again."""
    more: bool
    """Whether there are more; send the request again for them."""


class ReportPage(TypedDict):
    """Reports, the newest first."""

    reports: list[StoredReportOut]
    next_cursor: str | None
    """`cursor` of the next page; null: this is the last one."""


class RescreeningCloseIn(TypedDict):
    """Why a finding is closed. Who closes it is the holder of the key."""

    reason: Literal["recovery_started", "decision_corrected", "no_action", "not_correct"]
    """`recovery_started`: what was overpaid is being recovered; `decision_corrected`: the claim was decided with it in
    view, reopened or replaced; `no_action`: the decision stands; `not_correct`: the table or registry is wrong."""
    note: NotRequired[str | None]
    """A short comment, without a member's name."""


class RescreeningFindingList(TypedDict):
    """Findings of re-screening, the newest first."""

    findings: list[RescreeningFindingOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: this is the last."""


class RescreeningFindingOut(TypedDict):
    """A difference between how a claim was decided and what is found after a change. The claim is unchanged."""

    finding_id: str
    claim_id: str
    provider_id: str | None
    cause: (
        Literal["mue", "ptp", "leie", "hcpcs", "icd10", "fees", "contracts", "provider", "member", "procedure", "plan"]
        | str
    )
    """What changed: a table of the trade, an entry of a registry, or a plan."""
    change: str
    """The release or entry that changed."""
    claim_status: str
    """Of the claim when it was compared."""
    difference: Literal["new_finding", "finding_no_longer_holds", "amount_differs"] | str
    code: str
    """Of the finding that differs; `amount` where the payment does."""
    line: int | None
    """Of the claim, from 1; null: the claim as a whole."""
    text: str
    """As a sentence."""
    cites: str
    """Table and entry that it was read from."""
    amount_before: float | None
    """Paid, or reserved in review; null: no amount changes."""
    amount_now: float | None
    """What it would be by what is known now."""
    found_at: str
    status: Literal["open", "closed"] | str
    closed_at: str | None
    closed_reason: (
        Literal["recovery_started", "decision_corrected", "no_action", "not_correct"]
        | str
        | Literal["withdrawn"]
        | None
    )
    """`withdrawn`: a later change removed the difference, or the claim was voided."""
    closed_by: str | None
    """The key's name; null: it is open or was withdrawn."""
    note: str | None


class ReviewOut(TypedDict):
    """The review of a claim."""

    claim_id: str
    version: int
    """Send it as `expected_version`; every decision and every score increments it."""
    state: Literal["open", "proposed", "decided", "automatic", "voided"] | str
    status: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"] | str
    claim_amount: float
    approved_amount: float
    reserved_amount: float
    """Benefit reserved for the claim while it is in review."""
    payable_amount: float
    """The amount that `release` would pay now."""
    needs_second_approval: bool
    """Whether a decision is a proposal until another person approves."""
    allowed_actions: list[Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"] | str]
    """The actions this key can take now."""
    prompt_pay: PromptPayOut | None
    """Due date and interest while the claim is in review; null: decided, or no clock runs."""
    decisions: list[DecisionOut]
    """Oldest first."""


class RuleOut(TypedDict):
    """Verdict of the 2× rule on the claim's amount; reported with every decision."""

    flagged: bool | None
    """Null: there is nothing to compare with."""
    text: str
    average: float | None
    """The amount compared with."""
    basis: Literal["average", "catalogue", "nothing"] | str
    claims: int
    """Number of claims behind the average."""


class SampleEstimateIn(TypedDict):
    """How the overpayment is estimated."""

    estimator: NotRequired[Literal["difference", "mean_per_unit"]]


class SampleEstimateOut(TypedDict):
    """The estimate of a sample, as it was fixed when the review was complete."""

    estimator: str
    quantile: str
    """Distribution of the limits: `student_t` or `normal`."""
    confidence: float
    """Of the one-sided interval."""
    point_amount: float
    standard_error: float
    degrees: float | None
    """Degrees of freedom; null: none are used."""
    multiple: float
    """Standard errors between point estimate and limit."""
    lower_amount: float
    upper_amount: float
    reviewed: int
    errors: int
    """Reviewed claims that were not paid as they should have been."""
    found_amount: float
    """Net overpayment of the reviewed claims."""
    demand_amount: float
    """What can be demanded."""
    is_extrapolated: bool
    """False: the demand is what was found in the reviewed claims."""
    wrong_lower: int | None
    wrong_upper: int | None
    """Exact 90 % limits of the wrong claims of the frame; null: strata."""
    warnings: list[EstimateWarningOut]


class SampleItemOut(TypedDict):
    """A drawn claim with its review."""

    position: int
    claim_id: str
    stratum: str
    paid_amount: float
    number: str
    """That it was drawn by, in hex."""
    correct_amount: float | None
    """null: not reviewed yet."""
    overpaid_amount: float | None
    """Paid less correct; negative: underpaid."""
    reason: str | None
    reviewed_at: str | None
    reviewed_by: str | None


class SamplePlanIn(TypedDict):
    """What is sampled: the paid claims of a provider of the case with a first day of service in a period."""

    first_day: str
    last_day: str
    provider_id: NotRequired[str | None]
    """One of the providers of the case; may be left out where it has one."""
    size: NotRequired[int | None]
    """Claims to draw; left out, as many as `precision` is expected to need."""
    precision: NotRequired[float | None]
    """Half of the interval as a share of the expected overpayment; 0.25 where neither it nor `size` is sent."""
    seed: NotRequired[str | None]
    """Text that the draw follows from; left out, a random one."""
    boundaries: NotRequired[list[float | str]]
    """Lowest paid amounts of further strata; none: one stratum."""
    allocation: NotRequired[Literal["proportional", "neyman"]]
    """How the size is divided among strata."""
    error_rate: NotRequired[float]
    """Share of claims that are expected to be overpaid in full, for size and allocation."""


class SampleReviewsIn(TypedDict):
    """Reviews of drawn claims."""

    items: list[ItemReviewIn]
    """Each claim once; a claim that is not named keeps its review."""


class SampleWorksheetOut(TypedDict):
    """The claims of a sample, in the order of the draw."""

    items: list[SampleItemOut]


class SampledStratumOut(TypedDict):
    """A stratum of the frame."""

    name: str
    claims: int
    """In the frame."""
    paid_amount: float
    drawn: int
    """Claims of the sample."""


class Score(TypedDict):
    """The scorer's answer for one claim. Every field is required: a missing one makes the score invalid."""

    contract: Literal["1"] | str
    claim_id: str
    model_version: str
    schema_hash: str
    """SHA-256 of the vector's feature names and order."""
    probability: float
    margin: float
    threshold: float
    flagged: bool
    base_margin: float
    contributions: dict[str, float]
    """With `base_margin` they sum to `margin` within 1e-4."""
    vector: dict[str, float | None]
    """Every feature, null where missing."""
    typical_margin: float
    """Of the typical claim; with the pushes of `groups` it sums to `margin`."""
    groups: list[GroupPush]
    """Every group of the model's features, by descending |push|."""
    reasons: list[Reason]
    """The main groups: for, then against, strongest first."""
    counterfactual: Counterfactual | None
    """Null: not flagged, none exists, or scored in a batch."""
    feature_times: dict[str, str | None]
    """Event time of each view read; null without a row."""
    stale_views: list[str]
    """Views that were missing or stale, whose features were NaN."""
    gain_present: float
    """Share of the model's total gain held by features whose inputs were available."""
    out_of_range: list[OutOfRange]
    """Features outside the range of the training claims."""
    tail_features: int
    """Features in the extreme tails of the training claims."""
    tail_limit: int | None
    """Most tail features of 99.9 % of the training claims; null: the model has no training range."""
    explained_by: Literal["tables", "pred_contribs", "terms"] | str
    shadow: ShadowScore | None
    """Null: no challenger."""


class ScoreBatchIn(TypedDict):
    """Claims to score; none of them is stored."""

    claims: list[HistoricalClaim]


class ScoreBatchOut(TypedDict):
    """Scores in the order of the claims."""

    scores: list[Score]


class SecondFactorConfirmIn(TypedDict):
    """The first code of a new second factor."""

    login: str
    """E-mail address of the user."""
    password: str
    code: str
    """Code of the authenticator app; each is accepted once."""


class SecondFactorIn(TypedDict):
    """Who sets up a second factor; who has one already proves it."""

    login: str
    """E-mail address of the user."""
    password: str
    code: NotRequired[str | None]
    recovery_code: NotRequired[str | None]


class SecondFactorOut(TypedDict):
    """A new secret for an authenticator app, shown once; its first code makes it the second factor."""

    secret: str
    """Base 32, to be typed where no QR code can be read."""
    uri: str
    """`otpauth://totp/…`, to be shown as a QR code."""


class SecondFactorResetIn(TypedDict):
    """Why a second factor is removed: the user sets up another one at the next sign-in."""

    reason: str


class SecretOut(TypedDict):
    """A secret that webhooks are signed with; the secret itself was shown when it was made."""

    created_at: str
    expires_at: str | None
    """Null: the current one."""


class SecretRotationIn(TypedDict):
    """How long the secret that is replaced goes on signing."""

    overlap_hours: NotRequired[int]
    """Hours in which webhooks are signed with both secrets; 0 for a secret that became known."""


class SelectedClaimOut(TypedDict):
    """A claim on a week's list."""

    claim_id: str
    selected_by: Literal["score", "audit"] | str
    """`audit`: sampled at random."""
    propensity: float
    """The probability of being selected."""
    score: float
    model_version: str
    received_at: str
    provider_id: str | None
    claim_amount: float
    expected_recovery: float | None
    """Expected recovery less the cost of the review, when the list was made; the list is in this order. Null: the list
    was made without."""
    recovery_low: float | None
    """Lower end of its 90 % interval."""
    recovery_high: float | None
    """Upper end of its 90 % interval."""
    disposition: Literal["confirmed", "cleared", "billing_error", "overpayment", "inconclusive"] | str | None
    """The latest disposition."""
    found: (
        Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"] | str | None
    )
    """The disposition as it was recorded; `waste` and `abuse` are `overpayment` in the field `disposition`."""


class ShadowScore(TypedDict):
    """The challenger's score of the same vector; stored, never used for the decision."""

    model_version: str
    margin: float
    probability: float
    flagged: bool


class SignInIn(TypedDict):
    """Login and password, and a code where the user has a second factor."""

    login: str
    """E-mail address of the user."""
    password: str
    code: NotRequired[str | None]
    recovery_code: NotRequired[str | None]


class SignOutIn(TypedDict):
    """A refresh token of the session that ends."""

    refresh_token: str


class SigningKeyIn(TypedDict):
    """A public key with which an actor signs requests."""

    actor_id: str
    """The API key or user that signs with it."""
    name: str
    """Where the private key is kept."""
    public_key: str
    """An Ed25519 or NIST P-256 public key in PEM (`-----BEGIN PUBLIC KEY-----`)."""
    expires_in_days: NotRequired[int]
    """Days until it expires; default: 365."""


class SigningKeyOut(TypedDict):
    """A public key with which an actor signs requests."""

    signing_key_id: str
    actor_id: str
    """The API key or user that signs with it."""
    key_id: str
    """`keyid` of its signatures: SHA-256 of the public key (DER) in URL-safe base64."""
    name: str
    algorithm: str
    """`alg` of its signatures."""
    state: Literal["valid", "expired", "revoked"] | str
    created_at: str
    expires_at: str
    revoked_at: str | None


class SigningKeyPage(TypedDict):
    """Signing keys, the newest first."""

    keys: list[SigningKeyOut]
    next_cursor: str | None
    """Send it as `cursor` for the next page; null: this is the last."""


class SigningKeyRevocationIn(TypedDict):
    """A signing key is to end now; nothing more has to be said."""


class SnoozeIn(TypedDict):
    """Until when a lead is put aside, and why."""

    until: str
    """The day on which it is open again: within 90 days, in the insurer's time zone."""
    reason: Literal["awaiting_records", "awaiting_provider", "awaiting_other_case", "no_capacity"]


class StoredReportOut(TypedDict):
    """A report that was made; its files are read apart."""

    report_id: str
    kind: Literal["daily_decisions", "provider_scorecard"] | str
    title: str
    provider_id: str | None
    """Null: the report is not about a provider."""
    first_day: str
    last_day: str
    made_at: str


class SubscriptionIn(TypedDict):
    """Who is to be notified of what."""

    event: Literal[
        "claim.in_review",
        "prompt_pay.due",
        "work.failed",
        "webhook_endpoint.disabled",
        "model.promoted",
        "policy.activated",
        "edit.suspended",
        "report.daily_decisions",
        "report.provider_scorecards",
    ]
    """What to notify of. Reports need the scope `reports:read` as well."""
    recipient: str
    """The e-mail address of a person or a team."""
    minimum: NotRequired[float | str | None]
    """Of `claim.in_review`: only claims of at least this amount."""


class SuspendedEditOut(TypedDict):
    """An edit that sends claims to review instead of rejecting or reducing them."""

    edit: str
    """Code of its finding."""
    suspended_at: str
    decided: int
    """Appeals decided when it was suspended."""
    overturned: int
    """Of these, overturned at least partly."""
    limit_percent: int
    """The largest share of overturned appeals that was allowed."""
    appeal_id: str
    """The appeal that passed the limit."""


class SuspendedEdits(TypedDict):
    """Every edit that is suspended."""

    edits: list[SuspendedEditOut]


class TaskOut(TypedDict):
    """A request that is carried out after it was answered."""

    task_id: str
    kind: str
    """`decide_claim`: the decision of a claim. `decide_fhir_claim`: that of a FHIR `Claim`."""
    state: Literal["queued", "running", "succeeded", "failed"] | str
    """`queued` and `running`: ask again after `Retry-After`. `succeeded`: the request was answered, see `response`.
    `failed`: it could not be carried out, and an operator looks after it."""
    attempts: int
    """Attempts that count: while something is unavailable, none does."""
    created_at: str
    ended_at: str | None
    response: TaskResponseOut | None
    """Once `succeeded`."""


class TaskResponseOut(TypedDict):
    """The response that the request would have had without `Prefer: respond-async`."""

    status: int
    """201: the claim was taken. 4xx: it was refused."""
    location: str | None
    """Path of what was created."""
    body: dict[str, JsonValue]
    """The claim as of its decision, or the problem; of `POST /v1/fhir/Claim` the `ClaimResponse` or
    `OperationOutcome`."""


class TokenOut(TypedDict):
    """Tokens of a session, named as in RFC 6749."""

    access_token: str
    """Sent as `Authorization: Bearer …`. A JWT (RFC 9068)."""
    token_type: Literal["Bearer"] | str
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str
    """Gets the next tokens, once. Keep it as secret as the password."""
    refresh_expires_at: str
    """If it is not used before."""


class TrialEventIn(TypedDict):
    """An event to try an endpoint with."""

    event: NotRequired[
        Literal[
            "claim.decided",
            "claim.in_review",
            "claim.pended",
            "claim.voided",
            "claim.appealed",
            "claim.appeal_decided",
            "edit.suspended",
            "edit.resumed",
            "policy.activated",
            "model.promoted",
            "claim.rescreened",
            "consent.changed",
            "case.closed",
        ]
        | Literal["endpoint.test"]
    ]
    """The type of the event; it has `test: true` and names a claim that does not exist."""


class UserIn(TypedDict):
    """A new user. The response has a password for the first sign-in, which is shown once."""

    login: str
    """E-mail address."""
    display_name: str
    """Shown as the one who did something."""
    role: Literal[
        "admin", "provider", "insurer", "member", "investigator", "lead_investigator", "data_scientist", "operator"
    ]
    provider_id: NotRequired[str | None]
    """The provider of a user of role `provider`; no other user has one."""
    member_id: NotRequired[str | None]
    """The member that a user of role `member` is; no other user has one."""


class UserOut(TypedDict):
    """A user."""

    user_id: str
    login: str
    """E-mail address."""
    display_name: str
    role: (
        Literal[
            "admin", "provider", "insurer", "member", "investigator", "lead_investigator", "data_scientist", "operator"
        ]
        | str
    )
    provider_id: str | None
    member_id: str | None
    state: Literal["active", "disabled"] | str
    must_change_password: bool
    """Somebody else chose the password; it is changed before a sign-in."""
    second_factor_at: str | None
    """When the second factor was set up; null: there is none."""
    created_at: str
    updated_at: str
    disabled_at: str | None
    emergency_role: NotRequired[str | None]
    """Role of emergency access until `emergency_until`."""
    emergency_until: NotRequired[str | None]
    """It ends by itself; null: there was none."""


class UserPage(TypedDict):
    """A part of the users, the oldest first."""

    users: list[UserOut]
    next_cursor: str | None
    """Sent as `cursor`, gives the next part; null: this was the last."""


class UserPasswordOut(TypedDict):
    """A user with a password for the first sign-in, which is not shown again."""

    user_id: str
    login: str
    """E-mail address."""
    display_name: str
    role: (
        Literal[
            "admin", "provider", "insurer", "member", "investigator", "lead_investigator", "data_scientist", "operator"
        ]
        | str
    )
    provider_id: str | None
    member_id: str | None
    state: Literal["active", "disabled"] | str
    must_change_password: bool
    """Somebody else chose the password; it is changed before a sign-in."""
    second_factor_at: str | None
    """When the second factor was set up; null: there is none."""
    created_at: str
    updated_at: str
    disabled_at: str | None
    emergency_role: NotRequired[str | None]
    """Role of emergency access until `emergency_until`."""
    emergency_until: NotRequired[str | None]
    """It ends by itself; null: there was none."""
    password: str
    """Give it to the user, who changes it before the first sign-in. It is shown once."""


class UserSessionOut(TypedDict):
    """A session that goes on."""

    session_id: str
    kind: Literal["api", "console"] | str
    """Tokens of a program, or a browser at the console."""
    is_current: bool
    """The session of this request."""
    created_at: str
    """When the user signed in."""
    used_at: str
    """When the tokens were last refreshed."""
    expires_at: str
    """If the tokens are not refreshed before; of the console, in any case."""
    methods: list[str]
    """How the user proved to be it (RFC 8176)."""
    address: str | None
    """Network address of the sign-in."""
    agent: str | None
    """The program that signed in, as it names itself."""


class UserSessionsOut(TypedDict):
    """The sessions of the user that go on, the latest first."""

    sessions: list[UserSessionOut]


class UserUpdate(TypedDict):
    """What is stated of a user, as it is from now on. Another role or state ends the sessions of the user."""

    display_name: str
    """Shown as the one who did something."""
    role: Literal[
        "admin", "provider", "insurer", "member", "investigator", "lead_investigator", "data_scientist", "operator"
    ]
    provider_id: NotRequired[str | None]
    """The provider of a user of role `provider`; no other user has one."""
    member_id: NotRequired[str | None]
    """The member that a user of role `member` is; no other user has one."""
    state: Literal["active", "disabled"]
    """A disabled user cannot sign in."""


class VersionRollbackIn(TypedDict):
    """The last upgrade of the calling key is to be undone; nothing more has to be said."""


class VersionUpgradeIn(TypedDict):
    """An upgrade of the calling key."""

    version: str
    """A supported version, newer than the one that the key has."""


class VoidIn(TypedDict):
    """Why a claim is voided."""

    reason: NotRequired[str | None]


class WeeklyListOut(TypedDict):
    """The claims to investigate of those received in a week."""

    week: str | None
    """Its Monday; null: there is no list yet."""
    promise: PromiseOut | None
    """Null: there is no list."""
    reviews: list[SelectedClaimOut]
