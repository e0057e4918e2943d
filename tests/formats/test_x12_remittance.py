"""835: read back, balanced at the level of line, claim and advice, and accepted by another implementation."""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.cost_sharing import NOTHING_SHARED, CostSharing
from claims.payment import BENEFIT_USED_UP, LinePrice, itemize, reason_of_contract, reason_of_person
from formats.x12 import (
    Address,
    RemittancePayee,
    RemittancePayer,
    RemittedClaim,
    RemittedLine,
    Segment,
    read_segments,
    remittance_advice,
    write_interchange,
)

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
PAYER = RemittancePayer("GINJA HEALTH", "123456789", "1 MAIN STREET", "SPRINGFIELD", "IL", "62701", "5551234567")
PAYEE = RemittancePayee("CLINIC", "1234567893")
TERMS = CostSharing("PL1", DAY, None, 100_00, 20_00, 2_000, 500_00)
DECISIONS = ("paid", "benefit", "reduced", "denied", "rejected")


@st.composite
def remitted(draw: st.DrawFn) -> RemittedClaim:
    lines, prices = [], []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        billed = draw(st.integers(1, 900_00))
        allowed = draw(st.integers(0, billed))
        prices.append(LinePrice(number, billed, allowed, draw(st.integers(0, allowed) | st.just(0))))
        lines.append(RemittedLine("P0001", draw(st.sampled_from([(), ("26",), ("25", "59")])), number, DAY))
    payment = itemize(prices, draw(st.none() | st.just(TERMS)), NOTHING_SHARED)
    decision = draw(st.sampled_from(DECISIONS))
    if decision == "benefit":
        payment = payment.limited_to(draw(st.integers(0, 900_00)), BENEFIT_USED_UP)
    elif decision == "reduced":
        payment = payment.limited_to(draw(st.integers(0, 900_00)), reason_of_person("151", "units"))
    elif decision != "paid":
        payment = payment.denied(reason_of_person(None, "") if decision == "denied" else reason_of_contract("18"))
    claim_id = f"clm_{draw(st.integers(0, 10**9)):026}"
    business = draw(st.sampled_from([None, "commercial", "medicaid", "medicare"]))
    reverses = draw(st.booleans())
    payment = payment.reversal() if reverses else payment
    return RemittedClaim(claim_id, "M123", DAY, DAY, DAY, business, lines, payment, reverses)


def advice(claims: list[RemittedClaim], brought_cents: int = 0) -> str:
    group = remittance_advice(PAYER, PAYEE, claims, on=AT.date(), reference="REF1", brought_cents=brought_cents)
    return write_interchange(Address("30", PAYER.tax_id, "ZZ", PAYEE.npi, test=True), AT, 12, [group])


@dataclass
class Level:
    """A claim or line as it is read back."""

    charge: Decimal
    paid: Decimal
    member: Decimal = Decimal(0)
    adjusted: Decimal = Decimal(0)
    of_member: Decimal = Decimal(0)
    lines: list["Level"] = field(default_factory=list)


def read_back(text: str) -> tuple[Decimal, list[Level], list[Decimal]]:
    """The amount of the advice, its claims and the provider's adjustments.

    An adjustment belongs to the line or claim before it.
    """
    total, claims, of_provider = Decimal(0), list[Level](), list[Decimal]()
    for one in read_segments([text.encode()]):
        if one.name == "BPR":
            total = Decimal(one.element(2))
        elif one.name == "CLP":
            claims.append(Level(Decimal(one.element(3)), Decimal(one.element(4)), Decimal(one.element(5) or "0")))
        elif one.name == "SVC":
            claims[-1].lines.append(Level(Decimal(one.element(2)), Decimal(one.element(3))))
        elif one.name == "PLB":
            of_provider += [Decimal(one.element(at)) for at in (4, 6) if one.element(at)]
        elif one.name == "CAS":
            level = claims[-1].lines[-1] if claims[-1].lines else claims[-1]
            for amount in adjustments(one):
                level.adjusted += amount
                level.of_member += amount if one.element(1) == "PR" else 0
    return total, claims, of_provider


def adjustments(cas: Segment) -> Iterator[Decimal]:
    for at in range(3, 20, 3):
        if cas.element(at):
            yield Decimal(cas.element(at))


@given(st.lists(remitted(), max_size=5), st.just(0) | st.integers(0, 900_00))
def test_line_claim_and_advice_balance(claims: list[RemittedClaim], brought: int):
    """005010X221A1, section 1.10.2.1, read from the text alone."""
    total, found, of_provider = read_back(advice(claims, brought))
    assert len(found) == len(claims)
    for claim in found:
        for line in claim.lines:
            assert line.paid == line.charge - line.adjusted
        assert claim.charge == sum(line.charge for line in claim.lines)
        adjusted = claim.adjusted + sum(line.adjusted for line in claim.lines)
        assert claim.paid == claim.charge - adjusted
        assert claim.member == max(0, claim.of_member + sum(line.of_member for line in claim.lines))
    assert total == sum(claim.paid for claim in found) - sum(of_provider) >= 0
    assert sum(one for one in of_provider if one > 0) == Decimal(brought) / 100


