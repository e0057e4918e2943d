"""What the API and its worker count, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram(
    "ginja_api_request_seconds",
    "Time to answer, by route.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0),
)
DECISIONS = Counter("ginja_claims_decided_total", "Claims decided.", ["decided_by", "outcome"])
MODEL = Counter("ginja_claims_scored_total", "Scores accepted, by model version.", ["model_version"])
SCORER_FAILURES = Counter("ginja_scorer_failures_total", "Claims without a score, by what went wrong.", ["code"])
SCORER_SECONDS = Histogram(
    "ginja_scorer_seconds",
    "Time the scorer took to answer.",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.15, 0.3),
)
SCORER_HEDGES = Counter("ginja_scorer_hedges_total", "Claims whose score was asked for a second time, for slowness.")
BREAKER = Gauge("ginja_scorer_breaker", "1 for the state the breaker is in.", ["state"])
FEATURE_AGE = Histogram(
    "ginja_feature_age_seconds",
    "Age of the oldest today view behind a score; history views end at midnight by design.",
    buckets=(1.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0, 7 * 86_400.0, 30 * 86_400.0),
)
STALE_VIEWS = Counter("ginja_stale_views_total", "Scores that had to do without a view.", ["view"])
OUTBOX_OPEN = Gauge("ginja_outbox_open", "Things to do that are not done.", ["topic"])
RESCORED = Counter("ginja_claims_rescored_total", "Claims the rule had decided, scored afterwards.", ["changed"])
