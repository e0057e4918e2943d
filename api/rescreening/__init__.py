"""Re-screening: after a change, claims that it touches are compared again, and what differs is listed.

tables.py      jobs, their claims, findings; triggers record a job in the transaction of a change
touched.py     the claims that each kind of change touches
jobs.py        the queue of jobs
batches.py     what the worker reads and stores of a batch
inputs.py      what is known now about the claims of a batch
screening.py   the worker's part
service.py     findings are listed and closed, claims that were given up queued again
"""

from api.rescreening.jobs import RetriedClaims
from api.rescreening.records import ClosingReason, RescreeningFinding, RescreeningJob
from api.rescreening.schemas import RescreeningCloseIn
from api.rescreening.screening import Rescreening
from api.rescreening.service import (
    close_rescreening_finding,
    rescreening_findings,
    rescreening_jobs,
    retry_failed_claims,
)
from api.rescreening.tables import RescreeningFindingRow

__all__ = [
    "ClosingReason",
    "Rescreening",
    "RescreeningCloseIn",
    "RescreeningFinding",
    "RescreeningFindingRow",
    "RescreeningJob",
    "RetriedClaims",
    "close_rescreening_finding",
    "rescreening_findings",
    "rescreening_jobs",
    "retry_failed_claims",
]