def example(decision: str, *, other: int = 0, plan: CostSharing | None = TERMS) -> RemittedClaim:
    prices = [LinePrice(1, 400_00, 300_00, other), LinePrice(2, 50_00, 50_00)]
    payment = itemize(prices, plan, NOTHING_SHARED)
    if decision == "denied":
        payment = payment.denied(reason_of_person("96", "Not covered."))
    if decision == "benefit":
        payment = payment.limited_to(100_00, BENEFIT_USED_UP)
    lines = [RemittedLine("99213", ("25",), 2, DAY), RemittedLine("A0021", (), 1, DAY)]
    return RemittedClaim("clm_01m86p3ap6yntdyk7shqjq4hs9", "M123", DAY, DAY, DAY, "medicaid", lines, payment)


def reversed_(claim: RemittedClaim) -> RemittedClaim:
    return replace(claim, payment=claim.payment.reversal(), is_reversal=True)


FILES = {
    "paid": [example("paid")],
    "paid after another payer": [example("paid", other=100_00)],
    "a plan without cost sharing": [example("paid", plan=None)],
    "the benefit limit": [example("benefit")],
    "only a denied claim": [example("denied")],
    "several": [example("paid"), example("denied"), example("benefit")],
    "none": [],
    "a reversal and its correction": [reversed_(example("paid")), example("benefit")],
    "only a reversal": [reversed_(example("benefit", other=10_00))],
    "the reversal of a denial": [reversed_(example("denied"))],
}


def errors(text: str, folder: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What pyx12 finds wrong; it writes no 999 about a message without ST03, which an 835 must not have."""
    validator = pytest.importorskip("pyx12.x12n_document")
    params = pytest.importorskip("pyx12.params").params()
    path = folder / "advice.835"
    path.write_text(text)
    caplog.clear()
    with caplog.at_level(logging.ERROR, "pyx12"):
        valid = validator.x12n_document(params, str(path), io.StringIO(), None, None)
    found = [one.message for one in caplog.records if one.message != "Failed to create 999 response"]
    assert valid == (not found)
    return found


@pytest.mark.parametrize("name", FILES)
def test_another_implementation_accepts_the_advice(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert errors(advice(FILES[name]), tmp_path, caplog) == []


def test_another_implementation_refuses_other_codes_than_the_guides(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    text = advice(FILES["paid"])
    for right, wrong in (("CAS*PR*", "CAS*XX*"), ("*I*", "*Q*"), ("N1*PE*", "N1*ZZ*")):
        assert right in text
        assert errors(text.replace(right, wrong), tmp_path, caplog)


def test_the_segments_of_a_claim_say_what_was_decided():
    segments = advice([example("benefit", other=10_00)]).split("~")
    found = [one for one in segments if one.startswith(("CLP", "SVC", "CAS", "LQ"))]
    assert found == [
        "CLP*clm_01m86p3ap6yntdyk7shqjq4hs9*2*450.00*100.00*240.00*MC*clm_01m86p3ap6yntdyk7shqjq4hs9",
        "SVC*HC:99213:25*400.00*100.00**2",
        "CAS*CO*45*100.00",
        "CAS*PR*1*100.00**3*20.00**2*26.00**119*44.00",
        "CAS*OA*23*10.00",
        "LQ*HE*N130",
        "SVC*HC:A0021*50.00*0.00**1",
        "CAS*PR*2*10.00**119*40.00",
        "LQ*HE*N130",
    ]


def test_another_implementation_accepts_a_balance_from_the_advice_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    text = advice(FILES["only a reversal"], 30_00)
    assert "PLB*1234567893*20261231*FB:REF1*30.00*FB:REF1*-130.00~" in text
    assert errors(text, tmp_path, caplog) == []


def test_a_reversal_has_status_22_and_negative_amounts():
    segments = advice([reversed_(example("paid"))]).split("~")
    assert [one for one in segments if one.startswith(("CLP", "SVC", "CAS", "AMT"))] == [
        "CLP*clm_01m86p3ap6yntdyk7shqjq4hs9*22*-450.00*-184.00**MC*clm_01m86p3ap6yntdyk7shqjq4hs9",
        "SVC*HC:99213:25*-400.00*-144.00**2",
        "CAS*CO*45*-100.00",
        "CAS*PR*1*-100.00**3*-20.00**2*-36.00",
        "SVC*HC:A0021*-50.00*-40.00**1",
        "CAS*PR*2*-10.00",
    ]


def test_a_denied_claim_is_status_four_and_has_no_allowed_amount():
    text = advice([example("denied")])
    assert "CLP*clm_01m86p3ap6yntdyk7shqjq4hs9*4*450.00*0.00*450.00*" in text
    assert "AMT*B6" not in text
    assert "BPR*H*0*C*NON" in text
