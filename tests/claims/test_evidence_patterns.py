"""Patterns of a claims schedule, which a reader counts again."""

import dataclasses
from datetime import timedelta

from claims.evidence import PatternFact, PatternUnit, PeerGroup, ScheduledClaim, ScheduledLine, schedule_patterns
from claims.evidence import main_procedures as procedures_of
from claims.evidence.patterns import pattern_fault
from tests.claims.evidence_packs import DAY, make_scheduled_claim

PEERS = PeerGroup("lines of other providers", 212, 90_00, 140_00, 170_00)


def line(code: str, billed: int, units: int = 1) -> ScheduledLine:
    return ScheduledLine(1, code, (), units, DAY, billed, None)


def by_name(claims: list[ScheduledClaim], **peers: PeerGroup) -> dict[str, PatternFact]:
    return {one.name: one for one in schedule_patterns(claims, peers)}


def test_the_price_of_a_unit_is_compared_with_peers() -> None:
    claims = [
        make_scheduled_claim(1, lines=(line("A", 300_00, 3),)),
        make_scheduled_claim(2, lines=(line("A", 150_00),)),
        make_scheduled_claim(3, lines=(line("A", 120_00), line("B", 1_00))),
    ]
    found = by_name(claims, A=PEERS)["billed_per_unit:A"]
    assert (found.value, found.unit, found.claims) == (120_00, PatternUnit.MONEY, ("clm_1", "clm_2", "clm_3"))
    assert found.peers == PEERS
    assert by_name(claims, A=PEERS)["billed_per_unit:B"].peers is None


def test_procedures_with_the_highest_sums_are_compared() -> None:
    lines = tuple(line(code, billed) for code, billed in (("A", 1), ("B", 9), ("C", 5), ("D", 5), ("E", 2)))
    assert procedures_of([make_scheduled_claim(1, lines=lines)]) == ["B", "C", "D"]


def test_the_busiest_day_counts_its_claims() -> None:
    later = DAY + timedelta(days=1)
    claims = [
        make_scheduled_claim(1),
        make_scheduled_claim(2, service_from=later, service_to=later),
        make_scheduled_claim(3),
    ]
    found = by_name(claims)["claims_on_busiest_day"]
    assert (found.value, found.claims) == (2.0, ("clm_1", "clm_3"))


def test_a_repeated_service_is_of_the_same_member_and_day() -> None:
    claims = [make_scheduled_claim(1, member="M1"), make_scheduled_claim(2, member="M1"), make_scheduled_claim(3)]
    assert by_name(claims)["repeated_services"].claims == ("clm_1", "clm_2")
    assert "repeated_services" not in by_name([make_scheduled_claim(1), make_scheduled_claim(2)]), "there is none"


def test_claims_with_findings_are_a_share_of_all() -> None:
    claims = [make_scheduled_claim(1), make_scheduled_claim(2, edits=())]
    found = by_name(claims)["claims_with_findings"]
    assert (found.value, found.unit, found.claims) == (0.5, PatternUnit.SHARE, ("clm_1",))


def test_a_schedule_without_claims_has_no_pattern() -> None:
    assert schedule_patterns([], {}) == ()


def test_a_pattern_that_the_schedule_does_not_give_is_found() -> None:
    claims = [make_scheduled_claim(1), make_scheduled_claim(2)]
    for stated in schedule_patterns(claims, {}):
        assert pattern_fault(stated, claims) is None
        value = dataclasses.replace(stated, value=stated.value + 1)
        assert "the schedule gives" in (pattern_fault(value, claims) or "")
        fewer = dataclasses.replace(stated, claims=stated.claims[1:])
        assert "other claims" in (pattern_fault(fewer, claims) or "")
