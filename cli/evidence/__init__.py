"""`ginja evidence`: evidence packs of cases.

verify.py   the verification
narrate.py  the summary in sentences
models.py   models of the home, which compute scores again
"""

from cli.evidence.narrate import narrate
from cli.evidence.verify import verify

__all__ = ["narrate", "verify"]
