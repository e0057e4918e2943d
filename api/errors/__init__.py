"""Errors of the API. Each class documents itself: status, type, meaning, headers and an example.

`api/problems.py` turns an error into an RFC 9457 response, `api/openapi.py` describes each class to clients. The last
part of the type (`kind`) is stable; titles and details may change.

ApiError
├── MalformedBody      400   the body is not JSON in UTF-8
├── NotX12             400   the body is not an X12 interchange
├── Unauthorized       401   no API key, or one that is not valid
├── SignInIncomplete   401   the password is right, and a step of the sign-in is missing
├── StepUpRequired     401   the second factor was confirmed too long ago
├── SignatureRequired  401   the request is not signed
├── SignatureInvalid   401   its signature is not accepted
├── ConsentMissing     403   the stated purpose needs the member's consent
├── Forbidden          403   the API key does not have the scope, or may not do this to this claim
├── NotFound           404
├── Conflict           409   the state of the resource does not allow this
├── RequestInFlight    409   a request with this Idempotency-Key is being carried out
├── PreconditionFailed 412   the resource is not as the caller read it
├── TooLarge           413   the body exceeds the limit
├── NotJson            415   the body is not declared as JSON
├── WrongMediaType     415   the body is not declared as what the route takes
├── EncodedBody        415   the body is compressed
├── Invalid            422   valid JSON that is not a valid request; names each field
├── MemberQueueFull    429   too many claims of one member at a time
├── KeyQueueFull       429   too many requests of one key at a time
├── SignInThrottled    429   too many failed sign-ins of this login or address
├── RateLimited        429   more requests than a limit allows
├── HeadTooLarge       431   path, query and headers exceed the limit
├── InternalError      500   a defect
├── ValueUnreadable    500   a stored value cannot be decrypted: it was changed, or its key is lost
├── Overloaded         503   more requests than the API can answer in time
├── BatchQueueFull     503   batches of claims are waiting for their turn
├── KeyProviderUnavailable 503 what holds the master key cannot be asked, so nothing encrypted can be read
├── Unavailable        503   the database, or the scorer of a batch, is unavailable
│                            the database answers, or may have answered, but (`api/database/failures.py`):
├── OutcomeUnknown     503   the connection was lost during COMMIT
│   └── TaskOutcomeUnknown     of a task without a key (`api/tasks/errors.py`)
├── PoolExhausted      503   no connection was free in time
├── LockTimeout        503   another transaction holds a lock
├── StatementTimeout   503   a statement or transaction took too long
├── WriteConflict      503   a serialization failure or a deadlock
├── DatabaseFull       503   no space left on its disk
├── DatabaseMemory     503   out of memory or another resource
├── TooManyConnections 503   it accepts no more connections
├── DatabaseReadOnly   503   it accepts no writes
├── DatabaseRestarting 503   it is shutting down, starting or recovering
├── SchemaMismatch     503   its schema is older or newer than this version needs
├── DatabaseMisconfigured 503 it refuses the API's role, or there is no such database
└── DatabaseFault      503   an internal or I/O error of the database
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Self

from api.errors.base import MAX_NAMED as MAX_NAMED
from api.errors.base import PROBLEM_PAGE as PROBLEM_PAGE
from api.errors.base import ApiError as ApiError
from api.errors.base import FieldError as FieldError
from api.errors.base import retry_after
from api.errors.base import type_uri as type_uri
from api.errors.consent import ConsentMissing as ConsentMissing
from api.errors.sign_in import SignInIncomplete as SignInIncomplete
from api.errors.sign_in import SignInThrottled as SignInThrottled
from api.errors.sign_in import StepUpRequired as StepUpRequired
from api.errors.signatures import SignatureInvalid as SignatureInvalid
from api.errors.signatures import SignatureRequired as SignatureRequired


class MalformedBody(ApiError):
    """The body is not JSON in UTF-8."""

    status, kind, title = 400, "malformed", "The body is not valid JSON"
    example = "expecting value at line 1, column 1"


class NotX12(ApiError):
    """The body is not an X12 interchange, or does not declare usable delimiters."""

    status, kind, title = 400, "not-x12", "The body is not an X12 interchange"
    example = "the text does not begin with an ISA segment; send an interchange from its ISA to its IEA segment"


class Unauthorized(ApiError):
    """The request has no API key, or one that is unknown, expired or revoked."""

    status, kind, title = 401, "unauthorized", "Authentication required"
    example = "send your API key as `Authorization: Bearer gja_live_…` or as `X-API-Key`"
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})


class Forbidden(ApiError):
    """The API key does not have the scope, or may not do this to this claim."""

    status, kind, title = 403, "forbidden", "Permission denied"
    example = "a key of role investigator has no scope claims:submit; use another key"


class NotFound(ApiError):
    """No such resource, or not one this API key may see."""

    status, kind, title = 404, "not-found", "Not found"
    example = "claim not found; check its id"


class Conflict(ApiError):
    """The state of the resource does not allow this."""

    status, kind, title = 409, "conflict", "The state of the resource does not allow this"
    example = "the claim is already voided"


class RequestInFlight(ApiError):
    """A request of this client with the same Idempotency-Key is being carried out; retry to get its response."""

    status, kind, title = 409, "in-flight", "A request with this key is being carried out"
    example = "a request with this Idempotency-Key is being carried out; retry to get its response"
    headers = MappingProxyType({"Retry-After": "1"})


class PreconditionFailed(ApiError):
    """It has changed since the caller read it: its entity tag is not one of `If-Match`; nothing was stored."""

    status, kind, title = 412, "precondition-failed", "The resource has changed"
    example = "it has changed since it was read; nothing was stored; read it again and decide"


class TooLarge(ApiError):
    """The body exceeds the limit of the route."""

    status, kind, title = 413, "too-large", "The body is too large"
    example = "the body must be at most 262144 bytes; split it"


class NotJson(ApiError):
    """The body is not declared as JSON."""

    status, kind, title = 415, "not-json", "The body is not declared as JSON"
    example = "send the body as JSON with Content-Type: application/json"


class WrongMediaType(ApiError):
    """The body is not declared as the media type that the route takes."""

    status, kind, title = 415, "media-type", "The body is not declared as the media type of this route"
    example = "send the body with Content-Type: application/edi-x12"


class EncodedBody(ApiError):
    """The body is compressed; the API reads only bodies without a content coding."""

    status, kind, title = 415, "encoded-body", "The body has a content coding"
    example = "send the body uncompressed, without Content-Encoding"
    headers = MappingProxyType({"Accept-Encoding": "identity"})


class Invalid(ApiError):
    """The body, a parameter or a header is invalid; `errors` names each field."""

    status, kind, title = 422, "invalid", "Invalid request"
    example = "1 field is invalid"

    @classmethod
    def fields(cls, errors: Sequence[FieldError]) -> Self:
        """An error of one or more fields; the detail counts all of them, `errors` names the first `MAX_NAMED`."""
        if len(errors) == 1:
            return cls("1 field is invalid", errors)
        most = f"; the first {MAX_NAMED} are named" if len(errors) > MAX_NAMED else ""
        return cls(f"{len(errors)} fields are invalid{most}", errors[:MAX_NAMED])

    @classmethod
    def field(cls, field: str, message: str) -> Self:
        """An error of a single field."""
        return cls.fields([FieldError(field, message)])


class MemberQueueFull(ApiError):
    """Too many claims of one member are being submitted at a time; nothing was stored; retry."""

    status, kind, title = 429, "member-queue-full", "Too many claims of this member at a time"
    example = "too many claims of this member are being decided; nothing was stored; send them one after the other"
    headers = retry_after(1)


class KeyQueueFull(ApiError):
    """Too many requests of one API key wait for the database; nothing was stored; retry."""

    status, kind, title = 429, "key-queue-full", "Too many requests of this key at a time"
    example = "too many requests of this API key are waiting; nothing was stored; send fewer at a time"
    headers = retry_after(1)


class RateLimited(ApiError):
    """More requests than a limit allows; nothing was done; retry after `Retry-After` seconds."""

    status, kind, title = 429, "rate-limited", "Too many requests"
    example = "more than 12000 requests in 60 s (limit investigator); nothing was done; retry in 1 s"
    headers = retry_after(1)


class HeadTooLarge(ApiError):
    """Path, query and headers together exceed the limit."""

    status, kind, title = 431, "head-too-large", "The request line and headers are too large"
    example = "path, query and headers must be at most 16384 bytes together"


class InternalError(ApiError):
    """A defect in the API; it is logged under the request's id."""

    status, kind, title = 500, "failed", "Internal error"
    example = "look for req_01m86p3ap6yntdyk7shqjq4hs9 in the log"


