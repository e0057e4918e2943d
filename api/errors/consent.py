"""Errors of purposes that need something of the member."""

from api.errors.base import ApiError


class ConsentMissing(ApiError):
    """The stated purpose needs the member's consent, which is missing, has expired or was withdrawn, or the member
    objected to the purpose; `purpose` names it."""

    status, kind, title = 403, "consent-missing", "The member's consent is missing"
    example = (
        "the member has given no consent for HRESCH (healthcare research) that is in force and covers what is read; "
        "record one with `POST /v1/members/{member_id}/consents`, or state the purpose that the request has"
    )
