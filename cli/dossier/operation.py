"""Sections 9 to 11: incidents, controls, and what the insurer adds."""

from dataclasses import asdict, astuple, fields
from typing import Final

from cli.dossier.answers import (
    CO_GOVERNANCE,
    CO_INVENTORY,
    EU_CHANGES,
    EU_CONTROL,
    EU_POST_MARKET,
    EU_RISK,
    NAIC_GOVERNANCE,
    NAIC_INVENTORY,
    NAIC_OUTCOMES,
    NAIC_RISK,
    NAIC_THIRD,
    NO_RECORD,
    answer,
    described_in,
    logged,
    shows,
)
from cli.dossier.cells import column, table
from cli.dossier.collected import Collected
from cli.dossier.document import CellValue, DossierAnswer, DossierSection
from cli.dossier.models import unusable_trail
from core.format import counted

_BY_INSURER: Final = (
    ("11.1", "The written programme for AI systems, and who adopted it", (NAIC_GOVERNANCE, CO_GOVERNANCE)),
    ("11.2", "Oversight by the board and senior management, and minutes of it", (NAIC_GOVERNANCE, CO_GOVERNANCE)),
    ("11.3", "Models and AI systems outside this platform", (NAIC_INVENTORY, CO_INVENTORY)),
    ("11.4", "Contracts with third parties, and audits of them", (NAIC_THIRD,)),
    ("11.5", "Complaints that did not reach the platform", (NAIC_OUTCOMES,)),
    ("11.6", "Training of reviewers and of who operates the models", (CO_GOVERNANCE, EU_RISK)),
    ("11.7", "Standards applied, and a declaration of conformity, where the EU AI Act asks for them", (EU_RISK,)),
)


def incidents(found: Collected) -> DossierSection:
    """Section 9."""
    answers = (_fallbacks(found), _rollbacks(found), _dead_letters(found))
    return DossierSection(number=9, title="Incidents", answers=answers)


def controls(found: Collected) -> DossierSection:
    """Section 10."""
    answers = (_audit(found), _access(found), _access_changes(found), _retention(found), _privacy(found))
    return DossierSection(number=10, title="Controls", answers=answers)


def by_the_insurer(_found: Collected) -> DossierSection:
    """Section 11."""
    answers = tuple(
        answer(
            number, question, "The platform has no record of it: the insurer adds it.", asked_by=asked, status="insurer"
        )
        for number, question, asked in _BY_INSURER
    )
    return DossierSection(number=11, title="What the insurer adds", answers=answers)


def _fallbacks(found: Collected) -> DossierAnswer:
    periods = found.stored.fallbacks
    names = ["first", "last", "claims", "causes"]
    rows = [(one.first, one.last, one.claims, " ".join(one.causes)) for one in periods]
    record = found.files.add_rows("scoring-outages.csv", names, rows, "times without scores, by assessments")
    shown = table(
        "Times without scores",
        [
            column("first", "First claim", "instant"),
            column("last", "Last claim", "instant"),
            column("claims", "Claims", "count"),
            column("causes", "Cause"),
        ],
        rows,
        note="Claims without a score at most 15 minutes apart are one time.",
    )
    claims = sum(one.claims for one in periods)
    text = (
        f"{counted(len(periods), 'time')} with {counted(claims, 'claim')}. The rule decided "
        "them, and a score that came later could only send a claim to a person."
    )
    if found.stored.without_score:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in found.stored.without_score.items())
        text += f" Beside them, claims that lacked what a score needs: {listed}."
    return answer(
        "9.1",
        "When was there no score, and what decided claims then?",
        text,
        asked_by=(EU_CONTROL, NAIC_RISK, EU_POST_MARKET),
        tables=[shown],
        evidence=[record],
    )


