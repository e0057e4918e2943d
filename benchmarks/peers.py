"""Other libraries' exact Shapley values on the same model and rows, beside ours: `python -m benchmarks.peers`.

Each is the newest version that installs on a Python, in an environment of its own under `.cache`, for this Python and
for the newest supported one. What does not install or run is listed with the reason.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from benchmarks.peer_process import PEERS
from benchmarks.stage import ReportProgress
from core.version import __version__
from models.explain import LeafTables, build_tables

NEWEST_PYTHON = "3.13"
"""The newest that pyproject.toml allows."""
_ROOT = Path(__file__).resolve().parents[1]
_OVERRIDES = "nvidia-nccl-cu12 ; sys_platform == 'never'\nnvidia-nccl-cu13 ; sys_platform == 'never'\n"
"""As in pyproject.toml: 290 MB that nothing here uses."""


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """One library on one Python; without figures `missing` says why."""

    python: str
    peer: str
    version: str | None = None
    one_row_us: float | None = None
    batch_us_a_row: float | None = None
    batch_rows: int | None = None
    max_abs_diff: float | None = None
    """Largest difference from XGBoost's contributions, of the same Python."""
    missing: str | None = None


def measure_peers(
    booster: xgb.Booster, tables: LeafTables, rows: NDArray[np.float32], report: ReportProgress
) -> list[PeerFigures]:
    """Every peer on this Python and the newest, then ours, one thread each; `rows` (N, F) fit the booster's schema."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found: list[PeerFigures] = []
    with TemporaryDirectory(prefix="ginja-peers-") as folder:
        booster.save_model(Path(folder) / "model.ubj")
        booster.save_model(Path(folder) / "model.json")
        np.save(Path(folder) / "rows.npy", rows)
        for python in dict.fromkeys((own, NEWEST_PYTHON)):
            report(f"exact contributions by other libraries, Python {python}")
            found += _measured(python, Path(folder), len(rows))
    return [*found, measure_ours(tables, rows)]


def measure_ours(tables: LeafTables, rows: NDArray[np.float32]) -> PeerFigures:
    """Our figures, taken like the peers'."""
    tables.explain_many(rows[:200])
    taken = []
    for row in np.concatenate([rows[:2_000]] * 2):
        begun = time.process_time()
        tables.explain(row)
        taken.append(time.process_time() - begun)
    begun = time.process_time()
    for start in range(0, len(rows), 100_000):  # a part at a time: the answer has twice the size of the rows
        tables.explain_many(rows[start : start + 100_000])
    seconds = time.process_time() - begun
    return PeerFigures(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        peer="ginja",
        version=__version__,
        one_row_us=round(float(np.median(taken[len(taken) // 2 :])) * 1e6, 1),
        batch_us_a_row=round(seconds / len(rows) * 1e6, 1),
        batch_rows=len(rows),
    )


def _measured(python: str, folder: Path, rows: int) -> Iterator[PeerFigures]:
    try:
        interpreter, failures = _environment(python)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = _last_line(error.stderr) if isinstance(error, subprocess.CalledProcessError) else str(error)
        yield from (PeerFigures(python, name, missing=reason) for name in PEERS)
        return
    script = _ROOT / "benchmarks" / "peer_process.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(interpreter), "-P", str(script), str(folder), str(rows)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
    )
    for line in done.stdout.splitlines():
        found = PeerFigures(python=python, **json.loads(line))
        if found.peer in failures and found.version is None:
            found = PeerFigures(python, found.peer, missing=failures[found.peer])
        yield found


def _environment(python: str) -> tuple[Path, dict[str, str]]:
    """The interpreter of an environment with the newest peers, and the error of each that does not install."""
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        raise OSError("uv was not found; run `make setup`")
    place = _ROOT / ".cache" / f"peers-{python}"
    place.parent.mkdir(exist_ok=True)
    interpreter = place / "bin" / "python"
    if not interpreter.exists():
        made = [uv, "venv", "--quiet", "--python", _interpreter(python), str(place)]
        subprocess.run(made, check=True, capture_output=True, text=True)
    overrides = place / "overrides.txt"
    overrides.write_text(_OVERRIDES)
    install = [uv, "pip", "install", "--quiet", "--upgrade", "--only-binary", ":all:", "--overrides", str(overrides)]
    failures = {}
    for name in PEERS:
        command = [*install, "--python", str(interpreter), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            failures[name] = f"does not install on Python {python}: {_last_line(done.stderr)}"
    return interpreter, failures


def _interpreter(python: str) -> str:
    """One of a version that starts (a shim of a version manager may exist and not start), else for uv to find."""
    managed = (Path.home() / ".pyenv" / "versions").glob(f"{python}.*/bin/python")
    for candidate in (sys.executable, shutil.which(f"python{python}"), *map(str, managed)):
        if candidate is not None:
            stated = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if stated.returncode == 0 and stated.stdout.startswith(f"Python {python}."):
                return candidate
    return python


def _last_line(text: str) -> str:
    return " ".join(text.split())[-200:]


def peer_lines(peers: Sequence[PeerFigures]) -> Iterator[tuple[str, str, str]]:
    """A line for each other library, with how much longer it takes than ours."""
    *others, ours = peers
    for peer in others:
        name = f"{peer.peer} {peer.version or ''}".strip() + f", Python {peer.python}"
        if peer.one_row_us is None or peer.batch_us_a_row is None:
            yield name, "–", peer.missing or "no figures"
            continue
        assert ours.one_row_us
        assert ours.batch_us_a_row
        times = f"{peer.one_row_us / ours.one_row_us:.1f} × and {peer.batch_us_a_row / ours.batch_us_a_row:.1f} × ours"
        yield name, f"{peer.one_row_us:.0f} µs; {peer.batch_us_a_row:.0f} in batches", times


def main() -> None:
    """A model of 300 trees of depth 6 on made-up claims; prints one line for each peer."""
    from benchmarks.explainer import claims

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    x, y = claims(40_000, 0)
    parameters = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.05, "nthread": 2}
    booster = xgb.train(parameters, xgb.DMatrix(x, y), 300)
    rows = claims(options.rows, 1)[0]
    for found in measure_peers(booster, build_tables(booster), rows, lambda step: print(step, file=sys.stderr)):
        print(json.dumps(asdict(found)), flush=True)


if __name__ == "__main__":
    main()
