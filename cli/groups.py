"""The groups of the command tree, as their help shows them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """One group of commands, as its help shows it."""

    summary: str
    examples: tuple[str, ...]
    default: str | None = None
    """The command that options alone call: `ginja dossier --as-of DAY`."""


GROUPS: dict[str, GroupEntry] = {
    "run": GroupEntry(
        "Run one process of the platform.", ("ginja run api --port 8600", "ginja run scorer --workers 2")
    ),
    "servers": GroupEntry(
        "Start, show and stop the embedded Postgres and Valkey of this home.",
        ("ginja servers start", "ginja servers show --urls"),
    ),
    "keys": GroupEntry(
        "Create, list, rotate, revoke and pin API keys, and sign requests.",
        ('ginja keys create --name "claims system" --role claims_system',),
    ),
    "keys signing-key": GroupEntry(
        "Register, list and revoke the keys with which API keys and users sign requests.",
        ("ginja keys signing-key create key_0123456789 --key-file approver.pem",),
    ),
    "crypto": GroupEntry(
        "Show and rotate the keys that encrypt personal data, and encrypt what earlier releases stored in clear.",
        ("ginja crypto status", "ginja crypto encrypt", "ginja crypto rotate"),
    ),
    "users": GroupEntry(
        "Create, list, disable and enable users, and say or reset what they sign in with.",
        ('ginja users create --login ann@insurer.example --name "Ann Otieno" --role admin',),
    ),
    "tokens": GroupEntry("Rotate the keys that sign the access tokens of users.", ("ginja tokens rotate-keys",)),
    "dead-letters": GroupEntry(
        "Inspect, replay and discard events that could not be handled.",
        ("ginja dead-letters list", "ginja dead-letters replay 4711"),
    ),
    "audit": GroupEntry(
        "Search, export and verify the audit log: who did what to whose data.",
        ("ginja audit list --subject M123", "ginja audit verify"),
    ),
    "tasks": GroupEntry(
        "Inspect tasks, and replay or discard those that failed.",
        ("ginja tasks list --failed", "ginja tasks replay --all-failed"),
    ),
    "webhook": GroupEntry(
        "List receivers of events and what was sent to them, and send it again.",
        ("ginja webhook endpoints", "ginja webhook deliveries hook_01m86p3ap6yntdyk7shqjq4hs9 --status failed"),
    ),
    "notifications": GroupEntry(
        "Say who is notified of what by e-mail, try it, and see what became of messages.",
        (
            "ginja notifications add claim.in_review reviews@insurer.example --minimum 5000",
            "ginja notifications test operations@insurer.example",
        ),
    ),
    "data": GroupEntry(
        "Simulate, ingest, check and load claims.",
        ("ginja data simulate --claims 60000", "ginja data ingest csv claims.csv --mapping mapping.yaml"),
    ),
    "data ingest": GroupEntry(
        "Convert claims files to the claims frame, submit the claims of X12 and FHIR files, or load members or plans.",
        ("ginja data ingest csv claims.csv --suggest > mapping.yaml", "ginja data ingest x12 claims.837"),
    ),
    "data consents": GroupEntry(
        "Record, list and withdraw what members said about purposes of use.",
        ("ginja data consents import consents.csv --by ann", "ginja data consents list M123"),
    ),
    "data archive": GroupEntry(
        "Move claims whose retention is over to signed Parquet files, verify those, and put claims back.",
        ("ginja data archive run --to /srv/archives --dry-run", "ginja data archive verify /srv/archives"),
    ),
    "data hold": GroupEntry(
        "Put members under a legal hold: nothing about them is erased, archived or deleted meanwhile.",
        ("ginja data hold add M123 --case 2026-CV-0417 --reason order --contact legal@insurer.example",),
    ),
    "reference": GroupEntry(
        "Import the trade's tables: units, pairs, exclusions, codes, fees, contracts.",
        ("ginja reference import mue mue.csv --release 2026Q4 --dry-run", "ginja reference list"),
    ),
    "features": GroupEntry(
        "Build features offline, rebuild the online store, verify that both agree.",
        ("ginja features rebuild", "ginja features verify --claims 20000"),
    ),
    "model": GroupEntry(
        "Train, evaluate, explain, promote and roll back models.",
        ("ginja model train", "ginja model evaluate", "ginja model promote"),
    ),
    "model trial": GroupEntry(
        "Let a challenger score beside the champion, and compare the two.",
        ("ginja model trial start", "ginja model trial report --days 7"),
    ),
    "policy": GroupEntry(
        "Write, compare, test, activate and roll back the policy: parameters of edits, caps and rules.",
        ("ginja policy show > policy.yaml", "ginja policy diff policy.yaml", "ginja policy backtest --days 90"),
    ),
    "monitor": GroupEntry(
        "Watch data and scores for drift, and reviews for their due dates.",
        ("ginja monitor drift --days 30", "ginja monitor prompt-pay"),
    ),
    "review": GroupEntry(
        "Select claims for investigators, record their findings, evaluate the model by them.",
        (
            "ginja review select --capacity 50",
            "ginja review record clm_0123 --disposition confirmed --by ann",
        ),
    ),
    "sample": GroupEntry(
        "Draw random samples of paid claims, and estimate the overpayment of all of them.",
        (
            "ginja sample draw frame.csv --seed 2026-11-28/417 --size 60",
            "ginja sample estimate frame.csv worksheet.csv --seed 2026-11-28/417",
        ),
    ),
    "report": GroupEntry(
        "State what decided claims, what is paid of them, and how a provider's compare with its peers'.",
        (
            "ginja report ai-use --quarter 2026Q3 --json",
            "ginja report daily-decisions --format pdf --output decisions.pdf",
            "ginja report remittance H456 --first-day 2026-11-01 --last-day 2026-11-30",
        ),
    ),
    "dossier": GroupEntry(
        "Write what an examiner asks about models and decisions, as recorded up to a day, and verify such a file.",
        ("ginja dossier --as-of 2026-09-30", "ginja dossier verify dossier-2026-09-30"),
        default="write",
    ),
    "evidence": GroupEntry(
        "Write the evidence pack of a case, verify one, and write its summary.",
        ("ginja evidence verify evp_01m86p3ap6yntdyk7shqjq4hs9.json",),
    ),
    "bench": GroupEntry(
        "Measure the figures of docs/benchmarks.md; needs a checkout of the repository.",
        ("ginja bench score --json", "ginja bench chaos --only scorer"),
    ),
}
