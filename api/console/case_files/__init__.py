"""Files of a case in the console: their list, adding, saving and withdrawing one, and letters of records requests."""

from api.console.case_files.routes import CaseFilePages
from api.console.case_files.work import TAKEN, CaseFileDesk, CaseFileLine

__all__ = ["TAKEN", "CaseFileDesk", "CaseFileLine", "CaseFilePages"]
