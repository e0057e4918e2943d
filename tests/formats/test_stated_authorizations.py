"""What an 837 and a FHIR claim state of their prior authorization, as it is given."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.identifiers import MAX_ID
from formats.fhir import read_claim
from formats.parsed import stated_authorization
from tests.formats.fhir_claims import fhir_claim
from tests.formats.x12_files import claim, file_of, only

STATED = [
    (["A-1"], "A-1"),
    (["A-1", "A-1"], "A-1"),
    (["A-1", "A-2"], "A-1 A-2"),
    (["call of 2 March"], "call of 2 March"),
    (["#17/a"], "#17/a"),
    (["9" * 50, "8" * 50], f"{'9' * 50} {'8' * 11} …"),
]


def in_837(*numbers: str) -> str | None:
    found = only(file_of(claim(more=[f"REF*G1*{number}" for number in numbers])))
    assert found.problems == found.notes == ()
    assert found.claim is not None
    if numbers:
        assert "REF02" in str(found.claim.place_of("authorization_number"))
    text: str | None = json.loads(found.claim.document).get("authorization_number")
    return text


def in_fhir(*numbers: str) -> str | None:
    focal: dict[str, Any] = {"sequence": 1, "focal": True, "coverage": {"display": "plan"}}
    insurance = [focal | ({"preAuthRef": list(numbers)} if numbers else {})]
    found = read_claim(json.loads(json.dumps(fhir_claim(insurance=insurance)), parse_float=Decimal))
    assert found.problems == []
    assert found.claim is not None
    if numbers:
        assert found.claim.place_of("authorization_number") == "Claim.insurance[0].preAuthRef"
    text: str | None = json.loads(found.claim.document).get("authorization_number")
    return text


@pytest.mark.parametrize(("numbers", "text"), [([], None), *STATED])
def test_a_claim_is_read_whatever_it_states_of_its_authorization(numbers: list[str], text: str | None):
    assert (in_837(*numbers), in_fhir(*numbers)) == (text, text)


@given(st.lists(st.text(max_size=MAX_ID), max_size=4))
def test_what_is_stated_has_the_length_of_an_id_and_single_blanks(numbers: list[str]):
    text = stated_authorization(numbers)
    if text is None:
        assert not "".join(numbers).split()
    else:
        assert 0 < len(text) <= MAX_ID
        assert text == " ".join(text.split())
