"""From the queue to an evidence pack and its summary, as the investigator works."""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cli.demo.case.browser import ConsoleBrowser
from cli.demo.case.context import CaseContext
from cli.demo.case.pages import DemoPageError
from core import clock

LIES: Final = 1_000
"""False sentences that are planted."""
_MOST_LEADS: Final = 20
_LEADS_WITHIN_S, _POLL_S = 240.0, 1.0
_PROVISION: Final = "18 U.S.C. 1347"


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case of a lead."""

    case_id: str
    provider_id: str
    claim_id: str
    """The flagged claim."""
    fraudulent: tuple[str, ...]
    """Claims of the case that are fraud, the flagged one first."""
    kind: str
    """Of the fraud of the flagged claim."""


@dataclass(frozen=True, slots=True)
class CasePack:
    """An evidence pack as a file, and what its verification says."""

    pack_id: str
    file: Path
    is_verified: bool
    tamper_is_found: bool


@dataclass(frozen=True, slots=True)
class DraftedSentences:
    """What became of the endpoint's sentences."""

    sentences: int
    sentences_shown: int
    lies: int
    lies_shown: int


@dataclass(frozen=True, slots=True)
class TakenLead:
    """A lead with fraudulent claims in review."""

    subject: str
    """As the queue names it."""
    provider_id: str
    fraudulent: tuple[str, ...]


def take_lead(context: CaseContext, browser: ConsoleBrowser) -> TakenLead:
    """Take the next best lead until one has fraudulent claims in review, of a provider that is worth a sample.

    Leads that are passed over stay with the investigator, as on any other day.
    """
    with context.step("lead", "Queue: take the next best lead") as step:
        browser.follow("Queue")
        _wait_for_leads(context, browser)
        for number in range(1, _MOST_LEADS + 1):
            browser.submit("Next best case")
            lead = _lead_shown(context, browser)
            if lead is not None and context.truth.is_worth_a_sample(lead.provider_id):
                step.result(f"no. {number}: {lead.subject}, {len(lead.fraudulent)} fraudulent claims in review")
                context.say(browser.page.url)
                return lead
            browser.follow("Queue")
    raise DemoPageError(f"none of the {_MOST_LEADS} best leads has a fraudulent claim in review")


def _lead_shown(context: CaseContext, browser: ConsoleBrowser) -> TakenLead | None:
    """The lead that is shown, which is a claim's page where it has one claim; None: no fraudulent claim in review."""
    page = browser.page
    heading = " ".join(page.texts("h1"))
    waiting = [one for one in page.rows() if one.get("Status", "") == "in review" and "Why" in one]
    claims = {one["Claim"]: one["Provider"] for one in waiting}
    claim_id = urlsplit(page.url).path.rpartition("/")[2]
    if claim_id.startswith("clm_") and heading == "In review":
        heading, claims = f"Claim {claim_id}", {claim_id: page.facts()["Provider"]}
    fraudulent = tuple(one for one in claims if one in context.truth.kinds)
    providers = {claims[one] for one in fraudulent}
    return TakenLead(heading, min(providers), fraudulent) if len(providers) == 1 else None


def _wait_for_leads(context: CaseContext, browser: ConsoleBrowser) -> None:
    """Reload the queue until a fraudulent claim or its provider is a lead: claims may get their score after a rule."""
    deadline, awaited = time.monotonic() + _LEADS_WITHIN_S, context.suspects | context.truth.kinds.keys()
    while not any(awaited.intersection(row.get("Subject", "").split()) for row in browser.page.rows()):
        if time.monotonic() > deadline:
            raise DemoPageError(f"{browser.page.url} has no lead of {sorted(context.suspects)}: none was flagged")
        time.sleep(_POLL_S)
        browser.open(browser.page.url)


def open_case(context: CaseContext, browser: ConsoleBrowser) -> OpenedCase:
    """Take a lead, read its flagged claim, open the case, record a note and request records."""
    lead = take_lead(context, browser)
    flagged = lead.fraudulent[0]
    with context.step("claim", "Open the flagged claim") as step:
        claim = browser.page if flagged in browser.page.url else browser.follow(flagged)
        step.result(f"{flagged}: {' '.join(claim.texts('h1'))}")
        context.say(claim.url)
    with context.step("case", "Open the case, note, records request") as step:
        browser.follow("Queue")
        browser.follow("Mine")
        case = browser.submit(f"Open a case of {lead.subject}")
        case_id = case.url.rpartition("/")[2]
        browser.submit("Record", {"text": "Read the claims of the lead. The services are to be documented."})
        letter = f"Please send the records of the services of claim {flagged}."
        due = (clock.now().date() + timedelta(days=14)).isoformat()
        request = {"title": "Records of the services", "due_on": due, "text": letter}
        browser.submit("Add", request, having={"act": "task"})
        step.result(f"{case_id} about provider {lead.provider_id}")
        context.say(case.url)
    return OpenedCase(case_id, lead.provider_id, flagged, lead.fraudulent, context.truth.kinds[flagged])


