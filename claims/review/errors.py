"""Errors of a review.

ReviewError
├── StateConflict    the action is not possible in the claim's state (decided, voided, another proposal)
├── NotPermitted     the person lacks the permission
└── InvalidField     a field is missing, does not belong to the action, or is invalid
"""


class ReviewError(ValueError):
    """A decision is not possible; the message says why and what to do."""


class StateConflict(ReviewError):
    """The action is not possible in the claim's state."""


class NotPermitted(ReviewError):
    """The person lacks the permission."""


class InvalidField(ReviewError):
    """One field is invalid; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
