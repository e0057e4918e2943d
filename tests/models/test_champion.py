import json
from pathlib import Path

import pytest

from models.artefact import (
    Pointer,
    load_pointed,
    models_folder,
    point,
    read_pointer,
    roll_back,
    stored_model,
    stored_models,
    unpoint,
    write_artefact,
)
from models.errors import ArtefactCorruptError, ArtefactMissingError, PointerError
from models.families import XGBoost, XGBoostModel
from tests.models import makers


def put(home: Path, version: str) -> str:
    booster = makers.booster()
    document = makers.document(booster, None, version=version)
    write_artefact(models_folder(home), model=XGBoostModel(booster), document=document, tables=None)
    return version


def test_there_is_no_champion_before_the_first_promotion(tmp_path):
    assert read_pointer(tmp_path) is None
    with pytest.raises(PointerError, match="no previous champion"):
        roll_back(tmp_path)


def test_a_rollback_returns_to_the_champion_before_the_promotion(tmp_path):
    for version in ("a", "b"):
        point(tmp_path, put(tmp_path, version))
    now = read_pointer(tmp_path)
    assert now is not None
    assert now.previous is not None
    assert (now.version, now.previous.version) == ("b", "a")
    assert load_pointed(tmp_path, now).version == "b"
    back = roll_back(tmp_path)
    assert (back.version, back.previous and back.previous.version) == ("a", "b")
    assert read_pointer(tmp_path) == back


def test_a_rollback_from_a_version_is_done_once_however_often_it_is_repeated(tmp_path):
    for version in ("a", "b"):
        point(tmp_path, put(tmp_path, version))
    with pytest.raises(PointerError, match="the champion is b, not c; nothing was rolled back"):
        roll_back(tmp_path, from_version="c")
    announced = []
    back = [roll_back(tmp_path, from_version="b", announce=announced.append) for _ in range(2)]
    assert [one.version for one in back] == ["a", "a"]
    assert [before.version for before in announced] == ["b"]
    assert read_pointer(tmp_path) == back[0]


def test_promoting_the_champion_again_does_not_lose_the_one_before(tmp_path):
    for version in ("a", "b", "b"):
        point(tmp_path, put(tmp_path, version))
    assert roll_back(tmp_path).version == "a"


def test_the_pointer_file_has_the_documented_fields(tmp_path):
    point(tmp_path, put(tmp_path, "a"))
    value = json.loads((tmp_path / "models" / "champion.json").read_bytes())
    assert {"version", "path", "manifest_sha256", "previous"} <= set(value)


def test_a_challenger_has_a_pointer_and_a_share_of_its_own(tmp_path):
    point(tmp_path, put(tmp_path, "a"))
    point(tmp_path, put(tmp_path, "b"), role="challenger", canary_share=0.05)
    challenger = read_pointer(tmp_path, "challenger")
    assert challenger is not None
    assert (challenger.version, challenger.canary_share) == ("b", 0.05)
    unpoint(tmp_path, "challenger")
    assert read_pointer(tmp_path, "challenger") is None
    champion = read_pointer(tmp_path)
    assert champion is not None
    assert champion.version == "a"


def test_a_corrupt_model_is_not_promoted_and_the_champion_stays(tmp_path):
    point(tmp_path, put(tmp_path, "a"))
    model = models_folder(tmp_path) / put(tmp_path, "b") / XGBoost.file
    model.write_bytes(model.read_bytes()[:-1] + b"\x00\x00")
    with pytest.raises(ArtefactCorruptError):
        point(tmp_path, "b")
    champion = read_pointer(tmp_path)
    assert champion is not None
    assert champion.version == "a"


def test_rolling_back_to_a_corrupt_model_is_refused(tmp_path):
    for version in ("a", "b"):
        point(tmp_path, put(tmp_path, version))
    (models_folder(tmp_path) / "a" / XGBoost.file).write_bytes(b"")
    with pytest.raises(ArtefactCorruptError):
        roll_back(tmp_path)
    champion = read_pointer(tmp_path)
    assert champion is not None
    assert champion.version == "b"