def write_pack(context: CaseContext, browser: ConsoleBrowser, case: OpenedCase) -> CasePack:
    """Write the evidence pack, save it, and verify it and a copy with one bit flipped."""
    with context.step("pack", "Write the evidence pack") as step:
        browser.follow("Evidence packs")
        stated = {
            "organization": "The simulated insurer",
            "person": "Ines Adeyemi",
            "contact": "siu@insurer.example",
            "category": "fraud",
            "statement": "Services were billed that the records do not show.",
            "provisions": _PROVISION,
            "how": "Claims were billed in a pattern that the peers of the provider do not have.",
        }
        written = browser.submit("Write the pack", stated)
        pack_id = written.rows()[0]["Pack"]
        file = context.folder / f"{pack_id}.json"
        file.write_bytes(browser.save("JSON"))
        file.with_suffix(".pdf").write_bytes(browser.save("PDF"))
        step.result(f"{pack_id}, {file.stat().st_size:,} bytes as JSON, and as PDF")
        context.say(written.url)
    with context.step("pack_verified", "Verify the pack, and a forged one") as step:
        words = ("evidence", "verify", str(file))
        code, found = context.command(*words)
        verified = code == 0 and found["equal"] is True
        forged = context.folder / f"forged-{pack_id}.json"
        forged.write_bytes(flipped(file.read_bytes()))
        forged_code, forged_found = context.command("evidence", "verify", str(forged))
        tampered = forged_code == 1 and forged_found["equal"] is False
        step.result(f"{'equal' if verified else 'NOT EQUAL'}; one bit flipped: {'found' if tampered else 'NOT FOUND'}")
        context.confirm(words, same=verified, says="computes hashes, counts, sums, signature and scores again")
    return CasePack(pack_id, file, verified, tampered)


def flipped(content: bytes) -> bytes:
    """The file with one bit of the last digit of an amount flipped: it stays valid JSON."""
    place = content.index(b'"billed_cents":') + len(b'"billed_cents":')
    while not content[place : place + 1].isdigit() or content[place + 1 : place + 2].isdigit():
        place += 1
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def read_drafts(context: CaseContext, browser: ConsoleBrowser, pack: CasePack) -> DraftedSentences:
    """Have the endpoint draft the summary, first true, then false until enough false sentences are planted.

    The console shows two of the drafts. Further false ones pass `drafted_narrative`, which the page and
    `ginja evidence narrate` call.
    """
    import asyncio

    from api.narrative import drafted_narrative, drafting_endpoint
    from claims.evidence import facts_of, from_json, read_pack_file
    from claims.narrative import narrative_facts

    endpoint = context.endpoint
    with context.step("narrative", "Summary, by an endpoint that lies") as step:
        browser.follow("Case ")
        browser.follow("Summary")
        true, true_shown = _drafted(context, browser)
        endpoint.lies = True
        lies, lies_shown = _drafted(context, browser)
        facts = narrative_facts(facts_of(from_json(dict(read_pack_file(pack.file.read_bytes()).pack))))
        client = drafting_endpoint(context.platform.settings)
        while client is not None and lies < LIES:
            found = asyncio.run(drafted_narrative(facts, client))
            if not found.drafted:
                raise DemoPageError(f"the endpoint drafted nothing: {found.unavailable}")
            lies += found.drafted
            lies_shown += found.drafted - found.dropped
        step.result(f"{true_shown} of {true} true and {lies_shown} of {lies} false sentences are shown")
        context.say(browser.page.url)
        context.say(f"$ GINJA_HOME={context.platform.settings.home} ginja evidence narrate {pack.file}")
    return DraftedSentences(true, true_shown, lies, lies_shown)


def _drafted(context: CaseContext, browser: ConsoleBrowser) -> tuple[int, int]:
    """Sentences of a draft that the summary page had, and how many of them it shows, as it says itself."""
    before = context.endpoint.drafted
    page = browser.submit("Draft with the language model")
    drafted = context.endpoint.drafted - before
    said = re.search(r"(\d+) of (\d+) drafted sentences did not follow", page.text())
    if said is None or int(said[2]) != drafted or not drafted:
        raise DemoPageError(f"{page.url} does not say what became of the {drafted} drafted sentences")
    return drafted, drafted - int(said[1])
