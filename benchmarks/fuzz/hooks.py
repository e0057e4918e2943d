"""Hooks of Schemathesis: how bodies are sent that are neither JSON nor a form, and what a description cannot say."""

import schemathesis
from schemathesis import Case, GenerationMode, HookContext
from schemathesis.core.parameters import ParameterLocation


@schemathesis.serializer("application/edi-x12")  # type: ignore[untyped-decorator,unused-ignore]
def x12(_context: object, value: object) -> bytes:
    """X12 is text; what is generated instead of text is sent as Python shows it."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook  # type: ignore[untyped-decorator,unused-ignore]
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, object]) -> None:  # type: ignore[type-arg,unused-ignore]
    """Leave a valid `fields` out: the response then lacks fields that its schema requires, as the parameter says.

    Invalid ones are sent, and must be refused; `tests/api/test_sparse_fields.py` reads with valid ones.
    """
    query = None if case.meta is None else case.meta.components.get(ParameterLocation.QUERY)
    if case.query and (query is None or query.mode is GenerationMode.POSITIVE):  # an example, or valid in itself
        case.query.pop("fields", None)
