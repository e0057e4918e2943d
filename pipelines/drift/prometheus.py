"""The drift of the last day as Prometheus metrics."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from pipelines.drift.report import Drift


def prometheus_text(found: Drift) -> str:
    """The measures of the last day in Prometheus's text format."""
    collector = CollectorRegistry()
    day = found.days[-1]

    def gauge(name: str, help_: str, value: float) -> None:
        Gauge(f"ginja_drift_{name}", help_, registry=collector).set(value)

    gauge("score_stability_index", "Stability index of the score, last day.", day.score_stability)
    gauge("volume_ratio", "Claims of the last day over those usual for the weekday.", day.volume_ratio)
    gauge("calibration_ratio", "Frauds known on the last day over those expected.", day.calibration_ratio)
    gauge("labels", "Labels that became known on the last day.", day.labels)
    gauge("fraud_share", "Share of fraud among the labels of the last day.", day.fraud_share)
    gauge("label_delay_days", "Median days from receipt to label among them.", day.label_delay)
    gauge("flagged_share", "Share of the last day's claims at or above the threshold.", day.flagged)
    feature = Gauge(
        "ginja_drift_feature_stability_index", "Of each feature, last day.", ["feature"], registry=collector
    )
    for name, value in day.stability.items():
        feature.labels(name).set(value)
    trained = Gauge(
        "ginja_drift_since_training",
        "Stability index of each feature, all days, to training.",
        ["feature"],
        registry=collector,
    )
    for name, value in found.since_training.items():
        trained.labels(name).set(value)
    missing = Gauge("ginja_drift_feature_missing_share", "Of each feature, last day.", ["feature"], registry=collector)
    for name, value in day.missing.items():
        missing.labels(name).set(value)
    alarm = Gauge(
        "ginja_drift_alarm", "1 where a limit was exceeded on the last day.", ["measure", "feature"], registry=collector
    )
    for one in day.alarms:
        alarm.labels(one.measure, one.column).set(1)
    return generate_latest(collector).decode()
