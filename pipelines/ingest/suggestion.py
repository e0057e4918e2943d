"""Draft a mapping from a sample of a file's rows: every column is mapped, a feature, or left out with the reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from claims.identifiers import IdentifierKind, InvalidIdentifier, normalize_identifier
from claims.service_days import receipt_day
from core import clock
from core.settings import settings
from pipelines.ingest import suggest_names as names
from pipelines.ingest.formats import LabelTexts
from pipelines.ingest.mapping import DATED, FIELDS
from pipelines.ingest.records import SourceTable, open_table
from pipelines.ingest.rejects import shape
from pipelines.ingest.suggest_clocks import leave_out_clocks
from pipelines.ingest.suggest_features import ProposedFeatures, propose_features
from pipelines.ingest.suggest_sample import LONGEST_NAME, FileSample, sampled
from pipelines.ingest.suggest_texts import (
    ambiguous,
    date_formats,
    is_amount,
    is_date,
    is_label,
    is_sex,
    label_texts,
    money,
    mostly,
)
from pipelines.ingest.suggest_windows import ProposedWindows, propose_windows

_FEWEST_MEMBERS = 20
"""More different values make a column such as `policy` a key of members; with fewer it is a kind of policy."""
_LEAST_FILLED = {"member_id": 0.9, "provider_id": 0.98, "procedure_code": 0.7}
"""Least share of rows with a value of fields that `pipelines.gates` refuses to train without."""
_FEWEST_PROVIDERS = 20
"""More different values make a column such as `merchant` a key of providers."""
_DATE_FIELDS = ("received_at", "service_from", "service_to", "birth_date", "label_known_at")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A draft mapping, and what became of each column."""

    mapping: str
    """YAML with comments."""
    columns_used: dict[str, str]
    """Column → the field or feature that it is used for."""
    columns_left_out: dict[str, str]
    """Column → why it is not used."""
    to_do: list[str]
    """What the file does not say."""


@dataclass(slots=True)
class _Draft:
    """The parts of a draft."""

    columns: dict[str, str] = field(default_factory=dict)
    fallbacks: dict[str, list[str]] = field(default_factory=dict)
    """Field → further columns, of which the first with a value counts where its column has none."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Field → why its column was chosen."""
    keys: dict[str, object] = field(default_factory=dict)
    features: ProposedFeatures = field(default_factory=ProposedFeatures)
    windows: ProposedWindows = field(default_factory=ProposedWindows)
    notes: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)

    def used(self) -> dict[str, str]:
        """Column → field."""
        further = {column: entry for entry, columns in self.fallbacks.items() for column in columns}
        code = self.keys.get("frequency_code")
        further |= {code["column"]: "frequency_code"} if isinstance(code, dict) else {}
        return further | {column: entry for entry, column in self.columns.items()}


def _short(texts: list[str], limit: int) -> bool:
    return mostly(texts, rf".{{1,{limit}}}") and not is_date(texts)


def _is_age(texts: list[str]) -> bool:
    return (
        mostly(texts, r"\d{1,3}(\.0+)?")
        and max(int(t.split(".")[0]) for t in texts if t[:3].strip(".").isdigit()) <= 130
    )


_FITS: dict[str, Callable[[list[str]], bool]] = {
    **dict.fromkeys(_DATE_FIELDS, is_date),
    "amount": is_amount,
    "benefit_limit": is_amount,
    "label": is_label,
    "age_years": _is_age,
    "sex": is_sex,
    "line": lambda texts: mostly(texts, r"\d{1,5}"),
    "units": lambda texts: mostly(texts, r"\d{1,6}(\.0+)?"),
    "lines": lambda texts: mostly(texts, r"\d{1,4}(\.0+)?"),
    "place_of_service": lambda texts: mostly(texts, r"\d{1,2}(\.0+)?"),
    "procedure_code": lambda texts: _short(texts, 64),
    "diagnosis_code": lambda texts: _short(texts, 64),
    "region": lambda texts: _short(texts, 32),
    "specialty": lambda texts: _short(texts, 64),
    "label_kind": lambda texts: _short(texts, 64),
    "label_source": lambda texts: _short(texts, 64),
}


def _pick(sample: FileSample, draft: _Draft) -> None:
    """Our field → their column by name, each column used once, where its values fit."""
    taken: set[str] = set()
    plain = {name: column.plain for name, column in sample.columns.items()}
    for entry, patterns in names.NAMES:
        fits = _FITS.get(entry, bool)
        found = [
            column
            for pattern in patterns
            for column in sample.columns
            if column not in taken and re.fullmatch(pattern, plain[column]) and fits(sample.texts(column))
        ]
        chosen = _filled(sample, list(dict.fromkeys(found)), _LEAST_FILLED.get(entry, 0))
        if chosen:
            _choose(draft, entry, chosen[0], "by its name")
            if chosen[1:]:
                draft.fallbacks[entry] = chosen[1:]
            taken.update(chosen)


