"""The mapping: how the columns of a claims file become our fields. YAML, validated before a row is read."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from claims.attributes import MAX_ATTRIBUTES, Attribute, AttributeName, AttributeType, feature_name
from core.settings import settings
from features.vector import FEATURE
from pipelines.ingest.errors import MappingError

FIELDS: dict[str, str] = {
    "claim_id": "Identifies the claim; without it, the line number does.",
    "line": "Number of the line within the claim, for files with a row per line.",
    "received_at": "When the insurer got the claim; without it, the last day of service.",
    "service_from": "First day of service; without it, the last.",
    "service_to": "Last day of service; without it, the first, or the day of receipt.",
    "member_id": "Who was treated.",
    "provider_id": "Who bills.",
    "procedure_code": "What was done.",
    "diagnosis_code": "The principal diagnosis.",
    "diagnoses": "Further diagnoses: a list of columns, counted where not empty.",
    "place_of_service": "CMS two-digit code.",
    "region": "Where the provider is.",
    "specialty": "The provider's specialty.",
    "age_years": "Age of the member on the first day of service.",
    "birth_date": "The member's birth date, where there is no age.",
    "sex": "F or M, by the table `sex`.",
    "amount": "What is billed, read as `money` says.",
    "units": "Units of service.",
    "lines": "Number of lines, for files with a row per claim.",
    "benefit_limit": "The plan's yearly limit, read as `money` says.",
    "voided_at": "When the claim was withdrawn.",
    "replaces": "The claim this one corrects.",
    "label": "Whether it is fraud, by the table `label`.",
    "label_kind": "The kind of fraud.",
    "label_known_at": "When the truth became known.",
}
"""Our fields, and what each means."""

MAX_MAPPING_BYTES = 262_144
MAX_SCALAR = 1_000
MAX_DEPTH = 16
_MARKS = frozenset((*"aAbBcdfgGHIjmMnpSuUVwWxXyYzZ%", "-d", "-m", "-y", "-H", "-I", "-M", "-S", "-j"))
"""The format specifiers of DuckDB's `strptime`."""

AFTERWARDS = ("label", "label_kind", "label_known_at", "voided_at")
"""Fields that reveal what became of the claim."""
REQUIRED = ("amount",)
DATED = ("received_at", "service_to", "service_from")
"""At least one of these must be mapped."""


