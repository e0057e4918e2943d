"""Verification of evidence packs: any changed byte is found, and what the pack states is recomputed."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.evidence import signature_check, signed_pack
from claims.evidence import (
    SECTIONS,
    CheckState,
    EvidencePack,
    PackVerification,
    RecomputedScore,
    ScoreAnnex,
    canonical,
    pack_sha256,
    section_hashes,
    verify_pack,
)
from core.settings import Settings
from core.signing import SigningKey, TrustedKeys, new_key, signing_key, trusted_keys
from tests.claims.evidence_packs import make_annex, make_pack, make_scheduled_claim

PDF = b"%PDF of the pack"
PDF_SHA256 = hashlib.sha256(PDF).hexdigest()


def make_key() -> tuple[SigningKey, TrustedKeys]:
    loaded: Any = load_pem_private_key(new_key().encode(), password=None)
    key = SigningKey(loaded)
    return key, TrustedKeys({key.sign("evidence pack", b"").key: loaded.public_key()})


KEY, TRUSTED = make_key()
SIGNED = signed_pack(make_pack(claims=1), PDF, KEY)


def verified(raw: bytes, **given: Any) -> PackVerification:
    return verify_pack(raw, signature_check(TRUSTED), **given)


def texts(found: PackVerification, state: CheckState = CheckState.DIFFERENT) -> dict[str, str]:
    return {one.name: one.text for one in found.checks if one.state is state}


def resigned(change: Callable[[dict[str, Any]], None], *, key: SigningKey = KEY) -> bytes:
    """A pack that a person who has the key changed, hashed and signed again."""
    values = json.loads(SIGNED)
    change(values["pack"])
    hashes = section_hashes(values["pack"])
    values["seal"] |= {"sections": hashes, "pack_sha256": pack_sha256(hashes)}
    signed = canonical({"format": values["format"], "seal": values["seal"]})
    values["signature"] = key.sign("evidence pack", signed).model_dump(mode="json")
    return canonical(values)


def test_a_pack_as_it_was_written_is_equal() -> None:
    found = verified(SIGNED, pdf_sha256=PDF_SHA256)
    assert found.is_equal
    assert (found.pack_id, found.case_id) == ("evp_1", "cas_1")
    assert [one.name for one in found.checks] == ["form", "hashes", "signature", "pdf", "counts", "scores", "model"]


def test_the_same_pack_and_key_give_the_same_bytes() -> None:
    assert signed_pack(make_pack(claims=1), PDF, KEY) == SIGNED


@settings(max_examples=400, deadline=None)
@given(position=st.integers(0, len(SIGNED) - 1), flip=st.integers(1, 255))
@example(position=0, flip=1)
@example(position=len(SIGNED) - 1, flip=2)
@example(position=SIGNED.index(b'=="') - 1, flip=1)  # bits of base64 that are not decoded
def test_any_flipped_byte_is_found(position: int, flip: int) -> None:
    changed = bytearray(SIGNED)
    changed[position] ^= flip
    assert not verified(bytes(changed)).is_equal


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, len(SIGNED)), added=st.sampled_from([b" ", b"\n", b"0", b",", b'"', b"\\u0041"]))
def test_any_added_bytes_are_found(position: int, added: bytes) -> None:
    assert not verified(SIGNED[:position] + added + SIGNED[position:]).is_equal


@settings(max_examples=200, deadline=None)
@given(first=st.integers(0, len(SIGNED) - 1), length=st.integers(1, 40))
def test_any_removed_bytes_are_found(first: int, length: int) -> None:
    assert not verified(SIGNED[:first] + SIGNED[first + length :]).is_equal


@pytest.mark.parametrize("section", SECTIONS)
def test_a_changed_section_is_named(section: str) -> None:
    values = json.loads(SIGNED)
    values["pack"][section] = "changed"
    assert f"section {section} was changed" in texts(verified(canonical(values)))["hashes"]


def test_a_byte_outside_the_form_is_named_by_line_and_column() -> None:
    place = SIGNED.index(b'\n  "case_id"')
    found = verified(SIGNED[: place + 1] + b" " + SIGNED[place + 1 :])
    line = SIGNED.count(b"\n", 0, place + 1) + 1
    assert texts(found)["form"].startswith(f"line {line} column")


def test_sections_that_were_hashed_again_fail_the_signature() -> None:
    values = json.loads(SIGNED)
    values["pack"]["limits"] = []
    hashes = section_hashes(values["pack"])
    values["seal"] |= {"sections": hashes, "pack_sha256": pack_sha256(hashes)}
    assert texts(verified(canonical(values))) == {"signature": "it was changed after it was signed"}


def test_a_pack_of_another_key_is_not_equal() -> None:
    other, _ = make_key()
    found = verified(resigned(lambda _: None, key=other))
    assert "trusted keys" in texts(found)["signature"]
    assert not found.is_equal


def test_a_signature_of_something_else_is_none_of_a_pack() -> None:
    values = json.loads(SIGNED)
    signed = canonical({"format": values["format"], "seal": values["seal"]})
    values["signature"] = KEY.sign("dossier", signed).model_dump(mode="json")
    assert "signature" in texts(verified(canonical(values)))


def test_another_pdf_is_found_and_none_is_not_checked() -> None:
    assert "pdf" in texts(verified(SIGNED, pdf_sha256=hashlib.sha256(PDF + b"\n").hexdigest()))
    assert "pdf" in texts(verified(SIGNED), CheckState.NOT_CHECKED)


def _total(name: str) -> Callable[[dict[str, Any]], None]:
    def change(pack: dict[str, Any]) -> None:
        pack["schedule"]["totals"][name] += 1

    return change


@pytest.mark.parametrize(
    "name", ["claims", "lines", "members", "providers", "billed_cents", "paid_cents", "at_risk_cents"]
)
def test_a_total_that_the_claims_do_not_give_is_found_though_it_is_signed(name: str) -> None:
    found = verified(resigned(_total(name)))
    assert f"schedule.totals.{name}" in texts(found)["counts"]
    assert texts(found).keys() == {"counts"}


def test_lines_that_do_not_sum_to_the_claim_are_found() -> None:
    def change(pack: dict[str, Any]) -> None:
        pack["schedule"]["claims"][0]["lines"][0]["billed_cents"] += 1
        pack["schedule"]["claims"][0]["lines"][0]["paid_cents"] += 1

    found = texts(verified(resigned(change)))["counts"]
    assert "clm_1: its lines do not sum to what was billed" in found
    assert "clm_1: its lines do not sum to what was paid" in found


def test_a_pattern_about_a_claim_outside_the_schedule_is_found() -> None:
    def change(pack: dict[str, Any]) -> None:
        pack["patterns"][0]["claims"] = ["clm_77"]

    assert "clm_77 not in the schedule" in texts(verified(resigned(change)))["counts"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin": 1.26}, "do not sum to the margin"),
        ({"base_margin": -2.01}, "do not sum to the margin"),
        ({"flagged": False}, "flagged contradicts"),
        ({"threshold": 0.82}, "flagged contradicts"),
        ({"vector": {"amount_ratio": 3.2}}, "different features"),
    ],
)
def test_a_score_that_contradicts_itself_is_found(changes: dict[str, Any], said: str) -> None:
    def change(pack: dict[str, Any]) -> None:
        pack["annex"][0] |= changes

    assert said in texts(verified(resigned(change)))["scores"]


class OneModel:
    """A model that gives the contributions of `make_annex`, changed by what a test is about."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def recompute(self, annex: ScoreAnnex) -> RecomputedScore | None:
        given: dict[str, Any] = {
            "margin": annex.margin,
            "base_margin": annex.base_margin,
            "probability": annex.probability,
            "contributions": {**annex.contributions, "procedure_given_demographic": -0.125},
            "schema_hash": annex.schema_hash,
        }
        return RecomputedScore(**(given | self.changes))