def _rollbacks(found: Collected) -> DossierAnswer:
    question = "Was a model taken out of service?"
    asked = (EU_CHANGES, NAIC_RISK)
    trail = unusable_trail(found, "9.2", question, asked)
    if isinstance(trail, DossierAnswer):
        return trail
    history, link = trail
    rows = [
        (one.at[:19], one.version, one.details.get("previous"), one.by, one.reason) for one in history.of("rollback")
    ]
    shown = table(
        "Rollbacks up to the day",
        [
            column("at", "When (UTC)"),
            column("version", "Back to"),
            column("previous", "From"),
            column("by", "By"),
            column("reason", "Reason"),
        ],
        rows,
    )
    return answer(
        "9.2",
        question,
        f"{counted(len(rows), 'rollback')} up to the day.",
        asked_by=asked,
        tables=[shown],
        evidence=[link],
    )


def _dead_letters(found: Collected) -> DossierAnswer:
    rows: list[tuple[CellValue, ...]] = [
        (one.consumer, one.topic, one.events, one.open, one.replayed, one.discarded)
        for one in found.stored.dead_letters
    ]
    shown = table(
        "Events that could not be handled",
        [
            column("consumer", "Consumer"),
            column("topic", "Event"),
            column("events", "Events", "count"),
            column("open", "Open at the instant", "count"),
            column("replayed", "Replayed", "count"),
            column("discarded", "Discarded", "count"),
        ],
        rows,
    )
    record = found.files.add_json(
        "dead-letters.json", [asdict(one) for one in found.stored.dead_letters], "events by consumer, without contents"
    )
    return answer(
        "9.3",
        "Was anything lost or left undone?",
        f"{counted(sum(one.events for one in found.stored.dead_letters), 'event')} could not be handled in the period.",
        asked_by=(EU_CONTROL, NAIC_RISK),
        tables=[shown],
        evidence=[record, shows("ginja dead-letters list --all", "each of them")],
    )


def _audit(found: Collected) -> DossierAnswer:
    report = found.audit
    before = [one for one in found.anchors.anchors if one.anchored_at < found.until]
    last = max(before, key=lambda one: one.seal, default=None)
    shown = table(
        "Verification of the whole audit log, when this was written",
        [
            column("verdict", "Verdict"),
            column("rows", "Sealed rows", "count"),
            column("seals", "Seals", "count"),
            column("anchors", "Anchors", "count"),
            column("faults", "Faults", "count"),
            column("unsealed", "Rows not sealed yet", "count"),
        ],
        [(report.verdict.value, report.rows, report.seals, report.anchors, report.faults_in_all, report.unsealed)],
    )
    names = ["seal", "hash", "rows", "sealed_at", "anchored_at"]
    rows = [(one.seal, one.hash, one.rows, one.sealed_at, one.anchored_at) for one in before]
    record = found.files.add_rows("audit-anchors.csv", names, rows, "anchors before the instant")
    text = f"Verified on {found.local(found.written_at)}: {report.verdict.value}."
    text += (
        " No anchor was written before the instant, so rows of then could have been removed unseen."
        if last is None
        else f" The last anchor before the instant is of seal {last.seal:,} with {last.rows:,} rows: what it covers "
        "cannot have changed since unseen."
    )
    return answer(
        "10.1",
        "Is the audit log complete and unchanged?",
        text,
        asked_by=(NAIC_RISK, EU_CONTROL),
        tables=[shown],
        evidence=[record, shows("ginja audit verify", "the same verification")],
    )


