"""What the scorer says about the models of its home, from the files that the commands write."""

import json
import math
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from claims.model_report import MODEL_REPORT, MODELS_PATH, MOST_ENTRIES
from models.artefact import models_folder, point
from pipelines import audit_trail
from pipelines.drift.report import Drift
from pipelines.evaluate import save
from serving import model_report as module
from serving.access import SERVED
from serving.model_report import ModelReportMiddleware, model_report, report_of
from tests.pipelines.test_evaluate import evaluated
from tests.pipelines.test_report_pages import drift
from tests.serving.makers import make_model


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_model(tmp_path, "m-1", seed=1)
    make_model(tmp_path, "m-2", seed=2, threshold=0.25)
    point(tmp_path, "m-1")
    point(tmp_path, "m-2")
    point(tmp_path, "m-1", role="challenger", canary_share=0.1)
    gates = {"beats_rule": {"outcome": "passed", "passed": True, "detail": "0.3"}}
    audit_trail.record(tmp_path, "compare", version="m-2", by="Ann", reason="checked", ap_over_champion=0.02)
    audit_trail.record(tmp_path, "promote", version="m-2", by="Ann", reason="every gate passed", gates=gates)
    return tmp_path


def store_drift(home: Path, found: Drift) -> None:
    (home / "reports").mkdir(exist_ok=True)
    (home / "reports" / "drift.json").write_text(json.dumps(found.as_json()))


def test_models_with_a_role_are_reported_with_their_evaluation(home: Path) -> None:
    made = evaluated()
    save(home / "reports" / "m-2", made, "<p>page</p>")
    found = model_report(home)
    assert found.problems == []
    by_version = {one.version: one for one in found.models}
    assert {version: list(one.roles) for version, one in by_version.items()} == {
        "m-2": ["champion"],
        "m-1": ["challenger", "previous champion"],
    }
    champion = by_version["m-2"]
    assert (champion.threshold, by_version["m-1"].canary_share) == (0.25, 0.1)
    assert champion.evaluated_on.startswith(f"{made.metrics.claims:,} claims")
    precision = next(one for one in champion.figures if one.name == "average precision")
    assert precision.value == pytest.approx(made.metrics.model.ap.value, rel=1e-5)
    assert len(champion.calibration) == len(made.metrics.calibration)
    assert by_version["m-1"].figures == []


def test_the_trail_is_the_latest_first_with_the_gates(home: Path) -> None:
    promoted, compared = model_report(home).trail
    assert (promoted.action, [one.gate for one in promoted.gates]) == ("promote", ["beats_rule"])
    assert (compared.action, compared.ap_over_champion) == ("compare", 0.02)
    for number in range(MOST_ENTRIES):
        audit_trail.record(home, "trust", version="m-2", by="Ann", reason=f"{number}")
    assert len(model_report(home).trail) == MOST_ENTRIES


def test_drift_is_what_the_last_report_measured(home: Path) -> None:
    assert model_report(home).drift is None
    written = drift()
    store_drift(home, written)
    found = model_report(home).drift
    assert found is not None
    assert [one.day for one in found.days] == [one.day for one in written.days]
    assert found.days[1].stability == {"amount": None}, "not a number is null"
    assert math.isnan(written.days[0].fraud_share)
    assert found.days[0].fraud_share is None
    assert found.days[2].alarms == 1
    assert found.since_training == written.since_training


def test_a_home_without_models_reports_nothing_and_no_problem(tmp_path: Path) -> None:
    found = model_report(tmp_path)
    assert (found.models, found.trail, found.drift, found.problems) == ([], [], None, [])


def test_what_cannot_be_read_is_a_problem_that_names_no_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "reports").mkdir()
    (home / "reports" / "drift.json").write_text("{")
    (models_folder(home) / "m-1" / "model.json").write_text("{}")
    with (models_folder(home) / "promotions.jsonl").open("a") as file:
        file.write("{}\n")
    found = model_report(home)
    assert len(found.problems) == 2
    assert not any(str(home) in one for one in found.problems)
    assert next(one for one in found.models if one.version == "m-1").problem is not None
    monkeypatch.setattr(module, "LARGEST_FILE", 10)
    assert any("larger than 10 bytes" in one for one in model_report(home).problems)
    (models_folder(home) / "champion.json").write_text("{")
    assert model_report(home).models == []


async def test_the_path_is_served_with_the_report_and_other_paths_go_on(home: Path) -> None:
    app = ModelReportMiddleware(PlainTextResponse("answered"), lambda: report_of(home))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scorer") as client:
        assert (await client.get("/v1/score")).text == "answered"
        answer = await client.get(MODELS_PATH)
    assert MODEL_REPORT.validate_json(answer.content) == MODEL_REPORT.validate_json(await report_of(home))
    assert MODELS_PATH in SERVED
