"""Segments and envelopes: any delimiters, any chunks, any cut."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.x12 import MAX_SEGMENT, Delimiters, EnvelopeReader, InvalidX12, X12Code, read_segments
from tests.formats.x12_files import Subscriber, claim, interchange, read, set_of, written
from tests.work import measured

SEGMENTS = interchange(set_of(Subscriber([claim(), claim("A-2")])))
MARKS = "*:~^|!<>@;\x1c\x1d\x1e\n\r\t"

delimiters = st.permutations(MARKS).map(lambda marks: Delimiters(*marks[:4]))


def of(segments):
    return [(one.name, one.elements, one.complete) for one in segments]


@given(delimiters)
def test_the_delimiters_are_those_that_isa_declares(declared):
    text = written(SEGMENTS, declared, end="")
    found = list(read_segments([text]))
    assert [one.name for one in found] == [segment.partition("*")[0] for segment in SEGMENTS]
    assert {one.delimiters for one in found} == {declared}
    (charge, _) = (one for one in found if one.name == "CLM")
    assert charge.components(5) == ("11", "B", "1")


@given(st.data())
def test_segments_do_not_depend_on_how_the_text_is_divided(data):
    text = written(SEGMENTS)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=30)))
    chunks = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    assert of(read_segments(chunks)) == of(read_segments([text]))


@given(st.integers(0, len(written(SEGMENTS))))
def test_a_cut_text_has_the_same_complete_segments_as_the_whole(end):
    text = written(SEGMENTS)
    try:
        found = list(read_segments([text[:end]]))
    except InvalidX12:
        assert end < 106
        return
    whole = list(read_segments([text]))
    complete = [one for one in found if one.complete]
    assert of(complete) == of(whole[: len(complete)])
    assert [one.complete for one in found[:-1]] == [True] * max(0, len(found) - 1)


@given(st.integers(0, len(written(SEGMENTS))))
def test_no_claim_of_a_cut_file_is_read_differently_from_the_whole_file(end):
    whole = {one.claim_number: one.claim for of in read(written(SEGMENTS))[0] for one in of.claims}
    try:
        sets, _ = read(written(SEGMENTS)[:end])
    except InvalidX12:
        return
    for one in (found for of in sets for found in of.claims):
        assert one.claim is None or one.claim == whole[one.claim_number]


@given(st.binary(max_size=400))
def test_bytes_are_segments_or_are_refused(text):
    for prefix in (b"", b"ISA", written(SEGMENTS)[:150]):
        with contextlib.suppress(InvalidX12):
            for message in EnvelopeReader(read_segments([prefix + text])):
                assert message.segments[0].name == "ST"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", None),
        (b"hello", "does not begin with an ISA segment"),
        (b'{"a": 1}', "does not begin with an ISA segment"),
        (written(SEGMENTS)[:50], "does not have 16 elements"),
        (written(SEGMENTS)[:105], "ends within its ISA segment"),
        (written(SEGMENTS).replace(b"*T*:", b"*T**"), "the same character for two delimiters"),
        (written(SEGMENTS).replace(b"*T*:", b"*T*A"), "a letter, a digit or a blank"),
        (written(SEGMENTS) + b"rest~", "does not begin with an ISA segment"),
    ],
)
def test_a_text_without_a_usable_isa_segment_is_refused(text, reason):
    if reason is None:
        assert list(read_segments([text])) == []
        return
    with pytest.raises(InvalidX12, match=reason):
        list(read_segments([text]))


def test_interchanges_of_one_file_have_delimiters_of_their_own():
    other = Delimiters("|", ">", "\n", "!")
    text = written(SEGMENTS) + written(SEGMENTS, other, end="")
    sets, reader = read(text)
    assert [one.message.header.delimiters for one in sets] == [Delimiters(), other]
    assert [claim.problems for one in sets for claim in one.claims] == [()] * 4
    assert reader.problems == []


def test_before_5010_there_is_no_repetition_separator():
    (first, *_) = read_segments([written(interchange(isa_version="00401"))])
    assert first.delimiters.repetition is None


def test_a_segment_without_terminator_ends_the_text():
    text = written(SEGMENTS[:3]) + b"NTE*" + b"x" * (MAX_SEGMENT + 1)
    *_, last = read_segments([text])
    assert (last.name, last.complete, len(last.element(1))) == ("NTE", False, MAX_SEGMENT - 4)


@pytest.mark.parametrize("piece", [b"A", b"A*", b"~", b"\n", b"A~", b"SE~", b"HL*1**20*1~CLM*1~", b"LX*1~SV1*HC:A*1~"])
def test_the_work_is_linear_in_the_size_of_the_text(piece):
    start = written(interchange(set_of(Subscriber([claim()])))[:-3])

    def work(times: int) -> int:
        text = start + piece * times
        with measured() as found:
            for one in read(text)[0]:
                assert one.status
        return found.lines

    assert work(1_000) < 3 * work(500)


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (lambda s: [*s[:-1]], X12Code.TRAILER, "ISA, segment 1"),
        (lambda s: [*s[:-2], "GE*7*1", s[-1]], X12Code.SEGMENT_COUNT, "GE01, segment 34"),
        (lambda s: [*s[:-2], "GE*1*7", s[-1]], X12Code.CONTROL_NUMBER, "GE02, segment 34"),
        (lambda s: [*s[:-1], "IEA*1*7"], X12Code.CONTROL_NUMBER, "IEA02, segment 35"),
        (lambda s: [*s[:2], "NTE*ADD*X", *s[2:]], X12Code.OUTSIDE, "NTE, segment 3"),
    ],
)
def test_what_is_wrong_around_transaction_sets_is_reported(change, code, where):
    sets, reader = read(written(change(SEGMENTS)))
    assert [(one.code, one.where) for one in reader.problems] == [(code, where)]
    assert [claim.problems for one in sets for claim in one.claims] == [(), ()]
