"""Draft a mapping for a new file from its header and its first rows."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from pipelines.ingest.mapping import DATED, FIELDS, LabelTexts
from pipelines.ingest.records import open_table
from pipelines.ingest.rejects import shape

_SAMPLE = 2_000
_LONGEST_NAME = 100
_LONGEST_VALUE = 200
"""Characters of a name or value that are examined: the patterns below may take quadratic time."""

_ID = r"_?(id|no|num|number|nbr|key|code|ref|npi)"
_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Our field, and the names others use, the most specific first; each is matched with the whole name.
    ("claim_id", (rf"(claim|clm){_ID}", rf"(invoice|record|transaction|encounter|bill){_ID}", "claim", "id")),
    ("line", (r"(claim_)?line_?(number|no|num|nbr)",)),
    ("label", (r"(is_?)?(potential_?)?fraud(ulent)?(_?(flag|label|ind|indicator|reported|found|yn|status))?",
               "label|target|class|y|outcome")),
    ("label_kind", (r"fraud_?(type|kind|category)",)),
    ("label_known_at", (r"(label|fraud|investigation)_?(known|closed|confirmed|decided)?_?(date|dt|at|on)",)),
    ("received_at", (r".*(receiv|rcvd|submi|filed|filing|lodg|reported).*", r"(claim|billing|bill|invoice)_?(date|dt)",
                     r"date_?of_?claim|date|timestamp")),
    ("service_from", (r"(date_?of_?service|dos)(_?(from|start))?",
                      r".*(service|srvc|svc|treatment|visit).*(date|dt|from|start).*",
                      r"(claim_?)?(start|from|begin)_?(date|dt)?", r"admi\w*_?(date|dt)")),
    ("service_to", (r".*(service|srvc|svc|treatment).*(end|to|thru|through).*",
                    r"(claim_?)?(end|to|thru|through)_?(date|dt)?",
                    r"discharge_?(date|dt)")),
    ("member_id", (rf"(member|patient|bene|beneficiary|insured|subscriber|enrollee){_ID}",
                   rf"(policy_?holder|policy|customer|person|client){_ID}", "member|patient|beneficiary")),
    ("provider_id", (rf"(billing_?)?(provider|prvdr|prov){_ID}", r"(billing|provider)_?npi|npi",
                     rf"(hospital|facility|clinic|doctor|physician|vendor|practice){_ID}", r"rendering_?npi",
                     "provider|hospital|facility|doctor")),
    ("procedure_code", (r"(procedure|proc|cpt|hcpcs)_?(code|cd)?(_?1)?", r"(service|treatment|item)_?(code|cd)",
                        r"(ms_?)?drg(_?code)?", "procedure|treatment")),
    ("diagnosis_code", (r"(principal_?|primary_?)?(diagnosis|diag|dx|icd(_?9|_?10)?)_?(code|cd)?(_?1)?",
                        r"icd_?(diagnosis|dgns|dx)_?(code|cd)?(_?1)?")),
    ("place_of_service", (r"place_?of_?service(_?(code|cd))?|pos(_?code)?",)),
    ("region", (r"(provider|hospital)_?(region|state|county|province|district|location)",
                r"region|state|county|province|district")),
    ("specialty", (r"(provider_?)?special(i)?ty(_?code)?", "department|provider_?type")),
    ("age_years", (r"(patient_?|member_?)?age(_?(years|yrs))?",)),
    ("birth_date", (r"(patient_?|member_?)?(birth_?date|date_?of_?birth|dob|birth_?day)",)),
    ("sex", (r"(patient_?|member_?)?(sex|gender)",)),
    ("amount", (r"(claim(ed)?|bill(ed)?|charged?|submitted|total_?(claim|charge)?)_?(amount|amt|charges?|cost|value)",
                r"(total_?)?(amount|amt|charges?|cost)(_?(claimed|billed|charged|submitted))?", r".*(amount|amt).*")),
    ("units", (r"(service_?)?(units?|quantity|qty)(_?(quantity|count|of_service))?",)),
    ("lines", (r"(num(ber)?_?(of_)?)?lines|line_?(count|items)",)),
    ("benefit_limit", (r".*(benefit|coverage|policy).*(limit|max|maximum|ceiling)",)),
)  # fmt: skip

_DATES: tuple[tuple[str, str], ...] = (
    ("%Y-%m-%d", r"\d{4}-\d{2}-\d{2}"),
    ("%Y/%m/%d", r"\d{4}/\d{2}/\d{2}"),
    ("%Y%m%d", r"(19|20)\d{6}"),
    ("%d/%m/%Y", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("%m/%d/%Y", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("%d-%m-%Y", r"\d{1,2}-\d{1,2}-\d{4}"),
    ("%d.%m.%Y", r"\d{1,2}\.\d{1,2}\.\d{4}"),
    ("%d-%b-%Y", r"\d{1,2}-[A-Za-z]{3}-\d{4}"),
    ("%d %b %Y", r"\d{1,2} [A-Za-z]{3} \d{4}"),
    ("%d/%m/%y", r"\d{1,2}/\d{1,2}/\d{2}"),
    ("%Y-%m-%dT%H:%M:%S%z", r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})"),
    ("%Y-%m-%d %H:%M:%S%z", r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})"),
    ("%Y-%m-%dT%H:%M:%S", r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}"),
    ("%Y-%m-%d %H:%M:%S", r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"),
    ("%Y-%m-%d %H:%M", r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}"),
    ("%d/%m/%Y %H:%M:%S", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}"),
    ("%d/%m/%Y %H:%M", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}"),
    ("%m/%d/%Y %H:%M", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}"),
    ("%m/%d/%Y %H:%M:%S", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}"),
    ("%d/%m/%Y %I:%M %p", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2} [AaPp][Mm]"),
    ("%m/%d/%Y %I:%M %p", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2} [AaPp][Mm]"),
    ("%d/%m/%Y %I:%M:%S %p", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AaPp][Mm]"),
    ("%m/%d/%Y %I:%M:%S %p", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AaPp][Mm]"),
    ("%d.%m.%Y %H:%M:%S", r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}"),
    ("%d.%m.%Y %H:%M", r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}"),
    ("%Y-%m-%d %H:%M:%S.%f", r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{1,6}"),
    ("%Y-%m-%dT%H:%M:%S.%f", r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{1,6}"),
    ("%b %d, %Y", r"[A-Za-z]{3} \d{1,2}, \d{4}"),
)
_DATE_FIELDS = ("received_at", "service_from", "service_to", "birth_date", "label_known_at")


def _pick(header: list[str], values: dict[str, list[str]]) -> dict[str, str]:
    """Our field → their column, each column used once."""
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    names = {column: _plain(column) for column in header}
    for field, patterns in _NAMES:
        fits = _FITS.get(field, bool)
        for pattern in patterns:
            found = [
                column
                for column in header
                if column not in taken and re.fullmatch(pattern, names[column]) and fits(values[column])
            ]
            if found:
                chosen[field] = found[0]
                taken.add(found[0])
                break
    return chosen


def _plain(column: str) -> str:
    """`"Is Fraud?"`, `"isFraud"` → `"is_fraud"`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()).strip("_")


