"""Prometheus metrics of the API and its worker."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram(
    "ginja_api_request_seconds",
    "Duration of requests, by route.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
)
QUEUE_SECONDS = Histogram(
    "ginja_api_queue_seconds",
    "Time in a queue, of requests that had to wait: for the member's turn, or for a connection of their key.",
    ["queue"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
QUEUE_REFUSED = Counter(
    "ginja_api_queue_refused_total",
    "Requests refused because a queue was full or the wait too long.",
    ["queue", "cause"],
)
RATE_LIMITED = Counter(
    "ginja_api_rate_limited_total", "Requests refused because of a rate limit, by its name.", ["limit"]
)
RATE_LIMITS_LOCAL = Gauge(
    "ginja_api_rate_limits_local", "1 while Valkey does not answer, so that this process admits its share by itself."
)
ADMISSION_LIMIT = Gauge("ginja_api_admission_limit", "Requests that the API works on at a time, at most.")
BATCHES_WAITING = Gauge("ginja_api_batches_waiting", "Batches of claims that wait for their turn.")
DECISIONS = Counter("ginja_claims_decided_total", "Claims decided.", ["decided_by", "outcome"])
MODEL = Counter("ginja_claims_scored_total", "Valid scores, by model version.", ["model_version"])
SCORER_FAILURES = Counter("ginja_scorer_failures_total", "Claims without a score, by cause.", ["code"])
SCORER_SECONDS = Histogram(
    "ginja_scorer_seconds",
    "Duration of scorer calls.",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.15, 0.3),
)
SCORER_CLOCK_OFFSET = Gauge(
    "ginja_scorer_clock_offset_seconds", "The scorer's clock minus this host's, as measured on the last exchanges."
)
SCORER_HEDGES = Counter("ginja_scorer_hedges_total", "Second requests sent for a score because the first was slow.")
WINDOWS_TIMED_OUT = Counter(
    "ginja_windows_timed_out_total", "Claims whose windows were not read in time, so that the score lacks them."
)
BREAKER = Gauge("ginja_scorer_breaker", "1 for the current state of the circuit breaker.", ["state"])
FEATURE_AGE = Histogram(
    "ginja_feature_age_seconds",
    "Age of the oldest today view behind a score; history views end at midnight by design.",
    buckets=(1.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0, 7 * 86_400.0, 30 * 86_400.0),
)
STALE_VIEWS = Counter("ginja_stale_views_total", "Scores computed without a stale or missing view.", ["view"])
OUTBOX_OPEN = Gauge("ginja_outbox_open", "Outbox events that are not done, by topic.", ["topic"])
OUTBOX_FAILURES = Counter("ginja_outbox_failures_total", "Failed attempts at single events.", ["consumer"])
AUDIT_UNSEALED = Gauge("ginja_audit_unsealed", "Rows of the audit log that no seal covers yet.")
AUDIT_UNSEALED_AGE = Gauge("ginja_audit_unsealed_age_seconds", "Age of the oldest row of the audit log without a seal.")
AUDIT_UNANCHORED_AGE = Gauge(
    "ginja_audit_unanchored_age_seconds", "Age of the oldest seal of the audit log that no anchor outside covers yet."
)
AUDIT_ANCHOR_DIFFERS = Gauge(
    "ginja_audit_anchor_differs", "1 while the seals of the audit log differ from the last anchor, else 0."
)
DEAD_LETTERS = Gauge("ginja_dead_letters", "Events that could not be handled and wait for an operator.", ["consumer"])
TASKS = Gauge(
    "ginja_tasks",
    "Tasks that have not succeeded, by queue and state; those that failed wait for an operator.",
    ["queue", "state"],
)
TASKS_OLDEST_DUE = Gauge(
    "ginja_tasks_oldest_due_seconds",
    "How long the oldest task that has not ended has been due; 0: there is none.",
    ["queue"],
)
RESCREENING_JOBS = Gauge("ginja_rescreening_jobs", "Jobs of re-screening that are not finished.")
RESCREENING_OLDEST = Gauge(
    "ginja_rescreening_oldest_seconds", "How long the oldest job of re-screening that is not finished waits; 0: none."
)
RESCREENING_FAILED_CLAIMS = Gauge(
    "ginja_rescreening_failed_claims",
    "Claims of re-screening that were given up and are kept for `ginja review rescreening --retry-failed`.",
)
RESCREENED_CLAIMS = Counter("ginja_rescreened_claims_total", "Claims compared again after a change.", ["kind"])
WEBHOOK_DELIVERIES = Counter(
    "ginja_webhook_deliveries_total",
    "Attempts at webhooks by what came of them: accepted (`delivered`), to be tried again (`retried`), the last one or "
    "of a disabled endpoint (`failed`).",
    ["outcome"],
)
WEBHOOK_SECONDS = Histogram(
    "ginja_webhook_seconds",
    "Duration of attempts at webhooks.",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0),
)
WEBHOOK_OLDEST_DUE = Gauge(
    "ginja_webhook_oldest_due_seconds", "How long the webhook that is due longest has been due; 0: none is late."
)
WEBHOOK_PENDING = Gauge("ginja_webhook_pending", "Webhooks that are not delivered and will be tried again.")
WEBHOOK_ENDPOINTS = Gauge("ginja_webhook_endpoints", "Webhook endpoints by status.", ["status"])
MAILS = Counter(
    "ginja_mails_total",
    "Attempts at e-mails by what came of them: taken by the server (`sent`), to be tried again (`retried`), given up "
    "(`failed`).",
    ["outcome"],
)
MAILS_PENDING = Gauge("ginja_mails_pending", "E-mails that are not sent and will be tried again.")
MAILS_OLDEST_PENDING = Gauge(
    "ginja_mails_oldest_pending_seconds", "Age of the oldest e-mail that is not sent and will be tried again; 0: none."
)
KEYS_EXPIRING = Gauge(
    "ginja_api_keys_expiring", "Valid API keys that expire within 30 days and were not rotated to another one."
)
CLOCK_BEHIND = Gauge(
    "ginja_clock_behind_seconds", "How far this host's clock is behind the receipt of the newest claim; 0 if it is not."
)
PROMPT_PAY = Gauge(
    "ginja_prompt_pay_claims",
    "Claims in review whose prompt-pay due date has passed (`overdue`) or is near (`due_soon`).",
    ["state"],
)
RESCORED = Counter("ginja_claims_rescored_total", "Claims rescored after the rule had decided them.", ["changed"])
