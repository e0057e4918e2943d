"""What the worker makes leads with: the list of the command, and the expectation that lists are ordered by."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from api.leads import ScoredLeadClaim
from cli.review.selection import lead_tools
from core import clock
from core.settings import Settings
from models.recovery import RecoveryCentre, prior_model
from tests.api.console.setting import NOON, store_claim

MONDAY_AFTER = NOON + timedelta(days=7)
"""Of the week after that of the claims."""


def tools(url: str, home: Path, **changes: object):
    return lead_tools(url, Settings(home=home, **changes))


def listed(url: str) -> list[tuple[str, date, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT claim_id, week, selected_by FROM selections ORDER BY claim_id").fetchall()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))
    return tmp_path


def test_the_list_of_the_week_before_is_made_once(database_url: str, home: Path) -> None:
    for number in range(3):
        store_claim(database_url, f"clm_{number}", reason_text="H7")
    made = tools(database_url, home, review_capacity=2, review_audit_share=0.5)
    assert made.make_weekly_list is not None
    with clock.held(MONDAY_AFTER):
        made.make_weekly_list()
        first = listed(database_url)
        made.make_weekly_list()
    assert [week for _, week, _ in first] == [date(2026, 3, 2)] * 2
    assert sorted(by for _, _, by in first) == ["audit", "score"]
    assert listed(database_url) == first


def test_the_worker_needs_the_extras_of_its_image_only() -> None:
    absent = ("mlflow", "optuna", "matplotlib", "great_expectations", "sknetwork", "bentoml", "orjson", "catboost")
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in absent)
    imports = "import cli.review.selection; from models.recovery import RecoveryCentre; import pipelines.loop as loop; "
    used = "loop.recovery_of_findings, loop.salt_of, loop.select"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; {blocked}{imports}{used}"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_capacity_no_list_is_made(database_url: str, home: Path) -> None:
    assert tools(database_url, home, review_capacity=0).make_weekly_list is None


def test_what_is_expected_is_that_of_the_recovery_model_less_the_cost_of_the_review(
    database_url: str, home: Path
) -> None:
    import numpy as np

    made = tools(database_url, home, review_cost_cents=500)
    claims = [ScoredLeadClaim("a", 0.9, 100_00, 40_00), ScoredLeadClaim("b", 0.2, 900_00, None)]
    with clock.held(datetime(2026, 3, 3, tzinfo=UTC)):
        found = made.expected(claims)
    probabilities, amounts = np.array([0.9, 0.2]), np.array([100_00, 900_00])
    model = prior_model(RecoveryCentre.of(probabilities, amounts))
    values = model.expected(probabilities, amounts, np.array([40_00, np.nan]), review_cents=500)
    assert [one.cents for one in found] == [round(float(one)) for one in values.cents]
    assert all(one.low_cents <= one.cents <= one.high_cents for one in found)
    assert made.expected([]) == []
