"""`ginja evidence verify`: a file on disk, its PDF, and the models of the home."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from api.evidence import pack_pdf, signed_pack
from claims.evidence import LeftOutContributions, ScoreAnnex
from cli.main import main
from core.settings import Settings
from core.signing import signing_key
from models.artefact import Artefact, load_artefact, models_folder, write_artefact
from models.explain import build_tables
from models.families import XGBoostModel
from tests.claims.evidence_packs import make_annex, make_pack
from tests.models import makers


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the model `v1`."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("GINJA_HOME", str(folder))
    booster = makers.booster()
    tables = build_tables(booster)
    document = makers.document(booster, tables, version="v1")
    write_artefact(models_folder(folder), model=XGBoostModel(booster), document=document, tables=tables)
    return folder


def scored_by(artefact: Artefact, **changes: Any) -> ScoreAnnex:
    """The score of a vector with a missing value, as the model gives it."""
    row = makers.vectors(5, len(artefact.features))[3]
    assert artefact.explainer is not None
    margins, contributions = artefact.explainer.explain_many(row.reshape(1, -1))
    probability = artefact.calibrator.probability(float(margins[0]))
    given: dict[str, Any] = {
        "model_version": artefact.version,
        "schema_hash": artefact.document.schema_hash,
        "probability": probability,
        "threshold": artefact.threshold,
        "flagged": probability >= artefact.threshold,
        "margin": float(margins[0]),
        "base_margin": artefact.explainer.base_margin,
        "contributions": dict(zip(artefact.features, map(float, contributions[0]), strict=True)),
        "left_out": LeftOutContributions(0, 0.0),
        "vector": {
            name: None if np.isnan(value) else float(value) for name, value in zip(artefact.features, row, strict=True)
        },
    }
    return make_annex(**(given | changes))


def written(home: Path, *scores: ScoreAnnex) -> Path:
    """The files of a pack with these scores; returns that of the JSON."""
    pack = make_pack(annex=scores)
    pdf = pack_pdf(pack)
    file = home.parent / "evp_1.json"
    file.write_bytes(signed_pack(pack, pdf, signing_key(Settings(home=home))))
    file.with_suffix(".pdf").write_bytes(pdf)
    return file


def verify(file: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["evidence", "verify", str(file), *words])


def test_a_pack_is_equal_where_the_model_gives_its_scores_again(home: Path) -> None:
    artefact = load_artefact(models_folder(home) / "v1")
    done = verify(written(home, scored_by(artefact)), "--json")
    found = json.loads(done.output)
    assert done.exit_code == 0, done.output
    assert found["equal"] is True
    assert (found["pack_id"], found["case_id"]) == ("evp_1", "cas_1")
    assert {one["state"] for one in found["checks"].values()} == {"equal"}
    assert found["checks"]["model"]["text"] == "1 scores computed again from their vectors"


def test_a_score_that_the_model_does_not_give_is_named(home: Path) -> None:
    artefact = load_artefact(models_folder(home) / "v1")
    found = scored_by(artefact)
    vector = {**found.vector, artefact.features[0]: 1_000.0}
    done = verify(written(home, scored_by(artefact, vector=vector)))
    assert done.exit_code == 1
    assert "model: DIFFERENT: claim clm_1:" in done.output
    assert done.output.endswith("NOT EQUAL\n")


@pytest.mark.parametrize("version", ["v2", "../v1", "."])
def test_a_model_that_the_home_does_not_have_is_not_read(home: Path, version: str) -> None:
    artefact = load_artefact(models_folder(home) / "v1")
    done = verify(written(home, scored_by(artefact, model_version=version)), "--json")
    model = json.loads(done.output)["checks"]["model"]
    assert model["state"] == ("not_checked" if version == "v2" else "different")


def test_a_flipped_byte_of_the_file_or_its_pdf_is_named(home: Path) -> None:
    file = written(home)
    content = file.read_bytes()
    file.write_bytes(content.replace(b"Special Investigations Unit", b"Special Investigations unit"))
    done = verify(file)
    assert done.exit_code == 1
    assert "hashes: DIFFERENT: section referrer was changed." in done.output
    file.write_bytes(content)
    pdf = file.with_suffix(".pdf")
    pdf.write_bytes(pdf.read_bytes() + b"\n")
    done = verify(file)
    assert done.exit_code == 1
    assert "pdf: DIFFERENT" in done.output


def test_a_pack_without_its_pdf_is_equal_and_says_so(home: Path) -> None:
    file = written(home)
    file.with_suffix(".pdf").unlink()
    done = verify(file)
    assert done.exit_code == 0
    assert "pdf: not checked: no PDF to compare." in done.output


def test_a_pack_of_another_key_is_not_trusted(home: Path, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other", signing_key_file=None, signing_public_keys=None)
    other.home.mkdir()
    pack = make_pack()
    file = tmp_path / "evp_1.json"
    file.write_bytes(signed_pack(pack, pack_pdf(pack), signing_key(other)))
    done = verify(file)
    assert done.exit_code == 1
    assert "signature: DIFFERENT: it is signed with the key" in done.output


def test_files_of_a_folder_are_compared_and_one_flipped_byte_is_found(home: Path) -> None:
    content = b"%PDF ledger"
    record = dataclasses.replace(make_pack().records[0], sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    file = home.parent / "evp_1.json"
    file.write_bytes(signed_pack(make_pack(annex=(), records=(record,)), b"%PDF", signing_key(Settings(home=home))))
    folder = home.parent / "records"
    folder.mkdir()
    (folder / record.name).write_bytes(content)
    done = verify(file, "--files", str(folder))
    assert done.exit_code == 0, done.output
    assert "files: equal: the given files are all records of the pack." in done.output
    (folder / record.name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    done = verify(file, "--files", str(folder), "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["checks"]["files"]["state"] == "different"


def test_the_files_of_the_pack_are_no_records_where_they_are_in_the_same_folder(home: Path) -> None:
    file = written(home)
    done = verify(file, "--files", str(file.parent))
    assert done.exit_code == 0, done.output
    assert "files: not checked: 0 of 1 records equal; not given: fil_1.pdf." in done.output