def _text(value: object) -> object:
    # YAML reads 1, 1.0 and yes as numbers and booleans; in the file they are text.
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _column(value: object) -> object:
    # As the header is read: spaces around a name, and how many lie within, do not count.
    return " ".join(value.split()) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Column = Annotated[str, BeforeValidator(_column)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Csv(_Strict):
    """Format of the file; what is not stated is detected from its first megabyte."""

    delimiter: str | None = Field(None, min_length=1, max_length=1, pattern=r'^[^"\r\n]$')
    encoding: str | None = None


class Dates(_Strict):
    """`formats` as in strptime, tried in order; `timezone` is that of times without one."""

    formats: tuple[str, ...] = (
        "%Y-%m-%d",
        *(f"%Y-%m-%d{gap}%H:%M:%S{fraction}{zone}" for zone in ("%z", "") for gap in "T " for fraction in ("", ".%f")),
    )
    timezone: str | None = None

    @model_validator(mode="after")
    def _known_zone(self) -> "Dates":
        if self.timezone is not None and self.timezone not in available_timezones():
            raise ValueError(f"unknown timezone {self.timezone!r}; use a name such as UTC or Africa/Nairobi")
        if not self.formats:
            raise ValueError("dates.formats must name at least one format")
        for form in self.formats:
            unknown = [mark for mark in re.findall("%(-?.?)", form, re.DOTALL) if mark not in _MARKS]
            if unknown:
                raise ValueError(
                    f"dates.formats: %{unknown[0]} in {form!r} is not a strptime mark; use such as %Y-%m-%d"
                )
        return self


class Money(_Strict):
    """Format of amounts. They are read exactly; `round: true` accepts more than two decimals and rounds them."""

    unit: Literal["whole", "cents"] = "whole"
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", ""] = ""
    symbols: tuple[str, ...] = ()
    round: bool = False
    plus: tuple[Column, ...] = ()
    """Columns that are added to `amount` where they have a value, such as a deductible."""
    negative: Literal["reject", "net"] = "reject"
    """In a file with a row per line, `net` lets negative lines reduce their claim."""

    @model_validator(mode="after")
    def _different(self) -> "Money":
        if self.decimal == self.thousands:
            raise ValueError("money.decimal and money.thousands must differ")
        return self


class Sexes(_Strict):
    """Texts that mean each sex, case-insensitive."""

    F: tuple[Text, ...] = ("f", "female")
    M: tuple[Text, ...] = ("m", "male")
    unknown: tuple[Text, ...] = ("u", "unknown", "o", "other")


class LabelTexts(_Strict):
    """Texts that mean fraud and not fraud, case-insensitive; an empty label means unlabelled."""

    fraud: tuple[Text, ...] = ("1", "1.0", "y", "yes", "t", "true", "fraud", "fraudulent")
    clean: tuple[Text, ...] = ("0", "0.0", "n", "no", "f", "false", "legit", "legitimate", "not fraud", "clean")


class AttributeColumn(Attribute):
    """A column of the file that is used as a feature: the declaration of its attribute, and how it is read."""

    column: Column | tuple[Column, ...] | None = None
    """Their column, or several of which the first with a value counts; none where `field` names a claim field."""
    true: tuple[Text, ...] = Field(("1", "1.0", "y", "yes", "t", "true"), alias="yes")
    """Texts that mean true, case-insensitive."""
    false: tuple[Text, ...] = Field(("0", "0.0", "n", "no", "f", "false"), alias="no")
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", ""] = ""

    @model_validator(mode="before")
    @classmethod
    def _with_text_keys(cls, value: object) -> object:
        # YAML reads the keys yes and no as booleans.
        keys = {True: "yes", False: "no"}
        return {keys.get(key, key): entry for key, entry in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sensible(self) -> "AttributeColumn":
        if (self.column is None) == (self.field is None):
            raise ValueError("state either column (of the file) or field (a claim field that is mapped under columns)")
        if self.field is not None and self.type is not AttributeType.CATEGORY:
            raise ValueError("a claim field is read as a category: type: category")
        if self.unit and self.type is not AttributeType.NUMBER:
            raise ValueError("only a number has a unit")
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands must differ")
        return self

    @property
    def attribute(self) -> Attribute:
        """The declaration without how the column is read."""
        return Attribute.model_validate({name: getattr(self, name) for name in Attribute.model_fields})


class Mapping(_Strict):
    """One kind of claims file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    description: str = ""
    rows: Literal["claims", "lines"] = "claims"
    csv: Csv = Csv()
    missing: tuple[Text, ...] = ("", "NA", "N/A", "NULL", "null", "None", "nan", "NaN")
    columns: dict[str, Column | tuple[Column, ...]]
    """Our field → their column, or several of which the first with a value counts."""
    constants: dict[str, Text] = Field(default_factory=dict)
    """Our field → a value for every row."""
    dates: Dates = Dates()
    money: Money = Money()
    sex: Sexes = Sexes()
    label: LabelTexts = LabelTexts()
    label_of: Literal["claim", "provider"] | None = None
    """What the label belongs to; detected if not stated. A provider's label puts all its claims on one side of a split.
    """
    icd: Literal[9, 10] | None = None
    """Version of the diagnosis codes: dots are dropped and the shape is checked."""
    features: dict[AttributeName, AttributeColumn] = Field(default_factory=dict, max_length=MAX_ATTRIBUTES)
    """Attribute → a further column of the file that is used as a feature."""

    @property
    def time_zone(self) -> str:
        """The zone of the file's days: its own, else the insurer's (`GINJA_TIME_ZONE`)."""
        return self.dates.timezone or settings().time_zone

    @model_validator(mode="after")
    def _sensible(self) -> "Mapping":
        unknown = sorted((set(self.columns) | set(self.constants)) - set(FIELDS))
        if unknown:
            near = get_close_matches(unknown[0], FIELDS, n=1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown field {unknown[0]!r}; {meant}ours are {', '.join(FIELDS)}")
        both = sorted(set(self.columns) & set(self.constants))
        if both:
            raise ValueError(f"{both[0]!r} is both a column and a constant")
        for field in REQUIRED:
            if field not in self.columns:
                raise ValueError(f"columns must map {field!r}: {FIELDS[field]}")
        if not set(DATED) & set(self.columns):
            raise ValueError(
                f"columns must map at least one of {', '.join(DATED)}: training uses earlier claims "
                "and testing later ones, so a file without any date cannot be used; add the column from its source"
            )
        if self.rows == "lines" and "claim_id" not in self.columns:
            raise ValueError("a file with a row per line must map claim_id")
        if self.label_of == "provider" and "provider_id" not in self.columns:
            raise ValueError("label_of: provider requires columns to map provider_id")
        self._check_features()
        return self

    def _check_features(self) -> None:
        for name, column in self.features.items():
            if name in FEATURE or feature_name(name) in FEATURE or name == "claim_id":
                raise ValueError(f"features.{name}: a built-in feature or column has this name; choose another")
            if column.field is not None and column.field not in self.columns and column.field not in self.constants:
                raise ValueError(f"features.{name}.field: columns does not map {column.field!r}")
            if column.of == "line" and self.rows != "lines":
                raise ValueError(f"features.{name}.of: a file with a row per claim has no lines (rows: lines)")
            later = set(self.attribute_sources(name)) & {c for field in AFTERWARDS for c in self.sources(field)}
            if later:
                raise ValueError(f"features.{name}: {min(later)!r} is known only after the claim was decided")

    def sources(self, field: str) -> tuple[str, ...]:
        """The columns of the file for one of our fields; empty without any."""
        found = self.columns.get(field, ())
        return (found,) if isinstance(found, str) else found

    def attribute_sources(self, name: str) -> tuple[str, ...]:
        """The columns of the file for one attribute; empty for a claim field."""
        found = self.features[name].column or ()
        return (found,) if isinstance(found, str) else found

    def all_sources(self) -> tuple[str, ...]:
        """Every column the mapping reads, once, in order."""
        mapped = [column for field in self.columns for column in self.sources(field)]
        own = [column for name in self.features for column in self.attribute_sources(name)]
        return tuple(dict.fromkeys([*mapped, *self.money.plus, *own]))

    def absent(self) -> list[str]:
        """Our fields that this kind of file does not have."""
        have = set(self.columns) | set(self.constants)
        return [field for field in FIELDS if field not in have]


class _BoundedLoader(yaml.SafeLoader):
    """YAML whose reading is bounded by its size: without aliases, very long scalars or deep nesting.

    Aliases expand without bound, and the scanner looks at every open bracket for each token.
    """

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        if self.flow_level >= MAX_DEPTH:
            raise yaml.YAMLError(f"nested more than {MAX_DEPTH} levels deep; a mapping has at most three levels")
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed; write the value out")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR:
            raise yaml.YAMLError(f"a value has more than {MAX_SCALAR} characters")
        return super().compose_node(parent, index)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises `MappingError` naming the place that is wrong."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MAPPING_BYTES + 1)
    except OSError as error:
        raise MappingError(f"cannot read the mapping {path}: {error.strerror}") from error
    if len(raw) > MAX_MAPPING_BYTES:
        raise MappingError(f"{path} exceeds {MAX_MAPPING_BYTES:,} bytes; see docs/reference/mapping.md")
    try:
        parsed = yaml.load(raw.decode("utf-8-sig"), Loader=_BoundedLoader)  # noqa: S506 (it is a SafeLoader)
    except RecursionError:
        raise MappingError(f"{path} is nested too deeply; a mapping has at most three levels") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # what looks like a date or a number but is invalid, such as 2024-13-45
        raise MappingError(f"{path} has a value that is not valid YAML ({error}); put it in quotes") from error
    if not isinstance(parsed, dict):
        raise MappingError(f"{path} must hold a mapping with 'name' and 'columns'; see docs/reference/mapping.md")
    try:
        return Mapping.model_validate(parsed)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
        raise MappingError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from error