def _access(found: Collected) -> DossierAnswer:
    from api.dossier import KeyInForce, UserInForce

    keys, users = found.stored.access.keys, found.stored.access.users
    unknown = sum(one.role is None for one in users)
    roles = sorted({one.role for one in keys} | {one.role for one in users if one.role is not None})
    rows = [
        (
            role,
            sum(one.role == role and one.state == "active" for one in users),
            sum(one.role == role and one.state == "disabled" for one in users),
            sum(one.role == role for one in keys),
        )
        for role in roles
    ]
    shown = table(
        "Accounts and keys by role, on the day",
        [
            column("role", "Role"),
            column("users", "Accounts", "count"),
            column("disabled", "Disabled accounts", "count"),
            column("keys", "Keys", "count"),
        ],
        rows,
        note="Accounts of members and providers, and keys of members, are not counted.",
    )
    links = [
        found.files.add_rows(
            "keys-in-force.csv", [one.name for one in fields(KeyInForce)], map(astuple, keys), "keys valid on the day"
        ),
        found.files.add_rows(
            "accounts.csv", [one.name for one in fields(UserInForce)], map(astuple, users), "accounts on the day, by id"
        ),
        described_in("docs/operate/keys.md", "what each role may do"),
    ]
    active, disabled = (sum(one.state == state for one in users) for state in ("active", "disabled"))
    text = (
        f"{counted(active, 'account')} of people and {counted(len(keys), 'key')} of programs. "
        f"{counted(disabled, 'account')} disabled, which could not act."
    )
    if unknown:
        text += (
            f" Of {counted(unknown, 'account')} role and state on the day cannot be known: they were changed "
            "later, and the row has the present ones. The changes are in the audit log (question 10.3)."
        )
    return answer(
        "10.2",
        "Who could act on claims and models?",
        text,
        asked_by=(NAIC_RISK, CO_GOVERNANCE),
        tables=[shown],
        evidence=links,
    )


def _acts(found: Collected, number: str, question: str, prefixes: tuple[str, ...], text: str) -> DossierAnswer:
    mine = [one for one in found.stored.acts if one.act.startswith(prefixes)]
    asked = (NAIC_RISK, CO_GOVERNANCE)
    if not mine:
        return answer(number, question, f"{NO_RECORD} {text}", asked_by=asked, status="no_record")
    shown = table(
        "Acts in the period",
        [
            column("act", "Act"),
            column("outcome", "Outcome"),
            column("rows", "Number", "count"),
            column("first", "First record", "count"),
            column("last", "Last record", "count"),
        ],
        [astuple(one) for one in mine],
    )
    links = [logged(one.first_id, one.last_id, f"{one.rows:,} rows {one.act}, {one.outcome}") for one in mine]
    return answer(number, question, text, asked_by=asked, tables=[shown], evidence=links)


def _access_changes(found: Collected) -> DossierAnswer:
    return _acts(
        found,
        "10.3",
        "Was access reviewed and changed?",
        ("key.", "user.", "signing_key."),
        "Acts on keys and accounts in the period; `user.list` and `user.emergency_report` are reviews of access.",
    )


def _retention(found: Collected) -> DossierAnswer:
    from api.retention import RetentionTable

    question = "How long is each kind of data kept?"
    link = shows("ginja data retention", "the table in force, and what is due")
    if (found.written_at - found.until).total_seconds() > 0:
        return answer(
            "10.4",
            question,
            "The periods that were in force on the day are those of the release and of GINJA_RETENTION_FILE of then, "
            "which the platform does not record. The table of now is not shown under an earlier date.",
            asked_by=(NAIC_RISK,),
            status="not_knowable",
            evidence=[link, described_in("docs/operate/privacy.md", "kinds of data and their periods")],
        )
    kinds = RetentionTable.of(found.settings.retention_file)
    shown = table(
        "Kinds of data",
        [
            column("kind", "Kind"),
            column("days", "Days", "count"),
            column("action", "Then"),
            column("basis", "Why it is kept, and no longer"),
        ],
        [(one.name, one.days, one.action.value, one.basis) for one in kinds.values()],
        note="Without days: kept.",
    )
    return answer("10.4", question, "In force now.", asked_by=(NAIC_RISK,), tables=[shown], evidence=[link])


def _privacy(found: Collected) -> DossierAnswer:
    text = (
        "Erasures, exports to members and legal holds in the period. "
        f"Legal holds in force on the day: {found.stored.legal_holds:,}."
    )
    return _acts(
        found, "10.5", "Which rights of members were carried out?", ("member.", "legal_hold.", "dossier."), text
    )
