"""Whether the rows that ingestion rejected leave a data set that can be trained on: the same limits for a file that is
read now and for one that was ingested before.
"""

from collections.abc import Mapping

from pipelines.datasets.errors import RejectedRowsError

MAX_REJECTED_SHARE = 0.5
"""Share of rejected rows above which the mapping of a file is considered wrong."""
_ACCEPT = "or train on the accepted rows with --accept-rejects"


def check_rejects(about: Mapping[str, object], file: str, rejects: str) -> None:
    """Raise `RejectedRowsError` for too many rejected rows, or where being rejected and being fraud are associated.

    `about` is the content of `dataset.json`, `file` what was read, `rejects` where its rejected rows are listed.
    """
    from pipelines.ingest import LabelCount, associated

    rows, rejected = _number(about.get("rows")), _number(about.get("rejected"))
    if rejected > MAX_REJECTED_SHARE * rows:
        raise RejectedRowsError(
            f"{rejected:,} of the {rows:,} rows of {file} were rejected: {_first(about)}; a model of the remaining "
            f"rows would not be representative. Correct the mapping (see {rejects}), {_ACCEPT}"
        )
    groups = [about.get(name) for name in ("rejected_labels", "accepted_labels")]
    rejected_labels, accepted_labels = (
        LabelCount(**{key: _number(count) for key, count in group.items()}) if isinstance(group, dict) else LabelCount()
        for group in groups
    )
    if associated(rejected_labels, accepted_labels):
        raise RejectedRowsError(
            f"rejected rows of {file} are fraud in {rejected_labels.rate or 0:.1%} of {rejected_labels.labelled:,}, "
            f"accepted rows in {accepted_labels.rate or 0:.1%} of {accepted_labels.labelled:,}: {_first(about)}; a "
            "model of the accepted rows would not be representative. "
            f"Correct the mapping (see {rejects}), set invalid values to null with on_bad, {_ACCEPT}"
        )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _first(about: Mapping[str, object]) -> str:
    """The three most frequent reasons with their rows and the share of fraud among them."""
    reasons, rates = about.get("reasons"), about.get("reject_label_rates")
    if not isinstance(reasons, dict):
        return "for unknown reasons"
    shares = rates if isinstance(rates, dict) else {}
    shown = [
        f"{reason} ({count:,}" + (f", fraud in {rate:.1%})" if isinstance(rate := shares.get(reason), float) else ")")
        for reason, count in list(reasons.items())[:3]
    ]
    return ", ".join(shown)
