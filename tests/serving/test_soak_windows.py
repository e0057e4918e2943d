"""Response times of the soak by window."""

from benchmarks.chaos.stream import SubmittedClaim
from benchmarks.soak.windows import NO_FAULT, FaultPeriod, response_windows


def claim(at: float, ms: float, status: int = 201) -> SubmittedClaim:
    return SubmittedClaim(
        at=at,
        request=b"",
        of_member=False,
        first_status=status,
        ms=ms,
        retry_after=False,
        outcome_unknown=False,
        only_refused=False,
        status=status,
        claim_id="",
        decided_by="model",
    )


def test_windows_are_whole_and_end_with_the_run():
    claims = [claim(100.0 + second, float(second)) for second in range(70)]
    first, last = response_windows(claims, [], began=100.0, ended=170.0, window_s=30.0)
    assert (first.at_s, first.claims, first.p50_ms, first.p99_ms) == (10, 30, 25.0, 39.0)
    assert (last.at_s, last.claims, last.p50_ms, last.p99_ms) == (40, 30, 55.0, 69.0)


def test_a_run_shorter_than_a_window_has_none():
    assert response_windows([claim(1.0, 1.0)], [], began=0.0, ended=29.0, window_s=30.0) == []


def test_slow_claims_are_counted_by_the_fault_during_which_they_were_due():
    faults = [FaultPeriod("refused", 10.0, 13.0), FaultPeriod("reset", 40.0, 43.0)]
    calm = [claim(at, 5.0) for at in (0.0, *range(16, 40), *range(46, 100)) for _ in range(4)]
    slow = [claim(10.0, 900.0), claim(14.9, 800.0), claim(41.0, 700.0, status=503), claim(60.0, 600.0)]
    (window,) = response_windows([*calm, *slow], faults, began=0.0, ended=100.0, window_s=100.0)
    assert window.p99_ms == 600.0
    assert window.slow_by_fault == {"refused": 2, "reset": 1}
    assert (window.p99_without_faults_ms, window.refused) == (5.0, 1)


def test_a_slow_claim_without_a_fault_is_said_to_have_none():
    claims = [claim(at / 4, 5.0) for at in range(396)]
    slow = [claim(50.0, ms) for ms in (80.0, 85.0, 90.0, 95.0, 99.0)]
    (window,) = response_windows([*claims, *slow], [], began=0.0, ended=99.0, window_s=99.0)
    assert (window.p99_ms, window.slow_by_fault) == (80.0, {NO_FAULT: 4})
