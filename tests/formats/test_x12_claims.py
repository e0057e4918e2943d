"""837 claims: what is read, and what is refused where."""

import importlib.util
from datetime import date
from pathlib import Path

import pytest

from formats.x12 import Delimiters, X12Code, dependent_id
from tests.formats.x12_files import (
    INSTITUTIONAL,
    Subscriber,
    claim,
    claims_of,
    file_of,
    interchange,
    only,
    public_files,
    read,
    set_of,
    written,
)


def codes(one):
    return [(problem.code, problem.where) for problem in one.problems]


def notes(one):
    return [(note.code, note.where) for note in one.notes]


def test_a_professional_claim_is_read_whole():
    found = only(file_of(claim()))
    assert found.problems == found.notes == ()
    assert found.claim is not None
    assert found.claim.document == (
        b'{"claim_amount":"1300.00","diagnosis_codes":["D001","D002"],"lines":[{"amount":"1200.50","procedure_code":'
        b'"P001","service_date":"2026-03-01","units":1},{"amount":"99.50","procedure_code":"P002","service_date":'
        b'"2026-03-02","units":3}],"member_id":"M123","place_of_service":"11","provider_id":"H456",'
        b'"service_from":"2026-03-01","service_to":"2026-03-02"}'
    )
    assert str(found.claim.place_of("lines[1].amount")) == "SV102, segment 23"
    assert str(found.claim.place_of("diagnosis_codes[1]")) == "HI02-2, segment 18"
    assert str(found.claim.place_of("member_id")) == "NM109, segment 14"


def test_lines_have_modifiers():
    lines = ["LX*1", "SV1*HC:P001:25::59*1000*UN*2", "LX*2", "SV2*0305*HC:P002:RR*300*UN*1"]
    found = only(file_of(claim(lines=lines)))
    assert found.claim is not None
    assert [one.modifiers for one in found.claim.lines] == [("25", "59"), ("RR",)]


def test_an_institutional_claim_has_revenue_codes_and_a_statement_period():
    lines = ["LX*1", "SV2*0305*HC:P001*100*UN*2", "DTP*472*D8*20260302", "LX*2", "SV2*0120**50.5*DA*3"]
    more = ["DTP*434*RD8*20260301-20260305", "CL1*1*1*01"]
    found = only(file_of(claim(amount="150.5", where="11:A:1", lines=lines, more=more), version=INSTITUTIONAL))
    assert found.problems == found.notes == ()
    assert found.claim is not None
    assert [(one.procedure_code, one.amount, one.units) for one in found.claim.lines] == [
        ("P001", "100.00", 2),
        ("0120", "50.50", 3),
    ]
    assert (found.claim.service_from, found.claim.service_to) == (date(2026, 3, 1), date(2026, 3, 5))
    assert found.claim.place_of_service is None


def test_an_institutional_claim_that_carries_sv1_is_read_and_noted():
    found = only(file_of(claim(), version=INSTITUTIONAL))
    assert found.claim is not None
    assert [one.procedure_code for one in found.claim.lines] == ["P001", "P002"]
    assert notes(found) == [
        (X12Code.UNEXPECTED_SEGMENT, "SV1, segment 20"),
        (X12Code.UNEXPECTED_SEGMENT, "SV1, segment 23"),
    ]


def test_three_claims_of_one_set_are_three_claims():
    found = claims_of(file_of(claim("A"), claim("B"), claim("C")))
    assert [one.claim_number for one in found] == ["A", "B", "C"]
    assert len({one.claim.document for one in found if one.claim}) == 1


def test_what_is_refused_does_not_touch_the_claims_beside_it():
    found = claims_of(file_of(claim("A"), claim("B", amount="12.345"), claim("C")))
    assert [one.claim is None for one in found] == [False, True, False]
    assert codes(found[1]) == [(X12Code.INVALID_AMOUNT, "CLM02, segment 25")]


