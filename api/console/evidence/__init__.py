"""The page of a case's evidence packs.

work.py      what the page shows and does
routes.py    the handlers
"""

from api.console.evidence.routes import EvidencePages
from api.console.evidence.work import CaseEvidence

__all__ = ["CaseEvidence", "EvidencePages"]
