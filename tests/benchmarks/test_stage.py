"""The insurer of a benchmark: its own processes accept what was made for it."""

from benchmarks.stage import VERSION, staged
from core.settings import Settings, held, settings
from models.artefact import load_artefact, models_folder


def test_the_processes_of_a_stage_accept_its_model():
    before = settings().home
    with (
        staged(lambda _: None, claims=2_000, live_claims=50, trees=2) as stage,
        held(Settings(home=stage.home, database_url=stage.database_url, redis_url=stage.redis_url)),
    ):
        assert load_artefact(models_folder(stage.home) / VERSION).document.version == VERSION
    assert settings().home == before
