"""From a random audit sample to money received."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from claims.money import format_cents, parse_cents
from cli.demo.case.browser import ConsoleBrowser
from cli.demo.case.context import CaseContext
from cli.demo.case.investigation import OpenedCase
from cli.demo.case.pages import DemoPageError
from cli.demo.case.truth import SAMPLED_DAYS
from core import clock

SEED: Final = "2026-11-28/417"
EXPECTED_ERRORS: Final = "10"
"""In %: the fewer are expected, the more claims are reviewed."""
_DUE_DAYS, _APPEAL_DAYS = 30, 60
_CORRECT: Final = "correct_"


@dataclass(frozen=True, slots=True)
class CaseSample:
    """A sample of the case with its estimate."""

    sample_id: str
    url: str
    lower_cents: int
    """Lower bound of the one-sided 90 % interval."""
    demand_cents: int


def draw_and_review(context: CaseContext, browser: ConsoleBrowser, case: OpenedCase) -> CaseSample:
    """Draw a sample of the provider's paid claims, review it by the truth, fix the estimate, and compute it again."""
    today = clock.now().date()
    with context.step("sample", "Draw a sample of paid claims") as step:
        browser.follow(case.case_id)
        browser.follow("Samples and recoupment")
        plan = {"first_day": (today - timedelta(days=SAMPLED_DAYS)).isoformat(), "last_day": today.isoformat()}
        sample = browser.submit("Draw the sample", {**plan, "seed": SEED, "error_rate": EXPECTED_ERRORS})
        sample_id = sample.url.rpartition("/")[2]
        facts = sample.facts()
        step.result(f"{sample_id}: {facts['Sample']} of {facts['Claims of the frame']}, {facts['Paid for them']} paid")
        context.say(sample.url)
    with context.step("worksheet", "Fill in the worksheet") as step:
        wrong = reviewed = 0
        while True:
            fields = _reviews(context, browser)
            reviewed += len(fields) // 2
            wrong += sum(value == "0.00" for value in fields.values())
            page = browser.submit("Save this page", fields)
            if not any(label.startswith("later") for label, _ in page.links()):
                break
            browser.follow("later")
        step.result(f"{reviewed} claims reviewed, {wrong} of them should not have been paid")
    with context.step("estimate", "Fix the estimate, compute it again") as step:
        fixed = browser.submit("Fix the estimate").facts()
        lower, upper = fixed["Two-sided 80 % interval"].split(" to ")
        found = CaseSample(sample_id, sample.url, parse_shown(lower), parse_shown(fixed["Lower bound, demanded"]))
        step.result(
            f"point {fixed['Point estimate']}, interval {lower} to {upper}, demand {fixed['Lower bound, demanded']}"
        )
        _compute_again(context, case, found)
    return found


def parse_shown(amount: str) -> int:
    """Cents of an amount as pages show it, such as 1,234.50 or -3.10."""
    digits = amount.replace(",", "")
    return -parse_cents(digits[1:]) if digits.startswith("-") else parse_cents(digits)


def _reviews(context: CaseContext, browser: ConsoleBrowser) -> dict[str, str]:
    """What the shown page of the worksheet gets: nothing should have been paid for a fraudulent claim."""
    fields: dict[str, str] = {}
    for row in browser.page.rows():
        if "No." not in row:
            continue
        number = row["No."]
        is_fraud = row["Claim"] in context.truth.kinds
        fields[f"{_CORRECT}{number}"] = "0.00" if is_fraud else row["Paid"].replace(",", "")
        fields[f"reason_{number}"] = "not_rendered" if is_fraud else "correct"
    if not fields:
        raise DemoPageError(f"{browser.page.url} shows no claims to review")
    return fields


def _compute_again(context: CaseContext, case: OpenedCase, found: CaseSample) -> None:
    """Export frame and worksheet, and estimate from them, by commands."""
    out = context.folder / found.sample_id
    context.command("sample", "export", found.sample_id, "--case", case.case_id, "--output", str(out))
    words = ("sample", "estimate", str(out / "frame.csv"), str(out / "worksheet.csv"), "--seed", SEED)
    code, again = context.command(*words)
    same = code == 0 and parse_cents(str(again["demand"])) == found.demand_cents
    context.confirm(words, same=same, says="draws the sample of the frame again, and estimates")


def demand(context: CaseContext, lead: ConsoleBrowser, case: OpenedCase, found: CaseSample) -> int:
    """A lead investigator demands the overpayment, and books the money when it comes; returns it in cents."""
    today = clock.now().date()
    with context.step("demand", "Demand the overpayment") as step:
        lead.follow("Cases")
        lead.follow(case.case_id)
        lead.follow("Samples and recoupment")
        lead.follow(found.sample_id)
        days = {"due_on": _DUE_DAYS, "appeal_until": _APPEAL_DAYS}
        fields = {name: (today + timedelta(days=count)).isoformat() for name, count in days.items()}
        demanded = lead.submit("Demand", fields)
        letter = context.folder / f"{found.sample_id}-demand.pdf"
        letter.write_bytes(lead.save("Letter as PDF"))
        step.result(f"{demanded.facts()['Demanded']}, letter of {letter.stat().st_size:,} bytes")
        context.say(str(letter))
    with context.step("received", "Money is received") as step:
        lead.submit("Book", {"kind": "received", "amount": format_cents(found.demand_cents).replace(",", "")})
        received = [
            parse_shown(one["Amount"]) for one in lead.page.rows() if one.get("What", "").startswith("received")
        ]
        recovered = sum(received)
        step.result(f"{format_cents(recovered)} received, balance {lead.page.facts()['Balance']}")
        context.say(lead.page.url)
    return recovered
