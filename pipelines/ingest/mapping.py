"""The mapping: how the columns of a claims file become our fields. YAML, validated before a row is read."""

from difflib import get_close_matches
from typing import Literal, cast

from pydantic import Field, model_validator

from claims.attributes import MAX_ATTRIBUTES, MAX_VALUES, Attribute, AttributeName, feature_name, window_attributes
from claims.identifiers import IdentifierKind
from claims.windows import CLAIM_KEYS, MAX_WINDOWS, EntityWindow
from core.settings import settings
from features.vector import FEATURE
from pipelines.ingest.expression import Expression, columns_of, parse_expression
from pipelines.ingest.formats import (
    AmountField,
    AttributeColumn,
    Column,
    Csv,
    DateField,
    DateParts,
    Dates,
    FrequencyCode,
    IdentifierKinds,
    LabelTexts,
    Money,
    OnBad,
    PartedField,
    Sexes,
    StrictModel,
    Text,
)

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
    "diagnosis_count": "Number of diagnoses, for files that state it.",
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
    "label_source": "Who states the label, such as a department; without a column: `file`.",
    "label_known_at": "When the truth became known.",
}
"""Our fields, and what each means."""

AFTERWARDS = ("label", "label_kind", "label_source", "label_known_at", "voided_at")
"""Fields that reveal what became of the claim."""
INVALID = "_invalid"
"""Suffix of the attribute that `on_bad: flag` adds."""
_LONGEST_NAME = 40
REQUIRED = ("amount",)
DATED = ("received_at", "service_to", "service_from")
"""At least one of these must be mapped."""


