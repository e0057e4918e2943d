"""`ginja evidence`: evidence packs of cases.

write.py    writing a pack of a case
verify.py   the verification
narrate.py  the summary in sentences
models.py   models of the home, which compute scores again
"""

from cli.evidence.narrate import narrate
from cli.evidence.verify import verify
from cli.evidence.write import write

__all__ = ["narrate", "verify", "write"]
