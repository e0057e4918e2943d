"""What the home says about its models, for the page about models: read on request, in a thread, within limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Final, TypeVar

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from claims.model_report import (
    MODEL_REPORT,
    MODELS_PATH,
    MOST_DAYS,
    MOST_ENTRIES,
    CalibrationPoint,
    DriftDay,
    DriftHistory,
    GateLine,
    MeasuredFigure,
    ModelReport,
    ReportedModel,
    TrailEntry,
)
from models.artefact import Pointer, document_of, models_folder, read_pointer
from models.errors import ModelError

LARGEST_FILE: Final = 16 * 1024 * 1024
"""A larger report or trail is not read."""
_FIGURES: Final[Mapping[str, str]] = {
    "ap": "average precision",
    "auc": "AUC",
    "precision_at_k": "precision at capacity",
    "dollars_at_k": "dollars at capacity",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
"""Metrics of an evaluation → their names."""
_CONFIG: Final = ConfigDict(cache_strings="keys", extra="ignore")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric with its interval."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The parts of `evaluation.json` that are reported."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    claims: int
    window: Mapping[str, object]
    rankings: Mapping[str, Mapping[str, _Metric | float | None]]
    calibration: Sequence[CalibrationPoint]


def _gate_lines(gates: Mapping[str, Mapping[str, str]]) -> list[GateLine]:
    """The gates of a line of `promotions.jsonl`, which has them by name."""
    return [GateLine(name, gate["outcome"], gate["detail"]) for name, gate in gates.items()]


@dataclass(frozen=True, slots=True)
class _Entry(TrailEntry):
    """A line of `promotions.jsonl`."""

    gates: Annotated[Sequence[GateLine], BeforeValidator(_gate_lines)] = ()


@dataclass(frozen=True, slots=True)
class _Day(DriftDay):
    """A day of `drift.json`, which lists its alarms."""

    alarms: Annotated[int, BeforeValidator(len)] = 0


@dataclass(frozen=True, slots=True)
class _Drift(DriftHistory):
    """`drift.json`."""

    days: Sequence[_Day]


_EVALUATION: Final = TypeAdapter(_Evaluation)
_ENTRY: Final = TypeAdapter(_Entry)
_DRIFT: Final = TypeAdapter(_Drift)


class ModelReportMiddleware:
    """ASGI middleware; answers `MODELS_PATH` with what `report` returns, one request at a time."""

    def __init__(self, app: ASGIApp, report: Callable[[], Awaitable[bytes]]) -> None:
        self._app = app
        self._report = report
        self._one = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != MODELS_PATH:
            await self._app(scope, receive, send)
            return
        async with self._one:
            body = await self._report()
        await Response(body, media_type="application/json")(scope, receive, send)


async def report_of(home: Path) -> bytes:
    """The report of a home as JSON."""
    return await asyncio.to_thread(lambda: MODEL_REPORT.dump_json(model_report(home)))


def model_report(home: Path) -> ModelReport:
    """Read models with a role, trail and drift; what cannot be read is named in `problems`, without its path."""
    problems: list[str] = []
    return ModelReport(
        models=_models(home, problems),
        trail=_trail(models_folder(home) / "promotions.jsonl", problems),
        drift=_drift(home / "reports" / "drift.json", problems),
        problems=problems,
    )


def _models(home: Path, problems: list[str]) -> list[ReportedModel]:
    try:
        champion, challenger = read_pointer(home), read_pointer(home, "challenger")
    except ModelError:
        problems.append("a pointer to a model that serves cannot be read; `ginja model list` says why")
        return []
    roles: dict[str, list[str]] = {}
    for pointer, role in ((champion, "champion"), (challenger, "challenger")):
        if pointer is not None:
            roles.setdefault(pointer.version, []).append(role)
    if champion is not None and champion.previous is not None:
        roles.setdefault(champion.previous.version, []).append("previous champion")
    return [_model(home, version, named, challenger, problems) for version, named in roles.items()]


def _model(
    home: Path, version: str, roles: list[str], challenger: Pointer | None, problems: list[str]
) -> ReportedModel:
    document = document_of(home, version)
    if document is None:
        return ReportedModel(version, roles, "its files are missing, or do not match its manifest")
    evaluation = _read(
        home / "reports" / version / "evaluation.json", f"the evaluation of {version}", _EVALUATION, problems
    )
    choice = document.threshold_choice
    return ReportedModel(
        version=version,
        roles=roles,
        described=document.described,
        use=document.use_name,
        dataset=str(document.provenance.get("dataset", "")),
        features=document.features,
        left_out=document.left_out,
        threshold=document.threshold,
        threshold_by=", ".join(part for part in (choice.how, choice.by, choice.why) if part),
        base_rate=document.base_rate,
        canary_share=challenger.canary_share if challenger is not None and challenger.version == version else 0.0,
        evaluated_on="" if evaluation is None else _evaluated_on(evaluation),
        figures=[] if evaluation is None else _figures(evaluation),
        calibration=[] if evaluation is None else evaluation.calibration,
    )


def _evaluated_on(found: _Evaluation) -> str:
    return f"{found.claims:,} claims, {found.window.get('from')} to {found.window.get('until')}"


def _figures(found: _Evaluation) -> list[MeasuredFigure]:
    ranking = found.rankings.get("model", {})
    measured = {name: ranking.get(key) for key, name in _FIGURES.items()}
    return [
        MeasuredFigure(name, one.value, one.low, one.high) for name, one in measured.items() if isinstance(one, _Metric)
    ]


def _trail(path: Path, problems: list[str]) -> list[TrailEntry]:
    entries: list[TrailEntry] = []
    for line in reversed(_content(path, "the trail of promotions", problems).splitlines()[-MOST_ENTRIES:]):
        try:
            found = _ENTRY.validate_json(line)
        except ValidationError:
            problems.append("an entry of the trail of promotions cannot be read")
            continue
        entries.append(found)
    return entries


def _drift(path: Path, problems: list[str]) -> DriftHistory | None:
    found = _read(path, "the drift report", _DRIFT, problems)
    return None if found is None else replace(found, days=found.days[-MOST_DAYS:])


def _read(path: Path, what: str, adapter: TypeAdapter[T], problems: list[str]) -> T | None:
    """A file as its type; `None` where there is none, and with a problem where it is not of that type."""
    content = _content(path, what, problems)
    if not content:
        return None
    try:
        return adapter.validate_json(content)
    except ValidationError:
        problems.append(f"{what} cannot be read, or is of another version")
        return None


def _content(path: Path, what: str, problems: list[str]) -> bytes:
    """A file's content; empty where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return b""
    except OSError:
        content = b""
        problems.append(f"{what} cannot be read")
    if len(content) > LARGEST_FILE:
        problems.append(f"{what} is larger than {LARGEST_FILE:,} bytes")
        return b""
    return content
