"""How a page shows that its form was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from api.errors import ApiError


@dataclass(frozen=True, slots=True)
class ShownRefusal:
    """What a page shows of a form that was refused; by default of none."""

    status: int = 200
    errors: Mapping[str, str] = field(default_factory=dict)
    """By field, shown beside it."""
    problem: str | None = None
    """Shown above the form."""

    @classmethod
    def of(cls, refusal: ApiError | None) -> Self:
        """`None`: nothing was refused."""
        if refusal is None:
            return cls()
        errors = {one.field.partition(".")[0]: one.message for one in refusal.errors}
        return cls(refusal.status, errors, f"Not done: {'check the marked fields' if errors else refusal.detail}.")
