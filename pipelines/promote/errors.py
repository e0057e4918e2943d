"""PromotionError: why a model did not become champion.

PromotionError
├── NoCandidateError     there is nothing to promote
├── RefusedError         a gate refused; `verdicts` says which and by how much
├── UnnamedForceError    a forced promotion without a name or a reason
└── AuditError           the audit trail cannot be read, or was changed
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.promote.gates import Verdict


class PromotionError(Exception):
    """The champion is what it was."""


class NoCandidateError(PromotionError):
    """There is nothing to promote."""

    exit_code = 2


class RefusedError(PromotionError):
    """A gate refused."""

    exit_code = 4

    def __init__(self, version: str, verdicts: "tuple[Verdict, ...]") -> None:
        self.verdicts = verdicts
        refused = [verdict for verdict in verdicts if not verdict.passed]
        lines = [f"{version} stays a candidate: {len(refused)} of {len(verdicts)} gates refuse"]
        lines += [f"  {verdict.gate}: {verdict.detail}" for verdict in refused]
        super().__init__("\n".join(lines))


class UnnamedForceError(PromotionError):
    """Who forces a promotion gives a name and a reason."""

    exit_code = 2


class AuditError(PromotionError):
    """The audit trail cannot be read, or was changed."""