def _filled(sample: FileSample, columns: list[str], least: float) -> list[str]:
    """The first column, with the further ones that are needed to fill `least` of the rows; none if they do not."""
    chosen: list[str] = []
    rows: set[int] = set()
    for column in columns:
        more = set(sample.positions[column])
        if not chosen or (len(rows) < least * sample.columns[column].rows and more - rows):
            chosen.append(column)
            rows |= more
    return chosen if chosen and len(rows) >= least * sample.columns[chosen[0]].rows else []


def _choose(draft: _Draft, entry: str, column: str, why: str) -> None:
    draft.columns[entry] = column
    draft.reasons[entry] = why


def _by_content(sample: FileSample, draft: _Draft) -> None:
    """What the names did not say: the label, the date and the claim id by their values."""
    free = [column for column in sample.columns.values() if column.name not in draft.used()]
    if not set(DATED) & set(draft.columns):
        dates = [column for column in free if is_date(column.texts)]
        events = [column for column in dates if not re.fullmatch(names.NOT_AN_EVENT, column.plain)]
        if len(dates) == 1 or events:
            _choose(draft, "received_at", (events or dates)[0].name, "the only date" if len(dates) == 1 else "a date")
    if "label" not in draft.columns and free:
        last, known = free[-1], {*LabelTexts().fraud, *LabelTexts().clean}
        if last.distinct == 2 and {text.lower() for text in last.texts} <= known and len(last.texts) == last.rows >= 20:
            _choose(draft, "label", last.name, "the last column, with two values; check that it is the label")
    if "member_id" not in draft.columns:
        keys = [c for c in free if re.fullmatch(names.MEMBER_KEY, c.plain) and c.distinct > _FEWEST_MEMBERS]
        if keys:
            _choose(draft, "member_id", keys[0].name, "its name, with many different values")
    if "provider_id" not in draft.columns:
        keys = [c for c in free if re.fullmatch(names.PROVIDER_KEY, c.plain) and c.distinct > _FEWEST_PROVIDERS]
        keys = [c for c in keys if c.repeats]
        if keys:
            _choose(draft, "provider_id", keys[0].name, "its name, with many different values")
    member = sample.columns.get(draft.columns.get("member_id", ""))
    if member is not None and "claim_id" not in draft.columns and member.distinct == member.rows >= 20:
        del draft.columns["member_id"]
        _choose(draft, "claim_id", member.name, "another value in each row")


def _date_parts(sample: FileSample, draft: _Draft) -> None:
    """A date from columns for year, month and day or week, where the file has no other."""
    if set(DATED) & set(draft.columns):
        return
    free = [column for column in sample.columns.values() if column.name not in draft.used()]
    parts: dict[str, str] = {}
    for part, pattern in names.PARTS:
        found = [c.name for c in free if re.fullmatch(pattern, c.plain) and mostly(c.texts, names.PART_TEXTS[part])]
        if found and not (part == "week_of_month" and "day" in parts):
            parts[part] = found[0]
    if {"year", "month"} <= set(parts):
        draft.keys["date_parts"] = {"received_at": parts}


def _describe_claims(sample: FileSample, draft: _Draft) -> None:
    ids = sample.texts(draft.columns.get("claim_id", ""))
    if ids and len(set(ids)) < len(ids):
        draft.keys["rows"] = "lines"
        draft.notes.append("A claim id occurs more than once: rows were taken for lines of claims. Else: rows: claims.")


def _describe_corrections(sample: FileSample, draft: _Draft) -> None:
    """`frequency_code`, where the file has such codes and the claims that they are about."""
    if "replaces" in draft.columns:
        for column in sample.columns.values():
            if re.fullmatch(names.FREQUENCY_CODE, column.plain) and mostly(column.texts, r"0?[1-9](\.0)?"):
                draft.keys["frequency_code"] = {"column": column.name}
                return


