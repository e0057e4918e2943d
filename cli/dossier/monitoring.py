"""Sections 5 and 6: drift and calibration over the period, and fairness by group."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from cli.dossier.answers import (
    CO_DISCRIMINATION,
    CO_TESTING,
    EU_CONTROL,
    EU_METRICS,
    EU_POST_MARKET,
    NAIC_OUTCOMES,
    NAIC_TESTING,
    NO_RECORD,
    answer,
    described_in,
    no_record,
    run_of,
    shows,
)
from cli.dossier.cells import SMALLEST_CELL, column, group_shares, share, table
from cli.dossier.collected import Collected, DriftRun
from cli.dossier.document import (
    CellValue,
    DossierAnswer,
    DossierSection,
    DossierTable,
    EvidenceLink,
    MeasuredInterval,
    Plot,
    Share,
)
from core.format import counted

if TYPE_CHECKING:
    from api.dossier import GroupOutcome

_SMALL: Final = (
    f"Figures with 1 to {SMALLEST_CELL - 1} cases in the numerator, the rest or the denominator are left out, and a "
    "second one where a single one could be computed. 95 % Wilson intervals; claims of a provider are alike, so the "
    "true ones are wider."
)
_MISSING: Final = (
    "The platform has no race, ethnicity, religion, disability, gender identity or orientation of members, and infers "
    "none. To test by them, supply a file of member and group that your regulator accepts (such as an estimate by "
    "surname and geography, BIFSG), join it outside the platform with an export of claims, which has flags and "
    "outcomes by claim, and attach the result to this file."
)


def drift(found: Collected) -> DossierSection:
    """Section 5."""
    return DossierSection(
        number=5, title="Drift and calibration", answers=(_drift_runs(found), _scores(found), _calibration(found))
    )


def fairness(found: Collected) -> DossierSection:
    """Section 6."""
    answers = (
        _by_group(
            found,
            "6.1",
            "How often are claims of a group flagged?",
            "Share of scored claims that the model flagged",
            lambda one: (one.flagged, one.scored),
        ),
        _by_group(
            found,
            "6.2",
            "How often was a flag wrong, among those that a person reviewed?",
            "Share of reviewed flags that were paid in full",
            lambda one: (one.cleared, one.reviewed),
        ),
        _by_group(
            found,
            "6.3",
            "How often was a decision overturned on appeal?",
            "Share of decided appeals that were overturned, in full or in part",
            lambda one: (one.overturned, one.appealed),
        ),
        _at_evaluation(found),
        _missing_groups(found),
    )
    return DossierSection(number=6, title="Fairness by group", answers=answers)


def _drift_runs(found: Collected) -> DossierAnswer:
    question = "Was drift watched, and what did it find?"
    asked = (NAIC_TESTING, CO_TESTING, EU_POST_MARKET)
    if found.home.mlflow_problem is not None:
        text = no_record(f"{found.home.mlflow_problem}, where drift runs are recorded")
        return answer("5.1", question, text, asked_by=asked, status="no_record")
    if not found.home.drift:
        text = f"{NO_RECORD} No drift run began in the period and ended before the instant."
        return answer("5.1", question, text, asked_by=asked, status="no_record")
    rows, links = [], []
    for one in found.home.drift:
        run = one.run
        alarms, raised = run.metrics.get("alarms"), run.tags.get("ginja.alarms", "not stated")
        rows.append((run.started_at, run.model, run.params.get("dataset"), alarms, raised))
        links += _drift_links(found, one)
    shown = table(
        "Drift runs",
        [
            column("at", "When", "instant"),
            column("model", "Version"),
            column("dataset", "Data set"),
            column("alarms", "Alarms", "number"),
            column("raised", "Of"),
        ],
        rows,
    )
    text = (
        f"{counted(len(rows), 'run')} in the period. Each compares days with a reference period and the training set."
    )
    return answer("5.1", question, text, asked_by=asked, tables=[shown, *_days(found)], evidence=links)


def _drift_links(found: Collected, one: DriftRun) -> list[EvidenceLink]:
    link = run_of(one.run.run_id, f"drift run of {one.run.started_at:%Y-%m-%d}")
    if one.report is None:
        return [link]
    return [link, found.files.add_json(f"drift/{one.run.run_id}.json", one.report, "report of this run")]


def _days(found: Collected) -> list[DossierTable]:
    """The days of the last run, as a plot."""
    last = found.home.drift[-1].report
    days = last.get("days") if last is not None else None
    rows: list[tuple[CellValue, ...]] = []
    for day in days if isinstance(days, list) else ():
        if isinstance(day, dict):
            values = (day.get("score_stability"), day.get("mean_score"), day.get("calibration_ratio"))
            rows.append((str(day.get("day")), *(one if isinstance(one, int | float) else None for one in values)))
    columns = [
        column("day", "Day", "day"),
        column("stability", "Stability index of the scores", "number"),
        column("mean", "Mean score", "number"),
        column("calibration", "Frauds over expected ones", "number"),
    ]
    return [table("Days of the last run", columns, rows, plot=Plot(kind="lines", label="day", values="stability"))]


def _scores(found: Collected) -> DossierAnswer:
    question = "How did scores and flags change over the period?"
    months = found.stored.months
    if not months:
        text = f"{NO_RECORD} No claim was assessed in the period."
        return answer("5.2", question, text, asked_by=(NAIC_TESTING, EU_CONTROL), status="no_record")
    rows = [
        (
            str(one.month),
            one.version or one.decided_by,
            one.claims,
            share(one.flagged, one.claims),
            one.mean_probability,
        )
        for one in months
    ]
    shown = table(
        "First assessments by month",
        [
            column("month", "Month", "day"),
            column("decided_by", "Version, or rule"),
            column("claims", "Claims", "count"),
            column("flagged", "Flagged", "share"),
            column("mean", "Mean probability", "number"),
        ],
        rows,
        note=f"Months of {found.settings.time_zone}. The rule decides where there is no score.",
        plot=Plot(kind="lines", label="month", values="flagged", series="decided_by"),
    )
    columns = ["month", "decided_by", "version", "claims", "flagged", "mean_probability"]
    values = [(one.month, one.decided_by, one.version, one.claims, one.flagged, one.mean_probability) for one in months]
    record = found.files.add_rows("scores-by-month.csv", columns, values, "assessments by month")
    text = f"{sum(one.claims for one in months):,} claims were assessed in the period."
    return answer("5.2", question, text, asked_by=(NAIC_TESTING, EU_CONTROL), tables=[shown], evidence=[record])


def _calibration(found: Collected) -> DossierAnswer:
    from api.dossier import BANDS

    question = "Did probabilities agree with what was found?"
    asked = (NAIC_TESTING, EU_METRICS)
    if not found.stored.calibration:
        text = f"{NO_RECORD} No scored claim of the period had a finding before the instant."
        return answer("5.3", question, text, asked_by=asked, status="no_record")
    ends = (0.0, *BANDS, 1.0)
    rows = [
        (f"{ends[one.band]:g} to {ends[one.band + 1]:g}", one.mean_probability, share(one.frauds, one.claims))
        for one in found.stored.calibration
    ]
    shown = table(
        "Probability and finding",
        [
            column("band", "Probability"),
            column("expected", "Mean probability", "number"),
            column("observed", "Found to be fraud", "share"),
        ],
        rows,
        note="Only reviewed claims have a finding; they are not a random sample, except in the audit sample.",
        plot=Plot(kind="calibration", label="expected", values="observed"),
    )
    columns = ["band", "from", "to", "claims", "frauds", "mean_probability"]
    values = [
        (one.band, ends[one.band], ends[one.band + 1], one.claims, one.frauds, one.mean_probability)
        for one in found.stored.calibration
    ]
    record = found.files.add_rows("calibration.csv", columns, values, "scored claims with a finding, by band")
    counted = sum(one.claims for one in found.stored.calibration)
    text = (
        f"{counted:,} scored claims of the period had a finding before the instant. Findings are dispositions of "
        "persons; labels that were loaded are not counted, as it is not recorded when they were."
    )
    return answer("5.3", question, text, asked_by=asked, tables=[shown], evidence=[record])


def _by_group(
    found: Collected,
    number: str,
    question: str,
    title: str,
    counts: "Callable[[GroupOutcome], tuple[int, int]]",
) -> DossierAnswer:
    asked = (CO_DISCRIMINATION, NAIC_OUTCOMES, NAIC_TESTING)
    if not any(counts(one)[1] for one in found.stored.groups):
        text = f"{NO_RECORD} There were no such claims in the period up to the instant."
        return answer(number, question, text, asked_by=asked, status="no_record")
    tables, absent, values = [], [], []
    for group in dict.fromkeys(one.group for one in found.stored.groups):
        mine = [one for one in found.stored.groups if one.group == group]
        if all(one.value is None for one in mine):
            absent.append(group)
            continue
        names = [one.value or "not stated" for one in mine]
        shares = group_shares([counts(one) for one in mine])
        columns = [column("value", group.capitalize()), column("share", "Share", "share")]
        plot = Plot(kind="shares", label="value", values="share")
        tables.append(table(f"{title}, by {group}", columns, list(zip(names, shares, strict=True)), plot=plot))
        for name, one in zip(names, shares, strict=True):
            row: tuple[CellValue, ...] = ("suppressed",) * 5
            if isinstance(one, Share):
                row = (one.count, one.of, one.share, one.low, one.high)
            values.append((group, name, *row))
    columns_of_file = ["group", "value", "count", "of", "share", "low", "high"]
    record = found.files.add_rows(f"fairness-{number}.csv", columns_of_file, values, title.lower())
    text = _SMALL + (f" No claim states: {', '.join(absent)}." if absent else "")
    return answer(number, question, text, asked_by=asked, tables=tables, evidence=[record])


def _at_evaluation(found: Collected) -> DossierAnswer:
    question = "Did the evaluation before the service compare groups?"
    asked = (CO_DISCRIMINATION, CO_TESTING, EU_METRICS)
    tables: list[DossierTable] = []
    links = []
    for one in found.home.versions:
        rows = _abrasion(one.evaluation)
        if rows:
            columns = [
                column("group", "Group"),
                column("value", "Value"),
                column("clean", "Clean claims", "count"),
                column("rate", "Flagged among them", "interval"),
                column("times", "Times the overall rate", "number"),
            ]
            tables.append(table(f"False positives of {one.version} on its test claims", columns, rows))
            name = f"models/{one.version}/evaluation.json"
            links.append(found.files.add_json(name, one.evaluation, f"evaluation of {one.version}"))
    if not tables:
        why = found.home.mlflow_problem or "no evaluation of these versions ended before the instant"
        return answer("6.4", question, no_record(why), asked_by=asked, status="no_record")
    text = (
        "False positives by group on claims kept out of training; groups below 50 clean claims are left out. A gate "
        "refuses a model whose worst group differs too much (question 4.1, false_positive_disparity)."
    )
    return answer("6.4", question, text, asked_by=asked, tables=tables, evidence=links)


def _abrasion(evaluation: object) -> Sequence[tuple[CellValue, ...]]:
    listed = evaluation.get("abrasion") if isinstance(evaluation, dict) else None
    rows: list[tuple[CellValue, ...]] = []
    for one in listed if isinstance(listed, list) else ():
        rate = MeasuredInterval(value=one["false_positive_rate"], low=one["low"], high=one["high"])
        rows.append((one["group"], one["value"], one["clean_claims"], rate, one["times_overall"]))
    return rows


def _missing_groups(found: Collected) -> DossierAnswer:
    return answer(
        "6.5",
        "Which groups cannot be tested with the data of the platform?",
        _MISSING,
        asked_by=(CO_DISCRIMINATION, NAIC_TESTING),
        status="insurer",
        evidence=[
            described_in("docs/operate/examination.md", "how to supply groups"),
            shows("GET /v1/exports/claims", "claims with flags and outcomes"),
        ],
    )
