"""The provider-fraud set at provider level: aggregates, network, and cross-validation that never splits a provider."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.provider_level.cross_validation import ProviderEvaluation, evaluate_providers
    from pipelines.provider_level.errors import ProviderLevelError
    from pipelines.provider_level.source import ProviderSet, read

__all__ = ["ProviderEvaluation", "ProviderLevelError", "ProviderSet", "evaluate_providers", "read"]
__getattr__ = lazy_exports(__name__, __file__)