def _describe_dates(sample: FileSample, draft: _Draft, further: list[str]) -> None:
    """`dates`: of the mapped columns and of the features `further`."""
    mapped = {entry: draft.columns[entry] for entry in _DATE_FIELDS if entry in draft.columns}
    texts = [text for column in mapped.values() for text in sample.texts(column)]
    if not texts:
        return
    together = [text for column in [*mapped.values(), *further] for text in sample.texts(column)]
    formats = date_formats(together)
    dates: dict[str, object] = {"formats": formats}
    draft.keys["dates"] = dates
    own = {entry: date_formats(sample.texts(column)) for entry, column in mapped.items()}
    differing = {entry: forms for entry, forms in own.items() if not set(forms) <= set(formats)}
    decided = {entry: forms for entry, forms in differing.items() if not ambiguous(sample.texts(mapped[entry]), forms)}
    if decided:
        dates["of"] = decided
    if any(("%H" in form or "%I" in form) and "%z" not in form for form in formats):
        dates["timezone"] = "UTC"
        draft.notes.append("Times name no zone: UTC is a guess.")
    guess = ambiguous(together, formats)
    if guess:
        columns = ", ".join(mapped.values())
        draft.to_do.append(
            f"no row distinguishes day-first from month-first dates ({guess} is a guess) in {columns}: "
            "every day and month is at most 12. Ask where the file comes from."
        )
    if {"%d/%m/%Y", "%m/%d/%Y"} <= set(formats):
        draft.to_do.append(
            "day-first and month-first dates are mixed; ingestion refuses rows that both read, unless dates.ambiguous: "
            "first. Ask where the file comes from."
        )


def _describe_values(sample: FileSample, draft: _Draft) -> None:
    """`money`, `label`, `icd`, `identifiers` and `on_bad`."""
    if "amount" in draft.columns and (style := money(sample.texts(draft.columns["amount"]))):
        draft.keys["money"] = style
    labels = sample.texts(draft.columns.get("label", ""))
    if classes := label_texts(labels):
        draft.keys["label"] = classes
        draft.notes.append("label: every text but the one that means no fraud was taken for fraud.")
    elif {text.lower() for text in labels} - {*LabelTexts().fraud, *LabelTexts().clean}:
        draft.to_do.append("say which texts are fraud and which clean, as label: {fraud: [...], clean: [...]}")
    if "sex" in draft.columns:
        draft.notes.append(
            "sex is not proposed as a feature of its own: declare it under features where that is allowed."
        )
    codes = sample.texts(draft.columns.get("diagnosis_code", ""))
    if any(len(code) > 4 for code in codes) and _all_are(codes, IdentifierKind.ICD10):
        draft.keys["icd"] = 10
    kinds = {"provider_id": IdentifierKind.NPI, "procedure_code": IdentifierKind.HCPCS}
    typed = {}
    for entry, kind in kinds.items():
        columns = (draft.columns.get(entry, ""), *draft.fallbacks.get(entry, ()))
        if _all_are([text for column in columns for text in sample.texts(column)], kind):
            typed[entry] = str(kind)
    if typed:
        draft.keys["identifiers"] = typed
    for entry in ("birth_date", "service_to", "age_years"):
        texts = sample.texts(draft.columns.get(entry, ""))
        fits = is_date if entry != "age_years" else _is_age
        if texts and not all(fits([text]) for text in texts):
            draft.features.on_bad[entry] = "flag"
    if draft.features.on_bad:
        draft.keys["on_bad"] = draft.features.on_bad


def _all_are(texts: list[str], kind: IdentifierKind) -> bool:
    try:
        for text in set(texts):
            normalize_identifier(text, kind)
    except InvalidIdentifier:
        return False
    return bool(texts)


def suggest(path: Path) -> Suggestion:
    """Draft a mapping. Of the file's values only the classes of the label are shown, and patterns of others.

    Raises `SourceError` where the file cannot be read.
    """
    table = open_table(path)
    sample, draft = sampled(table), _Draft()
    _pick(sample, draft)
    _by_content(sample, draft)
    _date_parts(sample, draft)
    _describe_claims(sample, draft)
    _describe_corrections(sample, draft)
    labels = draft.columns.get("label", "")
    fraud = {*LabelTexts().fraud, *((label_texts(sample.texts(labels)) or {}).get("fraud", []))}
    frauds = {
        row
        for row, text in zip(sample.positions.get(labels, []), sample.texts(labels), strict=True)
        if text in fraud or text.lower() in fraud
    }
    free = [column for column in sample.columns.values() if column.name not in draft.used()]
    fields = {entry: sample.columns[column] for entry, column in draft.columns.items()}
    draft.features = propose_features(free, fields, frauds, sample.positions)
    dated = [draft.columns[entry] for entry in DATED if entry in draft.columns]
    if dated:
        leave_out_clocks(sample, dated[0], draft.features)
    _describe_dates(sample, draft, [entry["column"] for entry in draft.features.entries.values()
                                    if entry["type"] == "date"])  # fmt: skip
    _describe_values(sample, draft)
    draft.windows = propose_windows(sample, draft.columns, draft.features, len(frauds))
    if draft.windows.delay is not None:
        draft.keys["label_known_after_days"] = draft.windows.delay
        draft.notes.append(draft.windows.note)
    _list_what_is_missing(draft, path)
    for name in sample.unusable:
        draft.features.left_out[name or "(a column without a name)"] = "its name is empty, repeated or too long"
    draft.features.left_out |= table.nested
    used = draft.used() | {column: field for field, parts in _parts(draft).items() for column in parts.values()}
    used |= {entry["column"]: name for name, entry in draft.features.entries.items() if "column" in entry}
    for column in used:
        draft.features.left_out.pop(column, None)  # a constant year is still part of the date
    return Suggestion(_text(path, table, sample, draft), used, draft.features.left_out, draft.to_do)


