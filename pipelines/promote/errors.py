"""Errors of a promotion.

PromotionError
├── NoCandidateError     there is nothing to promote
├── RefusedError         a gate refused; `verdicts` holds the result of every gate
└── UnnamedForceError    a forced promotion, a change of the use or a signature without a name or a reason
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.promote.gates import Verdict


class PromotionError(Exception):
    """The champion is unchanged."""


class NoCandidateError(PromotionError):
    """There is nothing to promote."""

    exit_code = 2


class RefusedError(PromotionError):
    """A gate refused."""

    exit_code = 4

    def __init__(self, version: str, verdicts: "tuple[Verdict, ...]") -> None:
        self.version = version
        self.verdicts = verdicts
        refused = [verdict for verdict in verdicts if not verdict.passed]
        lines = [f"{version} was not promoted: {len(refused)} of {len(verdicts)} gates refuse"]
        lines += [f"  {verdict.gate}: {verdict.detail}" for verdict in refused]
        super().__init__("\n".join(lines))


class UnnamedForceError(PromotionError):
    """A forced promotion, a change of the use and a signature need a name and a reason."""

    exit_code = 2
