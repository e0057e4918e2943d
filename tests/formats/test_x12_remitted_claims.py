"""835 files as decided claims: what is read, what is refused, and what we write ourselves read back."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.history import HistoryAdjustment, HistoryClaim, HistoryLine, HistoryProblem, HistoryStatus
from formats.x12 import RemittedClaim
from tests.formats.history_files import LINE, file_of_sets, records_of, remittance, remitted, reversal
from tests.formats.test_x12_remittance import advice
from tests.formats.test_x12_remittance import remitted as written_claims
from tests.formats.x12_files import claim, file_of, public_files


def only_claim(*segments: str, **changes) -> HistoryClaim:
    (found,) = records_of(file_of_sets(remittance([*remitted(**changes), *segments])))
    assert isinstance(found, HistoryClaim), found
    return found


def only_problem(text: bytes) -> HistoryProblem:
    (found,) = records_of(text)
    assert isinstance(found, HistoryProblem), found
    return found


def test_a_claim_has_the_amounts_dates_lines_and_adjustments_of_its_loop():
    assert only_claim() == HistoryClaim(
        claim_id="ICN-1",
        claim_number="PCN-1",
        where="CLP, segment 10",
        member_id="M123",
        provider_id="1234567893",
        status=HistoryStatus.PAID,
        billed_cents=120_00,
        paid_cents=80_00,
        received_on=date(2026, 1, 7),
        decided_on=date(2026, 1, 20),
        service_from=date(2026, 1, 5),
        service_to=date(2026, 1, 5),
        lines=(HistoryLine(1, "99213", 1, 120_00, date(2026, 1, 5)),),
        adjustments=(
            HistoryAdjustment(1, "CO", "45", 30_00),
            HistoryAdjustment(1, "PR", "1", 5_00),
            HistoryAdjustment(1, "PR", "2", 5_00),
        ),
    )


def test_the_dates_of_the_claim_come_before_those_of_its_lines():
    found = only_claim(more=("DTM*232*20260101", "DTM*233*20260103"))
    assert (found.service_from, found.service_to) == (date(2026, 1, 1), date(2026, 1, 3))
    assert only_claim(more=("DTM*232*20260101",)).service_to == date(2026, 1, 1)


def test_a_claim_without_lines_has_its_own_adjustments():
    found = only_claim(more=("CAS*CO*45*40",), lines=())
    assert (found.lines, found.adjustments) == ((), (HistoryAdjustment(None, "CO", "45", 40_00),))
    assert (found.procedure_code, found.balanced) == (None, True)


def test_the_procedure_of_a_claim_is_that_of_its_most_expensive_line():
    lines = ("SVC*HC:P1*50*50", "SVC*HC:P2*70*30**3")
    found = only_claim(lines=lines)
    assert found.procedure_code == "P2"
    assert [line.units for line in found.lines] == [1, 3]


def test_adjustments_that_do_not_explain_the_payment_are_noticed():
    assert not only_claim(paid="79").balanced


@pytest.mark.parametrize(
    ("code", "status"),
    [*((code, HistoryStatus.PAID) for code in ("1", "2", "3", "19", "20", "21")), ("4", HistoryStatus.DENIED)],
)
def test_the_status_is_that_of_clp02(code, status):
    assert only_claim(status=code).status is status


def test_a_reversal_has_positive_amounts_and_takes_back_a_claim():
    (found,) = records_of(file_of_sets(remittance(reversal())))
    assert isinstance(found, HistoryClaim)
    assert (found.reverses, found.billed_cents, found.paid_cents) == (True, 120_00, 80_00)
    assert found.status is HistoryStatus.REVERSED


@pytest.mark.parametrize(
    ("segments", "where", "code"),
    [
        (remitted(status="23"), "CLP02", "invalid_code"),
        (remitted(status="25"), "CLP02", "invalid_code"),
        (remitted(status="9"), "CLP02", "invalid_code"),
        (remitted(charge="1.234"), "CLP03", "invalid_amount"),
        (remitted(charge="-120"), "CLP03", "invalid_amount"),
        (reversal(charge="120"), "CLP03", "invalid_amount"),
        (remitted(paid=""), "CLP04", "invalid_amount"),
        (remitted(control=""), "CLP07", "missing_element"),
        (remitted(control="X" * 65), "CLP07", "invalid_text"),
        (remitted(patient=()), "CLP", "missing_segment"),
        (remitted(patient=("NM1*QC*1*ROE*JANE",)), "NM109", "missing_element"),
        (remitted(lines=("SVC*HC>99213*120*80",)), "SVC01", "separator"),
        (remitted(lines=("SVC*HC*120*80",)), "SVC01", "separator"),
        (remitted(lines=("SVC*HC:99213*x*80",)), "SVC02", "invalid_amount"),
        (remitted(lines=("SVC*HC:99213*120*80**many",)), "SVC05", "invalid_quantity"),
        (remitted(lines=(*LINE, "DTM*472*20261301")), "DTM02", "invalid_date"),
        (remitted(lines=(*LINE, "CAS*CO*45*x")), "CAS03", "invalid_amount"),
        (remitted(lines=(*LINE, "CAS*CO**5")), "CAS02", "invalid_code"),
    ],
)
def test_a_claim_that_cannot_be_read_is_refused_and_the_next_is_taken(segments, where, code):
    problem, taken = records_of(file_of_sets(remittance(segments, remitted("PCN-2"))))
    assert isinstance(problem, HistoryProblem)
    assert isinstance(taken, HistoryClaim)
    assert (problem.claim_number, problem.where.partition(",")[0], problem.code) == ("PCN-1", where, code)
    assert problem.reason
    assert problem.remedy


def test_a_payee_is_needed():
    problem = only_problem(file_of_sets(remittance(remitted(), payee="N1*PR*PAYER")))
    assert problem.code == "missing_segment"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (file_of_sets(remittance(remitted()), version="004010X091A1"), "unsupported_version"),
        (file_of_sets(remittance(remitted(), kind="834")), "unsupported_type"),
        (file_of(claim()), "unsupported_type"),
        (file_of_sets([*remittance(remitted())[:-1], "SE*3*0001"]), "segment_count"),
    ],
)
def test_a_set_that_is_unreliable_or_no_835_is_refused(text, code):
    assert only_problem(text).code == code


def test_of_a_file_that_is_cut_off_the_last_claim_is_refused():
    whole = file_of_sets(remittance(remitted(), remitted("PCN-2")))
    cut = whole[: whole.index(b"SE*")]
    first, last = records_of(cut)
    assert isinstance(first, HistoryClaim)
    assert isinstance(last, HistoryProblem)
    assert (last.claim_number, last.code) == ("PCN-2", "cut_off")


@given(st.lists(written_claims(), min_size=1, max_size=4))
def test_an_advice_that_we_write_is_read_back_to_the_cent(claims: list[RemittedClaim]):
    found = records_of(advice(claims).encode())
    for sent, got in zip(claims, found, strict=True):
        assert isinstance(got, HistoryClaim)
        sign = -1 if sent.is_reversal else 1  # history has the amounts that a reversal takes back
        assert got.claim_id == sent.claim_id
        assert got.paid_cents == sign * sent.payment.paid_cents
        assert got.balanced
        assert [line.amount_cents for line in got.lines] == [
            sign * one.price.billed_cents for one in sent.payment.lines
        ]


@given(st.integers(min_value=0), st.binary(max_size=3))
def test_no_damage_raises(at: int, damage: bytes):
    text = file_of_sets(remittance(remitted(), reversal()))
    first, end = (
        text.index(b"BPR"),
        text.index(b"IEA"),
    )  # what follows the interchange begins with an ISA, or is refused
    start = first + at % (end - first)
    for one in records_of(text[:start] + damage + text[start + 1 :]):
        assert isinstance(one, HistoryClaim | HistoryProblem)


def test_public_remittances_are_read_or_refused_by_claim():
    read = {path.name: records_of(path.read_bytes()) for path in public_files("x12", "*.835")}
    claims = [one for records in read.values() for one in records if isinstance(one, HistoryClaim)]
    problems = [one for records in read.values() for one in records if isinstance(one, HistoryProblem)]
    assert [claim.billed_cents for claim in claims] == [211_366_97, 15_000_00]
    assert [problem.code for problem in problems] == ["separator", "separator"]
