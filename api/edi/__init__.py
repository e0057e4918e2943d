"""X12 files over HTTP and from the command line: claims in, acknowledgements out."""

from api.edi.responses import EdiReplyOut, reply_out
from api.edi.service import FileAnswer, take_claims

__all__ = ["EdiReplyOut", "FileAnswer", "reply_out", "take_claims"]
