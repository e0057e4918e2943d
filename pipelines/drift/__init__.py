"""Drift: whether incoming claims differ from those of a reference period and of the training set."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.drift.errors import DriftError
    from pipelines.drift.flow import check_drift
    from pipelines.drift.limits import DriftMeasure
    from pipelines.drift.report import Drift

__all__ = ["Drift", "DriftError", "DriftMeasure", "check_drift"]
__getattr__ = lazy_exports(__name__, __file__)
