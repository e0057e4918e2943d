"""Canonical JSON of evidence packs."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.evidence import (
    SECTIONS,
    EvidencePack,
    InvalidPack,
    canonical,
    from_json,
    pack_sha256,
    section_hashes,
    to_json,
)
from tests.claims.evidence_packs import make_pack

PACKS = st.builds(
    make_pack, claims=st.integers(0, 3), limits=st.lists(st.text(max_size=20), max_size=3).map(tuple)
)  # texts of any characters


@given(PACKS)
def test_a_pack_is_read_as_it_was_written(pack: EvidencePack) -> None:
    written = canonical(to_json(pack))
    assert written.isascii()
    assert from_json(json.loads(written)) == pack
    assert canonical(to_json(from_json(json.loads(written)))) == written


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_a_hash_of_its_own(section: str) -> None:
    values = to_json(make_pack())
    before = section_hashes(values)
    after = section_hashes({**values, section: "changed"})
    assert {name for name in SECTIONS if before[name] != after[name]} == {section}
    assert pack_sha256(before) != pack_sha256(after)


def test_a_field_that_a_pack_does_not_have_is_refused_by_name() -> None:
    values = to_json(make_pack())
    schedule = values["schedule"]
    assert isinstance(schedule, dict)
    schedule["added"] = 1
    with pytest.raises(InvalidPack, match=r"schedule\.added"):
        from_json(values)


def test_a_field_of_another_type_is_refused_by_name() -> None:
    values = to_json(make_pack())
    values["header"] = {**dataclasses.asdict(make_pack().header), "opened_at": "yesterday", "as_of": "today"}
    with pytest.raises(InvalidPack, match=r"header\.opened_at"):
        from_json(values)


def test_a_missing_section_is_refused_by_name() -> None:
    values = to_json(make_pack())
    del values["annex"]
    with pytest.raises(InvalidPack, match="annex"):
        from_json(values)


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))