def test_a_score_that_the_model_gives_again_is_equal() -> None:
    found = verified(SIGNED, models=OneModel())
    assert found.is_equal
    assert texts(found, CheckState.EQUAL)["model"] == "1 scores computed again from their vectors"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin": 1.3}, "margin is 1.25; the model gives 1.3"),
        ({"base_margin": 0.0}, "base_margin"),
        ({"probability": 0.80}, "probability is 0.81"),
        ({"schema_hash": "1" * 64}, "another schema"),
        ({"contributions": {"amount_ratio": 2.5, "procedure_given_demographic": -0.125}}, "provider_claims_30d"),
        ({"contributions": {"amount_ratio": 2.5, "provider_claims_30d": 0.875}}, "left_out is -0.125"),
    ],
)
def test_a_score_that_the_model_does_not_give_is_found(changes: dict[str, Any], said: str) -> None:
    found = verified(SIGNED, models=OneModel(**changes))
    assert said in texts(found)["model"]
    assert not found.is_equal


def test_a_model_that_is_not_at_hand_is_said_not_to_be_checked() -> None:
    class NoModel:
        def recompute(self, annex: ScoreAnnex) -> RecomputedScore | None:
            return None

    found = verified(SIGNED, models=NoModel())
    assert found.is_equal
    assert texts(found, CheckState.NOT_CHECKED)["model"] == "not at hand: model 20260301-1"