@pytest.mark.parametrize("version", ["004010X098A1", "004010X096A1", "005010X224A2", "006020X222", ""])
def test_other_versions_are_refused(version):
    found = only(written(interchange(set_of(Subscriber([claim()]), version=version), gs_version=version)))
    assert codes(found) == [(X12Code.UNSUPPORTED_VERSION, "ST03, segment 3")]


def test_an_interchange_of_4010_around_5010_claims_is_read():
    segments = interchange(set_of(Subscriber([claim()])), isa_version="00401")
    assert only(written(segments)).claim is not None


def test_a_cut_file_loses_its_last_claim_only():
    text = written(interchange(set_of(Subscriber([claim("A"), claim("B")]))))
    sets, reader = read(text[: text.index(b"HI*", text.index(b"CLM*B")) + 8])
    (first, last) = sets[0].claims
    assert first.claim is not None
    assert (X12Code.CUT_OFF, "CLM, segment 25") in codes(last)
    assert [one.code for one in reader.problems] == [X12Code.CUT_OFF, X12Code.TRAILER]


def test_a_set_of_which_segments_may_be_missing_is_refused():
    found = claims_of(written(interchange(set_of(Subscriber([claim("A"), claim("B")]), count=12))))
    assert [codes(one) for one in found] == [[(X12Code.SEGMENT_COUNT, "SE01, segment 33")]] * 2


REPEATED = {
    # repeated equally: a note; repeated differently: refused
    "SV1*HC:P001*1200.50*UN*1***1": "SV1*HC:P001*7*UN*1***1",
    "DTP*472*D8*20260301": "DTP*472*D8*20260302",
    "NM1*IL*1*ROE*JANE****MI*M123": "NM1*IL*1*ROE*JOHN****MI*M124",
    "NM1*85*2*CLINIC*****XX*H456": "NM1*85*2*CLINIC*****XX*H457",
    "DTP*434*RD8*20260301-20260305": "DTP*434*RD8*20260301-20260306",
    "REF*F8*clm_1": "REF*F8*clm_2",
}


@pytest.mark.parametrize("segment", REPEATED)
@pytest.mark.parametrize("equal", [True, False])
def test_a_repeated_segment_is_noted_where_it_says_the_same_and_refuses_where_not(segment, equal):
    segments = set_of(Subscriber([claim(more=["DTP*434*RD8*20260301-20260305", "REF*F8*clm_1"])]))
    at = segments.index(segment) + 1
    segments[at:at] = [segment if equal else REPEATED[segment]]
    segments[-1] = f"SE*{len(segments)}*0001"
    found = only(written(interchange(segments)))
    assert (found.claim is not None) == equal
    assert [one.code for one in (found.notes if equal else found.problems)] == [X12Code.REPEATED_SEGMENT]


def test_further_principal_diagnoses_are_other_diagnoses():
    found = only(file_of(claim(diagnoses="ABK:D001", more=["HI*BF:D003", "HI*ABK:D002"])))
    assert found.claim is not None
    assert found.claim.diagnosis_codes == ("D002", "D003", "D001")
    assert [one.code for one in found.notes] == [X12Code.REPEATED_SEGMENT]


def test_other_components_than_declared_are_named():
    found = only(written([one.replace("11:B:1", "11>B>1") for one in interchange(set_of(Subscriber([claim()])))]))
    assert codes(found) == [(X12Code.SEPARATOR, "CLM05, segment 17")]
    assert "ISA16 declares is :" in found.problems[0].reason


def test_lines_without_lx_are_lines_where_the_claim_has_no_lx():
    lines = ["SV1*HC:P001*1000*UN*1***1", "DTP*472*D8*20260301", "SV1*HC:P002*300*UN*1***1"]
    found = only(file_of(claim(lines=lines)))
    assert found.claim is not None
    assert [(one.procedure_code, one.service_date) for one in found.claim.lines] == [
        ("P001", date(2026, 3, 1)),
        ("P002", None),
    ]
    assert [one.code for one in found.notes] == [X12Code.MISSING_SEGMENT] * 2


