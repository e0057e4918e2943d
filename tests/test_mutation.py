"""The figures of `make mutation`: what counts as killed, by package."""

from dataclasses import asdict

import pytest

from benchmarks.mutation import figures


def test_a_mutant_is_killed_by_a_failed_test_or_a_timeout_and_survives_otherwise() -> None:
    statuses = ["killed", "timeout", "survived", "no tests", "not checked", "suspicious", "segfault", "skipped"]
    results = {f"claims.money.x_f__mutmut_{n}": status for n, status in enumerate(statuses)}
    results |= {"api.identity.roles.x_f__mutmut_1": "killed", "pipelines.promote.gates.x_f__mutmut_1": "survived"}
    assert asdict(figures(results)) == {
        "score": 0.3,
        "killed": 3,
        "survived": 7,
        "packages": {
            "api/identity": {"score": 1.0, "killed": 1, "survived": 0},
            "claims": {"score": 0.25, "killed": 2, "survived": 6},
            "pipelines/promote": {"score": 0.0, "killed": 0, "survived": 1},
        },
    }


def test_without_mutants_the_score_is_zero() -> None:
    assert figures({}).score == 0.0


def test_a_mutant_of_another_package_is_refused() -> None:
    with pytest.raises(StopIteration):
        figures({"models.x__mutmut_1": "killed"})