class ValueUnreadable(ApiError):
    """A stored value cannot be decrypted: it was changed, or its key is lost. Other records are readable."""

    status, kind, title = 500, "value-unreadable", "A stored value cannot be decrypted"
    example = "the key of a member: data key 7 is missing; restore the table data_keys from a backup"


class Overloaded(ApiError):
    """The API gets more requests than it can answer in time; nothing was done; retry."""

    status, kind, title = 503, "overloaded", "Too many requests at a time"
    example = "the API gets more requests than it can answer in time; nothing was done; retry the request"
    headers = retry_after(1)


class BatchQueueFull(ApiError):
    """Too many batches wait for their turn; `position` batches are before this one; retry."""

    status, kind, title = 503, "batch-queue-full", "Batches are waiting"
    example = "4 batches are before this one; nothing was done; retry the batch"
    headers = retry_after(5)


class KeyProviderUnavailable(ApiError):
    """The service that holds the master key of personal data cannot be asked; nothing was read or stored; retry."""

    status, kind, title = 503, "key-provider-unavailable", "Key provider unavailable"
    example = "the key provider is unavailable, so encrypted data cannot be read; nothing was stored; retry the request"
    headers = retry_after(5)


class Unavailable(ApiError):
    """The database is unavailable and nothing was stored, or the scorer is unavailable for a batch; retry."""

    status, kind, title = 503, "unavailable", "Service unavailable"
    example = "the database is unavailable and nothing was stored; retry the request"
    headers = retry_after(1)


