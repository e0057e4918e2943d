"""Prometheus metrics of the online store's freshness."""

from prometheus_client import Counter, Gauge, Histogram

FRESHNESS_SECONDS = Histogram(
    "ginja_features_freshness_seconds",
    "Time from a change entering the outbox to its features being readable.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0),
)
OPEN_EVENTS = Gauge("ginja_features_open_events", "Changes not yet in the online store.")
OPEN_AGE_SECONDS = Gauge("ginja_features_open_age_seconds", "Age of the oldest change not yet in the online store.")
DRAIN_SECONDS = Histogram(
    "ginja_features_drain_seconds",
    "Duration of one micro-batch: read, computed, written, marked done.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
)
WRITTEN_KEYS = Counter("ginja_features_written_keys", "Rows written to the online store.")
REPAIRS = Counter(
    "ginja_features_repairs", "Repairs of an online store that lost writes or keys, by what was done.", ["repair"]
)
FAILED_EVENTS = Counter("ginja_features_failed_events", "Failed attempts at single events.")
ROLLED_DAY = Gauge("ginja_features_rolled_day", "The day, since the epoch, that history was rolled over to.")
