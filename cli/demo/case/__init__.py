"""`ginja demo --case`: one case from a flagged claim to a retrained candidate, worked at the console over HTTP.

pages.py          pages: links, forms, tables
browser.py        a person's browser: clicks and server time
people.py         three users with second factors
truth.py          what the simulator knows of its claims
drafts.py         true and false sentences of a draft
endpoint.py       the OpenAI-compatible endpoint that lies
context.py        what the steps share; commands that compute a step again
investigation.py  queue, case, evidence pack, summary
overpayment.py    sample, estimate, demand, money
outcome.py        decision, appeal, closing, retraining
figures.py        what `--json` prints
tour.py           the steps in order
"""

from cli.demo.case.figures import CaseFigures
from cli.demo.case.tour import WorkedCase, case_tour

__all__ = ["CaseFigures", "WorkedCase", "case_tour"]
