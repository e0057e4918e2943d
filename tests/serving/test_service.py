"""The scorer over HTTP: a real process, a real Valkey, real models."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from benchmarks.proxy import Fault
from claims.attributes import Attribute, AttributeType, window_attributes
from claims.score_check import parse_score, parse_scores
from claims.scoring import (
    DETAILS_PATH,
    SERVER_TIME_HEADER,
    STORE_POSITION_HEADER,
    ClaimFacts,
    ExplanationDetails,
    Score,
)
from claims.windows import EntityWindow
from core import clock
from features.declare import VIEWS
from features.online import OnlineReader, connect
from features.vector import AttributeEncoder
from models.artefact import SIGNATURE, Pointer, load_pointed, point, sign_artefact, target_of, unpoint
from models.scorer import Scorer
from tests.serving.conftest import SERVE, RunningScorer
from tests.serving.makers import a_claim, make_model

CONTRACTS = Path(__file__).parents[1] / "contracts"


def body(claim: ClaimFacts, states: object = None) -> dict[str, object]:
    return {"claim": claim.model_dump(mode="json"), "states": states}


def ask(scorer: RunningScorer, claim: ClaimFacts, states: object = None, **headers: str) -> httpx.Response:
    return scorer.client.post("/v1/score", json=body(claim, states), headers=headers)


def score_of(scorer: RunningScorer, claim: ClaimFacts, states: object = None) -> Score:
    answer = ask(scorer, claim, states)
    assert answer.status_code == 200, answer.text
    return parse_score(answer.content, claim.claim_id)


def until(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)


def serve_only(scorer: RunningScorer, version: str, **model: float) -> None:
    """Let `version` be the champion, without a challenger, and wait until it serves."""
    make_model(scorer.home, version, seed=int(model.get("seed", 1)), threshold=model.get("threshold", 0.5))
    unpoint(scorer.home, "challenger")
    point(scorer.home, version)
    until(lambda: condition_of(scorer) == (version, None))


def condition_of(scorer: RunningScorer) -> tuple[str | None, str | None]:
    condition = scorer.client.get("/").json()
    return condition["model_version"], condition["challenger_version"]


def metric(scorer: RunningScorer, name: str, **labels: str) -> float:
    total = 0.0
    for line in scorer.client.get("/metrics").text.splitlines():
        found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
        if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
            total += float(found[2])
    return total


def test_a_score_fulfils_the_contract(scorer: RunningScorer) -> None:
    claim = a_claim()
    score = score_of(scorer, claim)
    assert score.stale_views == []
    assert score.reasons
    example = json.loads((CONTRACTS / "score_response.json").read_text())
    assert set(example) <= set(json.loads(ask(scorer, claim).content))


def test_the_scorer_collects_its_garbage_regularly(scorer: RunningScorer) -> None:
    text = scorer.client.get("/metrics").text
    assert re.search(r'^ginja_background_failing{.*task="garbage".*} 0.0$', text, re.MULTILINE)


def test_a_score_is_the_models_output_for_the_stored_states(scorer: RunningScorer) -> None:
    claim = a_claim(amount_cents=123_456)
    served = score_of(scorer, claim)
    model = Scorer(load_pointed(scorer.home, target_of(scorer.home, served.model_version)))
    reading = OnlineReader(connect(scorer.store_url, deadline_ms=1_000)).read(claim)
    assert served == model.score(claim, reading)


def test_states_in_the_request_are_used_in_place_of_the_store(scorer: RunningScorer) -> None:
    claim = a_claim()
    reading = OnlineReader(connect(scorer.store_url, deadline_ms=1_000)).read(claim).to_wire()
    with_history = score_of(scorer, claim, reading)
    reading["rows"]["provider_history"] = None
    without = score_of(scorer, claim, reading)
    assert with_history.vector["provider_claims_30d"] is not None
    assert without.vector["provider_claims_30d"] is None


def explain(scorer: RunningScorer, **other: object) -> httpx.Response:
    served = score_of(scorer, a_claim())
    sent = {"model_version": served.model_version, "vector": served.vector, "specialty": a_claim().specialty}
    return scorer.client.post(DETAILS_PATH, json=sent | other)


def test_a_scored_vector_is_explained_further_by_its_model(scorer: RunningScorer) -> None:
    answer = explain(scorer)
    assert answer.status_code == 200, answer.text
    details = ExplanationDetails.model_validate_json(answer.content)
    assert details.interaction is not None
    assert details.interaction.text
    assert details.peers is None  # this model keeps no honest claims


def test_a_vector_of_a_model_that_does_not_serve_is_not_explained(scorer: RunningScorer) -> None:
    answer = explain(scorer, model_version="another")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ginja:scoring:model-not-loaded")


@pytest.mark.parametrize("vector", [{}, {"units": 1.0}, {"units": "many"}])
def test_a_vector_that_is_not_the_models_is_refused(scorer: RunningScorer, vector: dict[str, object]) -> None:
    answer = explain(scorer, vector=vector)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("vector")


def with_position(scorer: RunningScorer, position: str) -> httpx.Response:
    return scorer.client.post("/v1/score", json=body(a_claim()), headers={STORE_POSITION_HEADER: position})


def test_no_row_of_a_store_behind_the_required_position_is_used(scorer: RunningScorer) -> None:
    assert set(with_position(scorer, "0.1").json()["stale_views"]) == {view.name for view in VIEWS}
    assert with_position(scorer, "0.0").json()["stale_views"] == []


def test_a_position_that_is_not_one_is_refused(scorer: RunningScorer) -> None:
    answer = with_position(scorer, "latest")
    assert answer.status_code == 422
    assert STORE_POSITION_HEADER in answer.json()["detail"]


def test_every_response_states_the_time(scorer: RunningScorer) -> None:
    for answer in (ask(scorer, a_claim()), with_position(scorer, "latest"), scorer.client.get("/readyz")):
        assert answer.headers[SERVER_TIME_HEADER].isdigit()


def test_malformed_states_are_invalid(scorer: RunningScorer) -> None:
    answer = ask(scorer, a_claim(), {"rows": {"provider_history": [1, 2]}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "states"


def test_scores_of_a_batch_are_returned_in_its_order(scorer: RunningScorer) -> None:
    claims = [a_claim(claim_id=f"clm_{number}", amount_cents=1_000 + number) for number in range(30)]
    answer = scorer.client.post("/v1/score_batch", json={"requests": [body(claim) for claim in claims]})
    scores = parse_scores(answer.content, [claim.claim_id for claim in claims])
    assert [score.claim_id for score in scores] == [claim.claim_id for claim in claims]
    assert scores[3].margin == score_of(scorer, claims[3]).margin


def test_an_invalid_request_is_a_problem_and_its_member_is_not_logged(scorer: RunningScorer) -> None:
    bad = body(a_claim())
    bad["claim"] |= {"amount_cents": -1, "sex": "M-secret-1"}  # type: ignore[operator]
    answer = scorer.client.post("/v1/score", json=bad)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["field"] for error in answer.json()["errors"]} == {"claim.amount_cents", "claim.sex"}
    assert "M-secret-1" not in answer.text
    assert "M-secret" not in scorer.log.read_text()


def test_late_work_is_refused(scorer: RunningScorer) -> None:
    answer = ask(scorer, a_claim(), **{"Ginja-Deadline": str(clock.micros(clock.now()) // 1_000 - 1)})
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:ginja:scoring:late")


def test_no_page_loads_anything_from_the_web(scorer: RunningScorer) -> None:
    answer = scorer.client.get("/")
    assert answer.headers["content-type"] == "application/json"
    assert "://" not in answer.text


def test_scores_are_counted_by_model(scorer: RunningScorer) -> None:
    before = metric(scorer, "ginja_scores_total")
    score_of(scorer, a_claim())
    assert metric(scorer, "ginja_scores_total") == before + 1
    assert metric(scorer, "ginja_states_read_seconds_count") > 0


def test_the_direct_way_of_a_claim_is_counted_by_bentoml_and_serves_post_only(scorer: RunningScorer) -> None:
    counted = {"endpoint": "/v1/score", "http_response_code": "200"}
    before = metric(scorer, "bentoml_service_request_total", **counted)
    score_of(scorer, a_claim())
    assert metric(scorer, "bentoml_service_request_total", **counted) == before + 1
    assert scorer.client.get("/v1/score").status_code == 405


def test_a_promotion_fails_no_request(scorer: RunningScorer) -> None:
    serve_only(scorer, "before")
    make_model(scorer.home, "after", seed=2)
    point(scorer.home, "after")
    versions = []
    until(lambda: versions.append(score_of(scorer, a_claim()).model_version) or versions[-1] == "after")
    assert set(versions) == {"before", "after"}
    assert versions == sorted(versions, reverse=True)


def test_a_corrupt_model_is_refused_and_the_previous_one_keeps_serving(scorer: RunningScorer) -> None:
    serve_only(scorer, "sound")
    folder = make_model(scorer.home, "damaged", seed=3)
    pointer = Pointer(**target_of(scorer.home, "damaged").model_dump())
    raw = bytearray((folder / "model.ubj").read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / "model.ubj").write_bytes(raw)
    refused = metric(scorer, "ginja_model_reloads_refused_total", role="champion")
    (scorer.home / "models" / "champion.json").write_text(pointer.model_dump_json())
    until(lambda: metric(scorer, "ginja_model_reloads_refused_total", role="champion") > refused)
    assert score_of(scorer, a_claim()).model_version == "sound"
    assert '"model refused, previous model keeps serving"' in scorer.log.read_text()


def test_a_model_without_a_trusted_signature_is_refused_until_it_is_signed(scorer: RunningScorer) -> None:
    serve_only(scorer, "signed")
    folder = make_model(scorer.home, "unsigned", seed=4)
    target = target_of(scorer.home, "unsigned")
    (folder / SIGNATURE).unlink()
    refused = metric(scorer, "ginja_model_reloads_refused_total", reason="ArtefactUnsignedError")
    (scorer.home / "models" / "champion.json").write_text(Pointer(**target.model_dump()).model_dump_json())
    until(lambda: metric(scorer, "ginja_model_reloads_refused_total", reason="ArtefactUnsignedError") > refused)
    assert score_of(scorer, a_claim()).model_version == "signed"
    assert "ginja model sign --model unsigned" in scorer.log.read_text()
    sign_artefact(folder, expected_manifest_sha256=target.manifest_sha256)
    until(lambda: condition_of(scorer)[0] == "unsigned")


def test_a_challenger_scores_in_the_shadow(scorer: RunningScorer) -> None:
    serve_only(scorer, "champion")
    make_model(scorer.home, "challenger", seed=4)
    point(scorer.home, "challenger", role="challenger")
    until(lambda: condition_of(scorer) == ("champion", "challenger"))
    score = score_of(scorer, a_claim())
    assert score.model_version == "champion"
    assert score.shadow is not None
    assert score.shadow.model_version == "challenger"
    assert score.shadow.margin != score.margin


def test_a_canary_always_decides_the_same_share_of_the_claims(scorer: RunningScorer) -> None:
    serve_only(scorer, "champion-2")
    make_model(scorer.home, "canary", seed=5)
    point(scorer.home, "canary", role="challenger", canary_share=0.5)
    until(lambda: condition_of(scorer) == ("champion-2", "canary"))
    claims = [a_claim(claim_id=f"clm_{number}") for number in range(40)]
    first = [score_of(scorer, claim).model_version for claim in claims]
    assert 8 <= first.count("canary") <= 32
    assert first == [score_of(scorer, claim).model_version for claim in claims]


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.HALF_OPEN, Fault.SLOW, Fault.TRICKLE, Fault.RESET])
def test_without_the_online_store_a_claim_with_states_is_scored_and_others_are_refused(
    scorer: RunningScorer, fault: Fault
) -> None:
    claim = a_claim()
    reading = OnlineReader(connect(scorer.store_url, deadline_ms=1_000)).read(claim).to_wire()
    scorer.way.set(fault)
    try:
        answer = ask(scorer, claim)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:ginja:scoring:states-unavailable")
        assert ask(scorer, claim, reading).status_code == 200
        until(lambda: scorer.client.get("/readyz").status_code == 503)
        assert scorer.client.get("/readyz").json()["missing"] == ["online store"]
    finally:
        scorer.way.set(Fault.NONE)
    until(lambda: scorer.client.get("/readyz").status_code == 200)
    assert ask(scorer, claim).status_code == 200


def test_a_killed_worker_is_started_again(scorer: RunningScorer) -> None:
    (worker,) = scorer.workers()
    worker.kill()
    worker.wait()
    claim = a_claim()

    def scored() -> bool:
        try:
            return ask(scorer, claim).status_code == 200
        except httpx.TransportError:
            return False

    until(scored, within=30)
    assert scorer.workers() != [worker]


def test_a_used_port_is_named(scorer: RunningScorer) -> None:
    done = subprocess.run(
        [sys.executable, *SERVE, "--port", str(scorer.port)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"127.0.0.1:{scorer.port}" in done.stderr
    assert "GINJA_SCORER_PORT" in done.stderr


def test_attributes_of_a_claim_are_scored_and_one_of_another_type_is_refused(scorer: RunningScorer) -> None:
    declared = Attribute(type=AttributeType.NUMBER, meaning="Age of the vehicle", unit="years")
    encoder = AttributeEncoder(name="vehicle_age", attribute=declared)
    make_model(scorer.home, "own-1", attributes=(encoder,))
    unpoint(scorer.home, "challenger")
    point(scorer.home, "own-1")
    until(lambda: condition_of(scorer) == ("own-1", None))
    stated = score_of(scorer, a_claim(attributes={"vehicle_age": 3.5, "of_no_model": "x"}))
    assert stated.vector["own_vehicle_age"] == 3.5
    assert scorer.client.get("/v1/windows").json() == {"windows": {}}
    silent = score_of(scorer, a_claim())
    assert silent.vector["own_vehicle_age"] is None
    assert silent.gain_present <= stated.gain_present
    wrong = a_claim(attributes={"vehicle_age": "secret"})
    batch = {"requests": [body(a_claim()), body(wrong)]}
    for answer in (ask(scorer, wrong), scorer.client.post("/v1/score_batch", json=batch)):
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"field": "claim.attributes", "message": "attributes.vehicle_age must be a number or null"}
        ]
        assert "secret" not in answer.text


def test_the_windows_of_the_serving_models_are_stated(scorer: RunningScorer) -> None:
    declared = window_attributes({"shop": EntityWindow(key="provider_id", lengths=("7d",))}, {})
    encoders = tuple(AttributeEncoder(name=name, attribute=attribute) for name, attribute in declared.items())
    make_model(scorer.home, "windows-1", attributes=encoders)
    unpoint(scorer.home, "challenger")
    point(scorer.home, "windows-1")
    until(lambda: condition_of(scorer) == ("windows-1", None))
    windows = scorer.client.get("/v1/windows").json()["windows"]
    names = {window["kind"]: name for name, window in windows.items()}
    assert list(names) == ["claims", "hours_since_last"]
    assert windows[names["claims"]] == {
        "key": "provider_id", "kind": "claims", "column": None, "length": "7d", "delay_days": 0
    }  # fmt: skip
    stated = score_of(scorer, a_claim(attributes={names["claims"]: 3.0, names["hours_since_last"]: None}))
    assert stated.vector["own_shop.claims_7d"] == 3.0
