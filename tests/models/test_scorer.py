import json
import math
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from claims.score_check import check_score
from claims.scoring import Score
from features.declare import VIEW
from features.vector import FEATURE, FEATURE_NAMES, build_one, schema_hash
from models.artefact import Artefact
from models.errors import SchemaMismatchError
from models.scorer import ClaimToScore, Scorer
from tests.models.claims import artefact, claim_to_score, facts, reading, training

LEFT_OUT = ("network_degree", "member_benefit_used")


@cache
def models() -> Path:
    return Path(mkdtemp())


@cache
def scorer(leave_out: tuple[str, ...] = (), tables: bool = True, threshold: float = 0.4) -> Scorer:
    version = f"v-{len(leave_out)}-{tables}-{threshold}"
    made = artefact(models(), leave_out=leave_out, tables=tables, version=version, threshold=threshold)
    return Scorer(made)


def scores(count: int = 40, **how: object) -> list[tuple[object, Score]]:
    return [(one := claim_to_score(n), scorer(**how).score(one.facts, one.reading)) for n in range(2000, 2000 + count)]  # type: ignore[arg-type]


def test_every_score_fulfils_the_contract():
    for one, score in scores():
        check_score(score, one.facts.claim_id)
        assert Score.model_validate_json(score.model_dump_json()) == score


def test_explanations_by_tables_and_by_xgboost_are_equal():
    for one, score in scores():
        slow = scorer(tables=False).score(one.facts, one.reading)
        assert (score.explained_by, slow.explained_by) == ("tables", "pred_contribs")
        assert score.margin == slow.margin
        assert score.probability == slow.probability
        assert np.allclose(list(score.contributions.values()), list(slow.contributions.values()), atol=1e-5)
        check_score(slow, one.facts.claim_id)


def test_the_vector_of_a_score_has_the_built_features_of_the_schema():
    one = claim_to_score(2001)
    score = scorer(leave_out=LEFT_OUT).score(one.facts, one.reading)
    built = dict(zip(FEATURE_NAMES, build_one(one.facts, one.reading.states).tolist(), strict=True))
    assert list(score.vector) == [name for name in FEATURE_NAMES if name not in LEFT_OUT]
    assert score.schema_hash == schema_hash(list(score.vector))
    assert all((math.isnan(built[n]) and v is None) or built[n] == v for n, v in score.vector.items())


def test_a_batch_is_scored_like_single_claims_except_for_the_counterfactual():
    claims = [claim_to_score(n) for n in range(2000, 2030)]
    for n, lacks in enumerate(({"region": None}, {"place_of_service": None, "benefit_limit_cents": None}), 2030):
        claims.append(claim_to_score(n, **lacks))
    for n, stale in enumerate((("member_history",), ("provider_today", "provider_network"), tuple(VIEW)), 2040):
        claims.append(ClaimToScore(facts(n), reading(n, stale=stale)))
    many = scorer().score_many(claims, threads=2)
    for one, score in zip(claims, many, strict=True):
        assert score == scorer().score(one.facts, one.reading, counterfactual=False)
    assert scorer().score_many([]) == []


def test_renaming_member_and_provider_changes_only_the_claim_itself():
    for number in range(2000, 2010):
        one = claim_to_score(number)
        renamed = one.facts.model_copy(update={"provider_id": "other", "member_id": "someone", "claim_id": "clm_x"})
        before = scorer().score(one.facts, one.reading).model_dump()
        after = scorer().score(renamed, one.reading).model_dump()
        assert after.pop("claim_id") == "clm_x"
        before.pop("claim_id")
        assert after == before


def test_a_higher_ratio_to_a_peer_price_never_lowers_the_risk():
    rows = training()[0][:150].copy()
    model = scorer()
    for name in ("amount_to_procedure_mean", "amount_score_region", "amount_to_own_mean", "amount_to_provider_mean"):
        assert model.artefact.document.monotone[name] == 1
        moved, margins = rows.copy(), []
        for value in np.linspace(-3, 12, 25, dtype=np.float32):
            moved[:, FEATURE_NAMES.index(name)] = value
            margins.append(model.margins(moved))
        assert (np.diff(np.array(margins), axis=0) >= 0).all(), name