def test_the_largest_pack_is_read_and_larger_files_are_refused() -> None:
    assert "bytes" in texts(verified(b" " * (64 * 1024 * 1024 + 1)))["form"]


def test_a_key_that_the_home_makes_signs_packs_that_the_home_trusts(tmp_path: Path) -> None:
    own = Settings(home=tmp_path)
    raw = signed_pack(make_pack(), PDF, signing_key(own))
    assert verify_pack(raw, signature_check(trusted_keys(own))).is_equal


def test_a_pack_of_another_schedule_has_other_totals() -> None:
    claims = (make_scheduled_claim(1), make_scheduled_claim(2, member="M1"))
    pack: EvidencePack = make_pack()
    changed = dataclasses.replace(pack, schedule=dataclasses.replace(pack.schedule, claims=claims))
    found = verified(signed_pack(changed, PDF, KEY))
    assert texts(found) == {"counts": "schedule.totals.members is 2; the claims give 1"}


def test_the_sums_of_made_scores_hold() -> None:
    assert verified(signed_pack(make_pack(annex=(make_annex(1), make_annex(2))), PDF, KEY)).is_equal


FORMAT_1 = Path(__file__).with_name("evidence_pack_of_format_1.json")
"""A pack as the release before wrote it, signed with a key of which only the public part was kept."""
KEY_OF_FORMAT_1 = "Pj9xLnt5zKTch5U2QHbBkhNI9YMAE5VAQsa4jaeTN/0="


def test_a_pack_of_the_first_format_stays_verifiable() -> None:
    trusted = trusted_keys(Settings(signing_public_keys=KEY_OF_FORMAT_1))
    raw = FORMAT_1.read_bytes()
    assert b'"format": "ginja-evidence-pack-1"' in raw
    assert verify_pack(raw, signature_check(trusted)).is_equal
    as_second = raw.replace(b"ginja-evidence-pack-1", b"ginja-evidence-pack-2")
    assert "signature" in texts(verify_pack(as_second, signature_check(trusted)))


def test_a_pack_of_an_unknown_format_is_refused() -> None:
    found = verified(SIGNED.replace(b"ginja-evidence-pack-2", b"ginja-evidence-pack-9"))
    assert "none of ginja-evidence-pack-1, ginja-evidence-pack-2" in texts(found)["form"]


def test_files_that_are_given_are_compared_by_their_hashes() -> None:
    assert "files" not in {one.name for one in verified(SIGNED).checks}
    given = verified(SIGNED, files={"fil_1.pdf": "b" * 64})
    assert given.is_equal
    assert texts(given, CheckState.EQUAL)["files"] == "the given files are all records of the pack"
    renamed = verified(SIGNED, files={"ledger.pdf": "b" * 64})
    assert renamed.is_equal
    assert texts(renamed, CheckState.EQUAL)["files"] == "the given files are all records of the pack"


def test_a_given_file_that_is_no_record_or_was_changed_is_named() -> None:
    changed = verified(SIGNED, files={"fil_1.pdf": "c" * 64})
    assert not changed.is_equal
    assert texts(changed)["files"] == "fil_1.pdf is not the record of this name: its SHA-256 differs"
    other = verified(SIGNED, files={"fil_1.pdf": "b" * 64, "other.pdf": "c" * 64})
    assert not other.is_equal
    assert texts(other)["files"] == "other.pdf is none of the records"


def test_a_record_that_is_not_given_is_not_checked() -> None:
    found = verified(SIGNED, files={})
    assert texts(found, CheckState.NOT_CHECKED)["files"] == "0 of 1 records equal; not given: fil_1.pdf"
