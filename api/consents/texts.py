"""Consents whose fields are texts, as those of a CSV file, a form or a command."""

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from api.consents.records import ConsentKind, ConsentScope
from api.consents.service import NewConsent
from api.errors import FieldError, Invalid
from api.fields import Identifier, parse_day
from api.purposes import WITH_RECORDS

_MEMBER_ID: Final = TypeAdapter[str](Identifier)


def kind_of_purpose(purpose: str) -> str:
    """What can be said about a purpose: `granted` or `objected`; of one that cannot be, which is refused by name."""
    return (ConsentKind.of(purpose) if purpose in WITH_RECORDS else ConsentKind.GRANTED).value


def consent_of_texts(texts: Mapping[str, str | None]) -> NewConsent:
    """What a member says; an empty text is one that was not sent. Raises `Invalid` with each field that is not allowed.

    Without `scope` it is `all`.
    """
    errors = []
    days = {}
    for name in ("first_day", "last_day"):
        text = texts.get(name)
        try:
            days[name] = parse_day(text) if text else None
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    for name, allowed in (("kind", ConsentKind), ("scope", ConsentScope)):
        values = [one.value for one in allowed]
        if (texts.get(name) or ("" if name == "kind" else "all")) not in values:
            errors.append(FieldError(name, f"must be one of {', '.join(values)}"))
    member_id = texts.get("member_id")
    try:
        _MEMBER_ID.validate_python(member_id)
    except ValidationError:
        errors.append(FieldError("member_id", "must be the id of a member: letters, digits and ._:-"))
    if errors:
        raise Invalid.fields(errors)
    return NewConsent(
        member_id=member_id or "",
        purpose=texts.get("purpose") or "",
        kind=ConsentKind(texts["kind"]),
        scope=ConsentScope(texts.get("scope") or "all"),
        document_sha256=texts.get("document_sha256") or None,
        document_place=texts.get("document_place") or None,
        **days,
    )
