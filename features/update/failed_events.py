"""Events that the updater cannot handle: counted and postponed, a dead letter in the end; the others go on."""

from core import clock
from core.logging import get_logger
from core.retries import MAX_ATTEMPTS, describe
from features.update import metrics
from features.update.database import Connection

CONSUMER = "features"
_FAIL = "SELECT fail_event(%s, %s, %s, %s, %s)"

log = get_logger("features")


def record_failure(connection: Connection, position: int, error: Exception) -> None:
    """Count a failed attempt at an event; after `MAX_ATTEMPTS` it is a dead letter."""
    metrics.FAILED_EVENTS.inc()
    params = [position, CONSUMER, describe(error), clock.now(), MAX_ATTEMPTS]
    row = connection.execute(_FAIL, params).fetchone()
    if row is not None and row[0]:
        log.error("event is a dead letter", position=position, consumer=CONSUMER, exc_info=error)
    else:
        log.warning("event failed", position=position, consumer=CONSUMER, error=describe(error))
