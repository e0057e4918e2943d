"""The tables of routes whose requests are confirmed, and of those whose are not and why."""

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.errors import SignatureRequired
from api.signed_requests import CONFIRMED, CONFIRMED_ABOVE, UNCONFIRMED, SignedRequests
from tests.api.makers import Api, contract


def test_each_route_that_changes_something_is_confirmed_or_declared_with_a_reason_why_not():
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    changing = {f"{method} {one.path}" for one in routes for method in one.methods - {"GET", "HEAD", "OPTIONS"}}
    assert changing == CONFIRMED | CONFIRMED_ABOVE | UNCONFIRMED.keys()
    assert not (CONFIRMED | CONFIRMED_ABOVE) & UNCONFIRMED.keys()
    assert all(UNCONFIRMED.values())


def test_an_application_with_a_route_that_is_not_declared_does_not_start(api: Api):
    undeclared = FastAPI()
    undeclared.add_api_route("/v1/holidays", lambda: None, methods=["POST"])
    with pytest.raises(ValueError, match="POST /v1/holidays"):
        SignedRequests(undeclared, [*api.app.routes, *undeclared.routes])


def test_the_description_names_the_signature_at_exactly_the_routes_of_the_tables():
    described = {
        f"{one.method} {one.path}"
        for one in contract().operations
        if SignatureRequired.type_uri() in one.described["responses"].get("401", {}).get("description", "")
    }
    assert described == CONFIRMED | CONFIRMED_ABOVE