class Mapping(StrictModel):
    """One kind of claims file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    description: str = ""
    source_url: str | None = Field(None, pattern=r"^(https?|s3)://\S+$", max_length=1_000)
    """Where the file comes from; runs in MLflow link to it."""
    rows: Literal["claims", "lines"] = "claims"
    csv: Csv = Csv()
    missing: tuple[Text, ...] = ("", "NA", "N/A", "NULL", "null", "None", "nan", "NaN")
    columns: dict[str, Column | tuple[Column, ...]]
    """Our field → their column, or several of which the first with a value counts."""
    date_parts: dict[PartedField, DateParts] = Field(default_factory=dict)
    """Our date field → the columns it is put together from."""
    expressions: dict[AmountField, Expression] = Field(default_factory=dict)
    """Our amount → arithmetic over columns, computed exactly and rounded half up to cents once, at the end."""
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
    windows: dict[AttributeName, EntityWindow] = Field(default_factory=dict, max_length=MAX_WINDOWS)
    """Window → what is computed of the earlier claims of an entity."""
    label_known_after_days: int | None = Field(None, ge=0, le=3_650)
    """For a file without label dates: how many days after receipt the outcome of a claim is known."""
    frequency_code: FrequencyCode | None = None
    """The column that says which rows void or replace another claim; without it, each with a value of `replaces`
    replaces that claim.
    """
    identifiers: IdentifierKinds = IdentifierKinds()
    on_bad: dict[str, OnBad] = Field(default_factory=dict)
    """Field or attribute → what an invalid value does: reject its row (default), become null, or become null and set
    the boolean attribute `NAME_invalid`.
    """

    def nulls(self, name: str) -> bool:
        """Whether an invalid value of a field, or of an attribute as `features.NAME`, becomes null."""
        return self.on_bad.get(name.removeprefix("features."), "reject") != "reject"

    def flagged(self, attribute: str) -> str | None:
        """The field or attribute of which an attribute says that its value was invalid."""
        name = attribute.removesuffix(INVALID)
        return name if name != attribute and self.on_bad.get(name) == "flag" else None

    def dates_of(self, field: str) -> Dates:
        """How the dates of a field are written."""
        if field in self.date_parts:
            return self.dates.model_copy(update={"formats": ("%Y-%m-%d",)})
        own = {**self.dates.of}.get(cast("DateField", field))
        return self.dates if own is None else self.dates.model_copy(update={"formats": own})

    def identifier_kind(self, field: str) -> IdentifierKind | None:
        """What kind of identifier a field holds; None for other fields."""
        icd = {9: IdentifierKind.ICD9, 10: IdentifierKind.ICD10}
        kinds = {
            "claim_id": IdentifierKind.ID,
            "member_id": IdentifierKind.ID,
            "provider_id": IdentifierKind(self.identifiers.provider_id or IdentifierKind.ID),
            "procedure_code": IdentifierKind(self.identifiers.procedure_code or IdentifierKind.PROCEDURE),
            "diagnosis_code": icd[self.icd] if self.icd else IdentifierKind.DIAGNOSIS,
            "place_of_service": IdentifierKind.PLACE_OF_SERVICE,
            "replaces": IdentifierKind.ID,
        }
        return kinds.get(field)

    @property
    def dated(self) -> bool:
        """Whether the file has a date of receipt or service; otherwise a constant is the day of every claim."""
        return bool(set(DATED) & (set(self.columns) | set(self.date_parts)))

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
        for key, composed in (("date_parts", set(self.date_parts)), ("expressions", set(self.expressions))):
            twice = sorted(composed & (set(self.columns) | set(self.constants)))
            if twice:
                raise ValueError(f"{twice[0]!r} is both under {key} and under columns or constants")
        for field in REQUIRED:
            if field not in {*self.columns, *self.expressions, *self.constants}:
                raise ValueError(f"columns must map {field!r}: {FIELDS[field]}")
        if not set(DATED) & (set(self.columns) | set(self.date_parts) | set(self.constants)):
            raise ValueError(
                f"columns must map at least one of {', '.join(DATED)}: training uses earlier claims and testing later "
                "ones. For a file without any date state the day it is of, such as constants: {received_at: "
                "2024-06-30}; then claims have no history, and the test is not later than the training"
            )
        if self.rows == "lines" and "claim_id" not in self.columns:
            raise ValueError("a file with a row per line must map claim_id")
        if self.frequency_code is not None and "replaces" not in self.columns:
            raise ValueError("frequency_code needs columns to map replaces: the claim that a row voids or replaces")
        if self.label_of == "provider" and "provider_id" not in self.columns:
            raise ValueError("label_of: provider requires columns to map provider_id")
        if self.label_known_after_days is not None and "label_known_at" in self.columns:
            raise ValueError("label_known_after_days: columns maps label_known_at, which states when labels are known")
        self._check_features()
        self._check_on_bad()
        self._check_windows()
        return self

    def _check_windows(self) -> None:
        for name, window in self.windows.items():
            if window.key in CLAIM_KEYS and window.key not in self.columns:
                raise ValueError(f"windows.{name}.key: columns does not map {window.key!r}")
            if not self.dated:
                raise ValueError(f"windows.{name}: the file has no dates, so no claim is earlier than another")
        if len(self.attributes) > MAX_VALUES:
            raise ValueError(
                f"features and the values of windows are {len(self.attributes)}, and {MAX_VALUES} are the most: leave "
                "out lengths or columns"
            )

    @property
    def attributes(self) -> dict[str, Attribute]:
        """Attribute → declaration: of `features`, then of the values of `windows`."""
        own = {name: column.attribute for name, column in self.features.items()}
        return own | window_attributes(self.windows, own)

    def _check_on_bad(self) -> None:
        """Refuse what must have a value, and declare the attributes that flags become."""
        for name, what in self.on_bad.items():
            sources = self.sources(name) if name in FIELDS else self.attribute_sources(name)
            if not sources:
                raise ValueError(f"on_bad: {name!r} is neither a mapped field nor a feature with a column")
            if what != "reject" and name in (*REQUIRED, "claim_id", "line", "diagnoses"):
                raise ValueError(f"on_bad: a claim requires {name!r}, so an invalid one rejects its row")
            if what == "flag":
                if name in AFTERWARDS:
                    raise ValueError(
                        f"on_bad: {name!r} is known only after the decision, so it cannot become a feature"
                    )
                self._declare_flag(name, sources)

    def _declare_flag(self, name: str, sources: tuple[str, ...]) -> None:
        flag = name + INVALID
        declared = AttributeColumn.model_validate(
            {
                "type": "boolean",
                "meaning": f"Invalid {name.replace('_', ' ')}",
                "of": "line" if self.rows == "lines" else "claim",
                "column": sources,
            }
        )
        if len(flag) > _LONGEST_NAME or self.features.get(flag, declared) != declared:
            raise ValueError(f"on_bad: {flag!r} is not free, or is longer than {_LONGEST_NAME} characters")
        object.__setattr__(self, "features", {**self.features, flag: declared})

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
        if field in self.date_parts:
            return self.date_parts[field].columns
        if field in self.expressions:
            return columns_of(parse_expression(self.expressions[field]))
        found = self.columns.get(field, ())
        return (found,) if isinstance(found, str) else found

    def attribute_sources(self, name: str) -> tuple[str, ...]:
        """The columns of the file for one attribute; empty for a claim field."""
        return self.features[name].sources if name in self.features else ()

    def all_sources(self) -> tuple[str, ...]:
        """Every column the mapping reads, once, in order."""
        fields = (*self.columns, *self.date_parts, *self.expressions)
        mapped = [column for field in fields for column in self.sources(field)]
        own = [column for name in self.features for column in self.attribute_sources(name)]
        code = [] if self.frequency_code is None else [self.frequency_code.column]
        return tuple(dict.fromkeys([*mapped, *code, *own]))

    def absent(self) -> list[str]:
        """Our fields that this kind of file does not have."""
        have = {*self.columns, *self.date_parts, *self.expressions, *self.constants}
        return [field for field in FIELDS if field not in have]
