"""A copy of the shared trained home is the home as it was made."""

from tests.pipelines.model_life import copy_of_trained, trained_home


def test_a_copy_holds_nothing_that_others_write_in_the_shared_home_meanwhile(tmp_path):
    passing = trained_home() / "features" / "spill" / "written-meanwhile"
    passing.parent.mkdir(exist_ok=True)
    passing.touch()
    try:
        home = copy_of_trained(tmp_path)
    finally:
        passing.unlink()
    assert (home / "features" / "volumes.json").exists()
    assert not (home / "features" / "spill" / passing.name).exists()
