"""Files of cases: records that were obtained, stored encrypted, with their chain of custody.

media_types.py   what is taken, by content and name: pure
form.py          the form that a file arrives in
service.py       adding, reading and withdrawing, each recorded
scanning.py      files that wait for the antivirus scanner
sending.py       a file as a response
letters.py       letters of records requests
"""

from api.case_files.form import FileForm
from api.case_files.letters import request_letter, request_letter_pdf
from api.case_files.media_types import ENDINGS, WrongContent, ending_of, media_type_of
from api.case_files.records import (
    MAX_FILES,
    CaseFile,
    CaseFileAccess,
    CaseFileScan,
    CaseFileWithdrawal,
    NewCaseFile,
)
from api.case_files.repository import files_of_case
from api.case_files.responses import scan_state
from api.case_files.scanning import CaseFileScans
from api.case_files.sending import file_response
from api.case_files.service import CaseFiles, ReadCaseFile, new_file
from api.case_files.tables import (
    CaseFileAccessRow,
    CaseFilePartRow,
    CaseFileRow,
    CaseFileScanRow,
    CaseFileWithdrawalRow,
)

__all__ = [
    "ENDINGS",
    "MAX_FILES",
    "CaseFile",
    "CaseFileAccess",
    "CaseFileAccessRow",
    "CaseFilePartRow",
    "CaseFileRow",
    "CaseFileScan",
    "CaseFileScanRow",
    "CaseFileScans",
    "CaseFileWithdrawal",
    "CaseFileWithdrawalRow",
    "CaseFiles",
    "FileForm",
    "NewCaseFile",
    "ReadCaseFile",
    "WrongContent",
    "ending_of",
    "file_response",
    "files_of_case",
    "media_type_of",
    "new_file",
    "request_letter",
    "request_letter_pdf",
    "scan_state",
]
