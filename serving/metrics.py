"""Prometheus metrics of the scorer, in addition to BentoML's request counters; all at `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

_MS = (0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_AGE = (1.0, 60.0, 600.0, 3_600.0, 86_400.0, 172_800.0, 604_800.0, 2_592_000.0, 31_536_000.0)

SCORES = Counter("ginja_scores_total", "Claims scored.", ["model_version", "explained_by"])
FLAGGED = Counter("ginja_scores_flagged_total", "Claims scored at or above the threshold.", ["model_version"])
REFUSALS = Counter("ginja_score_refusals_total", "Problem responses in place of a score.", ["kind"])
READ_SECONDS = Histogram("ginja_states_read_seconds", "Reading a claim's states from the online store.", buckets=_MS)
SCORE_SECONDS = Histogram("ginja_score_seconds", "Vector, margin, contributions and reasons.", buckets=_MS)
BATCHES_WAITING = Gauge("ginja_score_batches_waiting", "Batches that wait for their turn.", multiprocess_mode="livesum")
BATCH_WAIT_SECONDS = Histogram(
    "ginja_score_batch_wait_seconds",
    "Time from the arrival of a batch to its turn.",
    buckets=(0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
)
STALE_VIEWS = Counter(
    "ginja_score_stale_views_total", "Views that were missing or behind when a claim was scored.", ["view"]
)
FEATURE_AGE_SECONDS = Histogram(
    "ginja_score_feature_age_seconds", "Age of the oldest row a score used, at the claim's receipt.", buckets=_AGE
)
MODEL_INFO = Gauge(
    "ginja_model_serving", "1 for the model a worker serves.", ["role", "model_version"], multiprocess_mode="livesum"
)
RELOADS = Counter("ginja_model_reloads_total", "Models loaded.", ["role"])
RELOADS_REFUSED = Counter(
    "ginja_model_reloads_refused_total", "Models that failed to load or verify.", ["role", "reason"]
)
