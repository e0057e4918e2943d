"""X12 files over HTTP and from the command line: claims in, acknowledgements out."""

from api.edi.responses import EdiProblemOut, EdiReplyOut, problems_out, reply_out
from api.edi.service import FileAnswer, StreamedFile, take_claim, take_claims

__all__ = [
    "EdiProblemOut",
    "EdiReplyOut",
    "FileAnswer",
    "StreamedFile",
    "problems_out",
    "reply_out",
    "take_claim",
    "take_claims",
]
