"""The page that lists exactly the claims that a count counts, and the same as CSV."""

from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, to_sign_in, who
from api.console.claim.counted_claims import Anchor, CountedClaim, CountedClaimLists, CountedPage
from api.console.downloads import CSV, saved_file
from api.console.reading import read_place
from api.errors import Invalid
from api.fields import as_claim_id
from api.paging import write_cursor
from claims.money import format_cents
from core.format import counted, number_to_4_digits, utc_minute
from core.spreadsheets import csv_text

LIST_QUERY: Final = ("set", "claim", "provider", "member")
"""Parameters of the address: the name of the set, and what it is about."""
_HEADINGS: Final = (
    *("claim_id", "received_at", "service_from", "provider_id", "member_id", "procedure_code"),
    *("claim_amount", "approved_amount", "status", "voided_at"),
)


def list_address(set_name: str, claim_id: str) -> str:
    """Where the claims of a set about a claim are listed."""
    return "/console/claims?" + urlencode({"set": set_name, "claim": claim_id})


class CountedClaimPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def claims(self, request: Request) -> Response:
        """The claims of a set, a page at a time."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        name, anchor = _requested(request)
        page = await _claims(request).page(name, anchor, read_place(request.query_params.get("after")))
        address = urlencode({key: request.query_params[key] for key in LIST_QUERY if key in request.query_params})
        return self._pages.page(
            "claims.html",
            signed_in,
            page=page,
            about=_about(anchor),
            total=counted(page.total, "claim"),
            note=_difference(page),
            rows=[_line(claim, page.anchor) for claim in page.claims],
            address=address,
            next_page=write_cursor(page.next_place),
        )

    async def export(self, request: Request) -> Response:
        """The claims of a set as CSV, in which no cell is a formula."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        name, anchor = _requested(request)
        one, claims = await _claims(request).every(name, anchor)
        return saved_file(_csv(claims), CSV, f"{one.name}.csv")


def _requested(request: Request) -> tuple[str, Anchor]:
    name = request.query_params.get("set")
    if not name:
        raise Invalid.field("set", "is missing; add the name of a set of claims")
    claim_id, provider_id = request.query_params.get("claim"), request.query_params.get("provider")
    return name, Anchor(_id(claim_id), _id(provider_id), _id(request.query_params.get("member")))


def _id(value: str | None) -> str | None:
    return as_claim_id(value) if value else None


def _about(anchor: Anchor) -> list[tuple[str, str, str]]:
    """What the set is about: kind, id and address of its page."""
    named = (("claim", anchor.claim_id), ("provider", anchor.provider_id), ("member", anchor.member_id))
    return [(kind, one, f"/console/{kind}s/{quote(one, safe='')}") for kind, one in named if one is not None]


def _difference(page: CountedPage) -> str | None:
    """Why the score counted another number, where it did."""
    if page.scored is None or page.scored == page.total:
        return None
    return (
        f"The latest score counted {number_to_4_digits(page.scored)}. Claims that were archived since are not listed, "
        "and a score made while features were stale did not count the latest claims."
    )


def _line(claim: CountedClaim, anchor: Anchor) -> dict[str, str]:
    voided = "" if claim.voided_at is None else f" on {utc_minute(claim.voided_at)}"
    return {
        "claim_id": claim.claim_id,
        "received": utc_minute(claim.received_at),
        "service": claim.service_from.isoformat(),
        "provider": claim.provider_id or "unknown",
        "member": "this member" if claim.member_id == anchor.member_id is not None else "another",
        "procedure": claim.procedure_code or "unknown",
        "amount": format_cents(claim.amount_cents),
        "approved": format_cents(claim.approved_cents),
        "status": claim.status.replace("_", " ") + voided,
    }


def _csv(claims: list[CountedClaim]) -> str:
    rows = (
        (
            *(claim.claim_id, claim.received_at.isoformat(), claim.service_from.isoformat(), claim.provider_id),
            *(claim.member_id, claim.procedure_code, format_cents(claim.amount_cents)),
            *(format_cents(claim.approved_cents), claim.status),
            None if claim.voided_at is None else claim.voided_at.isoformat(),
        )
        for claim in claims
    )
    return csv_text((_HEADINGS, *rows), line_end="\r\n")


def _claims(request: Request) -> CountedClaimLists:
    claims: CountedClaimLists = request.app.state.console.counted_claims
    return claims