def _mostly(texts: list[str], pattern: str) -> bool:
    return bool(texts) and sum(bool(re.fullmatch(pattern, text)) for text in texts) >= 0.9 * len(texts)


def _is_date(texts: list[str]) -> bool:
    return any(_mostly(texts, pattern) for _, pattern in _DATES)


def _is_amount(texts: list[str]) -> bool:
    return _mostly(
        texts, r"\(?[+-]?[^\d\s(]{0,4}\s?[+-]?\d[\d.,' \u00a0\u202f]*([eE][+-]?\d{1,2})?\s?[^\d\s]{0,4}\)?"
    ) and not _is_date(texts)


def _is_label(texts: list[str]) -> bool:
    known = {*LabelTexts().fraud, *LabelTexts().clean}
    return bool(texts) and len({text.lower() for text in texts} - known) <= 2 and len(set(texts)) <= 4


_FITS: dict[str, Callable[[list[str]], bool]] = {
    **dict.fromkeys(_DATE_FIELDS, _is_date),
    "amount": _is_amount,
    "benefit_limit": _is_amount,
    "label": _is_label,
    "age_years": lambda texts: _mostly(texts, r"\d{1,3}(\.0+)?"),
    "line": lambda texts: _mostly(texts, r"\d{1,5}"),
    "units": lambda texts: _mostly(texts, r"\d{1,6}(\.0+)?"),
    "lines": lambda texts: _mostly(texts, r"\d{1,4}(\.0+)?"),
    "place_of_service": lambda texts: _mostly(texts, r".{1,2}"),
    "procedure_code": lambda texts: _mostly(texts, r".{1,64}") and not _is_date(texts),
    "diagnosis_code": lambda texts: _mostly(texts, r".{1,64}") and not _is_date(texts),
}


def _date_formats(texts: list[str]) -> list[str]:
    """The formats of the texts; where day and month are ambiguous, the first of the two that fits every text."""
    formats: list[str] = []
    for form, pattern in _DATES:
        matching = [text for text in texts if re.fullmatch(pattern, text)]
        if len(matching) < 0.05 * len(texts) or not matching:
            continue
        if form.startswith(("%d/%m", "%m/%d")):
            place = 0 if form.startswith("%d") else 1
            months = [int(re.split(r"\D", text)[1 - place]) for text in matching]
            if max(months) > 12 or any(re.sub("[dm]", "", form) == re.sub("[dm]", "", other) for other in formats):
                continue
        formats.append(form)
    return formats


def _ambiguous(texts: list[str], formats: list[str]) -> str | None:
    """The first format in which day and month could be exchanged in every text; `None` where a text decides."""
    patterns = dict(_DATES)
    for form in formats:
        if form.startswith(("%d/%m", "%m/%d", "%d-%m", "%d.%m")):
            matching = [text for text in texts if re.fullmatch(patterns[form], text)]
            if all(int(part) <= 12 for text in matching for part in re.split(r"\D", text)[:2]):
                return form
    return None


