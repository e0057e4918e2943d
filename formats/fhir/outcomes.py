"""`OperationOutcome`: what is wrong with a resource."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from formats.fhir.claims import FhirProblem

ISSUE_SYSTEM: Final = "urn:ginja:claims:issue"
MAX_ISSUES: Final = 50


def operation_outcome(problems: Sequence[FhirProblem]) -> dict[str, JsonValue]:
    """An `OperationOutcome` with an issue for each problem, the first `MAX_ISSUES`."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(one) for one in problems[:MAX_ISSUES]]}


def _issue(problem: FhirProblem) -> dict[str, JsonValue]:
    issue: dict[str, JsonValue] = {
        "severity": "error",
        "code": problem.issue,
        "details": {"coding": [{"system": ISSUE_SYSTEM, "code": problem.code}], "text": problem.reason},
        "diagnostics": f"{problem.reason}; {problem.remedy}",
    }
    if problem.where:
        issue["expression"] = [problem.where]
    return issue
