"""Time per explanation and difference from XGBoost's own: figures of `ginja bench score`."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from models.explain.tables import LeafTables


def measure_explainer(booster: xgb.Booster, tables: LeafTables, rows: NDArray[np.float32]) -> dict[str, float]:
    """Median times over single rows on one thread, in microseconds, and the largest difference over all rows.

    Both compute margin and contributions. `rows` (N, F) are in the booster's schema; each call uses another row,
    so that caches are as warm as in production.
    """
    booster.set_param({"nthread": 1})
    names = booster.feature_names

    def naive(row: NDArray[np.float32]) -> Any:
        return booster.predict(xgb.DMatrix(row, feature_names=names, nthread=1), pred_contribs=True)

    singles = [rows[i : i + 1] for i in range(len(rows))]
    explain_us = _median_us(lambda row: tables.explain(row[0]), singles[:2000])
    pred_contribs_us = _median_us(naive, singles[:300])
    margins, contributions = tables.explain_many(rows)
    matrix = xgb.DMatrix(rows, feature_names=names)
    theirs = booster.predict(matrix, pred_contribs=True)
    return {
        "explain_us": round(explain_us, 1),
        "pred_contribs_us": round(pred_contribs_us, 1),
        "contrib_max_abs_diff": float(np.abs(theirs[:, :-1] - contributions).max()),
        "margin_max_abs_diff": float(np.abs(booster.predict(matrix, output_margin=True) - margins).max()),
        "tables_mb": round(tables.nbytes / 1e6, 1),
    }


def _median_us(call: Callable[[NDArray[np.float32]], object], rows: list[NDArray[np.float32]]) -> float:
    call(rows[0])
    taken = []
    for row in rows:
        begun = time.perf_counter()
        call(row)
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken)) * 1e6
