import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.vector import schema_hash
from models.artefact import (
    DOCUMENT,
    LIMITS,
    MANIFEST,
    TABLES,
    Calibration,
    canonical_json,
    load_artefact,
    sha256,
    version_of,
    write_artefact,
)
from models.errors import ArtefactCorruptError, ArtefactExistsError, ArtefactMissingError
from models.explain import build_tables
from models.families import XGBoost, XGBoostModel
from tests.models import makers

MODEL = XGBoost.file


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Path:
    booster = makers.booster()
    tables = build_tables(booster)
    folder, _ = write_artefact(
        tmp_path_factory.mktemp("models"),
        model=XGBoostModel(booster),
        document=makers.document(booster, tables),
        tables=tables,
    )
    return folder


@pytest.fixture
def folder(pristine, tmp_path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


def test_a_written_model_is_loaded_unchanged(folder):
    artefact = load_artefact(folder, expected_manifest_sha256=sha256((folder / MANIFEST).read_bytes()))
    trained = makers.trained()
    rows = makers.vectors(100, 12)
    assert artefact.features == makers.names(12)
    assert artefact.document.trees == trained.rounds
    matrix = xgb.DMatrix(rows, feature_names=list(artefact.features))
    margins, _ = artefact.tables.explain_many(rows)
    assert np.array_equal(artefact.model.booster.predict(matrix, output_margin=True), margins)
    assert np.array_equal(trained.model.booster.predict(matrix, output_margin=True), margins)


def test_the_same_inputs_give_the_same_bytes(pristine, tmp_path):
    makers.trained.cache_clear()
    booster = makers.booster()
    tables = build_tables(booster)
    again, _ = write_artefact(
        tmp_path, model=XGBoostModel(booster), document=makers.document(booster, tables), tables=tables
    )
    for name in (MODEL, DOCUMENT, TABLES, MANIFEST):
        assert (again / name).read_bytes() == (pristine / name).read_bytes()


def test_a_version_names_the_last_day_and_the_content():
    booster = makers.booster()
    one = version_of(XGBoostModel(booster), trained_until="2026-03-01", salt="a")
    assert one.startswith("20260301-")
    assert one == version_of(XGBoostModel(booster), trained_until="2026-03-01", salt="a")
    assert one != version_of(XGBoostModel(booster), trained_until="2026-03-01", salt="b")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from([MODEL, DOCUMENT, TABLES, MANIFEST]), place=st.floats(0, 1), flip=st.integers(1, 255))
def test_a_file_with_any_flipped_byte_is_refused(pristine, tmp_path_factory, name, place, flip):
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("flip") / "m"))
    raw = bytearray((folder / name).read_bytes())
    raw[min(int(place * len(raw)), len(raw) - 1)] ^= flip
    (folder / name).write_bytes(raw)
    with pytest.raises(ArtefactCorruptError):
        load_artefact(folder)
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("name", [MODEL, DOCUMENT, TABLES, MANIFEST])
@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\n", lambda raw: b""])
def test_a_file_cut_or_lengthened_is_refused(folder, name, change):
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(ArtefactCorruptError):
        load_artefact(folder)


@pytest.mark.parametrize("name", [MODEL, DOCUMENT, TABLES, MANIFEST])
def test_a_missing_file_is_distinguished_from_a_corrupt_one(folder, name):
    (folder / name).unlink()
    with pytest.raises(ArtefactMissingError, match=name):
        load_artefact(folder)


def test_another_model_under_the_pinned_name_is_refused(folder):
    pinned = sha256((folder / MANIFEST).read_bytes())
    document = (folder / DOCUMENT).read_bytes().replace(b'"threshold":0.3', b'"threshold":0.9')
    makers.rewrite(folder, DOCUMENT, document)
    assert load_artefact(folder).threshold == 0.9
    with pytest.raises(ArtefactCorruptError, match="expected"):
        load_artefact(folder, expected_manifest_sha256=pinned)


