"""`ginja evidence`: evidence packs of cases.

verify.py   the verification
models.py   models of the home, which compute scores again
"""

from cli.evidence.verify import verify

__all__ = ["verify"]
