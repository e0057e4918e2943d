"""The page about the models: what serves, how it was approved, how it does, and how its claims drift.

queries.py  which models served, and who decided the latest claims of each day
page.py     what the page shows of the scorer's report and of the database
service.py  who sees it
routes.py   its handler
"""

from api.console.model.routes import ModelPages
from api.console.model.service import ModelDesk

__all__ = ["ModelDesk", "ModelPages"]
