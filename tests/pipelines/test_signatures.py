"""Signing models by command: what is signed, what is recorded, and what is refused."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings, held
from models.artefact import DOCUMENT, MANIFEST, SIGNATURE, load_artefact, models_folder, point, sha256
from models.errors import ArtefactCorruptError, ModelError
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.promote import UnnamedForceError, sign_model, sign_models
from tests.models import makers
from tests.models.stores import register_two


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with the unsigned models v1, the champion, and v2."""
    with held(Settings(home=tmp_path, signing_key_file=None)):
        register_two(tmp_path)
        point(tmp_path, "v1")
        for version in ("v1", "v2"):
            (models_folder(tmp_path) / version / SIGNATURE).unlink()
        yield tmp_path


def entries(home: Path) -> list[tuple[str, str, str, str, str | None]]:
    return [
        (one.action, one.version, one.by, one.reason, one.details.get("manifest_sha256"))
        for one in audit_trail.read(home)
    ]


def digest(home: Path, version: str) -> str:
    return sha256((models_folder(home) / version / MANIFEST).read_bytes())


def test_models_of_an_earlier_version_are_signed_and_recorded(home: Path) -> None:
    done = sign_models(home, by="ann", reason="upgrade")
    assert (done.signed, done.problems) == (("v1", "v2"), {})
    assert [load_artefact(models_folder(home) / version).version for version in ("v1", "v2")] == ["v1", "v2"]
    assert entries(home) == [("sign", version, "ann", "upgrade", digest(home, version)) for version in ("v1", "v2")]
    assert sign_models(home, by="ann", reason="again").signed == ()  # accepted already
    assert len(entries(home)) == 2


def test_a_damaged_model_is_named_and_left_unsigned(home: Path) -> None:
    with (models_folder(home) / "v2" / DOCUMENT).open("ab") as file:
        file.write(b" ")
    done = sign_models(home, by="ann", reason="upgrade")
    assert done.signed == ("v1",)
    assert "v2/model.json" in done.problems["v2"]
    assert [one[1] for one in entries(home)] == ["v1"]


def test_a_champion_that_is_not_the_one_promoted_is_not_signed(home: Path) -> None:
    """Somebody replaced the files and the manifest of the champion before the upgrade; the pointer knows its hash."""
    folder = models_folder(home) / "v1"
    makers.rewrite(folder, DOCUMENT, (folder / DOCUMENT).read_bytes().replace(b'"threshold":0.3', b'"threshold":0.9'))
    (folder / SIGNATURE).unlink()
    with pytest.raises(ArtefactCorruptError, match="expected"):
        sign_model(home, "v1", by="ann", reason="upgrade")
    assert entries(home) == []
    assert not (folder / SIGNATURE).exists()


def test_a_model_that_only_mlflow_has_is_fetched_and_signed(home: Path) -> None:
    expected = digest(home, "v2")
    shutil.rmtree(models_folder(home) / "v2")
    with held(Settings(home=home.parent / "another", signing_key_file=None)):
        sign_model(home, "v2", by="ann", reason="of the research home", store=MlflowStore.of(home))
        assert load_artefact(models_folder(home) / "v2").version == "v2"
    assert entries(home) == [("sign", "v2", "ann", "of the research home", expected)]


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ann", " "), ("", "")])
def test_a_signature_needs_a_name_and_a_reason(home: Path, by: str, reason: str) -> None:
    for sign in (lambda: sign_model(home, "v1", by=by, reason=reason), lambda: sign_models(home, by=by, reason=reason)):
        with pytest.raises(UnnamedForceError, match="--by NAME and --reason TEXT"):
            sign()
    assert entries(home) == []


def test_a_version_that_names_a_path_is_refused(home: Path) -> None:

    for version in ("../models/v1", "none"):
        with pytest.raises(ModelError):
            sign_model(home, version, by="ann", reason="why", store=MlflowStore.of(home))
    assert entries(home) == []
