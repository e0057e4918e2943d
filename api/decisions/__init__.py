"""What people decided about claims, as stored; the rules of a decision are in `claims/review`."""

from api.decisions.tables import DecisionRow

__all__ = ["DecisionRow"]
