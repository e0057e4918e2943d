"""The scorecard of a provider as a document."""

from api.reports.documents import (
    ReportChart,
    ReportDocument,
    ReportRow,
    ReportSeries,
    ReportTable,
    ReportUnit,
    ReportValue,
    amount,
    count,
    ratio,
    share,
)
from api.reports.records import PeerMeasure, ProviderScorecard
from api.reports.scorecard import LEAST_PEER_CLAIMS, LEAST_PEERS, QUANTILES
from core.format import utc_minute

_MEASURES = {
    "claims": ("Claims", ReportUnit.COUNT),
    "mean_claimed_cents": ("Amount of a claim, mean", ReportUnit.AMOUNT),
    "approved_share": ("Approved of the amount decided", ReportUnit.SHARE),
    "flagged_share": ("Flagged at receipt", ReportUnit.SHARE),
}


def scorecard_document(report: ProviderScorecard) -> ReportDocument:
    """The report with a chart of its weeks."""
    named = report.provider_id if report.name is None else f"{report.provider_id}, {report.name}"
    return ReportDocument(
        title=f"Provider scorecard: {named}",
        subtitle=(
            f"{report.specialty or 'no specialty'} · received {report.first_day} to {report.last_day} · "
            f"made {utc_minute(report.made_at)} UTC"
        ),
        notes=(
            f"Days of {report.time_zone}; weeks begin on Monday. Voided claims count in the table of statuses only.",
            "Flagged at receipt: sent to review by the model or the rule. A flag is no finding against the provider.",
        ),
        chart=_chart(report),
        tables=(
            _statuses(report),
            _peers(report),
            _findings(report),
            _outcomes(report),
            _weeks(report),
        ),
    )


def _chart(report: ProviderScorecard) -> ReportChart:
    return ReportChart(
        "Claims by week",
        tuple(f"{one.week:%m-%d}" for one in report.weeks),
        (
            ReportSeries("received", tuple(float(one.claims) for one in report.weeks)),
            ReportSeries("flagged", tuple(float(one.flagged) for one in report.weeks)),
        ),
    )


def _statuses(report: ProviderScorecard) -> ReportTable:
    rows = [
        ReportRow(
            one.status.replace("_", " "), (count(one.claims), amount(one.claimed_cents), amount(one.approved_cents))
        )
        for one in report.statuses
    ]
    total = (count(report.claims), amount(report.claimed_cents), amount(report.approved_cents))
    rows.append(ReportRow("all but voided", total))
    return ReportTable("Claims by status", ("status", "claims", "claimed", "approved"), rows)


def _peers(report: ProviderScorecard) -> ReportTable:
    columns = ("", "provider", *(f"peers {quantile:.0%}" for quantile in QUANTILES), "peers at most as high")
    note = f"{report.peers} peers: providers of the same specialty with at least {LEAST_PEER_CLAIMS} claims."
    if report.peers < LEAST_PEERS:
        note += f" Quantiles need {LEAST_PEERS}."
    return ReportTable("Beside its peers", columns, [_compared(one) for one in report.comparisons], note)


def _compared(one: PeerMeasure) -> ReportRow:
    name, unit = _MEASURES[one.measure]
    quantiles = one.quantiles or (None,) * len(QUANTILES)
    values = (_valued(unit, value) for value in (one.value, *quantiles))
    return ReportRow(name, (*values, share(one.rank)))


def _valued(unit: ReportUnit, value: float | None) -> ReportValue:
    if unit is ReportUnit.SHARE:
        return share(value)
    if unit is ReportUnit.AMOUNT:
        return amount(value)
    return ReportValue(unit, None if value is None else round(value))


def _findings(report: ProviderScorecard) -> ReportTable:
    rows = [ReportRow(one.code, (count(one.claims), ratio(one.claims, report.claims))) for one in report.findings]
    return ReportTable("Findings at receipt", ("finding", "claims", "of all"), rows)


def _outcomes(report: ProviderScorecard) -> ReportTable:
    appeals = report.appeals
    none = amount(None)
    rows = [
        ReportRow("appeals filed", (count(appeals.filed), none)),
        ReportRow("appeals upheld", (count(appeals.upheld), none)),
        ReportRow("appeals overturned", (count(appeals.overturned), none)),
        ReportRow("appeals overturned in part", (count(appeals.partly_overturned), none)),
        *(
            ReportRow(
                f"investigated: {one.disposition.replace('_', ' ')}", (count(one.claims), amount(one.recovered_cents))
            )
            for one in report.investigations
        ),
    ]
    return ReportTable("Appeals filed and investigations in the period", ("", "claims", "recovered"), rows)


def _weeks(report: ProviderScorecard) -> ReportTable:
    rows = [
        ReportRow(
            str(one.week),
            (
                count(one.claims),
                amount(one.claimed_cents),
                amount(one.approved_cents),
                count(one.flagged),
                ratio(one.flagged, one.claims),
            ),
        )
        for one in report.weeks
    ]
    return ReportTable("By week", ("week of", "claims", "claimed", "approved", "flagged", "flagged share"), rows)
