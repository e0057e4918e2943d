"""Sections 1 and 2: which models are in use, for what, and their versions."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.dossier.answers import (
    CO_INVENTORY,
    EU_CHANGES,
    EU_DEVELOPMENT,
    EU_GENERAL,
    EU_OVERSIGHT,
    NAIC_GOVERNANCE,
    NAIC_INVENTORY,
    NAIC_OUTCOMES,
    NAIC_RISK,
    NAIC_THIRD,
    NO_RECORD,
    answer,
    described_in,
    logged,
    run_of,
    shows,
)
from cli.dossier.cells import column, table
from cli.dossier.collected import Collected
from cli.dossier.document import DossierAnswer, DossierSection, EvidenceLink
from core.format import counted

if TYPE_CHECKING:
    from pipelines.dossier import ModelHistory, VersionRecord

_PURPOSE = (
    "The model estimates the probability that a claim of health insurance is fraud, with reasons. It decides one "
    "thing: whether a claim is sent to a person for review. It does not reject, reduce or price anything, and no "
    "output goes into underwriting. Claims without a score are decided by the contract and the 2× rule, which is no "
    "model."
)


def inventory(found: Collected) -> DossierSection:
    """Section 1."""
    return DossierSection(
        number=1,
        title="Model inventory and use",
        answers=(_in_use(found), _purpose(found), _without_person(found), _policy(found)),
    )


def versions(found: Collected) -> DossierSection:
    """Section 2."""
    return DossierSection(
        number=2,
        title="Versions",
        answers=(_champions(found), _integrity(found), _acts(found), _components(found)),
    )


def trail_link(found: Collected) -> EvidenceLink | None:
    """The audit trail of promotions up to the instant; `None`: there is none."""
    history = found.home.history
    if history is None or not history.content:
        return None
    return found.files.add(
        "promotions.jsonl",
        history.content,
        "audit trail of models before the instant; each line has the SHA-256 of the line before",
    )


def unusable_trail(
    found: Collected, number: str, question: str, asked_by: Sequence[str]
) -> "DossierAnswer | tuple[ModelHistory, EvidenceLink]":
    """The trail with the link to it, or the answer where it is empty or was changed."""
    history, link = found.home.history, trail_link(found)
    if history is None:
        text = f"The audit trail of promotions cannot be used: {found.home.history_problem}."
        return answer(number, question, text, asked_by=asked_by, status="not_knowable")
    if link is None:
        text = f"{NO_RECORD} The audit trail of models had no entry before the instant."
        return answer(number, question, text, asked_by=asked_by, status="no_record")
    return history, link


def _in_use(found: Collected) -> DossierAnswer:
    question = "Which models were in use on the day?"
    asked = (NAIC_INVENTORY, CO_INVENTORY, EU_GENERAL)
    trail = unusable_trail(found, "1.1", question, asked)
    if isinstance(trail, DossierAnswer):
        return trail
    history, link = trail
    roles = {history.champion: "champion: its score decides which claims are reviewed", history.challenger: "in trial"}
    rows = []
    for record in found.home.versions:
        role = roles.get(record.version)
        if role is not None:
            stated = record.document
            described = (None,) * 3 if stated is None else (stated.use_name, stated.described, stated.threshold)
            rows.append((record.version, role, *described))
    shown = table(
        "Models in use",
        [
            column("version", "Version"),
            column("role", "Role"),
            column("use", "Use"),
            column("kind", "Kind"),
            column("threshold", "Threshold", "number"),
        ],
        rows,
    )
    champion = history.champion
    text = "No model was the champion." if champion is None else f"The champion was {champion}."
    known = f" The trail names {counted(len(history.versions), 'version')} in all up to then."
    return answer("1.1", question, text + known, asked_by=asked, tables=[shown], evidence=[link])


def _purpose(found: Collected) -> DossierAnswer:
    uses = sorted({one.document.use_name for one in found.home.versions if one.document is not None})
    population = f" Its claims are those of the use {', '.join(uses)}." if uses else ""
    return answer(
        "1.2",
        "For what is a model used, on whose claims, and which decision does it inform?",
        _PURPOSE + population,
        asked_by=(NAIC_INVENTORY, EU_GENERAL),
        evidence=[
            described_in("docs/concepts/scoring.md", "what a score is and what follows from it"),
            described_in("docs/adr/0217-only-the-contract-denies-without-a-person.md", "who may deny"),
        ],
    )


def _without_person(found: Collected) -> DossierAnswer:
    used = found.ai_use
    rows = [
        (one.basis, one.approved, one.partially_approved, one.sent_to_review, one.rejected) for one in used.automatic
    ]
    shown = table(
        "Decisions at receipt, by what decided",
        [
            column("basis", "Decided by"),
            column("approved", "Approved", "count"),
            column("partly", "Paid up to the benefit", "count"),
            column("review", "Sent to review", "count"),
            column("rejected", "Rejected", "count"),
        ],
        rows,
        note="The contract rejects or reduces by its terms: cover, limits, duplicates and so on.",
    )
    number = used.adverse_without_person
    text = (
        "No. In the period no claim was rejected or reduced without a person except by the contract."
        if number == 0
        else f"Yes: {number:,} claims were rejected at receipt without a finding of the contract. Each is a defect."
    )
    record = found.files.add_json("ai-use.json", asdict(used), "decisions by contract, model, rule and person")
    return answer(
        "1.3",
        "Is an adverse decision made without a person?",
        text,
        asked_by=(NAIC_OUTCOMES, EU_OVERSIGHT),
        tables=[shown],
        evidence=[record, shows("ginja report ai-use --quarter QUARTER", "the same by quarter")],
    )


def _policy(found: Collected) -> DossierAnswer:
    question = "Which rules and parameters decided beside the model, and who put them in force?"
    changes = found.stored.policy
    if not changes:
        return answer(
            "1.4",
            question,
            f"{NO_RECORD} No policy was activated before the instant: the parameters were those of the settings.",
            asked_by=(NAIC_GOVERNANCE, EU_CHANGES),
            status="no_record",
        )
    shown = table(
        "Activations of the policy",
        [
            column("at", "When", "instant"),
            column("kind", "Act"),
            column("version", "Version", "count"),
            column("author", "Author"),
            column("approver", "Approved by"),
            column("forced", "Without a passed test"),
            column("reason", "Reason"),
        ],
        [(one.made_at, one.kind, one.version, one.author, one.approver, one.forced, one.reason) for one in changes],
    )
    record = found.files.add_json("policy-activations.json", [asdict(one) for one in changes], "activations, with hash")
    return answer(
        "1.4",
        question,
        f"{counted(len(changes), 'change')} of the policy up to the day. An author cannot approve their own version.",
        asked_by=(NAIC_GOVERNANCE, EU_CHANGES),
        tables=[shown],
        evidence=[record, shows("ginja policy list", "versions with their documents")],
    )


def _champions(found: Collected) -> DossierAnswer:
    question = "Which version decided when, and who put it in service?"
    asked = (NAIC_GOVERNANCE, CO_INVENTORY, EU_CHANGES)
    trail = unusable_trail(found, "2.1", question, asked)
    if isinstance(trail, DossierAnswer):
        return trail
    history, link = trail
    periods = table(
        "Champions by the audit trail",
        [
            column("version", "Version"),
            column("since", "From", "instant"),
            column("until", "To", "instant"),
            column("action", "Act"),
            column("by", "By"),
            column("reason", "Reason"),
        ],
        [(one.version, one.since, one.until, one.action, one.by, one.reason) for one in history.periods],
        note="An end that is empty: it was the champion at the instant.",
    )
    served = table(
        "Versions that were seen serving",
        [column("version", "Version"), column("seen", "Seen first", "instant"), column("record", "Record", "count")],
        [(one.version, one.seen_at, one.serving_id) for one in found.stored.served],
        note="Recorded by the worker, which asks the scorer; by rows of the table serving_models.",
    )
    evidence = [link]
    acts = [one for one in found.stored.model_acts if one.act in ("model.promote", "model.serve", "model.rollback")]
    evidence += [logged(one.audit_id, one.audit_id, f"{one.act} {one.version or ''}".strip()) for one in acts[-20:]]
    text = f"{counted(len(history.periods), 'change')} of the champion up to the day."
    return answer("2.1", question, text, asked_by=asked, tables=[periods, served], evidence=evidence)


def _integrity(found: Collected) -> DossierAnswer:
    question = "Are the versions those that were signed?"
    asked = (NAIC_RISK, EU_DEVELOPMENT)
    if not found.home.versions:
        return answer("2.2", question, f"{NO_RECORD} No version served.", asked_by=asked, status="no_record")
    rows, evidence = [], []
    for one in found.home.versions:
        state = "verified" if one.problem is None else one.problem
        rows.append((one.version, state, one.manifest_sha256))
        evidence += _files_of(found, one)
    shown = table(
        "Signature and hashes of each file, verified when this was written",
        [column("version", "Version"), column("state", "Result"), column("sha256", "SHA-256 of the manifest", "hash")],
        rows,
    )
    text = (
        f"Verified on {found.local(found.written_at)}: files of a version do not change, so the result holds for the "
        "day too. The audit log has the hash where a version was signed again."
    )
    if not evidence:
        evidence = [shows("ginja model list", "versions of the home and whether their files are intact")]
    return answer("2.2", question, text, asked_by=asked, tables=[shown], evidence=evidence)


def _files_of(found: Collected, one: "VersionRecord") -> list[EvidenceLink]:
    links = []
    folder = f"models/{one.version}"
    if one.manifest is not None:
        links.append(found.files.add(f"{folder}/manifest.json", one.manifest, f"hashes of the files of {one.version}"))
    if one.signature is not None:
        links.append(found.files.add(f"{folder}/signature.json", one.signature, f"signature of {one.version}"))
    if one.summary is not None:
        about = f"document of {one.version}, without values of claims"
        links.append(found.files.add_json(f"{folder}/model.json", one.summary, about))
    if one.run is not None:
        links.append(run_of(one.run.run_id, f"training of {one.version}"))
    return links


def _acts(found: Collected) -> DossierAnswer:
    question = "What was done with models, by whom?"
    acts = found.stored.model_acts
    if not acts:
        text = f"{NO_RECORD} The audit log had no act on a model before the instant."
        return answer("2.3", question, text, asked_by=(NAIC_GOVERNANCE, EU_CHANGES), status="no_record")
    mine = [one for one in acts if one.at >= found.first]
    shown = table(
        "Acts on models in the period",
        [
            column("record", "Audit log", "count"),
            column("at", "When", "instant"),
            column("act", "Act"),
            column("version", "Version"),
            column("by", "By"),
            column("outcome", "Outcome"),
        ],
        [(one.audit_id, one.at, one.act, one.version, one.name, one.outcome) for one in mine],
    )
    record = found.files.add_json("model-acts.json", [asdict(one) for one in acts], "acts on models up to the day")
    return answer(
        "2.3",
        question,
        f"{counted(len(mine), 'act')} in the period, {len(acts):,} up to the day. `denied`: a gate refused.",
        asked_by=(NAIC_GOVERNANCE, EU_CHANGES),
        tables=[shown],
        evidence=[record, logged(acts[0].audit_id, acts[-1].audit_id, "first and last of these rows")],
    )


def _components(found: Collected) -> DossierAnswer:
    question = "Which components and data of third parties does a model use?"
    stated = [one for one in found.home.versions if one.document is not None]
    if not stated:
        return answer("2.4", question, NO_RECORD, asked_by=(NAIC_THIRD, EU_DEVELOPMENT), status="no_record")
    rows = [
        (one.version, library, version)
        for one in stated
        if one.document is not None
        for library, version in sorted(one.document.libraries.items())
    ]
    shown = table(
        "Libraries that trained a version",
        [column("version", "Version"), column("library", "Library"), column("library_version", "Its version")],
        rows,
    )
    evidence = [link for one in stated for link in _files_of(found, one) if link.reference.endswith("model.json")]
    text = (
        "Models are trained and served on machines of the insurer; no score comes from a service of a third party, and "
        "no external consumer data are read unless the insurer declares attributes (question 3.5). Contracts with "
        "suppliers are the insurer's."
    )
    return answer(
        "2.4",
        question,
        text,
        asked_by=(NAIC_THIRD, EU_DEVELOPMENT),
        tables=[shown],
        evidence=[*evidence, described_in("docs/operate/supply-chain.md", "lock, licences, bill of materials")],
    )