@pytest.mark.parametrize(
    "change",
    [
        (b'"threshold":0.3', b'"threshold":1.3'),
        (b'"threshold":0.3', b'"threshold":NaN'),
        (b'"f1"', b'"f0"'),
        (b'"f1"', b'"g1"'),
        (b'"trees":', b'"trees":1'),
        (b'"format":2', b'"format":3'),
        (b'"explained_by":"tables"', b'"explained_by":"pred_contribs"'),
        (b'"base_rate"', b'"bass_rate"'),
    ],
)
def test_a_document_that_does_not_fit_is_refused_even_with_a_fresh_manifest(folder, change):
    makers.rewrite(folder, DOCUMENT, (folder / DOCUMENT).read_bytes().replace(*change, 1))
    with pytest.raises(ArtefactCorruptError):
        load_artefact(folder)


def test_an_invalid_booster_is_refused_even_with_a_fresh_manifest(folder):
    makers.rewrite(folder, MODEL, b"{L\x00\x00")
    with pytest.raises(ArtefactCorruptError, match="XGBoost model"):
        load_artefact(folder)


def test_a_document_with_the_features_in_another_order_is_refused_even_with_a_fresh_manifest(folder):
    document = json.loads((folder / DOCUMENT).read_bytes())
    document["features"] = document["features"][::-1]
    document["schema_hash"] = schema_hash(document["features"])
    makers.rewrite(folder, DOCUMENT, canonical_json(document))
    with pytest.raises(ArtefactCorruptError, match="feature names"):
        load_artefact(folder)


def test_a_pickle_in_the_tables_is_refused_unread(folder):
    import io

    out = io.BytesIO()
    np.savez(out, **dict.fromkeys(makers.build_names(), np.array([print], dtype=object)))
    makers.rewrite(folder, TABLES, out.getvalue())
    with pytest.raises(ArtefactCorruptError):
        load_artefact(folder)


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere.ubj"
    (folder / MODEL).rename(elsewhere)
    (folder / MODEL).symlink_to(elsewhere)
    with pytest.raises(ArtefactCorruptError, match="regular file"):
        load_artefact(folder)


@pytest.mark.parametrize(
    "manifest",
    [
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 4000,
        canonical_json({"files": {}, "format": 1}),
        canonical_json({"files": {MODEL: {"bytes": 1, "sha256": "0" * 64}, "../x": {}, DOCUMENT: {}}, "format": 1}),
        canonical_json({"files": {MODEL: {"bytes": LIMITS[MODEL] + 1, "sha256": "0" * 64}, DOCUMENT: {}}, "format": 1}),
        canonical_json({"files": {MODEL: {"bytes": True, "sha256": "0" * 64}, DOCUMENT: {}}, "format": 1}),
        b"1" * 5000,
    ],
)
def test_an_invalid_manifest_is_refused(folder, manifest):
    (folder / MANIFEST).write_bytes(manifest)
    with pytest.raises(ArtefactCorruptError):
        load_artefact(folder)


def test_writing_the_same_model_again_changes_nothing_and_another_is_refused(tmp_path):
    booster = makers.booster()
    document = makers.document(booster, None)
    first = write_artefact(tmp_path, model=XGBoostModel(booster), document=document, tables=None)
    assert write_artefact(tmp_path, model=XGBoostModel(booster), document=document, tables=None) == first
    other = document.model_copy(update={"threshold": 0.7})
    with pytest.raises(ArtefactExistsError, match="use another version"):
        write_artefact(tmp_path, model=XGBoostModel(booster), document=other, tables=None)
    assert [p.name for p in tmp_path.iterdir()] == [document.version]


def test_a_model_without_tables_is_loaded_and_explained_by_xgboost(tmp_path):
    booster = makers.booster()
    folder, _ = write_artefact(
        tmp_path, model=XGBoostModel(booster), document=makers.document(booster, None), tables=None
    )
    artefact = load_artefact(folder)
    assert artefact.tables is None
    assert artefact.document.explained_by == "pred_contribs"


def test_a_calibration_with_its_covariance_is_dumped_without_a_warning():
    calibration = Calibration(a=1.0, b=1.0, c=0.0, covariance=(1.0, 0.0, 0.0, 1.0, 0.0, 1.0), frauds=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert calibration.model_dump()["covariance"] == calibration.covariance
        assert calibration.model_dump(mode="json")["covariance"] == list(calibration.covariance)