def test_reasons_are_groups_with_the_figures_of_the_score():
    for _, score in scores():
        pushes = {group.code: group for group in score.groups}
        typical = scorer().artefact.document.typical
        for group in score.groups:
            for name, part in group.features.items():
                assert part == pytest.approx(score.contributions[name] - typical.contributions[name])
        for reason in score.reasons:
            assert reason.push == pushes[reason.code].push
            assert {FEATURE[name].group for name in reason.features} == {reason.code}
            assert reason.features.items() <= score.vector.items()
            assert set(reason.carrier) <= set(reason.features)
            assert ("raise" if reason.direction == "for" else "lower") in reason.text


def test_the_reason_of_an_expensive_claim_states_how_expensive_it_is():
    one = claim_to_score(2003, amount_cents=5_000_000)
    score = scorer().score(one.facts, one.reading)
    reason = next(r for r in score.reasons if r.code == "price_against_peers")
    assert reason.direction == "for"
    assert reason.kind == "evidence"
    assert "P001 (n = " in reason.text
    assert reason.text.startswith("Amount ")


def test_no_reason_uses_a_history_that_could_not_be_read():
    stale = ("member_history", "member_today", "member_provider_history", "provider_today")
    stated = 0
    for number in range(2000, 2040):
        score = scorer().score(facts(number), reading(number, stale=stale))
        check_score(score, f"clm_{number:06d}")
        assert score.stale_views == list(stale)
        assert score.vector["member_claims_30d"] is None
        for reason in score.reasons:
            assert "First claim" not in reason.text
            stated += "Not known: " in reason.text
    assert stated > 0


def test_a_counterfactual_is_verified_and_the_nearest():
    found = 0
    for one, score in scores(120):
        if not score.flagged:
            assert score.counterfactual is None
        elif score.counterfactual is not None:
            found += 1
            lower = one.facts.model_copy(update={"amount_cents": score.counterfactual.amount_cents})
            again = scorer().score(lower, one.reading)
            assert again.probability == score.counterfactual.probability < score.threshold
            above = one.facts.model_copy(update={"amount_cents": score.counterfactual.amount_cents + 1})
            assert above.amount_cents == one.facts.amount_cents or scorer().score(above, one.reading).flagged
    assert found > 3


def test_a_challenger_scores_the_same_vector_and_changes_nothing():
    challenger = scorer(leave_out=LEFT_OUT, threshold=0.2)
    for number in range(2000, 2010):
        one = claim_to_score(number)
        alone = scorer().score(one.facts, one.reading)
        shadowed = scorer().score(one.facts, one.reading, challenger=challenger)
        own = challenger.score(one.facts, one.reading)
        assert shadowed.shadow is not None
        assert (shadowed.shadow.margin, shadowed.shadow.probability) == (own.margin, own.probability)
        assert (shadowed.shadow.model_version, shadowed.shadow.flagged) == (challenger.version, own.flagged)
        assert shadowed.model_copy(update={"shadow": None}) == alone
        assert scorer().score_many([one], challenger=challenger)[0].shadow == shadowed.shadow


def test_a_model_of_features_this_version_does_not_have_is_refused():
    from dataclasses import replace

    made = scorer().artefact
    names = ("a_new_feature", *made.features[1:])
    document = made.document.model_copy(update={"features": names})
    stranger: Artefact = replace(made, document=document)
    with pytest.raises(SchemaMismatchError, match="a_new_feature"):
        Scorer(stranger)


def test_a_score_is_plain_json_with_null_for_missing():
    score = scorer().score(facts(2001, place_of_service=None), reading(2001))
    value = json.loads(score.model_dump_json())
    assert value["vector"]["place_inpatient"] is None
    assert "NaN" not in score.model_dump_json()
