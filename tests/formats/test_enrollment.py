"""834 and CSV as members: what is read, and what is refused where."""

from datetime import date

import pytest

from formats.eligibility_csv import InvalidTable, read_member_rows
from formats.x12 import EnvelopeReader, dependent_id, read_members, read_segments
from tests.formats.x12_files import written

VERSION = "005010X220A1"
ADDED = ("REF*0F*S1", "DTP*356*D8*20260101", "NM1*IL*1*ROE*JANE", "DMG*D8*19800101*F", "HD*021**HLT*PL1")


def enrollment(*members, version=VERSION, count=None, kind="834"):
    """A file with the segments of members."""
    body = [segment for member in members for segment in member]
    sets = [f"ST*{kind}*0001*{version}", "BGN*00*1*20260101", *body]
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'SENDER':15}*ZZ*{'RECEIVER':15}*260303*1200*^*00501*000000001*0*T*:"
    group = [isa, f"GS*BE*SENDER*RECEIVER*20260303*1200*1*X*{version}"]
    return written([*group, *sets, f"SE*{count or len(sets) + 1}*0001", "GE*1*1", "IEA*1*000000001"])


def member(*segments, ins="Y*18*021*20*A***FT"):
    return (f"INS*{ins}", *segments)


def read(text):
    return [one for message in EnvelopeReader(read_segments([text])) for one in read_members(message)]


def only(*segments, **options):
    (found,) = read(enrollment(member(*segments, **options)))
    return found


def codes(one):
    return [(problem.code, problem.where) for problem in one.problems]


def test_a_subscriber_is_read_whole():
    found = only(*ADDED, "DTP*348*D8*20260201", "DTP*349*D8*20261231")
    assert found.problems == ()
    assert (found.member_id, found.name, found.birth_date, found.sex) == ("S1", "JANE ROE", date(1980, 1, 1), "F")
    assert (found.plan_id, found.enrolled_from, found.enrolled_to) == ("PL1", date(2026, 2, 1), date(2027, 1, 1))


def test_a_dependent_has_the_id_that_their_claims_have():
    person = ("REF*0F*S1", "NM1*IL*1*ROE*TED", "DMG*D8*20150501*M")
    derived = only(*person, ins="N*19*021")
    assert derived.member_id == dependent_id("S1", date(2015, 5, 1), "M", "TED")
    assert only(*person, "REF*23*S1-02", ins="N*19*021").member_id == "S1-02"
    assert codes(only("REF*0F*S1", "NM1*IL*1*ROE*TED", ins="N*19*021")) == [("missing_segment", "INS, segment 5")]


def test_cover_that_is_not_medical_is_left_out():
    found = only(*ADDED, "DTP*348*D8*20260201", "HD*021**DEN*TEETH", "DTP*348*D8*19990101")
    assert (found.plan_id, found.enrolled_from) == ("PL1", date(2026, 2, 1))


def test_cover_without_an_end_reopens_and_silence_does_not():
    assert only(*ADDED).reopens
    assert not only("REF*0F*S1", "NM1*IL*1*ROE*JANE").reopens


@pytest.mark.parametrize(
    ("segments", "ins", "code", "where"),
    [
        (("NM1*IL*1*ROE*JANE",), "Y*18*021", "missing_segment", "INS"),
        ((*ADDED,), "Y*18*024", "missing_segment", "INS03"),
        ((*ADDED, "DTP*349*D8*20250101"), "Y*18*021", "invalid_date", "INS"),
        ((*ADDED, "DTP*349*D8*20260230"), "Y*18*021", "invalid_date", "DTP03"),
        (("REF*0F*S1", "DMG*D8*1980*F"), "Y*18*021", "invalid_date", "DMG02"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(segments, ins, code, where):
    assert [(one, place.partition(",")[0]) for one, place in codes(only(*segments, ins=ins))] == [(code, where)]


def test_a_member_beside_a_refused_one_is_read():
    found = read(enrollment(member(*ADDED), member("NM1*IL*1*A*B"), member("REF*0F*S3")))
    assert [bool(one.problems) for one in found] == [False, True, False]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"version": "004010X095A1"}, "unsupported_version"),
        ({"kind": "837"}, "unsupported_type"),
        ({"count": 3}, "segment_count"),
    ],
)
def test_an_unreliable_set_refuses_all_of_its_members(options, code):
    found = read(enrollment(member(*ADDED), member("REF*0F*S3"), **options))
    assert [[problem.code for problem in one.problems] for one in found] == [[code], [code]]


def test_a_cut_file_loses_its_last_member_only():
    text = enrollment(member(*ADDED), member("REF*0F*S3", "DTP*356*D8*20260101"))
    found = read(text[: text.index(b"S3") + 5])
    assert [[problem.code for problem in one.problems] for one in found] == [[], ["cut_off"]]


def rows(*lines):
    return list(read_member_rows(line + "\n" for line in lines))


HEADER = "member_id,name,birth_date,sex,plan_id,enrolled_from,enrolled_to"


def test_rows_of_a_csv_are_members():
    first, second = rows(HEADER, 'M1,"Roe, Jane",1980-01-01,F,PL1,2026-01-01,2027-01-01', "M2,,,,,,")
    assert (first.member_id, first.name, first.birth_date, first.sex) == ("M1", "Roe, Jane", date(1980, 1, 1), "F")
    assert (first.plan_id, first.enrolled_from, first.enrolled_to) == ("PL1", date(2026, 1, 1), date(2027, 1, 1))
    assert (second.name, second.birth_date, second.plan_id, second.reopens) == (None, None, None, True)
    assert not rows("member_id", "M1")[0].reopens


def test_the_ids_of_a_csv_are_normalized_as_those_of_claims():
    found = rows("member_id", "1001.0", '"=""00017"""', "M1")
    assert [one.member_id for one in found] == ["1001", "00017", "M1"]


@pytest.mark.parametrize(
    ("row", "code", "where"),
    [
        (",,,,,,", "invalid_member_id", "line 2, member_id"),
        ("1.5E+09,,,,,,", "invalid_member_id", "line 2, member_id"),
        ("M1,,1980-13-01,,,,", "invalid_birth_date", "line 2, birth_date"),
        ("M1,,,X,,,", "invalid_sex", "line 2, sex"),
        ("M1,,,,,2026-02-01,2026-01-01", "invalid_enrolled_to", "line 2, enrolled_to"),
        ("M1,,,,,,,more", "invalid_row", "line 2"),
        ('M1,"a"b,,,,,', "invalid_row", "line 2"),
    ],
)
def test_a_row_that_cannot_be_read_costs_itself_only(row, code, where):
    refused, taken = rows(HEADER, row, "M2,,,,,,")
    assert codes(refused) == [(code, where)]
    assert (taken.member_id, taken.problems) == ("M2", ())


@pytest.mark.parametrize("header", ["", "name", "member_id,colour", "member_id,member_id"])
def test_a_header_names_the_columns(header):
    with pytest.raises(InvalidTable, match="must name member_id"):
        rows(header, "M1")
