"""The page for operations: what is not normal, what would be, and the runbook of each line.

lines.py     a line of the page, and whether it is normal
queries.py   what the database says about queues, features and decisions by the rule, in bounded statements
probes.py    what answers now: database, Valkey, scorer; what the settings say
page.py      the lines of what was found
service.py   asks for everything at a time, each within a deadline
routes.py    its handler
"""

from api.console.health.routes import HealthPages
from api.console.health.service import PlatformHealth

__all__ = ["HealthPages", "PlatformHealth"]
