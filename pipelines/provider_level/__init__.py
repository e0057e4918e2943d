"""The provider-fraud set at provider level: aggregates, network, and a judge on folds that never split a provider."""

from pipelines.provider_level.errors import ProviderLevelError
from pipelines.provider_level.judge import judge
from pipelines.provider_level.source import ProviderSet, read

__all__ = ["ProviderLevelError", "ProviderSet", "judge", "read"]