def _parts(draft: _Draft) -> dict[str, dict[str, str]]:
    found = draft.keys.get("date_parts")
    return found if isinstance(found, dict) else {}


def _list_what_is_missing(draft: _Draft, path: Path) -> None:
    constants = {}
    if "amount" not in draft.columns:
        draft.to_do.append("no column looks like the amount; map `amount`. Until then every claim has the amount 1.00.")
        constants["amount"] = "1"
    if not set(DATED) & set(draft.columns) and "date_parts" not in draft.keys:
        draft.to_do.append(
            f"no column looks like a date; map one of {', '.join(DATED)}, and say dates.formats. Until then every "
            "claim was received on one day: none has a history, and the test is not later than the training."
        )
        constants["received_at"] = _day_of(path).isoformat()
    if constants:
        draft.keys["constants"] = constants
    if "label" not in draft.columns:
        draft.to_do.append("no column looks like the label; without `label` nothing can be trained.")


def _day_of(path: Path) -> date:
    """The day on which a file was last changed, so that its draft is the same on every later day; not after today."""
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return receipt_day(min(changed, clock.now()), ZoneInfo(settings().time_zone))


def _text(path: Path, table: SourceTable, sample: FileSample, draft: _Draft) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.split(".")[0].lower()).strip("-")[:40] or "claims"
    lines = [f"# {path.name}: {len(table.header)} columns, {table.encoding}, separated by {table.delimiter!r}"]
    lines += [f"# {note}" for note in draft.notes]
    lines += [f"# To do: {note}" for note in draft.to_do]
    lines.append(f"name: {_scalar(name)}")
    if "rows" in draft.keys:
        lines.append(f"rows: {draft.keys.pop('rows')}")
    lines.append("columns:" if draft.columns else "columns: {}")
    for entry, column in draft.columns.items():
        further = [_scalar(name) for name in draft.fallbacks.get(entry, ())]
        sources = f"[{', '.join([_scalar(column), *further])}]" if further else _scalar(column)
        lines.append(f"  {entry}: {sources}  # {draft.reasons[entry]}")
    if draft.keys:
        lines.append(yaml.safe_dump(draft.keys, sort_keys=False, allow_unicode=True, width=110).rstrip())
    if draft.features.entries:
        lines.append("features:")
        for feature, declared in draft.features.entries.items():
            body = yaml.safe_dump(declared, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
            lines.append(f"  {feature}: {body.strip()}  # {draft.features.reasons[feature]}")
    if draft.windows.entries:
        lines.append("windows:")
        for window, window_entry in draft.windows.entries.items():
            body = yaml.safe_dump(window_entry, default_flow_style=True, sort_keys=False, width=10_000)
            lines.append(f"  {window}: {body.strip()}  # {draft.windows.reasons[window]}")
    for column, why in draft.features.left_out.items():
        shown = f" ({_shapes(sample.texts(column))})" if sample.texts(column) else ""
        lines.append(f"# Left out: {' '.join(column.split())[:LONGEST_NAME]}: {why}{shown}")
    lines.append("# Without a column: " + ", ".join(entry for entry in FIELDS if entry not in draft.columns))
    return "\n".join([*lines, ""])


def _scalar(text: str) -> str:
    """A text as YAML, on one line."""
    return yaml.safe_dump([text], default_flow_style=True, allow_unicode=True, width=10_000).strip()[1:-1]


def _shapes(texts: list[str]) -> str:
    """Up to three shapes of values."""
    return ", ".join(list(dict.fromkeys(shape(text)[:24] for text in texts[:50]))[:3]) or "empty"
