"""The examiner's file as one page: no script, nothing loaded from elsewhere, printable on A4."""

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cli.dossier.charts import draw
from cli.dossier.document import (
    CellValue,
    Dossier,
    DossierColumn,
    EvidenceLink,
    MeasuredInterval,
    Share,
    SuppressedCell,
)
from core.format import percent_to_1_decimal

_STATUS: Final = {
    "answered": "",
    "no_record": "no record",
    "not_knowable": "cannot be known as of the day",
    "insurer": "from the insurer",
}
_KINDS: Final = {"audit": "audit log, row", "mlflow": "MLflow run", "command": "shown by", "document": "described in"}


def render(dossier: Dossier, zone: tzinfo) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        dossier=dossier,
        draw=draw,
        cell=lambda value, column: cell_text(value, column, zone),
        at=lambda value: shown_instant(value, zone),
        is_numeric=lambda column: column.kind not in ("text", "hash", "instant", "day"),
        status=_STATUS,
        link_kind=link_text,
    )


def link_text(link: EvidenceLink) -> str:
    """What stands before the reference of a link that is no file."""
    return _KINDS[link.kind]


def shown_instant(value: datetime, zone: tzinfo) -> str:
    """An instant to the second in the insurer's time zone."""
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def cell_text(value: CellValue, column: DossierColumn, zone: tzinfo) -> str:
    """A cell as text."""
    if value is None:
        return "–"
    if isinstance(value, SuppressedCell):
        return "left out: few cases"
    if isinstance(value, Share):
        return _share(value)
    if isinstance(value, MeasuredInterval):
        return _interval(value)
    if isinstance(value, datetime):
        return shown_instant(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if column.kind == "duration":
        return _duration(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _share(value: Share) -> str:
    if value.share is None or value.low is None or value.high is None:
        return "of none"
    ends = f"{percent_to_1_decimal(value.low)} to {percent_to_1_decimal(value.high)}"
    return f"{percent_to_1_decimal(value.share)} ({ends}); {value.count:,} of {value.of:,}"


def _interval(value: MeasuredInterval) -> str:
    if value.value is None:
        return "–"
    if value.low is None or value.high is None:
        return f"{value.value:.3g}, interval unknown"
    return f"{value.value:.3g} ({value.low:.3g} to {value.high:.3g})"


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
