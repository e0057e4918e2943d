"""What the texts of a column look like: dates and their formats, amounts, numbers, labels, categories."""

import re

from pipelines.ingest.formats import LabelTexts, Sexes

DATES: tuple[tuple[str, str], ...] = (
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


_ANY_DATE = re.compile("|".join(f"(?:{pattern})" for _, pattern in DATES))
_CLEAN = re.compile(r"(no|not|non)[ _-]?(a[ _-])?fraud\w*|none|genuine|legit\w*|clean|normal|valid|honest")
MAX_CLASSES = 20


def mostly(texts: list[str], pattern: str) -> bool:
    return bool(texts) and sum(bool(re.fullmatch(pattern, text)) for text in texts) >= 0.9 * len(texts)


def is_date(texts: list[str]) -> bool:
    """Whether four of five texts are dates; they may be of several formats."""
    return bool(texts) and sum(_ANY_DATE.fullmatch(text) is not None for text in texts) >= 0.8 * len(texts)


def is_amount(texts: list[str]) -> bool:
    return mostly(
        texts, r"\(?[+-]?[^\d\s(]{0,4}\s?[+-]?\d[\d.,' \u00a0\u202f]*([eE][+-]?\d{1,2})?\s?[^\d\s]{0,4}\)?"
    ) and not is_date(texts)


def is_label(texts: list[str]) -> bool:
    """Whether the texts are the two classes of a label, or kinds of fraud beside a text that means none."""
    known = {*LabelTexts().fraud, *LabelTexts().clean}
    lower = {text.lower() for text in texts}
    few = len(lower - known) <= 2 and len(lower) <= 4
    return bool(texts) and (few or (len(lower) <= MAX_CLASSES and any(map(_CLEAN.fullmatch, lower))))


def label_texts(texts: list[str]) -> dict[str, list[str]] | None:
    """Which texts are fraud and which clean, where the defaults do not say and one text means no fraud; else None."""
    found = sorted(set(texts))
    clean = [text for text in found if _CLEAN.fullmatch(text.lower()) or text.lower() in LabelTexts().clean]
    if not {text.lower() for text in found} - {*LabelTexts().fraud, *LabelTexts().clean} or not clean:
        return None
    return {"fraud": [text for text in found if text not in clean], "clean": clean}


def is_sex(texts: list[str]) -> bool:
    """Whether the default texts of the mapping cover all."""
    known = {*Sexes().F, *Sexes().M, *Sexes().unknown}
    return bool(texts) and {text.lower() for text in texts} <= known


def number_style(texts: list[str]) -> dict[str, str] | None:
    """The separators of numbers (empty for the defaults); None where they are not plain numbers."""
    if mostly(texts, r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"):
        return {}
    for decimal, thousands in ((".", ","), (",", "."), (",", ""), (",", " ")):
        group = f"[{thousands}]" if thousands else ""
        whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d+)" if group else r"\d+"
        if mostly(texts, rf"[+-]?{whole}([{decimal}]\d+)?"):
            return {"decimal": decimal} | ({"thousands": thousands} if thousands else {})
    return None


def date_formats(texts: list[str]) -> list[str]:
    """The formats of the texts; where day and month are ambiguous, the first of the two that fits every text."""
    formats: list[str] = []
    for form, pattern in DATES:
        matching = [text for text in texts if re.fullmatch(pattern, text)]
        if len(matching) < 0.05 * len(texts) or not matching:
            continue
        if form.startswith(("%d/%m", "%m/%d")):
            place = 0 if form.startswith("%d") else 1
            months = [int(re.split(r"\D", text)[1 - place]) for text in matching]
            if max(months) > 12 or any(re.sub("[dm]", "", form) == re.sub("[dm]", "", other) for other in formats):
                continue
        formats.append(form)
    return formats or _both_orders(texts)


def _both_orders(texts: list[str]) -> list[str]:
    """Every format of the texts, where day-first and month-first dates are mixed."""
    return [form for form, pattern in DATES if any(re.fullmatch(pattern, text) for text in texts)]


def ambiguous(texts: list[str], formats: list[str]) -> str | None:
    """The first format in which day and month could be exchanged in every text; `None` where a text decides."""
    patterns = dict(DATES)
    for form in formats:
        if form.startswith(("%d/%m", "%m/%d", "%d-%m", "%d.%m")):
            matching = [text for text in texts if re.fullmatch(patterns[form], text)]
            if all(int(part) <= 12 for text in matching for part in re.split(r"\D", text)[:2]):
                return form
    return None


def money(texts: list[str]) -> dict[str, object]:
    """The keys of `money` that differ from their defaults."""
    found: dict[str, object] = {}
    texts = [re.sub("[\u00a0\u202f]", " ", text) for text in texts if not re.search(r"\d[eE][+-]?\d{1,2}$", text)]
    symbols = {match.group() for text in texts for match in re.finditer(r"[^\d.,' ()+-]+", text)}
    if symbols:
        found["symbols"] = sorted(symbols)
    bare = [re.sub(r"[^\d.,' ]", "", text).strip() for text in texts]
    comma = sum(bool(re.search(r",\d{1,2}$", text)) for text in bare)
    point = sum(bool(re.search(r"\.\d{1,2}$", text)) for text in bare)
    if comma > point:
        found["decimal"] = ","
    decimal = str(found.get("decimal", "."))
    for separator in (",", ".", " ", "'"):
        if separator != decimal and any(re.search(rf"\d{re.escape(separator)}\d{{3}}(\D|$)", text) for text in bare):
            found["thousands"] = separator
            break
    if any(re.search(rf"{re.escape(decimal)}\d{{2}}\d*[1-9]\d*$", text) for text in bare):
        found["round"] = True
    return found
