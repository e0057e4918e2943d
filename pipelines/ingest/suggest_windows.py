"""Which windows over earlier claims a draft mapping proposes, and after how many days it takes outcomes for known."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.duck import connect
from pipelines.ingest import suggest_names as names
from pipelines.ingest.mapping import DATED
from pipelines.ingest.suggest_features import ProposedFeatures
from pipelines.ingest.suggest_sample import ColumnSample, FileSample
from pipelines.ingest.suggest_texts import date_formats

REPEATED = 0.05
"""Share of the sample's rows that must name an entity named before, for a window over it to have something to count."""
MAX_KEYS = 4
"""Most columns of the file that are proposed as keys."""
SHORTEST_DELAY_DAYS, LONGEST_DELAY_DAYS = 7, 30
LEAST_FRAUDS = 30
"""Sampled frauds from which on a delay is assumed: the embargo that it needs costs claims, and rates need frauds."""
_PARTS_OF_SPAN = 20
"""The delay is one of so many parts of the time that the file spans: the split loses it twice."""
_SHORTEST_SPAN_DAYS = 60
_FEWEST_PROVIDERS, _ALIKE = 5, 0.99
"""Of providers with several claims: how many of either label, and which share of all, have one label."""
_LENGTHS = ("1d", "7d", "30d")
_MAPPED = {"provider_id": "provider", "member_id": "member"}


@dataclass(slots=True)
class ProposedWindows:
    """Entries of `windows`, and why each was chosen."""

    entries: dict[str, dict[str, object]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    delay: int | None = None
    """`label_known_after_days`: for labels without dates."""

    @property
    def note(self) -> str:
        """What the delay assumes."""
        return (
            f"Labels have no dates: outcomes are assumed to be known {self.delay} days after receipt, and count for "
            "later claims from then on. State how long it takes in truth (label_known_after_days)."
        )


def propose_windows(
    sample: FileSample, fields: Mapping[str, str], features: ProposedFeatures, frauds: int
) -> ProposedWindows:
    """Windows over entities that occur again, where the file has dates (`fields`: field → column).

    `frauds` is the number of sampled rows that are fraud: where they are few, no delay is assumed.

    Entities are the mapped provider and member, and identifiers that were left out of `features`: those become features
    of type key.
    """
    proposed = ProposedWindows()
    dates = [fields[entry] for entry in DATED if entry in fields]
    found = _entities(sample.columns, fields, features)
    if not dates or not found:
        return proposed
    if _label_is_the_providers(sample, fields):
        fields = {entry: column for entry, column in fields.items() if entry not in ("label", "label_known_at")}
    if "label" in fields and "label_known_at" not in fields and frauds >= LEAST_FRAUDS:
        proposed.delay = _assumed_delay(sample.texts(dates[0]))
    findings = "label_known_at" in fields or proposed.delay is not None
    for key, column in found.items():
        name = _MAPPED.get(key) or re.sub("_(id|no|code|key)$", "", column.plain)[:20].strip("_")
        if name in proposed.entries:
            continue
        entry: dict[str, object] = {"key": key, "lengths": list(_LENGTHS)}
        entry |= {"mean": ["amount"]} if "amount" in fields else {}
        proposed.entries[name] = entry | ({"fraud_rate": True} if findings else {})
        again = len(column.texts) - column.distinct
        proposed.reasons[name] = f"{again} of {len(column.texts)} rows name one of an earlier row"
        if key not in _MAPPED:
            del features.left_out[column.name]
            meaning = name.replace("_", " ").capitalize()
            features.entries[key] = {"type": "key", "meaning": meaning, "column": column.name}
            features.reasons[key] = "an identifier that repeats"
    return proposed


def _entities(
    columns: Mapping[str, ColumnSample], fields: Mapping[str, str], features: ProposedFeatures
) -> dict[str, ColumnSample]:
    """Mapped field or column → column, of what names an entity that other rows name too."""
    mapped = {entry: columns[fields[entry]] for entry in _MAPPED if fields.get(entry) in columns}
    keys = [column for column in columns.values() if column.name in features.left_out and _names_an_entity(column)]
    keys = [column for column in keys if column.plain not in features.entries]
    found = mapped | {column.plain: column for column in keys[:MAX_KEYS]}
    return {name: column for name, column in found.items() if _occurs_again(column)}


def _label_is_the_providers(sample: FileSample, fields: Mapping[str, str]) -> bool:
    """Whether all sampled claims of each provider have one label, with providers of either kind.

    The outcome of one claim of a provider then gives those of its others away, whenever it was known.
    """
    label, provider = fields.get("label", ""), fields.get("provider_id", "")
    of_row = dict(zip(sample.positions.get(label, ()), sample.texts(label), strict=True))
    labels: dict[str, list[str]] = {}
    for row, name in zip(sample.positions.get(provider, ()), sample.texts(provider), strict=True):
        if row in of_row:
            labels.setdefault(name, []).append(of_row[row])
    several = [found for found in labels.values() if len(found) > 1]
    alike = Counter(found[0] for found in several if len(set(found)) == 1)
    return len(alike) > 1 and min(alike.values()) >= _FEWEST_PROVIDERS and sum(alike.values()) >= _ALIKE * len(several)


def _occurs_again(column: ColumnSample) -> bool:
    return len(column.texts) - column.distinct > REPEATED * len(column.texts)


def _names_an_entity(column: ColumnSample) -> bool:
    return bool(
        re.fullmatch(f"{names.KEY}|{names.CODE}", column.plain)
        and not re.search(names.PERSONAL, column.plain)
        and not re.search(names.PROTECTED, column.plain)
        and not names.known_afterwards(column.name)
        and re.fullmatch("[a-z][a-z0-9_]{0,39}", column.plain)
        and _occurs_again(column)
    )


def _assumed_delay(dates: Sequence[str]) -> int | None:
    """Days after which the outcome of a claim is taken for known: a part of the time that the dates span.

    None where no date can be read, or all are within two months.
    """
    forms = [form.replace("%z", "").replace("%Z", "").rstrip() for form in date_formats(list(dates))]
    parsed = ", ".join(f"try_strptime(t, '{form}')" for form in dict.fromkeys(forms))
    if not parsed:
        return None
    with connect() as connection:
        connection.register("texts", pa.table({"t": list(dates)}))
        row = connection.execute(
            f"SELECT date_diff('day', min(d), max(d)) FROM (SELECT COALESCE({parsed}) AS d FROM texts)"
        ).fetchone()
    days: int | None = None if row is None else row[0]
    if days is None or days < _SHORTEST_SPAN_DAYS:
        return None
    return min(LONGEST_DELAY_DAYS, max(SHORTEST_DELAY_DAYS, days // _PARTS_OF_SPAN))
