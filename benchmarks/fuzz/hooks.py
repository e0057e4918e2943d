"""Hooks of Schemathesis: how the bodies are sent that are neither JSON nor a form."""

import schemathesis


@schemathesis.serializer("application/edi-x12")  # type: ignore[untyped-decorator,unused-ignore]
def x12(_context: object, value: object) -> bytes:
    """X12 is text; what is generated instead of text is sent as Python shows it."""
    return value if isinstance(value, bytes) else str(value).encode()
