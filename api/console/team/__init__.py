"""The page about the team's work, for lead investigators and administrators.

queries.py    what the database says, in statements with bounds
simulator.py  alerts, precision and delay for another threshold and capacity
team_page.py  what the page shows
service.py    who sees it
routes.py     its handler
"""

from api.console.team.routes import TeamPages
from api.console.team.service import TeamWork

__all__ = ["TeamPages", "TeamWork"]
