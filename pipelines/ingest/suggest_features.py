"""Which further columns of a claims file a draft mapping proposes as features, and why the others are left out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from claims.attributes import MAX_ATTRIBUTES, MAX_TEXT, MappedCategory, feature_name
from features.vector import FEATURE
from pipelines.ingest import suggest_names as names
from pipelines.ingest.formats import AttributeColumn
from pipelines.ingest.suggest_sample import FEW, ColumnSample
from pipelines.ingest.suggest_texts import is_date, mostly, number_style

_MANY = 100
"""More different values in the sample make a key an identifier rather than a category."""
_NEAR = 0.95
_LONGEST_NAME = 40


@dataclass(slots=True)
class ProposedFeatures:
    """Entries of `features`, why each was chosen, and why other columns were not."""

    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """Feature → reason."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Column → reason."""
    on_bad: dict[str, str] = field(default_factory=dict)
    """Feature → what an invalid value does, where the sample has some."""


def propose_features(
    columns: Iterable[ColumnSample], fields: dict[str, ColumnSample], frauds: set[int], positions: dict[str, list[int]]
) -> ProposedFeatures:
    """Features of the columns that are not mapped, and of mapped categories (`fields`: field → column).

    `frauds` are the rows of the sample that are labelled fraud, `positions` the rows of each column's texts.
    """
    found = ProposedFeatures()
    for column in columns:
        why = _unsuitable(column) or _reveals(column, frauds, positions.get(column.name, []))
        kind = None if why else _kind(column)
        if why or kind is None:
            found.left_out[column.name] = why or "free text, or values that hardly ever repeat"
        elif len(found.entries) == MAX_ATTRIBUTES:
            found.left_out[column.name] = f"there are {MAX_ATTRIBUTES} features before it, which is the most"
        else:
            entry, reason = kind
            name = _free_name(column.plain, found.entries)
            found.entries[name] = {**entry, "meaning": _meaning(column.name), "column": column.name}
            found.reasons[name] = reason
            if _some_invalid(column, entry["type"]):
                found.on_bad[name] = "flag" if len(name) <= _LONGEST_NAME - len("_invalid") else "null"
    _add_fields(found, fields)
    return found


_OF = {"specialty": "provider", "region": "provider"}
_CATEGORIES: tuple[MappedCategory, ...] = (
    *("procedure_code", "diagnosis_code", "place_of_service"),
    *("region", "specialty"),
)
"""Not sex: whether a model may use it directly depends on the law, so the user declares it."""


def _add_fields(found: ProposedFeatures, fields: dict[str, ColumnSample]) -> None:
    for field_name in _CATEGORIES:
        column = fields.get(field_name)
        if column is None or column.distinct == 1 or not column.repeats or len(found.entries) >= MAX_ATTRIBUTES:
            continue
        name = _free_name(field_name, found.entries)
        entry = {"type": "category", "meaning": _meaning(field_name), "field": field_name}
        found.entries[name] = entry | ({"of": _OF[field_name]} if field_name in _OF else {})
        found.reasons[name] = f"mapped category of {column.distinct} values"


def _unsuitable(column: ColumnSample) -> str | None:
    """Why a column cannot be a feature, by its name or its values."""
    if not column.texts:
        return "empty in the rows that were examined"
    if column.distinct == 1 and len(column.texts) == column.rows:
        return "constant"
    if re.search(names.PROTECTED, column.plain):
        return "a personal characteristic; declare it under features where the law allows a model to use it"
    if re.search(names.PERSONAL, column.plain) and not _about_personal(column):
        return "identifies a person"
    if names.known_afterwards(column.name):
        return "its name is that of something known only after the decision; add it if it is known at receipt"
    unique = column.distinct == len(column.texts) >= FEW
    coded = not mostly(column.texts, r"[+-]?\d*[.,]\d+") and not is_date(column.texts)
    many = column.distinct > _MANY
    if many and (re.fullmatch(names.KEY, column.plain) or (_is_code(column) and not column.repeats)):
        return "an identifier" + (" with as many values as rows" if unique else "")
    if unique and coded:
        return "as many values as rows: an identifier or free text"
    return None


def _is_code(column: ColumnSample) -> bool:
    return re.fullmatch(names.CODE, column.plain) is not None


def _about_personal(column: ColumnSample) -> bool:
    """Whether a column is about an address or a name rather than one: `address_change` with few, frequent values."""
    ends = any(found.end() == len(column.plain) for found in re.finditer(names.PERSONAL, column.plain))
    return not ends and column.distinct <= min(FEW, len(column.texts) // 10)


def _reveals(column: ColumnSample, frauds: set[int], rows: list[int]) -> str | None:
    """Why a column gives the label away: one of its few values is fraud almost always, and almost no other is."""
    if len(frauds) < 5 or column.distinct > FEW:
        return None
    by_value: dict[str, set[int]] = {}
    for text, row in zip(column.texts, rows, strict=True):
        by_value.setdefault(text, set()).add(row)
    mostly_fraud = [members for members in by_value.values() if len(members & frauds) > _NEAR * len(members)]
    caught = set().union(*mostly_fraud) if mostly_fraud else set()
    return "its values are those of the label" if len(caught & frauds) > _NEAR * len(frauds) else None


def _kind(column: ColumnSample) -> tuple[dict[str, str], str] | None:
    """The declaration of a column, and why; None for free text."""
    lower = {text.lower() for text in column.texts}
    yes, no = (set(AttributeColumn.model_fields[name].default) for name in ("true", "false"))
    if len(lower) == 2 and lower & yes and lower & no and lower <= yes | no:
        return {"type": "boolean"}, "two values, yes and no"
    if is_date(column.texts):
        return {"type": "date"}, "dates"
    style = number_style(column.texts)
    if style is not None and not re.fullmatch(f"{names.KEY}|{names.CODE}", column.plain):
        return {"type": "number", **style}, f"numbers, {column.distinct} different"
    if column.repeats and max(map(len, column.texts)) <= MAX_TEXT:
        return {"type": "category"}, f"texts, {column.distinct} different"
    return None


def _some_invalid(column: ColumnSample, kind: str) -> bool:
    """Whether some texts are not of the type that most are."""
    if kind == "number":
        return not all(re.fullmatch(r"[+-]?[\d.,' ]+([eE][+-]?\d{1,3})?", text) for text in column.texts)
    return kind == "date" and not all(is_date([text]) for text in column.texts)


def _free_name(plain: str, taken: dict[str, dict[str, str]]) -> str:
    """A name for a feature that is valid and not taken."""
    start = plain if plain[:1].isalpha() else f"column_{plain}"
    name, number = start[:_LONGEST_NAME].rstrip("_"), 1
    while name in taken or name in FEATURE or feature_name(name) in FEATURE or name == "claim_id":
        number += 1
        name = f"{start[: _LONGEST_NAME - 4].rstrip('_')}_{number}"
    return name


def _meaning(column: str) -> str:
    text = " ".join(re.sub(r"[\x00-\x1f\x7f{}_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)).split())
    return (text[:1].upper() + text[1:].lower() if text else "Column")[:120]
