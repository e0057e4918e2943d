"""The search for sentinels finds them however they are encoded; without that, finding none says nothing."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.security.sentinels import compressed, found_in

NAME = "Zébulon Quillfeather"
VALUES = {"name": [NAME]}
ENCODED = {
    "utf-8": NAME.encode(),
    "utf-16": NAME.encode("utf-16"),
    "utf-16, the other order": NAME.encode("utf-16-be"),
    "latin-1": NAME.encode("latin-1"),
    "json": json.dumps(NAME).encode(),
    "url": quote(NAME).encode(),
    "upper case": NAME.upper().encode(),
    "inside of a text": f"Hello {NAME}, how are you".encode(),
}


@pytest.mark.parametrize("blob", ENCODED.values(), ids=ENCODED)
def test_each_encoding_is_found(blob: bytes) -> None:
    assert found_in(blob, VALUES) == {"name"}


@pytest.mark.parametrize("form", compressed(b"x"))
@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
def test_each_form_is_found_wherever_it_begins(form: str, before: bytes, after: bytes) -> None:
    blob = compressed(before + NAME.encode() + after)[form]
    assert found_in(blob, VALUES) == {"name"}
    assert found_in(b"\x00\x01 " + blob + b" \x00", VALUES) == {"name"}


@given(before=st.text("abcXYZ019+/", max_size=6))
def test_base64_that_is_joined_to_other_text_is_found(before: str) -> None:
    assert found_in(before.encode() + compressed(f"__{NAME}__".encode())["base64"], VALUES) == {"name"}


@given(st.binary(max_size=400))
def test_nothing_is_found_in_other_bytes(blob: bytes) -> None:
    assert found_in(blob, VALUES) == set()
