"""Reason codes of review decisions: one table. The meaning of a code never changes.

`carc` is the claim adjustment reason code (X12 external code list 139) with the same meaning, where one exists.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What a person can do with a claim in review or with a decision."""

    RELEASE = "release"
    """Pay the claim as far as the benefit allows."""
    PAY_REDUCED = "pay_reduced"
    """Pay less than a release would."""
    DENY = "deny"
    PEND = "pend"
    """Ask for documents; the claim stays in review."""
    APPROVE = "approve"
    """Approve another person's proposal."""
    REFUSE = "refuse"
    """Refuse another person's proposal; the claim stays in review."""
    REOPEN = "reopen"
    """Return a claim that a person decided to review."""


@dataclass(frozen=True, slots=True)
class ReviewReason:
    """A reason code and the actions it is valid for; none: only the outcome of an appeal has it."""

    code: str
    meaning: str
    actions: frozenset[Action]
    carc: str | None = None
    needs_confirmed_fraud: bool = False
    shown_as: str | None = None
    """Code that providers and members see in place of this one, which says what became of a score; None: this one."""

    @property
    def without_scores(self) -> "ReviewReason":
        """The reason as it is stated to who sees no scores."""
        return self if self.shown_as is None else REASONS[self.shown_as]


def _declared(*reasons: ReviewReason) -> dict[str, ReviewReason]:
    return {reason.code: reason for reason in reasons}


def _for(*actions: Action) -> frozenset[Action]:
    return frozenset(actions)


_REDUCES = _for(Action.PAY_REDUCED, Action.DENY)

REASONS = _declared(
    ReviewReason("review_found_no_issue", "Reviewed; nothing found against payment.", _for(Action.RELEASE)),
    ReviewReason("records_support_service", "The records support the service as billed.", _for(Action.RELEASE)),
    ReviewReason(
        "later_score_does_not_flag",
        "Held for a missing score; the later score is low.",
        _for(Action.RELEASE),
        shown_as="review_found_no_issue",
    ),
    ReviewReason(
        "fee_schedule", "The charge exceeds the fee schedule or maximum allowable.", _for(Action.PAY_REDUCED), "45"
    ),
    ReviewReason("units_not_supported", "The records do not support this many services.", _REDUCES, "151"),
    ReviewReason("level_not_supported", "The records do not support this level of service.", _REDUCES, "150"),
    ReviewReason("not_medically_necessary", "Not deemed a medical necessity by the payer.", _REDUCES, "50"),
    ReviewReason("not_covered", "Charges that are not covered.", _REDUCES, "96"),
    ReviewReason("benefit_maximum", "The benefit maximum of the period has been reached.", _REDUCES, "119"),
    ReviewReason("duplicate_service", "Duplicate of a claim or service already decided.", _for(Action.DENY), "18"),
    ReviewReason("coverage_not_in_effect", "Cover was not in effect on the date of service.", _for(Action.DENY), "27"),
    ReviewReason(
        "provider_not_eligible", "The provider was not eligible to be paid on that date.", _for(Action.DENY), "B7"
    ),
    ReviewReason("records_not_provided", "Requested records were not provided in time.", _for(Action.DENY), "226"),
    ReviewReason("service_not_documented", "The service is not documented.", _for(Action.DENY), "112"),
    ReviewReason("fraud", "Fraud, confirmed by an investigation.", _for(Action.DENY), needs_confirmed_fraud=True),
    ReviewReason("medical_records_needed", "Medical records are needed to decide.", _for(Action.PEND), "252"),
    ReviewReason("itemized_bill_needed", "An itemized bill is needed to decide.", _for(Action.PEND), "252"),
    ReviewReason("other_document_needed", "Another document is needed to decide.", _for(Action.PEND), "252"),
    ReviewReason("proposal_agreed", "The proposal was checked and is right.", _for(Action.APPROVE)),
    ReviewReason("proposal_not_supported", "The evidence does not support the proposal.", _for(Action.REFUSE)),
    ReviewReason("proposal_wrong_amount", "The amount of the proposal is wrong.", _for(Action.REFUSE)),
    ReviewReason("appeal", "The provider or member appealed.", _for(Action.REOPEN)),
    ReviewReason("new_evidence", "Evidence has come in that the decision did not have.", _for(Action.REOPEN)),
    ReviewReason("appeal_overturned", "An appeal showed that the claim is payable.", _for()),
    ReviewReason("appeal_partly_overturned", "An appeal showed that more of the claim is payable.", _for()),
    ReviewReason("decided_in_error", "The decision was made in error.", _for(Action.REOPEN)),
)


def reasons_for(action: Action) -> list[ReviewReason]:
    """The reasons valid for an action, in table order."""
    return [reason for reason in REASONS.values() if action in reason.actions]


def codes(reasons: Iterable[ReviewReason]) -> str:
    """Comma-separated codes, for a message."""
    return ", ".join(reason.code for reason in reasons)
