"""What the home recorded of its models before an instant: champions, versions, gates, training data, drift."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.dossier.history import ModelHistory, ServingPeriod, model_history
    from pipelines.dossier.labels import LabelSourceCount, label_sources
    from pipelines.dossier.versions import VersionRecord, version_record

__all__ = [
    "LabelSourceCount",
    "ModelHistory",
    "ServingPeriod",
    "VersionRecord",
    "label_sources",
    "model_history",
    "version_record",
]
__getattr__ = lazy_exports(__name__, __file__)
