"""JSON of requests by the strict reader of `formats`; what it refuses becomes a problem."""

from api.errors import FieldError, Invalid, MalformedBody
from formats.strict_json import MAX_DEPTH, MalformedJson, RefusedJson
from formats.strict_json import read as read_json

__all__ = ["MAX_DEPTH", "read"]


def read(body: bytes, *, max_depth: int = MAX_DEPTH) -> object:
    """The document in `body`: dicts, lists, text, ints, Decimals, booleans, None.

    Raises `MalformedBody` for bytes that are not JSON in UTF-8, `Invalid` for JSON with refused values.
    """
    try:
        return read_json(body, max_depth=max_depth)
    except MalformedJson as error:
        raise MalformedBody(str(error)) from None
    except RefusedJson as error:
        raise Invalid.fields([FieldError(one.path, one.message) for one in error.faults]) from None
