"""Training: from a data set to a registered candidate that passed the quality gates."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.train.contenders import Contenders
    from pipelines.train.errors import LeakageError, TrustError
    from pipelines.train.flow import Watcher, make, prepare, read_and_split, train_and_register
    from pipelines.train.options import Refit, TrainOptions, family_from
    from pipelines.train.report import TrainingReport
    from pipelines.train.steps import fit, select_features
    from pipelines.train.suspicion import LeakCheck, LeakWarning, Trust

__all__ = [
    "Contenders",
    "LeakCheck",
    "LeakWarning",
    "LeakageError",
    "Refit",
    "TrainOptions",
    "TrainingReport",
    "Trust",
    "TrustError",
    "Watcher",
    "family_from",
    "fit",
    "make",
    "prepare",
    "read_and_split",
    "select_features",
    "train_and_register",
]
__getattr__ = lazy_exports(__name__, __file__)