def _money(texts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    texts = [re.sub("[\u00a0\u202f]", " ", text) for text in texts if not re.search(r"\d[eE][+-]?\d{1,2}$", text)]
    symbols = {match.group() for text in texts for match in re.finditer(r"[^\d.,' ()+-]+", text)}
    if symbols:
        found["symbols"] = sorted(symbols)
    bare = [re.sub(r"[^\d.,' ]", "", text).strip() for text in texts]
    comma = sum(bool(re.search(r",\d{1,2}$", text)) for text in bare)
    point = sum(bool(re.search(r"\.\d{1,2}$", text)) for text in bare)
    if comma > point:
        found["decimal"] = ","
    decimal = found.get("decimal", ".")
    for separator in (",", ".", " ", "'"):
        if separator != decimal and any(re.search(rf"\d{re.escape(separator)}\d{{3}}(\D|$)", text) for text in bare):
            found["thousands"] = separator
            break
    if any(re.search(rf"{re.escape(decimal)}\d{{2}}\d*[1-9]\d*$", text) for text in bare):
        found["round"] = True
    return found


def suggest_mapping(path: Path) -> str:
    """Draft a mapping (YAML), with comments on what could not be determined. No value of the file is shown, only
    patterns.

    Raises `SourceError` where the file cannot be read.
    """
    table = open_table(path)
    # A name that is empty or repeated cannot be mapped.
    times = Counter(table.header)
    header = [name for name in table.header if 0 < len(name) <= _LONGEST_NAME and times[name] == 1]
    rows = [record.values for record in islice(table.records, _SAMPLE) if record.problem is None]
    missing = {"", "NA", "N/A", "NULL", "null", "None", "nan", "NaN"}
    available = set(header)
    values = {
        column: [row[place].strip()[:_LONGEST_VALUE] for row in rows if row[place].strip() not in missing]
        for place, column in enumerate(table.header)
        if column in available
    }
    chosen = _pick(header, values)
    only = [column for column in header if column not in chosen.values() and _is_date(values[column])]
    if not set(DATED) & set(chosen) and len(only) == 1:
        chosen["received_at"] = only[0]
    draft: dict[str, Any] = {
        "name": re.sub(r"[^a-z0-9]+", "-", path.stem.split(".")[0].lower()).strip("-")[:40] or "claims"
    }
    ids = values.get(chosen.get("claim_id", ""), [])
    if ids and len(set(ids)) < len(ids):
        draft["rows"] = "lines"
    draft["columns"] = chosen
    dated = [text for field in _DATE_FIELDS if field in chosen for text in values[chosen[field]]]
    if dated:
        formats = _date_formats(dated)
        draft["dates"] = {"formats": formats}
        if any(("%H" in form or "%I" in form) and "%z" not in form for form in formats):
            draft["dates"]["timezone"] = "UTC"
    if "amount" in chosen and (money := _money(values[chosen["amount"]])):
        draft["money"] = money
    codes = values.get(chosen.get("diagnosis_code", ""), [])
    icd10 = all(re.fullmatch(r"[A-TV-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?", code.upper()) for code in codes)
    if icd10 and any(len(code) > 4 for code in codes):
        draft["icd"] = 10
    notes = [f"# {path.name}: {len(table.header)} columns, {table.encoding}, separated by {table.delimiter!r}"]
    if "rows" in draft:
        notes.append("# A claim id occurs more than once: rows were taken for lines of claims. Else: rows: claims.")
    if "dates" in draft and "timezone" in draft["dates"]:
        notes.append("# Times name no zone: UTC is a guess.")
    if "dates" in draft and (ambiguous := _ambiguous(dated, draft["dates"]["formats"])):
        notes.append(
            f"# To do: no row distinguishes day-first from month-first dates ({ambiguous} is a guess): "
            "every day and month is at most 12. Ask where the file comes from."
        )
    unused = [column for column in header if column not in chosen.values()]
    if "amount" not in chosen:
        notes.append("# To do: no column looks like the amount; map `amount`.")
    if not set(DATED) & set(chosen):
        notes.append(f"# To do: no column looks like a date; map one of {', '.join(DATED)}, and say dates.formats.")
    if "label" not in chosen:
        notes.append("# To do: no column looks like the label; without `label` nothing can be trained.")
    elif {text.lower() for text in values[chosen["label"]]} - {*LabelTexts().fraud, *LabelTexts().clean}:
        notes.append("# To do: say which texts are fraud and which clean, as label: {fraud: [...], clean: [...]}")
    absent = [field for field in FIELDS if field not in chosen]
    tail = [f"# Not used: {column} ({_shapes(values[column])})" for column in unused]
    tail += ["# Without a column: " + ", ".join(absent)]
    body = yaml.safe_dump(draft, sort_keys=False, allow_unicode=True, width=110)
    return "\n".join([*notes, body.rstrip(), *tail, ""])


def _shapes(texts: list[str]) -> str:
    """Up to three shapes of values."""
    return ", ".join(list(dict.fromkeys(shape(text)[:24] for text in texts[:50]))[:3]) or "empty"