class OutcomeUnknown(ApiError):
    """The connection to the database was lost during COMMIT: the change may be stored or not. The same request sent
    again is answered as this one would have been, or carried out now; with `Prefer: respond-async` and without an
    `Idempotency-Key`, look up the task first: that response has no `Retry-After`."""

    status, kind, title = 503, "outcome-unknown", "Outcome unknown"
    example = "the database did not confirm the commit: the change may be stored or not; send the same request again"
    headers = retry_after(1)


class PoolExhausted(ApiError):
    """No database connection of the API was free in time; nothing was stored; retry."""

    status, kind, title = 503, "pool-exhausted", "No database connection is free"
    example = "no database connection was free in time; nothing was stored; retry the request"
    headers = retry_after(1)


class LockTimeout(ApiError):
    """Another transaction holds a lock on the claim or its member for too long; nothing was stored; retry."""

    status, kind, title = 503, "lock-timeout", "A lock was not released in time"
    example = "another transaction holds a lock on the claim or its member; nothing was stored; retry the request"
    headers = retry_after(2)


class StatementTimeout(ApiError):
    """A statement or transaction took longer than the limit; nothing was stored; retry."""

    status, kind, title = 503, "statement-timeout", "The database took too long"
    example = "a statement took longer than the limit; nothing was stored; retry the request"
    headers = retry_after(2)


