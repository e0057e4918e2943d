"""From the decision of the flagged claim to a candidate that was trained on what the case found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx

from claims.money import format_cents
from cli.database import with_database
from cli.demo.case.browser import ConsoleBrowser
from cli.demo.case.context import CaseContext
from cli.demo.case.investigation import OpenedCase
from cli.demo.case.pages import DemoPageError
from cli.demo.platform import recorded
from cli.recording import note

if TYPE_CHECKING:
    from api.database import Database
    from cli.progress import Task

_FRAUD: Final = "confirmed"


@dataclass(frozen=True, slots=True)
class RetrainedCandidate:
    """What became of the training on the labels of the case."""

    version: str | None
    """None: a quality gate refused the data, and nothing was trained."""
    why_refused: str | None
    """None: it was promoted."""
    labels: int
    """Claims of the case whose label the training set has."""


def deny(context: CaseContext, investigator: ConsoleBrowser, lead: ConsoleBrowser, case: OpenedCase) -> None:
    """The investigator proposes to deny the flagged claim as fraud, and a lead investigator approves."""
    with context.step("decision", "Deny the claim: one proposes, one approves") as step:
        investigator.follow("Case ")
        investigator.follow(case.claim_id)
        stated = {"reason": "fraud", "disposition": _FRAUD, "kind": case.kind}
        investigator.submit(fields=stated, having={"action": "deny"})
        lead.follow("Case ")
        lead.follow(case.claim_id)
        page = lead.submit(fields={"reason": "proposal_agreed"}, having={"action": "approve"})
        step.result(f"{case.claim_id}: {' '.join(page.texts('h1'))}, label {case.kind}")
        context.say(page.url)


def appeal(context: CaseContext, approver: ConsoleBrowser, case: OpenedCase) -> str:
    """The provider appeals through the API, and an approver who took no part decides; returns the outcome."""
    with context.step("appeal", "The provider appeals, another lead decides") as step:
        filed = _file_appeal(context, case)
        approver.follow("Appeals")
        approver.follow(case.claim_id)
        outcome = "upheld" if case.claim_id in context.truth.kinds else "overturned"
        page = approver.submit("Decide the appeal", {"outcome": outcome, "note": "The records show no such service."})
        if outcome not in page.text().lower():
            raise DemoPageError(f"{page.url} does not show the outcome {outcome}")
        step.result(f"{filed}: {outcome}")
        context.say(page.url)
    return outcome


def _file_appeal(context: CaseContext, case: OpenedCase) -> str:
    """File an appeal with a key of the provider; returns its id."""
    from api.identity import create_key

    async def make(database: "Database") -> tuple[str, str]:
        name = "the provider's billing office"
        return await create_key(database, name=name, role="provider", provider_id=case.provider_id)

    key = with_database(make)[1]
    path = f"{context.platform.api_url}/v1/claims/{case.claim_id}/appeals"
    body = {"appellant": "provider", "reason": "The records show the service."}
    response = httpx.post(path, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30.0, trust_env=False)
    context.taken.add(response)
    if response.status_code != httpx.codes.CREATED:
        raise DemoPageError(f"POST {path} answered with {response.status_code}: {response.text[:300]}")
    return str(response.json()["appeal_id"])


def verify_decisions(context: CaseContext) -> None:
    """Evaluate the decisions of the day again, each by the version of the policy that made it."""
    with context.step("policy", "Evaluate the decisions again") as step:
        words = ("policy", "verify", "--claims", "1000")
        code, found = context.command(*words)
        step.result(f"{found['decisions']} decisions, {found['different']} different")
        same = code == 0 and found["different"] == 0 and found["decisions"] not in (0, None)
        context.confirm(words, same=same, says="needs the database: `ginja servers start`")


def close(
    context: CaseContext,
    investigator: ConsoleBrowser,
    approver: ConsoleBrowser,
    case: OpenedCase,
    loss_cents: int,
) -> None:
    """The investigator proposes to close the case as substantiated fraud, and the second lead approves."""
    with context.step("close", "Close the case: one proposes, one approves") as step:
        investigator.follow("Cases")
        investigator.follow(case.case_id)
        stated = {
            "disposition": "substantiated_fraud",
            "loss": format_cents(loss_cents).replace(",", ""),
            "loss_method": "sample",
            "finding": _FRAUD,
            "kind": case.kind,
            "claim_ids": "\n".join(case.fraudulent),
            "text": "The sample shows services that were not rendered; the appeal was decided.",
        }
        investigator.submit("Close the case", stated)
        approver.follow("Cases")
        approver.follow(case.case_id)
        page = approver.submit("Approve and close", {"text": "Checked against the sample and the appeal."})
        step.result(f"{case.case_id}: {page.facts()['Disposition']}, {len(case.fraudulent)} claims with a disposition")
        context.say(page.url)


def retrain(context: CaseContext, case: OpenedCase) -> RetrainedCandidate:
    """Train on the claims and labels of the database, and have the gates decide. The champion stays if they refuse."""
    import pyarrow.parquet as pq

    settings = context.platform.settings
    with context.step("retrain", "Train a candidate on the labels") as step:
        version, why = _retrained(context, step)
        read = pq.read_table(settings.home / "data" / "labels.parquet", columns=["claim_id", "is_fraud"])
        labels = {one["claim_id"] for one in read.to_pylist() if one["is_fraud"]}
        known = len(labels.intersection(case.fraudulent))
        outcome = "is the champion" if why is None else "is refused"
        step.result(f"{known} labels of the case; {version or 'the data'} {outcome}")
        for line in (why or "").splitlines():
            context.say(line)
        context.say(f"$ GINJA_HOME={settings.home} ginja model retrain   # with `ginja servers start`")
    return RetrainedCandidate(version, why, known)


def _retrained(context: CaseContext, step: "Task") -> tuple[str | None, str | None]:
    """The version that `ginja model retrain` makes, and why it is refused; None: it is promoted."""
    from core.servers import postgres_url, valkey_url
    from pipelines.datasets import TooFewFraudsError
    from pipelines.gates import GateFailed
    from pipelines.loop import retrain as run
    from pipelines.promote import RefusedError
    from pipelines.train import Watcher

    settings = context.platform.settings
    try:
        with recorded(context.platform, "model retrain"):
            made = run(
                settings.home,
                database_url=postgres_url(settings),
                redis_url=valkey_url(settings),
                watch=Watcher(step=step.step),
            )
            note("model", made.version, previous=made.previous)
    except RefusedError as refused:
        return refused.version, str(refused)
    except (GateFailed, TooFewFraudsError) as refused:
        return None, str(refused)
    return made.version, None
