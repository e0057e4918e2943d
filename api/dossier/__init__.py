"""What the database recorded before an instant, for an examiner's file: counts and ids, no data of members.

records.py     what is read
decisions.py   decisions of persons and appeals
scores.py      scores by month, their calibration, and claims without a score
groups.py      outcomes of scored claims by group
controls.py    acts on models, policies, access, erasures, dead letters
reading.py     all of it, from one state of the database
"""

from api.dossier.reading import stored_record
from api.dossier.records import (
    AccessInForce,
    ActCount,
    ActOnClaim,
    BasisOutcome,
    CalibrationLabels,
    DeadLetterCount,
    FallbackPeriod,
    FiledAppeal,
    GroupOutcome,
    KeyInForce,
    ModelAct,
    MonthOfScores,
    PolicyActivationRecord,
    RecordedPeriod,
    ReviewerWork,
    ServedModel,
    StoredRecord,
    UserInForce,
)
from api.dossier.scores import BANDS

__all__ = [
    "BANDS",
    "AccessInForce",
    "ActCount",
    "ActOnClaim",
    "BasisOutcome",
    "CalibrationLabels",
    "DeadLetterCount",
    "FallbackPeriod",
    "FiledAppeal",
    "GroupOutcome",
    "KeyInForce",
    "ModelAct",
    "MonthOfScores",
    "PolicyActivationRecord",
    "RecordedPeriod",
    "ReviewerWork",
    "ServedModel",
    "StoredRecord",
    "UserInForce",
    "stored_record",
]
