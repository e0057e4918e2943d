"""Time other libraries' exact Shapley values on one model, in an environment of their own; prints one line each.

Times are of the processor: with one thread those of the clock, except that other processes do not count.

Run by `benchmarks.peers`, not by hand: `python peer_process.py FOLDER ROWS`. The folder has `model.ubj`, `model.json`
and `rows.npy`. It imports nothing of this project, which is not installed there.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
from numpy.typing import ArrayLike, NDArray  # noqa: E402

if TYPE_CHECKING:
    import xgboost as xgb

Rows = NDArray[np.float32]
Explain = Callable[[Rows], ArrayLike]
"""Contributions of rows (N, F)."""
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
SINGLE_SECONDS = 4.0
SINGLES = 300
FEW = 2_000
"""Rows of a batch, where the time of a row does not depend on their number."""


def _booster() -> "xgb.Booster":
    import xgboost as xgb

    return xgb.Booster({"nthread": 1}, model_file=str(FOLDER / "model.ubj"))


def _xgboost() -> Explain:
    import xgboost as xgb

    booster = _booster()
    return lambda rows: booster.predict(
        xgb.DMatrix(rows, nthread=1, feature_names=booster.feature_names), pred_contribs=True
    )[:, :-1]


def _shap() -> Explain:
    import shap

    explainer = shap.TreeExplainer(_booster())
    return lambda rows: explainer.shap_values(rows, check_additivity=False)


def _shapiq() -> Explain:
    from shapiq.tree import TreeExplainer

    explainer = TreeExplainer(model=_booster(), max_order=1, index="SV")

    def explain(rows: Rows) -> ArrayLike:
        found = np.zeros(rows.shape)
        for n, row in enumerate(rows):
            for features, place in (values := explainer.explain(row)).interaction_lookup.items():
                if len(features) == 1:
                    found[n, features[0]] = values.values[place]
        return found

    return explain


def _woodelf() -> Explain:
    import pandas as pd
    from woodelf import WoodelfExplainer

    booster = _booster()
    names = booster.feature_names or [f"f{i}" for i in range(booster.num_features())]
    explainer = WoodelfExplainer(booster)
    return lambda rows: explainer.shap_values(pd.DataFrame(dict(zip(names, rows.T, strict=True))))


def _treeshap() -> Explain:
    from treeshap import ShapExplainer, TreeEnsemble

    explainer = ShapExplainer(TreeEnsemble.from_file(str(FOLDER / "model.json"), "xgboost"))
    return lambda rows: explainer.explain(rows.astype(np.float64)).shap_values


def _fasttreeshap() -> Explain:
    import fasttreeshap

    explainer = fasttreeshap.TreeExplainer(_booster(), algorithm="v2", n_jobs=1)
    return lambda rows: explainer.shap_values(rows, check_additivity=False)


PEERS: dict[str, tuple[Callable[[], Explain], bool]] = {
    "xgboost": (_xgboost, False),
    "shap": (_shap, False),
    "shapiq": (_shapiq, False),
    "woodelf-explainer": (_woodelf, True),
    "treeshap": (_treeshap, False),
    "fasttreeshap": (_fasttreeshap, False),
}
"""Distribution → how it explains, and whether its time per row falls with the number of rows."""


def measure(name: str, rows: Rows) -> dict[str, str | float]:
    """Microseconds of one row alone (median) and per row of a batch, and the largest difference from XGBoost's."""
    found: dict[str, str | float] = {"peer": name, "version": version(name)}
    make, gains = PEERS[name]
    explain = make()
    check = rows[:200]
    found["max_abs_diff"] = float(np.abs(np.asarray(explain(check)) - _xgboost()(check)).max())
    taken, until = [], time.perf_counter() + SINGLE_SECONDS
    for n in range(SINGLES):
        begun = time.process_time()
        explain(rows[n % len(rows) : n % len(rows) + 1])
        taken.append(time.process_time() - begun)
        if time.perf_counter() > until:
            break
    found["one_row_us"] = round(float(np.median(taken)) * 1e6, 1)
    batch = rows if gains else rows[:FEW]
    begun = time.process_time()
    explain(batch)
    found["batch_us_a_row"] = round((time.process_time() - begun) / len(batch) * 1e6, 1)
    found["batch_rows"] = len(batch)
    return found


def main() -> None:
    """Measure what is installed; a peer that is not, or that fails, is printed with the reason."""
    rows: Rows = np.load(FOLDER / "rows.npy", mmap_mode="r")[: int(sys.argv[2])]
    for name in PEERS:
        try:
            with redirect_stdout(sys.stderr):  # some libraries print
                found = measure(name, np.ascontiguousarray(rows))
        except PackageNotFoundError:
            found = {"peer": name, "missing": "not installed"}
        except Exception as error:  # whatever a library does wrong with this model is its result
            found = {"peer": name, "version": version(name), "missing": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
