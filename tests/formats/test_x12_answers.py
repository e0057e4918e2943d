"""999 and 277CA: what they say, and that another implementation of the guides accepts them."""

import io
import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from formats.x12 import Address, claim_acknowledgement, implementation_acknowledgement, write_interchange
from tests.formats.x12_files import (
    INSTITUTIONAL,
    TWO_LINES,
    Subscriber,
    answered,
    claim,
    interchange,
    read,
    set_of,
    written,
)

TO = Address("ZZ", "RECEIVER", "ZZ", "SENDER", test=True)
FILES = {
    "all claims are taken": [set_of(Subscriber([claim(), claim("B")]))],
    "a claim is refused": [set_of(Subscriber([claim(), claim("B", amount="x", lines=[*TWO_LINES, "LX*3"])]))],
    "a claim has notes": [set_of(Subscriber([claim()]), version=INSTITUTIONAL)],
    "a set is refused": [set_of(Subscriber([claim()])), set_of(Subscriber([claim("B")]), control="0002", count=3)],
    "all is refused": [set_of(Subscriber([claim()]), version="004010X098A1")],
    "two providers": [set_of(Subscriber([claim()]), Subscriber([claim("B")], "M124", "H457"))],
    "reserved characters": [set_of(Subscriber([claim("A~B".replace("~", "&") + " ^")]))],
}


def answer(sets, *, groups="both"):
    found, _ = read(written(interchange(*sets)))
    on = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
    written_groups = [implementation_acknowledgement(found)]
    status = claim_acknowledgement(answered(found), date(2026, 3, 4), "000000001")
    written_groups += [status] if status.sets else []
    return write_interchange(TO, on, 12, written_groups)


def lines(text: str, *names: str) -> list[str]:
    return [one for one in text.split("~") if one.startswith(names)]


@pytest.mark.parametrize("name", FILES)
def test_another_implementation_accepts_the_answers(name: str, tmp_path: Path, caplog):
    validator = pytest.importorskip("pyx12.x12n_document")
    params = pytest.importorskip("pyx12.params").params()
    path = tmp_path / "answer.x12"
    path.write_text(answer(FILES[name]))
    with caplog.at_level(logging.ERROR, "pyx12"):
        valid = validator.x12n_document(params, str(path), io.StringIO(), None, None)
    assert [record.message for record in caplog.records] == []
    assert valid


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all claims are taken", ["IK5*A", "AK9*A*1*1*1"]),
        ("a claim is refused", ["IK5*E*5", "AK9*E*1*1*1"]),
        ("a claim has notes", ["IK5*E*5", "AK9*E*1*1*1"]),
        ("a set is refused", ["IK5*A", "IK5*R*4", "AK9*P*2*2*1"]),
        ("all is refused", ["IK5*R*I6", "AK9*R*1*1*0"]),
    ],
)
def test_the_999_says_what_became_of_each_set(name, expected):
    assert lines(answer(FILES[name]), "IK5", "AK9") == expected


def test_the_999_names_segment_element_and_claim():
    found = lines(answer(FILES["a claim is refused"]), "IK3", "CTX", "IK4")
    assert found == ["IK3*CLM*23**8", "CTX*CLM01:B", "IK4*2**6", "IK3*LX*31**3", "CTX*CLM01:B"]


def test_the_277ca_counts_and_sums_what_was_taken_and_refused():
    text = answer(FILES["a claim is refused"])
    assert lines(text, "QTY", "AMT") == ["QTY*90*1", "QTY*AA*1", "AMT*YU*1300.00", "AMT*YY*0.00"]
    assert lines(text, "STC") == [
        "STC*A1:19:PR*20260304*WQ*1300.00",
        "STC*A1:19**WQ*1300.00",
        "STC*A2:20*20260304*WQ*1300.00",
        "STC*A3:21*20260304*U*0.00",
    ]


def test_delimiters_in_values_become_blanks():
    text = answer(FILES["reserved characters"])
    assert lines(text, "TRN*2*A") == ["TRN*2*A&B"]
