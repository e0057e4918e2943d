"""Structured logging: one JSON line per event, including those of libraries, without personal data.

Names, birth dates and identifiers of members are redacted in fields, by field name, and inside text (library messages,
tracebacks, URLs), by the preceding name. Log `claim_id` to make events traceable.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

REDACTED = "[redacted]"

PERSONAL_FIELDS = frozenset(
    {
        "address",
        "beneficiary_id",
        "birth_date",
        "birthdate",
        "date_of_birth",
        "dob",
        "email",
        "family_name",
        "first_name",
        "full_name",
        "given_name",
        "last_name",
        "member",
        "member_id",
        "member_ids",
        "member_name",
        "member_number",
        "members",
        "patient",
        "patient_id",
        "patient_name",
        "person_id",
        "phone",
        "ssn",
        "subscriber",
        "subscriber_id",
    }
)
"""Fields with these names are redacted at any depth, whatever their value."""

_NAMES = "|".join(sorted(PERSONAL_FIELDS - {"address", "member", "members", "patient", "subscriber"}, key=len)[::-1])
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    # member_id='M1', "member_id": "M1", member_id=M1, Key (member_id)=(M1), names with spaces only inside quotes.
    (re.compile(rf"""(?i)\b({_NAMES})(["')\]]*\s*[:=]\s*\(?)("[^"]*"|'[^']*'|[^\s,;&"')}}\]]+)"""), rf"\1\2{REDACTED}"),
    (re.compile(r"(?i)(/(?:members|patients)/)[^/\s?\"']+"), rf"\1{REDACTED}"),
    # Input values repeated by validators and database drivers.
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), f"input_value={REDACTED}"),
    (re.compile(r"\[parameters: .*?\](?=\s*(?:\n|$|\())", re.DOTALL), f"[parameters: {REDACTED}]"),
    (re.compile(r"Failing row contains \(.*\)"), f"Failing row contains ({REDACTED})"),
)


def get_logger(room: str) -> structlog.stdlib.BoundLogger:
    """A logger for one room or module. Events are constant text; variable values go into fields."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(room)
    return logger


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Route every logger of this process, including those of libraries and uvicorn, through the JSON formatter.

    Called by each entry point; idempotent. Start uvicorn with `log_config=None`, or it restores its own handlers.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact_personal_data,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setLevel(level)  # for library loggers with a lower level than the root
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "bentoml", "mlflow", "alembic"):
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True


def redact_personal_data(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that redacts personal data in the fields and text of an event."""
    return {key: _redacted(key, value) for key, value in event.items()}


def redact(text: str) -> str:
    """Redact personal data in a text: `field=value` pairs, URLs, and messages of database drivers."""
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _redacted(key: object, value: object) -> object:
    if isinstance(key, str) and key.lower() in PERSONAL_FIELDS and value is not None:
        return REDACTED
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {inner: _redacted(inner, part) for inner, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(None, part) for part in value]
    if isinstance(value, int | float | bool | None):
        return value
    return value if isinstance(key, str) and key.startswith("_") else redact(str(value))
