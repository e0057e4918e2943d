"""A challenger's trial begins and ends by its pointer, and decides claims only where the gates of a promotion agree."""

import shutil

import pytest
from click.testing import CliRunner

from cli.main import main
from models import registry
from models.artefact import load_artefact, models_folder, point, read_pointer
from models.errors import ArtefactCorruptError, RegistryError
from models.registry import MlflowStore
from pipelines import audit_trail
from pipelines.challenger import ChallengerError, start, stop
from pipelines.evaluate import newest_window
from pipelines.promote import RefusedError, choose_threshold, threshold_options
from tests.models.stores import register_two
from tests.pipelines.model_life import copy_of_trained


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """A home whose MLflow store holds `v1` and `v2`; the models are in it alone. Never change it."""
    return register_two(tmp_path_factory.mktemp("registered"))


@pytest.fixture
def home(registered, tmp_path):
    """A separate home with the champion `v1`; `v2`, the candidate, is in MLflow only."""
    models_folder(tmp_path).mkdir()
    shutil.copytree(models_folder(registered) / "v1", models_folder(tmp_path) / "v1")
    point(tmp_path, "v1")
    return tmp_path


def test_a_trial_fetches_the_candidate_and_leaves_only_entries_in_the_audit_trail(home, registered):
    environment = {"GINJA_HOME": str(home), "GINJA_MLFLOW_URL": MlflowStore.of(registered).url}
    began = CliRunner().invoke(main, ["model", "trial", "start"], env=environment, catch_exceptions=False)
    assert "v2 beside champion v1: in shadow" in began.output
    pointer = read_pointer(home, "challenger")
    assert (pointer.version, pointer.canary_share) == ("v2", 0.0)
    assert load_artefact(models_folder(home) / "v2").version == "v2"
    ended = CliRunner().invoke(main, ["model", "trial", "stop"], env=environment, catch_exceptions=False)
    assert "Stopped the trial of v2" in ended.output
    assert read_pointer(home, "challenger") is None
    assert read_pointer(home).version == "v1"
    assert [(entry.action, entry.version) for entry in audit_trail.read(home)] == [
        ("challenge", "v2"),
        ("dismiss", "v2"),
    ]
    again = CliRunner().invoke(main, ["model", "trial", "stop"], env=environment)
    assert (again.exit_code, "there is no challenger" in again.output) == (2, True)


@pytest.mark.parametrize(
    ("version", "error", "words"),
    [("v1", ChallengerError, "is the champion"), ("v9", RegistryError, "no registered model has version v9")],
)
def test_a_model_that_cannot_be_a_challenger_leaves_no_pointer(home, registered, version, error, words):
    with pytest.raises(error, match=words):
        start(home, version, store=MlflowStore.of(registered))
    assert read_pointer(home, "challenger") is None


def test_a_trial_requires_a_champion(tmp_path, registered):
    with pytest.raises(ChallengerError, match="no champion"):
        start(tmp_path, "v2", store=MlflowStore.of(registered))


@pytest.mark.parametrize(("share", "error"), [(0.0, ArtefactCorruptError), (0.05, RefusedError)])
def test_a_model_that_does_not_verify_is_no_challenger(home, registered, share, error):
    registry.fetch(MlflowStore.of(registered), "v2", models_folder(home))
    (models_folder(home) / "v2" / "model.ubj").write_bytes(b"something else")
    with pytest.raises(error):
        start(home, "v2", canary_share=share, store=MlflowStore.of(registered))
    assert read_pointer(home, "challenger") is None


def test_stopping_a_trial_removes_an_invalid_pointer_too(home):
    (models_folder(home) / "challenger.json").write_text("{")
    stop(home)
    assert read_pointer(home, "challenger") is None


def test_only_a_challenger_that_passes_the_gates_decides_claims(tmp_path):
    home = copy_of_trained(tmp_path)
    (version,) = [path.name for path in models_folder(home).iterdir() if path.is_dir()]
    point(home, version)
    champion = load_artefact(models_folder(home) / version)
    window = newest_window(home, champion)
    alike, flags_all = (
        choose_threshold(
            home,
            champion,
            threshold_options(champion, window, threshold=line).requested,
            by="ann",
            why="a trial",
            how="number",
        )
        for line in (champion.threshold, 0.0)
    )
    store = MlflowStore.of(home)
    with pytest.raises(RefusedError, match="false_positive_disparity"):
        start(home, flags_all.version, canary_share=0.05, store=store)
    assert read_pointer(home, "challenger") is None
    assert start(home, flags_all.version, store=store).verdicts == ()
    trial = start(home, alike.version, canary_share=0.05, store=store)
    assert all(verdict.passed for verdict in trial.verdicts)
    assert (read_pointer(home, "challenger").version, read_pointer(home, "challenger").canary_share) == (
        alike.version,
        0.05,
    )
    assert read_pointer(home).version == version


@pytest.mark.parametrize("share", [float("nan"), -0.1, 1.5])
def test_an_invalid_canary_share_is_refused_before_anything_is_read(home, share):
    with pytest.raises(ChallengerError, match="between 0 and 1"):
        start(home, "v2", canary_share=share)
    assert read_pointer(home, "challenger") is None
