"""The examiner's file as data: `dossier.json`, whose JSON Schema is written beside it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_MODEL = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")


class Share(BaseModel):
    """A share of counted cases with its interval."""

    model_config = _MODEL

    count: int = Field(ge=0)
    of: int = Field(ge=0)
    share: float | None = Field(description="`count` / `of`; null: of none.")
    low: float | None = Field(description="Lower end of the 95 % Wilson interval.")
    high: float | None


class MeasuredInterval(BaseModel):
    """A measured value with its interval, as the record has it."""

    model_config = _MODEL

    value: float | None
    low: float | None
    high: float | None


class SuppressedCell(BaseModel):
    """A figure that is left out because few cases would be behind it, or because it would give such a one away."""

    model_config = _MODEL

    suppressed: Literal[True] = True


CellValue = str | int | float | bool | datetime | Share | MeasuredInterval | SuppressedCell | None
ColumnKind = Literal["text", "count", "share", "interval", "number", "instant", "duration", "hash", "day"]


class DossierColumn(BaseModel):
    """A column of a table."""

    model_config = _MODEL

    name: str = Field(description="Key of the rows.")
    title: str
    kind: ColumnKind = Field(description="`duration` is in seconds, `share` and `interval` are from 0 to 1.")


class Plot(BaseModel):
    """How the page draws a table; every value is in the table."""

    model_config = _MODEL

    kind: Literal["shares", "lines", "calibration"]
    label: str = Field(description="Column of the labels, or of the horizontal axis.")
    values: str = Field(description="Column of what is drawn.")
    series: str | None = Field(None, description="Column by which rows become lines of their own.")


class DossierTable(BaseModel):
    """Figures with the same columns."""

    model_config = _MODEL

    title: str
    columns: tuple[DossierColumn, ...]
    rows: tuple[dict[str, CellValue], ...]
    note: str | None = None
    plot: Plot | None = None


class EvidenceLink(BaseModel):
    """Where the record of an answer is."""

    model_config = _MODEL

    kind: Literal["file", "audit", "mlflow", "command", "document"]
    reference: str = Field(
        description="`file`: path in this folder; `audit`: ids of rows of the audit log; `mlflow`: id of the run; "
        "`command`: what shows it in the installation; `document`: page of the documentation."
    )
    about: str
    sha256: str | None = Field(None, description="Of a file.")


AnswerStatus = Literal["answered", "no_record", "not_knowable", "insurer"]


class DossierAnswer(BaseModel):
    """One question with what the records say."""

    model_config = _MODEL

    number: str
    question: str
    status: AnswerStatus = Field(
        description="`no_record`: nothing was recorded; `not_knowable`: what was recorded then has been overwritten; "
        "`insurer`: outside the platform, the insurer adds it."
    )
    text: str
    asked_by: tuple[str, ...] = Field((), description="Heads of laws and guidance under which it is asked.")
    tables: tuple[DossierTable, ...] = ()
    evidence: tuple[EvidenceLink, ...] = ()


class DossierSection(BaseModel):
    """Questions about one subject."""

    model_config = _MODEL

    number: int
    title: str
    answers: tuple[DossierAnswer, ...]


class Dossier(BaseModel):
    """The whole file."""

    model_config = _MODEL

    format: Literal[1] = 1
    tenant: str
    as_of: datetime = Field(description="Records from this instant on are not in it.")
    first: datetime = Field(description="Beginning of the period of what is counted.")
    time_zone: str = Field(description="Of the days that were asked for, and of months.")
    written_at: datetime
    written_by: str = Field(description="As stated or the user of the system.")
    version: str = Field(description="Of the platform that wrote it.")
    sections: tuple[DossierSection, ...]
    limits: tuple[str, ...]
