"""The PDF of an evidence pack."""

import pypdfium2
import pytest

from api.evidence import pack_pdf
from claims.evidence import (
    ClaimEdit,
    ClaimsSchedule,
    EvidencePack,
    LeftOutContributions,
    pack_sha256,
    section_hashes,
    to_json,
    totals_of,
)
from tests.claims.evidence_packs import make_annex, make_pack, make_scheduled_claim


def read(pack: EvidencePack) -> str:
    pages = pypdfium2.PdfDocument(pack_pdf(pack))
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in pages).split())


def test_two_renders_of_a_pack_have_the_same_bytes_and_another_pack_has_others() -> None:
    assert pack_pdf(make_pack(claims=30)) == pack_pdf(make_pack(claims=30))
    assert pack_pdf(make_pack()) != pack_pdf(make_pack(limits=()))


@pytest.mark.parametrize(
    "stated",
    [
        "Special Investigations Unit",
        "siu@insurer.example",
        "18 U.S.C. 1347",
        "1234567893",
        "2 claims with 4 lines of 2 members at 1 provider",
        "Billed 360.00, paid 288.00, at risk 0.00",
        "99214 25",
        "n = 212",
        "Letter about modifier 25.",
        "paid for the claims of the schedule",
        "800.00",
        "b" * 64,
        "County Bank",
        "case.open",
        "A score ranks claims; it proves nothing.",
        "20260301-1",
        "81.0 %, at or above the threshold",
        "3.2 times the usual amount.",
        "mitigating factor",
        "left out of all reasons (age and sex) -0.1250",
        "duplicate_service",
    ],
)
def test_the_pdf_has_what_a_referral_asks_for(stated: str) -> None:
    assert stated in read(make_pack())


def test_the_pdf_has_the_hash_that_the_json_has() -> None:
    pack = make_pack()
    assert pack_sha256(section_hashes(to_json(pack))) in read(pack)


def test_contributions_that_are_not_listed_are_summed() -> None:
    contributions = {f"feature_{number}": 0.125 for number in range(20)}
    annex = make_annex(contributions=contributions, left_out=LeftOutContributions(0, 0.0), margin=0.5)
    written = read(make_pack(annex=(annex,)))
    assert "8 others, in the JSON file +1.0000" in written
    assert "age and sex" not in written


def test_what_is_absent_is_said_to_be() -> None:
    written = read(make_pack(loss=None, sample=None, records=(), annex=(), patterns=(), actions=()))
    for said in ("not determined yet", "no sample was drawn", "no claim of the schedule was scored"):
        assert said in written


def test_markup_in_a_text_stays_text() -> None:
    pack = make_pack(limits=("<b>&amp;</b> <img src='x'/>",))
    assert "<b>&amp;</b> <img src='x'/>" in read(pack)


def test_long_names_stay_on_the_page() -> None:
    claim = make_scheduled_claim(provider_id="H" * 64, claim_id="clm_" + "9" * 60)
    schedule = ClaimsSchedule((claim,), totals_of((claim,)))
    document = pypdfium2.PdfDocument(pack_pdf(make_pack(schedule=schedule)))
    for page in document:
        width, _ = page.get_size()
        text = page.get_textpage()
        assert all(text.get_charbox(place)[2] <= width for place in range(text.count_chars()))


def test_a_finding_that_is_longer_than_a_page_goes_on_on_the_next() -> None:
    named = [f"clm_{number:026}" for number in range(200)]
    long = ClaimEdit("duplicate_service", None, f"Repeats {', '.join(named)}.", "NCCI 2026Q1")
    claim = make_scheduled_claim(edits=(long,))
    shown = read(make_pack(schedule=ClaimsSchedule((claim,), totals_of((claim,)))))
    assert all(one in shown.replace(" ", "") for one in named)
