"""The summary of a case: sentences of its latest evidence pack, with links to the facts that each cites.

view.py     what the page shows
service.py  the pack, and who sees it
routes.py   its handler
"""

from api.console.summary.routes import SummaryPages
from api.console.summary.service import CaseSummaries

__all__ = ["CaseSummaries", "SummaryPages"]
