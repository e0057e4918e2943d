"""The work for bodies that are no JSON of our own, X12 and FHIR, is bounded by their size."""

import pytest

from tests.api.makers import Api
from tests.api.test_work import TARGETS, Offenders, dotted, example_body, places, usual, with_token
from tests.formats.fhir_claims import fhir_claim
from tests.work import HOSTILE_TEXTS, HOSTILE_TOKENS

module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
async def test_the_work_for_a_fhir_claim_is_bounded_by_its_size(shared_api: Api):
    target = next(one for one in TARGETS if one.path == "/v1/fhir/Claim")
    found, example = Offenders(), fhir_claim()
    ordinary = await usual(shared_api, target, body=example_body(target))
    for place in [*places(example), ("unknown",)]:
        for kind, token in HOSTILE_TOKENS.items():
            body = with_token(example, place, token)
            await found.send(f"{dotted(place)} = {kind}", ordinary, shared_api, target, body=body)
    assert not found


@module_loop
async def test_the_work_for_an_x12_file_is_bounded_by_its_size(shared_api: Api):
    target = next(one for one in TARGETS if one.path == "/v1/x12/837")
    found, text = Offenders(), example_body(target)
    ordinary = await usual(shared_api, target, body=text)
    for part in (b"1200.50", b"A-1", b"ABK:D001", b"M123", b"20260301", b"*0001", b"LX*1", b"00501"):
        for kind, hostile in HOSTILE_TEXTS.items():
            body = text.replace(part, hostile.encode())
            await found.send(f"{part!r} = {kind}", ordinary, shared_api, target, body=body)
    for kind, hostile in HOSTILE_TEXTS.items():
        await found.send(f"body = {kind}", ordinary, shared_api, target, body=hostile.encode())
    assert not found
