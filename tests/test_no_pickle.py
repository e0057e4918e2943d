"""No pickle is loaded on any path: none of our code can, and one planted in place of any artefact is not executed."""

import ast
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from core.errors import CoreError
from features.errors import FeatureError
from features.feast import apply, open_store
from models.artefact import DOCUMENT, MANIFEST, PEERS, SIGNATURE, TABLES, load_artefact, write_artefact
from models.errors import ModelError
from models.explain import build_tables
from models.families import NATIVE_FILES, XGBoost, XGBoostModel
from models.pyfunc import _load_pyfunc
from tests.models import makers

ROOT = Path(__file__).parents[1]
ROOMS = (
    "api",
    "benchmarks",
    "claims",
    "cli",
    "clients",
    "core",
    "features",
    "formats",
    "models",
    "pipelines",
    "serving",
)
PICKLES = frozenset({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle"})
UNSAFE_CALLS = frozenset({"yaml.load", "yaml.unsafe_load", "yaml.full_load", "pd.read_pickle", "pandas.read_pickle"})


def unpickles(source: str) -> list[str]:
    """What in a module can load a pickle, with its line."""
    tree = ast.parse(source)
    bases = {node.name: [*map(ast.unparse, node.bases)] for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} != {"parallel_config"}:
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            given = {one.arg: one.value for one in node.keywords}
            loader = given.get("Loader")
            safe = isinstance(loader, ast.Name) and bases.get(loader.id) == ["yaml.SafeLoader"]
            if ast.unparse(node.func) in UNSAFE_CALLS and not safe:
                found.append(f"{node.lineno}: {ast.unparse(node.func)}")
            allowed = given.get("allow_pickle")
            if allowed is not None and not (isinstance(allowed, ast.Constant) and allowed.value is False):
                found.append(f"{node.lineno}: allow_pickle")
        found += [f"{node.lineno}: {name}" for name in names if name.partition(".")[0] in PICKLES]
    return found


def modules() -> Iterator[Path]:
    for room in (*ROOMS, "serving"):
        yield from sorted((ROOT / room).rglob("*.py"))


def test_no_module_of_ours_can_load_a_pickle() -> None:
    found = {str(path.relative_to(ROOT)): unpickles(path.read_text()) for path in modules()}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        *("import pickle", "from joblib import load", "import dill as d", "import cloudpickle.x"),
        *(
            "np.load(f, allow_pickle=True)",
            "np.load(f, allow_pickle=flag)",
            "yaml.load(f)",
            "yaml.load(f, Loader=yaml.Loader)",
            "pd.read_pickle(f)",
        ),
    ],
)
def test_what_can_load_one_is_found(source: str) -> None:
    assert unpickles(source)


class Planted:
    """Executes when it is unpickled: it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


def payloads(marker: Path) -> Iterator[bytes]:
    """A pickle by itself, in an array of NumPy, and in YAML."""
    yield pickle.dumps(Planted(marker))
    array = np.empty(1, dtype=object)
    array[0] = Planted(marker)
    path = marker.with_suffix(".npz")
    np.savez(path, **dict.fromkeys(makers.build_names(), array))
    yield path.read_bytes()
    yield f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{marker}']]".encode()


def test_the_planted_pickle_works(marker: Path) -> None:
    """Otherwise the tests below would show nothing."""
    pickle.loads(next(payloads(marker)))
    assert marker.exists()


@pytest.mark.parametrize("name", [*NATIVE_FILES, DOCUMENT, TABLES, PEERS, MANIFEST, SIGNATURE])
@pytest.mark.parametrize("signed", [False, True], ids=["by an intruder", "by someone with the key"])
def test_a_pickle_in_place_of_a_file_of_a_model_is_refused(
    tmp_path: Path, marker: Path, name: str, signed: bool
) -> None:
    booster = makers.booster()
    tables = build_tables(booster)
    folder, _ = write_artefact(
        tmp_path / "models", model=XGBoostModel(booster), document=makers.document(booster, tables), tables=tables
    )
    for number, payload in enumerate(payloads(marker)):
        planted = Path(shutil.copytree(folder, tmp_path / f"planted-{number}"))
        if signed and name not in (MANIFEST, SIGNATURE):
            if name in NATIVE_FILES:
                (planted / XGBoost.file).unlink()  # a model has one native file
            makers.rewrite(planted, name, payload)
        else:
            (planted / name).write_bytes(payload)
        for load in (load_artefact, lambda path: _load_pyfunc(str(path), None)):
            try:
                loaded = load(planted)
            except (ModelError, CoreError):
                continue
            # A file that the manifest does not list is not read at all.
            assert name not in (planted / MANIFEST).read_text(), loaded
        assert not marker.exists()


@pytest.mark.parametrize("name", ["registry.db", "feature_store.yaml", "registry.signature", "registry.sha256"])
def test_a_pickle_in_place_of_the_feature_registry_is_refused(tmp_path: Path, marker: Path, name: str) -> None:
    apply(tmp_path, "redis://127.0.0.1:1/0")
    path = tmp_path / "features" / name
    path.chmod(0o600)
    for payload in payloads(marker):
        path.write_bytes(payload)
        with pytest.raises((FeatureError, UnicodeDecodeError)):
            open_store(tmp_path)
        assert not marker.exists()


def test_notebooks_hold_no_pickle() -> None:
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        assert not any(f"import {name}" in path.read_text() for name in PICKLES), path


def test_settings_in_yaml_are_read_safely(marker: Path) -> None:
    *_, document = payloads(marker)
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(document)
    assert not marker.exists()
