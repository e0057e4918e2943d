"""Headers in the API's description (OpenAPI 3.1): those of responses, and those that requests of many routes take."""

from collections.abc import Mapping
from typing import Final

from api.request_context import PURPOSE_HEADER, PURPOSES
from api.versions import CURRENT, HEADER, SUPPORTED
from core.openapi_document import HeaderObject, ParameterObject

HEADERS: Final[Mapping[str, HeaderObject]] = {
    "RequestId": {
        "description": "Identifies the request in the log.",
        "required": True,
        "schema": {"type": "string", "examples": ["req_01m86p3ap6yntdyk7shqjq4hs9"]},
    },
    "RetryAfter": {"description": "Seconds to wait before a retry.", "schema": {"type": "string", "examples": ["1"]}},
    "RateLimit": {
        "description": "What is left of a limit (draft-ietf-httpapi-ratelimit-headers-10): its name, requests (`r`), "
        "and seconds until the whole quota is available again (`t`).",
        "schema": {"type": "string", "examples": ['"claims_system";r=119850;t=1']},
    },
    "RateLimitPolicy": {
        "description": "That limit: requests (`q`) in a window of seconds (`w`).",
        "schema": {"type": "string", "examples": ['"claims_system";q=120000;w=60']},
    },
    "BatchPosition": {
        "description": "Batches that were before this one when it arrived.",
        "schema": {"type": "string", "examples": ["2"]},
    },
    "BatchWaitedMs": {
        "description": "Milliseconds that the batch waited for its turn.",
        "schema": {"type": "string", "examples": ["1500"]},
    },
    "NextAfter": {
        "description": "`after` of the next page; absent: this was the last.",
        "schema": {"type": "string", "examples": ["1200.1"]},
    },
    "MembersLeftOut": {
        "description": "Members that are left out, because the purpose of the request needs their consent or they "
        "objected to it: of the page, or of all days of an export. Absent: the purpose needs nothing of members.",
        "schema": {"type": "string", "examples": ["3"]},
    },
    "AcceptEncoding": {
        "description": "Content codings of request bodies that are read.",
        "schema": {"type": "string", "enum": ["identity"]},
    },
    "WwwAuthenticate": {"description": "The scheme to use.", "schema": {"type": "string", "examples": ["Bearer"]}},
    "AcceptSignature": {
        "description": "The signature to send (RFC 9421, section 5.1): the components of the headers that are sent, "
        "and a `nonce` that is new.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "Path of what was created.",
        "schema": {"type": "string", "examples": ["/v1/claims/clm_01m86p3ap6yntdyk7shqjq4hs9"]},
    },
    "PreferenceApplied": {
        "description": "The preference that was honoured.",
        "schema": {"type": "string", "enum": ["respond-async"]},
    },
    "ApiVersion": {
        "description": "The version of the API that answered.",
        "schema": {"type": "string", "examples": [CURRENT]},
    },
    "ETag": {
        "description": "Identifies this content of the resource, for `If-None-Match` and `If-Match`.",
        "schema": {"type": "string", "examples": ['"9f2c51d0c1b7a3e85d1f6f0e4a2b7c90"']},
    },
    "IdempotencyReplayed": {
        "description": "`true`: this is the stored response to an earlier request with the same key, or to an equal "
        "one whose outcome was unknown.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
HEADER_NAMES: Final[Mapping[str, str]] = {
    "X-Request-Id": "RequestId",
    "Retry-After": "RetryAfter",
    "RateLimit": "RateLimit",
    "RateLimit-Policy": "RateLimitPolicy",
    "WWW-Authenticate": "WwwAuthenticate",
    "Accept-Signature": "AcceptSignature",
    "Location": "Location",
    "ETag": "ETag",
    "Preference-Applied": "PreferenceApplied",
    HEADER: "ApiVersion",
    "Idempotency-Replayed": "IdempotencyReplayed",
    "Accept-Encoding": "AcceptEncoding",
    "Ginja-Batch-Position": "BatchPosition",
    "Ginja-Batch-Waited-Ms": "BatchWaitedMs",
    "Ginja-Next-After": "NextAfter",
    "Ginja-Members-Left-Out": "MembersLeftOut",
}

IDEMPOTENCY_KEY: ParameterObject = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of your choice, kept for seven days. A repeated request with the same key, path and body "
    "gets the stored response, byte for byte; the same key with another path or body is refused (422), and while the "
    "first request is being carried out (409).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    "example": "batch-17-row-4",
}


SIGNATURE_INPUT: ParameterObject = {
    "name": "Signature-Input",
    "in": "header",
    "required": False,
    "description": "RFC 9421: what the signature covers, and `created`, `keyid`, `alg`, `nonce` and `tag`. Required of "
    "API keys, unless the platform accepts unsigned requests.",
    "schema": {"type": "string"},
    "example": 'sig1=("@method" "@authority" "@path" "@query" "content-digest" "content-type");created=1772443800;'
    'keyid="2epjU_pmMQx5LhzriyJIIex0gMUnrXNsISFf8aiyv7A";alg="ed25519";nonce="CLdF3H0mNtt4rVcSBz19TQ4C";tag="ginja"',
}
SIGNATURE: ParameterObject = {
    "name": "Signature",
    "in": "header",
    "required": False,
    "description": "RFC 9421: the signature, with the label of `Signature-Input`.",
    "schema": {"type": "string"},
    "example": "sig1=:ChLVbiwP+9VJiVPctaPSf8lnoyDpNC4fdtsXgr+DILnQlj/1wYe094FtxT1hZtCrjvdktpabP+hYv7NYioVlBQ==:",
}
CONTENT_DIGEST: ParameterObject = {
    "name": "Content-Digest",
    "in": "header",
    "required": False,
    "description": "RFC 9530: SHA-256 of the body; the signature covers it.",
    "schema": {"type": "string"},
    "example": "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:",
}
IF_MATCH: ParameterObject = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the claim, case or endpoint as it was read: the change is made only if it is still "
    "the same, else the response is 412.",
    "schema": {"type": "string"},
    "example": '"9f2c51d0c1b7a3e85d1f6f0e4a2b7c90"',
}
API_VERSION: ParameterObject = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The version that the client was written for; a request for one that is not supported is 422.",
    "schema": {"type": "string", "enum": [*SUPPORTED]},
    "example": CURRENT,
}
PURPOSE_OF_USE: ParameterObject = {
    "name": PURPOSE_HEADER,
    "in": "header",
    "required": False,
    "description": "Why personal data are read or changed, a code of HL7 v3 PurposeOfUse; the audit log keeps it. "
    "Without it, the purpose is that of the key's role. For purposes that need the consent of members, a read of one "
    "without it is refused (403), and lists leave such members out.",
    "schema": {"type": "string", "enum": [*PURPOSES]},
    "example": "HPAYMT",
}
IF_NONE_MATCH: ParameterObject = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an earlier response: if nothing has changed, the response is 304 without a body.",
    "schema": {"type": "string"},
    "example": '"9f2c51d0c1b7a3e85d1f6f0e4a2b7c90"',
}
PREFER: ParameterObject = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` (RFC 7240): the request is checked and stored, answered with 202 and the path of "
    "its task, and carried out later. Other preferences are ignored.",
    "schema": {"type": "string"},
    "example": "respond-async",
}
