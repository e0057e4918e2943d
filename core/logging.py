"""One JSON line per event, of ours and of the libraries', in which no member can be recognised.

Names, birth dates and identifiers of members are blotted out twice: as fields, by the name of the field, and inside
text (a library's message, a traceback, an address asked for), by what stands before them. What a person must be able
to follow is the claim: log `claim_id`.
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
"""A field of one of these names never reaches the log, whatever it holds and however deep it lies."""

_NAMES = "|".join(sorted(PERSONAL_FIELDS - {"address", "member", "members", "patient", "subscriber"}, key=len)[::-1])
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    # member_id='M1', "member_id": "M1", member_id=M1, Key (member_id)=(M1), names with spaces only inside quotes.
    (re.compile(rf"""(?i)\b({_NAMES})(["')\]]*\s*[:=]\s*\(?)("[^"]*"|'[^']*'|[^\s,;&"')}}\]]+)"""), rf"\1\2{REDACTED}"),
    (re.compile(r"(?i)(/(?:members|patients)/)[^/\s?\"']+"), rf"\1{REDACTED}"),
    # What validators and database drivers repeat of their input.
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), f"input_value={REDACTED}"),
    (re.compile(r"\[parameters: .*?\](?=\s*(?:\n|$|\())", re.DOTALL), f"[parameters: {REDACTED}]"),
    (re.compile(r"Failing row contains \(.*\)"), f"Failing row contains ({REDACTED})"),
)


def get_logger(room: str) -> structlog.stdlib.BoundLogger:
    """A logger for one room or module; its events are words, what varies goes into fields."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(room)
    return logger


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every logger of this process, the libraries' and uvicorn's included, through the JSON formatter.

    Called once by each entry point, and again without harm. Start uvicorn with `log_config=None`, or it puts its own
    handlers back.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_personal,
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
    handler.setLevel(level)  # for loggers that libraries opened wider than the root
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


def hide_personal(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that blots personal data out of an event, in its fields and in its text."""
    return {key: _hidden(key, value) for key, value in event.items()}


def redact(text: str) -> str:
    """A text without the personal data that stands in it as `field=value`, in an address, or in a driver's message."""
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _hidden(key: object, value: Any) -> Any:
    if isinstance(key, str) and key.lower() in PERSONAL_FIELDS and value is not None:
        return REDACTED
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {inner: _hidden(inner, part) for inner, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(None, part) for part in value]
    if isinstance(value, int | float | bool | None):
        return value
    return value if isinstance(key, str) and key.startswith("_") else redact(str(value))