@pytest.mark.parametrize("version", ["missing", "../a", "", "a/b", ".hidden"])
def test_an_unknown_version_or_a_path_outside_the_folder_is_refused(tmp_path, version):
    put(tmp_path, "a")
    with pytest.raises((PointerError, ArtefactMissingError)):
        point(tmp_path, version)


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b'{"version":"a"}', b'{"version":"../a"}', b" " * 20_000])
def test_an_invalid_pointer_is_reported_and_replaced_by_a_promotion(tmp_path, raw):
    put(tmp_path, "a")
    (models_folder(tmp_path) / "champion.json").write_bytes(raw)
    with pytest.raises(PointerError, match=r"champion\.json"):
        read_pointer(tmp_path)
    assert point(tmp_path, "a") == read_pointer(tmp_path)


def test_writing_a_pointer_leaves_no_temporary_file(tmp_path):
    point(tmp_path, put(tmp_path, "a"))
    assert {p.name for p in models_folder(tmp_path).iterdir()} == {"a", "champion.json", ".lock"}


def test_the_models_of_a_home_are_listed_newest_first_with_their_roles(tmp_path):
    for version in ("a", "b", "c"):
        put(tmp_path, version)
    point(tmp_path, "a")
    point(tmp_path, "b")
    point(tmp_path, "c", role="challenger")
    found = {model.version: model.roles for model in stored_models(tmp_path)}
    assert list(found) == ["c", "b", "a"]
    assert found == {"c": ("challenger",), "b": ("champion",), "a": ("previous champion",)}
    assert stored_model(tmp_path).version == "b"
    assert stored_model(tmp_path, "a").document is not None


def test_a_damaged_model_is_listed_with_what_is_wrong(tmp_path):
    put(tmp_path, "a")
    model = models_folder(tmp_path) / "a" / XGBoost.file
    model.chmod(0o644)
    model.write_bytes(b"damaged")
    (found,) = stored_models(tmp_path)
    assert found.document is None
    assert found.problem is not None
    assert "does not match its manifest" in found.problem


def test_a_model_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    assert stored_models(tmp_path) == []
    with pytest.raises(ArtefactMissingError, match="ginja model train"):
        stored_model(tmp_path)
    put(tmp_path, "a")
    with pytest.raises(ArtefactMissingError, match="no model 'b'; available: a"):
        stored_model(tmp_path, "b")


class Died(Exception):
    """Stands for a process that ends at this moment."""


def dies(_before: Pointer | None) -> None:
    raise Died


@pytest.mark.parametrize(
    "change", [lambda home: point(home, "c", announce=dies), lambda home: roll_back(home, announce=dies)]
)
def test_a_change_of_the_champion_is_announced_before_it_is_made(tmp_path, change):
    for version in ("a", "b"):
        point(tmp_path, put(tmp_path, version))
    put(tmp_path, "c")
    before = read_pointer(tmp_path)
    with pytest.raises(Died):
        change(tmp_path)
    assert read_pointer(tmp_path) == before


def test_the_end_of_a_trial_is_announced_before_it_is_made(tmp_path):
    point(tmp_path, put(tmp_path, "a"), role="challenger")
    with pytest.raises(Died):
        unpoint(tmp_path, "challenger", announce=dies)
    assert read_pointer(tmp_path, "challenger") is not None


def test_what_is_not_verified_is_not_announced(tmp_path):
    announced: list[Pointer | None] = []
    with pytest.raises(ArtefactMissingError):
        point(tmp_path, "missing", announce=announced.append)
    with pytest.raises(PointerError):
        roll_back(tmp_path, announce=announced.append)
    assert announced == []


def test_a_file_that_a_killed_promotion_left_is_removed_by_the_next(tmp_path):
    point(tmp_path, put(tmp_path, "a"))
    left = models_folder(tmp_path) / ".champion-12345678"
    left.write_bytes(b"half a poi")
    point(tmp_path, put(tmp_path, "b"))
    assert not left.exists()
