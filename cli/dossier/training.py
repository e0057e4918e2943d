"""Sections 3 and 4: what models were trained on, and which gates they passed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from cli.dossier.answers import (
    CO_DISCRIMINATION,
    CO_TESTING,
    EU_CHANGES,
    EU_DEVELOPMENT,
    EU_METRICS,
    EU_RISK,
    NAIC_DATA,
    NAIC_RISK,
    NAIC_TESTING,
    NO_RECORD,
    answer,
    no_record,
    run_of,
    shows,
)
from cli.dossier.cells import column, table
from cli.dossier.collected import Collected
from cli.dossier.document import (
    CellValue,
    DossierAnswer,
    DossierSection,
    DossierTable,
    EvidenceLink,
    MeasuredInterval,
)
from cli.dossier.models import unusable_trail

if TYPE_CHECKING:
    from pipelines.audit_trail import AuditEntry
    from pipelines.dossier import VersionRecord

_RANKING = {
    "ap": "Average precision",
    "auc": "AUC",
    "precision_at_k": "Precision at capacity",
    "dollars_at_k": "Dollars at capacity",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
}


def training(found: Collected) -> DossierSection:
    """Section 3."""
    documented = [one for one in found.home.versions if one.document is not None]
    answers = (_data, _labels, _left_out, _quality, _features) if documented else (_nothing,)
    return DossierSection(number=3, title="Training data", answers=tuple(one(found, documented) for one in answers))


def gates(found: Collected) -> DossierSection:
    """Section 4."""
    return DossierSection(
        number=4,
        title="Gates passed and overrides",
        answers=(_gates(found), _evaluations(found), _overrides(found), _attempts(found)),
    )


def _nothing(_found: Collected, _versions: "list[VersionRecord]") -> DossierAnswer:
    return answer(
        "3.1",
        "What were the models trained on?",
        f"{NO_RECORD} No version served of which the home has a verified document.",
        asked_by=(NAIC_DATA, EU_DEVELOPMENT),
        status="no_record",
    )


def documents(found: Collected, versions: "list[VersionRecord]") -> list[EvidenceLink]:
    """Links to the document of each version, and to its run."""
    links = []
    for one in versions:
        if one.summary is not None:
            about = f"document of {one.version}, without values of claims"
            links.append(found.files.add_json(f"models/{one.version}/model.json", one.summary, about))
        if one.run is not None:
            links.append(run_of(one.run.run_id, f"training of {one.version}"))
    return links


def _stated(one: "VersionRecord", name: str) -> object:
    return None if one.document is None else one.document.provenance.get(name)


def _day_of(value: object) -> str | None:
    return datetime.fromtimestamp(value / 1_000_000, UTC).date().isoformat() if isinstance(value, int) else None


def _data(found: Collected, versions: "list[VersionRecord]") -> DossierAnswer:
    rows: list[tuple[CellValue, ...]] = []
    for one in versions:
        slices = _stated(one, "slices")
        sizes = cast("dict[str, int]", slices) if isinstance(slices, dict) else {}
        counts = (sizes.get("train"), sizes.get("calibrate"), sizes.get("test"))
        rows.append((
            one.version, str(_stated(one, "dataset")), str(_stated(one, "data_sha256")),
            _day_of(_stated(one, "as_of_us")), _day_of(_stated(one, "test_from_us")), *counts,
        ))  # fmt: skip
    shown = table(
        "Data of each version",
        [
            column("version", "Version"),
            column("dataset", "Data set"),
            column("sha256", "SHA-256", "hash"),
            column("as_of", "Labels known until", "day"),
            column("test_from", "Kept out of training from", "day"),
            column("train", "Training claims", "count"),
            column("calibrate", "Calibration claims", "count"),
            column("test", "Test claims", "count"),
        ],
        rows,
        note="Days are of UTC.",
    )
    links = documents(found, versions)
    for one in versions:
        if one.dataset is not None:
            name = f"models/{one.version}/dataset.json"
            links.append(found.files.add_json(name, one.dataset, f"how the data of {one.version} were read"))
    splits = " ".join(f"{one.version}: {_stated(one, 'split')}." for one in versions)
    return answer(
        "3.1", "Which data, of which time?", splits, asked_by=(NAIC_DATA, EU_DEVELOPMENT), tables=[shown],
        evidence=links,
    )  # fmt: skip


def _labels(found: Collected, versions: "list[VersionRecord]") -> DossierAnswer:
    rows: list[tuple[CellValue, ...]] = []
    unknown = []
    for one in versions:
        counted = found.home.labels[one.version]
        if isinstance(counted, str):
            unknown.append(f"{one.version}: {counted}.")
            continue
        rows += [(one.version, each.source, each.labels, each.frauds, each.frauds / each.labels) for each in counted]
    shown = table(
        "Labels by source, verified against the hash that the model states",
        [
            column("version", "Version"),
            column("source", "Source"),
            column("labels", "Labels", "count"),
            column("frauds", "Fraud", "count"),
            column("rate", "Share of fraud", "number"),
        ],
        rows,
        note="At most 200,000 labels of each version are kept: those of the claims with the smallest hashes.",
    )
    rates = [
        f"{one.version}: {one.document.base_rate:.2%} of the training claims were fraud, by what each represents."
        for one in versions
        if one.document is not None
    ]
    return answer(
        "3.2",
        "Where do the labels come from, and how many are fraud?",
        " ".join([*rates, *unknown]),
        asked_by=(NAIC_DATA, EU_DEVELOPMENT),
        tables=[shown],
        evidence=documents(found, versions),
    )


def _left_out(found: Collected, versions: "list[VersionRecord]") -> DossierAnswer:
    from core.erasures import FILE, read_erasures

    erased = [one.erased_at for one in read_erasures(found.settings.home / FILE) if one.erased_at < found.until]
    rows = [
        (one.version, sum(at < one.run.started_at for at in erased) if one.run is not None else None)
        for one in versions
    ]
    shown = table(
        "Members erased before a version was trained",
        [column("version", "Version"), column("members", "Members left out", "count")],
        rows,
        note="Empty: MLflow has no time of its training.",
    )
    return answer(
        "3.3",
        "Whose claims were left out?",
        f"{len(erased):,} members were erased up to the day. Each training reads its data without the claims of "
        "members erased before; the home keeps keyed hashes of the members that a version learned from.",
        asked_by=(NAIC_DATA, EU_DEVELOPMENT),
        tables=[shown],
        evidence=[shows("ginja data model-report MEMBER", "whether a version learned from a member")],
    )


def _quality(found: Collected, versions: "list[VersionRecord]") -> DossierAnswer:
    rows: list[tuple[CellValue, ...]] = []
    for one in versions:
        quality = _stated(one, "quality")
        for suite, result in quality.items() if isinstance(quality, dict) else ():
            critical = result.get("critical") if isinstance(result, dict) else None
            rows.append((one.version, suite, critical))
    shown = table(
        "Checks of the data (Great Expectations)",
        [column("version", "Version"), column("suite", "Suite"), column("critical", "Critical findings", "count")],
        rows,
        note="A critical finding stops the training. The full reports are artefacts `quality/` of the run.",
    )
    leaks = [f"{one.version}: {_stated(one, 'leaks') or 'none'}" for one in versions]
    return answer(
        "3.4",
        "Which checks did the data pass?",
        f"Signs of leaks that a person had to accept: {'; '.join(leaks)}.",
        asked_by=(NAIC_DATA, CO_TESTING),
        tables=[shown],
        evidence=documents(found, versions),
    )


def _features(found: Collected, versions: "list[VersionRecord]") -> DossierAnswer:
    rows: list[tuple[CellValue, ...]] = []
    for one in versions:
        if one.document is not None:
            declared = ", ".join(sorted(one.document.declared)) or "none"
            rows.append((one.version, len(one.document.features), declared, len(one.document.left_out)))
    shown = table(
        "Features",
        [
            column("version", "Version"),
            column("features", "Features", "count"),
            column("attributes", "Attributes that the insurer declared"),
            column("left_out", "Excluded", "count"),
        ],
        rows,
    )
    return answer(
        "3.5",
        "Which features are used, and are there external consumer data among them?",
        "Features are of claims, members, providers and services. The model reads no name, birth date, contact, race "
        "or ethnicity. Attributes are what the insurer declares: it says whether one is external consumer data.",
        asked_by=(NAIC_DATA, CO_DISCRIMINATION),
        tables=[shown],
        evidence=documents(found, versions),
    )


def _gates(found: Collected) -> DossierAnswer:
    question = "Which gates did each champion pass when it was put in service, with which figures?"
    asked = (NAIC_TESTING, CO_TESTING, EU_DEVELOPMENT)
    trail = unusable_trail(found, "4.1", question, asked)
    if isinstance(trail, DossierAnswer):
        return trail
    history, link = trail
    shown = {one.version for one in found.home.versions}
    made = [one for one in history.of("promote", "force", "change_use") if one.version in shown]
    tables = [_gate_table(one) for one in made]
    text = (
        "As recorded at each promotion: a later measurement changes nothing of it. "
        f"{sum(len(one.rows) for one in tables):,} results of {len(tables):,} promotions."
    )
    return answer("4.1", question, text, asked_by=asked, tables=tables, evidence=[link])


def _gate_table(entry: "AuditEntry") -> DossierTable:
    results = entry.details.get("gates", {})
    return table(
        f"Gates of {entry.version}, {entry.at[:19]} UTC",
        [column("gate", "Gate"), column("outcome", "Outcome"), column("detail", "Measured")],
        [(name, result["outcome"], result["detail"]) for name, result in sorted(results.items())],
    )


def _evaluations(found: Collected) -> DossierAnswer:
    question = "How good was each version on claims that it had not seen?"
    asked = (NAIC_TESTING, EU_METRICS)
    evaluated = [one for one in found.home.versions if one.evaluation is not None]
    if not evaluated:
        why = found.home.mlflow_problem or "no run of these versions ended before the instant with an evaluation"
        return answer("4.2", question, no_record(why), asked_by=asked, status="no_record")
    rows: list[tuple[CellValue, ...]] = []
    links = []
    for one in evaluated:
        name = f"models/{one.version}/evaluation.json"
        links.append(found.files.add_json(name, one.evaluation, f"evaluation of {one.version}"))
        if one.run is not None:
            links.append(run_of(one.run.run_id, f"training of {one.version}, which logged it"))
        measured = ranking_of(one)
        rows += [(one.version, title, interval(measured.get(key))) for key, title in _RANKING.items()]
    shown = table(
        "Measured on the test claims",
        [column("version", "Version"), column("measure", "Measure"), column("value", "Value", "interval")],
        rows,
        note="95 % intervals from a bootstrap over providers.",
    )
    return answer(
        "4.2", question, "By the evaluation that the training logged.", asked_by=asked, tables=[shown], evidence=links
    )


def ranking_of(one: "VersionRecord") -> dict[str, object]:
    """The metrics of the model itself in its evaluation."""
    rankings = (one.evaluation or {}).get("rankings")
    mine = rankings.get("model") if isinstance(rankings, dict) else None
    return dict(mine) if isinstance(mine, dict) else {}


def interval(value: object) -> MeasuredInterval | None:
    """A value with its interval, as an evaluation has it."""
    if not isinstance(value, dict):
        return None
    ends = {name: value.get(name) for name in ("value", "low", "high")}
    return MeasuredInterval.model_validate(ends)


def _overrides(found: Collected) -> DossierAnswer:
    question = "Which gates and warnings were overruled, by whom and why?"
    trail = unusable_trail(found, "4.3", question, (NAIC_RISK, EU_RISK))
    if isinstance(trail, DossierAnswer):
        return trail
    history, link = trail
    rows = [
        (one.at[:19], one.action, one.version, one.by, one.reason, ", ".join(one.details.get("trusted", [])))
        for one in history.of("force", "trust", "change_use", "sign")
    ]
    shown = table(
        "Overrides up to the day",
        [
            column("at", "When (UTC)"),
            column("action", "Act"),
            column("version", "Version"),
            column("by", "By"),
            column("reason", "Reason"),
            column("trusted", "Trusted"),
        ],
        rows,
    )
    forced = sum(one.forced for one in found.stored.policy)
    text = (
        f"{len(rows):,} overrides of models (forced promotions, trusted signs of leaks, changes of use, signatures of "
        f"models from elsewhere), and {forced:,} activations of a policy without a passed test (question 1.4)."
    )
    return answer("4.3", question, text, asked_by=(NAIC_RISK, EU_RISK), tables=[shown], evidence=[link])


def _attempts(found: Collected) -> DossierAnswer:
    question = "How often was a candidate compared before one was promoted?"
    trail = unusable_trail(found, "4.4", question, (NAIC_TESTING, EU_CHANGES))
    if isinstance(trail, DossierAnswer):
        return trail
    history, link = trail
    compared = history.of("compare")
    text = (
        f"{len(compared):,} comparisons with a champion up to the day. Each further candidate on the same claims needs "
        "a higher confidence."
    )
    return answer("4.4", question, text, asked_by=(NAIC_TESTING, EU_CHANGES), evidence=[link])
