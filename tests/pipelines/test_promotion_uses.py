"""Which claims a model is for: the name of the use, its population, and what is compared."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from models.artefact import load_artefact, models_folder, point, write_artefact
from models.explain import build_tables
from models.families import XGBoostModel
from models.use import ModelUse, PopulationSketch
from pipelines.datasets import Source, use_in_service, use_of
from pipelines.loop.dispositions import DISPOSITIONS
from pipelines.loop.ledger import _document
from pipelines.loop.retraining import trusted_by_champion
from pipelines.promote import UnnamedForceError, UseChange
from pipelines.promote.measures import USE_MEASURES, Measure, Measured, NotApplicable, NotApplicableReason
from pipelines.promote.uses import of_use
from pipelines.train import Trust
from tests.models import makers


def source(providers: list[str | None], region: str = "north", **changes) -> Source:
    claims = pa.table(
        {
            "provider_id": pa.array(providers, pa.string()),
            "specialty": ["surgery"] * len(providers),
            "region": [region] * len(providers),
        }
    )
    return replace(Source("acme", Path(), claims, claims, "claim", True, "0" * 64, {}, ()), **changes)


NORTH = [f"P{number}" for number in range(40)]


@pytest.fixture
def model(tmp_path: Path):
    booster = makers.booster()
    tables = build_tables(booster)
    path, _ = write_artefact(
        models_folder(tmp_path), model=XGBoostModel(booster), document=makers.document(booster, tables), tables=tables
    )
    return load_artefact(path)


def of(model, use: ModelUse | None):
    return replace(model, document=model.document.model_copy(update={"use": use}))


def test_a_use_has_the_name_of_the_data_set_or_the_one_that_is_given():
    assert use_of(source(NORTH)).name == "acme"
    assert use_of(source(NORTH), "motor").name == "motor"
    exported = source(NORTH, name="simulated", about={"use": "acme"})
    assert use_of(exported).name == "acme", "claims that a champion served are its use's"


def test_a_later_batch_of_the_same_business_passes(model):
    january, february = use_of(source(NORTH)), use_of(source([*NORTH[5:], "P91", "P92"]))
    found = of_use(of(model, february), of(model, january))
    assert found[Measure.SAME_USE] == Measured(1.0)
    assert found[Measure.SHARED_POPULATION].value > 0.9


@pytest.mark.parametrize(
    "other",
    [source(NORTH, region="south"), source([f"Q{number}" for number in range(40)])],
    ids=["the same numbers of other providers", "other numbers"],
)
def test_another_file_under_the_same_name_shares_no_population(model, other):
    found = of_use(of(model, use_of(other)), of(model, use_of(source(NORTH))))
    assert found[Measure.SAME_USE] == Measured(1.0)
    assert found[Measure.SHARED_POPULATION] == Measured(0.0)
    assert "--change-use" in found[Measure.SHARED_POPULATION].note


def test_another_name_is_another_use_and_the_message_says_which_and_what_to_do(model):
    measured = of_use(of(model, use_of(source(NORTH), "motor")), of(model, use_of(source(NORTH))))[Measure.SAME_USE]
    assert measured == Measured(0.0)
    for part in (
        "serves 'acme' (40 providers by specialty and region, 3 columns)",
        "trained on 'motor'",
        "--use acme",
        "--change-use",
    ):
        assert part in measured.note


def test_a_population_that_only_the_candidate_lacks_is_absent_and_one_the_champion_lacks_is_not_applicable(model):
    named, unnamed = use_of(source(NORTH)), use_of(source([None] * 3))
    assert unnamed.population is None
    assert Measure.SHARED_POPULATION not in of_use(of(model, unnamed), of(model, named))
    for champion in (unnamed, None):
        found = of_use(of(model, named), of(model, champion))
        assert found[Measure.SHARED_POPULATION] == NotApplicable(NotApplicableReason.NO_POPULATION)


def test_without_a_champion_nothing_is_compared_and_one_that_cannot_be_loaded_leaves_the_measures_absent(model):
    reason = NotApplicableReason.NO_CHAMPION
    assert of_use(model, reason) == dict.fromkeys(USE_MEASURES, NotApplicable(reason))
    assert of_use(model, None) == {}


def test_a_document_keeps_the_bytes_of_a_model_without_a_use(model):
    assert "use" not in model.document.model_dump(mode="json")
    stated = ModelUse(name="acme", population=PopulationSketch(size=0, smallest=()))
    assert of(model, stated).document.model_dump(mode="json")["use"]["name"] == "acme"
    assert of(model, stated).document.use_name == "acme"


def test_claims_that_are_exported_have_the_use_of_the_champion(tmp_path, model):
    (tmp_path / "data").mkdir()
    assert use_in_service(tmp_path) is None
    nothing = DISPOSITIONS.empty_table()
    assert "use" not in _document(tmp_path, {"claims": 1}, nothing)
    stated = model.document.model_copy(update={"version": "v1", "use": ModelUse(name="acme")})
    write_artefact(models_folder(tmp_path), model=model.model, document=stated, tables=model.tables)
    point(tmp_path, "v1")
    assert _document(tmp_path, {"claims": 1}, nothing)["use"] == use_in_service(tmp_path) == "acme"


def test_a_retraining_trusts_what_the_champion_trusts(tmp_path, model):
    assert trusted_by_champion(tmp_path) == Trust()
    for version, trusted in (("v1", {}), ("v2", {"own_state": "asked at receipt", "near_copies": "asked at receipt"})):
        stated = model.document.model_copy(update={"version": version, "provenance": {"trusted": trusted}})
        write_artefact(models_folder(tmp_path), model=model.model, document=stated, tables=model.tables)
        point(tmp_path, version)
        expected = Trust(tuple(sorted(trusted)), "asked at receipt") if trusted else Trust()
        assert trusted_by_champion(tmp_path) == expected


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("who", " ")])
def test_a_change_of_the_use_needs_a_name_and_a_reason(by, reason):
    with pytest.raises(UnnamedForceError):
        UseChange(by, reason)