class WriteConflict(ApiError):
    """A concurrent transaction changed the same rows; nothing was stored; retry at once."""

    status, kind, title = 503, "write-conflict", "A concurrent change was in the way"
    example = "a concurrent transaction changed the same rows; nothing was stored; retry the request"
    headers = retry_after(1)


class DatabaseFull(ApiError):
    """The disk of the database is full; nothing was stored; retry once space has been freed."""

    status, kind, title = 503, "database-full", "The disk of the database is full"
    example = "the disk of the database is full; nothing was stored; retry once space has been freed"
    headers = retry_after(30)


class DatabaseMemory(ApiError):
    """The database is out of memory or of another resource; nothing was stored; retry."""

    status, kind, title = 503, "database-memory", "The database is out of memory"
    example = "the database is out of memory or of another resource; nothing was stored; retry later"
    headers = retry_after(5)


class TooManyConnections(ApiError):
    """The database accepts no more connections; nothing was stored; retry."""

    status, kind, title = 503, "database-connections", "The database accepts no more connections"
    example = "the database has no connection left for the API; nothing was stored; retry the request"
    headers = retry_after(2)


class DatabaseReadOnly(ApiError):
    """The database accepts no writes, as during a failover; nothing was stored; retry."""

    status, kind, title = 503, "database-read-only", "The database is read-only"
    example = "the database accepts no writes, as during a failover; nothing was stored; retry later"
    headers = retry_after(5)


class DatabaseRestarting(ApiError):
    """The database is shutting down, starting or recovering; nothing was stored; retry."""

    status, kind, title = 503, "database-restarting", "The database is restarting"
    example = "the database is shutting down or starting; nothing was stored; retry the request"
    headers = retry_after(2)


class SchemaMismatch(ApiError):
    """The schema of the database does not fit this version of the API; nothing was stored; migrate it."""

    status, kind, title = 503, "database-schema", "The schema of the database does not fit"
    example = "the schema of the database does not fit this version; nothing was stored; run `ginja run migrate`"
    headers = retry_after(5)


class DatabaseMisconfigured(ApiError):
    """The database refuses the role of the API, or does not exist; nothing was stored; an operator must correct it."""

    status, kind, title = 503, "database-misconfigured", "The database refuses the API"
    example = "the database refuses the role of the API; nothing was stored; check GINJA_DATABASE_URL and its rights"
    headers = retry_after(30)


class DatabaseFault(ApiError):
    """The database reports an internal or I/O error; nothing was stored; an operator must look at its log."""

    status, kind, title = 503, "database-fault", "The database reports an internal error"
    example = "the database reports an internal error; nothing was stored; its log names the cause"
    headers = retry_after(30)


DATABASE_ERRORS: Final[tuple[type[ApiError], ...]] = (
    *(Unavailable, PoolExhausted, LockTimeout, StatementTimeout, WriteConflict, DatabaseFull, DatabaseMemory),
    *(TooManyConnections, DatabaseReadOnly, DatabaseRestarting, SchemaMismatch, DatabaseMisconfigured, DatabaseFault),
)
"""Operational failures of the database, after each of which nothing is stored."""

ERRORS: Final[tuple[type[ApiError], ...]] = (
    *(MalformedBody, NotX12, Unauthorized, SignInIncomplete, StepUpRequired, SignatureRequired, SignatureInvalid),
    *(Forbidden, ConsentMissing, NotFound, Conflict, RequestInFlight),
    *(PreconditionFailed, TooLarge),
    *(NotJson, WrongMediaType, EncodedBody, Invalid, MemberQueueFull, KeyQueueFull, SignInThrottled, RateLimited),
    *(HeadTooLarge, InternalError, ValueUnreadable, OutcomeUnknown),
    *(Overloaded, BatchQueueFull, KeyProviderUnavailable),
    *DATABASE_ERRORS,
)
"""Every error, in the order of its status."""
