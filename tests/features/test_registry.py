"""The Feast registry: written by one command, refused when changed by anything else."""

import hashlib
import json
from pathlib import Path

import pytest

from core.settings import Settings, held
from features.declare import VIEWS
from features.errors import NotBuiltError, RegistryChangedError
from features.feast import SERVICE, apply, open_store, registry_path, verify_registry
from features.feast.registry import layout_path, pin_path

UNUSED_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    apply(home, UNUSED_REDIS)
    return home


def _copy(home: Path, to: Path) -> Path:
    (to / "features").mkdir()
    for path in (home / "features").iterdir():
        if path.is_file():
            (to / "features" / path.name).write_bytes(path.read_bytes())
    return to


def test_the_feature_service_contains_every_view_and_every_stored_field(home: Path) -> None:
    service = open_store(home).get_feature_service(SERVICE)
    held = {
        projection.name: {field.name for field in projection.features}
        for projection in service.feature_view_projections
    }
    assert held == {view.name: {field.name for field in view.fields} for view in VIEWS}


def test_the_registry_holds_no_code_to_run(home: Path) -> None:
    store = open_store(home)
    assert store.list_on_demand_feature_views() == []
    assert store.list_stream_feature_views() == []


def test_reading_does_not_change_the_registry(home: Path) -> None:
    before = verify_registry(home)
    store = open_store(home)
    store.list_feature_views()
    store.refresh_registry()
    assert verify_registry(home) == before
    assert registry_path(home).stat().st_mode & 0o222 == 0


def test_a_changed_registry_is_refused(home: Path, tmp_path: Path) -> None:
    other = _copy(home, tmp_path)
    with registry_path(other).open("ab") as file:
        file.write(b"\x00")
    with pytest.raises(RegistryChangedError, match="find out what changed it"):
        open_store(other)


def test_a_registry_and_pin_changed_together_are_refused_where_the_expected_hash_is_given(
    home: Path, tmp_path: Path
) -> None:
    known = verify_registry(home)
    other = _copy(home, tmp_path)
    registry_path(other).write_bytes(b"other")
    pin_path(other).write_text("d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\n")
    with pytest.raises(RegistryChangedError):
        open_store(other, expected=known)


def test_a_home_without_a_registry_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="ginja features apply"):
        open_store(tmp_path)


def test_applying_again_replaces_the_registry(home: Path) -> None:
    digest = apply(home, UNUSED_REDIS)
    assert verify_registry(home) == digest


def test_the_configuration_file_is_readable_by_its_owner_only(home: Path) -> None:
    assert (home / "features" / "feature_store.yaml").stat().st_mode & 0o077 == 0


def _hash_without_store_classes() -> str:
    views = [[view.name, view.keys, [(field.name, field.size) for field in view.fields]] for view in VIEWS]
    return hashlib.sha256(json.dumps(views).encode()).hexdigest()


@pytest.mark.parametrize("declared", ["0" * 64, _hash_without_store_classes(), None])
def test_a_registry_applied_for_other_declarations_is_refused_with_the_remedy(
    home: Path, tmp_path: Path, declared: str | None
) -> None:
    other = _copy(home, tmp_path)
    layout_path(other).unlink()
    if declared is not None:
        layout_path(other).write_text(declared)
    with pytest.raises(RegistryChangedError, match="run `ginja features apply`, then `ginja features rebuild`"):
        open_store(other)


@pytest.mark.parametrize("name", ["registry.signature", "feature_store.yaml"])
def test_a_registry_without_its_signature_or_with_another_configuration_is_refused(tmp_path, home, name) -> None:
    """Feast imports the classes that its configuration names, so it is signed with the registry."""
    other = _copy(home, tmp_path)
    verify_registry(other)
    path = other / "features" / name
    if name == "feature_store.yaml":
        path.write_text(path.read_text().replace("features.feast", "elsewhere.feast"))
    else:
        path.unlink()
    with pytest.raises(RegistryChangedError, match="ginja features apply"):
        open_store(other)


def test_a_registry_of_another_key_is_refused(tmp_path, home) -> None:
    with (
        held(Settings(home=tmp_path, signing_key_file=None)),
        pytest.raises(RegistryChangedError, match="trusted keys"),
    ):
        verify_registry(home)