@pytest.mark.parametrize(
    ("lines", "units"),
    [
        ("SV1*HC:P001*1300*UN*7.00***1", 7),
        ("SV1*HC:P001*1300*UN****1", 1),
        ("SV1*HC:P001*1300*UN*0.5***1", 1),
        ("SV1*HC:P001*1300*MJ*61.00***1", 5),
    ],
)
def test_quantities_are_whole_units(lines, units):
    found = only(file_of(claim(lines=["LX*1", lines])))
    assert found.claim is not None
    assert [one.units for one in found.claim.lines] == [units]


@pytest.mark.parametrize(
    ("changed", "code", "where"),
    [
        ({"amount": ""}, X12Code.INVALID_AMOUNT, "CLM02"),
        ({"amount": "-5"}, X12Code.INVALID_AMOUNT, "CLM02"),
        ({"amount": "1E3"}, X12Code.INVALID_AMOUNT, "CLM02"),
        ({"amount": "²"}, X12Code.INVALID_AMOUNT, "CLM02"),
        ({"number": ""}, X12Code.MISSING_ELEMENT, "CLM01"),
        ({"number": "x" * 39}, X12Code.INVALID_TEXT, "CLM01"),
        ({"number": "ä"}, X12Code.INVALID_TEXT, "CLM01"),
        ({"where": "11:B:9"}, X12Code.INVALID_CODE, "CLM05-3"),
        ({"where": "11:C:1"}, X12Code.INVALID_CODE, "CLM05"),
        ({"where": "11:B:7"}, X12Code.MISSING_SEGMENT, "CLM"),
        ({"where": "11:B:8"}, X12Code.MISSING_SEGMENT, "CLM"),
        ({"diagnoses": "ABF:D001"}, X12Code.MISSING_SEGMENT, "CLM"),
        ({"diagnoses": "ABK"}, X12Code.SEPARATOR, "HI01"),
        ({"lines": []}, X12Code.MISSING_SEGMENT, "CLM"),
        ({"lines": ["LX*1"]}, X12Code.MISSING_SEGMENT, "LX"),
        ({"lines": ["LX*1", "SV3*AD:D1110*80"]}, X12Code.UNEXPECTED_SEGMENT, "SV3"),
        ({"lines": ["LX*1", "SV1*P001*1300*UN*1"]}, X12Code.SEPARATOR, "SV101"),
        ({"lines": ["LX*1", "SV1**1300*UN*1"]}, X12Code.MISSING_ELEMENT, "SV101"),
        ({"lines": ["LX*1", "SV1*HC:P001**UN*1"]}, X12Code.INVALID_AMOUNT, "SV102"),
        ({"lines": ["LX*1", "SV1*HC:P001*1300*UN*0"]}, X12Code.INVALID_QUANTITY, "SV104"),
        ({"lines": ["LX*1", "SV1*HC:P001*1300*UN*x"]}, X12Code.INVALID_QUANTITY, "SV104"),
        ({"lines": ["LX*1", "SV1*HC:P001*1*UN*1", "DTP*472*D8*20261301"]}, X12Code.INVALID_DATE, "DTP03"),
        ({"lines": ["LX*1", "SV1*HC:P001*1*UN*1", "DTP*472*DT*202601011200"]}, X12Code.INVALID_DATE, "DTP03"),
        ({"lines": ["LX*1", "SV1*HC:P001*1*UN*1", "DTP*472*RD8*20260105-20260101"]}, X12Code.INVALID_DATE, "DTP03"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(changed, code, where):
    found = only(written(interchange(set_of(Subscriber([claim(**changed)])))))
    assert found.claim is None
    assert [(one.code, one.where.partition(",")[0]) for one in found.problems] == [(code, where)]


@pytest.mark.parametrize(
    ("removed", "code", "where"),
    [
        ("NM1*85", X12Code.MISSING_SEGMENT, "HL"),
        ("NM1*IL", X12Code.MISSING_SEGMENT, "HL"),
        ("HL*1", X12Code.INVALID_CODE, "HL02"),
    ],
)
def test_a_claim_needs_its_parties(removed, code, where):
    segments = [one for one in set_of(Subscriber([claim("A"), claim("B")])) if not one.startswith(removed)]
    segments[-1] = f"SE*{len(segments)}*0001"
    for one in claims_of(written(interchange(segments))):
        assert one.claim is None
        assert (code, where) in [(problem.code, problem.where.partition(",")[0]) for problem in one.problems]


def of_a_dependent(*patient: str) -> bytes:
    segments = set_of(Subscriber([claim()]))
    at = segments.index("CLM*A-1*1300***11:B:1*Y*A*Y*Y")
    segments[at:at] = ["HL*3*2*23*0", "PAT*19", *patient]
    segments[-1] = f"SE*{len(segments)}*0001"
    return written(interchange(segments))


def test_a_dependent_has_an_id_of_their_own():
    person = ("NM1*QC*1*ROE*TED", "DMG*D8*20150501*M")
    derived = only(of_a_dependent(*person)).claim
    assert derived is not None
    assert derived.member_id == dependent_id("M123", date(2015, 5, 1), "M", "ted ")
    assert derived.member_id.startswith("M123-")
    stated = only(of_a_dependent(*person, "REF*1W*M123-02")).claim
    assert stated is not None
    assert stated.member_id == "M123-02"
    assert codes(only(of_a_dependent("NM1*QC*1*ROE*TED"))) == [(X12Code.MISSING_ELEMENT, "NM1, segment 19")]


def test_parties_and_dates_of_other_payers_are_not_those_of_the_claim():
    other = ["SBR*S*01*******12", "AMT*D*10", "OI***Y*P**Y", "NM1*IL*1*ROE*JIM****MI*OTHER", "REF*F8*theirs"]
    found = only(
        file_of(claim(lines=[*other, "LX*1", "SV1*HC:P001*1300*UN*1", "SVD*P*5*HC:P002**1", "DTP*573*D8*2026"]))
    )
    assert found.claim is not None
    assert (found.claim.member_id, found.claim.replaces, len(found.claim.lines)) == ("M123", None, 1)
    assert str(found.claim.place_of("other_payer_paid")) == "AMT02, segment 20"


PRIMARY = ("SBR*P*01*******12", "CAS*PR*1*50", "AMT*D*{}", "OI***Y*P**Y", "NM1*PR*2*OTHER*****PI*9")
PAID_LINES = (
    *("LX*1", "SV1*HC:P001*1200.50*UN*1", "DTP*472*D8*20260301", "SVD*9*600*HC:P001**1", "CAS*CO*45*600.5"),
    *("LX*2", "SV1*HC:P002*99.5*UN*3", "DTP*472*D8*20260302", "SVD*9*50.25*HC:P002**3"),
)


def paid_by_others(*segments, lines=PAID_LINES):
    """What other payers paid of the claim and of its lines, with the notes."""
    found = only(file_of(claim(lines=[*segments, *lines])))
    assert found.claim is not None, found.problems
    return found.claim.other_payer_paid, [line.other_payer_paid for line in found.claim.lines], notes(found)


def primary(paid):
    return [segment.format(paid) for segment in PRIMARY]


@pytest.mark.parametrize(
    ("segments", "of_claim", "of_lines"),
    [
        (primary("650.25"), None, ["600.00", "50.25"]),
        (primary("600.25"), "600.25", [None, None]),  # less what was adjusted on the claim as a whole
        (primary("0"), None, [None, None]),
        ([*primary("650.25"), "SBR*S*01*******12", "AMT*D*20"], "670.25", [None, None]),
        ([*primary("500.25"), "SBR*S*01*******12", "AMT*D*150"], None, ["600.00", "50.25"]),
        (["SBR*P*01*******12", "OI***Y*P**Y"], None, ["600.00", "50.25"]),
        (["SBR*P*01*******12", "AMT*EAF*50", "AMT*D*7.5"], "7.50", [None, None]),
    ],
)
def test_what_other_payers_paid_is_that_of_the_lines_where_it_adds_up_to_the_claim(segments, of_claim, of_lines):
    assert paid_by_others(*segments) == (of_claim, of_lines, [])


def test_a_claim_that_no_other_payer_paid_states_nothing():
    assert paid_by_others("SBR*S*01*******12", lines=["LX*1", "SV1*HC:P001*1300*UN*1"]) == (None, [None], [])


def test_an_amount_of_another_payer_that_is_repeated_counts_once():
    lines = [*PAID_LINES[:4], PAID_LINES[3], *PAID_LINES[4:]]
    segments = [*primary("650.25"), "AMT*D*650.25"]
    of_claim, of_lines, noted = paid_by_others(*segments, lines=lines)
    assert (of_claim, of_lines) == (None, ["600.00", "50.25"])
    assert [code for code, _ in noted] == [X12Code.REPEATED_SEGMENT, X12Code.REPEATED_SEGMENT]


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ([*primary("650.25"), "AMT*D*1"], X12Code.REPEATED_SEGMENT),
        (primary("-5"), X12Code.INVALID_AMOUNT),
        (primary(""), X12Code.INVALID_AMOUNT),
        (primary("1.234"), X12Code.INVALID_AMOUNT),
    ],
)
def test_an_unclear_amount_of_another_payer_refuses_the_claim(segments, code):
    found = only(file_of(claim(lines=[*segments, *PAID_LINES])))
    assert found.claim is None
    assert [problem.code for problem in found.problems] == [code]


def test_a_replacement_names_the_claim_that_it_replaces():
    found = only(file_of(claim(where="11:B:7", more=["REF*F8*clm_1"])))
    assert found.claim is not None
    assert found.claim.replaces == "clm_1"
    assert only(file_of(claim(where="11:B:8", more=["REF*F8*clm_1"]))).is_void


def test_an_unknown_segment_is_noted():
    found = only(file_of(claim(more=["ZZZ*1"])))
    assert found.claim is not None
    assert notes(found) == [(X12Code.UNKNOWN_SEGMENT, "ZZZ, segment 18")]


def test_the_public_837_files_are_read_or_refused_with_their_places():
    outcomes = {}
    for path in public_files("x12", "*837*"):
        for one in claims_of(path.read_bytes()):
            outcomes[path.name.removeprefix("837_005010"), one.claim_number] = [item.code for item in one.problems]
    refused = {name[0] for name, found in outcomes.items() if found}
    assert len(outcomes) == 13
    # They declare one component separator and use another.
    assert refused == {
        "X222A2__demo.example11.837",
        "X222A2__demo.example9.837",
        "X223A3__out-of-network-repriced-claim.837i",
    }
    assert {code for found in outcomes.values() for code in found} == {X12Code.SEPARATOR}


def test_the_837_samples_of_hccinfhir_are_read_or_refused_with_their_places():
    spec = importlib.util.find_spec("hccinfhir")
    if spec is None or spec.origin is None:
        pytest.skip("hccinfhir is not installed")
    outcomes = {}
    for path in sorted((Path(spec.origin).parent / "sample_files").glob("sample_837_*.txt")):
        for one in claims_of(path.read_bytes()):
            name = (path.stem.removeprefix("sample_837_"), one.place.number)
            outcomes[name] = [item.code for item in one.problems]
    assert len(outcomes) == 19
    # Both count one segment less than they have.
    wrong = {name: found for name, found in outcomes.items() if found}
    assert wrong == {("11", 19): [X12Code.SEGMENT_COUNT], ("12", 19): [X12Code.SEGMENT_COUNT]}


def test_components_are_split_by_the_declared_separator():
    usual = only(file_of(claim())).claim
    text = written(interchange(set_of(Subscriber([claim()]))), Delimiters("|", ">", "\n", "!"), end="")
    other = only(text).claim
    assert usual is not None
    assert other is not None
    assert other.document == usual.document
