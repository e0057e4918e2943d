"""Signed models: which are loaded, listed, pointed to and fetched, and how a home accepts others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings, held
from core.signing import own_public_key
from models import registry
from models.artefact import (
    DOCUMENT,
    MANIFEST,
    SIGNATURE,
    load_artefact,
    load_pointed,
    models_folder,
    point,
    read_pointer,
    roll_back,
    sha256,
    sign_artefact,
    stored_model,
    write_artefact,
)
from models.errors import ArtefactCorruptError, ArtefactUnsignedError
from models.families import XGBoostModel
from models.pyfunc import MANIFEST_SHA256, _load_pyfunc
from models.registry import RunRecord
from tests.models import makers
from tests.models.stores import new_store


def of_home(home: Path, **more: object) -> Settings:
    """Settings of a home with a signing key of its own."""
    return Settings.model_validate({"home": home, "signing_key_file": None, **more})


def made(home: Path, version: str) -> Path:
    """A model that `home` has signed."""
    booster = makers.booster()
    with held(of_home(home)):
        folder, _ = write_artefact(
            models_folder(home),
            model=XGBoostModel(booster),
            document=makers.document(booster, None, version=version),
            tables=None,
        )
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with the models `v1` and `v2`, whose settings are in force."""
    for version in ("v1", "v2"):
        made(tmp_path / "own", version)
    with held(of_home(tmp_path / "own")):
        yield tmp_path / "own"


def foreign(home: Path, version: str = "v9") -> Path:
    """A model of another home, copied with its signature into the models folder of this one."""
    folder = made(home.parent / "elsewhere", version)
    return Path(shutil.copytree(folder, models_folder(home) / version))


def champion(home: Path) -> str | None:
    pointer = read_pointer(home)
    return None if pointer is None else pointer.version


def test_a_model_of_this_home_is_loaded(home: Path) -> None:
    assert load_artefact(models_folder(home) / "v1").version == "v1"


def test_an_unsigned_model_is_refused_with_the_command_that_signs_it(home: Path) -> None:
    folder = models_folder(home) / "v1"
    (folder / SIGNATURE).unlink()
    with pytest.raises(ArtefactUnsignedError, match=r"not signed.*ginja model sign --model v1"):
        load_artefact(folder)
    listed = stored_model(home, "v1")
    assert listed.document is None
    assert "ginja model sign" in str(listed.problem)


def test_a_foreign_model_is_refused_until_its_key_is_listed(home: Path) -> None:
    folder = foreign(home)
    with pytest.raises(ArtefactUnsignedError, match="GINJA_SIGNING_PUBLIC_KEYS"):
        load_artefact(folder)
    theirs = own_public_key(of_home(home.parent / "elsewhere"))
    with held(of_home(home, signing_public_keys=theirs)):
        assert load_artefact(folder).version == "v9"
        with pytest.raises(ArtefactUnsignedError):
            load_artefact(models_folder(home) / "v1")  # the list replaces the own key


def test_a_changed_model_with_a_matching_manifest_is_refused(home: Path) -> None:
    """What the hashes alone cannot see: somebody who can write the folder, and does not have the key."""
    folder = models_folder(home) / "v1"
    signature = (folder / SIGNATURE).read_bytes()
    makers.rewrite(folder, DOCUMENT, (folder / DOCUMENT).read_bytes().replace(b'"threshold":0.3', b'"threshold":0.9'))
    (folder / SIGNATURE).write_bytes(signature)
    with pytest.raises(ArtefactCorruptError, match="changed after it was signed"):
        load_artefact(folder)


def test_the_signature_of_another_version_is_refused(home: Path) -> None:
    shutil.copyfile(models_folder(home) / "v2" / SIGNATURE, models_folder(home) / "v1" / SIGNATURE)
    with pytest.raises(ArtefactCorruptError, match=r"signature\.json"):
        load_artefact(models_folder(home) / "v1")


def test_a_signature_behind_a_link_is_refused(home: Path) -> None:
    folder = models_folder(home) / "v1"
    (folder / SIGNATURE).rename(home / "moved")
    (folder / SIGNATURE).symlink_to(home / "moved")
    with pytest.raises(ArtefactCorruptError, match="regular file"):
        load_artefact(folder)


def test_no_pointer_is_set_to_a_model_that_is_not_accepted(home: Path) -> None:
    point(home, "v1")
    foreign(home)
    for role, share in (("champion", 0.0), ("challenger", 0.0), ("challenger", 0.5)):
        with pytest.raises(ArtefactUnsignedError):
            point(home, "v9", role=role, canary_share=share)  # type: ignore[arg-type]
    assert champion(home) == "v1"
    assert read_pointer(home, "challenger") is None


def test_a_pointer_that_was_set_by_hand_to_a_foreign_model_loads_nothing(home: Path) -> None:
    folder = foreign(home)
    pointer = point(home, "v1").model_copy(
        update={"version": "v9", "path": "v9", "manifest_sha256": sha256((folder / MANIFEST).read_bytes())}
    )
    with pytest.raises(ArtefactUnsignedError):
        load_pointed(home, pointer)


def test_rollback_and_canary_work_on_signed_models_and_refuse_unsigned_ones(home: Path) -> None:
    point(home, "v1")
    point(home, "v2")
    assert roll_back(home).version == "v1"
    assert point(home, "v2", role="challenger", canary_share=0.1).canary_share == 0.1
    (models_folder(home) / "v2" / SIGNATURE).unlink()
    with pytest.raises(ArtefactUnsignedError):
        roll_back(home)
    assert champion(home) == "v1"


def test_a_model_is_signed_only_where_its_files_match_their_hashes(home: Path) -> None:
    folder = models_folder(home) / "v1"
    digest = sha256((folder / MANIFEST).read_bytes())
    (folder / SIGNATURE).unlink()
    (folder / DOCUMENT).write_bytes((folder / DOCUMENT).read_bytes() + b" ")
    with pytest.raises(ArtefactCorruptError):
        sign_artefact(folder, expected_manifest_sha256=digest)
    assert not (folder / SIGNATURE).exists()
    with pytest.raises(ArtefactCorruptError):
        sign_artefact(models_folder(home) / "v2", expected_manifest_sha256=digest)


def test_training_the_same_model_again_signs_it(home: Path) -> None:
    (models_folder(home) / "v1" / SIGNATURE).unlink()
    assert load_artefact(made(home, "v1")).version == "v1"


def test_a_registered_model_goes_to_another_home_that_lists_the_key(home: Path) -> None:
    store = new_store(home)
    registry.register(store, RunRecord(name="v1", command="test"), load_artefact(models_folder(home) / "v1"))
    other = home.parent / "other"
    with held(of_home(other)), pytest.raises(ArtefactUnsignedError):
        registry.fetch(store, "v1", models_folder(other))
    assert not (models_folder(other) / "v1").exists()
    with held(of_home(other, signing_public_keys=own_public_key(of_home(home)))):
        assert load_artefact(registry.fetch(store, "v1", models_folder(other))).version == "v1"
    shutil.rmtree(models_folder(other) / "v1")
    announced: list[str] = []
    with held(of_home(other)):
        folder = registry.adopt(store, "v1", models_folder(other), announce=announced.append)
        assert load_artefact(folder).version == "v1"
    assert announced == [sha256((folder / MANIFEST).read_bytes())]


def test_mlflow_loads_no_foreign_model(home: Path) -> None:
    folder = foreign(home)
    digest = sha256((folder / MANIFEST).read_bytes())
    with pytest.raises(ArtefactUnsignedError):
        _load_pyfunc(str(folder), {MANIFEST_SHA256: digest})
