"""Which windows over earlier claims a draft mapping proposes, and after how many days it takes outcomes for known."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.ingest import suggest_names as names
from pipelines.ingest.records import open_table
from pipelines.ingest.suggest_features import ColumnSample, ProposedFeatures

REPEATED = 0.05
"""Share of the sample's rows that must name an entity named before, for a window over it to have something to count."""
MAX_KEYS = 4
"""Most columns of the file that are proposed as keys."""
SHORTEST_DELAY_DAYS, LONGEST_DELAY_DAYS = 7, 30
_PARTS_OF_SPAN = 20
"""The delay is one of so many parts of the time that the file spans: the split loses it twice."""
_SHORTEST_SPAN_DAYS = 60
_LENGTHS = ("1d", "7d", "30d")
_MAPPED = {"provider_id": "provider", "member_id": "member"}


@dataclass(slots=True)
class ProposedWindows:
    """Entries of `windows`, and why each was chosen."""

    entries: dict[str, dict[str, object]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def entities(
    columns: Mapping[str, ColumnSample], fields: Mapping[str, str], features: ProposedFeatures
) -> dict[str, ColumnSample]:
    """Mapped field or column → column, of what names an entity that other rows name too (`fields`: field → column).

    A column that is not mapped is an identifier that was left out of `features`.
    """
    mapped = {field: columns[fields[field]] for field in _MAPPED if fields.get(field) in columns}
    keys = [column for column in columns.values() if column.name in features.left_out and _names_an_entity(column)]
    keys = [column for column in keys if column.plain not in features.entries]
    found = mapped | {column.plain: column for column in keys[:MAX_KEYS]}
    return {name: column for name, column in found.items() if _repeats(column)}


def propose_windows(
    found: Mapping[str, ColumnSample], features: ProposedFeatures, *, amount: bool, findings: bool
) -> ProposedWindows:
    """Windows over entities; columns among them become features of type key.

    `amount`: whether the file has amounts; `findings`: whether outcomes are known early enough to be counted.
    """
    proposed = ProposedWindows()
    for key, column in found.items():
        name = _MAPPED.get(key) or re.sub("_(id|no|code|key)$", "", column.plain)[:20].strip("_")
        if name in proposed.entries:
            continue
        entry: dict[str, object] = {"key": key, "lengths": list(_LENGTHS)}
        entry |= {"mean": ["amount"]} if amount else {}
        proposed.entries[name] = entry | ({"fraud_rate": True} if findings else {})
        again = len(column.texts) - column.distinct
        proposed.reasons[name] = f"{again} of {len(column.texts)} rows name one of an earlier row"
        if key not in _MAPPED:
            del features.left_out[column.name]
            meaning = name.replace("_", " ").capitalize()
            features.entries[key] = {"type": "key", "meaning": meaning, "column": column.name}
            features.reasons[key] = "an identifier that repeats"
    return proposed


def _repeats(column: ColumnSample) -> bool:
    """Whether enough rows name an entity that an earlier row names."""
    return len(column.texts) - column.distinct > REPEATED * len(column.texts)


def _names_an_entity(column: ColumnSample) -> bool:
    return bool(
        re.fullmatch(names.IDENTIFYING, column.plain)
        and not re.search(names.PERSONAL, column.plain)
        and re.fullmatch("[a-z][a-z0-9_]{0,39}", column.plain)
        and _repeats(column)
    )


def assumed_delay(path: Path, column: str, formats: Sequence[str]) -> int | None:
    """Days after which the outcome of a claim is taken for known: a part of the time that the file's dates span.

    None where no date can be read, or all are within two months.
    """
    table = open_table(path)
    place = table.header.index(column)
    texts = pa.table({"t": [record.values[place].strip() for record in table.records if record.problem is None]})
    zone = [form.replace("%z", "").replace("%Z", "").rstrip() for form in formats]
    parsed = ", ".join(f"try_strptime(t, '{form.replace(chr(39), '')}')" for form in dict.fromkeys(zone))
    with duckdb.connect() as connection:
        connection.register("texts", texts)
        row = connection.execute(
            f"SELECT date_diff('day', min(d), max(d)) FROM (SELECT COALESCE({parsed}) AS d FROM texts)"
        ).fetchone()
    days: int | None = None if row is None else row[0]
    if days is None or days < _SHORTEST_SPAN_DAYS:
        return None
    return min(LONGEST_DELAY_DAYS, max(SHORTEST_DELAY_DAYS, days // _PARTS_OF_SPAN))
